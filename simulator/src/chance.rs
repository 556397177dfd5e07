//! What happens by chance.

use oorandom::Rand64;

/// Whether something happens that does so `ppm` times in a million.
pub(crate) fn happens(rng: &mut Rand64, ppm: u32) -> bool {
    ppm > 0 && rng.rand_range(0..1_000_000) < u64::from(ppm)
}
