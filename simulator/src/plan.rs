//! All that a run depends on.

use crate::Link;
use gateway_core::Config;
use sn_client::Qos;
use sn_types::Instant;
use std::num::NonZeroU16;
use std::time::Duration;

/// A run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Of the link's and the nodes' randomness.
    pub seed: u64,
    /// Between every node and the gateway.
    pub link: Link,
    /// The gateway's configuration.
    pub gateway: Config,
    /// The nodes; their places here are their numbers.
    pub nodes: Vec<NodePlan>,
}

/// A node and what its application does: connects and stays connected, subscribes, then publishes, and sleeps in
/// between if it is a sleeper.
#[derive(Clone, Debug)]
pub struct NodePlan {
    /// Different for every node.
    pub client_id: String,
    /// When it is switched on.
    pub start: Instant,
    /// Its session ends with its connection.
    pub clean_session: bool,
    /// Connects again when the connection is lost.
    pub auto_reconnect: bool,
    /// Topic filters, and the QoS asked for.
    pub subscriptions: Vec<(String, Qos)>,
    /// What it publishes.
    pub feed: Option<Feed>,
    /// `None`: always on.
    pub sleep: Option<Sleep>,
}

impl NodePlan {
    /// An always-on node with a persistent session that is switched on at once, reconnects, and else does nothing.
    #[must_use]
    pub fn new(client_id: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            start: Instant::ZERO,
            clean_session: false,
            auto_reconnect: true,
            subscriptions: Vec::new(),
            feed: None,
            sleep: None,
        }
    }
}

/// Messages published by a node on one topic.
#[derive(Clone, Debug)]
pub struct Feed {
    /// A topic name.
    pub topic: String,
    /// Of each message.
    pub qos: Qos,
    /// How many messages.
    pub count: u32,
    /// When the first is due.
    pub start: Instant,
    /// From one message to the next; a message waits until those before it are acknowledged.
    pub period: Duration,
}

impl Feed {
    /// When a message is due.
    pub(crate) fn due(&self, number: u32) -> Instant {
        self.start + self.period * number
    }
}

/// A node that sleeps between its messages.
#[derive(Clone, Copy, Debug)]
pub struct Sleep {
    /// What it tells the gateway, in seconds.
    pub duration_s: NonZeroU16,
    /// How often it wakes to collect its messages: a careful node does so several times in `duration_s`.
    pub wake_every: Duration,
}
