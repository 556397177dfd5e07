//! Directories that one process has for itself.

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, lchown};
use std::path::{Path, PathBuf};

/// A directory that this process alone uses. The lock ends with the value, and with the process.
#[derive(Debug)]
pub struct OwnDir {
    path: PathBuf,
    _lock: File,
}

/// Why a directory cannot be had.
#[derive(Debug)]
pub enum DirError {
    /// Another process has it.
    Locked(PathBuf),
    /// A file or directory cannot be made or used.
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl fmt::Display for DirError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked(path) => write!(f, "{} is in use by another process; each has one of its own", path.display()),
            Self::Io { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for DirError {}

impl OwnDir {
    /// Takes `path` for this process, and makes it first if there is none, for its owner only.
    ///
    /// # Errors
    /// [`DirError`].
    pub fn open(path: &Path) -> Result<Self, DirError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |error| DirError::Io { path, error }
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io(path))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.into(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DirError::Locked(path.into())),
            Err(TryLockError::Error(error)) => Err(io(&lock_path)(error)),
        }
    }

    /// Gives the lock and `path` with all that is in it to the directory's owner. For root, who makes what somebody else is to
    /// use; for others it is so already.
    ///
    /// # Errors
    /// It cannot be given away.
    pub fn give_to_owner(&self, path: &Path) -> io::Result<()> {
        let owner = fs::metadata(&self.path)?;
        give(&self.path.join("lock"), &owner)?;
        give(path, &owner)
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A directory after what is in it, and links as they are: until all is done the new owner can put nothing into it that leads
/// elsewhere.
fn give(path: &Path, owner: &Metadata) -> io::Result<()> {
    let made = fs::symlink_metadata(path)?;
    if made.is_dir() {
        fs::read_dir(path)?.try_for_each(|entry| give(&entry?.path(), owner))?;
    }
    if made.uid() == owner.uid() { Ok(()) } else { lchown(path, Some(owner.uid()), Some(owner.gid())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_made_for_its_owner_and_had_by_one_at_a_time() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a/b");
        let had = OwnDir::open(&path).expect("it is free");
        assert_eq!(fs::metadata(had.path()).expect("it is there").mode() & 0o777, 0o700);
        assert!(matches!(OwnDir::open(&path), Err(DirError::Locked(locked)) if locked == path));
        drop(had);
        assert!(OwnDir::open(&path).is_ok());
    }
}
