//! The disk under the gateway's data directory.
//!
//! Owns: a directory of this machine, or a file system of our own in which what was not synced can be thrown away, and
//! in which writing, syncing and renaming can fail. The gateway is the program that ships: it sees a directory. Must not
//! know: what is written there.
//!
//! Order of calls: [`Disk::real`] or [`Disk::simulated`]; the gateway runs in [`Disk::path`]; when it has ended,
//! [`Disk::crash`].

mod contents;
mod faults;
mod fuse;
mod image;

pub use faults::Faults;
pub use image::Crash;

use anyhow::{Context, Result};
use fuse::Mounted;
use fuser::{BackgroundSession, Config, MountOption};
use image::Image;
use oorandom::Rand32;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

/// Where the gateway keeps its data. What is there goes with this value.
pub struct Disk {
    simulated: Option<Simulated>,
    // After the mount: fields are dropped in this order.
    dir: TempDir,
}

struct Simulated {
    medium: Arc<Mutex<Medium>>,
    crash: Crash,
    mount: Option<BackgroundSession>,
}

/// What is mounted: it outlives a crash.
struct Medium {
    image: Image,
    faults: Faults,
    rng: Rand32,
    syncs: u64,
}

impl Disk {
    /// A directory on this machine's own disk, below `parent`.
    ///
    /// # Errors
    /// It cannot be made there.
    pub fn real(parent: &Path) -> Result<Self> {
        Ok(Self { simulated: None, dir: directory(parent)? })
    }

    /// A file system in memory, mounted below `parent`, that loses at a crash what was not synced.
    ///
    /// # Errors
    /// This machine does not let us mount it.
    pub fn simulated(parent: &Path, crash: Crash, faults: Faults, seed: u64) -> Result<Self> {
        let dir = directory(parent)?;
        let medium = Medium { image: Image::new(), faults, rng: Rand32::new(seed), syncs: 0 };
        let mut simulated = Simulated { medium: Arc::new(Mutex::new(medium)), crash, mount: None };
        simulated.mount(dir.path())?;
        Ok(Self { simulated: Some(simulated), dir })
    }

    /// The data directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The power fails, and the machine starts again. On a real disk nothing happens: the process that wrote has died,
    /// the operating system has not.
    ///
    /// # Errors
    /// The file system cannot be unmounted and mounted again.
    pub fn crash(&mut self) -> Result<()> {
        match &mut self.simulated {
            Some(simulated) => simulated.crash(self.dir.path()),
            None => Ok(()),
        }
    }

    /// Changes the faults from now on; a real disk has none.
    pub fn set_faults(&self, faults: Faults) {
        if let Some(simulated) = &self.simulated {
            simulated.medium().faults = faults;
        }
    }

    /// Leaves room for so many octets more; `None` for as many as wanted.
    pub fn set_room(&self, room: Option<u64>) {
        if let Some(simulated) = &self.simulated {
            let mut medium = simulated.medium();
            medium.faults.capacity = room.map(|room| medium.image.stored() + room);
        }
    }

    /// How often something was synced; a real disk does not count.
    #[must_use]
    pub fn syncs(&self) -> Option<u64> {
        self.simulated.as_ref().map(|simulated| simulated.medium().syncs)
    }
}

impl Simulated {
    fn medium(&self) -> MutexGuard<'_, Medium> {
        self.medium.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mount(&mut self, at: &Path) -> Result<()> {
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("campaign".into()), MountOption::DefaultPermissions];
        let mounted = fuser::spawn_mount(Mounted(self.medium.clone()), at, &config);
        self.mount = Some(mounted.with_context(|| {
            format!("cannot mount a file system on {}: it takes /dev/fuse, and root or fusermount3", at.display())
        })?);
        Ok(())
    }

    fn crash(&mut self, at: &Path) -> Result<()> {
        if let Some(mount) = self.mount.take() {
            unmount(mount).context("cannot unmount the simulated disk")?;
        }
        {
            let mut medium = self.medium();
            let Medium { image, rng, .. } = &mut *medium;
            image.crash(self.crash, rng);
        }
        self.mount(at)
    }
}

/// Waits until nothing answers for the file system any more.
fn unmount(mount: BackgroundSession) -> io::Result<()> {
    match mount.umount_and_join() {
        // It is unmounted; the kernel cut off a request, that of a closed file whose process had been killed.
        Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => Ok(()),
        outcome => outcome,
    }
}

fn directory(parent: &Path) -> Result<TempDir> {
    let made = tempfile::Builder::new().prefix("campaign-").tempdir_in(parent);
    made.with_context(|| format!("cannot make a directory in {}", parent.display()))
}
