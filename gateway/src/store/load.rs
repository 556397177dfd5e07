//! From a data directory to a core that goes on where the last one ended.

use super::{CLOCK_KEY, DataDir, LoggedStore, Saved, Store, StoreError, Wall};
use anyhow::bail;
use gateway_core::{Core, Restored};
use sn_types::Instant;
use std::fmt;
use std::path::Path;

/// What was found.
#[derive(Debug)]
pub struct Loaded {
    /// What came back.
    pub restored: Restored,
    /// The core's time now.
    pub now: Instant,
}

/// Opens the store in `dir`, with a log of `log_bytes` octets. If there is none it is made, unless a backup was being restored
/// when the power failed: an empty one would hide that.
///
/// # Errors
/// With what can be done about it.
pub fn open(dir: &DataDir, log_bytes: u64) -> anyhow::Result<Box<dyn Store>> {
    if !dir.store().try_exists()? && dir.restoring().try_exists()? {
        bail!(
            "a backup was being restored in {dir}, and not to the end. To do it again:  sn-gateway restore FILE --data {dir}\n\
             Data that were there before are in the directory store.before-restore-... with the highest number.",
            dir = dir.path().display()
        );
    }
    let store = LoggedStore::open(&dir.store(), log_bytes).map_err(|error| explain(dir.path(), error))?;
    #[cfg(feature = "faults")]
    let store = super::faults::FaultyStore::new(store, dir.path().join("faults"));
    Ok(Box::new(store))
}

/// Gives `core` what `store` has. `wall` is what the wall clock shows.
///
/// # Errors
/// The store cannot be read, or the core cannot make sense of it; with what can be done about it.
pub fn load(dir: &Path, store: &mut dyn Store, core: &mut Core, wall: Wall) -> anyhow::Result<Loaded> {
    let mut failure = None;
    let mut records = store.scan().map_while(|record| record.map_err(|error| failure = Some(error)).ok()).peekable();
    // The clock's key comes before all others.
    let saved = records.next_if(|(key, _)| **key == *CLOCK_KEY).map(|(_, value)| Saved::read(&value));
    let now = match saved {
        None => Instant::ZERO,
        Some(Some(saved)) => saved.resume(wall),
        Some(None) => return Err(advise(dir, "the record of the clock is damaged")),
    };
    let restored = core.restore(now, records);
    match (failure, restored) {
        (Some(error), _) => Err(explain(dir, error)),
        (None, Err(error)) => Err(advise(dir, error)),
        (None, Ok(restored)) => Ok(Loaded { restored, now }),
    }
}

/// Only damage needs another state of the data than the one that is there.
fn explain(dir: &Path, error: StoreError) -> anyhow::Error {
    match error {
        StoreError::Damaged { .. } => advise(dir, error),
        StoreError::Full(_) | StoreError::Failed(_) | StoreError::Locked(_) | StoreError::Io { .. } => {
            anyhow::anyhow!("cannot use the data in {}: {error}", dir.display())
        }
    }
}

/// What to do about data that cannot be used.
fn advise(dir: &Path, error: impl fmt::Display) -> anyhow::Error {
    let dir = dir.display();
    anyhow::anyhow!(
        "cannot use the data in {dir}: {error}\n\
         Nothing was changed. To go on from a backup:  sn-gateway restore FILE --data {dir} --force\n\
         To start with no data, keeping these aside:   mv {dir} {dir}.damaged"
    )
}
