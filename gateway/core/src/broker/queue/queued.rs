//! A message that waits, and what is asked of it.

use crate::broker::GroupNumber;
use crate::{Message, Qos};
use sn_types::Instant;

/// A message for one subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queued {
    pub(crate) message: Message,
    /// The lower of the message's and the subscription's.
    pub(crate) qos: Qos,
    /// Sent because of a new subscription (MQTT 3.1.1 §3.3.1.3).
    pub(crate) retain: bool,
    /// Higher comes first; 0 unless a queue rule says otherwise.
    pub(crate) priority: u8,
    /// Its place in the order of all messages to anybody: its name in the store.
    pub(crate) place: u64,
    /// The group for which its session was chosen.
    pub(crate) group: Option<GroupNumber>,
    /// When it is of no use any more, if it has not been sent by then.
    pub(crate) expires: Instant,
}

/// What is asked of a waiting message to find out whether it stays. To tell it nothing has to be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) struct Glance<'a> {
    pub(in crate::broker) topic: &'a str,
    /// See [`Queued::place`].
    pub(in crate::broker) place: u64,
    /// See [`Queued::expires`].
    pub(in crate::broker) expires: Instant,
    /// See [`Queued::is_durable`].
    pub(in crate::broker) is_durable: bool,
    /// Octets that it counts for.
    pub(in crate::broker) bytes: usize,
}

impl<'a> From<&'a Queued> for Glance<'a> {
    fn from(queued: &'a Queued) -> Self {
        let Queued { ref message, place, expires, .. } = *queued;
        Self { topic: message.topic(), place, expires, is_durable: queued.is_durable(), bytes: queued.bytes() }
    }
}

/// So many messages, and octets of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::broker) struct Size {
    pub(in crate::broker) messages: usize,
    pub(in crate::broker) bytes: usize,
}

impl Size {
    /// What is left of it when there is a message less.
    pub(super) fn without(self, bytes: usize) -> Self {
        Self { messages: self.messages.saturating_sub(1), bytes: self.bytes.saturating_sub(bytes) }
    }
}

impl Queued {
    /// QoS 0 promises nothing and is not stored.
    pub(in crate::broker) fn is_durable(&self) -> bool {
        self.qos != Qos::AtMostOnce
    }

    pub(in crate::broker) fn bytes(&self) -> usize {
        self.message.bytes()
    }
}

/// A waiting message, found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) struct Spot {
    pub(super) priority: u8,
    pub(super) place: u64,
    /// See [`Queued::is_durable`].
    pub(in crate::broker) is_durable: bool,
    pub(super) bytes: usize,
}

impl Glance<'_> {
    pub(super) const fn spot(self, priority: u8) -> Spot {
        let Self { place, is_durable, bytes, topic: _, expires: _ } = self;
        Spot { priority, place, is_durable, bytes }
    }
}
