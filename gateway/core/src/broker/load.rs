//! How much happens per minute: averages that forget, as mosquitto's `$SYS/broker/load` tells them.
//!
//! They begin with the first look at the counters, so a monitor that stays sees them settle, and nobody else pays.

use sn_types::Instant;
use std::time::Duration;

/// Over which times is averaged, in minutes.
pub(super) const MINUTES: [u64; 3] = [1, 5, 15];

/// Averages of some counters.
#[derive(Debug, Default)]
pub(super) struct Load {
    last: Option<(Instant, Vec<u64>)>,
    /// Per minute, by counter and [`MINUTES`].
    averages: Vec<[f64; MINUTES.len()]>,
}

impl Load {
    /// The counters as they are at `now`: always the same ones, in the same order.
    pub(super) fn note(&mut self, now: Instant, counters: Vec<u64>) {
        self.averages.resize(counters.len(), [0.0; MINUTES.len()]);
        if let Some((before, old)) = &self.last {
            let since = now.since(*before);
            if since.is_zero() {
                return;
            }
            for ((averages, new), old) in self.averages.iter_mut().zip(&counters).zip(old) {
                let per_minute = new.saturating_sub(*old) as f64 * 60.0 / since.as_secs_f64();
                for (average, minutes) in averages.iter_mut().zip(MINUTES) {
                    let kept = (-since.as_secs_f64() / Duration::from_secs(minutes * 60).as_secs_f64()).exp();
                    *average = kept * *average + (1.0 - kept) * per_minute;
                }
            }
        }
        self.last = Some((now, counters));
    }

    /// The averages of a counter, by its number.
    pub(super) fn of(&self, counter: usize) -> [f64; MINUTES.len()] {
        self.averages.get(counter).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `per_interval` more at each of `looks` looks, 10 seconds apart.
    fn after(looks: u64, per_interval: u64) -> Load {
        let mut load = Load::default();
        for look in 0..=looks {
            load.note(Instant::ZERO + Duration::from_secs(10 * look), vec![look * per_interval]);
        }
        load
    }

    #[test]
    fn a_steady_rate_is_the_average_sooner_or_later() {
        let rounded = |looks| after(looks, 7).of(0).map(f64::round);
        assert_eq!(rounded(0), [0.0; 3]);
        assert_eq!(rounded(6 * 10), [42.0, 36.0, 20.0], "after ten minutes");
        assert_eq!(rounded(6 * 120), [42.0; 3], "after two hours");
    }

    #[test]
    fn a_rate_that_has_ended_is_forgotten() {
        let mut load = after(6 * 120, 7);
        load.note(Instant::ZERO + Duration::from_secs(7_200 + 60), vec![6 * 120 * 7]);
        assert_eq!(load.of(0).map(f64::round), [15.0, 34.0, 39.0]);
        assert_eq!(load.of(1), [0.0; 3], "there is no such counter");
    }
}
