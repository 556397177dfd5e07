//! The daemon's end of a capture.

use super::file::File;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use transports::tap::{Layer, Listener};

/// Frames taken at once.
const AT_ONCE: usize = 256;

/// A transport that is listened to.
#[derive(Debug)]
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) layer: Layer,
    pub(crate) listener: Listener,
    /// It ends after so many frames.
    pub(crate) count: Option<u64>,
}

impl Capture {
    /// Writes the file to `stream` until the other end closes its half of it, enough frames have passed or the transport
    /// is gone.
    pub(crate) async fn serve(mut self, mut stream: UnixStream) -> io::Result<()> {
        let mut file = File::new(&self.name, self.layer).map_err(io::Error::other)?;
        let mut frames = Vec::with_capacity(AT_ONCE);
        let (mut is_ending, mut is_over) = (false, false);
        while !is_over {
            stream.write_all(&file.take()).await?;
            let limit = self.count.map_or(AT_ONCE as u64, |count| count - file.frames()).min(AT_ONCE as u64);
            let mut heard = [0];
            tokio::select! {
                // Nobody says anything here but goodbye.
                _ = stream.read(&mut heard), if !is_ending => {
                    is_ending = true;
                    self.listener.close();
                }
                taken = self.listener.recv_many(&mut frames, limit as usize) => is_over = taken == 0,
            }
            for passed in frames.drain(..) {
                file.add(&passed).map_err(io::Error::other)?;
            }
            is_over |= self.count.is_some_and(|count| file.frames() >= count);
        }
        file.end(self.listener.missed()).map_err(io::Error::other)?;
        stream.write_all(&file.take()).await
    }
}
