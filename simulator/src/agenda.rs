//! What is going to happen, in order.

use sn_types::Instant;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Happenings by time; those of one instant in the order in which they were planned.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    heap: BinaryHeap<Entry<T>>,
    planned: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Instant,
    number: u64,
    what: T,
}

impl<T> Agenda<T> {
    pub(crate) fn new() -> Self {
        Self { heap: BinaryHeap::new(), planned: 0 }
    }

    pub(crate) fn plan(&mut self, at: Instant, what: T) {
        self.planned += 1;
        self.heap.push(Entry { at, number: self.planned, what });
    }

    /// When the next happening is due.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// The next happening, if it is not after `until`.
    pub(crate) fn next(&mut self, until: Instant) -> Option<(Instant, T)> {
        self.heap.peek().filter(|entry| entry.at <= until)?;
        self.heap.pop().map(|entry| (entry.at, entry.what))
    }
}

impl<T> Entry<T> {
    const fn key(&self) -> (Instant, u64) {
        (self.at, self.number)
    }
}

impl<T> Ord for Entry<T> {
    /// The earliest is the greatest, because the heap gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_decides_and_then_the_order_of_planning() {
        let mut agenda = Agenda::new();
        for (second, what) in [(2, 'c'), (1, 'a'), (2, 'd'), (1, 'b'), (3, 'e')] {
            agenda.plan(Instant::from_secs(second), what);
        }
        let until = Instant::from_secs(2);
        let happened: String = std::iter::from_fn(|| agenda.next(until)).map(|(_, what)| what).collect();
        assert_eq!(happened, "abcd");
    }
}
