//! When to look at whom again.
//!
//! Deadlines move with every packet, so they are not stored here: an entry only says "look at this at that time". What
//! is looked at knows its own deadline; if that has moved on meanwhile, it asks for another look. So a client has one
//! or two entries, however many packets it sends.

use sn_types::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A heap of looks to take.
#[derive(Debug)]
pub(crate) struct Timers<K> {
    heap: BinaryHeap<Reverse<(Instant, K)>>,
}

impl<K: Ord + Copy> Timers<K> {
    pub(crate) fn new() -> Self {
        Self { heap: BinaryHeap::new() }
    }

    /// Asks for a look at `key` at `deadline`, unless one is due no later: `scheduled` is the key's own note of its
    /// earliest look.
    pub(crate) fn schedule(&mut self, scheduled: &mut Instant, deadline: Instant, key: K) {
        if deadline < *scheduled {
            *scheduled = deadline;
            self.heap.push(Reverse((deadline, key)));
        }
    }

    /// The next look that is due, with the time it was due at.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(Instant, K)> {
        match self.heap.peek() {
            Some(Reverse((at, _))) if *at <= now => self.heap.pop().map(|Reverse(due)| due),
            _ => None,
        }
    }

    /// Looks that are asked for, those at what is gone included.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_deadline_needs_no_second_entry() {
        let mut timers = Timers::new();
        let mut scheduled = Instant::FAR_FUTURE;
        timers.schedule(&mut scheduled, Instant::from_secs(5), 'a');
        timers.schedule(&mut scheduled, Instant::from_secs(9), 'a');
        assert_eq!(timers.heap.len(), 1);
        timers.schedule(&mut scheduled, Instant::from_secs(2), 'a');
        assert_eq!(timers.next(), Some(Instant::from_secs(2)));
    }

    #[test]
    fn nothing_is_due_early() {
        let mut timers = Timers::new();
        timers.schedule(&mut { Instant::FAR_FUTURE }, Instant::from_secs(5), 'a');
        assert_eq!(timers.pop_due(Instant::from_millis(4_999)), None);
        assert_eq!(timers.pop_due(Instant::from_secs(5)), Some((Instant::from_secs(5), 'a')));
    }
}
