//! A node of IEEE 802.15.4, the air, and an emulated dongle at a serial device.

use crate::node::Link;
use crate::pty::plug;
use lowpan::{Ack, Carriage, Eui64, Leaf, LeafConfig, Level, LinkKey, Received, Station, TransmitError, fcs};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::PtyMaster;
use simulator::dongle::{Dongle, ToAir};
use simulator::radio::{FrameFate, FromAir, LeafKeys};
use sn_types::Instant;
use std::collections::VecDeque;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The node's address.
pub const ADDRESS: &str = "02:00:00:01:00:00:00:07";
const NODE: Eui64 = Eui64([2, 0, 0, 1, 0, 0, 0, 7]);
/// The key that it shares with the gateway.
pub const KEY: &str = "000102030405060708090a0b0c0d0e0f";
const LINK_KEY: LinkKey = LinkKey([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
const DONGLE: Eui64 = Eui64([2, 0, 0, 3, 0, 0, 0, 0]);
/// The channel on which it is.
pub const CHANNEL: u8 = 15;
/// The network's number.
pub const PAN: u16 = 0x534E;
const RSSI_DBM: i8 = -60;
/// How long the device is waited for in one step.
const STEP_MS: u8 = 2;
/// How often a node that polls does.
const ASKS_EVERY: Duration = Duration::from_millis(50);

/// How the node speaks.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// In which form.
    pub carriage: Carriage,
    /// How its frames are secured; `None`: not at all.
    pub security: Option<Level>,
    /// It listens only after it has asked for what waits.
    pub polls: bool,
}

impl Default for Setup {
    /// Bare frames of level 6, and a receiver that is always on.
    fn default() -> Self {
        Self { carriage: Carriage::Bare, security: Some(Level::Mic64), polls: false }
    }
}

/// The node and the dongle.
pub struct Radio {
    path: PathBuf,
    /// `None`: the dongle is pulled out.
    device: Option<PtyMaster>,
    dongle: Dongle,
    leaf: Leaf<LeafKeys, 512>,
    began: std::time::Instant,
    inbox: VecDeque<Vec<u8>>,
    /// One frame in so many is lost, either way.
    loses_one_in: usize,
    frames: usize,
    polls: bool,
    is_listening: bool,
    /// When it has asked last.
    asked: Option<std::time::Instant>,
    /// What the node has sent, as it was on the air.
    pub recorded: Vec<Vec<u8>>,
}

impl Radio {
    /// A dongle plugged in at `path`, in an air that loses nothing.
    #[must_use]
    pub fn plug(path: &Path) -> Self {
        Self::with(path, Setup::default())
    }

    /// The same in an air that loses one frame in so many.
    #[must_use]
    pub fn losing(path: &Path, loses_one_in: usize) -> Self {
        Self { loses_one_in, ..Self::with(path, Setup::default()) }
    }

    /// A dongle plugged in at `path`, and a node that speaks like this.
    ///
    /// # Panics
    /// If no node can.
    #[must_use]
    pub fn with(path: &Path, Setup { carriage, security, polls }: Setup) -> Self {
        let station = Station { eui64: NODE, pan: PAN, short: None, security };
        let config = LeafConfig { station, gateway: DONGLE, gateway_short: None, carriage, fragment: true };
        Self {
            path: path.to_owned(),
            device: Some(plug(path)),
            dongle: Dongle::new(DONGLE.0, CHANNEL),
            leaf: Leaf::new(config, LeafKeys::new(LINK_KEY), 7).expect("it can be"),
            began: std::time::Instant::now(),
            inbox: VecDeque::new(),
            loses_one_in: usize::MAX,
            frames: 0,
            polls,
            is_listening: !polls,
            asked: None,
            recorded: Vec::new(),
        }
    }

    /// Pulls the dongle out.
    ///
    /// # Panics
    /// If it is not there.
    pub fn pull_out(&mut self) {
        self.device = None;
        fs::remove_file(&self.path).expect("the link");
        self.dongle.unplugged();
        self.dongle.take_output();
    }

    /// Puts it back.
    pub fn put_back(&mut self) {
        self.device = Some(plug(&self.path));
    }

    /// Somebody who has recorded these frames sends them again.
    pub fn play(&mut self, frames: &[Vec<u8>]) {
        for psdu in frames {
            self.pass_to_dongle(psdu);
        }
    }

    /// The counter of the last frame that the node has accepted.
    pub const fn last_counter(&mut self) -> Option<u32> {
        self.leaf.keys_mut().heard()
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

    /// The node sends what it has, and waits while that rests.
    fn send_frames(&mut self) {
        self.give_frames();
        while let Some(until) = self.leaf.rests_until() {
            std::thread::sleep(until.since(self.now()));
            self.leaf.handle_timeout(self.now());
            self.give_frames();
        }
    }

    fn give_frames(&mut self) {
        while let Some(frame) = self.leaf.poll_transmit() {
            let psdu = [frame.psdu.as_bytes(), &fcs(frame.psdu.as_bytes())].concat();
            let arrives = self.device.is_some() && !self.is_lost();
            if arrives {
                self.pass_to_dongle(&psdu);
            }
            self.recorded.push(psdu);
            let fate = if arrives { Ok(Ack::default()) } else { Err(TransmitError::NoAck) };
            self.leaf.handle_transmitted(self.now(), frame.id, fate);
        }
    }

    /// The node asks for what waits, if that is its way and the time has come.
    fn ask(&mut self) {
        if self.polls && self.asked.is_none_or(|asked| asked.elapsed() >= ASKS_EVERY) {
            self.asked = Some(std::time::Instant::now());
            self.is_listening = true;
            self.leaf.request();
            self.send_frames();
        }
    }

    /// The dongle sends: the node hears it, unless it is lost.
    fn take_frame(&mut self, psdu: &[u8]) -> FrameFate {
        if !self.is_listening || self.is_lost() {
            return FrameFate::NoAck;
        }
        // One frame for each request.
        self.is_listening = !self.polls;
        let (psdu, _fcs) = psdu.split_last_chunk::<2>().expect("a check sequence");
        match self.leaf.handle_frame(self.now(), psdu) {
            Received::Datagram { octets, .. } => self.inbox.push_back(octets.to_vec()),
            // The gateway tells routers that it is there.
            Received::Fragment { .. } | Received::Neighbour { .. } => {}
            other @ (Received::DataRequest { .. } | Received::Solicitation { .. } | Received::Rejected { .. }) => {
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
        self.ask();
        self.carry();
        self.dongle.handle_timeout(self.now());
        while let Some(wish) = self.dongle.poll_air(self.now()) {
            match wish {
                ToAir::Listen(_) | ToAir::Match(_) => {}
                ToAir::Send(psdu) => {
                    let fate = self.take_frame(&psdu);
                    self.dongle.handle_air(self.now(), FromAir::Sent(fate));
                }
            }
        }
        self.inbox.pop_front()
    }
}
