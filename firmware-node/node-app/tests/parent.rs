//! A sensor that its gateway does not hear, and a router that both hear, in virtual time.

use config_page::Settings;
use lowpan::{
    Ack, Address, Carriages, Config, Eui64, Header, Hub, Limits, NoKeys, Psdu, Received, Router, RouterConfig, Signal,
    Station, TransmitError,
};
use node_app::sensor::{Action, Sample, Sensor, Start};
use sn_types::Instant;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

const GATEWAY: Eui64 = Eui64([2, 0, 0, 0, 0, 0, 0, 1]);
const ROUTER: Eui64 = Eui64([2, 0, 0, 0, 0, 0, 0, 2]);
const NODE: Eui64 = Eui64([2, 0, 0, 0, 0, 0, 0, 7]);
const TO_ALL: Address = Address::Short(0xFFFF);
const PAN: u16 = 0xABCD;
const SIGNAL: Signal = Signal { rssi_dbm: Some(-60), lqi: None };
const FRAME_TAKES: Duration = Duration::from_millis(3);
const CONNECT: u8 = 0x04;
const CONNACK: [u8; 3] = [3, 0x05, 0];
const SUBSCRIBE: u8 = 0x12;

struct Air {
    now: Instant,
    hub: Hub<NoKeys>,
    router: Router<4, 4>,
    matched: BTreeSet<Eui64>,
    /// The types of the messages that have reached the gateway.
    at_gateway: Vec<u8>,
    /// The router does not hear the gateway any more, nor the gateway the router; the node does.
    router_is_cut_off: bool,
    /// Frames on the air from the gateway to the node itself.
    direct: VecDeque<Psdu>,
}

impl Air {
    fn new() -> Self {
        let station = Station { eui64: GATEWAY, pan: PAN, short: None, security: None };
        let config = Config { station, carriages: Carriages::Bare, fragment: true, limits: Limits::DEFAULT };
        let router = RouterConfig { eui64: ROUTER, pan: PAN, gateway: GATEWAY, gateway_short: None };
        Self {
            now: Instant::ZERO,
            hub: Hub::new(config, NoKeys, 1).expect("a good configuration"),
            router: Router::new(router, 2).expect("a good configuration"),
            matched: BTreeSet::new(),
            at_gateway: Vec::new(),
            router_is_cut_off: false,
            direct: VecDeque::new(),
        }
    }

    /// Time passes, until a frame has come for the node if its receiver is on.
    fn pass(&mut self, until: Instant, listens: bool) -> Option<Psdu> {
        loop {
            if let Some(frame) = self.carry(listens) {
                return Some(frame);
            }
            let due = [self.router.poll_timeout(), self.hub.poll_timeout()].into_iter().flatten().min();
            let Some(due) = due.filter(|due| *due <= until) else { break };
            self.now = self.now.max(due);
            self.router.handle_timeout(self.now);
            self.hub.handle_timeout(self.now);
        }
        self.now = self.now.max(until);
        None
    }

    fn carry(&mut self, listens: bool) -> Option<Psdu> {
        loop {
            while let Some(change) = self.router.poll_source_match() {
                if change.pending {
                    self.matched.insert(change.node)
                } else {
                    self.matched.remove(&change.node)
                };
            }
            if let Some(frame) = self.hub.poll_transmit() {
                let fate = self.send_down(&frame.psdu, listens);
                self.hub.handle_transmitted(self.now, frame.id, fate);
                continue;
            }
            if let Some(psdu) = self.direct.pop_front() {
                return Some(psdu);
            }
            let frame = self.router.poll_transmit()?;
            self.now = self.now + FRAME_TAKES;
            let to = receiver(frame.psdu.as_bytes());
            let is_for_gateway = to == TO_ALL || to == Address::Extended(GATEWAY);
            if is_for_gateway && !self.router_is_cut_off {
                self.reach_gateway(frame.psdu.as_bytes());
            }
            let is_for_node = listens && (to == TO_ALL || to == Address::Extended(NODE));
            let is_heard = is_for_node || (is_for_gateway && !self.router_is_cut_off);
            let fate = is_heard.then(Ack::default).ok_or(TransmitError::NoAck);
            self.router.handle_transmitted(self.now, frame.id, fate);
            if is_for_node {
                return Some(frame.psdu);
            }
        }
    }

    /// From the gateway.
    fn send_down(&mut self, psdu: &Psdu, listens: bool) -> Result<Ack, TransmitError> {
        if !self.router_is_cut_off {
            return self.reach_router(psdu.as_bytes());
        }
        if !listens || receiver(psdu.as_bytes()) == Address::Extended(ROUTER) {
            return Err(TransmitError::NoAck);
        }
        self.now = self.now + FRAME_TAKES;
        self.direct.push_back(psdu.clone());
        Ok(Ack::default())
    }

    /// From the node.
    fn send_up(&mut self, psdu: &[u8]) -> Result<Ack, TransmitError> {
        let fate = self.reach_router(psdu);
        let to = receiver(psdu);
        if !self.router_is_cut_off || (to != TO_ALL && to != Address::Extended(GATEWAY)) {
            return fate;
        }
        self.reach_gateway(psdu);
        Ok(Ack { frame_pending: self.hub.source_match().any(|node| node == NODE) })
    }

    /// From the gateway, or from the node.
    fn reach_router(&mut self, psdu: &[u8]) -> Result<Ack, TransmitError> {
        self.now = self.now + FRAME_TAKES;
        let to = receiver(psdu);
        if to != TO_ALL && to != Address::Extended(ROUTER) {
            return Err(TransmitError::NoAck);
        }
        self.router.handle_frame(self.now, psdu, SIGNAL);
        Ok(Ack { frame_pending: self.matched.contains(&NODE) })
    }

    fn reach_gateway(&mut self, psdu: &[u8]) {
        let Received::Datagram { octets, .. } = self.hub.handle_frame(self.now, psdu, SIGNAL) else { return };
        let kind = octets[1];
        self.at_gateway.push(kind);
        if kind == CONNECT {
            self.hub.send(self.now, NODE, &CONNACK).expect("there is room");
        }
    }

    fn run(&mut self, sensor: &mut Sensor<'_>, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            match sensor.poll(self.now) {
                Action::Transmit(frame) => {
                    let fate = self.send_up(frame.psdu.as_bytes());
                    sensor.transmitted(self.now, frame.id, fate);
                }
                Action::Listen { from, until, .. } => {
                    if from > self.now {
                        self.pass(from, false);
                    }
                    let frame = self.pass(until, true);
                    sensor.received(self.now, frame.as_ref().map(Psdu::as_bytes));
                }
                Action::Measure => sensor.measured(Sample { centidegrees: 2125, supply_mv: 3012 }),
                Action::Keep(keep) => sensor.kept(keep),
                Action::Sleep { until } => {
                    self.pass(until.min(end), false);
                }
            }
        }
    }
}

fn receiver(psdu: &[u8]) -> Address {
    Header::decode(psdu).expect("frames can be read").0.to
}

fn sensor() -> Sensor<'static> {
    let mut settings = Settings::new();
    settings.apply("pan=abcd channel=15 gateway=0200000000000001 client=hall base=hall").expect("they can be");
    let start = Start { seed: 1, eui64: NODE, reserved: 0, heard: 0, session: &[], fault: None };
    Sensor::new(settings, "hall", start).expect("the settings are complete")
}

#[test]
fn a_node_out_of_the_gateways_reach_finds_a_router() {
    let mut air = Air::new();
    air.pass(Instant::from_secs(10), false);
    assert_eq!(air.router.depth(), Some(1), "the router has its way");
    let mut sensor = sensor();
    air.run(&mut sensor, Duration::from_secs(120));
    assert!(air.at_gateway.contains(&CONNECT), "{:?}", air.at_gateway);
    assert!(air.at_gateway.contains(&SUBSCRIBE), "the answer came back: {:?}", air.at_gateway);
}

#[test]
fn a_node_leaves_a_router_that_acknowledges_and_has_no_way() {
    let mut air = Air::new();
    air.pass(Instant::from_secs(10), false);
    let mut sensor = sensor();
    air.run(&mut sensor, Duration::from_secs(120));
    assert!(air.at_gateway.contains(&SUBSCRIBE), "it is connected: {:?}", air.at_gateway);
    air.router_is_cut_off = true;
    air.at_gateway.clear();
    air.run(&mut sensor, Duration::from_secs(1_800));
    assert!(air.router.depth().is_none(), "the router has lost its way");
    assert!(air.at_gateway.contains(&CONNECT), "{:?}", air.at_gateway);
    assert!(air.at_gateway.contains(&SUBSCRIBE), "the answer came back: {:?}", air.at_gateway);
}
