//! The other end of a serial line that speaks COBS, written apart from the gateway's.

use crate::common::line::plug;
use crate::node::Link;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::PtyMaster;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

/// How long the line is waited for in one step.
const STEP_MS: u8 = 2;

/// The line.
pub(crate) struct Line {
    device: PtyMaster,
    /// Octets that are no whole frame yet.
    pending: Vec<u8>,
}

impl Line {
    /// A device plugged in at `path`.
    pub(crate) fn plug(path: &Path) -> Self {
        Self { device: plug(path), pending: Vec::new() }
    }
}

impl Link for Line {
    fn send(&mut self, datagram: &[u8]) {
        let sum = x25(datagram).to_le_bytes();
        self.device.write_all(&stuffed(&[datagram, &sum].concat())).expect("the line takes it");
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        let mut fds = [PollFd::new(self.device.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::from(STEP_MS)).expect("poll");
        if fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLIN)) {
            let mut octets = [0; 512];
            let len = self.device.read(&mut octets).expect("octets");
            self.pending.extend(&octets[..len]);
        }
        // A terminal echoes what comes before the gateway has opened it again and made it a plain line: no good frame.
        std::iter::from_fn(|| self.frame()).find_map(|frame| checked(&frame))
    }
}

impl Line {
    /// The octets up to the next zero.
    fn frame(&mut self) -> Option<Vec<u8>> {
        let end = self.pending.iter().position(|octet| *octet == 0)?;
        let mut frame: Vec<u8> = self.pending.drain(..=end).collect();
        frame.truncate(end);
        Some(frame)
    }
}

/// What is in a frame, if it is good.
fn checked(frame: &[u8]) -> Option<Vec<u8>> {
    let mut octets = unstuffed(frame)?;
    let sum = octets.split_off(octets.len().checked_sub(2)?);
    (sum == x25(&octets).to_le_bytes()).then_some(octets)
}

/// CRC-16/X-25.
fn x25(octets: &[u8]) -> u16 {
    !octets.iter().fold(0xFFFF, |sum, octet| {
        (0..8).fold(sum ^ u16::from(*octet), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0x8408 } else { sum >> 1 })
    })
}

/// Octets as COBS has them, with the zero at their end. Datagrams here are shorter than a block of 254.
fn stuffed(octets: &[u8]) -> Vec<u8> {
    assert!(octets.len() < 254);
    let blocks = octets.split(|octet| *octet == 0);
    blocks.flat_map(|block| [&[block.len() as u8 + 1], block].concat()).chain([0]).collect()
}

/// The octets between two zeros, as they were; `None`: they cannot have been.
fn unstuffed(mut frame: &[u8]) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    while let [len, rest @ ..] = frame {
        let (block, others) = rest.split_at_checked(usize::from(*len).checked_sub(1)?)?;
        octets.extend(block);
        if !others.is_empty() {
            octets.push(0);
        }
        frame = others;
    }
    Some(octets)
}
