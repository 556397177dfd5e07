//! How one message lies in a parcel: no more than what tells it from those before it.

use crate::broker::Queued;
use crate::{Message, Qos};
use serde::{Deserialize, Serialize};
use sn_types::Instant;
use std::sync::Arc;

/// A message as it is packed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Packed<'a> {
    /// How many places it is behind the one before.
    step: u64,
    marks: Marks,
    /// In microseconds of the core's time.
    expires: Option<u64>,
    /// 0, or how many messages before it the last one of its topic is: then it has no text of its own.
    same_topic: u8,
    topic: &'a str,
    #[serde(with = "serde_bytes")]
    payload: &'a [u8],
}

/// QoS and RETAIN, first as its client is to get them, then as they were published.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Marks(u8);

/// Octets of a [`Packed`] beside topic and payload, at most: a place and a time of up to 10 each, the time's presence, two
/// lengths of up to 2, and two small numbers.
pub(super) const BESIDE: usize = 27;

impl<'a> Packed<'a> {
    /// Packs a message behind those that the walk has passed.
    pub(super) fn behind(walk: &Walk<'_>, queued: &'a Queued) -> Self {
        let (message, topic) = (&queued.message, &**queued.message.topic());
        let same_topic = walk.topics.find(topic);
        Self {
            step: queued.place.wrapping_sub(walk.place),
            marks: Marks::new(queued),
            expires: Some(queued.expires).filter(|at| *at < Instant::FAR_FUTURE).map(Instant::as_micros),
            same_topic: same_topic.unwrap_or(0),
            topic: if same_topic.is_some() { "" } else { topic },
            payload: message.payload(),
        }
    }
}

/// A message where it lies.
#[derive(Debug)]
pub(super) struct Unpacked<'a> {
    pub(super) place: u64,
    pub(super) topic: &'a str,
    packed: Packed<'a>,
}

impl Unpacked<'_> {
    pub(super) fn expires(&self) -> Instant {
        self.packed.expires.map_or(Instant::FAR_FUTURE, Instant::from_micros)
    }

    /// The message as it was before it was packed.
    pub(super) fn queued(&self, priority: u8) -> Queued {
        let Packed { marks, payload, .. } = self.packed;
        let message = Message::new(Arc::from(self.topic), payload, marks.published_qos(), marks.published_retain());
        let (qos, retain, place, expires) = (marks.qos(), marks.retain(), self.place, self.expires());
        Queued { message, qos, retain, priority, place, group: None, expires }
    }
}

/// Goes from message to message.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    rest: &'a [u8],
    /// The last one's, 0 before the first.
    place: u64,
    topics: LastTopics<'a>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets, place: 0, topics: LastTopics::default() }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Unpacked<'a>;

    fn next(&mut self) -> Option<Unpacked<'a>> {
        let (packed, rest): (Packed<'a>, _) = postcard::take_from_bytes(self.rest).ok()?;
        let topic = self.topics.get(packed.same_topic).unwrap_or(packed.topic);
        self.rest = rest;
        self.place = self.place.wrapping_add(packed.step);
        self.topics.push(topic);
        Some(Unpacked { place: self.place, topic, packed })
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
    fn new(queued: &Queued) -> Self {
        let one = |qos: Qos, retain: bool| qos as u8 | u8::from(retain) << 2;
        Self(one(queued.qos, queued.retain) | one(queued.message.qos(), queued.message.retain()) << 4)
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

    const fn published_qos(self) -> Qos {
        Self(self.0 >> 4).qos()
    }

    const fn published_retain(self) -> bool {
        Self(self.0 >> 4).retain()
    }
}
