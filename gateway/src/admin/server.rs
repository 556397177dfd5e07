//! The daemon's end of the socket.

use super::protocol::{Answer, Request};
use crate::capture::Capture;
use crate::store::backup;
use gateway_core::Record;
use nix::sys::stat::{Mode, umask};
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{spawn, spawn_blocking};
use tokio::time::timeout;

/// The longest request.
const MAX_REQUEST: u64 = 128 << 10;
/// How long a client may take for its request.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the disk may take for what an operator changes, until it is said that it has not taken it.
const LONGEST_ANSWER: Duration = Duration::from_secs(10);
/// What is said then.
const NOT_ON_DISK: &str = "it is done, but the disk has not taken it yet: it is undone if the gateway ends now";
/// Requests that wait for the driver.
pub(crate) const CHANNEL: usize = 4;

/// A request for the driver.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) request: Request,
    pub(crate) reply: oneshot::Sender<Reply>,
}

/// What the driver replies.
#[derive(Debug)]
pub(crate) enum Reply {
    Answer(Answer),
    /// Every record, for a backup.
    Records(Vec<Record>),
    Capture(Capture),
    /// It takes its time; others are served meanwhile.
    Later(oneshot::Receiver<Answer>),
}

/// The socket.
#[derive(Debug)]
pub(crate) struct Server(UnixListener);

impl Server {
    /// Binds the socket, in the place of one that an earlier process has left. Must be called by the owner of the
    /// directory's lock, while there is no other thread.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        match fs::remove_file(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let before = umask(Mode::from_bits_truncate(0o177));
        let bound = UnixListener::bind(path);
        umask(before);
        Ok(Self(bound?))
    }

    /// Has done what is asked for one after the other: an operator is one person. Whose answer waits for the disk, and who does
    /// not read it, waits beside.
    pub(crate) async fn serve(self, driver: mpsc::Sender<Ask>) {
        loop {
            match self.0.accept().await {
                Ok((stream, _)) => {
                    if let Err(error) = serve_one(stream, &driver).await {
                        tracing::debug!(%error, "control socket");
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "control socket");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

async fn serve_one(mut stream: UnixStream, driver: &mpsc::Sender<Ask>) -> io::Result<()> {
    let line = timeout(PATIENCE, read_line(&mut stream)).await??;
    let (reply, answer) = oneshot::channel();
    match serde_json::from_str(&line) {
        // A driver that has gone drops what it is asked.
        Ok(request) => drop(driver.send(Ask { request, reply }).await),
        Err(error) => drop(reply.send(Reply::Answer(Answer::Error(format!("no request: {error}"))))),
    }
    spawn(async move {
        if let Err(error) = deliver(stream, in_time(answer).await).await {
            tracing::debug!(%error, "control socket");
        }
    });
    Ok(())
}

async fn deliver(mut stream: UnixStream, reply: Reply) -> io::Result<()> {
    match reply {
        Reply::Answer(answer) => write_line(&mut stream, &answer).await,
        Reply::Records(records) => {
            let file = spawn_blocking(move || backup::encode(records)).await.map_err(io::Error::other)?;
            write_line(&mut stream, &Answer::Backup(file.len() as u64)).await?;
            stream.write_all(&file).await
        }
        Reply::Capture(capture) => {
            write_line(&mut stream, &Answer::Capture).await?;
            capture.serve(stream).await
        }
        Reply::Later(answer) => {
            let answer = answer.await.unwrap_or_else(|_| Answer::Error("the gateway stops".into()));
            write_line(&mut stream, &answer).await
        }
    }
}

async fn read_line(stream: &mut UnixStream) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream.take(MAX_REQUEST)).read_line(&mut line).await?;
    Ok(line)
}

async fn in_time(answer: oneshot::Receiver<Reply>) -> Reply {
    match timeout(LONGEST_ANSWER, answer).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(_)) => Reply::Answer(Answer::Error("the gateway stops".into())),
        Err(_) => Reply::Answer(Answer::Error(NOT_ON_DISK.into())),
    }
}

async fn write_line(stream: &mut UnixStream, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    stream.write_all(&line).await
}
