//! Random choices.

use oorandom::Rand64;
use sn_types::Instant;
use std::time::Duration;

/// A source of choices from a seed.
pub(crate) struct Dice(Rand64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Rand64::new(seed.into()))
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0.rand_range(0..end)
    }

    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// Yes once in so many times.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }

    /// A moment, in milliseconds, so that a plan is legible.
    pub(crate) fn moment(&mut self, from: Instant, to: Instant) -> Instant {
        let millis = |at: Instant| at.as_micros() / 1_000;
        Instant::from_millis(self.between(millis(from), millis(to)))
    }

    pub(crate) fn seconds(&mut self, shortest: u64, longest: u64) -> Duration {
        Duration::from_secs(self.between(shortest, longest))
    }
}
