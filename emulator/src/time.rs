//! The chip's time: cycles of its 64 MHz clock since the first start.

use sn_types::Instant;

/// Cycles in a microsecond.
pub(crate) const PER_US: u64 = 64;

/// So many microseconds in cycles.
pub(crate) const fn cycles(us: u64) -> u64 {
    us * PER_US
}

/// The microsecond in which a cycle is.
pub(crate) fn instant(cycle: u64) -> Instant {
    Instant::from_micros(cycle / PER_US)
}

/// The first cycle of a microsecond.
pub(crate) fn cycle(at: Instant) -> u64 {
    cycles(at.as_micros())
}
