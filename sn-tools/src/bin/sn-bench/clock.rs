//! Time as the scenarios count it: nanoseconds since the start of the program.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

static START: OnceLock<Instant> = OnceLock::new();

/// Nanoseconds since the first call; never 0 in effect, monotonic, the same clock in every thread.
pub(crate) fn now_ns() -> u64 {
    as_ns(START.get_or_init(Instant::now).elapsed())
}

/// A duration in nanoseconds, saturating after 584 years.
pub(crate) fn as_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The point at which a loop gives up instead of hanging.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at_ns: u64,
    after: Duration,
}

impl Deadline {
    /// `after` from now.
    pub(crate) fn after(after: Duration) -> Self {
        Self { at_ns: now_ns().saturating_add(as_ns(after)), after }
    }

    /// Whether it has passed.
    pub(crate) fn passed(&self) -> bool {
        now_ns() >= self.at_ns
    }

    /// # Errors
    /// When it has passed; `state` says how far the loop had come.
    pub(crate) fn check(&self, state: impl FnOnce() -> String) -> Result<()> {
        if self.passed() {
            bail!("gave up after {:.1} s: {}", self.after.as_secs_f64(), state());
        }
        Ok(())
    }
}

/// An open-loop schedule: `rate_hz` events a second from `start_ns` on, whether or not the peer keeps up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    start_ns: u64,
    rate_hz: u64,
}

impl Pace {
    /// Starts now.
    pub(crate) fn start(rate_hz: u64) -> Self {
        Self { start_ns: now_ns(), rate_hz }
    }

    /// How many events are due by `now_ns`.
    pub(crate) fn due(&self, now_ns: u64) -> u64 {
        let elapsed = u128::from(now_ns.saturating_sub(self.start_ns));
        u64::try_from(elapsed * u128::from(self.rate_hz) / 1_000_000_000).unwrap_or(u64::MAX)
    }

    /// When the event with this number, from 0, is due.
    pub(crate) fn due_at_ns(&self, number: u64) -> u64 {
        let after = (u128::from(number) + 1) * 1_000_000_000 / u128::from(self.rate_hz.max(1));
        self.start_ns.saturating_add(u64::try_from(after).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_owes_what_its_rate_says() {
        let pace = Pace { start_ns: 1_000, rate_hz: 60_000 };
        assert_eq!(pace.due(1_000), 0);
        assert_eq!(pace.due(1_000_001_000), 60_000);
        assert_eq!(pace.due(pace.due_at_ns(41) + 1), 42);
    }
}
