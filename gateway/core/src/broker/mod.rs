//! What MQTT-SN and MQTT meet in: topics, subscriptions, retained messages, sessions and their queues.

mod filter;
mod outbound;
mod retained;
mod route;
mod session;
mod subscriptions;

pub use filter::{FilterError, TopicNameError, filter_matches, validate_filter, validate_topic_name};
pub use session::SessionKey;

pub(crate) use filter::has_wildcard;
pub(crate) use outbound::{Inflight, Outbound, Phase, Queued};
pub(crate) use session::{Link, Sessions};

use crate::map::MapSeed;
use crate::{Gauges, Qos};
use retained::Retained;
use subscriptions::Subscriptions;

/// The broker's state. Its rules are in `route`, as methods of the core, because a delivery wakes the protocol side.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) sessions: Sessions,
    subscriptions: Subscriptions,
    retained: Retained,
    /// Reused by every publish, so that routing does not allocate.
    matches: Vec<(SessionKey, Qos)>,
}

impl Broker {
    pub(crate) fn new(seed: MapSeed) -> Self {
        Self {
            sessions: Sessions::new(seed),
            subscriptions: Subscriptions::new(seed),
            retained: Retained::default(),
            matches: Vec::new(),
        }
    }

    pub(crate) fn gauges(&self) -> Gauges {
        Gauges { sessions: self.sessions.len(), subscriptions: self.subscriptions.len(), retained: self.retained.len() }
    }
}
