//! Accepts MQTT connections.

use super::connection::{Connection, FromMqtt};
use gateway_core::ConnId;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;
use tracing::warn;

/// Connections that the operating system may accept on its own while the daemon is busy.
const BACKLOG: i32 = 4_096;
/// The pause after the operating system could not accept, for want of descriptors or memory.
const EXHAUSTED: Duration = Duration::from_millis(100);
/// CONNACK 3, server unavailable (MQTT 3.1.1 §3.2.2.3).
const CONNACK_UNAVAILABLE: &[u8] = &[0x20, 2, 0, 3];

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct MqttLimits {
    /// The longest packet's remaining length, in octets.
    pub max_packet: usize,
    /// How long a client may take to say CONNECT.
    pub connect_timeout: Duration,
}

/// A bound TCP socket.
#[derive(Debug)]
pub struct Listener(TcpListener);

/// What all listeners share.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    next_conn: Arc<AtomicU64>,
    slots: Arc<Semaphore>,
    limits: MqttLimits,
    driver: mpsc::Sender<FromMqtt>,
}

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

    /// Accepts connections for ever.
    pub(crate) async fn accept(self, door: Door) {
        loop {
            match self.0.accept().await {
                Ok((stream, peer)) => door.enter(stream, peer),
                Err(error) => {
                    warn!(%error, "cannot accept an MQTT connection");
                    sleep(EXHAUSTED).await;
                }
            }
        }
    }
}

impl Door {
    pub(crate) fn new(max_connections: usize, limits: MqttLimits, driver: mpsc::Sender<FromMqtt>) -> Self {
        Self { next_conn: Arc::default(), slots: Arc::new(Semaphore::new(max_connections)), limits, driver }
    }

    fn enter(&self, stream: TcpStream, peer: SocketAddr) {
        let Ok(slot) = self.slots.clone().try_acquire_owned() else {
            warn!(%peer, "MQTT connection refused: mqtt.max_connections is reached");
            let _ = stream.try_write(CONNACK_UNAVAILABLE);
            return;
        };
        // Packets are coalesced by the driver; Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
        let id = ConnId(self.next_conn.fetch_add(1, Ordering::Relaxed));
        let connection = Connection::new(id, peer, stream, self.limits.max_packet, self.driver.clone());
        let connect_timeout = self.limits.connect_timeout;
        tokio::spawn(async move {
            connection.serve(connect_timeout).await;
            drop(slot);
        });
    }
}
