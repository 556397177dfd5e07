//! A hundred secured nodes, forty of them two and three hops away, at a gateway's core and its side of the PAN, in virtual time:
//! the scenario that `interop/tests/dongle.rs` runs with the daemon. What becomes of frames is counted:
//!
//! ```text
//! cargo test -p simulator --test radio_mesh -- --nocapture
//! ```

use gateway_core::{Config as CoreConfig, Core, Input, Output};
use lowpan::{Ack, Carriages, Config, Eui64, FrameId, Hub, Level, Limits, Received, Signal, Stats, TransmitError};
use simulator::plan::MediumPlan;
use simulator::radio::{Counters, FrameFate, FromAir, MATCHES, Radio};
use simulator::scenario::File;
use simulator::{Plan, World};
use sn_types::{Instant, LinkAddr, PeerAddr, TransportId, Way};
use spinel_device::{Address, Pending};
use std::collections::BTreeSet;
use transports::NodeTable;
use transports::nodes::Listed;

const TRANSPORT: TransportId = TransportId(0);
const NODES: usize = 100;
/// Those before are near the gateway; from here on they are two hops away, from there three.
const EAST: usize = 60;
const NORTH: usize = 80;

/// The nodes as the gateway has them on its list: all have the scenario's key.
fn listed() -> NodeTable {
    let mut table = NodeTable::secured();
    let key = Some("000102030405060708090a0b0c0d0e0f".parse().expect("the scenario's key"));
    let listed = Listed { key, counter: None, revoked: false, way: Way::default() };
    (0..NODES).for_each(|node| table.put(address(node), listed));
    table.grant(1..1_000_000);
    table
}

fn address(node: usize) -> Eui64 {
    let LinkAddr::Eui64(octets) = Radio::node_addr(node) else { panic!("a radio's node") };
    Eui64(octets)
}

fn plan(carrier_sense: bool) -> Plan {
    let scene = File::parse(include_str!("../scenarios/mesh.toml")).and_then(|file| file.expand());
    let mut plan = scene.unwrap_or_else(|error| panic!("{error}")).plan;
    // A real network has no end at which nothing gets lost any more.
    plan.calm_at = Instant::FAR_FUTURE;
    if let MediumPlan::Radio(radio) = &mut plan.medium {
        radio.receiver.carrier_sense = carrier_sense;
    }
    plan
}

/// The world, and a gateway that does what the daemon does with its dongle.
struct Mesh<'p> {
    world: World<'p>,
    hub: Hub<NodeTable>,
    core: Core,
    in_radio: Option<FrameId>,
    /// For whom something waits.
    awaited: BTreeSet<Eui64>,
    /// Whose reports were acknowledged, and how many.
    reported: BTreeSet<usize>,
    reports: usize,
}

impl<'p> Mesh<'p> {
    fn new(plan: &'p Plan) -> Self {
        let world = World::for_dongle(plan).expect("a plan for a dongle");
        let eui64 = Eui64(Radio::gateway_address(0));
        let station = lowpan::Station { eui64, pan: 0x530F, short: None, security: Some(Level::Mic64) };
        let config = Config { station, carriages: Carriages::Both(1883), fragment: true, limits: Limits::DEFAULT };
        let mut hub = Hub::new(config, listed(), 1).expect("a good configuration");
        hub.announce();
        let mut core = Core::new(CoreConfig::default());
        core.add_transport(Instant::ZERO, TRANSPORT, hub.config().profile());
        let (awaited, reported) = (BTreeSet::new(), BTreeSet::new());
        Self { world, hub, core, in_radio: None, awaited, reported, reports: 0 }
    }

    fn run_for_s(&mut self, secs: u64) {
        let until = Instant::from_secs(secs);
        while self.world.now() < until {
            self.settle();
            let due = [self.world.next_at(), self.core.poll_timeout(), self.hub.poll_timeout()];
            let next = due.into_iter().flatten().min().unwrap_or(until);
            self.world.run_until(next.clamp(self.world.now(), until));
            self.core.handle_timeout(self.world.now());
            self.hub.handle_timeout(self.world.now());
        }
    }

    fn settle(&mut self) {
        while let Some(news) = self.world.take_from_air() {
            match news {
                FromAir::Heard { psdu, rssi_dbm } => self.hear(&psdu, rssi_dbm),
                FromAir::Sent(fate) => self.sent(fate),
            }
        }
        while let Some(output) = self.core.poll_output() {
            if let Output::Send { to: PeerAddr { link: LinkAddr::Eui64(to), .. }, datagram } = output {
                self.hub.send(self.world.now(), Eui64(to), &datagram).expect("there is room");
            }
        }
        self.match_sources();
        if self.in_radio.is_none()
            && let Some(transmit) = self.hub.poll_transmit()
        {
            self.in_radio = Some(transmit.id);
            self.world.send_frame(&[transmit.psdu.as_bytes(), &[0, 0]].concat());
        }
        while let Some((node, ..)) = self.world.take_acknowledgement() {
            self.reported.insert(node);
            self.reports += 1;
        }
    }

    fn hear(&mut self, psdu: &[u8], rssi_dbm: i8) {
        let octets = lowpan::check_fcs(psdu).expect("the air damages nothing");
        let (now, signal) = (self.world.now(), Signal { rssi_dbm: Some(rssi_dbm), lqi: None });
        if let Received::Datagram { from, octets, .. } = self.hub.handle_frame(now, octets, signal) {
            let from = PeerAddr::direct(TRANSPORT, LinkAddr::Eui64(from.0));
            self.core.handle_input(now, Input::Datagram { from, bytes: octets });
        }
    }

    fn sent(&mut self, fate: FrameFate) {
        let result = match fate {
            FrameFate::Done => Ok(Ack::default()),
            FrameFate::NoAck => Err(TransmitError::NoAck),
            FrameFate::ChannelBusy => Err(TransmitError::ChannelAccess),
        };
        let now = self.world.now();
        self.in_radio.take().into_iter().for_each(|id| self.hub.handle_transmitted(now, id, result));
    }

    /// The dongle's list, which is not used while it is too short.
    fn match_sources(&mut self) {
        let before = self.awaited.len();
        let changes: Vec<_> = std::iter::from_fn(|| self.hub.poll_source_match()).collect();
        for change in &changes {
            if change.pending {
                self.awaited.insert(change.node)
            } else {
                self.awaited.remove(&change.node)
            };
        }
        if changes.is_empty() || before.min(self.awaited.len()) > MATCHES {
            return;
        }
        let mut pending = Pending::nobody();
        let all_fit = self.awaited.iter().all(|node| pending.insert(Address::Extended(node.0)).is_ok());
        self.world.match_at_gateway(if all_fit { pending } else { Pending::default() });
    }

    fn parents_lost(&self) -> u64 {
        (0..3).filter_map(|router| self.world.router(router)).map(|(_, stats)| stats.parents_lost).sum()
    }

    fn hops(&self, node: usize) -> Option<u8> {
        Some(self.hub.node(address(node))?.via.map_or(1, |relay| relay.hops))
    }

    fn print(&self, title: &str) {
        let stats = self.world.radio_stats().expect("a radio");
        let Counters { sent, retries, lost, collided, deaf, channel_access_failures, ack_failures, airtime_us, .. } =
            stats.channels[0].counters;
        println!("{title}: {} of {NODES} nodes have reported, {} reports", self.reported.len(), self.reports);
        println!("  frames: {sent} sent, {retries} of them again; {lost} lost, {collided} collided, {deaf} unheard");
        println!("  given up: {ack_failures} not acknowledged, {channel_access_failures} on a busy channel");
        println!("  time on the air: {} s", airtime_us / 1_000_000);
        (0..3).for_each(|router| println!("  router {router}: {:?}", self.world.router(router)));
        println!("  gateway: {:?}", self.hub.stats());
    }
}

#[test]
fn everybody_reports_over_up_to_three_hops_and_routers_keep_their_parents() {
    let plan = plan(true);
    let mut mesh = Mesh::new(&plan);
    // Who loses a frame sends it again at once, and not when T_retry is over: that was up to 20 s more.
    mesh.run_for_s(32);
    assert_eq!(mesh.reported.len(), NODES);
    mesh.run_for_s(80);
    mesh.print("power or carrier");
    mesh.run_for_s(120);
    assert!(mesh.parents_lost() < 3, "{}", mesh.parents_lost());
    let Stats { no_ack, channel_access, .. } = mesh.hub.stats();
    assert!(
        no_ack + channel_access < 3,
        "of more than 2,000 datagrams the gateway gave up {no_ack} and {channel_access}"
    );
    for (nodes, hops) in [(0..EAST, 1), (EAST..NORTH, 2), (NORTH..NODES, 3)] {
        assert!(nodes.clone().all(|node| mesh.hops(node) == Some(hops)), "{nodes:?}");
    }
}

#[test]
fn where_only_power_counts_routers_lose_their_parents_again_and_again() {
    let plan = plan(false);
    let mut mesh = Mesh::new(&plan);
    mesh.run_for_s(80);
    mesh.print("power only");
    assert!(mesh.parents_lost() > 10, "{}", mesh.parents_lost());
}
