//! The values of the store, and what they are made from.

use super::key::{Key, Record};
use super::tail::MessageTail;
use crate::broker::Queued;
use crate::{ClientState, Message, Qos};
use serde::{Deserialize, Serialize};
use sn_types::{Instant, PeerAddr};
use std::sync::Arc;

/// A session beside its lists.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SessionValue<'a> {
    pub(super) client_id: &'a str,
    pub(super) clean: bool,
    #[serde(borrow)]
    pub(super) will: Option<MessageValue<'a>>,
    /// When the session ends, in microseconds of the core's time, if its client is away.
    pub(super) expires: Option<u64>,
    /// Message ids up to this one may have been used.
    pub(super) reserved_id: u16,
    pub(super) sn: Option<SnValue>,
}

/// A session's MQTT-SN client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnValue {
    pub(crate) addr: Option<PeerAddr>,
    pub(crate) state: StateValue,
    pub(crate) keep_alive_s: u16,
    pub(crate) sleep_s: u16,
}

/// A client's state. Awake is stored as asleep: a client that was cut off in the middle wakes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StateValue {
    Active,
    Asleep,
    Disconnected,
    Lost,
}

impl From<ClientState> for StateValue {
    fn from(state: ClientState) -> Self {
        match state {
            ClientState::Active => Self::Active,
            ClientState::Asleep | ClientState::Awake => Self::Asleep,
            ClientState::Disconnected => Self::Disconnected,
            ClientState::Lost => Self::Lost,
        }
    }
}

/// A subscription, and the form in which an MQTT-SN client made it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SubscriptionValue<'a> {
    pub(super) filter: &'a str,
    pub(super) qos: u8,
    pub(super) form: FormValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FormValue {
    Name,
    Predefined(u16),
    Short([u8; 2]),
}

/// QoS 2 messages from a session's client.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IncomingValue {
    /// Ids that are not released.
    pub(super) unreleased: Vec<u16>,
    /// Late copies are known by these: when, under which id, the digest.
    pub(super) recent: Vec<(u64, u16, u64)>,
}

/// An application message.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MessageValue<'a> {
    pub(super) topic: &'a str,
    #[serde(with = "serde_bytes")]
    pub(super) payload: &'a [u8],
    pub(super) qos: u8,
    pub(super) retain: bool,
}

impl<'a> From<&'a Message> for MessageValue<'a> {
    fn from(message: &'a Message) -> Self {
        Self { topic: message.topic(), payload: message.payload(), qos: message.qos() as u8, retain: message.retain() }
    }
}

impl MessageValue<'_> {
    /// Octets of topic and payload.
    pub(super) fn bytes(&self) -> usize {
        self.topic.len() + self.payload.len()
    }

    /// `name` makes the topic's name of its text.
    pub(super) fn message(self, tail: Option<MessageTail<'_>>, name: impl FnOnce(&str) -> Arc<str>) -> Option<Message> {
        let details = tail.map(MessageTail::details).unwrap_or_default();
        Some(Message::detailed(name(self.topic), self.payload, qos(self.qos)?, self.retain, details))
    }
}

/// A message to one client.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct QueuedValue<'a> {
    qos: u8,
    retain: bool,
    priority: u8,
    /// In microseconds of the core's time.
    expires: Option<u64>,
    #[serde(borrow)]
    message: MessageValue<'a>,
}

impl<'a> From<&'a Queued> for QueuedValue<'a> {
    fn from(queued: &'a Queued) -> Self {
        Self {
            qos: queued.qos as u8,
            retain: queued.retain,
            priority: queued.priority,
            expires: stored_time(queued.expires),
            message: MessageValue::from(&queued.message),
        }
    }
}

impl<'a> QueuedValue<'a> {
    pub(super) fn message(&self) -> &MessageValue<'a> {
        &self.message
    }

    /// The message at its place. `make` makes it of what was published.
    pub(super) fn queued(
        self,
        place: u64,
        tail: Option<MessageTail<'a>>,
        make: impl FnOnce(MessageValue<'a>, Option<MessageTail<'a>>) -> Option<Message>,
    ) -> Option<Queued> {
        let (retain, priority, expires) = (self.retain, self.priority, restored_time(self.expires));
        let mut tail = tail;
        let group = tail.as_ref().and_then(MessageTail::group);
        let subscription_ids = tail.as_mut().map(MessageTail::take_subscription_ids).unwrap_or_default();
        let message = make(self.message, tail)?.with_subscription_ids(subscription_ids);
        Some(Queued { message, qos: qos(self.qos)?, retain, priority, place, group, expires })
    }
}

/// A message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FlightValue {
    pub(super) id: u16,
    pub(super) released: bool,
}

pub(super) fn qos(stored: u8) -> Option<Qos> {
    match stored {
        0 => Some(Qos::AtMostOnce),
        1 => Some(Qos::AtLeastOnce),
        2 => Some(Qos::ExactlyOnce),
        _ => None,
    }
}

/// A time that may be never.
pub(super) fn stored_time(at: Instant) -> Option<u64> {
    Some(at).filter(|at| *at < Instant::FAR_FUTURE).map(Instant::as_micros)
}

pub(super) fn restored_time(micros: Option<u64>) -> Instant {
    micros.map_or(Instant::FAR_FUTURE, Instant::from_micros)
}

/// A record that puts a value.
pub(super) fn put(key: Key<'_>, value: &impl Serialize) -> Record {
    // These values have no maps of unknown length and no custom serializers: encoding into a growing buffer succeeds.
    let value = postcard::to_allocvec(value).expect("plain values encode");
    Record { key: key.encode(), value: Some(value) }
}

/// A record that deletes a key.
pub(super) fn delete(key: Key<'_>) -> Record {
    Record { key: key.encode(), value: None }
}
