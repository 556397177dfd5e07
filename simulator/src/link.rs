//! What happens to a datagram on its way.

use oorandom::Rand64;
use std::ops::RangeInclusive;

/// A link between each node and the gateway. Losses are independent of each other.
#[derive(Clone, Debug)]
pub struct Link {
    /// Datagrams lost per million, in either direction.
    pub loss_ppm: u32,
    /// Datagrams per million that arrive a second time.
    pub duplicate_ppm: u32,
    /// Time under way in microseconds, evenly spread: datagrams can overtake each other.
    pub delay_us: RangeInclusive<u64>,
    /// The same for the second arrival of a datagram.
    pub duplicate_delay_us: RangeInclusive<u64>,
}

impl Link {
    /// Loses nothing, repeats nothing, takes 5-50 ms.
    pub const LOSSLESS: Self =
        Self { loss_ppm: 0, duplicate_ppm: 0, delay_us: 5_000..=50_000, duplicate_delay_us: 5_000..=50_000 };

    /// [`Link::LOSSLESS`], but `percent` of the datagrams get lost in each direction.
    #[must_use]
    pub const fn losing(percent: u32) -> Self {
        Self { loss_ppm: percent * 10_000, ..Self::LOSSLESS }
    }

    /// When a datagram arrives, counted in microseconds from now: never, once or twice.
    pub(crate) fn arrivals_us(&self, rng: &mut Rand64) -> impl Iterator<Item = u64> + use<> {
        let first = (!happens(rng, self.loss_ppm)).then(|| within(rng, &self.delay_us));
        let second = happens(rng, self.duplicate_ppm).then(|| within(rng, &self.duplicate_delay_us));
        first.into_iter().chain(second)
    }
}

fn happens(rng: &mut Rand64, ppm: u32) -> bool {
    ppm > 0 && rng.rand_range(0..1_000_000) < u64::from(ppm)
}

fn within(rng: &mut Rand64, range: &RangeInclusive<u64>) -> u64 {
    rng.rand_range(*range.start()..*range.end() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_is_lost_and_a_tenth_comes_twice() {
        let link = Link { duplicate_ppm: 100_000, ..Link::losing(20) };
        let mut rng = Rand64::new(1);
        let arrivals: usize = (0..100_000).map(|_| link.arrivals_us(&mut rng).count()).sum();
        assert!((89_500..90_500).contains(&arrivals), "{arrivals}");
    }

    #[test]
    fn delays_stay_within_their_range() {
        let mut rng = Rand64::new(1);
        let delays = (0..1_000).flat_map(|_| Link::LOSSLESS.arrivals_us(&mut rng)).collect::<Vec<_>>();
        assert_eq!(delays.len(), 1_000);
        assert!(delays.iter().all(|delay| Link::LOSSLESS.delay_us.contains(delay)));
    }
}
