//! A hundred nodes over two to four hops: routers that run the code that ships, on the simulated radio, and the gateway's side
//! of the PAN behind it.

use lowpan::{Ack, Carriages, Config, Eui64, FrameId, Hub, Limits, NoKeys, Received, Signal, TransmitError};
use simulator::medium::{Arrival, Medium, Uplink};
use simulator::radio::{
    FrameFate, FromAir, LeafCarriage, LeafGroup, LinkPlan, Loss, Propagation, Radio, RadioPlan, Site, Station,
};
use sn_types::{Instant, LinkAddr};
use std::collections::BTreeSet;
use std::time::Duration;

const NODES: usize = 100;
/// Three arms of three routers each; each router hears those beside it in its arm, and the first the gateway.
const ARMS: usize = 3;
const DEPTH: usize = 3;

fn plan(loss: Loss) -> RadioPlan {
    let link = |a, b| LinkPlan { a, b, rssi_dbm: -70, loss: None };
    let router = |number: usize| match number % DEPTH {
        0 => link(Station::Router(number), Station::Gateway(0)),
        _ => link(Station::Router(number), Station::Router(number - 1)),
    };
    let node = |number: usize| link(Station::Node(number), Station::Router(number % (ARMS * DEPTH)));
    let links = (0..ARMS * DEPTH).map(router).chain((0..NODES).map(node)).collect();
    let sites = |count| vec![Site::default(); count];
    let (nodes, routers, gateways) = (sites(NODES), sites(ARMS * DEPTH), sites(1));
    RadioPlan {
        seed: 3,
        propagation: Propagation::Table(links),
        loss,
        nodes,
        routers,
        gateways,
        ..RadioPlan::default()
    }
}

/// The air and the gateway, who does what its radio and its session layer do: each datagram is answered.
struct Network {
    now: Instant,
    radio: Radio,
    hub: Hub<NoKeys>,
    in_radio: Option<FrameId>,
    came: BTreeSet<Eui64>,
    answered: BTreeSet<usize>,
}

impl Network {
    fn new(plan: &RadioPlan) -> Self {
        let mut radio = Radio::new(plan);
        radio.hand_over(0);
        let station =
            lowpan::Station { eui64: Eui64(Radio::gateway_address(0)), pan: 0x530F, short: None, security: None };
        let limits = Limits::DEFAULT;
        let config = Config { station, carriages: Carriages::Udp(1883), fragment: true, limits };
        let hub = Hub::new(config, NoKeys, 1).expect("a good configuration");
        let (came, answered) = (BTreeSet::new(), BTreeSet::new());
        Self { now: Instant::ZERO, radio, hub, in_radio: None, came, answered }
    }

    fn run_for(&mut self, duration: Duration) {
        let until = self.now + duration;
        loop {
            self.settle();
            let next = self.radio.poll_timeout().into_iter().chain(self.hub.poll_timeout()).min();
            let Some(at) = next.filter(|at| *at <= until) else { break };
            self.now = at.max(self.now);
            self.radio.handle_timeout(self.now);
            self.hub.handle_timeout(self.now);
        }
        self.now = until;
    }

    fn settle(&mut self) {
        while let Some(news) = self.radio.poll_outside() {
            match news {
                FromAir::Heard { psdu, rssi_dbm } => self.hear(&psdu, rssi_dbm),
                FromAir::Sent(fate) => {
                    let result = match fate {
                        FrameFate::Done => Ok(Ack::default()),
                        FrameFate::NoAck => Err(TransmitError::NoAck),
                        FrameFate::ChannelBusy => Err(TransmitError::ChannelAccess),
                    };
                    self.in_radio.take().into_iter().for_each(|id| self.hub.handle_transmitted(self.now, id, result));
                }
            }
        }
        if self.in_radio.is_none()
            && let Some(transmit) = self.hub.poll_transmit()
        {
            self.in_radio = Some(transmit.id);
            self.radio.send_from_outside(self.now, &[transmit.psdu.as_bytes(), &[0, 0]].concat());
        }
        while let Some(arrival) = self.radio.poll_arrival() {
            if let Arrival::AtNode { node, gateway: Some(0), .. } = arrival {
                self.answered.insert(node);
            }
        }
    }

    fn hear(&mut self, psdu: &[u8], rssi_dbm: i8) {
        let octets = lowpan::check_fcs(psdu).expect("the air damages nothing");
        let signal = Signal { rssi_dbm: Some(rssi_dbm), lqi: None };
        if let Received::Datagram { from, .. } = self.hub.handle_frame(self.now, octets, signal) {
            self.came.insert(from);
            self.hub.send(self.now, from, b"\x02\x17").expect("there is room");
        }
    }

    /// Each node says something, one after the other; the ones that had no answer again, as MQTT-SN has them do.
    fn round(&mut self) {
        for node in (0..NODES).filter(|node| !self.answered.contains(node)).collect::<Vec<_>>() {
            self.radio.send_up(self.now, node, Uplink::Gateway(0), b"\x02\x16");
            self.run_for(Duration::from_millis(100));
        }
        self.run_for(Duration::from_secs(1));
    }
}

fn eui64(node: usize) -> Eui64 {
    match Radio::node_addr(node) {
        LinkAddr::Eui64(octets) => Eui64(octets),
        LinkAddr::Udp(_) | LinkAddr::Line => panic!("a radio's node"),
    }
}

#[test]
fn routers_find_their_parents_and_all_nodes_are_answered_over_them() {
    let mut network = Network::new(&plan(Loss::default()));
    network.run_for(Duration::from_secs(30));
    let depths: Vec<_> = (0..9).map(|router| network.radio.router(router).expect("it runs").0).collect();
    assert_eq!(depths, [1, 2, 3, 1, 2, 3, 1, 2, 3].map(Some));
    network.round();
    assert_eq!((network.came.len(), network.answered.len()), (NODES, NODES));
    assert!((0..NODES).all(|node| network.hub.node(eui64(node)).is_some_and(|node| node.via.is_some())));
}

#[test]
fn where_every_tenth_frame_is_lost_three_rounds_are_enough() {
    let mut network = Network::new(&plan(Loss::independent(100_000)));
    network.run_for(Duration::from_secs(60));
    for _ in 0..3 {
        network.round();
    }
    assert_eq!((network.came.len(), network.answered.len()), (NODES, NODES));
}

#[test]
fn nodes_with_the_frames_of_real_ones_are_answered_over_routers_too_and_poll_there() {
    let leaves =
        LeafGroup { first: 0, count: NODES, carriage: LeafCarriage::Lowpan, security: None, polls_every_ms: 500 };
    let mut network = Network::new(&RadioPlan { leaves: vec![leaves], ..plan(Loss::default()) });
    network.run_for(Duration::from_secs(30));
    // Nodes do not hear each other's requests, and collide now and then.
    for _ in 0..2 {
        network.round();
    }
    assert_eq!((network.came.len(), network.answered.len()), (NODES, NODES));
}
