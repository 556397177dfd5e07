//! The gateway, routers and nodes, with radios that have a frame for a while.

use super::Plot;
use super::support::{GATEWAY, GATEWAY_SHORT, KEY, PAN, TestKeys, config, leaf_config};
use lowpan::{
    Ack, Address, Eui64, Header, Hub, Leaf, LeafConfig, Psdu, Received, Router, RouterConfig, Signal, Station,
    Transmit, TransmitError,
};
use sn_types::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A small generator (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// A station, by its place: the gateway, then routers, then nodes.
pub(crate) type Place = usize;
pub(crate) const HUB: Place = 0;
pub(crate) const NODES: usize = 3;
/// How often a radio sends a frame that is not acknowledged.
const TRIES: u32 = 4;
/// How long who has asked listens.
const LISTENS_FOR: Duration = Duration::from_millis(100);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) struct Node {
    pub(crate) leaf: Leaf<TestKeys, 1280>,
    /// It sleeps, and asks.
    polls: bool,
    asks_at: Instant,
    listens_until: Instant,
    /// Numbers of the datagrams that it has got.
    pub(crate) got: Vec<u32>,
    /// The last that it has sent.
    pub(crate) said: u32,
    /// The last that the gateway has sent.
    pub(crate) told: u32,
    /// Numbers of those that have come to the gateway.
    pub(crate) came: Vec<u32>,
}

/// What a radio has.
struct OnAir {
    transmit: Transmit,
    until: Instant,
}

pub(crate) struct World {
    pub(crate) plot: Plot,
    dice: Dice,
    now: Instant,
    pub(crate) hub: Hub<TestKeys>,
    matched: BTreeSet<Eui64>,
    pub(crate) routers: Vec<Router<8, 16>>,
    router_matched: Vec<BTreeSet<Eui64>>,
    pub(crate) nodes: Vec<Node>,
    radios: Vec<Option<OnAir>>,
    /// Of each sender's counter, what was sealed with it.
    pub(crate) sealed: BTreeMap<(Place, u32), Vec<u8>>,
    pub(crate) is_calm: bool,
    log: Vec<String>,
}

pub(crate) fn router_address(number: usize) -> Eui64 {
    Eui64([0x02, 0x12, 0x4B, 0, 0, 0, 1, number as u8])
}

fn node_address(number: usize) -> Eui64 {
    Eui64([0x00, 0x12, 0x4B, 0, 0, 0, 2, number as u8])
}

fn router(number: usize) -> Router<8, 16> {
    let config =
        RouterConfig { eui64: router_address(number), pan: PAN, gateway: GATEWAY, gateway_short: Some(GATEWAY_SHORT) };
    Router::new(config, number as u64 * 7).expect("a good configuration")
}

impl World {
    pub(crate) fn new(plot: Plot) -> Self {
        let mut keys = TestKeys::shared_with(GATEWAY);
        keys.keys = (0..NODES).map(|number| (node_address(number), KEY)).collect();
        let node = |number: usize| {
            let of_one = leaf_config(plot.carriage, plot.security);
            let station = Station { eui64: node_address(number), ..of_one.station };
            let leaf = Leaf::new(LeafConfig { station, ..of_one }, TestKeys::shared_with(GATEWAY), 99 + number as u64);
            Node {
                leaf: leaf.expect("a good configuration"),
                polls: number > 0,
                asks_at: Instant::ZERO,
                listens_until: Instant::ZERO,
                got: Vec::new(),
                said: 0,
                told: 0,
                came: Vec::new(),
            }
        };
        let stations = 1 + plot.routers + NODES;
        Self {
            plot,
            dice: Dice(plot.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            now: Instant::ZERO,
            hub: Hub::new(config(plot.security), keys, 4711).expect("a good configuration"),
            matched: BTreeSet::new(),
            routers: (0..plot.routers).map(router).collect(),
            router_matched: vec![BTreeSet::new(); plot.routers],
            nodes: (0..NODES).map(node).collect(),
            radios: (0..stations).map(|_| None).collect(),
            sealed: BTreeMap::new(),
            is_calm: false,
            log: Vec::new(),
        }
    }

    pub(crate) fn note(&mut self, text: &str) {
        let at = self.now.as_micros() / 1_000;
        self.log.push(format!("{at:>7} {text}"));
    }

    pub(crate) fn fail(&self, why: &str) -> ! {
        let from = self.log.len().saturating_sub(120);
        panic!("{why} in {:?}:\n{}", self.plot, self.log[from..].join("\n"));
    }

    pub(crate) fn node_at(&self, place: Place) -> Option<usize> {
        place.checked_sub(1 + self.plot.routers)
    }

    fn eui64(&self, place: Place) -> Eui64 {
        match (place, self.node_at(place)) {
            (HUB, _) => GATEWAY,
            (_, Some(node)) => node_address(node),
            (place, None) => router_address(place - 1),
        }
    }

    /// The gateway and routers hear each other, in a line; nodes hear all.
    fn hears(&self, a: Place, b: Place) -> bool {
        let is_node = |place| self.node_at(place).is_some();
        a != b && (is_node(a) != is_node(b) || (!is_node(a) && a.abs_diff(b) == 1))
    }

    fn listens(&self, place: Place) -> bool {
        let Some(node) = self.node_at(place).map(|node| &self.nodes[node]) else { return true };
        !node.polls || self.now < node.listens_until || node.leaf.is_seeking()
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.poll_all();
            let next = self.next_at().min(end).max(self.now + ms(2));
            self.now = next;
            self.pass_time();
            self.land();
            if !self.is_calm {
                self.happen();
            }
            self.ask();
        }
    }

    fn next_at(&self) -> Instant {
        let radios = self.radios.iter().flatten().map(|on_air| on_air.until);
        let routers = self.routers.iter().filter_map(Router::poll_timeout);
        let nodes = self.nodes.iter().flat_map(|node| [node.leaf.poll_timeout(), Some(node.asks_at)]).flatten();
        let step = self.now + ms(5);
        radios.chain(routers).chain(nodes).chain(self.hub.poll_timeout()).chain([step]).min().unwrap_or(step)
    }

    fn pass_time(&mut self) {
        self.hub.handle_timeout(self.now);
        self.routers.iter_mut().for_each(|router| router.handle_timeout(self.now));
        self.nodes.iter_mut().for_each(|node| node.leaf.handle_timeout(self.now));
    }

    /// Who sleeps asks now and then, and at once if more waits.
    fn ask(&mut self) {
        for number in 0..NODES {
            let pause = ms(50 + self.dice.below(400));
            let node = &mut self.nodes[number];
            if node.polls && self.now >= node.asks_at && !node.leaf.is_busy() && self.now >= node.listens_until {
                node.leaf.request();
                node.asks_at = self.now + pause;
            }
        }
    }

    /// Anything that may happen.
    fn happen(&mut self) {
        let number = self.dice.below(NODES as u64) as usize;
        match self.dice.below(200) {
            0..=2 => self.tell(number),
            3..=5 => self.say(number),
            _ => {}
        }
    }

    pub(crate) fn set_parent(&mut self, number: usize, parent: Eui64) {
        self.nodes[number].leaf.set_parent(Some(parent));
    }

    fn payload(&mut self, number: u32) -> Vec<u8> {
        let len = if self.dice.percent(80) { 4 + self.dice.below(60) } else { 4 + self.dice.below(300) };
        let mut payload = number.to_be_bytes().to_vec();
        payload.resize(len as usize, number as u8);
        payload
    }

    pub(crate) fn tell(&mut self, number: usize) {
        let next = self.nodes[number].told + 1;
        let payload = self.payload(next);
        if self.hub.send(self.now, node_address(number), &payload).is_ok() {
            self.note(&format!("hub tells {number} {next} ({})", payload.len()));
            self.nodes[number].told = next;
        }
    }

    pub(crate) fn say(&mut self, number: usize) {
        let next = self.nodes[number].said + 1;
        let payload = self.payload(next);
        if self.nodes[number].leaf.send(false, &payload).is_ok() {
            self.note(&format!("node {number} says {next} ({})", payload.len()));
            self.nodes[number].said = next;
        }
    }

    fn poll_all(&mut self) {
        for place in 0..self.radios.len() {
            self.match_sources(place);
            if self.radios[place].is_some() {
                continue;
            }
            let transmit = match (place, self.node_at(place)) {
                (HUB, _) => self.hub.poll_transmit(),
                (_, Some(node)) => self.nodes[node].leaf.poll_transmit(),
                (place, None) => self.routers[place - 1].poll_transmit(),
            };
            if let Some(transmit) = transmit {
                self.check_counter(place, &transmit.psdu);
                let until = self.now + ms(3 + self.dice.below(25));
                self.note(&format!("{place} sends {:?}", transmit.psdu));
                self.radios[place] = Some(OnAir { transmit, until });
            }
        }
    }

    fn match_sources(&mut self, place: Place) {
        if place == HUB {
            while let Some(change) = self.hub.poll_source_match() {
                if change.pending {
                    self.matched.insert(change.node)
                } else {
                    self.matched.remove(&change.node)
                };
            }
        } else if self.node_at(place).is_none() {
            while let Some(change) = self.routers[place - 1].poll_source_match() {
                let matched = &mut self.router_matched[place - 1];
                if change.pending {
                    matched.insert(change.node)
                } else {
                    matched.remove(&change.node)
                };
            }
        }
    }

    /// Frames whose time on the air is over get to whom they get.
    fn land(&mut self) {
        for place in 0..self.radios.len() {
            if self.radios[place].as_ref().is_some_and(|on_air| on_air.until <= self.now)
                && let Some(OnAir { transmit, .. }) = self.radios[place].take()
            {
                let fate = self.carry(place, &transmit);
                self.note(&format!("{place}: {fate:?}"));
                match (place, self.node_at(place)) {
                    (HUB, _) => self.hub.handle_transmitted(self.now, transmit.id, fate),
                    (_, Some(node)) => self.fate_at_node(node, &transmit, fate),
                    (place, None) => self.routers[place - 1].handle_transmitted(self.now, transmit.id, fate),
                }
            }
        }
    }

    fn fate_at_node(&mut self, number: usize, transmit: &Transmit, fate: Result<Ack, TransmitError>) {
        let now = self.now;
        let node = &mut self.nodes[number];
        node.leaf.handle_transmitted(now, transmit.id, fate);
        if fate.is_ok_and(|ack| ack.frame_pending) {
            node.listens_until = now + LISTENS_FOR;
        }
    }

    fn is_lost(&mut self) -> bool {
        let percent = if self.is_calm { 0 } else { self.plot.loss_percent };
        self.dice.percent(percent)
    }

    fn carry(&mut self, from: Place, transmit: &Transmit) -> Result<Ack, TransmitError> {
        let (header, _) = Header::decode(transmit.psdu.as_bytes()).expect("a frame");
        if self.is_lost() && self.is_lost() {
            return Err(TransmitError::ChannelAccess);
        }
        for _ in 0..if header.ack_request { TRIES } else { 1 } {
            let mut ack = None;
            for to in 0..self.radios.len() {
                if !self.hears(from, to) || !self.listens(to) || self.is_lost() {
                    continue;
                }
                let is_meant = match header.to {
                    Address::Extended(eui64) => eui64 == self.eui64(to),
                    Address::Short(short) => short == GATEWAY_SHORT && to == HUB,
                };
                let is_all = header.to == Address::Short(0xFFFF);
                if is_meant || is_all {
                    let frame_pending = self.hear(to, &transmit.psdu, self.eui64(from));
                    if is_meant && !self.is_lost() {
                        ack = Some(Ack { frame_pending });
                    }
                }
            }
            match ack {
                Some(ack) => return Ok(ack),
                None if !header.ack_request => return Ok(Ack::default()),
                None => {}
            }
        }
        Err(TransmitError::NoAck)
    }

    /// Somebody hears a frame; whether its acknowledgement says that something waits.
    fn hear(&mut self, to: Place, psdu: &Psdu, from: Eui64) -> bool {
        match (to, self.node_at(to)) {
            (HUB, _) => self.hear_at_hub(psdu, from),
            (_, Some(node)) => {
                self.hear_at_node(node, psdu);
                false
            }
            (to, None) => {
                self.match_sources(to);
                let pending = self.router_matched[to - 1].contains(&from);
                self.routers[to - 1].handle_frame(self.now, psdu.as_bytes(), Signal::default());
                pending
            }
        }
    }

    fn hear_at_hub(&mut self, psdu: &Psdu, from: Eui64) -> bool {
        self.match_sources(HUB);
        let pending = self.matched.contains(&from);
        let (mut came, mut rejected, mut asked) = (None, None, None);
        match self.hub.handle_frame(self.now, psdu.as_bytes(), Signal::default()) {
            Received::Datagram { from, octets, .. } => came = Some((from, octets.to_vec())),
            Received::Rejected { reason, .. } => rejected = Some(reason),
            Received::DataRequest { from } => asked = Some(from),
            Received::Fragment { .. } | Received::Solicitation { .. } | Received::Neighbour { .. } => {}
        }
        if let Some(node) = asked.filter(|_| !pending) {
            self.hub.sleeps_on(node);
        }
        self.judge_rejection("hub", rejected);
        if let Some((from, octets)) = came {
            let number = (0..NODES).find(|number| node_address(*number) == from).expect("a node");
            let came = u32::from_be_bytes(octets[..4].try_into().expect("four octets"));
            self.note(&format!("hub hears {came} of {number}"));
            self.judge_order("up", self.nodes[number].came.last().copied(), came, &octets);
            self.nodes[number].came.push(came);
        }
        pending
    }

    fn hear_at_node(&mut self, number: usize, psdu: &Psdu) {
        let now = self.now;
        let node = &mut self.nodes[number];
        let (mut got, mut rejected) = (None, None);
        match node.leaf.handle_frame(now, psdu.as_bytes()) {
            Received::Datagram { octets, .. } => got = Some(octets.to_vec()),
            Received::Rejected { reason, .. } => rejected = Some(reason),
            Received::Fragment { .. }
            | Received::DataRequest { .. }
            | Received::Solicitation { .. }
            | Received::Neighbour { .. } => {}
        }
        // For one frame it has asked.
        if got.is_some() || rejected.is_none() {
            node.listens_until = now;
            if node.leaf.more_waits() {
                node.asks_at = now;
            }
        }
        self.judge_rejection("node", rejected);
        if let Some(octets) = got {
            let got = u32::from_be_bytes(octets[..4].try_into().expect("four octets"));
            self.note(&format!("node {number} gets {got}"));
            self.judge_order("down", self.nodes[number].got.last().copied(), got, &octets);
            self.nodes[number].got.push(got);
        }
    }
}
