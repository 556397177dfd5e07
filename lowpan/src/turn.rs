//! When a frame that waits may go, and how often the radio has tried it in vain.

use crate::Eui64;
use crate::psdu::digest;
use core::time::Duration;
use sn_types::Instant;

/// How often a frame is given to the radio, which sends it several times itself.
const ROUNDS: u8 = 3;
/// The pause between, and up to that once more by chance, in milliseconds: some ten frames of others.
const REST_MS: u64 = 30;

/// When a frame's turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    not_before: Option<Instant>,
    rounds: u8,
}

impl Turn {
    /// At once.
    pub(crate) const NOW: Self = Self { not_before: None, rounds: 0 };

    /// After this pause, if it is one.
    pub(crate) fn after(now: Instant, delay: Duration) -> Self {
        Self { not_before: (!delay.is_zero()).then(|| now + delay), rounds: 0 }
    }

    /// Has a frame wait for a moment that did not arrive: whoever is in its way, and perhaps does not hear us, goes on for longer
    /// than the radio's own repetitions take. `chance` is any number: who was in each other's way does not begin together again.
    pub(crate) fn rest(&mut self, now: Instant, chance: u16) {
        self.not_before = Some(now + Duration::from_millis(REST_MS + u64::from(chance) % REST_MS));
        self.rounds = self.rounds.saturating_add(1);
    }

    /// It was tried as often as what does not arrive is.
    pub(crate) const fn is_spent(&self) -> bool {
        self.rounds >= ROUNDS
    }

    /// Until when it waits; `None` once that has come, see [`Turn::wake`].
    pub(crate) const fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// Lets it go if it was delayed until now.
    pub(crate) fn wake(&mut self, now: Instant) {
        self.not_before = self.not_before.filter(|until| *until > now);
    }
}

/// Any number, another one for each station and frame.
pub(crate) fn chance(station: Eui64, sequence: u8, id: u64) -> u16 {
    let [a, b, c, d, e, f, g, h] = station.0;
    (digest(&[a, b, c, d, e, f, g, h, sequence, id as u8]) >> 16) as u16
}
