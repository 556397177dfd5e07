//! How much a station may speak.

use serde::{Deserialize, Serialize};
use sn_types::Instant;
use std::time::Duration;

/// A limit of transmission time in any hour, as ETSI EN 300 220-2 has it for 863-870 MHz (annex B: 1 % in 865-868.6 MHz,
/// 0.1 % in 868.7-869.2 MHz, 10 % in 869.4-869.65 MHz).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DutyCycle {
    /// Of an hour, in millionths: 10,000 are 1 % or 36 s.
    pub limit_ppm: u32,
    /// What becomes of a frame for which there is no time left.
    pub excess: Excess,
}

/// What becomes of a frame for which there is no time left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Excess {
    /// It waits in the queue.
    Wait,
    /// It is dropped.
    Drop,
}

/// What a station has sent in the last hour.
///
/// Counted by whole minutes: the present one and the 60 before it. So the limit holds in every hour, to the microsecond,
/// and an old minute is forgotten up to a minute late.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    limit_us: u64,
    used_us: u64,
    minutes_us: [u64; MINUTES as usize],
    /// The present minute since the start.
    minute: u64,
}

const MINUTES: u64 = 61;
const MINUTE: Duration = Duration::from_secs(60);

impl Budget {
    pub(super) const fn new(limit_ppm: u32) -> Self {
        // A millionth of an hour is 3,600 us.
        let limit_us = limit_ppm as u64 * 3_600;
        Self { limit_us, used_us: 0, minutes_us: [0; MINUTES as usize], minute: 0 }
    }

    /// Writes down what is being sent.
    pub(super) fn spend(&mut self, now: Instant, airtime_us: u64) {
        self.forget(now);
        self.minutes_us[(self.minute % MINUTES) as usize] += airtime_us;
        self.used_us += airtime_us;
    }

    /// When `airtime_us` may be sent: now or later; `None` if never.
    pub(super) fn free_at(&mut self, now: Instant, airtime_us: u64) -> Option<Instant> {
        self.forget(now);
        let allowed_us = self.limit_us.checked_sub(airtime_us)?;
        let mut used_us = self.used_us;
        for ahead in 0..=MINUTES {
            if used_us <= allowed_us {
                let start = Instant::ZERO + MINUTE * (self.minute + ahead) as u32;
                return Some(start.max(now));
            }
            // The minute whose place is taken by the next one.
            used_us -= self.minutes_us[((self.minute + ahead + 1) % MINUTES) as usize];
        }
        None
    }

    fn forget(&mut self, now: Instant) {
        let minute = now.as_micros() / MINUTE.as_micros() as u64;
        let passed = (minute - self.minute).min(MINUTES);
        for ahead in 1..=passed {
            let place = ((self.minute + ahead) % MINUTES) as usize;
            self.used_us -= self.minutes_us[place];
            self.minutes_us[place] = 0;
        }
        self.minute = minute;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hour_has_more_than_its_share() {
        let mut budget = Budget::new(10_000);
        let mut now = Instant::from_secs(100);
        let mut sent = Vec::new();
        for _ in 0..1_000 {
            now = budget.free_at(now, 500_000).expect("half a second fits") + Duration::from_micros(1);
            budget.spend(now, 500_000);
            sent.push(now);
        }
        // 36 s are 72 frames: the 73rd after any frame is more than an hour later.
        assert!(sent.windows(73).all(|frames| frames[72] - frames[0] > Duration::from_secs(3_600)));
        // And the share is nearly used up: 61 minutes instead of 60.
        let last = sent[999] - sent[0];
        assert!(last < Duration::from_secs(1_000 * 3_660 / 72 + 60), "{last:?}");
    }

    #[test]
    fn what_is_longer_than_the_share_never_goes() {
        assert_eq!(Budget::new(1_000).free_at(Instant::ZERO, 3_600_001), None);
    }
}
