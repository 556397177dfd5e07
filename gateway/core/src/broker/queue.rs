//! Messages that wait for one client: those of a higher priority first, each priority in order.

use super::GroupNumber;
use crate::{Message, Qos};
use sn_types::Instant;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A message for one subscriber.
#[derive(Clone, Debug)]
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

// Very many wait.
const _: () = assert!(size_of::<Queued>() == 32);

impl Queued {
    /// QoS 0 promises nothing and is not stored.
    pub(super) fn is_durable(&self) -> bool {
        self.qos != Qos::AtMostOnce
    }

    pub(super) fn bytes(&self) -> usize {
        self.message.bytes()
    }
}

/// What waits for all clients together. Shared by all queues, and changed by each as it changes.
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

    fn add(&self, messages: usize, bytes: usize) {
        self.messages.fetch_add(messages, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn sub(&self, messages: usize, bytes: usize) {
        self.messages.fetch_sub(messages, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// One priority's messages, in the order of their places.
#[derive(Debug)]
struct Level {
    priority: u8,
    messages: VecDeque<Queued>,
}

impl Level {
    fn with(queued: Queued) -> Self {
        let mut level = Self { priority: queued.priority, messages: VecDeque::new() };
        level.push(queued);
        level
    }

    /// Makes room for a quarter more, not twice as much: very many queues are very short.
    fn push(&mut self, queued: Queued) {
        if self.messages.len() == self.messages.capacity() {
            self.messages.reserve_exact((self.messages.len() / 4).max(FEW));
        }
        self.messages.push_back(queued);
    }
}

/// What waits for one client.
#[derive(Debug)]
pub(super) struct Queue {
    /// The highest priority first; without queue rules there is only one.
    levels: Vec<Level>,
    len: usize,
    bytes: usize,
    totals: Arc<Totals>,
}

/// A level begins with room for so many messages, and when it has drained below gives the rest back.
const FEW: usize = 4;

impl Queue {
    pub(super) fn new(totals: &Arc<Totals>) -> Self {
        Self { levels: Vec::new(), len: 0, bytes: 0, totals: totals.clone() }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Appends a message, behind the others of its priority.
    pub(super) fn push(&mut self, queued: Queued) {
        self.len += 1;
        self.bytes += queued.bytes();
        self.totals.add(1, queued.bytes());
        let at = self.levels.partition_point(|level| level.priority > queued.priority);
        match self.levels.get_mut(at).filter(|level| level.priority == queued.priority) {
            Some(level) => level.push(queued),
            None => {
                self.levels.reserve_exact(1);
                self.levels.insert(at, Level::with(queued));
            }
        }
    }

    /// The message that comes next.
    pub(super) fn front(&self) -> Option<&Queued> {
        self.levels.iter().find_map(|level| level.messages.front())
    }

    /// Takes the message that comes next.
    pub(super) fn pop_front(&mut self) -> Option<Queued> {
        let level = self.levels.iter_mut().find(|level| !level.messages.is_empty())?;
        Self::pop_from(level, &mut self.len, &mut self.bytes, &self.totals)
    }

    /// Takes the message that has waited longest among the least important.
    pub(super) fn pop_least(&mut self) -> Option<Queued> {
        let level = self.levels.iter_mut().rev().find(|level| !level.messages.is_empty())?;
        Self::pop_from(level, &mut self.len, &mut self.bytes, &self.totals)
    }

    fn pop_from(level: &mut Level, len: &mut usize, bytes: &mut usize, totals: &Totals) -> Option<Queued> {
        let queued = level.messages.pop_front()?;
        *len -= 1;
        *bytes -= queued.bytes();
        totals.sub(1, queued.bytes());
        if level.messages.len() < FEW && level.messages.capacity() > 16 * FEW {
            level.messages.shrink_to(FEW);
        }
        Some(queued)
    }

    /// Takes all messages for which `goes` holds, in order.
    pub(super) fn extract(&mut self, mut goes: impl FnMut(&Queued) -> bool) -> Vec<Queued> {
        let mut taken = Vec::new();
        for level in &mut self.levels {
            if level.messages.iter().any(&mut goes) {
                let (out, stay): (VecDeque<_>, VecDeque<_>) = level.messages.drain(..).partition(&mut goes);
                level.messages = stay;
                taken.extend(out);
            }
        }
        let bytes: usize = taken.iter().map(Queued::bytes).sum();
        self.len -= taken.len();
        self.bytes -= bytes;
        self.totals.sub(taken.len(), bytes);
        taken
    }

    /// The messages behind a place, each priority in order.
    pub(super) fn after(&self, place: u64) -> impl Iterator<Item = &Queued> {
        self.levels.iter().flat_map(move |level| {
            // Within a level places only grow.
            let known = level.messages.partition_point(|queued| queued.place <= place);
            level.messages.iter().skip(known)
        })
    }

    /// The latest place of all.
    pub(super) fn last_place(&self) -> Option<u64> {
        self.levels.iter().filter_map(|level| level.messages.back()).map(|queued| queued.place).max()
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
            queue.levels[0].messages.capacity()
        };
        assert_eq!([room(1), room(9), room(990)], [4, 12, 1_035]);
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
