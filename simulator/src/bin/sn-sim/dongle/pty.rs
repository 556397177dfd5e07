//! A device that can be plugged in and pulled out: a pseudo-terminal, and a link to it.

use anyhow::Context as _;
use nix::fcntl::OFlag;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use tokio::io::AsyncReadExt;
use tokio_serial::{SerialPort, SerialStream};

/// A device.
pub(super) struct Device {
    path: PathBuf,
    /// `None`: it is pulled out.
    plugged: Option<Plugged>,
}

struct Plugged {
    ours: SerialStream,
    /// The other end, held open, or else ours would be at its end whenever nobody has the device open.
    _theirs: OwnedFd,
}

impl Device {
    /// A device at `path`, plugged in. What is there already is left alone, unless it is a link. Must be called within a
    /// tokio runtime that has its I/O driver enabled.
    pub(super) fn new(path: &Path) -> anyhow::Result<Self> {
        let mut device = Self { path: path.to_owned(), plugged: None };
        device.plug()?;
        Ok(device)
    }

    /// Plugs it in again: it is a new device behind the same link.
    pub(super) fn plug(&mut self) -> anyhow::Result<()> {
        let (ours, mut theirs) = SerialStream::pair().context("cannot make a pseudo-terminal")?;
        theirs.set_exclusive(false).context("cannot share the pseudo-terminal")?;
        let name = theirs.name().context("the pseudo-terminal has no name")?;
        self.unplug();
        symlink(&name, &self.path).with_context(|| format!("cannot make the link {}", self.path.display()))?;
        // Who opens a serial port locks it, and the gateway is to be the one who does.
        let held = OpenOptions::new().read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(&name)?;
        self.plugged = Some(Plugged { ours, _theirs: held.into() });
        Ok(())
    }

    /// Pulls it out: who has it open finds it gone.
    pub(super) fn unplug(&mut self) {
        self.plugged = None;
        if self.path.is_symlink() {
            // What is left over is found by the next link.
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Waits for octets of the host. May be dropped while it waits.
    pub(super) async fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        match &mut self.plugged {
            Some(Plugged { ours, .. }) => ours.read(octets).await,
            None => std::future::pending().await,
        }
    }

    /// Writes for the host, without waiting. How much it takes.
    pub(super) fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let Some(Plugged { ours, .. }) = &mut self.plugged else { return Ok(octets.len()) };
        match ours.try_write(octets) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            written => written,
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.unplug();
    }
}
