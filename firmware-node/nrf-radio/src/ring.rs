//! Which slots hold frames that wait to be fetched, and which one the receiver fills.

/// `N` slots, by their numbers.
pub struct Ring<const N: usize> {
    oldest: usize,
    count: usize,
    filling: Option<usize>,
}

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Ring<N> {
    /// Nothing has been received.
    #[must_use]
    pub const fn new() -> Self {
        Self { oldest: 0, count: 0, filling: None }
    }

    /// The receiver starts: the slot for what comes; `None`: all are taken, and what comes is lost.
    pub const fn fill(&mut self) -> Option<usize> {
        self.filling = if self.count < N { Some((self.oldest + self.count) % N) } else { None };
        self.filling
    }

    /// The slot that the receiver was started with. Slots that were fetched since make no difference.
    #[must_use]
    pub const fn filling(&self) -> Option<usize> {
        self.filling
    }

    /// What is in the slot that was filled waits to be fetched.
    pub const fn keep(&mut self) {
        if self.filling.take().is_some() {
            self.count += 1;
        }
    }

    /// The slot of the oldest frame, which is free from now on.
    pub const fn fetch(&mut self) -> Option<usize> {
        if self.count == 0 {
            return None;
        }
        let slot = self.oldest;
        (self.oldest, self.count) = ((slot + 1) % N, self.count - 1);
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_fetched_in_the_order_they_came() {
        let mut ring = Ring::<2>::new();
        for expected in [0, 1, 0, 1, 0] {
            assert_eq!(ring.fill(), Some(expected));
            ring.keep();
            assert_eq!(ring.fetch(), Some(expected));
            assert_eq!(ring.fetch(), None);
        }
    }

    #[test]
    fn a_receiver_started_without_a_free_slot_brings_nothing_though_one_gets_free() {
        let mut ring = Ring::<2>::new();
        for _ in 0..2 {
            assert!(ring.fill().is_some());
            ring.keep();
        }
        assert_eq!(ring.fill(), None);
        assert_eq!(ring.fetch(), Some(0));
        // Slot 0 still holds the frame that has just been fetched.
        assert_eq!(ring.filling(), None);
        ring.keep();
        assert_eq!((ring.fetch(), ring.fetch()), (Some(1), None), "nothing twice");
        assert_eq!(ring.fill(), Some(0));
    }
}
