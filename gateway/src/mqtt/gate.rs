//! What a WebSocket client may send before it has said CONNECT: no more than anybody else.
//!
//! The library below [`super::web_socket`] makes room for a frame when its header has come, and its limit cannot be changed
//! later. So the gate lies under the library and reads the headers of frames (RFC 6455 §5.2) first: until it is opened, all
//! frames together may have as many octets as a CONNECT. It gives the library no octet beyond the frame that is being read,
//! so that what follows a CONNECT is looked at after that.

use super::Malformed;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The longest header of a frame.
const LONGEST_HEADER: usize = 14;

/// Opens a gate. A connection that goes through none has one that opens nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Key(Option<Arc<AtomicBool>>);

impl Key {
    /// For a gate that is to be made.
    pub(super) fn new() -> Self {
        Self(Some(Arc::default()))
    }

    /// The client has said CONNECT.
    pub(super) fn open(&self) {
        if let Some(open) = &self.0 {
            open.store(true, Ordering::Relaxed);
        }
    }

    fn is_open(&self) -> bool {
        self.0.as_ref().is_none_or(|open| open.load(Ordering::Relaxed))
    }
}

/// A stream of frames, after the handshake.
#[derive(Debug)]
pub(super) struct Gate<S> {
    stream: S,
    key: Key,
    /// Octets that frames may still have together; `None`: the handshake is not over.
    left: Option<u64>,
    place: Place,
}

/// Where in a frame the next octet is.
#[derive(Debug)]
enum Place {
    /// So much of the header has come.
    Header([u8; LONGEST_HEADER], usize),
    /// So much of the payload is missing.
    Payload(u64),
}

impl<S> Gate<S> {
    /// Lets everything through until [`Gate::close`].
    pub(super) fn new(stream: S, key: Key) -> Self {
        Self { stream, key, left: None, place: Place::Header([0; LONGEST_HEADER], 0) }
    }

    /// Frames follow, `allowed` octets in all until the key is used.
    pub(super) fn close(&mut self, allowed: u64) {
        self.left = Some(allowed);
    }

    /// Takes note of octets that have come, which are not beyond the frame's header or its payload.
    fn look(&mut self, octets: &[u8]) -> Result<(), Malformed> {
        match &mut self.place {
            Place::Payload(missing) => *missing -= octets.len() as u64,
            Place::Header(header, len) => {
                header[*len..*len + octets.len()].copy_from_slice(octets);
                *len += octets.len();
                if *len < header_len(&header[..*len]) {
                    return Ok(());
                }
                let payload = payload_len(header);
                let left = self.left.unwrap_or(u64::MAX).checked_sub(payload).ok_or(Malformed::TooLong)?;
                (self.left, self.place) = (Some(left), Place::Payload(payload));
            }
        }
        if matches!(self.place, Place::Payload(0)) {
            self.place = Place::Header([0; LONGEST_HEADER], 0);
        }
        Ok(())
    }

    /// Octets up to the end of the header, as far as its length is known, or of the payload.
    fn wanted(&self) -> usize {
        match &self.place {
            Place::Header(header, len) => header_len(&header[..*len]) - len,
            Place::Payload(missing) => usize::try_from(*missing).unwrap_or(usize::MAX),
        }
    }
}

/// Octets of a header of which this is the beginning: at least two.
fn header_len(beginning: &[u8]) -> usize {
    let Some(second) = beginning.get(1) else { return 2 };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let length = match second & 0x7F {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + length + mask
}

/// Octets of payload that a whole header announces.
fn payload_len(header: &[u8; LONGEST_HEADER]) -> u64 {
    let [_, second, a, b, c, d, e, f, g, h, ..] = *header;
    match second & 0x7F {
        126 => u16::from_be_bytes([a, b]).into(),
        127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
        short => short.into(),
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gate<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left.is_none() || self.key.is_open() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let room = self.wanted().min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
        let len = part.filled().len();
        self.look(part.filled()).map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, reason))?;
        buffer.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    /// A frame that is masked, as those of clients are.
    fn frame(len: usize) -> Vec<u8> {
        let length = match len {
            0..=125 => vec![0x80 | len as u8],
            126..=65_535 => [&[0x80 | 126][..], &(len as u16).to_be_bytes()].concat(),
            _ => [&[0x80 | 127][..], &(len as u64).to_be_bytes()].concat(),
        };
        [&[0x82][..], &length, &[0; 4], &vec![7; len]].concat()
    }

    fn gate(octets: &[u8], allowed: u64) -> (Gate<&[u8]>, Key) {
        let key = Key::new();
        let mut gate = Gate::new(octets, key.clone());
        gate.close(allowed);
        (gate, key)
    }

    async fn all(gate: &mut Gate<&[u8]>) -> Result<Vec<u8>, String> {
        let mut read = Vec::new();
        gate.read_to_end(&mut read).await.map(|_| read).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn frames_pass_as_far_as_they_have_room_together() {
        let octets = [frame(0), frame(125), frame(126), frame(65_536)].concat();
        assert_eq!(all(&mut gate(&octets, 65_787).0).await.as_ref(), Ok(&octets));
        assert_eq!(all(&mut gate(&octets, 65_786).0).await, Err("too-long".into()));
    }

    #[tokio::test]
    async fn the_header_alone_is_refused_and_what_is_no_length_too() {
        let huge = [0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];
        assert_eq!(all(&mut gate(&huge, 1 << 20).0).await, Err("too-long".into()));
    }

    #[tokio::test]
    async fn what_follows_a_frame_is_not_looked_at_before_it_is_asked_for() {
        let octets = [frame(10), frame(1_000)].concat();
        let (mut gate, key) = gate(&octets, 100);
        let mut first = vec![0; 16];
        gate.read_exact(&mut first).await.unwrap();
        key.open();
        assert_eq!(all(&mut gate).await.map(|rest| rest.len()), Ok(1_008));
    }
}
