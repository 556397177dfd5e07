//! How long to wait before the next attempt to reach the other broker.

use oorandom::Rand32;
use sn_types::Instant;
use std::time::Duration;

/// The pause after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// A connection that has lasted this long was none of the failures.
const STABLE: Duration = Duration::from_secs(30);

/// Pauses that double up to a limit. Each is shortened by chance, up to a half: else all gateways of a broker that was
/// away would come back at the same moment.
#[derive(Debug)]
pub(super) struct Backoff {
    longest: Duration,
    next: Duration,
    random: Rand32,
}

impl Backoff {
    pub(super) fn new(longest: Duration, seed: u64) -> Self {
        Self { longest, next: FIRST.min(longest), random: Rand32::new(seed) }
    }

    /// The pause after an attempt that failed, or a connection that began at `joined` and is lost at `now`.
    pub(super) fn pause(&mut self, now: Instant, joined: Option<Instant>) -> Duration {
        if joined.is_some_and(|joined| now.since(joined) >= STABLE) {
            self.next = FIRST.min(self.longest);
        }
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause.mul_f32(0.5 + self.random.rand_float() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(backoff: &mut Backoff, n: usize) -> Vec<Duration> {
        (0..n).map(|_| backoff.pause(Instant::ZERO, None)).collect()
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_shortened_by_less_than_half() {
        let mut backoff = Backoff::new(Duration::from_secs(10), 7);
        for (pause, full_s) in pauses(&mut backoff, 6).into_iter().zip([1, 2, 4, 8, 10, 10]) {
            let full = Duration::from_secs(full_s);
            assert!(pause <= full && pause >= full / 2, "{pause:?} of {full:?}");
        }
    }

    #[test]
    fn a_connection_that_lasted_makes_the_pauses_short_again() {
        let mut backoff = Backoff::new(Duration::from_secs(60), 7);
        pauses(&mut backoff, 10);
        let joined = Instant::from_secs(100);
        assert!(backoff.pause(Instant::from_secs(129), Some(joined)) >= Duration::from_secs(30));
        assert!(backoff.pause(Instant::from_secs(130), Some(joined)) <= FIRST);
    }

    #[test]
    fn two_gateways_do_not_come_back_at_the_same_moment() {
        let [one, other] = [1, 2].map(|seed| pauses(&mut Backoff::new(Duration::from_secs(60), seed), 5));
        assert_ne!(one, other);
    }
}
