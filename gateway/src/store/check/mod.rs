//! Every file of a store is looked at before the database opens it.
//!
//! The database repairs by itself what it cannot read: it cuts the journal off at the first octet that makes no sense,
//! and deletes tables and keyspaces that nothing refers to. After a crash that is right; after a flipped bit it would
//! lose acknowledged messages without a word. So: all checksums first, and the journal is only cut off where a write
//! was.
//!
//! This knows the layout of fjall 3.1 files, whose version is pinned for that reason.

mod journal;
mod tables;

use super::StoreError;
use std::fs;
use std::path::{Path, PathBuf};

/// The last file that is written when a database is made.
const MARKER: &str = "version";
const MARKER_OCTETS: &[u8] = b"FJL\x03";
const KEYSPACES: &str = "keyspaces";

/// Checks a store. Cuts off an unfinished commit at the end of its journal, and removes a store that was never
/// finished.
pub(super) fn check(dir: &Path) -> Result<(), StoreError> {
    if !dir.try_exists().map_err(StoreError::io(dir))? {
        return Ok(());
    }
    let journals = journal::check(dir)?;
    let tables = tables::check(&dir.join(KEYSPACES), journals.commits > 0)?;
    let marker = dir.join(MARKER);
    match fs::read(&marker) {
        Ok(octets) if octets == MARKER_OCTETS && journals.files > 0 => Ok(()),
        Ok(octets) if octets == MARKER_OCTETS => {
            Err(StoreError::damaged(&dir.join("0.jnl"), "every journal is missing"))
        }
        Ok(octets) if !octets.is_empty() => Err(StoreError::damaged(&marker, "it does not name the layout FJL 3")),
        _ if journals.commits == 0 && tables == 0 => fs::remove_dir_all(dir).map_err(StoreError::io(dir)),
        _ => Err(StoreError::damaged(&marker, "it is missing or empty, but there are data")),
    }
}

/// The entries of a directory by name, none if there is no such directory.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    if !dir.try_exists().map_err(StoreError::io(dir))? {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(dir).map_err(StoreError::io(dir))?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<Result<_, _>>().map_err(StoreError::io(dir))?;
    paths.sort();
    Ok(paths)
}
