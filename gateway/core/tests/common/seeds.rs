//! Which random worlds a test looks at: `FIRST=100 SEEDS=5000 cargo test` looks at others, and at many.

use proptest::test_runner::{RngAlgorithm, TestRng};
use std::env;
use std::ops::Range;

/// The seeds, `usual` of them unless somebody wants more.
pub(crate) fn seeds(usual: u64) -> Range<u64> {
    let number = |name, default| env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let first = number("FIRST", 0);
    first..first + number("SEEDS", usual)
}

/// The chances of the world of a seed.
pub(crate) fn chances(seed: u64) -> TestRng {
    let mut octets = [0; 32];
    octets[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &octets)
}
