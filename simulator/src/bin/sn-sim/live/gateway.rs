//! The connection to the gateway: made, lost, and made again.

use anyhow::{Context as _, bail};
use simulator::medium::Downlink;
use sn_types::{LinkAddr, LinkProfile};
use std::future::{Future, poll_fn};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};
use transports::sim::Connection;
use transports::sim::frame::Frame;

/// How long the gateway may take to answer a hello.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether a gateway is there.
const AGAIN: Duration = Duration::from_millis(100);

/// A gateway that may come and go.
pub(super) struct Gateway {
    path: PathBuf,
    profile: LinkProfile,
    place: Place,
    /// Datagrams that were for it and did not get there.
    pub(super) lost: u64,
}

/// Where it is.
enum Place {
    Here(Connection),
    /// The search goes on while other things happen.
    Away(Pin<Box<dyn Future<Output = anyhow::Result<Connection>>>>),
}

/// What the gateway's end has brought.
#[derive(Debug)]
pub(super) enum FromGateway {
    Datagram(Downlink, Vec<u8>),
    /// It has gone.
    Gone,
    /// It is back.
    Back,
}

impl Gateway {
    /// Waits until there is a gateway that lets us in.
    pub(super) async fn find(path: &Path, profile: LinkProfile) -> anyhow::Result<Self> {
        let place = Place::Here(find(path.to_owned(), profile).await?);
        Ok(Self { path: path.to_owned(), profile, place, lost: 0 })
    }

    /// Whether it is there, as far as is known.
    pub(super) const fn is_here(&self) -> bool {
        match &self.place {
            Place::Here(_) => true,
            Place::Away(_) => false,
        }
    }

    /// Sends a node's datagram, without waiting: what a gateway that is away or busy does not take is lost.
    pub(super) fn send(&mut self, peer: LinkAddr, octets: &[u8]) {
        let frame = Frame::Datagram { peer, octets };
        let is_sent = match &mut self.place {
            Place::Here(connection) => connection.send(&frame) == Ok(true),
            Place::Away(_) => false,
        };
        self.lost += u64::from(!is_sent);
    }

    /// Lets go what was sent. A broken connection is noticed when it is read from.
    pub(super) fn flush(&mut self) {
        match &mut self.place {
            Place::Here(connection) => drop(connection.flush()),
            Place::Away(_) => {}
        }
    }

    /// Waits for the gateway to send something, to go or to come back. May be dropped while it waits.
    ///
    /// # Errors
    /// It is back, but does not let us in.
    pub(super) async fn next(&mut self) -> anyhow::Result<FromGateway> {
        match &mut self.place {
            Place::Here(connection) => {
                if let Ok(brought) = poll_fn(|cx| poll_next(connection, cx)).await {
                    return Ok(brought);
                }
                self.place = Place::Away(Box::pin(find(self.path.clone(), self.profile)));
                Ok(FromGateway::Gone)
            }
            Place::Away(search) => {
                self.place = Place::Here(search.as_mut().await?);
                Ok(FromGateway::Back)
            }
        }
    }
}

/// Waits until there is a gateway that lets us in.
async fn find(path: PathBuf, profile: LinkProfile) -> anyhow::Result<Connection> {
    loop {
        if let Some(connection) = join(&path, profile).await? {
            return Ok(connection);
        }
        sleep(AGAIN).await;
    }
}

/// Says hello. `None`: there is no gateway, or it went away meanwhile.
async fn join(path: &Path, profile: LinkProfile) -> anyhow::Result<Option<Connection>> {
    let stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(error) if is_away(&error) => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot connect to {}", path.display())),
    };
    let mut connection = Connection::new(stream);
    connection.send(&Frame::Hello(profile))?;
    // If that fails, reading does too, after what the gateway has said.
    let _ = connection.flush();
    let answer = timeout(PATIENCE, poll_fn(|cx| poll_welcome(&mut connection, cx)));
    match answer.await.context("the gateway does not answer: is it one?")? {
        Ok(Ok(())) => Ok(Some(connection)),
        Ok(Err(why)) => bail!("the gateway has turned us away: {why}"),
        Err(_) => Ok(None),
    }
}

/// There is no socket yet, or nobody listens at it.
fn is_away(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// Waits for the answer to the hello: let in, or why not.
fn poll_welcome(gateway: &mut Connection, cx: &mut Context<'_>) -> Poll<io::Result<Result<(), String>>> {
    loop {
        match gateway.next_frame() {
            Some(Ok(Frame::Welcome)) => return Poll::Ready(Ok(Ok(()))),
            Some(Ok(Frame::Refused(why))) => return Poll::Ready(Ok(Err(why.to_owned()))),
            Some(Ok(Frame::Hello(_) | Frame::Datagram { .. } | Frame::Broadcast { .. })) => {}
            Some(Err(error)) => return Poll::Ready(Ok(Err(error.to_string()))),
            None => match gateway.poll_read(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            },
        }
    }
}

/// Waits for a datagram, and meanwhile writes what could not be written at once.
fn poll_next(gateway: &mut Connection, cx: &mut Context<'_>) -> Poll<io::Result<FromGateway>> {
    if let Poll::Ready(Err(error)) = gateway.poll_flush(cx) {
        return Poll::Ready(Err(error));
    }
    loop {
        match gateway.next_frame() {
            Some(Ok(Frame::Datagram { peer, octets })) => {
                return Poll::Ready(Ok(FromGateway::Datagram(Downlink::Peer(peer), octets.to_vec())));
            }
            Some(Ok(Frame::Broadcast { radius, octets })) => {
                return Poll::Ready(Ok(FromGateway::Datagram(Downlink::Everyone { radius }, octets.to_vec())));
            }
            Some(Ok(Frame::Hello(_) | Frame::Welcome | Frame::Refused(_)) | Err(_)) => {}
            None => match gateway.poll_read(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            },
        }
    }
}
