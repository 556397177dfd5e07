//! From segments back to commits.
//!
//! The tables say up to which commit they have everything; sectors of those are leftovers. Commits follow each other by
//! number, and each was synced before the next was written. So only the last one may lack sectors.

use super::records::{Change, newest, read};
use super::segment::Contents;
use crate::store::StoreError;
use std::collections::BTreeMap;
use std::path::Path;
use tracing::warn;

/// The commits that the tables do not have.
#[derive(Debug)]
pub(super) struct Replay<'a> {
    commits: Vec<Found<'a>>,
    /// The highest number of all commits that were begun.
    pub(super) last: u64,
}

/// A commit as it was found.
#[derive(Debug)]
struct Found<'a> {
    path: &'a Path,
    offset: u64,
    octets: Vec<u8>,
    sectors: u32,
    count: u32,
}

impl<'a> Replay<'a> {
    /// Reads the commits after the one with the number `after`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the file and the offset.
    pub(super) fn read(segments: &'a [Contents], after: u64) -> Result<Self, StoreError> {
        let mut found = collect(segments, after)?;
        let last = found.last_key_value().map_or(after, |(number, _)| *number);
        if let Some(entry) = found.last_entry().filter(|entry| !entry.get().is_complete()) {
            let Found { path, offset, sectors, count, .. } = entry.remove();
            warn!(
                file = %path.display(), offset, sectors, of = count,
                "the last commit was not written to its end; nobody was told that it is done, and it is left out"
            );
        }
        for (expected, (number, commit)) in (after + 1..).zip(&found) {
            if *number != expected || !commit.is_complete() {
                let what =
                    format!("commit {expected}, before the one at offset {}, is not there as a whole", commit.offset);
                return Err(StoreError::damaged(commit.path, what));
            }
        }
        Ok(Self { commits: found.into_values().collect(), last })
    }

    /// What the commits come to: the last change of each key, in the order of the keys.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if one makes no sense.
    pub(super) fn changes(&self) -> Result<Vec<Change<'_>>, StoreError> {
        let mut changes = Vec::new();
        for Found { path, offset, octets, .. } in &self.commits {
            let unreadable = || StoreError::damaged(path, format!("the commit at offset {offset} makes no sense"));
            read(octets, &mut changes).ok_or_else(unreadable)?;
        }
        Ok(newest(changes))
    }
}

/// All that there is of the commits after the one with the number `after`.
fn collect(segments: &[Contents], after: u64) -> Result<BTreeMap<u64, Found<'_>>, StoreError> {
    let mut commits: BTreeMap<u64, Found<'_>> = BTreeMap::new();
    for segment in segments {
        for sector in segment.sectors() {
            let (offset, sector) = sector?;
            if sector.commit <= after {
                continue;
            }
            let (path, count) = (segment.path(), sector.count);
            let new = || Found { path, offset, octets: Vec::new(), sectors: 0, count };
            let commit = commits.entry(sector.commit).or_insert_with(new);
            commit.sectors += 1;
            commit.octets.extend_from_slice(sector.part);
        }
    }
    Ok(commits)
}

impl Found<'_> {
    /// Sectors are in their order in the file.
    const fn is_complete(&self) -> bool {
        self.sectors == self.count
    }
}
