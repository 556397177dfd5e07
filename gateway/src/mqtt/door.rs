//! The way in: from an accepted TCP connection, by the handshakes of what carries MQTT, to a [`Connection`] with its task.

use super::connection::{Connection, FromMqtt};
use super::gate::Key;
use super::limits::{MqttLimits, TurnedAway};
use super::octets::Octets;
use super::policy::{Identity, Policy};
use super::tls::{Tls, identity};
use super::web_socket::WebSocketOptions;
use crate::auth::Passwords;
use crate::config::ListenerTable;
use gateway_core::ConnId;
use std::fmt::Display;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

/// Connections beyond the limit that are told so at the same time; more of them are closed without a word.
const FAREWELLS: usize = 64;
/// How long such a client has for its CONNECT: before it nobody knows in which version to answer.
const FAREWELL: Duration = Duration::from_secs(2);

/// A connection's number among those of all listeners.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnIds(Arc<AtomicU64>);

impl ConnIds {
    /// One that no connection has had yet.
    pub(crate) fn next(&self) -> ConnId {
        ConnId(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// What the connections of one listener share.
#[derive(Debug)]
pub(crate) struct Door {
    /// The listener's number, in the order of the configuration.
    number: usize,
    tls: Option<Arc<Tls>>,
    web_socket: Option<WebSocketOptions>,
    ids: ConnIds,
    slots: Arc<Semaphore>,
    farewells: Arc<Semaphore>,
    limits: MqttLimits,
    policy: Policy,
    passwords: Arc<Passwords>,
    octets: Arc<Octets>,
    driver: mpsc::Sender<FromMqtt>,
}

/// Somebody who has come by this door.
struct Caller {
    id: ConnId,
    peer: SocketAddr,
    /// There is room.
    is_welcome: bool,
    /// By when CONNECT must have been said.
    connect_by: Instant,
    identity: Identity,
    /// To be used when CONNECT has been said.
    gate: Key,
}

impl Door {
    /// The door of the listener with this number.
    pub(crate) fn new(
        number: usize,
        table: &ListenerTable,
        tls: Option<Arc<Tls>>,
        ids: ConnIds,
        passwords: Arc<Passwords>,
        octets: Arc<Octets>,
        driver: mpsc::Sender<FromMqtt>,
    ) -> Self {
        let ListenerTable { web_socket, limits, policy, .. } = table.clone();
        let slots = Arc::new(Semaphore::new(limits.max_connections));
        let farewells = Arc::new(Semaphore::new(FAREWELLS));
        Self { number, tls, web_socket, ids, slots, farewells, limits, policy, passwords, octets, driver }
    }

    pub(super) const fn number(&self) -> usize {
        self.number
    }

    pub(super) const fn limits(&self) -> &MqttLimits {
        &self.limits
    }

    pub(super) const fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(super) fn passwords(&self) -> &Arc<Passwords> {
        &self.passwords
    }

    pub(super) fn octets(&self) -> &Octets {
        &self.octets
    }

    pub(super) const fn driver(&self) -> &mpsc::Sender<FromMqtt> {
        &self.driver
    }

    /// Tells the driver of a limit that a connection has met. `detail` may be empty.
    pub(super) async fn turned_away(&self, peer: SocketAddr, why: TurnedAway, detail: String) {
        let listener = self.number;
        debug!(%peer, listener, reason = why.name(), detail, "MQTT connection");
        // When the driver is gone nobody counts any more.
        let _ = self.driver.send(FromMqtt::TurnedAway { listener, peer, why, detail }).await;
    }

    /// Serves a connection in a task of its own, or turns it away.
    pub(super) async fn enter(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        // Packets are coalesced by the driver; Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
        let (is_welcome, permit, time) = match self.slots.clone().try_acquire_owned() {
            Ok(slot) => (true, slot, self.limits.connect_timeout),
            Err(_) => {
                self.turned_away(peer, TurnedAway::ConnectionLimit, String::new()).await;
                let Ok(turn) = self.farewells.clone().try_acquire_owned() else { return };
                (false, turn, FAREWELL)
            }
        };
        let (id, connect_by, identity) = (self.ids.next(), Instant::now() + time, Identity::Unknown);
        let caller = Caller { id, peer, is_welcome, connect_by, identity, gate: Key::default() };
        let door = self.clone();
        tokio::spawn(async move {
            door.shake_hands(stream, caller).await;
            drop(permit);
        });
    }

    /// What comes before MQTT. The ways other than bare TCP are in boxes, so that the tasks of its connections are not
    /// as large as those of others.
    async fn shake_hands(self: Arc<Self>, stream: TcpStream, mut caller: Caller) {
        let Some(tls) = &self.tls else { return self.unwrap_frames(stream, caller).await };
        let handshake = Box::pin(tls.acceptor().accept(stream));
        let Some(stream) = self.in_time(&caller, TurnedAway::TlsHandshake, handshake).await else { return };
        caller.identity = identity(&self.policy, stream.get_ref().1);
        debug!(peer = %caller.peer, identity = %caller.identity, "TLS");
        Box::pin(self.unwrap_frames(stream, caller)).await;
    }

    async fn unwrap_frames(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin, mut caller: Caller) {
        let Some(web_socket) = &self.web_socket else { return self.meet(stream, caller).await };
        caller.gate = Key::new();
        let handshake = Box::pin(web_socket.accept(stream, self.limits.max_packet, caller.gate.clone()));
        let Some(stream) = self.in_time(&caller, TurnedAway::WebSocketHandshake, handshake).await else { return };
        Box::pin(self.meet(stream, caller)).await;
    }

    /// Waits for a handshake. Who does not get through it is counted.
    async fn in_time<T, E: Display>(
        &self,
        caller: &Caller,
        failed: TurnedAway,
        handshake: impl Future<Output = Result<T, E>>,
    ) -> Option<T> {
        let (why, detail) = match timeout_at(caller.connect_by, handshake).await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => (failed, error.to_string()),
            Err(_) => (TurnedAway::ConnectTimeout, String::new()),
        };
        self.turned_away(caller.peer, why, detail).await;
        None
    }

    /// Speaks MQTT.
    async fn meet(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin, caller: Caller) {
        let Caller { id, peer, is_welcome, connect_by, identity, gate } = caller;
        let connection = Connection::new(id, peer, stream, identity, gate, self);
        if is_welcome {
            connection.serve(connect_by).await;
        } else {
            let _ = timeout_at(connect_by, connection.refuse()).await;
        }
    }
}
