//! Messages that wait for one client: those of a higher priority first, each priority in order. While the client does not
//! listen they are packed into parcels.

mod expiries;
mod index;
mod level;
mod queued;
mod topics;
mod totals;

pub(crate) use queued::Queued;
pub(super) use queued::{Glance, Size, Spot};
pub(crate) use totals::Totals;

use crate::short::Short;
use index::Index;
use level::Level;
use sn_types::Instant;
use std::borrow::Cow;
use std::sync::Arc;
use topics::Found;

/// What waits for one client.
#[derive(Debug)]
pub(super) struct Queue {
    /// The highest priority first; without queue rules there is only one.
    levels: Short<Level>,
    len: usize,
    bytes: usize,
    /// No message expires before this.
    first_expiry: Instant,
    /// Of a long queue, once there was something to look for.
    index: Option<Box<Index>>,
    totals: Arc<Totals>,
}

/// So many messages are looked through faster than an index is kept.
const FEW: usize = 64;

impl Queue {
    pub(super) fn new(totals: &Arc<Totals>) -> Self {
        let totals = totals.clone();
        Self { levels: Short::new(), len: 0, bytes: 0, first_expiry: Instant::FAR_FUTURE, index: None, totals }
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
        self.index.iter_mut().for_each(|index| index.came(queued));
        let priority = queued.priority;
        let at = self.levels.partition_point(|level| level.priority > priority);
        if self.levels.get(at).is_none_or(|level| level.priority != priority) {
            self.levels.reserve_exact(1);
            self.levels.insert(at, Level::new(priority));
        }
        &mut self.levels[at]
    }

    /// A message has left.
    fn left(&mut self, queued: &Queued) {
        self.len -= 1;
        self.bytes -= queued.bytes();
        self.totals.sub(1, queued.bytes());
        match &mut self.index {
            Some(_) if self.len < FEW / 2 => self.index = None,
            Some(index) => index.left(queued),
            None => {}
        }
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
        let queued = self.levels.iter_mut().find_map(Level::pop_front)?;
        self.left(&queued);
        Some(queued)
    }

    /// Takes the message that has waited longest among the least important.
    pub(super) fn pop_least(&mut self) -> Option<Queued> {
        let queued = self.levels.iter_mut().rev().find_map(Level::pop_front)?;
        self.left(&queued);
        Some(queued)
    }

    /// The messages of a topic.
    pub(super) fn of_topic(&mut self, topic: &str) -> Vec<Spot> {
        if self.len >= FEW {
            self.index.get_or_insert_default();
        }
        let all = self.levels.iter().flat_map(Level::glances);
        match self.index.as_mut().map(|index| index.topics(all).find(topic)) {
            Some(Found::None) => Vec::new(),
            Some(Found::One(place)) => match self.at(place).filter(|(_, glance)| glance.topic == topic) {
                Some((priority, glance)) => vec![glance.spot(priority)],
                None => self.search(topic),
            },
            Some(Found::Several) | None => self.search(topic),
        }
    }

    /// The message at a place, and its priority.
    fn at(&self, place: u64) -> Option<(u8, Glance<'_>)> {
        self.levels.iter().find_map(|level| Some((level.priority, level.at(place)?)))
    }

    fn spot(&self, place: u64) -> Option<Spot> {
        self.at(place).map(|(priority, glance)| glance.spot(priority))
    }

    /// The messages of a topic, whether there is an index or not.
    fn search(&self, topic: &str) -> Vec<Spot> {
        let spots = self.levels.iter().flat_map(|level| {
            let found = level.glances().filter(|glance| glance.topic == topic);
            found.map(|glance| glance.spot(level.priority))
        });
        spots.collect()
    }

    /// Takes a message that was found.
    pub(super) fn take(&mut self, spot: Spot) -> Option<Queued> {
        let queued = self.levels.iter_mut().find(|level| level.priority == spot.priority)?.take(spot.place)?;
        self.left(&queued);
        Some(queued)
    }

    /// Whether the queue could become smaller by `excess` if those messages went that were found, and those of a priority up
    /// to `at_most`. Looks at no more of them than it must.
    pub(super) fn can_shrink(&self, excess: Size, at_most: Option<u8>, found: &[Spot]) -> bool {
        let all_go = |priority| at_most.is_some_and(|at_most| priority <= at_most);
        let found = found.iter().filter(|spot| !all_go(spot.priority)).map(|spot| spot.bytes);
        let levels = self.levels.iter().rev().filter(|level| all_go(level.priority));
        let mut left = excess;
        found.chain(levels.flat_map(Level::glances).map(|glance| glance.bytes)).any(|bytes| {
            left = left.without(bytes);
            left == Size::default()
        })
    }

    pub(super) fn may_have_expired(&self, now: Instant) -> bool {
        self.first_expiry <= now
    }

    /// Takes all messages that are of no use any more, in the order in which they expired if they are few. Looks only when
    /// there may be some. `often`: it is full by itself, and will be asked again at every message that comes.
    pub(super) fn extract_expired(&mut self, now: Instant, often: bool) -> Vec<Queued> {
        if !self.may_have_expired(now) {
            return Vec::new();
        }
        let few = if often && self.len >= FEW { self.few_expired(now) } else { None };
        let expired = match few {
            Some(places) => places.into_iter().filter_map(|place| self.take(self.spot(place)?)).collect(),
            None => self.extract(|glance| glance.expires <= now),
        };
        self.first_expiry = self.next_expiry();
        expired
    }

    /// Where the messages are that have expired, by the index; `None` if one look at all of them is as fast.
    fn few_expired(&mut self, now: Instant) -> Option<Vec<u64>> {
        let all = self.levels.iter().flat_map(Level::glances);
        let expiries = self.index.get_or_insert_default().expiries(all);
        let places: Vec<_> = expiries.expired(now).take(FEW + 1).collect();
        (places.len() <= FEW).then_some(places)
    }

    fn next_expiry(&self) -> Instant {
        let sift = || self.levels.iter().flat_map(Level::glances).map(|glance| glance.expires).min();
        let known = self.index.as_ref().and_then(|index| index.next_expiry());
        known.or_else(sift).unwrap_or(Instant::FAR_FUTURE)
    }

    /// Takes all messages for which `goes` holds, in order.
    pub(super) fn extract(&mut self, mut goes: impl FnMut(Glance<'_>) -> bool) -> Vec<Queued> {
        let mut taken = Vec::new();
        self.levels.iter_mut().for_each(|level| level.extract(&mut goes, &mut taken));
        taken.iter().for_each(|queued| self.left(queued));
        taken
    }

    /// The messages behind a place, each priority in order.
    pub(super) fn after(&self, place: u64) -> impl Iterator<Item = Cow<'_, Queued>> {
        self.levels.iter().flat_map(move |level| level.after(place))
    }

    /// The latest place of all.
    pub(super) fn last_place(&self) -> Option<u64> {
        self.levels.iter().filter_map(Level::last_place).max()
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
    use crate::{Message, Qos};
    use proptest::prelude::*;
    use std::time::Duration;

    pub(super) fn queued(topic: &str, priority: u8, place: u64) -> Queued {
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
    fn a_packed_queue_is_the_same_queue() {
        let (mut loose, mut packed) = (Queue::new(&Arc::default()), Queue::new(&Arc::default()));
        for place in 0..1_000 {
            loose.push(queued("a", 0, place));
            packed.push(queued("a", 0, place));
            packed.pack();
        }
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

    /// As [`super::Outbound`] does for a topic of which only the latest is kept.
    fn supersede(queue: &mut Queue, queued: Queued) -> Vec<u64> {
        let older = queue.of_topic(queued.message.topic());
        let taken = older.into_iter().map(|spot| queue.take(spot).map_or(0, |queued| queued.place)).collect();
        queue.push(queued);
        taken
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Steps: 0 to 4 push a message of which only the latest is kept, 5 and 6 one of others, 7 packs, 8 takes the
        /// next, 9 the least important, 10 what one expiry or the other leaves.
        #[test]
        fn the_messages_of_a_topic_are_found_whatever_happens(
            steps in prop::collection::vec((0..=10_u8, 0..30_usize, 0..3_u8), 0..400),
        ) {
            let mut queue = Queue::new(&Arc::default());
            (1..=100).for_each(|place| queue.push(queued(&format!("log/{}", place % 3), 0, place)));
            for ((step, number, priority), place) in steps.into_iter().zip(101..) {
                let others: Vec<_> = queue.after(0).map(Cow::into_owned).collect();
                match step {
                    0..=4 => {
                        // A topic may have had another rule before.
                        let topic = if number < 3 { format!("log/{number}") } else { format!("state/{number}") };
                        let same = others.iter().filter(|other| **other.message.topic() == *topic);
                        let same: Vec<_> = same.map(|other| other.place).collect();
                        prop_assert_eq!(supersede(&mut queue, queued(&topic, priority, place)), same);
                    }
                    5..=6 => queue.push(queued(&format!("log/{}", number % 3), priority, place)),
                    7 => queue.pack(),
                    8 => drop(queue.pop_front()),
                    9 => drop(queue.pop_least()),
                    10.. => drop(queue.extract(|glance| glance.place % 30 == number as u64)),
                }
                prop_assert_eq!(queue.len(), queue.after(0).count());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Steps: 0 to 5 push a message that expires so much later, 6 one that never does, 7 packs, 8 takes the next, 9 and
        /// 10 let time pass and take what has expired.
        #[test]
        fn what_has_expired_is_found_whatever_happens(
            steps in prop::collection::vec((0..=10_u8, 0..200_u64), 0..400),
            waiting in 20..200_u64,
        ) {
            let mut queue = Queue::new(&Arc::default());
            let expiring = |place, expires| Queued { expires, ..queued("a", (place % 3) as u8, place) };
            (1..=waiting).for_each(|place| queue.push(expiring(place, Instant::from_secs(place * 7 % 100))));
            let mut now = Instant::ZERO;
            for ((step, seconds), place) in steps.into_iter().zip(1_000..) {
                match step {
                    0..=5 => queue.push(expiring(place, now + Duration::from_secs(seconds))),
                    6 => queue.push(expiring(place, Instant::FAR_FUTURE)),
                    7 => queue.pack(),
                    8 => drop(queue.pop_front()),
                    9.. => {
                        now = now + Duration::from_secs(seconds / 20);
                        let mut due: Vec<_> =
                            queue.after(0).filter(|old| old.expires <= now).map(|old| old.place).collect();
                        let mut expired: Vec<_> =
                            queue.extract_expired(now, step == 9).iter().map(|old| old.place).collect();
                        due.sort_unstable();
                        expired.sort_unstable();
                        prop_assert_eq!(expired, due);
                        prop_assert!(!queue.may_have_expired(now));
                    }
                }
                let first = queue.after(0).map(|queued| queued.expires).min().unwrap_or(Instant::FAR_FUTURE);
                prop_assert!(queue.first_expiry <= first);
            }
        }
    }

    #[test]
    fn only_a_long_queue_in_which_a_topic_was_looked_for_has_an_index() {
        let mut queue = Queue::new(&Arc::default());
        let mut has_index_after = |messages: u64, looks: bool| {
            queue.extract(|_| true);
            (1..=messages).for_each(|place| queue.push(queued("log", 0, place)));
            if looks {
                assert_eq!(queue.of_topic("state"), []);
            }
            queue.index.is_some()
        };
        assert_eq!(
            [(63, true), (5_000, false), (64, true)].map(|(n, looks)| has_index_after(n, looks)),
            [false, false, true]
        );
        while queue.len() > FEW / 2 {
            assert!(queue.index.is_some());
            queue.pop_front();
        }
        queue.pop_front();
        assert!(queue.index.is_none());
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
            let places: Vec<_> = queue.extract_expired(at(now), false).iter().map(|queued| queued.place).collect();
            (places, queue.first_expiry)
        };
        assert_eq!(expired(19), (vec![], at(20)));
        assert_eq!(expired(20), (vec![2], at(30)));
        assert_eq!(expired(60), (vec![3, 0], Instant::FAR_FUTURE));
        assert_eq!(queue.len(), 1);
        // A message that was taken leaves the bound behind: one look in vain mends it.
        queue.push(Queued { expires: at(70), ..queued("a", 9, 4) });
        assert_eq!(queue.pop_front().map(|queued| queued.place), Some(4));
        assert_eq!((queue.extract_expired(at(70), true), queue.first_expiry), (vec![], Instant::FAR_FUTURE));
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
