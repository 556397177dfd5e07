//! The core's time over restarts.
//!
//! The core counts from the store's first start, and its time must go on after a restart: what expires while the daemon
//! is down has expired. The wall clock says for how long that was, but a machine without a clock battery starts in
//! 1970 and may jump at any moment. So the wall clock is asked at two moments only, when a pair of both times is saved
//! and when the daemon starts, and believed only if both answers are plausible: not before [`Wall::EARLIEST`], and the
//! later one not before the earlier one. Otherwise the time that the daemon was down counts as nothing.

use gateway_core::Record;
use sn_types::Instant;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The key of the saved pair. It comes before all keys of the core, which never sees it.
pub const CLOCK_KEY: &[u8] = b"!clock";

/// What the wall clock shows, since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wall(pub Duration);

impl Wall {
    /// 1 November 2026: this program is not older, so a clock that shows less is wrong.
    pub const EARLIEST: Self = Self(Duration::from_secs(1_793_491_200));

    /// What it shows now.
    #[must_use]
    pub fn now() -> Self {
        Self(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    fn is_plausible(self) -> bool {
        self >= Self::EARLIEST
    }
}

/// The core's time and the wall clock at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The core's time.
    pub core: Instant,
    /// The wall clock.
    pub wall: Wall,
}

impl Saved {
    /// Where the core's time goes on when the wall clock shows `wall`.
    #[must_use]
    pub fn resume(self, wall: Wall) -> Instant {
        self.core + self.age(wall)
    }

    /// How long ago it was saved; nothing if one of the two times is not plausible.
    #[must_use]
    pub fn age(self, wall: Wall) -> Duration {
        let plausible = self.wall.is_plausible() && wall.is_plausible();
        if plausible { wall.0.saturating_sub(self.wall.0) } else { Duration::ZERO }
    }

    /// As a record: two numbers of microseconds.
    #[must_use]
    pub fn record(self) -> Record {
        let wall_us = u64::try_from(self.wall.0.as_micros()).unwrap_or(u64::MAX);
        let value = [self.core.as_micros().to_be_bytes(), wall_us.to_be_bytes()].concat();
        Record { key: CLOCK_KEY.to_vec(), value: Some(value) }
    }

    /// From the record's value; `None` if it is none.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Self> {
        let (core, wall) = value.split_first_chunk::<8>()?;
        let wall_us = u64::from_be_bytes(wall.try_into().ok()?);
        let core = Instant::from_micros(u64::from_be_bytes(*core));
        Some(Self { core, wall: Wall(Duration::from_micros(wall_us)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn wall(after_earliest: Duration) -> Wall {
        Wall(Wall::EARLIEST.0 + after_earliest)
    }

    /// Saved after an hour, on the tenth day.
    const SAVED: Saved = Saved { core: Instant::from_secs(3_600), wall: Wall(Duration::from_secs(1_794_355_200)) };

    #[test]
    fn the_time_that_the_daemon_was_down_counts() {
        assert_eq!(SAVED.wall, wall(10 * DAY));
        assert_eq!(SAVED.resume(wall(12 * DAY)), Instant::from_secs(3_600) + 2 * DAY);
        assert_eq!(SAVED.resume(SAVED.wall), SAVED.core);
    }

    #[test]
    fn a_wall_clock_that_is_wrong_counts_as_no_time() {
        let in_1970 = Wall(Duration::from_secs(100));
        for wrong in [in_1970, wall(9 * DAY)] {
            assert_eq!(SAVED.resume(wrong), SAVED.core);
        }
        let saved_in_1970 = Saved { wall: in_1970, ..SAVED };
        assert_eq!(saved_in_1970.resume(wall(10 * DAY)), SAVED.core);
        assert_eq!(saved_in_1970.resume(Wall(DAY)), SAVED.core);
    }

    #[test]
    fn a_jump_forward_cannot_be_told_from_time_that_has_passed() {
        assert_eq!(SAVED.resume(wall(10_000 * DAY)), SAVED.core + 9_990 * DAY);
        assert_eq!(SAVED.resume(Wall(Duration::MAX)), Instant::FAR_FUTURE);
    }

    #[test]
    fn the_record_is_read_back() {
        let record = SAVED.record();
        assert_eq!(Saved::read(&record.value.unwrap_or_default()), Some(SAVED));
        assert_eq!(Saved::read(b""), None);
        assert_eq!(Saved::read(&[0; 17]), None);
    }
}
