//! How long messages took, with what it takes to record it.

use super::model::{Latency, LatencyBucket};
use hdrhistogram::Histogram;

/// Bounds of buckets: the preferred numbers R10 of ISO 3, which are ten equal steps from one power of ten to the next.
const STEPS: [u64; 10] = [100, 125, 160, 200, 250, 315, 400, 500, 630, 800];

/// Over thirty years, in microseconds: no run is so long.
const LONGEST_US: u64 = 1_000_000_000_000_000;

/// Records how long messages take; the memory it needs does not grow with their number.
#[derive(Clone, Debug)]
pub struct LatencyRecorder {
    histogram: Histogram<u64>,
}

impl LatencyRecorder {
    /// Three digits are exact, which is the precision of [`Latency`]'s percentiles.
    ///
    /// # Panics
    /// Never: a histogram of this range and so many digits is possible.
    #[must_use]
    pub fn new() -> Self {
        Self { histogram: Histogram::new_with_max(LONGEST_US, 3).expect("range and digits are possible ones") }
    }

    /// A message took so long, in microseconds. More than thirty years count as thirty.
    pub fn record(&mut self, us: u64) {
        self.histogram.saturating_record(us.min(LONGEST_US));
    }

    /// What has been recorded so far.
    #[must_use]
    pub fn latency(&self) -> Latency {
        Latency {
            buckets: self.buckets(),
            count: self.histogram.len(),
            p50_us: self.quantile(0.5),
            p90_us: self.quantile(0.9),
            p99_us: self.quantile(0.99),
            max_us: self.histogram.max(),
        }
    }

    /// Not above the maximum, which alone is not rounded.
    fn quantile(&self, quantile: f64) -> u64 {
        self.histogram.value_at_quantile(quantile).min(self.histogram.max())
    }

    fn buckets(&self) -> Vec<LatencyBucket> {
        let mut buckets = Vec::<LatencyBucket>::new();
        for recorded in self.histogram.iter_recorded() {
            let us = recorded.value_iterated_to();
            while buckets.last().is_none_or(|last| last.to_us <= us) {
                buckets.push(match buckets.last() {
                    None => bucket_of(us),
                    Some(last) => bucket_of(last.to_us),
                });
            }
            if let Some(last) = buckets.last_mut() {
                last.count += recorded.count_since_last_iteration();
            }
        }
        buckets
    }
}

impl Default for LatencyRecorder {
    fn default() -> Self {
        Self::new()
    }
}

/// The empty bucket in which a latency is. Below 100 us there is one bucket only: nothing that is sent is so fast.
fn bucket_of(us: u64) -> LatencyBucket {
    let mut from_us = 0;
    let scales = std::iter::successors(Some(1_u64), |scale| scale.checked_mul(10));
    for to_us in scales.flat_map(|scale| STEPS.map(|step| step.saturating_mul(scale))) {
        if us < to_us {
            return LatencyBucket { from_us, to_us, count: 0 };
        }
        from_us = to_us;
    }
    LatencyBucket { from_us, to_us: u64::MAX, count: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(latencies_us: impl IntoIterator<Item = u64>) -> Latency {
        let mut recorder = LatencyRecorder::new();
        latencies_us.into_iter().for_each(|us| recorder.record(us));
        recorder.latency()
    }

    #[test]
    fn nothing_recorded_is_an_empty_latency() {
        assert_eq!(recorded([]), Latency::default());
    }

    #[test]
    fn percentiles_of_a_thousand_are_right_to_three_digits() {
        let latency = recorded((1..=1_000).map(|ms| ms * 1_000));
        for (found, right) in [(latency.p50_us, 500_000), (latency.p90_us, 900_000), (latency.p99_us, 990_000)] {
            assert!(found.abs_diff(right) <= right / 1_000, "{found} is not {right}");
        }
        assert!(latency.max_us.abs_diff(1_000_000) <= 1_000, "{}", latency.max_us);
        assert_eq!(latency.count, 1_000);
    }

    #[test]
    fn one_message_is_every_percentile() {
        let latency = recorded([1_234]);
        assert_eq!((latency.p50_us, latency.p90_us, latency.p99_us, latency.max_us), (1_234, 1_234, 1_234, 1_234));
        assert_eq!(latency.buckets, [LatencyBucket { from_us: 1_000, to_us: 1_250, count: 1 }]);
    }

    #[test]
    fn buckets_follow_each_other_without_gap_and_lose_nothing() {
        let latency = recorded([0, 99, 100, 124, 125, 7_999, 8_000, 3_600_000_000]);
        assert!(latency.buckets.windows(2).all(|pair| pair[0].to_us == pair[1].from_us));
        assert_eq!(latency.buckets[0], LatencyBucket { from_us: 0, to_us: 100, count: 2 });
        assert_eq!(latency.buckets[1], LatencyBucket { from_us: 100, to_us: 125, count: 2 });
        assert_eq!(latency.buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 8);
        assert_eq!(latency.buckets.last().map(|bucket| (bucket.from_us, bucket.count)), Some((3_150_000_000, 1)));
    }

    #[test]
    fn the_longest_time_has_a_bucket() {
        let latency = recorded([u64::MAX]);
        assert_eq!(latency.buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 1);
    }
}
