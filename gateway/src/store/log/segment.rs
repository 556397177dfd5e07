//! A file of sectors that are written one after the other, and from the start again once they are no more needed.
//!
//! It has its full length from the start, and every sector was written once: a commit changes nothing but contents, so its
//! fsync has no metadata to write.

use super::sector::{Found, SECTOR, Sector, look};
use crate::store::StoreError;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One of the log's files. A clone is for reading.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    path: PathBuf,
    file: Arc<File>,
    /// Its length in octets.
    len: u64,
    /// Octets from the start that are in use.
    filled: u64,
}

impl Segment {
    /// Makes a file of `len` octets, whole sectors, or makes it anew.
    pub(super) fn create(path: PathBuf, len: u64) -> Result<Self, StoreError> {
        let make = || {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            // By sectors: what the system remembers of a file in large pieces it also counts as written in large pieces.
            (0..len / SECTOR as u64).try_for_each(|_| file.write_all(&[0; SECTOR]))?;
            file.sync_all()?;
            Ok(file)
        };
        match make() {
            Ok(file) => Ok(Self { path, file: file.into(), len, filled: 0 }),
            Err(error) => Err(cannot(&error)),
        }
    }

    /// Opens a file that has `len` octets. None of it is in use.
    pub(super) fn open(path: PathBuf, len: u64) -> Result<Self, StoreError> {
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::damaged(&path, "it is missing"));
            }
            Err(error) => return Err(StoreError::io(&path)(error)),
        };
        let found = file.metadata().map_err(StoreError::io(&path))?.len();
        if found != len {
            return Err(StoreError::damaged(&path, format!("it has {found} octets instead of {len}")));
        }
        // If the last fsync has failed, the system may still remember what the disk does not have, and only the disk counts.
        let _ = posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
        Ok(Self { path, file: file.into(), len, filled: 0 })
    }

    /// Whether so many octets fit in when it is empty.
    pub(super) const fn could_take(&self, octets: usize) -> bool {
        octets as u64 <= self.len
    }

    /// Whether so many octets fit in now.
    pub(super) fn has_room(&self, octets: usize) -> bool {
        self.filled + octets as u64 <= self.len
    }

    /// Appends sectors.
    pub(super) fn append(&mut self, sectors: &[u8]) -> Result<(), StoreError> {
        self.file.write_all_at(sectors, self.filled).map_err(|error| cannot(&error))?;
        self.filled += sectors.len() as u64;
        Ok(())
    }

    /// Returns when everything appended is on stable storage.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        // After a failed fsync the system may have dropped what it could not write: no cause is harmless.
        self.file.sync_data().map_err(|error| StoreError::Failed(format!("fsync: {error}")))
    }

    /// Goes back to the start.
    pub(super) fn rewind(&mut self) {
        self.filled = 0;
    }

    /// Its contents, to be read while it is not written to.
    pub(super) fn contents(&self) -> Result<Contents, StoreError> {
        let mut octets = vec![0; self.len as usize];
        self.file.read_exact_at(&mut octets, 0).map_err(StoreError::io(&self.path))?;
        Ok(Contents { path: self.path.clone(), octets })
    }
}

fn cannot(error: &io::Error) -> StoreError {
    if crate::store::wants_space(error) {
        StoreError::Full(error.to_string())
    } else {
        StoreError::Failed(error.to_string())
    }
}

/// What is in a segment.
#[derive(Debug)]
pub(super) struct Contents {
    path: PathBuf,
    octets: Vec<u8>,
}

impl Contents {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The sectors that were written, with their offsets.
    pub(super) fn sectors(&self) -> impl Iterator<Item = Result<(u64, Sector<'_>), StoreError>> {
        let (sectors, _) = self.octets.as_chunks::<SECTOR>();
        (0..).step_by(SECTOR).zip(sectors).filter_map(|(offset, sector)| match look(sector) {
            Found::Blank => None,
            Found::Written(sector) => Some(Ok((offset, sector))),
            Found::Damaged => {
                let what = format!("the sector at offset {offset} is not as it was written");
                Some(Err(StoreError::damaged(&self.path, what)))
            }
        })
    }
}
