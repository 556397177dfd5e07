//! The directory in which the daemon keeps its state.

use super::StoreError;
use sn_files::OwnDir;
use std::env;
use std::fs;
use std::io::{self, ErrorKind};
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

    /// Where the records of a backup are until all of them are there.
    pub(super) fn restoring(&self) -> PathBuf {
        self.path().join("store.restoring")
    }

    /// Gives `path` below it to its owner, whom the gateway runs as; `restore` may be run by root.
    pub(super) fn give_to_owner(&self, path: &Path) -> io::Result<()> {
        self.0.give_to_owner(path)
    }

    /// 32 octets that nobody else knows, made when they are asked for first.
    ///
    /// # Errors
    /// They cannot be read or written, or the operating system has no randomness.
    pub fn secret(&self) -> io::Result<[u8; 32]> {
        let path = self.path().join("secret");
        match fs::read(&path) {
            Ok(octets) => {
                let secret = octets.try_into();
                return secret.map_err(|_| io::Error::new(ErrorKind::InvalidData, "it has not 32 octets"));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        sn_files::replace(&path, &secret, |_| Ok(()))?;
        Ok(secret)
    }

    /// Where the running daemon can be asked things.
    #[must_use]
    pub fn socket(path: &Path) -> PathBuf {
        path.join("control.sock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_stays_the_same_and_is_of_one_directory() {
        let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
        let secret = |at: usize| DataDir::open(dirs[at].path()).expect("it is ours").secret().expect("there is room");
        assert_eq!(secret(0), secret(0));
        assert_ne!(secret(0), secret(1));
        fs::write(dirs[0].path().join("secret"), b"short").expect("as above");
        let damaged = DataDir::open(dirs[0].path()).expect("it is ours").secret();
        assert_eq!(damaged.map_err(|error| error.kind()), Err(ErrorKind::InvalidData));
    }
}
