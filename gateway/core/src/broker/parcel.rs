//! Messages for a client that does not listen, packed into one piece of memory.
//!
//! Sleepers are many and their messages short: an allocation and a place in a queue for each would take more memory than
//! what they say. They are packed as the store has them, and become messages again when their turn comes.

mod packed;

use super::Queued;
use super::queue::Glance;
use packed::{BUFFER, Passed, Unpacked, Walk};
use std::slice;

/// Messages of one priority in the order of their places. What stands before them is the last one's place,
/// the priority, and how many there are.
#[derive(Debug)]
pub(super) struct Parcel(Vec<u8>);

/// Octets of topic and payload. What has more is not packed: its allocation weighs little.
pub(crate) const LONGEST_PACKED: usize = 256;
/// The same of a message that others have, too: no more than twice the place in a queue that one takes which is shared.
pub(crate) const LONGEST_SHARED: usize = 64;
/// Octets of a place.
const PLACE: usize = size_of::<u64>();
/// Octets before the messages.
const HEAD: usize = PLACE + 2;

impl Parcel {
    /// A parcel with so many octets takes no more, since it is unpacked as a whole.
    const FULL: usize = 4_096;

    /// Nor does one with so many messages: who adds one goes past all others.
    const MOST: u8 = 64;

    /// Whether packing a message is worth it.
    pub(super) fn takes(queued: &Queued) -> bool {
        let is_plain = queued.group.is_none() && queued.message.details().is_none();
        let longest = if queued.message.is_unshared() { LONGEST_PACKED } else { LONGEST_SHARED };
        is_plain && queued.bytes() <= longest
    }

    /// A parcel with one message.
    pub(super) fn with(queued: &Queued) -> Self {
        let mut parcel = Self::empty(queued.priority);
        parcel.push_all(slice::from_ref(queued));
        parcel
    }

    fn empty(priority: u8) -> Self {
        let mut octets = vec![0; HEAD];
        octets[PLACE] = priority;
        Self(octets)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    fn count(&self) -> u8 {
        self.0[PLACE + 1]
    }

    fn priority(&self) -> u8 {
        self.0[PLACE]
    }

    /// Appends messages of those that it [takes](Self::takes), of the same priority, behind all others. Answers how many
    /// there was room for; of several that come at once only the first has to go past those that are there.
    pub(super) fn push_all(&mut self, queued: &[Queued]) -> usize {
        let (mut passed, mut buffer) = (self.passed(), BUFFER);
        let (mut octets, mut place, mut count) = (Vec::new(), self.last_place(), 0);
        for queued in queued {
            if self.0.len() + octets.len() >= Self::FULL || self.count() + count >= Self::MOST {
                break;
            }
            let unpacked = queued.into();
            octets.extend_from_slice(passed.pack(&unpacked, &mut buffer));
            passed.push(&unpacked);
            (place, count) = (queued.place, count + 1);
        }
        self.append(place, &octets, count);
        count.into()
    }

    /// Appends so many packed messages, whose last one has this place.
    fn append(&mut self, place: u64, octets: &[u8], count: u8) {
        if self.0.capacity() - self.0.len() < octets.len() {
            self.0.reserve_exact(octets.len().max(self.0.len() / 8));
        }
        self.0.extend_from_slice(octets);
        self.0[..PLACE].copy_from_slice(&place.to_be_bytes());
        self.0[PLACE + 1] += count;
    }

    /// Takes out the messages for which `goes` holds, in order.
    pub(super) fn extract(&mut self, mut goes: impl FnMut(Glance<'_>) -> bool) -> Vec<Queued> {
        let (priority, mut taken) = (self.priority(), Vec::new());
        let stay = self.walk().filter(|unpacked| {
            let goes = goes(unpacked.glance());
            taken.extend(goes.then(|| unpacked.queued(priority)));
            !goes
        });
        *self = Self::of(priority, self.0.capacity(), stay);
        taken
    }

    /// Whether it is worth it to put two together: the next messages should have room, too.
    pub(super) fn can_join(&self, behind: &Self) -> bool {
        self.count() + behind.count() <= Self::MOST / 2 && self.0.len() + behind.0.len() <= Self::FULL / 2
    }

    /// Appends what is in another one of the same priority, behind all of this one's.
    pub(super) fn join(&mut self, behind: &Self) {
        let capacity = self.0.len() + behind.0.len();
        *self = Self::of(self.priority(), capacity, self.walk().chain(behind.walk()));
    }

    /// A parcel with these messages, and room for so many octets unless they take up less than half of it.
    fn of<'a>(priority: u8, capacity: usize, messages: impl Iterator<Item = Unpacked<'a>>) -> Self {
        let (mut parcel, mut passed, mut buffer) = (Self::empty(priority), Passed::default(), BUFFER);
        parcel.0.reserve_exact(capacity);
        for unpacked in messages {
            parcel.append(unpacked.place, passed.pack(&unpacked, &mut buffer), 1);
            passed.push(&unpacked);
        }
        if parcel.0.len() < capacity / 2 {
            parcel.0.shrink_to_fit();
        }
        parcel
    }

    /// The place of the last one.
    pub(super) fn last_place(&self) -> u64 {
        self.0.first_chunk().map_or(0, |place| u64::from_be_bytes(*place))
    }

    /// Unpacks them, in order.
    pub(super) fn messages(&self) -> impl Iterator<Item = Queued> {
        self.walk().map(|unpacked| unpacked.queued(self.priority()))
    }

    /// Unpacks those behind a place.
    pub(super) fn after(&self, place: u64) -> impl Iterator<Item = Queued> {
        let behind = self.walk().filter(move |unpacked| unpacked.place > place);
        behind.map(|unpacked| unpacked.queued(self.priority()))
    }

    /// Looks at them where they lie, in order.
    pub(super) fn glances(&self) -> impl Iterator<Item = Glance<'_>> {
        self.walk().map(|unpacked| unpacked.glance())
    }

    fn walk(&self) -> Walk<'_> {
        Walk::new(&self.0[HEAD..])
    }

    /// All of its messages, passed.
    fn passed(&self) -> Passed<'_> {
        let mut walk = self.walk();
        walk.by_ref().for_each(drop);
        walk.passed
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
        parcel.push_all(&all[1..]);
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
            (1..30).for_each(|n| assert_eq!(parcel.push_all(&[of(n % topics, n as u64 + 1)]), 1));
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
    fn what_is_taken_out_leaves_the_rest_as_it_was() {
        let of = |topic: u64, place| {
            let message = Message::new(format!("sensors/{topic}").into(), b"", Qos::AtLeastOnce, false);
            Queued { message, expires: Instant::from_secs(topic), ..plain(place) }
        };
        let all: Vec<_> = (1..=60).map(|place| of(place * place % 7, place)).collect();
        let mut parcel = Parcel::with(&all[0]);
        parcel.push_all(&all[1..]);
        for goes in [|place| place == 60, |place| place == 1, |place| place % 4 == 2, |_| true] {
            let before: Vec<_> = parcel.messages().collect();
            let (out, stay): (Vec<_>, Vec<_>) = before.into_iter().partition(|queued| goes(queued.place));
            assert_eq!(parcel.extract(|glance| goes(glance.place)), out);
            assert_eq!(parcel.messages().collect::<Vec<_>>(), stay);
            assert_eq!(parcel.last_place(), stay.last().map_or(0, |queued| queued.place));
        }
        assert!(parcel.is_empty());
    }

    #[test]
    fn two_that_are_small_become_one() {
        let parcel = |places: std::ops::Range<u64>| {
            let mut parcel = Parcel::with(&plain(places.start));
            parcel.push_all(&places.skip(1).map(plain).collect::<Vec<_>>());
            parcel
        };
        let (mut left, right) = (parcel(1..17), parcel(20..36));
        assert!(left.can_join(&right) && !left.can_join(&parcel(20..37)));
        left.join(&right);
        assert!(left.messages().eq((1..17).chain(20..36).map(plain)));
        assert_eq!((left.last_place(), left.count()), (35, 32));
    }

    #[test]
    fn what_comes_at_once_is_packed_as_what_comes_one_by_one() {
        let of = |place: u64| {
            let message = Message::new(format!("sensors/{}", place % 11).into(), b"12", Qos::AtLeastOnce, false);
            Queued { message, ..plain(place) }
        };
        let all: Vec<_> = (1..=100).map(of).collect();
        let (mut at_once, mut one_by_one) = (Parcel::with(&all[0]), Parcel::with(&all[0]));
        let fit = all[1..].chunks(1).take_while(|one| one_by_one.push_all(one) == 1).count();
        assert_eq!(at_once.push_all(&all[1..20]), 19);
        assert_eq!(at_once.push_all(&all[20..]), fit - 19);
        assert_eq!((at_once.push_all(&all[60..]), at_once.0), (0, one_by_one.0));
    }

    #[test]
    fn a_parcel_is_full_some_time() {
        let messages = |payload: &[u8]| {
            let of = |place| queued(payload, Details::default(), place);
            let mut parcel = Parcel::with(&of(1));
            1 + (2..).take_while(|place| parcel.push_all(&[of(*place)]) == 1).count()
        };
        assert_eq!(messages(b""), 64);
        assert!((15..20).contains(&messages(&[0; 250])));
    }
}
