//! Octets on their way to a broker and back.

use super::Stream;
use bytes::BytesMut;
use std::future::pending;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};

/// Octets read at once.
const READ: usize = 16 << 10;

/// A stream to a broker with what was heard and is not decoded yet, and what is to be written.
pub(crate) struct Conversation {
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    pub(crate) heard: BytesMut,
    pub(crate) to_write: BytesMut,
    /// Something was written since the last flush.
    unflushed: bool,
}

/// What has happened to the stream.
#[derive(Debug)]
pub(crate) enum Moved {
    /// So many octets more are in [`Conversation::heard`]; none at its end.
    Read(io::Result<usize>),
    /// All of [`Conversation::to_write`] is written.
    Written(io::Result<()>),
}

impl Conversation {
    /// Nothing is said yet.
    pub(crate) fn new(stream: Box<dyn Stream>) -> Self {
        let (reader, writer) = split(stream);
        Self { reader, writer, heard: BytesMut::new(), to_write: BytesMut::new(), unflushed: false }
    }

    /// Reads if `listens`, and writes if there is something to write. May be dropped at any time.
    pub(crate) async fn read_or_write(&mut self, listens: bool) -> Moved {
        let writes = self.unflushed || !self.to_write.is_empty();
        self.heard.reserve(READ);
        let (writer, to_write, unflushed) = (&mut self.writer, &mut self.to_write, &mut self.unflushed);
        tokio::select! {
            result = self.reader.read_buf(&mut self.heard), if listens => Moved::Read(result),
            result = write(writer, to_write, unflushed), if writes => Moved::Written(result),
            else => pending().await,
        }
    }

    /// Writes what is there, and nothing more.
    pub(crate) async fn say_goodbye(&mut self) -> io::Result<()> {
        write(&mut self.writer, &mut self.to_write, &mut self.unflushed).await?;
        self.writer.shutdown().await
    }
}

/// Writes all that is there. What was written when it is dropped is not written again.
async fn write(
    writer: &mut WriteHalf<Box<dyn Stream>>,
    to_write: &mut BytesMut,
    unflushed: &mut bool,
) -> io::Result<()> {
    while !to_write.is_empty() {
        *unflushed = true;
        if writer.write_buf(to_write).await? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    writer.flush().await?;
    *unflushed = false;
    Ok(())
}
