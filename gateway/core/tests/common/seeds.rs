//! Which random worlds a test looks at: `FIRST=100 SEEDS=5000 cargo test` looks at others, and at many.

use std::env;
use std::ops::Range;

/// The seeds, `usual` of them unless somebody wants more.
pub(crate) fn seeds(usual: u64) -> Range<u64> {
    let number = |name, default| env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let first = number("FIRST", 0);
    first..first + number("SEEDS", usual)
}
