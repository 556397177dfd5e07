//! Messages for a client that does not listen, packed into one piece of memory.
//!
//! Sleepers are many and their messages short: an allocation and a place in a queue for each would take more memory than
//! what they say. They are packed as the store has them, and become messages again when their turn comes.

mod packed;

use super::Queued;
use super::queue::Glance;
use packed::{BESIDE, Packed, Walk};

/// Messages of one priority in the order of their places, at least one. What stands before them is the last one's place,
/// the priority, and how many there are.
#[derive(Debug)]
pub(super) struct Parcel(Vec<u8>);

/// Octets of topic and payload. What has more is not packed: its allocation weighs little.
pub(crate) const LONGEST_PACKED: usize = 256;
/// Octets of a place.
const PLACE: usize = size_of::<u64>();
/// Octets before the messages.
const HEAD: usize = PLACE + 2;

impl Parcel {
    /// No more than twice the place in a queue that a message takes which is shared.
    const LONGEST_SHARED: usize = 64;
    /// A parcel with so many octets takes no more, since it is unpacked as a whole.
    const FULL: usize = 4_096;

    /// Nor does one with so many messages: who adds one goes past all others.
    const MOST: u8 = 64;

    /// Whether packing a message is worth it.
    pub(super) fn takes(queued: &Queued) -> bool {
        let is_plain = queued.group.is_none() && queued.message.details().is_none();
        let longest = if queued.message.is_unshared() { LONGEST_PACKED } else { Self::LONGEST_SHARED };
        is_plain && queued.bytes() <= longest
    }

    /// A parcel with one message.
    pub(super) fn with(queued: &Queued) -> Self {
        let mut parcel = Self(vec![0; HEAD]);
        parcel.0[PLACE] = queued.priority;
        parcel.push(queued);
        parcel
    }

    pub(super) fn has_room(&self) -> bool {
        self.0.len() < Self::FULL && self.0[PLACE + 1] < Self::MOST
    }

    /// Appends a message of those that it [takes](Self::takes), of the same priority, behind all others.
    pub(super) fn push(&mut self, queued: &Queued) {
        let mut walk = self.walk();
        walk.by_ref().for_each(drop);
        let (packed, mut buffer) = (Packed::behind(&walk, queued), [0; LONGEST_PACKED + BESIDE]);
        // What it takes is plain, and no longer than the buffer.
        let octets = postcard::to_slice(&packed, &mut buffer).expect("there is room");
        if self.0.capacity() - self.0.len() < octets.len() {
            self.0.reserve_exact(octets.len().max(self.0.len() / 8));
        }
        self.0.extend_from_slice(octets);
        self.0[..PLACE].copy_from_slice(&queued.place.to_be_bytes());
        self.0[PLACE + 1] += 1;
    }

    /// The place of the last one.
    pub(super) fn last_place(&self) -> u64 {
        self.0.first_chunk().map_or(0, |place| u64::from_be_bytes(*place))
    }

    /// Unpacks them, in order.
    pub(super) fn messages(&self) -> impl Iterator<Item = Queued> {
        self.walk().map(|unpacked| unpacked.queued(self.0[PLACE]))
    }

    /// Looks at them where they lie, in order.
    pub(super) fn glances(&self) -> impl Iterator<Item = Glance<'_>> {
        self.walk().map(|at| Glance { topic: at.topic, place: at.place, expires: at.expires, bytes: at.bytes() })
    }

    fn walk(&self) -> Walk<'_> {
        Walk::new(&self.0[HEAD..])
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
        let all = [plain(5), Queued { message: Message::new("a".into(), b"", Qos::AtMostOnce, false), ..plain(6) }];
        let all = [&all[..], &[Queued { expires: Instant::FAR_FUTURE, retain: false, ..plain(1 << 60) }]].concat();
        all[1..].iter().for_each(|queued| parcel.push(queued));
        assert_eq!(parcel.last_place(), 1 << 60);
        let unpacked: Vec<_> = parcel.messages().collect();
        assert_eq!(unpacked, all);
        let glances: Vec<_> = parcel.glances().collect();
        assert_eq!(glances, unpacked.iter().map(Glance::from).collect::<Vec<_>>());
    }

    #[test]
    fn a_topic_is_there_once_as_long_as_it_comes_by_turns() {
        let of = |topic: usize, place| {
            let message = Message::new(format!("sensors/{topic}").into(), b"", Qos::AtLeastOnce, false);
            Queued { message, ..plain(place) }
        };
        for (topics, is_there) in [(1, 1), (8, 8), (9, 30)] {
            let mut parcel = Parcel::with(&of(0, 1));
            (1..30).for_each(|n| parcel.push(&of(n % topics, n as u64 + 1)));
            let text = String::from_utf8_lossy(&parcel.0).matches("sensors/").count();
            assert_eq!(text, is_there, "of {topics}");
            assert!(parcel.messages().eq((0..30).map(|n| of(n % topics, n as u64 + 1))));
        }
    }

    #[test]
    fn the_longest_message_with_the_latest_place_and_expiry_is_packed() {
        let latest =
            Queued { expires: Instant::from_micros(u64::MAX - 1), ..queued(&[7; 253], Details::default(), u64::MAX) };
        assert!(Parcel::takes(&latest));
        assert!(Parcel::with(&latest).messages().eq([latest]));
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
        let messages = |payload: &[u8]| {
            let of = |place| queued(payload, Details::default(), place);
            let mut parcel = Parcel::with(&of(1));
            let more = (2..).take_while(|place| {
                let has_room = parcel.has_room();
                parcel.push(&of(*place));
                has_room
            });
            more.count() + 1
        };
        assert_eq!(messages(b""), 64);
        assert!((15..20).contains(&messages(&[0; 250])));
    }
}
