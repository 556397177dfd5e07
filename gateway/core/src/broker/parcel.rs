//! Messages for a client that does not listen, packed into one piece of memory.
//!
//! Sleepers are many and their messages short: an allocation and a place in a queue for each would take more memory than
//! what they say. They are packed as the store has them, and become messages again when their turn comes.

use super::Queued;
use super::queue::Glance;
use crate::durable::QueuedValue;
use std::sync::Arc;

/// Messages in the order of their places, at least one. What stands before them is the last one's place.
#[derive(Debug)]
pub(super) struct Parcel(Vec<u8>);

/// Octets of a place.
const PLACE: usize = size_of::<u64>();

impl Parcel {
    /// Octets of topic and payload. What has more is not packed: its allocation weighs little.
    const LONGEST: usize = 256;
    /// No more than twice the place in a queue that a message takes which is shared.
    const LONGEST_SHARED: usize = 64;
    /// A place and a time of up to 10 octets each, and nine small numbers.
    const BESIDE: usize = 48;
    /// A parcel with so many octets takes no more, since it is unpacked as a whole.
    const FULL: usize = 4_096;

    /// Whether packing a message is worth it.
    pub(super) fn takes(queued: &Queued) -> bool {
        let is_plain = queued.group.is_none() && queued.message.details().is_none();
        let longest = if queued.message.is_unshared() { Self::LONGEST } else { Self::LONGEST_SHARED };
        is_plain && queued.bytes() <= longest
    }

    /// A parcel with one message.
    pub(super) fn with(queued: &Queued) -> Self {
        let mut parcel = Self(vec![0; PLACE]);
        parcel.push(queued);
        parcel
    }

    pub(super) fn has_room(&self) -> bool {
        self.0.len() < Self::FULL
    }

    /// Appends a message of those that it [takes](Self::takes).
    pub(super) fn push(&mut self, queued: &Queued) {
        let (value, mut buffer) = ((queued.place, QueuedValue::from(queued)), [0; Self::LONGEST + Self::BESIDE]);
        // What it takes is plain, and no longer than the buffer.
        let octets = postcard::to_slice(&value, &mut buffer).expect("there is room");
        if self.0.capacity() - self.0.len() < octets.len() {
            self.0.reserve_exact(octets.len().max(self.0.len() / 8));
        }
        self.0.extend_from_slice(octets);
        self.0[..PLACE].copy_from_slice(&queued.place.to_be_bytes());
    }

    /// The place of the last one.
    pub(super) fn last_place(&self) -> u64 {
        self.0.first_chunk().map_or(0, |place| u64::from_be_bytes(*place))
    }

    /// Unpacks them, in order.
    pub(super) fn messages(&self) -> impl Iterator<Item = Queued> {
        self.values().filter_map(|(place, value)| value.queued(place, None, |topic| Arc::from(topic)))
    }

    /// Looks at them where they lie, in order.
    pub(super) fn glances(&self) -> impl Iterator<Item = Glance<'_>> {
        self.values().map(|(place, value)| Glance { topic: value.topic(), place, expires: value.expires() })
    }

    /// With their places.
    fn values(&self) -> impl Iterator<Item = (u64, QueuedValue<'_>)> {
        let mut rest = &self.0[PLACE..];
        std::iter::from_fn(move || {
            let (value, behind) = postcard::take_from_bytes(rest).ok()?;
            rest = behind;
            Some(value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Details, Message, Qos};
    use sn_types::Instant;

    fn queued(payload: &[u8], details: Details, place: u64) -> Queued {
        let message = Message::detailed("a/b".into(), payload, Qos::ExactlyOnce, true, details);
        let (qos, expires) = (Qos::AtLeastOnce, Instant::from_secs(7));
        Queued { message, qos, retain: true, priority: 3, place, group: None, expires }
    }

    fn plain(place: u64) -> Queued {
        queued(b"12", Details::default(), place)
    }

    #[test]
    fn what_is_unpacked_is_what_was_packed() {
        let mut parcel = Parcel::with(&plain(5));
        parcel.push(&plain(1 << 60));
        assert_eq!(parcel.last_place(), 1 << 60);
        let unpacked: Vec<_> = parcel.messages().collect();
        assert_eq!(unpacked, [plain(5), plain(1 << 60)]);
        let glances: Vec<_> = parcel.glances().collect();
        assert_eq!(glances, unpacked.iter().map(Glance::from).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_long_or_has_more_to_say_is_not_packed() {
        let of = |octets| queued(&vec![0; octets - "a/b".len()], Details::default(), 1);
        assert!(Parcel::takes(&of(256)) && !Parcel::takes(&of(257)));
        let details = Details { expires: Some(Instant::from_secs(9)), ..Details::default() };
        assert!(!Parcel::takes(&queued(b"12", details, 1)));
    }

    #[test]
    fn what_is_shared_is_packed_if_it_is_short() {
        let of = |octets| queued(&vec![0; octets - "a/b".len()], Details::default(), 1);
        let shared = [of(64), of(65)];
        let others = shared.clone();
        assert_eq!(shared.each_ref().map(Parcel::takes), [true, false]);
        drop(others);
        assert_eq!(shared.each_ref().map(Parcel::takes), [true, true]);
    }

    #[test]
    fn a_parcel_is_full_some_time() {
        let mut parcel = Parcel::with(&plain(1));
        let mut messages = 1;
        while parcel.has_room() {
            messages += 1;
            parcel.push(&plain(messages));
        }
        assert!((100..1_000).contains(&messages), "{messages}");
        assert_eq!(parcel.messages().count() as u64, messages);
    }
}
