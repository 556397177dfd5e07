//! Nodes whose frames are those of real ones: each is a [`lowpan::Leaf`] above the simulated MAC.
//!
//! Owns: the leaves, and when the receiver of one that polls is on: after a data request whose acknowledgement says that
//! something waits, until that has come. Must not know: what is in a datagram, why a node is awake.

use super::air::StationId;
use super::frame::{self, FCS_LEN};
use super::mac::Outgoing;
use super::network::pan;
use super::outside::Fate;
use super::plan::{RadioPlan, Station};
use super::roster::Roster;
use super::{Happening, Radio};
use crate::medium::{Arrival, GatewayIndex};
use lowpan::{
    Ack, Carriage, Eui64, FrameId, Keys, Leaf, LeafConfig, Level, LinkKey, Received, Transmit, TransmitError,
};
use serde::{Deserialize, Serialize};
use sn_types::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Nodes that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafGroup {
    /// The first one's place in the plan.
    pub first: usize,
    /// How many they are.
    pub count: usize,
    /// How datagrams are carried.
    pub carriage: LeafCarriage,
    /// `None`: the link is open.
    #[serde(default)]
    pub security: Option<LeafSecurity>,
    /// How often a node that is awake asks for what waits, its receiver being off otherwise, in milliseconds; 0: its receiver
    /// is on while it is awake.
    #[serde(default)]
    pub polls_every_ms: u32,
}

/// The forms of `docs/radio.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeafCarriage {
    /// After one octet.
    #[serde(rename = "bare")]
    Bare,
    /// In UDP and IPv6, compressed.
    #[serde(rename = "6lowpan")]
    Lowpan,
}

/// Link security. All nodes of a group have the same key, which no real ones should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafSecurity {
    /// How frames are secured.
    pub level: LeafLevel,
    /// Shared with the gateway.
    pub key: [u8; 16],
}

/// How many octets prove a frame. All levels encrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeafLevel {
    /// 4.
    #[serde(rename = "mic-32")]
    Mic32,
    /// 8.
    #[serde(rename = "mic-64")]
    Mic64,
    /// 16.
    #[serde(rename = "mic-128")]
    Mic128,
}

/// The longest packet of a leaf.
const PACKET: usize = 512;
/// MQTT-SN's port, of both ends.
const PORT: u16 = 1883;
/// How long a node listens for what waits: as OpenThread's does.
const LISTENS_FOR: Duration = Duration::from_millis(100);
/// A MAC command, in a frame's first octet.
const COMMAND: u8 = 3;
const FRAME_TYPE: u8 = 7;

/// A leaf in the network.
pub(super) struct LeafStation {
    leaf: Leaf<LeafKeys, PACKET>,
    /// To all or to the gateway.
    waiting: VecDeque<(bool, Vec<u8>)>,
    /// The frame that the MAC has, and whether it is a data request.
    in_mac: Option<(FrameId, bool)>,
    /// `None`: while it is awake its receiver is on.
    polls_every: Option<Duration>,
    is_awake: bool,
    /// The receiver is on for what is said to wait.
    listens: bool,
    /// The latest timer's number: those before are void.
    timer: u32,
}

/// All leaves of a plan.
pub(super) fn stations(plan: &RadioPlan, roster: Roster) -> BTreeMap<StationId, LeafStation> {
    let mut leaves = BTreeMap::new();
    for group in &plan.leaves {
        for node in group.first..group.first + group.count {
            if let Some(id) = roster.id(Station::Node(node)) {
                leaves.insert(id, station(plan, node, group));
            }
        }
    }
    leaves
}

fn station(plan: &RadioPlan, node: usize, group: &LeafGroup) -> LeafStation {
    let channel = plan.nodes.get(node).map_or(0, |site| site.channel);
    let security = group.security.map(|security| match security.level {
        LeafLevel::Mic32 => Level::Mic32,
        LeafLevel::Mic64 => Level::Mic64,
        LeafLevel::Mic128 => Level::Mic128,
    });
    let station = lowpan::Station { eui64: Eui64(Radio::node_address(node)), pan: pan(channel), short: None, security };
    let carriage = match group.carriage {
        LeafCarriage::Bare => Carriage::Bare,
        LeafCarriage::Lowpan => Carriage::Udp { node: PORT, gateway: PORT },
    };
    let gateway = Eui64(Radio::gateway_address(0));
    let config = LeafConfig { station, gateway, gateway_short: None, carriage, fragment: true };
    let keys = LeafKeys::new(LinkKey(group.security.map_or([0; 16], |security| security.key)));
    let seed = u64::from(plan.seed as u32) << 32 | node as u64;
    LeafStation {
        leaf: Leaf::new(config, keys, seed).expect("PAN and ports are those of every radio plan"),
        waiting: VecDeque::new(),
        in_mac: None,
        polls_every: (group.polls_every_ms > 0).then(|| Duration::from_millis(group.polls_every_ms.into())),
        is_awake: false,
        listens: false,
        timer: 0,
    }
}

impl LeafStation {
    /// The next frame, after those of the datagram before.
    fn next_frame(&mut self) -> Option<Transmit> {
        while !self.leaf.is_busy()
            && let Some((to_all, datagram)) = self.waiting.pop_front()
        {
            // What is too long is lost, as with a real node.
            let _ = self.leaf.send(to_all, &datagram);
        }
        let frame = self.leaf.poll_transmit()?;
        let is_request = frame.psdu.as_bytes().first().is_some_and(|control| control & FRAME_TYPE == COMMAND);
        self.in_mac = Some((frame.id, is_request));
        Some(frame)
    }
}

impl Radio {
    /// Tells the nodes out of a gateway's reach which router takes their frames, as if somebody had configured it.
    pub(super) fn assign_parents(&mut self, gateway: GatewayIndex) {
        for (id, station) in &mut self.leaves {
            let parent = self.routes.up(*id, gateway);
            let router = parent.filter(|parent| matches!(self.roster.station(*parent), Station::Router(_)));
            station.leaf.set_parent(router.map(|router| Eui64(self.stations[router].address)));
        }
    }

    /// A node has a datagram for the gateway, or for all.
    pub(super) fn send_from_leaf(&mut self, now: Instant, id: StationId, to_all: bool, datagram: &[u8]) {
        // A gateway keeps what is for a node that polls only when it knows that: it asks first.
        self.wake_leaf(now, id, true);
        self.stations[id].counters.datagrams += 1;
        let Some(station) = self.leaves.get_mut(&id) else { return };
        station.waiting.push_back((to_all, datagram.to_vec()));
        self.drive_leaf(now, id);
    }

    /// A node wants to hear what is for it, or goes to sleep.
    pub(super) fn wake_leaf(&mut self, now: Instant, id: StationId, is_awake: bool) {
        let Some(station) = self.leaves.get_mut(&id) else { return };
        let was_awake = std::mem::replace(&mut station.is_awake, is_awake);
        match (station.polls_every, was_awake, is_awake) {
            (None, _, _) => self.set_listening(now, id, is_awake),
            (Some(_), false, true) => {
                self.set_listening(now, id, false);
                self.poll_from_leaf(now, id);
            }
            (Some(_), _, false) => {
                station.timer = station.timer.wrapping_add(1);
                station.listens = false;
                self.set_listening(now, id, false);
            }
            (Some(_), true, true) => {}
        }
    }

    /// A frame has come to a node.
    pub(super) fn hear_at_leaf(&mut self, now: Instant, id: StationId, psdu: &[u8]) {
        let (Some(station), Some((octets, _))) = (self.leaves.get_mut(&id), psdu.split_last_chunk::<FCS_LEN>()) else {
            return;
        };
        let gateway = Eui64(Self::gateway_address(0));
        let (from, datagram) = match station.leaf.handle_frame(now, octets) {
            Received::Datagram { from, octets, .. } => (Some(from), Some(octets.to_vec())),
            Received::Fragment { from } => (Some(from), None),
            Received::Rejected { from, .. } => (from, None),
            Received::DataRequest { .. } | Received::Solicitation { .. } | Received::Neighbour { .. } => (None, None),
        };
        let asks_on = station.leaf.more_waits();
        if from == Some(gateway) && station.polls_every.is_some() {
            station.listens = false;
            self.set_listening(now, id, false);
            if asks_on { self.poll_from_leaf(now, id) } else { self.poll_later(now, id) }
        }
        if let (Some(datagram), Station::Node(node)) = (datagram, self.roster.station(id)) {
            self.deliver(now, Arrival::AtNode { node, gateway: Some(0), datagram });
        }
    }

    /// The MAC is done with a station's frame; if it is a leaf's, it is told.
    pub(super) fn tell_leaf(&mut self, now: Instant, id: StationId, fate: Fate, frame_pending: bool) {
        let Some(station) = self.leaves.get_mut(&id) else { return };
        let Some((frame, is_request)) = station.in_mac.take() else { return };
        let result = match fate {
            Fate::Done => Ok(Ack { frame_pending }),
            Fate::NoAck => Err(TransmitError::NoAck),
            Fate::ChannelBusy => Err(TransmitError::ChannelAccess),
        };
        station.leaf.handle_transmitted(now, frame, result);
        if is_request && frame_pending && station.is_awake {
            station.listens = true;
            self.set_listening(now, id, true);
            self.set_leaf_timer(id, now + LISTENS_FOR);
        } else if is_request {
            self.poll_later(now, id);
        }
        self.drive_leaf(now, id);
    }

    /// It has listened in vain, or it is time to ask again.
    pub(super) fn handle_leaf_timer(&mut self, now: Instant, id: StationId, number: u32) {
        let Some(station) = self.leaves.get_mut(&id).filter(|station| station.timer == number) else { return };
        if std::mem::take(&mut station.listens) {
            self.set_listening(now, id, false);
            self.poll_later(now, id);
        } else {
            self.poll_from_leaf(now, id);
        }
    }

    fn poll_from_leaf(&mut self, now: Instant, id: StationId) {
        if let Some(station) = self.leaves.get_mut(&id) {
            station.leaf.request();
            self.drive_leaf(now, id);
        }
    }

    fn poll_later(&mut self, now: Instant, id: StationId) {
        let Some(station) = self.leaves.get(&id).filter(|station| station.is_awake) else { return };
        if let Some(polls_every) = station.polls_every {
            self.set_leaf_timer(id, now + polls_every);
        }
    }

    fn set_leaf_timer(&mut self, id: StationId, at: Instant) {
        let Some(station) = self.leaves.get_mut(&id) else { return };
        station.timer = station.timer.wrapping_add(1);
        self.agenda.plan(at, Happening::Leaf { station: id, number: station.timer });
    }

    /// Gives the MAC the leaf's next frame, unless it has one.
    pub(super) fn drive_leaf(&mut self, now: Instant, id: StationId) {
        let Some(station) = self.leaves.get_mut(&id).filter(|station| station.in_mac.is_none()) else { return };
        station.leaf.handle_timeout(now);
        let Some(Transmit { psdu, to, .. }) = station.next_frame() else {
            let rested_at = station.leaf.rests_until();
            rested_at.into_iter().for_each(|at| self.agenda.plan(at, Happening::Rested { station: id }));
            return;
        };
        let to = match to {
            None => None,
            Some(Eui64(address)) => match frame::station_of(address).and_then(|station| self.roster.id(station)) {
                Some(to) => Some(to),
                None => return self.tell_leaf(now, id, Fate::NoAck, false),
            },
        };
        self.enqueue(now, id, Outgoing::new(psdu.as_bytes().to_vec(), to));
    }
}

/// The key that a node shares with the gateway, and its counters. They outlive what a scenario does to the node.
#[derive(Clone, Debug)]
pub struct LeafKeys {
    key: LinkKey,
    sent: u32,
    heard: Option<u32>,
}

impl LeafKeys {
    /// A key that nobody has used yet.
    #[must_use]
    pub const fn new(key: LinkKey) -> Self {
        Self { key, sent: 0, heard: None }
    }

    /// The counter of the last frame that was accepted.
    #[must_use]
    pub const fn heard(&self) -> Option<u32> {
        self.heard
    }
}

impl Keys for LeafKeys {
    fn key(&self, _gateway: Eui64) -> Option<&LinkKey> {
        Some(&self.key)
    }

    fn accept(&mut self, _gateway: Eui64, counter: u32) -> bool {
        let is_new = self.heard < Some(counter);
        self.heard = self.heard.max(Some(counter));
        is_new
    }

    fn next_counter(&mut self) -> Option<u32> {
        self.sent += 1;
        Some(self.sent)
    }
}
