//! The directory in which the daemon keeps its state.

use super::StoreError;
use sn_files::OwnDir;
use std::env;
use std::path::{Path, PathBuf};

/// Where the state is kept unless the command line or the configuration says otherwise:
/// `$XDG_STATE_HOME/sn-gateway`, or `~/.local/state/sn-gateway`. `None` without a home directory.
#[must_use]
pub fn default_data_dir() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("sn-gateway"))
}

/// A data directory that this process alone uses. The lock ends with the value, and with the process.
#[derive(Debug)]
pub struct DataDir(OwnDir);

impl DataDir {
    /// Takes `path` for this process, and makes it first if there is none, for its owner only.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has it, [`StoreError::Io`] if it cannot be made or used.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self(OwnDir::open(path)?))
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where the records are.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.path().join("store")
    }

    /// Where the running daemon can be asked things.
    #[must_use]
    pub fn socket(path: &Path) -> PathBuf {
        path.join("control.sock")
    }
}
