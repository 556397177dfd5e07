//! A node of IEEE 802.15.4 with a key, the air, and an emulated dongle at a serial device.

use crate::common::durable::Durable;
use crate::common::line::plug;
use crate::common::sn_gateway;
use crate::node::Link;
use lowpan::{Ack, Carriage, Eui64, Keys, Leaf, LeafConfig, Level, LinkKey, Received, Station, TransmitError, fcs};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::PtyMaster;
use simulator::dongle::{Dongle, ToAir};
use simulator::radio::{FrameFate, FromAir};
use sn_types::Instant;
use std::collections::VecDeque;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// The node, as the list has it.
const ADDRESS: &str = "02:00:00:01:00:00:00:07";
const NODE: Eui64 = Eui64([2, 0, 0, 1, 0, 0, 0, 7]);
const KEY: &str = "000102030405060708090a0b0c0d0e0f";
const DONGLE: Eui64 = Eui64([2, 0, 0, 3, 0, 0, 0, 0]);
const CHANNEL: u8 = 15;
const PAN: u16 = 0x534E;
const RSSI_DBM: i8 = -60;
/// How long the device is waited for in one step.
const STEP_MS: u8 = 2;

/// The gateway's side, with the default level of security.
pub(crate) fn transport(device: &Path) -> String {
    format!("[[transport]]\nkind = \"ieee802154\"\nchannel = {CHANNEL}\npan_id = {PAN}\ndevice = {device:?}\n")
}

/// Puts the node onto the gateway's list.
pub(crate) fn add(gateway: &Durable, name: &str) {
    let args = ["nodes", "add", ADDRESS, "--name", name, "--key", KEY, "--data", gateway.dir()];
    let output = sn_gateway().args(args).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The node and the dongle.
pub(crate) struct Radio {
    path: PathBuf,
    /// `None`: the dongle is pulled out.
    device: Option<PtyMaster>,
    dongle: Dongle,
    leaf: Leaf<NodeKeys, 512>,
    began: std::time::Instant,
    inbox: VecDeque<Vec<u8>>,
    /// One frame in so many is lost, either way.
    loses_one_in: usize,
    frames: usize,
    /// What the node has sent, as it was on the air.
    pub(crate) recorded: Vec<Vec<u8>>,
}

impl Radio {
    /// A dongle plugged in at `path`, in an air that loses nothing.
    pub(crate) fn plug(path: &Path) -> Self {
        Self::losing(path, usize::MAX)
    }

    /// The same in an air that loses one frame in so many.
    pub(crate) fn losing(path: &Path, loses_one_in: usize) -> Self {
        let station = Station { eui64: NODE, pan: PAN, short: None, security: Some(Level::Mic64) };
        let (carriage, gateway) = (Carriage::Bare, DONGLE);
        let config = LeafConfig { station, gateway, gateway_short: None, carriage, fragment: true };
        Self {
            path: path.to_owned(),
            device: Some(plug(path)),
            dongle: Dongle::new(DONGLE.0, CHANNEL),
            leaf: Leaf::new(config, NodeKeys::default(), 7).expect("it can be"),
            began: std::time::Instant::now(),
            inbox: VecDeque::new(),
            loses_one_in,
            frames: 0,
            recorded: Vec::new(),
        }
    }

    /// Pulls the dongle out.
    pub(crate) fn pull_out(&mut self) {
        self.device = None;
        fs::remove_file(&self.path).expect("the link");
        self.dongle.unplugged();
        self.dongle.take_output();
    }

    /// Puts it back.
    pub(crate) fn put_back(&mut self) {
        self.device = Some(plug(&self.path));
    }

    /// Somebody who has recorded these frames sends them again.
    pub(crate) fn play(&mut self, frames: &[Vec<u8>]) {
        for psdu in frames {
            self.pass_to_dongle(psdu);
        }
    }

    /// The counter of the last frame that the node has accepted.
    pub(crate) const fn last_counter(&mut self) -> Option<u32> {
        self.leaf.keys_mut().accepted
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.began.elapsed()
    }

    fn is_lost(&mut self) -> bool {
        self.frames += 1;
        self.frames.is_multiple_of(self.loses_one_in)
    }

    fn pass_to_dongle(&mut self, psdu: &[u8]) {
        self.dongle.handle_air(self.now(), FromAir::Heard { psdu: psdu.to_vec(), rssi_dbm: RSSI_DBM });
    }

    /// The node sends what it has.
    fn send_frames(&mut self) {
        while let Some(frame) = self.leaf.poll_transmit() {
            let psdu = [frame.psdu.as_bytes(), &fcs(frame.psdu.as_bytes())].concat();
            let arrives = self.device.is_some() && !self.is_lost();
            if arrives {
                self.pass_to_dongle(&psdu);
            }
            self.recorded.push(psdu);
            let fate = if arrives { Ok(Ack::default()) } else { Err(TransmitError::NoAck) };
            self.leaf.handle_transmitted(frame.id, fate);
        }
    }

    /// The dongle sends: the node hears it, unless it is lost.
    fn take_frame(&mut self, psdu: &[u8]) -> FrameFate {
        if self.is_lost() {
            return FrameFate::NoAck;
        }
        let (psdu, _fcs) = psdu.split_last_chunk::<2>().expect("a check sequence");
        match self.leaf.handle_frame(self.now(), psdu) {
            Received::Datagram { octets, .. } => self.inbox.push_back(octets.to_vec()),
            Received::Fragment { .. } => {}
            other @ (Received::DataRequest { .. }
            | Received::Solicitation { .. }
            | Received::Neighbour { .. }
            | Received::Rejected { .. }) => {
                panic!("the gateway's frames are new and for the node: {other:?}")
            }
        }
        FrameFate::Done
    }

    /// Carries octets between the gateway and the dongle.
    fn carry(&mut self) {
        let Some(device) = &mut self.device else { return };
        device.write_all(&self.dongle.take_output()).expect("the device takes them");
        let mut fds = [PollFd::new(device.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::from(STEP_MS)).expect("poll");
        if fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLIN)) {
            let mut octets = [0; 2_048];
            let len = device.read(&mut octets).expect("octets");
            self.dongle.handle_octets(&octets[..len]);
        }
    }
}

impl Link for Radio {
    fn send(&mut self, datagram: &[u8]) {
        self.leaf.send(false, datagram).expect("what was before has been sent");
        self.send_frames();
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        self.carry();
        self.dongle.handle_timeout(self.now());
        while let Some(wish) = self.dongle.poll_air(self.now()) {
            match wish {
                ToAir::Listen(_) => {}
                ToAir::Send(psdu) => {
                    let fate = self.take_frame(&psdu);
                    self.dongle.handle_air(self.now(), FromAir::Sent(fate));
                }
            }
        }
        self.inbox.pop_front()
    }
}

/// The key that the node shares with the gateway, and its counters.
#[derive(Default)]
struct NodeKeys {
    sent: u32,
    accepted: Option<u32>,
}

impl Keys for NodeKeys {
    fn key(&self, _gateway: Eui64) -> Option<&LinkKey> {
        const KEY: LinkKey = LinkKey([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        Some(&KEY)
    }

    fn accept(&mut self, _gateway: Eui64, counter: u32) -> bool {
        let is_new = self.accepted < Some(counter);
        self.accepted = self.accepted.max(Some(counter));
        is_new
    }

    fn next_counter(&mut self) -> Option<u32> {
        self.sent += 1;
        Some(self.sent)
    }
}
