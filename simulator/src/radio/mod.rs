//! An IEEE 802.15.4 network in virtual time: nodes, routers and gateways that share channels.
//!
//! Owns: when a frame is on the air ([`phy`], the MAC), who hears it and what collides (the air), the frames' octets
//! (802.15.4, 6LoWPAN), the routes, and the account of all that. Must not know: MQTT-SN, sessions, clocks, sockets.
//!
//! Order of calls: write a [`RadioPlan`], [`Radio::new`], perhaps [`Radio::tap`], then as [`Medium`] says; ask for
//! [`Radio::stats`] at any time. A run is a pure function of the plan and the calls: integers only (powers are
//! added in attowatts, logarithms come from an integer algorithm), one seeded generator, no map with an order of its own.
//!
//! # Several hops
//!
//! Routers carry frames below IP, "mesh-under": RFC 4944 §11's mesh addressing header names the originator and the final
//! destination by their 64-bit addresses, and each hop has a MAC header of its own. MQTT-SN's own way would be its
//! forwarder encapsulation (1.2 §5.5). But there a gateway knows a node by its forwarder's address and the id behind it, so a
//! node that roams to another forwarder looks like another peer. Mesh-under it is the same EUI-64 whichever router it uses.
//! Next hops are static, computed at the start. Broadcasts are flooded by routers within the radius, with RFC 4944's
//! broadcast header (BC0) against echoes. Where the gateway is outside ([`Radio::hand_over`]) routers run the code that ships,
//! [`lowpan::Router`], find their parents by themselves and learn the ways down.
//!
//! # What is simplified
//!
//! A frame is received whole if its power is above the sensitivity, the sum of the others' stays below it by the capture
//! ratio, and its link does not lose it: there is no curve of bit errors. Acknowledgements are matched with their sender, where
//! real MACs only compare the sequence number. There is no association, no beacon, no security, no fragmentation.

mod air;
mod chip;
mod duty;
mod fixed;
mod frame;
mod leaves;
mod loss;
mod lowpan;
mod mac;
mod network;
mod outside;
pub mod phy;
mod plan;
mod propagation;
mod roster;
mod routers;
mod routes;
mod stats;
mod tap;

pub use chip::{ChipIndex, OnChip};
pub use duty::{DutyCycle, Excess};
pub use leaves::{LeafCarriage, LeafGroup, LeafKeys, LeafLevel, LeafSecurity};
pub use loss::Loss;
pub(crate) use network::longest_datagram;
pub use outside::{Fate as FrameFate, FromAir, MATCHES};
pub use phy::Phy;
pub use plan::{Disturbance, LinkPlan, LogDistance, MacPlan, Propagation, RadioPlan, Receiver, Site, Station};
pub use stats::{ChannelStats, Counters, LinkStats, RadioStats, RouteStats, StationStats};
pub use tap::{OnAir, Outcome, Tap};

use crate::agenda::Agenda;
use crate::energy::{EnergyAccount, RadioState, Supply};
use crate::medium::{Arrival, Downlink, GatewayIndex, Medium, NodeIndex, Uplink};
use air::{Air, Fate, StationId};
use chip::Chip;
use duty::Budget;
use frame::Eui64;
use leaves::LeafStation;
use mac::Mac;
use oorandom::Rand64;
use outside::Outside;
use phy::Timing;
use roster::Roster;
use routers::Routers;
use routes::Routes;
use sn_types::{Instant, LinkAddr, LinkProfile};
use std::collections::{BTreeMap, VecDeque};

/// A radio network.
pub struct Radio {
    timing: Timing,
    mac: MacPlan,
    disturbance: Disturbance,
    duty_cycle: Option<DutyCycle>,
    supply: Supply,
    is_mesh: bool,
    roster: Roster,
    routes: Routes,
    air: Air,
    stations: Vec<StationState>,
    agenda: Agenda<Happening>,
    rng: Rand64,
    arrivals: VecDeque<Arrival>,
    tap: Option<Tap>,
    outside: Option<Outside>,
    /// Where the gateway is outside.
    running: Routers,
    /// The nodes whose frames are their own.
    leaves: BTreeMap<StationId, LeafStation>,
    chips: Vec<Chip>,
    /// Whom chips may call by a short address.
    named: Option<(u16, StationId)>,
    /// By channel, since it was last taken.
    airtime_us: BTreeMap<u8, u64>,
    /// Kept for its memory.
    fates: Vec<(StationId, Fate)>,
}

/// A station in the network.
#[derive(Debug)]
struct StationState {
    address: Eui64,
    channel: u8,
    mac: Mac,
    /// Of the last frame.
    sequence: u8,
    /// Of the last broadcast.
    broadcasts: u8,
    /// The number of the last broadcast of each originator.
    heard: BTreeMap<Eui64, u8>,
    budget: Option<Budget>,
    energy: EnergyAccount,
    counters: Counters,
}

/// Something that is going to happen.
#[derive(Debug)]
enum Happening {
    /// A phase of a station's MAC is over, unless it has left it before.
    Timer { station: StationId, number: u32 },
    /// A station's acknowledgement begins or ends.
    Ack { station: StationId },
    /// A chip's frame with this number is off the air, unless it was broken off.
    ChipSent { chip: ChipIndex, number: u32 },
    /// A router passes a broadcast on.
    Flood { station: StationId, payload: Vec<u8> },
    /// A router that runs has something to do.
    Router { station: StationId },
    /// A leaf asks, or no longer listens, unless it has done something else since.
    Leaf { station: StationId, number: u32 },
    /// A leaf's frame that did not arrive has rested.
    Rested { station: StationId },
    /// A delayed datagram comes out.
    Arrive(Arrival),
}

impl Radio {
    /// A plan's network before anything has been sent.
    ///
    /// # Panics
    /// If a link of the plan's table names a station that does not exist.
    #[must_use]
    pub fn new(plan: &RadioPlan) -> Self {
        let roster = Roster::new(plan);
        let timing = plan.phy.timing();
        let mut air = Air::new(roster.len(), &plan.receiver, timing.shr_us());
        propagation::connect(plan, roster, &mut air);
        let stations = roster::sites(plan).enumerate();
        let stations =
            stations.map(|(id, site)| StationState::new(roster.station(id), site, plan.duty_cycle)).collect();
        let mut radio = Self {
            timing,
            mac: plan.mac,
            disturbance: plan.disturbance,
            duty_cycle: plan.duty_cycle,
            supply: plan.supply,
            is_mesh: !plan.routers.is_empty(),
            roster,
            routes: Routes::new(roster, &air),
            air,
            stations,
            agenda: Agenda::new(),
            rng: Rand64::new(plan.seed.into()),
            arrivals: VecDeque::new(),
            tap: None,
            outside: None,
            leaves: leaves::stations(plan, roster),
            chips: Vec::new(),
            named: None,
            running: Routers::new(),
            airtime_us: BTreeMap::new(),
            fates: Vec::new(),
        };
        (0..roster.len()).for_each(|id| radio.retune(Instant::ZERO, id));
        radio
    }

    /// The address of a node, as gateways see it.
    #[must_use]
    pub const fn node_addr(node: NodeIndex) -> LinkAddr {
        LinkAddr::Eui64(frame::eui64(Station::Node(node)))
    }

    /// From now on, tells `tap` of every frame that has been on the air, at its end.
    pub fn tap(&mut self, tap: impl FnMut(&OnAir<'_>) + 'static) {
        self.tap = Some(Box::new(tap));
    }

    /// The time on the air of each channel since the last call, in microseconds. Stations that do not hear each other can
    /// send at the same time, so it can be more than has passed.
    pub fn take_airtime(&mut self) -> BTreeMap<u8, u64> {
        std::mem::take(&mut self.airtime_us)
    }

    /// How many routers there are.
    #[must_use]
    pub fn routers(&self) -> usize {
        self.roster.len() - self.roster.nodes() - self.roster.gateways()
    }

    /// All figures up to now.
    #[must_use]
    pub fn stats(&self, now: Instant) -> RadioStats {
        let stations: Vec<StationStats> = (0..self.stations.len()).map(|id| self.station_stats(now, id)).collect();
        let mut channels = BTreeMap::<u8, Counters>::new();
        for station in &stations {
            channels.entry(station.channel).or_default().add(&station.counters);
        }
        let channels = channels.into_iter().map(|(channel, counters)| ChannelStats { channel, counters }).collect();
        let links = (0..self.stations.len()).flat_map(|id| self.link_stats(id)).collect();
        RadioStats { stations, channels, links }
    }

    fn station_stats(&self, now: Instant, id: StationId) -> StationStats {
        let station = &self.stations[id];
        let energy = station.energy.snapshot(now);
        let average_na = energy.average_na(&self.supply.currents);
        let route = |gateway| {
            let next_hop = self.roster.station(self.routes.up(id, gateway)?);
            Some(RouteStats { gateway, next_hop, hops: self.routes.hops(id, gateway)? })
        };
        StationStats {
            station: self.roster.station(id),
            channel: station.channel,
            counters: station.counters,
            energy,
            average_na,
            lifetime_days: self.supply.battery.lifetime_days(average_na),
            routes: (0..self.roster.gateways()).filter_map(route).collect(),
        }
    }

    fn link_stats(&self, from: StationId) -> impl Iterator<Item = LinkStats> {
        self.air.links(from).iter().filter(|link| link.is_receivable()).map(move |link| LinkStats {
            from: self.roster.station(from),
            to: self.roster.station(link.to),
            rssi_tenths: link.rssi_tenths,
            frames: link.frames,
            failed: link.failed,
        })
    }

    fn happen(&mut self, now: Instant, happening: Happening) {
        match happening {
            Happening::Timer { station, number } => self.handle_timer(now, station, number),
            Happening::Ack { station } => self.handle_ack(now, station),
            Happening::ChipSent { chip, number } => self.handle_chip_sent(now, chip, number),
            Happening::Leaf { station, number } => self.handle_leaf_timer(now, station, number),
            Happening::Rested { station } => self.drive_leaf(now, station),
            Happening::Flood { station, payload } => self.handle_flood(now, station, &payload),
            Happening::Router { station } => self.handle_router(now, station),
            Happening::Arrive(arrival) => self.arrivals.push_back(arrival),
        }
    }

    /// The place of a station that the caller named.
    fn known(&self, station: Station) -> StationId {
        self.roster.id(station).unwrap_or_else(|| panic!("there is no {station}"))
    }
}

impl StationState {
    fn new(station: Station, site: &Site, duty_cycle: Option<DutyCycle>) -> Self {
        Self {
            address: frame::eui64(station),
            channel: site.channel,
            mac: Mac::new(true),
            sequence: 0,
            broadcasts: 0,
            heard: BTreeMap::new(),
            budget: duty_cycle.map(|duty_cycle| Budget::new(duty_cycle.limit_ppm)),
            energy: EnergyAccount::new(Instant::ZERO, RadioState::Receive),
            counters: Counters::default(),
        }
    }
}

impl Medium for Radio {
    fn profile(&self) -> LinkProfile {
        let mtu = network::mtu(self.timing.max_psdu, self.is_mesh);
        LinkProfile {
            mtu,
            mtu_behind_forwarders: mtu,
            authenticated: false,
            // A frame can wait in queues for longer than its sender does.
            late_copies: LinkProfile::UDP.late_copies,
            broadcast: true,
        }
    }

    fn send_up(&mut self, now: Instant, node: NodeIndex, to: Uplink, datagram: &[u8]) {
        let from = self.known(Station::Node(node));
        if self.leaves.contains_key(&from) {
            return self.send_from_leaf(now, from, matches!(to, Uplink::Everyone { .. }), datagram);
        }
        match to {
            Uplink::Gateway(gateway) => self.send_to_one(now, from, self.known(Station::Gateway(gateway)), datagram),
            Uplink::Everyone { radius } => self.send_to_all(now, from, radius, datagram),
        }
    }

    fn send_down(&mut self, now: Instant, gateway: GatewayIndex, to: Downlink, datagram: &[u8]) {
        let from = self.known(Station::Gateway(gateway));
        match to {
            Downlink::Everyone { radius } => self.send_to_all(now, from, radius, datagram),
            Downlink::Peer(LinkAddr::Eui64(address)) => {
                match frame::station_of(address).and_then(|station| self.roster.id(station)) {
                    Some(to) => self.send_to_one(now, from, to, datagram),
                    None => self.stations[from].counters.no_route += 1,
                }
            }
            Downlink::Peer(LinkAddr::Udp(_) | LinkAddr::Line) => self.stations[from].counters.no_route += 1,
        }
    }

    fn listen(&mut self, now: Instant, node: NodeIndex, on: bool) {
        let station = self.known(Station::Node(node));
        if self.leaves.contains_key(&station) {
            return self.wake_leaf(now, station, on);
        }
        self.set_listening(now, station, on);
    }

    fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, happening)) = self.agenda.next(now) {
            self.happen(at, happening);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.agenda.next_at()
    }

    fn poll_arrival(&mut self) -> Option<Arrival> {
        self.arrivals.pop_front()
    }
}
