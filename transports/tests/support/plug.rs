//! A serial device that can be plugged in and pulled out: a link to a pseudo-terminal.

use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use tempfile::TempDir;

/// Where the device is, or is not.
pub(crate) struct Plug {
    dir: TempDir,
}

impl Plug {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("device")
    }

    /// Plugs a new device in; dropping its end pulls it out.
    pub(crate) fn plug(&self) -> PtyMaster {
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let mut attributes = tcgetattr(&master).unwrap();
        cfmakeraw(&mut attributes);
        tcsetattr(&master, SetArg::TCSANOW, &attributes).unwrap();
        let _ = fs::remove_file(self.path());
        symlink(ptsname_r(&master).unwrap(), self.path()).unwrap();
        master
    }
}
