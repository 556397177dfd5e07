//! Messages that wait for one client: those of a higher priority first, each priority in order. While the client does not
//! listen they are packed into [`Parcel`]s.

use super::GroupNumber;
use super::parcel::Parcel;
use crate::short::Short;
use crate::{Limits, Message, Qos, short};
use sn_types::Instant;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
pub(super) struct Glance<'a> {
    pub(super) topic: &'a str,
    /// See [`Queued::place`].
    pub(super) place: u64,
    /// See [`Queued::expires`].
    pub(super) expires: Instant,
    /// Octets that it counts for.
    pub(super) bytes: usize,
}

impl<'a> From<&'a Queued> for Glance<'a> {
    fn from(queued: &'a Queued) -> Self {
        Self { topic: queued.message.topic(), place: queued.place, expires: queued.expires, bytes: queued.bytes() }
    }
}

/// So many messages, and octets of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

impl Size {
    /// What is left of it when there is a message less.
    fn without(self, bytes: usize) -> Self {
        Self { messages: self.messages.saturating_sub(1), bytes: self.bytes.saturating_sub(bytes) }
    }
}

/// What takes a place in a queue: a message, or several.
#[derive(Debug)]
enum Entry {
    One(Queued),
    Packed(Parcel),
}

// Very many wait.
const _: () = assert!(size_of::<Entry>() == 32);

impl Entry {
    /// The place of the last message in it.
    fn last_place(&self) -> u64 {
        match self {
            Self::One(queued) => queued.place,
            Self::Packed(parcel) => parcel.last_place(),
        }
    }

    fn messages(&self) -> impl Iterator<Item = Cow<'_, Queued>> {
        let (one, packed) = match self {
            Self::One(queued) => (Some(Cow::Borrowed(queued)), None),
            Self::Packed(parcel) => (None, Some(parcel.messages().map(Cow::Owned))),
        };
        one.into_iter().chain(packed.into_iter().flatten())
    }

    fn glances(&self) -> impl Iterator<Item = Glance<'_>> {
        let (one, packed) = match self {
            Self::One(queued) => (Some(Glance::from(queued)), None),
            Self::Packed(parcel) => (None, Some(parcel.glances())),
        };
        one.into_iter().chain(packed.into_iter().flatten())
    }
}

impl Queued {
    /// QoS 0 promises nothing and is not stored.
    pub(super) fn is_durable(&self) -> bool {
        self.qos != Qos::AtMostOnce
    }

    pub(super) fn bytes(&self) -> usize {
        self.message.bytes()
    }
}

/// What waits for all clients together, or is in flight to them. Shared by all queues, and changed by each as it changes.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    messages: AtomicUsize,
    bytes: AtomicUsize,
}

impl Totals {
    pub(crate) fn messages(&self) -> usize {
        self.messages.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// By how much one more message would exceed the limits.
    pub(super) fn excess(&self, queued: &Queued, limits: &Limits) -> Size {
        Size {
            messages: (self.messages() + 1).saturating_sub(limits.total_queue_messages),
            bytes: (self.bytes() + queued.bytes()).saturating_sub(limits.total_queue_bytes),
        }
    }

    pub(super) fn add(&self, messages: usize, bytes: usize) {
        self.messages.fetch_add(messages, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn sub(&self, messages: usize, bytes: usize) {
        self.messages.fetch_sub(messages, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// One priority's messages, in the order of their places.
#[derive(Debug)]
struct Level {
    priority: u8,
    entries: VecDeque<Entry>,
}

impl Level {
    fn push(&mut self, queued: Queued) {
        self.make_room();
        self.entries.push_back(Entry::One(queued));
    }

    /// Appends a message, packed if it is one for that.
    fn push_packed(&mut self, queued: Queued) {
        if !Parcel::takes(&queued) {
            return self.push(queued);
        }
        if let Some(Entry::Packed(parcel)) = self.entries.back_mut()
            && parcel.has_room()
        {
            return parcel.push(&queued);
        }
        self.make_room();
        self.entries.push_back(Entry::Packed(Parcel::with(&queued)));
    }

    /// Very many queues are very short.
    fn make_room(&mut self) {
        let len = self.entries.len();
        if len == self.entries.capacity() {
            self.entries.reserve_exact(short::more(len));
        }
    }

    /// Packs what was pushed last.
    fn pack(&mut self) {
        let is_loose = |entry: &&Entry| matches!(entry, Entry::One(queued) if Parcel::takes(queued));
        let loose = self.entries.iter().rev().take_while(is_loose).count();
        for entry in self.entries.split_off(self.entries.len() - loose) {
            match entry {
                Entry::One(queued) => self.push_packed(queued),
                Entry::Packed(_) => self.entries.push_back(entry),
            }
        }
        if loose > 0 && self.entries.len() < FEW {
            self.entries.shrink_to_fit();
        }
    }

    /// The message that comes next, not packed any more.
    fn front(&mut self) -> Option<&Queued> {
        if let Some(Entry::Packed(parcel)) = self.entries.front() {
            let messages: Vec<_> = parcel.messages().collect();
            self.entries.pop_front();
            self.entries.reserve_exact(messages.len());
            messages.into_iter().rev().for_each(|queued| self.entries.push_front(Entry::One(queued)));
        }
        match self.entries.front()? {
            Entry::One(queued) => Some(queued),
            Entry::Packed(_) => None,
        }
    }

    fn pop_front(&mut self) -> Option<Queued> {
        self.front()?;
        match self.entries.pop_front()? {
            Entry::One(queued) => Some(queued),
            Entry::Packed(_) => None,
        }
    }

    fn extract(&mut self, mut goes: impl FnMut(Glance<'_>) -> bool, taken: &mut Vec<Queued>) {
        for entry in std::mem::take(&mut self.entries) {
            match entry {
                Entry::One(queued) if goes(Glance::from(&queued)) => taken.push(queued),
                Entry::Packed(parcel) if parcel.glances().any(&mut goes) => {
                    let (out, stay): (Vec<_>, Vec<_>) =
                        parcel.messages().partition(|queued| goes(Glance::from(queued)));
                    stay.into_iter().for_each(|queued| self.push_packed(queued));
                    taken.extend(out);
                }
                Entry::One(_) | Entry::Packed(_) => {
                    self.make_room();
                    self.entries.push_back(entry);
                }
            }
        }
    }
}

/// What waits for one client.
#[derive(Debug)]
pub(super) struct Queue {
    /// The highest priority first; without queue rules there is only one.
    levels: Short<Level>,
    len: usize,
    bytes: usize,
    /// No message expires before this.
    first_expiry: Instant,
    totals: Arc<Totals>,
}

/// A level that has drained below so many messages gives back the room for the rest.
const FEW: usize = 4;

impl Queue {
    pub(super) fn new(totals: &Arc<Totals>) -> Self {
        let totals = totals.clone();
        Self { levels: Short::new(), len: 0, bytes: 0, first_expiry: Instant::FAR_FUTURE, totals }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn totals(&self) -> &Arc<Totals> {
        &self.totals
    }

    /// Appends a message, behind the others of its priority.
    pub(super) fn push(&mut self, queued: Queued) {
        self.level_for(&queued).push(queued);
    }

    /// The same for a client that does not listen.
    pub(super) fn push_packed(&mut self, queued: Queued) {
        self.level_for(&queued).push_packed(queued);
    }

    /// Counts a message, and says where it is to go.
    fn level_for(&mut self, queued: &Queued) -> &mut Level {
        self.len += 1;
        self.bytes += queued.bytes();
        self.first_expiry = self.first_expiry.min(queued.expires);
        self.totals.add(1, queued.bytes());
        let priority = queued.priority;
        let at = self.levels.partition_point(|level| level.priority > priority);
        if self.levels.get(at).is_none_or(|level| level.priority != priority) {
            self.levels.reserve_exact(1);
            self.levels.insert(at, Level { priority, entries: VecDeque::new() });
        }
        &mut self.levels[at]
    }

    /// Its client does not listen: packs what was pushed since the last time.
    pub(super) fn pack(&mut self) {
        self.levels.iter_mut().for_each(Level::pack);
    }

    /// The message that comes next.
    pub(super) fn front(&mut self) -> Option<&Queued> {
        self.levels.iter_mut().find_map(Level::front)
    }

    /// Takes the message that comes next.
    pub(super) fn pop_front(&mut self) -> Option<Queued> {
        let level = self.levels.iter_mut().find(|level| !level.entries.is_empty())?;
        Self::pop_from(level, &mut self.len, &mut self.bytes, &self.totals)
    }

    /// Whether the queue could become smaller by `excess` if messages of a priority up to `at_most` went, and those of
    /// `topic`. Looks at no more of them than it must.
    pub(super) fn can_shrink(&self, excess: Size, at_most: Option<u8>, topic: Option<&str>) -> bool {
        let mut left = excess;
        for level in self.levels.iter().rev() {
            let all_go = at_most.is_some_and(|at_most| level.priority <= at_most);
            let entries = if all_go || topic.is_some() { level.entries.iter() } else { Default::default() };
            for glance in entries.flat_map(Entry::glances).filter(|glance| all_go || topic == Some(glance.topic)) {
                left = left.without(glance.bytes);
                if left == Size::default() {
                    return true;
                }
            }
        }
        false
    }

    /// Takes the message that has waited longest among the least important.
    pub(super) fn pop_least(&mut self) -> Option<Queued> {
        let level = self.levels.iter_mut().rev().find(|level| !level.entries.is_empty())?;
        Self::pop_from(level, &mut self.len, &mut self.bytes, &self.totals)
    }

    fn pop_from(level: &mut Level, len: &mut usize, bytes: &mut usize, totals: &Totals) -> Option<Queued> {
        let queued = level.pop_front()?;
        *len -= 1;
        *bytes -= queued.bytes();
        totals.sub(1, queued.bytes());
        if level.entries.len() < FEW && level.entries.capacity() > 16 * FEW {
            level.entries.shrink_to(FEW);
        }
        Some(queued)
    }

    pub(super) fn may_have_expired(&self, now: Instant) -> bool {
        self.first_expiry <= now
    }

    /// Takes all messages that are of no use any more. A full queue is asked for them at every message that comes: it looks
    /// only when there may be some.
    pub(super) fn extract_expired(&mut self, now: Instant) -> Vec<Queued> {
        if !self.may_have_expired(now) {
            return Vec::new();
        }
        let expired = self.extract(|glance| glance.expires <= now);
        let entries = self.levels.iter().flat_map(|level| &level.entries);
        let expiries = entries.flat_map(Entry::glances).map(|glance| glance.expires);
        self.first_expiry = expiries.min().unwrap_or(Instant::FAR_FUTURE);
        expired
    }

    /// Takes all messages for which `goes` holds, in order.
    pub(super) fn extract(&mut self, mut goes: impl FnMut(Glance<'_>) -> bool) -> Vec<Queued> {
        let mut taken = Vec::new();
        for level in &mut self.levels {
            if level.entries.iter().flat_map(Entry::glances).any(&mut goes) {
                level.extract(&mut goes, &mut taken);
            }
        }
        let bytes: usize = taken.iter().map(Queued::bytes).sum();
        self.len -= taken.len();
        self.bytes -= bytes;
        self.totals.sub(taken.len(), bytes);
        taken
    }

    /// The messages behind a place, each priority in order.
    pub(super) fn after(&self, place: u64) -> impl Iterator<Item = Cow<'_, Queued>> {
        self.levels.iter().flat_map(move |level| {
            // Within a level places only grow.
            let known = level.entries.partition_point(|entry| entry.last_place() <= place);
            level.entries.iter().skip(known).flat_map(Entry::messages).filter(move |queued| queued.place > place)
        })
    }

    /// The latest place of all.
    pub(super) fn last_place(&self) -> Option<u64> {
        self.levels.iter().filter_map(|level| level.entries.back()).map(Entry::last_place).max()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.totals.sub(self.len, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued(topic: &str, priority: u8, place: u64) -> Queued {
        let message = Message::new(topic.into(), b"", Qos::AtLeastOnce, false);
        let expires = Instant::FAR_FUTURE;
        Queued { message, qos: Qos::AtLeastOnce, retain: false, priority, place, group: None, expires }
    }

    fn filled() -> Queue {
        let mut queue = Queue::new(&Arc::default());
        for (place, (topic, priority)) in [("a", 0), ("alarm1", 9), ("b", 0), ("alarm2", 9)].into_iter().enumerate() {
            queue.push(queued(topic, priority, place as u64));
        }
        queue
    }

    #[test]
    fn a_higher_priority_comes_first_and_each_is_in_order() {
        let mut queue = filled();
        let order: Vec<_> = std::iter::from_fn(|| queue.pop_front()).map(|queued| queued.place).collect();
        assert_eq!(order, [1, 3, 0, 2]);
    }

    #[test]
    fn the_least_important_of_the_oldest_gives_way_first() {
        let mut queue = filled();
        let order: Vec<_> = std::iter::from_fn(|| queue.pop_least()).map(|queued| queued.place).collect();
        assert_eq!(order, [0, 2, 1, 3]);
    }

    #[test]
    fn a_queue_has_little_more_room_than_messages() {
        let mut queue = Queue::new(&Arc::default());
        let mut room = |messages: u64| {
            (0..messages).for_each(|place| queue.push(queued("a", 0, place)));
            queue.levels[0].entries.capacity()
        };
        assert_eq!([room(1), room(9), room(990)], [1, 11, 1_109]);
    }

    #[test]
    fn a_packed_queue_is_the_same_queue() {
        let (mut loose, mut packed) = (Queue::new(&Arc::default()), Queue::new(&Arc::default()));
        for place in 0..1_000 {
            loose.push(queued("a", 0, place));
            packed.push(queued("a", 0, place));
            packed.pack();
        }
        let entries = packed.levels[0].entries.len();
        assert!((2..20).contains(&entries), "{entries}");
        for place in [0, 1, 500, 998, 999] {
            let places = |queue: &Queue| queue.after(place).map(|queued| queued.place).collect::<Vec<_>>();
            assert_eq!(places(&packed), places(&loose));
        }
        let odd = |queue: &mut Queue| queue.extract(|queued| queued.place % 2 == 1);
        assert_eq!(odd(&mut packed), odd(&mut loose));
        packed.pack();
        assert_eq!(
            (packed.len(), packed.bytes(), packed.last_place()),
            (loose.len(), loose.bytes(), loose.last_place())
        );
        while let Some(next) = loose.pop_front() {
            assert_eq!(packed.front(), Some(&next));
            assert_eq!(packed.pop_front(), Some(next));
        }
        assert_eq!(packed.pop_front(), None);
    }

    #[test]
    fn what_expires_is_found_when_it_is_time_and_not_looked_for_before() {
        let mut queue = Queue::new(&Arc::default());
        let at = Instant::from_secs;
        for (place, expires) in [at(50), Instant::FAR_FUTURE, at(20), at(30)].into_iter().enumerate() {
            queue.push(Queued { expires, ..queued("a", (place % 2) as u8, place as u64) });
            queue.pack();
        }
        assert_eq!(queue.first_expiry, at(20));
        let mut expired = |now| {
            let places: Vec<_> = queue.extract_expired(at(now)).iter().map(|queued| queued.place).collect();
            (places, queue.first_expiry)
        };
        assert_eq!(expired(19), (vec![], at(20)));
        assert_eq!(expired(20), (vec![2], at(30)));
        assert_eq!(expired(60), (vec![3, 0], Instant::FAR_FUTURE));
        assert_eq!(queue.len(), 1);
        // A message that was taken leaves the bound behind: one look in vain mends it.
        queue.push(Queued { expires: at(70), ..queued("a", 9, 4) });
        assert_eq!(queue.pop_front().map(|queued| queued.place), Some(4));
        assert_eq!((queue.extract_expired(at(70)), queue.first_expiry), (vec![], Instant::FAR_FUTURE));
    }

    #[test]
    fn totals_follow_every_change() {
        let totals = Arc::new(Totals::default());
        let mut queue = Queue::new(&totals);
        for place in 0..4 {
            queue.push(queued("four", 0, place));
        }
        assert_eq!((totals.messages(), totals.bytes()), (4, 16));
        queue.pop_front();
        queue.extract(|queued| queued.place == 2);
        assert_eq!((totals.messages(), totals.bytes()), (2, 8));
        drop(queue);
        assert_eq!((totals.messages(), totals.bytes()), (0, 0));
    }
}
