//! How much of the air a transport may still use.

use crate::Airtime;
use sn_types::Instant;

/// The window is counted in so many parts.
const PARTS: usize = 60;

/// What a transport has sent in the last window.
///
/// Counted by whole parts: the present one and the 60 before it. So the limit holds in every window, to the microsecond, and
/// an old part is forgotten up to a part late.
///
/// What a datagram takes is worked out before it goes. A radio that repeats frames, cuts datagrams and acknowledges takes more,
/// and may say afterwards what it was: a part counts as the greater of the two.
#[derive(Debug)]
pub(super) struct Spent {
    limit_us: u64,
    part_us: u64,
    used_us: u64,
    parts: [Part; PARTS + 1],
    /// The present part, counted from time zero.
    part: u64,
}

/// A part of the window, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    /// Worked out: each time on top of what was used by then, also if the radio had said that it was more.
    thought_us: u64,
    /// What the radio has said.
    told_us: u64,
}

impl Part {
    fn used_us(self) -> u64 {
        self.thought_us.max(self.told_us)
    }
}

impl Spent {
    pub(super) fn new(airtime: &Airtime) -> Self {
        let window_us = airtime.window.as_micros() as u64;
        Self {
            limit_us: (u128::from(window_us) * u128::from(airtime.limit_ppm) / 1_000_000) as u64,
            part_us: (window_us / PARTS as u64).max(1),
            used_us: 0,
            parts: [Part::default(); PARTS + 1],
            part: 0,
        }
    }

    /// Writes down what is being sent, if there is time for it.
    pub(super) fn spend(&mut self, now: Instant, airtime_us: u64) -> bool {
        self.forget(now);
        let fits = self.used_us + airtime_us <= self.limit_us;
        if fits {
            let part = &mut self.parts[self.part as usize % (PARTS + 1)];
            part.thought_us = part.used_us() + airtime_us;
            self.used_us += airtime_us;
        }
        fits
    }

    /// Writes down what the radio has been sending, whether there was time for it or not.
    pub(super) fn tell(&mut self, now: Instant, airtime_us: u64) {
        self.forget(now);
        let part = &mut self.parts[self.part as usize % (PARTS + 1)];
        let before_us = part.used_us();
        part.told_us += airtime_us;
        self.used_us += part.used_us() - before_us;
    }

    /// Whether more than so many quarters are used.
    pub(super) fn is_beyond(&mut self, now: Instant, quarters: u64) -> bool {
        self.forget(now);
        self.used_us > self.limit_us / 4 * quarters
    }

    /// When a part is forgotten next.
    pub(super) fn next_part(&self) -> Instant {
        Instant::from_micros((self.part + 1) * self.part_us)
    }

    /// How much of what may be used is used at `now`, from 0 to 1.
    pub(super) fn used(&self, now: Instant) -> f64 {
        let part = now.as_micros() / self.part_us;
        let is_old = part.saturating_sub(self.part) > PARTS as u64;
        let used_us = if is_old { 0 } else { self.used_us };
        if self.limit_us == 0 { 1.0 } else { used_us as f64 / self.limit_us as f64 }
    }

    fn forget(&mut self, now: Instant) {
        let part = now.as_micros() / self.part_us;
        let passed = part.saturating_sub(self.part).min(self.parts.len() as u64);
        for ahead in 1..=passed {
            let place = (self.part + ahead) as usize % self.parts.len();
            self.used_us -= std::mem::take(&mut self.parts[place]).used_us();
        }
        self.part = self.part.max(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const HOUR: Duration = Duration::from_secs(3_600);
    /// 1 % of an hour: 36 s.
    const ONE_PERCENT: Airtime = Airtime { limit_ppm: 10_000, window: HOUR, bits_per_s: 250_000, overhead: 25 };

    #[test]
    fn the_limit_holds_in_every_window() {
        let mut spent = Spent::new(&ONE_PERCENT);
        // As much as it takes, every 7 s for five hours.
        let mut sent = Vec::new();
        for second in (0..5 * 3_600).step_by(7) {
            let now = Instant::from_secs(second);
            while spent.spend(now, 500_000) {
                sent.push(second);
            }
        }
        for second in 0..4 * 3_600 {
            let in_window = sent.iter().filter(|at| (second..second + 3_600).contains(*at)).count();
            assert!(in_window <= 72, "{in_window} halves of a second from {second} s on");
        }
        assert!(sent.len() >= 72 * 4, "and it is used: {}", sent.len());
    }

    #[test]
    fn what_the_radio_says_counts_where_it_is_more() {
        let mut spent = Spent::new(&ONE_PERCENT);
        assert!(spent.spend(Instant::ZERO, 10_000_000));
        spent.tell(Instant::ZERO, 8_000_000);
        assert!(!spent.is_beyond(Instant::ZERO, 2), "10 s are");
        spent.tell(Instant::ZERO, 12_000_000);
        assert!(spent.is_beyond(Instant::ZERO, 2), "20 s are");
        assert!(!spent.spend(Instant::ZERO, 30_000_000));
        // In the next minute it counts anew, beside what was before.
        spent.tell(Instant::from_secs(60), 17_000_000);
        assert!(!spent.spend(Instant::from_secs(60), 18_000_000), "more than 36 s");
        assert!(spent.used(Instant::from_secs(60)) > 1.0, "the radio has sent it all the same");
        assert!(spent.spend(Instant::from_secs(3_661), 18_000_000), "the first minute is forgotten");
    }

    #[test]
    fn what_goes_after_the_radio_has_told_of_more_counts_at_once() {
        let mut spent = Spent::new(&ONE_PERCENT);
        assert!(spent.spend(Instant::ZERO, 10_000_000));
        spent.tell(Instant::ZERO, 20_000_000);
        assert!(spent.spend(Instant::ZERO, 10_000_000));
        assert!(!spent.spend(Instant::ZERO, 6_000_001), "30 s of 36 are used");
        spent.tell(Instant::ZERO, 12_000_000);
        assert!(spent.spend(Instant::ZERO, 4_000_000) && !spent.spend(Instant::ZERO, 1), "32 s were");
    }

    #[test]
    fn what_is_used_is_told_in_quarters_and_comes_back() {
        let mut spent = Spent::new(&ONE_PERCENT);
        assert!(spent.spend(Instant::ZERO, 18_000_000) && !spent.is_beyond(Instant::ZERO, 2));
        assert!(spent.spend(Instant::ZERO, 9_000_000) && spent.is_beyond(Instant::ZERO, 2));
        assert!(!spent.is_beyond(Instant::ZERO, 3));
        assert!(spent.spend(Instant::ZERO, 1) && spent.is_beyond(Instant::ZERO, 3));
        assert!(spent.spend(Instant::ZERO, 8_999_999) && !spent.spend(Instant::ZERO, 1), "all is used");
        assert!(spent.used(Instant::ZERO) > 0.999 && spent.used(Instant::from_secs(4_000)) < 0.001);
        assert_eq!(spent.next_part(), Instant::from_secs(60));
        assert!(spent.is_beyond(Instant::from_secs(3_600), 3));
        assert!(!spent.is_beyond(Instant::from_secs(3_660), 3));
        assert!(spent.spend(Instant::from_secs(100_000), 36_000_000), "long after");
    }
}
