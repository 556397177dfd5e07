//! One end of the stream between a gateway and a simulator: octets to frames and back, without ever waiting.

use super::frame::{Frame, FrameError, MAX_FRAME};
use std::io;
use std::task::{Context, Poll, ready};
use tokio::net::UnixStream;

/// Octets that are taken in at once; a frame of the longest kind and its length fit.
const INBOX: usize = 2 * (MAX_FRAME + 1);
/// Octets that wait while the other end does not read. Beyond, frames are refused.
pub const OUTBOX: usize = 1 << 20;

/// A connected stream. Both ends use it: [`Connection::poll_read`] and then [`Connection::next_frame`] until there is
/// none; [`Connection::send`] and then [`Connection::flush`], and [`Connection::poll_flush`] as long as something waits.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    inbox: Vec<u8>,
    /// What of the inbox has been read and not yet taken.
    unread: std::ops::Range<usize>,
    outbox: Vec<u8>,
    /// Octets of the outbox that the stream has taken.
    written: usize,
}

impl Connection {
    /// Takes a stream over.
    #[must_use]
    pub fn new(stream: UnixStream) -> Self {
        Self { stream, inbox: vec![0; INBOX], unread: 0..0, outbox: Vec::new(), written: 0 }
    }

    /// Takes in what is there. The octets' number; 0 is the end. All whole frames must have been taken before.
    ///
    /// # Errors
    /// The operating system's.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.inbox.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            match self.stream.try_read(&mut self.inbox[self.unread.end..]) {
                Ok(len) => {
                    self.unread.end += len;
                    return Poll::Ready(Ok(len));
                }
                Err(error) if is_no_error(&error) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// The next whole frame that has been taken in.
    pub fn next_frame(&mut self) -> Option<Result<Frame<'_>, FrameError>> {
        let unread = &self.inbox[self.unread.clone()];
        let (len, rest) = unread.split_first_chunk()?;
        let len = usize::from(u16::from_be_bytes(*len));
        if rest.len() < len {
            return None;
        }
        let start = self.unread.start + 2;
        self.unread.start = start + len;
        Some(Frame::parse(&self.inbox[start..start + len]))
    }

    /// Adds a frame to those that wait. `Ok(false)`: too much waits already, the frame is dropped.
    ///
    /// # Errors
    /// The frame cannot be said; see [`Frame::emit`].
    pub fn send(&mut self, frame: &Frame<'_>) -> Result<bool, FrameError> {
        let waiting = self.outbox.len();
        frame.emit(&mut self.outbox)?;
        let fits = self.outbox.len() - self.written <= OUTBOX;
        if !fits {
            self.outbox.truncate(waiting);
        }
        Ok(fits)
    }

    /// Whether octets wait to be written.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.written < self.outbox.len()
    }

    /// Writes what the stream takes now.
    ///
    /// # Errors
    /// The operating system's: the other end has gone.
    pub fn flush(&mut self) -> io::Result<()> {
        while self.is_waiting() {
            match self.stream.try_write(&self.outbox[self.written..]) {
                Ok(len) => self.written += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.outbox.drain(..self.written);
        self.written = 0;
        Ok(())
    }

    /// Waits until everything has been written. With nothing to write it is ready.
    ///
    /// # Errors
    /// As [`Connection::flush`].
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.is_waiting() {
            ready!(self.stream.poll_write_ready(cx))?;
            self.flush()?;
        }
        Poll::Ready(Ok(()))
    }
}

/// Whether to try again when the stream is ready again.
fn is_no_error(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
