//! Serial devices that are pseudo-terminals.

use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Plugs a device in at `path`: its other end. When that is dropped, it is pulled out.
///
/// # Panics
/// If the system has no pseudo-terminals.
#[must_use]
pub fn plug(path: &Path) -> PtyMaster {
    // A program that inherits it would keep the device from ever being pulled out.
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).expect("a pseudo-terminal");
    grantpt(&master).expect("grantpt");
    unlockpt(&master).expect("unlockpt");
    let mut attributes = tcgetattr(&master).expect("attributes");
    cfmakeraw(&mut attributes);
    tcsetattr(&master, SetArg::TCSANOW, &attributes).expect("attributes");
    let _ = fs::remove_file(path);
    symlink(ptsname_r(&master).expect("a name"), path).expect("a link");
    master
}
