//! What MQTT-SN and MQTT meet in: topics, subscriptions, retained messages, sessions and their queues.

mod bridge;
mod census;
mod ending;
mod expiry;
mod filter;
mod granted;
mod handling;
mod load;
mod outbound;
mod parcel;
mod queue;
mod retained;
mod route;
mod session;
mod shared;
mod status;
mod subscriptions;
mod sys;
mod will;

pub use bridge::BRIDGE_PREFIX;
pub use census::Census;
pub use filter::{FilterError, TopicNameError, filter_matches, validate_filter, validate_topic_name};
pub use outbound::LARGEST_MESSAGE_ID;
pub use session::SessionKey;

pub(crate) use bridge::may_have_id;
pub(crate) use ending::SessionEnd;
pub(crate) use filter::has_wildcard;
pub(crate) use outbound::{Change, Inflight, Outbound, Phase};
pub(crate) use parcel::{LONGEST_PACKED, LONGEST_SHARED};
pub(crate) use queue::Queued;
pub(crate) use session::{Home, Link, Marks, Part, Session, Sessions};

use crate::map::MapSeed;
use crate::{Gauges, Message, short};
pub(crate) use granted::Granted;
use retained::Retained;
pub use shared::selecting_filter;
pub(crate) use shared::{GroupNumber, Groups, is_shared};
use sn_types::Instant;
use std::sync::Arc;
pub(crate) use will::WillTerms;

use subscriptions::Subscriptions;
use sys::Sys;

/// The broker's state. Its rules are in `route`, as methods of the core, because a delivery wakes the protocol side.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) sessions: Sessions,
    /// The place of the next message to anybody in the order of all.
    next_place: u64,
    subscriptions: Subscriptions,
    /// Groups of shared subscriptions.
    pub(crate) groups: Groups,
    retained: Retained,
    sys: Sys,
    /// When all queues may be looked through for what has expired.
    next_sweep: Instant,
    /// Reused by every publish, so that routing does not allocate.
    matches: Vec<(SessionKey, Granted)>,
}

impl Broker {
    pub(crate) fn new(seed: MapSeed, durable: bool) -> Self {
        Self {
            sessions: Sessions::new(seed, durable),
            next_place: 1,
            subscriptions: Subscriptions::new(seed),
            groups: Groups::new(seed),
            retained: Retained::default(),
            sys: Sys::default(),
            next_sweep: Instant::ZERO,
            matches: Vec::new(),
        }
    }

    /// A name to keep: the copy that there is already, if somebody has subscribed to it.
    pub(crate) fn name(&self, name: &str) -> Arc<str> {
        self.subscriptions.name(name).cloned().unwrap_or_else(|| name.into())
    }

    /// So many topics may be subscribed to soon.
    pub(crate) fn expect_topics(&mut self, topics: usize) {
        self.subscriptions.expect_topics(topics);
    }

    pub(crate) fn retained_message(&self, topic: &str) -> Option<&Message> {
        self.retained.get(topic)
    }

    pub(crate) fn for_each_retained(&self, each: &mut impl FnMut(&Message)) {
        self.retained.for_each(each);
    }

    /// A retained message from the store.
    pub(crate) fn restore_retained(&mut self, message: &Message) {
        self.retained.set(message);
    }

    /// A subscription from the store.
    pub(crate) fn restore_subscription(&mut self, key: SessionKey, filter: &Arc<str>, granted: Granted) {
        if let Some(session) = self.sessions.get_mut(key) {
            short::push(&mut session.subscriptions, (filter.clone(), granted));
            if session.home == Home::Here {
                self.add_subscription(key, filter, granted);
            }
        }
    }

    /// A message from the store has this place: new ones get later places.
    pub(crate) fn note_place(&mut self, place: u64) {
        self.next_place = self.next_place.max(place + 1);
    }

    /// What is here of a gateway's gauges.
    pub(crate) fn gauges(&self) -> Gauges {
        let totals = self.sessions.totals();
        Gauges {
            sessions: self.sessions.len(),
            subscriptions: self.subscriptions.len() + self.groups.beyond_index(),
            retained: self.retained.len(),
            waiting_messages: totals.messages(),
            waiting_bytes: totals.bytes(),
            held: 0,
            uncommitted_bytes: 0,
        }
    }
}
