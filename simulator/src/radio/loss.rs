//! Losses that come in bursts.

use super::fixed::exponential;
use crate::chance::happens;
use oorandom::Rand64;
use serde::{Deserialize, Serialize};
use sn_types::Instant;
use std::time::Duration;

/// A Gilbert-Elliott link: it is good or bad for a while, and loses frames accordingly. Both directions of a pair share
/// the state, since what is in the way is in the way of both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Loss {
    /// Frames lost per million while the link is good.
    pub good_ppm: u32,
    /// Frames lost per million while it is bad.
    pub bad_ppm: u32,
    /// How long it is good, on average, in milliseconds.
    pub good_ms: u32,
    /// How long it is bad, on average, in milliseconds; 0: never.
    pub bad_ms: u32,
}

impl Loss {
    /// Frames get lost independently of each other.
    #[must_use]
    pub const fn independent(ppm: u32) -> Self {
        Self { good_ppm: ppm, bad_ppm: 0, good_ms: 0, bad_ms: 0 }
    }

    /// The share of time in which the link is bad, per million.
    fn bad_share_ppm(&self) -> u32 {
        let sum_ms = u64::from(self.good_ms) + u64::from(self.bad_ms);
        (u64::from(self.bad_ms) * 1_000_000).checked_div(sum_ms).unwrap_or(0) as u32
    }

    /// Frames lost per million over a long time.
    #[must_use]
    pub fn mean_ppm(&self) -> u32 {
        let bad_share = u64::from(self.bad_share_ppm());
        let lost = u64::from(self.good_ppm) * (1_000_000 - bad_share) + u64::from(self.bad_ppm) * bad_share;
        (lost / 1_000_000) as u32
    }
}

/// A pair's present state.
#[derive(Clone, Debug)]
pub(super) struct Fade {
    loss: Loss,
    is_bad: bool,
    until: Instant,
}

/// After so many times the mean of both states the past does not matter any more: a link that was idle for an hour costs
/// one draw.
const MEMORY: u64 = 16;

impl Fade {
    pub(super) fn new(loss: Loss) -> Self {
        // The first frame draws the state.
        Self { loss, is_bad: false, until: Instant::ZERO }
    }

    pub(super) fn loss(&self) -> &Loss {
        &self.loss
    }

    /// Whether a frame that ends now is lost.
    pub(super) fn loses(&mut self, now: Instant, rng: &mut Rand64) -> bool {
        if self.loss.bad_ms > 0 {
            self.proceed(now, rng);
        }
        happens(rng, if self.is_bad { self.loss.bad_ppm } else { self.loss.good_ppm })
    }

    fn proceed(&mut self, now: Instant, rng: &mut Rand64) {
        let cycle_ms = u64::from(self.loss.good_ms) + u64::from(self.loss.bad_ms);
        if self.until == Instant::ZERO || now > self.until + Duration::from_millis(MEMORY * cycle_ms) {
            self.is_bad = happens(rng, self.loss.bad_share_ppm());
            self.until = now + self.stay(rng);
        }
        while self.until <= now {
            self.is_bad = !self.is_bad;
            self.until = self.until + self.stay(rng);
        }
    }

    fn stay(&self, rng: &mut Rand64) -> Duration {
        let mean_ms = if self.is_bad { self.loss.bad_ms } else { self.loss.good_ms };
        Duration::from_micros(exponential(rng, u64::from(mean_ms) * 1_000).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURSTS: Loss = Loss { good_ppm: 10_000, bad_ppm: 800_000, good_ms: 9_000, bad_ms: 1_000 };

    /// Frames lost out of 100,000, and how often two in a row.
    fn run(every_ms: u64) -> (u32, u32) {
        let (mut fade, mut rng) = (Fade::new(BURSTS), Rand64::new(5));
        let lost: Vec<bool> =
            (1..=100_000).map(|number| fade.loses(Instant::from_millis(number * every_ms), &mut rng)).collect();
        let both = lost.windows(2).filter(|pair| pair[0] && pair[1]).count();
        (lost.iter().filter(|lost| **lost).count() as u32, both as u32)
    }

    #[test]
    fn the_long_run_loses_the_mean() {
        assert_eq!(BURSTS.mean_ppm(), 89_000);
        for every_ms in [100, 1_000_000] {
            let (lost, _) = run(every_ms);
            assert!((8_300..9_500).contains(&lost), "every {every_ms} ms: {lost}");
        }
    }

    #[test]
    fn losses_come_in_bursts_while_they_last() {
        let (_, in_a_row) = run(100);
        let (_, independent) = run(1_000_000);
        assert!(in_a_row > 4 * independent, "{in_a_row} and {independent}");
    }
}
