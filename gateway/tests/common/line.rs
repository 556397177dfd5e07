//! A serial device that can be plugged in and pulled out, and a node at its other end that speaks SLIP.

use super::PATIENCE;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::path::Path;

const END: u8 = 0xC0;

/// Plugs a device in at `path`: its other end.
pub(crate) fn plug(path: &Path) -> PtyMaster {
    // A gateway that inherits it would keep the device from ever being pulled out.
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

/// The node. When it is dropped its device is pulled out.
pub(crate) struct LineNode(PtyMaster);

impl LineNode {
    /// Plugs a device in at `path`.
    pub(crate) fn plug(path: &Path) -> Self {
        Self(plug(path))
    }

    /// Sends a datagram without octets that SLIP would have to escape.
    pub(crate) fn send(&mut self, datagram: &[u8]) {
        assert!(datagram.iter().all(|octet| ![END, 0xDB].contains(octet)));
        self.0.write_all(&[&[END], datagram, &[END]].concat()).expect("send");
    }

    /// Receives exactly this datagram.
    #[track_caller]
    pub(crate) fn expect(&mut self, datagram: &[u8]) {
        let mut got = vec![0; datagram.len() + 2];
        let mut len = 0;
        while len < got.len() {
            let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
            let patience = PollTimeout::try_from(PATIENCE).expect("a short time");
            assert_eq!(poll(&mut fds, patience), Ok(1), "octets from the gateway, after {:02x?}", &got[..len]);
            len += self.0.read(&mut got[len..]).expect("octets from the gateway");
        }
        assert_eq!(got, [&[END], datagram, &[END]].concat());
    }
}
