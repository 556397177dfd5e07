//! Frames that were taken just now: by these copies are known.

use crate::psdu::LATE_COPIES_WITHIN;
use sn_types::Instant;

/// How many are remembered.
const FRAMES: usize = 16;
/// The last frames.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    frames: [Option<(u32, Instant)>; FRAMES],
    next: usize,
}

impl Recent {
    pub(super) const fn new() -> Self {
        Self { frames: [None; FRAMES], next: 0 }
    }

    /// Takes note of a frame; `false` if it is a copy.
    pub(super) fn is_new(&mut self, now: Instant, digest: u32) -> bool {
        let is_copy = |(known, at): &(u32, Instant)| *known == digest && now.since(*at) < LATE_COPIES_WITHIN;
        if self.frames.iter().flatten().any(is_copy) {
            return false;
        }
        if let Some(place) = self.frames.get_mut(self.next) {
            *place = Some((digest, now));
        }
        self.next = (self.next + 1) % FRAMES;
        true
    }
}
