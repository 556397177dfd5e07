//! A gateway, routers and nodes in virtual time, on an air that loses frames and, where it says so, does not carry them.

use crate::support::{GATEWAY, PAN, TestKeys, config, leaf_config};
use lowpan::{
    Ack, Address, Carriage, Eui64, Header, Hub, Leaf, LeafConfig, Level, Psdu, Received, Router, RouterConfig, Signal,
    Station, Transmit, TransmitError,
};
use sn_types::Instant;
use std::collections::BTreeSet;
use std::time::Duration;

/// How often a radio sends a frame that is not acknowledged.
const TRIES: usize = 4;
/// What a frame and its acknowledgement take.
const FRAME_TAKES: Duration = Duration::from_millis(4);
/// The radio's sensitivity is far below.
const SIGNAL: Signal = Signal { rssi_dbm: Some(-60), lqi: None };
const WEAK: Signal = Signal { rssi_dbm: Some(-92), lqi: None };

pub(crate) type TestRouter = Router<16, 8>;

/// A station of the network, by its place in it.
pub(crate) type Place = usize;
/// The gateway's place; routers follow, then nodes.
pub(crate) const AT_GATEWAY: Place = 0;

pub(crate) fn router_address(number: usize) -> Eui64 {
    Eui64([0x02, 0x12, 0x4B, 0, 0, 0, 1, number as u8])
}

pub(crate) fn node_address(number: usize) -> Eui64 {
    Eui64([0x00, 0x12, 0x4B, 0, 0, 0, 2, number as u8])
}

/// A node, and whether its radio listens.
pub(crate) struct Node {
    pub(crate) leaf: Leaf<TestKeys, 1280>,
    pub(crate) listens: bool,
    pub(crate) got: Vec<Vec<u8>>,
}

pub(crate) struct Network {
    pub(crate) now: Instant,
    pub(crate) hub: Hub<TestKeys>,
    pub(crate) routers: Vec<TestRouter>,
    pub(crate) nodes: Vec<Node>,
    /// Datagrams that have come to the gateway.
    pub(crate) came: Vec<(Eui64, Vec<u8>)>,
    /// Pairs that hear each other.
    links: BTreeSet<(Place, Place)>,
    /// Those of them that do so weakly.
    weak: BTreeSet<(Place, Place)>,
    /// Radios that are switched off.
    off: BTreeSet<Place>,
    pub(crate) loss_percent: u32,
    random: u32,
    /// Frames on the air, repetitions included, by their senders.
    pub(crate) sent: Vec<(Place, Psdu)>,
}

pub(crate) fn new_router(number: usize, seed: u64) -> TestRouter {
    let config = RouterConfig { eui64: router_address(number), pan: PAN, gateway: GATEWAY, gateway_short: Some(1) };
    Router::new(config, seed).expect("a good configuration")
}

impl Network {
    /// So many routers and nodes, of whom nobody hears anybody.
    pub(crate) fn new(routers: usize, nodes: usize, carriage: Carriage, security: Option<Level>) -> Self {
        let mut keys = TestKeys::shared_with(GATEWAY);
        keys.keys.extend((0..nodes).map(|number| (node_address(number), crate::support::KEY)));
        let node = |number| {
            let of_one = leaf_config(carriage, security);
            let station = Station { eui64: node_address(number), ..of_one.station };
            let config = LeafConfig { station, ..of_one };
            let leaf = Leaf::new(config, TestKeys::shared_with(GATEWAY), 99).expect("a good configuration");
            Node { leaf, listens: true, got: Vec::new() }
        };
        Self {
            now: Instant::ZERO,
            hub: Hub::new(config(security), keys, 0).expect("a good configuration"),
            routers: (0..routers).map(|number| new_router(number, number as u64 * 7)).collect(),
            nodes: (0..nodes).map(node).collect(),
            came: Vec::new(),
            links: BTreeSet::new(),
            weak: BTreeSet::new(),
            off: BTreeSet::new(),
            loss_percent: 0,
            random: 1,
            sent: Vec::new(),
        }
    }

    pub(crate) const fn router(number: usize) -> Place {
        1 + number
    }

    pub(crate) fn node(&self, number: usize) -> Place {
        1 + self.routers.len() + number
    }

    /// From now on these two hear each other.
    pub(crate) fn link(&mut self, a: Place, b: Place) {
        self.links.extend([(a, b), (b, a)]);
    }

    /// The same, but weakly.
    pub(crate) fn link_weakly(&mut self, a: Place, b: Place) {
        self.link(a, b);
        self.weak.extend([(a, b), (b, a)]);
    }

    pub(crate) fn unlink(&mut self, a: Place, b: Place) {
        self.links.retain(|link| *link != (a, b) && *link != (b, a));
    }

    pub(crate) fn switch_off(&mut self, place: Place) {
        self.off.insert(place);
    }

    pub(crate) fn switch_on(&mut self, place: Place) {
        self.off.remove(&place);
    }

    /// The gateway, routers in a line behind it, and a node behind the last.
    pub(crate) fn line(routers: usize, carriage: Carriage, security: Option<Level>) -> Self {
        let mut network = Self::new(routers, 1, carriage, security);
        for place in 0..routers {
            network.link(place, place + 1);
        }
        network.link(routers, network.node(0));
        network
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        let until = self.now + duration;
        loop {
            if self.transmit_one() {
                continue;
            }
            match self.next_at().filter(|at| *at <= until) {
                Some(at) => self.now = self.now.max(at),
                None => {
                    self.now = self.now.max(until);
                    return;
                }
            }
            self.pass_time();
        }
    }

    /// Lets all routers find their parents.
    pub(crate) fn settle(&mut self) {
        self.run_for(Duration::from_secs(30));
    }

    /// A node looks for a parent, and finds one or not.
    pub(crate) fn seek(&mut self, node: usize) {
        self.nodes[node].leaf.seek_parent(self.now);
        self.run_for(Duration::from_millis(400));
        assert!(!self.nodes[node].leaf.is_seeking());
    }

    /// A node says something, and it has got to where it gets a second later.
    pub(crate) fn say(&mut self, node: usize, datagram: &[u8]) {
        self.nodes[node].leaf.send(false, datagram).expect("nothing else is being sent");
        self.run_for(Duration::from_secs(1));
    }

    /// The gateway says something to a node.
    pub(crate) fn answer(&mut self, node: usize, datagram: &[u8]) {
        self.hub.send(self.now, node_address(node), datagram).expect("there is room");
        self.run_for(Duration::from_secs(1));
    }

    fn next_at(&self) -> Option<Instant> {
        let routers = self.routers.iter().filter_map(TestRouter::poll_timeout);
        let nodes = self.nodes.iter().filter_map(|node| node.leaf.poll_timeout());
        routers.chain(nodes).chain(self.hub.poll_timeout()).min()
    }

    fn pass_time(&mut self) {
        self.hub.handle_timeout(self.now);
        self.routers.iter_mut().for_each(|router| router.handle_timeout(self.now));
        self.nodes.iter_mut().for_each(|node| node.leaf.handle_timeout(self.now));
    }

    /// Somebody's next frame goes through the air.
    fn transmit_one(&mut self) -> bool {
        let stations = 1 + self.routers.len() + self.nodes.len();
        let Some((place, transmit)) = (0..stations).find_map(|place| Some((place, self.poll(place)?))) else {
            return false;
        };
        let result = self.carry(place, &transmit);
        self.tell(place, &transmit, result);
        true
    }

    fn poll(&mut self, place: Place) -> Option<Transmit> {
        let routers = self.routers.len();
        match place {
            AT_GATEWAY => self.hub.poll_transmit(),
            place if place <= routers => {
                // Whoever asks is told what waits.
                while self.routers[place - 1].poll_source_match().is_some() {}
                self.routers[place - 1].poll_transmit()
            }
            place => self.nodes[place - 1 - routers].leaf.poll_transmit(),
        }
    }

    fn tell(&mut self, place: Place, transmit: &Transmit, result: Result<Ack, TransmitError>) {
        let routers = self.routers.len();
        match place {
            AT_GATEWAY => self.hub.handle_transmitted(self.now, transmit.id, result),
            place if place <= routers => self.routers[place - 1].handle_transmitted(self.now, transmit.id, result),
            place => self.nodes[place - 1 - routers].leaf.handle_transmitted(self.now, transmit.id, result),
        }
    }

    /// A radio sends a frame until it is acknowledged.
    fn carry(&mut self, from: Place, transmit: &Transmit) -> Result<Ack, TransmitError> {
        let (header, _) = Header::decode(transmit.psdu.as_bytes()).expect("a frame");
        for _ in 0..if header.ack_request { TRIES } else { 1 } {
            self.now = self.now + FRAME_TAKES;
            self.sent.push((from, transmit.psdu.clone()));
            let mut is_acknowledged = !header.ack_request;
            let hearing: Vec<_> = self.links.iter().filter(|(a, _)| *a == from).map(|(_, b)| *b).collect();
            for to in hearing {
                if self.is_on(from) && self.is_on(to) && !self.is_lost() {
                    let is_meant = self.has(to, header.to);
                    let signal = if self.weak.contains(&(from, to)) { WEAK } else { SIGNAL };
                    self.hear(to, &transmit.psdu, signal);
                    is_acknowledged |= is_meant && !self.is_lost();
                }
            }
            if is_acknowledged {
                return Ok(Ack::default());
            }
        }
        Err(TransmitError::NoAck)
    }

    fn is_on(&self, place: Place) -> bool {
        let node = place.checked_sub(1 + self.routers.len()).map(|number| &self.nodes[number]);
        !self.off.contains(&place) && node.is_none_or(|node| node.listens || node.leaf.is_busy())
    }

    fn is_lost(&mut self) -> bool {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.random >> 8) % 100 < self.loss_percent
    }

    fn has(&self, place: Place, address: Address) -> bool {
        let routers = self.routers.len();
        match (place, address) {
            (AT_GATEWAY, Address::Short(short)) => short == 1,
            (_, Address::Short(_)) => false,
            (AT_GATEWAY, Address::Extended(eui64)) => eui64 == GATEWAY,
            (place, Address::Extended(eui64)) if place <= routers => eui64 == router_address(place - 1),
            (place, Address::Extended(eui64)) => eui64 == node_address(place - 1 - routers),
        }
    }

    fn hear(&mut self, place: Place, psdu: &Psdu, signal: Signal) {
        let routers = self.routers.len();
        match place {
            AT_GATEWAY => {
                if let Received::Datagram { from, octets, .. } =
                    self.hub.handle_frame(self.now, psdu.as_bytes(), signal)
                {
                    self.came.push((from, octets.to_vec()));
                }
            }
            place if place <= routers => {
                self.routers[place - 1].handle_frame(self.now, psdu.as_bytes(), signal);
            }
            place => {
                let node = &mut self.nodes[place - 1 - routers];
                if let Received::Datagram { octets, .. } = node.leaf.handle_frame(self.now, psdu.as_bytes()) {
                    node.got.push(octets.to_vec());
                }
            }
        }
    }
}
