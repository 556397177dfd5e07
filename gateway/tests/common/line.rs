//! A serial device that can be plugged in and pulled out, and a node at its other end that speaks SLIP.

use super::PATIENCE;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::PtyMaster;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
pub(crate) use test_nodes::plug;

const END: u8 = 0xC0;

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
