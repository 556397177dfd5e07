//! Accepts MQTT connections at one address.

use super::door::Door;
use super::limits::{Rate, TurnedAway};
use crate::event_log::Throttle;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use tracing::warn;

/// Connections that the operating system may accept on its own while the daemon is busy.
const BACKLOG: i32 = 4_096;
/// The pause after the operating system could not accept, for want of descriptors or memory.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// A bound TCP socket.
#[derive(Debug)]
pub struct Listener(TcpListener);

impl Listener {
    /// Binds to `addr`; see [`transports::UdpConfig::only_v6`]. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The operating system's, above all that the address is in use or is not this machine's.
    pub fn bind(addr: SocketAddr, only_v6: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        if addr.is_ipv6() {
            socket.set_only_v6(only_v6)?;
        }
        // A restart must not wait for the last connections of the process before.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into()).map(Self)
    }

    /// The address it listens on, with the real port.
    ///
    /// # Errors
    /// The operating system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Accepts connections for ever. Who comes too fast waits in the operating system's queue.
    pub(crate) async fn accept(self, door: Arc<Door>) {
        let start = Instant::now();
        let mut rate = Rate::new(door.limits().connects_per_s, start);
        let mut throttle = Throttle::default();
        loop {
            match self.0.accept().await {
                Ok((stream, peer)) => {
                    let wait = rate.next(Instant::now());
                    if !wait.is_zero() {
                        door.turned_away(peer, TurnedAway::ConnectRate, String::new()).await;
                        sleep(wait).await;
                    }
                    door.enter(stream, peer).await;
                }
                Err(error) => {
                    if let Some(more) = throttle.pass(sn_types::Instant::ZERO + start.elapsed()) {
                        warn!(listener = door.number(), %error, more, "cannot accept an MQTT connection");
                    }
                    sleep(EXHAUSTED).await;
                }
            }
        }
    }
}
