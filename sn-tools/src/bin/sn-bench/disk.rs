//! The disk that durable gateways write to, and what one commit costs on it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use tempfile::TempDir;

use crate::clock::{as_ns, now_ns};
use crate::payload::latencies;

/// Octets of one bare commit, about what a short message with its key takes.
const COMMIT_OCTETS: usize = 140;

/// A directory on the disk to measure.
#[derive(Clone, Debug)]
pub(crate) struct Disk(PathBuf);

impl Default for Disk {
    fn default() -> Self {
        Self(std::env::temp_dir())
    }
}

impl Disk {
    /// The disk on which `path` is.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// A new directory, which is removed when the value goes.
    ///
    /// # Errors
    /// When it cannot be made; with `durable`, when what is in it would only be in memory.
    pub(crate) fn directory(&self, durable: bool) -> Result<TempDir> {
        if durable {
            let kind = statfs(&self.0).with_context(|| format!("looking at {}", self.0.display()))?.filesystem_type();
            ensure!(kind != TMPFS_MAGIC, "{} is in memory: give a directory on a disk by --disk", self.0.display());
        }
        let dir = tempfile::Builder::new().prefix("sn-bench-").tempdir_in(&self.0);
        dir.with_context(|| format!("making a directory in {}", self.0.display()))
    }

    /// The least that durability costs on this disk: one record appended to a file and synced, again and again. The
    /// times of the commits, in nanoseconds.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn bare_commits(&self, load: Duration) -> Result<Histogram<u64>> {
        let dir = self.directory(true)?;
        let mut file = File::create(dir.path().join("commits"))?;
        let (start_ns, mut times) = (now_ns(), latencies()?);
        while now_ns() - start_ns < as_ns(load) {
            let commit_ns = now_ns();
            file.write_all(&[b'.'; COMMIT_OCTETS])?;
            file.sync_data()?;
            times.saturating_record(now_ns() - commit_ns);
        }
        Ok(times)
    }
}

/// Octets of all files in a directory and below.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn octets_in(dir: &Path) -> Result<u64> {
    let mut octets = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        octets += if metadata.is_dir() { octets_in(&entry.path())? } else { metadata.len() };
    }
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_does_not_pass_for_a_disk() {
        let shm = Disk::at("/dev/shm".into());
        if statfs("/dev/shm").is_ok_and(|stat| stat.filesystem_type() == TMPFS_MAGIC) {
            assert!(format!("{:#}", shm.directory(true).unwrap_err()).contains("is in memory"));
        }
        assert!(Disk::at("/proc/nowhere".into()).directory(true).is_err());
    }

    #[test]
    fn files_below_a_directory_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("below")).unwrap();
        fs::write(dir.path().join("below/file"), [0; 300]).unwrap();
        fs::write(dir.path().join("file"), [0; 11]).unwrap();
        assert_eq!(octets_in(dir.path()).unwrap(), 311);
    }
}
