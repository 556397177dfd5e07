//! When to look for another parent: a router, or the gateway itself.
//!
//! It takes the receiver a sixth of a second, as much as twenty reports. So a node that nobody hears looks ever more rarely.

use core::time::Duration;
use sn_types::Instant;

/// From a search in vain to the next; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(4 * 3_600);

pub(super) struct Seeking {
    not_before: Instant,
    pause: Duration,
}

impl Seeking {
    pub(super) const fn new() -> Self {
        Self { not_before: Instant::ZERO, pause: PAUSE }
    }

    /// Whether the pause since the last search is over.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        now >= self.not_before
    }

    /// It begins.
    pub(super) fn begin(&mut self, now: Instant) {
        self.not_before = now + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Somebody acknowledges.
    pub(super) const fn heard(&mut self) {
        *self = Self::new();
    }
}
