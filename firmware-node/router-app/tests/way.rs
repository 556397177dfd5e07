//! A router between a gateway and a node that do not hear each other, in virtual time.

use lowpan::{
    Address, Carriage, Carriages, Config, Header, Hub, Leaf, LeafConfig, Limits, NoKeys, Psdu, Received, Station,
    Transmit,
};
use router_app::{Ack, Eui64, Instant, MAX_PSDU, Radio, Router, RouterConfig, Signal, TransmitError, turn};
use std::collections::{BTreeSet, VecDeque};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const GATEWAY: Eui64 = Eui64([2, 0, 0, 0, 0, 0, 0, 1]);
const ROUTER: Eui64 = Eui64([2, 0, 0, 0, 0, 0, 0, 2]);
const NODE: Eui64 = Eui64([2, 0, 0, 0, 0, 0, 0, 3]);
const PAN: u16 = 0x530F;
const FRAME_TAKES: Duration = Duration::from_millis(4);
/// A frame to all in PAN 1111.
const OF_OTHERS: &[u8] = b"\x41\x88\x00\x11\x11\xFF\xFF\x01\x00";
const SIGNAL: Signal = Signal { rssi_dbm: Some(-60), lqi: None };

/// What is in the router's reach.
struct Air {
    now: Instant,
    /// Somebody does something then.
    until: Instant,
    hub: Hub<NoKeys>,
    leaf: Leaf<NoKeys, 300>,
    /// The node's radio is on.
    listens: bool,
    /// Others of another PAN talk without a pause.
    is_busy: bool,
    /// For the router.
    waiting: VecDeque<Psdu>,
    matched: BTreeSet<Eui64>,
    at_gateway: Vec<Vec<u8>>,
    at_node: Vec<Vec<u8>>,
}

impl Air {
    fn new() -> Self {
        let station = |eui64| Station { eui64, pan: PAN, short: None, security: None };
        let config =
            Config { station: station(GATEWAY), carriages: Carriages::Bare, fragment: true, limits: Limits::DEFAULT };
        let leaf = LeafConfig {
            station: station(NODE),
            gateway: GATEWAY,
            gateway_short: None,
            carriage: Carriage::Bare,
            fragment: true,
        };
        Self {
            now: Instant::ZERO,
            until: Instant::ZERO,
            hub: Hub::new(config, NoKeys, 1).expect("a good configuration"),
            leaf: Leaf::new(leaf, NoKeys, 2).expect("a good configuration"),
            listens: true,
            is_busy: false,
            waiting: VecDeque::new(),
            matched: BTreeSet::new(),
            at_gateway: Vec::new(),
            at_node: Vec::new(),
        }
    }

    /// The others send what they have.
    fn speak(&mut self) {
        while let Some(frame) = self.hub.poll_transmit() {
            let fate = self.reach_router(&frame);
            self.hub.handle_transmitted(self.now, frame.id, fate);
        }
        while let Some(frame) = self.leaf.poll_transmit() {
            let is_matched = self.matched.contains(&NODE);
            let fate = self.reach_router(&frame).map(|_| Ack { frame_pending: is_matched });
            self.leaf.handle_transmitted(self.now, frame.id, fate);
        }
    }

    fn reach_router(&mut self, frame: &Transmit) -> Result<Ack, TransmitError> {
        let (header, _) = Header::decode(frame.psdu.as_bytes()).expect("a frame");
        let is_heard = [Address::Short(0xFFFF), Address::Extended(ROUTER)].contains(&header.to);
        if is_heard {
            self.waiting.push_back(frame.psdu.clone());
        }
        is_heard.then(Ack::default).ok_or(TransmitError::NoAck)
    }
}

impl Radio for Air {
    fn now(&self) -> Instant {
        self.now
    }

    async fn receive(&mut self, psdu: &mut [u8; MAX_PSDU], until: Option<Instant>) -> Option<(usize, Signal)> {
        self.speak();
        if let Some(frame) = self.waiting.pop_front() {
            let octets = frame.as_bytes();
            psdu[..octets.len()].copy_from_slice(octets);
            return Some((octets.len(), SIGNAL));
        }
        if self.is_busy {
            self.now = self.now + FRAME_TAKES;
            psdu[..OF_OTHERS.len()].copy_from_slice(OF_OTHERS);
            return Some((OF_OTHERS.len(), SIGNAL));
        }
        self.now = until.map_or(self.until, |until| until.min(self.until)).max(self.now);
        self.hub.handle_timeout(self.now);
        self.leaf.handle_timeout(self.now);
        None
    }

    async fn transmit(&mut self, psdu: &[u8]) -> Result<Ack, TransmitError> {
        self.now = self.now + FRAME_TAKES;
        let (header, _) = Header::decode(psdu).expect("a frame");
        let mut is_acknowledged = !header.ack_request;
        if let Received::Datagram { octets, .. } = self.hub.handle_frame(self.now, psdu, SIGNAL) {
            self.at_gateway.push(octets.to_vec());
        }
        is_acknowledged |= header.to == Address::Extended(GATEWAY);
        if self.listens {
            if let Received::Datagram { octets, .. } = self.leaf.handle_frame(self.now, psdu) {
                self.at_node.push(octets.to_vec());
            }
            is_acknowledged |= header.to == Address::Extended(NODE);
        }
        is_acknowledged.then(Ack::default).ok_or(TransmitError::NoAck)
    }

    fn match_source(&mut self, node: Eui64, pending: bool) {
        if pending {
            self.matched.insert(node)
        } else {
            self.matched.remove(&node)
        };
    }
}

struct Bench {
    router: Router<4, 4>,
    air: Air,
}

impl Bench {
    /// The router has found the gateway, and the node the router.
    fn new() -> Self {
        let config = RouterConfig { eui64: ROUTER, pan: PAN, gateway: GATEWAY, gateway_short: None };
        let mut bench = Self { router: Router::new(config, 3).expect("a good configuration"), air: Air::new() };
        bench.run_for(Duration::from_secs(10));
        assert_eq!(bench.router.depth(), Some(1));
        bench.air.leaf.seek_parent(bench.air.now);
        bench.run_for(Duration::from_secs(1));
        assert_eq!(bench.air.leaf.parent(), Some(ROUTER));
        bench
    }

    fn run_for(&mut self, duration: Duration) {
        self.air.until = self.air.now + duration;
        while self.air.now < self.air.until {
            let turn = pin!(turn(&mut self.router, &mut self.air));
            // Nothing on this air takes real time.
            assert_eq!(turn.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()));
        }
    }
}

#[test]
fn it_carries_datagrams_up_and_down() {
    let mut bench = Bench::new();
    bench.air.leaf.send(false, b"\x07\x18up...").expect("nothing else is being sent");
    bench.run_for(Duration::from_secs(2));
    assert_eq!(bench.air.at_gateway, [b"\x07\x18up..."]);
    bench.air.hub.send(bench.air.now, NODE, b"\x07\x18down.").expect("there is room");
    bench.run_for(Duration::from_secs(2));
    assert_eq!(bench.air.at_node, [b"\x07\x18down."]);
}

#[test]
fn what_is_for_a_node_that_sleeps_waits_for_its_data_request() {
    let mut bench = Bench::new();
    bench.air.leaf.send(false, b"\x02\x16").expect("nothing else is being sent");
    bench.air.leaf.request();
    bench.run_for(Duration::from_secs(2));
    bench.air.listens = false;
    bench.air.hub.send(bench.air.now, NODE, b"\x02\x17").expect("there is room");
    bench.run_for(Duration::from_secs(2));
    assert!(bench.air.at_node.is_empty());
    assert_eq!(bench.air.matched, [NODE].into(), "its data request would be told that something waits");
    bench.air.leaf.request();
    bench.air.listens = true;
    bench.run_for(Duration::from_secs(2));
    assert_eq!(bench.air.at_node, [b"\x02\x17"]);
    assert!(bench.air.matched.is_empty());
}

#[test]
fn it_finds_its_parent_however_much_there_is_to_hear() {
    let config = RouterConfig { eui64: ROUTER, pan: PAN, gateway: GATEWAY, gateway_short: None };
    let mut bench = Bench { router: Router::new(config, 3).expect("a good configuration"), air: Air::new() };
    bench.air.is_busy = true;
    bench.run_for(Duration::from_secs(10));
    assert_eq!(bench.router.depth(), Some(1));
}
