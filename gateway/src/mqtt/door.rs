//! The way in: from an accepted TCP connection to a [`Connection`] with its task.

use super::connection::{Connection, FromMqtt};
use super::limits::{MqttLimits, TurnedAway};
use super::policy::Policy;
use gateway_core::ConnId;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout};
use tracing::debug;

/// Connections beyond the limit that are told so at the same time; more of them are closed without a word.
const FAREWELLS: usize = 64;
/// How long such a client has for its CONNECT: before it nobody knows in which version to answer.
const FAREWELL: Duration = Duration::from_secs(2);

/// A connection's number among those of all listeners.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnIds(Arc<AtomicU64>);

impl ConnIds {
    fn next(&self) -> ConnId {
        ConnId(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// What the connections of one listener share.
#[derive(Debug)]
pub(crate) struct Door {
    /// The listener's number, in the order of the configuration.
    number: usize,
    ids: ConnIds,
    slots: Arc<Semaphore>,
    farewells: Arc<Semaphore>,
    limits: MqttLimits,
    policy: Policy,
    driver: mpsc::Sender<FromMqtt>,
}

impl Door {
    pub(crate) fn new(
        number: usize,
        limits: MqttLimits,
        policy: Policy,
        ids: ConnIds,
        driver: mpsc::Sender<FromMqtt>,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(limits.max_connections));
        Self { number, ids, slots, farewells: Arc::new(Semaphore::new(FAREWELLS)), limits, policy, driver }
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

    pub(super) const fn driver(&self) -> &mpsc::Sender<FromMqtt> {
        &self.driver
    }

    /// Tells the driver of a limit that a connection has met.
    pub(super) async fn turned_away(&self, peer: SocketAddr, why: TurnedAway) {
        debug!(%peer, listener = self.number, reason = why.name(), "MQTT connection");
        // When the driver is gone nobody counts any more.
        let _ = self.driver.send(FromMqtt::TurnedAway { listener: self.number, why }).await;
    }

    /// Serves a connection in a task of its own, or turns it away.
    pub(super) async fn enter(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        // Packets are coalesced by the driver; Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
        let door = self.clone();
        if let Ok(slot) = self.slots.clone().try_acquire_owned() {
            tokio::spawn(async move {
                let connect_by = Instant::now() + door.limits.connect_timeout;
                Connection::new(door.ids.next(), peer, stream, door).serve(connect_by).await;
                drop(slot);
            });
            return;
        }
        self.turned_away(peer, TurnedAway::ConnectionLimit).await;
        if let Ok(turn) = self.farewells.clone().try_acquire_owned() {
            tokio::spawn(async move {
                let refusal = Connection::new(door.ids.next(), peer, stream, door).refuse();
                let _ = timeout(FAREWELL, refusal).await;
                drop(turn);
            });
        }
    }
}
