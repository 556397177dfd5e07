//! For tests: a store that fails as a disk does, when it is told so.
//!
//! It does what is left of a device on which nothing is certain before a fsync: what was applied is kept back until
//! [`Store::sync`], so that a kill throws away everything that was not synced. Which calls fail is read from a file
//! before each of them, so that another process can decide it.

use super::{Pair, Store, StoreError};
use gateway_core::Record;
use std::fs;
use std::path::PathBuf;

/// A store with faults.
#[derive(Debug)]
pub struct FaultyStore<S> {
    inner: S,
    control: PathBuf,
    unsynced: Vec<Record>,
}

/// What is to fail: the control file's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// No file, or another word.
    None,
    /// `full`: there is no space for what is applied.
    Full,
    /// `write`: it cannot be written.
    Write,
    /// `sync`: fsync fails.
    Sync,
}

impl<S: Store> FaultyStore<S> {
    /// Faults before `inner`, as the file `control` says.
    pub fn new(inner: S, control: PathBuf) -> Self {
        Self { inner, control, unsynced: Vec::new() }
    }

    fn fault(&self) -> Fault {
        match fs::read_to_string(&self.control).unwrap_or_default().trim() {
            "full" => Fault::Full,
            "write" => Fault::Write,
            "sync" => Fault::Sync,
            _ => Fault::None,
        }
    }
}

impl<S: Store> Store for FaultyStore<S> {
    fn apply(&mut self, records: &[Record]) -> Result<(), StoreError> {
        match self.fault() {
            Fault::None | Fault::Sync => {}
            Fault::Full => return Err(StoreError::Full("told so by a test".into())),
            Fault::Write => return Err(StoreError::Failed("write, told so by a test".into())),
        }
        self.unsynced.extend_from_slice(records);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        if self.fault() == Fault::Sync {
            return Err(StoreError::Failed("fsync, told so by a test".into()));
        }
        if !self.unsynced.is_empty() {
            self.inner.apply(&self.unsynced)?;
            self.unsynced.clear();
        }
        self.inner.sync()
    }

    fn scan(&mut self) -> Box<dyn Iterator<Item = Result<Pair, StoreError>> + '_> {
        self.inner.scan()
    }
}
