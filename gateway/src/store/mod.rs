//! Where promises are kept: records on stable storage.
//!
//! Owns: the data directory and its lock, the [`Store`], which is a log before tables ([`LoggedStore`], and [`FjallStore`] for
//! the tables), the thread that writes, what is checked before anything is read back, the clock that goes on over restarts,
//! backup files. Must not know: what a record means; that is the core's.
//!
//! Order: [`DataDir::open`] locks the directory, [`load::open`] checks and opens what is in it, [`load::load`] gives the core
//! its state back, then a [`Writer`] takes the store onto a thread of its own, where commits are written one after the other
//! until the daemon stops.

pub mod backup;
mod check;
mod clock;
mod data_dir;
#[cfg(feature = "faults")]
pub mod faults;
mod fjall;
mod keeper;
pub mod load;
mod log;
mod writer;

pub use clock::{CLOCK_KEY, Saved, Wall};
pub use data_dir::{DataDir, default_data_dir};
pub use fjall::FjallStore;
pub(crate) use keeper::Keeper;
pub use log::LoggedStore;
pub use writer::{Report, Writer};

use gateway_core::Record;
use sn_files::DirError;
use std::io;
use std::path::{Path, PathBuf};

/// A key and its value.
pub type Pair = (Octets, Octets);

/// A part of what was read.
pub type Octets = ::fjall::Slice;

/// Octets of the longest key: fjall's tables panic at longer ones.
const LONGEST_KEY: usize = u16::MAX as usize;

/// Whether a store can take in these records. Asked before anything of them is written: what is in the log and can get into
/// no table would fail every start.
fn check_keys(records: &[Record]) -> Result<(), StoreError> {
    match records.iter().map(|record| record.key.len()).find(|len| *len > LONGEST_KEY) {
        Some(len) => Err(StoreError::Failed(format!("a key of {len} octets is too long"))),
        None => Ok(()),
    }
}

/// A set of records that survives the process.
///
/// Everything that was applied before a successful [`Store::sync`] is there after a crash, in whole batches and in
/// their order. What was applied after the last one may be there.
pub trait Store: Send {
    /// Takes in records: all or none. Keys have at most 65,535 octets.
    ///
    /// # Errors
    /// After [`StoreError::Full`] the same records may be applied again once there is space, and must be before any
    /// others. After any other error the store is not to be used any more.
    fn apply(&mut self, records: &[Record]) -> Result<(), StoreError>;

    /// Returns when everything applied is on stable storage.
    ///
    /// # Errors
    /// As for [`Store::apply`], which must be called again after [`StoreError::Full`].
    fn sync(&mut self) -> Result<(), StoreError>;

    /// Every record, in the order of the keys.
    fn scan(&mut self) -> Box<dyn Iterator<Item = Result<Pair, StoreError>> + '_>;
}

/// Why records cannot be written or read.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// No space is left, or the quota is used up.
    Full(String),
    /// A write or fsync failed in another way: what is on the disk is not known.
    Failed(String),
    /// A file is not as it was written.
    Damaged {
        /// Which.
        file: PathBuf,
        /// What is wrong, and where in the file if that is known.
        what: String,
    },
    /// Another process uses the directory.
    Locked(PathBuf),
    /// A file or directory cannot be used.
    Io {
        /// Which.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl StoreError {
    fn io(file: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { file: file.into(), error }
    }

    fn damaged(file: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { file: file.into(), what: what.into() }
    }
}

impl From<DirError> for StoreError {
    fn from(error: DirError) -> Self {
        match error {
            DirError::Locked(path) => Self::Locked(path),
            DirError::Io { path, error } => Self::Io { file: path, error },
        }
    }
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full(what) => write!(f, "no space is left: {what}"),
            Self::Failed(what) => write!(f, "the disk failed: {what}"),
            Self::Damaged { file, what } => write!(f, "{} is damaged: {what}", file.display()),
            Self::Locked(dir) => write!(
                f,
                "another sn-gateway uses {}; give this one a directory of its own with --data DIR",
                dir.display()
            ),
            Self::Io { file, error } => write!(f, "{}: {error}", file.display()),
        }
    }
}

// The text of `Io` has its cause in it: as a source it would be printed twice.
impl std::error::Error for StoreError {}

/// Whether an error goes away when there is space again.
fn wants_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}
