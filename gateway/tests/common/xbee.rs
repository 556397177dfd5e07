//! An XBee radio with 802.15.4 firmware at a serial device, and a node that it hears.

use super::PATIENCE;
use super::line::plug;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::PtyMaster;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

/// The node's address.
pub(crate) const ADDR: [u8; 8] = [0, 0x13, 0xA2, 0, 0, 0, 0, 7];

/// The radio. It acknowledges every frame in the node's name.
pub(crate) struct XBeeNode {
    radio: PtyMaster,
    /// What was read and is no whole frame yet.
    read: Vec<u8>,
}

impl XBeeNode {
    /// Plugs it in at `path`.
    pub(crate) fn plug(path: &Path) -> Self {
        Self { radio: plug(path), read: Vec::new() }
    }

    /// The node sends a datagram, which is heard with -40 dBm.
    pub(crate) fn send(&mut self, datagram: &[u8]) {
        self.write(&[&[0x80][..], &ADDR, &[40, 0], datagram].concat());
    }

    /// The node receives exactly this datagram next.
    #[track_caller]
    pub(crate) fn expect(&mut self, datagram: &[u8]) {
        assert_eq!(self.receive(), datagram);
    }

    /// What the node receives next. Broadcasts are passed over.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> Vec<u8> {
        loop {
            let frame = self.frame();
            let (number, to, datagram) = (frame[1], &frame[2..10], frame[11..].to_vec());
            assert_eq!(frame[0], 0, "a frame to a 64-bit address");
            self.write(&[0x89, number, 0]);
            if to == ADDR {
                return datagram;
            }
        }
    }

    fn write(&mut self, data: &[u8]) {
        let sum = 0xFF - data.iter().fold(0_u8, |sum, octet| sum.wrapping_add(*octet));
        let frame = [&[0x7E, 0, data.len() as u8][..], data, &[sum]].concat();
        self.radio.write_all(&frame).expect("send");
    }

    /// The data of the next frame.
    #[track_caller]
    fn frame(&mut self) -> Vec<u8> {
        loop {
            if let Some(len) = self.read.get(2).map(|len| usize::from(*len))
                && self.read.len() >= len + 4
            {
                return self.read.drain(..len + 4).skip(3).take(len).collect();
            }
            let mut fds = [PollFd::new(self.radio.as_fd(), PollFlags::POLLIN)];
            let patience = PollTimeout::try_from(PATIENCE).expect("a short time");
            assert_eq!(poll(&mut fds, patience), Ok(1), "octets from the gateway, after {:02x?}", self.read);
            let mut octets = [0; 256];
            let len = self.radio.read(&mut octets).expect("octets from the gateway");
            self.read.extend_from_slice(&octets[..len]);
        }
    }
}
