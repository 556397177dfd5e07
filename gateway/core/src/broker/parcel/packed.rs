//! How one message lies in a parcel: no more than what tells it from those before it.

use super::LONGEST_PACKED;
use crate::broker::Queued;
use crate::broker::queue::Glance;
use crate::{Message, Qos};
use serde::{Deserialize, Serialize, Serializer};
use sn_types::Instant;
use std::sync::Arc;

/// A message as it is packed, field after field.
#[derive(Debug, Serialize)]
struct Packed<'a> {
    /// How many places it is behind the one before.
    step: u64,
    marks: Marks,
    /// In microseconds of the core's time, if the marks say so.
    expires: Bare<u64>,
    /// How many messages before it the last one of its topic is, or the topic.
    same_topic: Bare<u8>,
    topic: Bare<&'a str>,
    #[serde(with = "serde_bytes")]
    payload: &'a [u8],
}

/// What is left out without a trace if it is not there: [`Marks`] tell.
#[derive(Debug)]
struct Bare<T>(Option<T>);

impl<T: Serialize> Serialize for Bare<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(value) => value.serialize(serializer),
            None => serializer.serialize_unit(),
        }
    }
}

/// QoS (2 bits) and RETAIN as its client is to get them, whether it expires, and in the upper half QoS and RETAIN as they were
/// published, and whether its topic is one of those before.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Marks(u8);

/// Octets of a [`Packed`] beside topic and payload, at most: a place and a time of up to 10 each, two lengths of up to 2, and
/// the marks.
const BESIDE: usize = 25;

/// Room for one message.
pub(super) const BUFFER: [u8; LONGEST_PACKED + BESIDE] = [0; _];

/// What packing a message takes of those before it.
#[derive(Debug, Default)]
pub(super) struct Passed<'a> {
    /// The last one's, 0 before the first.
    place: u64,
    topics: LastTopics<'a>,
}

impl<'a> Passed<'a> {
    /// Packs a message behind those that were passed.
    pub(super) fn pack<'b>(&self, message: &Unpacked<'_>, buffer: &'b mut [u8]) -> &'b [u8] {
        let same_topic = self.topics.find(message.topic);
        let expires = Some(message.expires).filter(|at| *at < Instant::FAR_FUTURE).map(Instant::as_micros);
        let packed = Packed {
            step: message.place.wrapping_sub(self.place),
            marks: message.marks.with(expires.is_some(), same_topic.is_some()),
            expires: Bare(expires),
            same_topic: Bare(same_topic),
            topic: Bare(Some(message.topic).filter(|_| same_topic.is_none())),
            payload: message.payload,
        };
        // A parcel takes only what is plain, and no longer than the buffer.
        postcard::to_slice(&packed, buffer).expect("there is room")
    }

    pub(super) fn push(&mut self, message: &Unpacked<'a>) {
        self.place = message.place;
        self.topics.push(message.topic);
    }
}

/// A message where it lies: in a parcel, or before it is packed.
#[derive(Debug)]
pub(super) struct Unpacked<'a> {
    pub(super) place: u64,
    topic: &'a str,
    expires: Instant,
    marks: Marks,
    payload: &'a [u8],
}

impl<'a> From<&'a Queued> for Unpacked<'a> {
    fn from(queued: &'a Queued) -> Self {
        let Queued { ref message, place, expires, .. } = *queued;
        Self { place, topic: message.topic(), expires, marks: Marks::of(queued), payload: message.payload() }
    }
}

impl<'a> Unpacked<'a> {
    pub(super) fn glance(&self) -> Glance<'a> {
        // What is packed has no details, which would count, too.
        let bytes = self.topic.len() + self.payload.len();
        let Self { place, topic, expires, marks, payload: _ } = *self;
        Glance { topic, place, expires, is_durable: marks.qos() != Qos::AtMostOnce, bytes }
    }

    /// The message as it was before it was packed.
    pub(super) fn queued(&self, priority: u8) -> Queued {
        let Self { place, topic, expires, marks, payload } = *self;
        let message = Message::new(Arc::from(topic), payload, marks.published_qos(), marks.published_retain());
        Queued { message, qos: marks.qos(), retain: marks.retain(), priority, place, group: None, expires }
    }
}

/// Goes from message to message.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    rest: &'a [u8],
    pub(super) passed: Passed<'a>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets, passed: Passed::default() }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Unpacked<'a>;

    fn next(&mut self) -> Option<Unpacked<'a>> {
        let (step, marks): (u64, Marks) = self.take()?;
        let expires = if marks.expires() { Instant::from_micros(self.take()?) } else { Instant::FAR_FUTURE };
        let topic = match marks.same_topic() {
            true => self.take().and_then(|before| self.passed.topics.get(before))?,
            false => self.take()?,
        };
        let message =
            Unpacked { place: self.passed.place.wrapping_add(step), topic, expires, marks, payload: self.take()? };
        self.passed.push(&message);
        Some(message)
    }
}

impl<'a> Walk<'a> {
    /// The next field.
    fn take<T: Deserialize<'a>>(&mut self) -> Option<T> {
        let (field, rest) = postcard::take_from_bytes(self.rest).ok()?;
        self.rest = rest;
        Some(field)
    }
}

/// The topics of the last messages, the latest first. A node that hears of a few has them by turns.
#[derive(Debug, Default)]
struct LastTopics<'a>([&'a str; 8]);

impl<'a> LastTopics<'a> {
    /// How many messages before the next one the last one of this topic is.
    fn find(&self, topic: &str) -> Option<u8> {
        self.0.iter().zip(1..).find(|(known, _)| **known == topic).map(|(_, before)| before)
    }

    fn get(&self, before: u8) -> Option<&'a str> {
        self.0.get(usize::from(before).checked_sub(1)?).copied()
    }

    fn push(&mut self, topic: &'a str) {
        self.0.rotate_right(1);
        self.0[0] = topic;
    }
}

impl Marks {
    const EXPIRES: u8 = 0x08;
    const SAME_TOPIC: u8 = 0x80;

    /// Those of a message wherever it is packed.
    fn of(queued: &Queued) -> Self {
        let half = |qos: Qos, retain: bool| qos as u8 | u8::from(retain) << 2;
        Self(half(queued.qos, queued.retain) | half(queued.message.qos(), queued.message.retain()) << 4)
    }

    /// The same with what depends on where it is packed.
    fn with(self, expires: bool, same_topic: bool) -> Self {
        let mark = |is_set, mark| if is_set { mark } else { 0 };
        let bare = self.0 & !(Self::EXPIRES | Self::SAME_TOPIC);
        Self(bare | mark(expires, Self::EXPIRES) | mark(same_topic, Self::SAME_TOPIC))
    }

    const fn qos(self) -> Qos {
        match self.0 & 3 {
            0 => Qos::AtMostOnce,
            1 => Qos::AtLeastOnce,
            _ => Qos::ExactlyOnce,
        }
    }

    const fn retain(self) -> bool {
        self.0 & 4 != 0
    }

    const fn expires(self) -> bool {
        self.0 & Self::EXPIRES != 0
    }

    const fn published_qos(self) -> Qos {
        Self(self.0 >> 4).qos()
    }

    const fn published_retain(self) -> bool {
        Self(self.0 >> 4).retain()
    }

    const fn same_topic(self) -> bool {
        self.0 & Self::SAME_TOPIC != 0
    }
}
