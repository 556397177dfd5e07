//! How many clients are in which state: counted when somebody asks, by a look at every session.

use super::Link;
use crate::{ClientState, Core};
use sn_types::Instant;

/// Clients by state (1.2 §6.14). Each session is counted once, in one of the fields up to `disconnected`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// MQTT-SN clients that are active.
    pub sn_active: usize,
    /// MQTT-SN clients that sleep.
    pub sn_asleep: usize,
    /// MQTT-SN clients that have woken to collect their messages.
    pub sn_awake: usize,
    /// MQTT-SN clients that were given up.
    pub sn_lost: usize,
    /// Clients with an MQTT connection.
    pub mqtt: usize,
    /// Clients that are gone and whose session is kept.
    pub disconnected: usize,
    /// The most that were connected at the same time since the start.
    pub most_connected: usize,
    /// Messages in the longest queue, those in flight included.
    pub deepest_mailbox: usize,
    /// Since when there has always been something in the mailbox that is never empty for the longest; a restart begins
    /// anew. `None`: all are empty.
    pub oldest_mailbox: Option<Instant>,
}

impl Census {
    /// Clients that the gateway takes for connected: a sleeping client is.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.sn_active + self.sn_asleep + self.sn_awake + self.mqtt
    }

    /// All sessions.
    #[must_use]
    pub fn total(&self) -> usize {
        self.connected() + self.sn_lost + self.disconnected
    }
}

impl Core {
    /// Counts the clients. Takes time in proportion to their number.
    #[must_use]
    pub fn census(&self) -> Census {
        let most_connected = self.broker.sessions.most_connected();
        let mut census = Census { most_connected, ..Census::default() };
        for (key, session) in self.broker.sessions.iter() {
            census.deepest_mailbox = census.deepest_mailbox.max(session.outbound.len());
            let oldest = [census.oldest_mailbox, session.outbound.filled_since()];
            census.oldest_mailbox = oldest.into_iter().flatten().min();
            let counter = match (session.link, self.sn.client_state(key)) {
                (Link::Mqtt(_), _) => &mut census.mqtt,
                (Link::Sn | Link::None, ClientState::Active) => &mut census.sn_active,
                (Link::Sn | Link::None, ClientState::Asleep) => &mut census.sn_asleep,
                (Link::Sn | Link::None, ClientState::Awake) => &mut census.sn_awake,
                (Link::Sn | Link::None, ClientState::Lost) => &mut census.sn_lost,
                (Link::Sn | Link::None, ClientState::Disconnected) => &mut census.disconnected,
            };
            *counter += 1;
        }
        census
    }
}
