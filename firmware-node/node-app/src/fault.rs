//! Which fault is told, and what a node does that is restarted again and again: by its own fault, or by a battery whose
//! supply breaks down when the radio goes on.

/// What is told of a start that was no reset: the chip cannot tell one from the other.
pub const POWER_ON: &str = "power-on or brown-out";

/// Whether a fault takes the place of one that has not been told yet, which is empty if there is none. The first one stays:
/// the others may follow from it, and each would be a write to flash. Only to a power-on any other is preferred.
#[must_use]
pub fn is_kept(untold: &[u8], fault: &[u8]) -> bool {
    untold.is_empty() || (untold == POWER_ON.as_bytes() && fault != untold)
}

/// How long a node waits before it sends anything, after so many faults in a row, in seconds: 2, then 4, 8, up to 64. What a
/// supply loses that breaks down completely is the count, so that even the first one has its pause.
#[must_use]
pub const fn pause_s(faults: u8) -> u64 {
    match faults {
        0 => 0,
        1..6 => 1 << faults,
        6.. => 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PANIC: &[u8] = b"panic: listen at 0x1234";

    #[test]
    fn the_first_fault_is_told_and_a_power_on_only_if_there_was_no_other() {
        let power_on = POWER_ON.as_bytes();
        assert!(is_kept(b"", PANIC) && is_kept(b"", power_on) && is_kept(power_on, PANIC));
        assert!(!is_kept(PANIC, power_on) && !is_kept(PANIC, b"watchdog: sleep"));
        assert!(!is_kept(PANIC, PANIC) && !is_kept(power_on, power_on), "no write says it again");
    }

    #[test]
    fn pauses_double_to_about_a_minute() {
        let pauses: [_; 9] = core::array::from_fn(|faults| pause_s(faults as u8));
        assert_eq!(pauses, [0, 2, 4, 8, 16, 32, 64, 64, 64]);
        assert_eq!(pause_s(u8::MAX), 64);
    }
}
