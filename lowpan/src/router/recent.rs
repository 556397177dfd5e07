//! Frames that were taken just now: by these copies are known.

use crate::psdu::LATE_COPIES_WITHIN;
use sn_types::Instant;

/// The last `N` frames.
#[derive(Clone, Debug)]
pub(super) struct Recent<const N: usize> {
    /// The digest, and until when copies may come.
    frames: [(u32, Instant); N],
    next: usize,
}

impl<const N: usize> Recent<N> {
    pub(super) const fn new() -> Self {
        Self { frames: [(0, Instant::ZERO); N], next: 0 }
    }

    /// Takes note of a frame; `false` if it is a copy.
    pub(super) fn is_new(&mut self, now: Instant, digest: u32) -> bool {
        let is_new = !self.is_copy(now, digest);
        if is_new {
            self.note(now, digest);
        }
        is_new
    }

    pub(super) fn is_copy(&self, now: Instant, digest: u32) -> bool {
        self.frames.iter().any(|(known, until)| *known == digest && now < *until)
    }

    /// Whether one of whom copies may still come would have to be forgotten.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.frames.get(self.next).is_some_and(|(_, until)| now < *until)
    }

    /// In the place of the oldest.
    pub(super) fn note(&mut self, now: Instant, digest: u32) {
        if let Some(place) = self.frames.get_mut(self.next) {
            *place = (digest, now + LATE_COPIES_WITHIN);
        }
        self.next = (self.next + 1) % N;
    }
}
