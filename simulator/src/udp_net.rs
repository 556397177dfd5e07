//! UDP over a network that delays, in virtual time: nodes behind address translation (NAT), as on NB-IoT or LTE-M.
//!
//! Owns: delays, losses, and which address and port the gateways see. Must not know: MQTT-SN, sessions, clocks.
//!
//! A node's first datagram makes a mapping, which lives until nothing has passed through it for a while (RFC 4787 §4.3:
//! the timer is at least two minutes by the book and often less in the field). After that the next datagram comes from another
//! port, and what is sent to the old one is lost, as is what is sent to a node that has not spoken yet. There is no
//! broadcast. Order of calls: [`UdpNet::new`], then as [`Medium`] says.

use crate::agenda::Agenda;
use crate::chance::happens;
use crate::link::is_late;
use crate::medium::{Arrival, Downlink, GatewayIndex, Medium, NodeIndex, Uplink};
use oorandom::Rand64;
use serde::{Deserialize, Serialize};
use sn_types::{Instant, LinkAddr, LinkProfile};
use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

/// A UDP network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UdpPlan {
    /// Of delays and losses.
    pub seed: u64,
    /// How many nodes there are.
    pub nodes: usize,
    /// Datagrams lost per million, in either direction.
    pub loss_ppm: u32,
    /// Datagrams per million that arrive twice.
    pub duplicate_ppm: u32,
    /// The shortest time under way, in milliseconds. Default: 500.
    pub min_delay_ms: u32,
    /// The longest; delays are spread evenly, so datagrams can overtake each other. Default: 10,000, as 3GPP TR 45.820
    /// allows NB-IoT in bad coverage.
    pub max_delay_ms: u32,
    /// A mapping that nothing has passed for so many seconds is forgotten; 0: never. Default: 120.
    pub nat_idle_s: u32,
    /// A datagram to the node keeps the mapping, too (RFC 4787 §4.3 leaves that open). Default: it does not.
    pub downlink_keeps_mapping: bool,
    /// How many nodes share a public address. Default: 256.
    pub nodes_per_address: u16,
}

impl Default for UdpPlan {
    fn default() -> Self {
        Self {
            seed: 0,
            nodes: 0,
            loss_ppm: 0,
            duplicate_ppm: 0,
            min_delay_ms: 500,
            max_delay_ms: 10_000,
            nat_idle_s: 120,
            downlink_keeps_mapping: false,
            nodes_per_address: 256,
        }
    }
}

impl UdpPlan {
    /// Whether a datagram may come twice, and whether it may come so late that both ends have forgotten what it belongs to.
    pub(crate) fn repeats(&self) -> (bool, bool) {
        let repeats = self.duplicate_ppm > 0;
        (repeats, is_late(repeats, u64::from(self.max_delay_ms) * 1_000))
    }
}

/// What a network has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UdpStats {
    /// Datagrams sent by nodes.
    pub up: u64,
    /// Datagrams sent by gateways.
    pub down: u64,
    /// Datagrams lost under way.
    pub lost: u64,
    /// Datagrams that arrived a second time.
    pub duplicated: u64,
    /// Datagrams to an address that is nobody's now.
    pub unmapped: u64,
    /// Datagrams to a node that was not listening.
    pub deaf: u64,
    /// Datagrams to everybody, which UDP over a wide network cannot do.
    pub broadcasts_refused: u64,
    /// Mappings made, the first one of each node included.
    pub mappings: u64,
}

/// A UDP network in virtual time.
#[derive(Debug)]
pub struct UdpNet {
    plan: UdpPlan,
    rng: Rand64,
    nodes: Vec<Node>,
    /// Whose a public address is; mappings that are over stay until their port is given out again.
    owners: BTreeMap<SocketAddrV4, NodeIndex>,
    /// Of each public address, the port given out last.
    ports: Vec<u16>,
    agenda: Agenda<Arrival>,
    arrivals: VecDeque<Arrival>,
    stats: UdpStats,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    mapping: Option<SocketAddrV4>,
    used_at: Instant,
    is_listening: bool,
}

/// The first address of those that the nodes share: 198.18.0.0/15 is for tests (RFC 2544).
const FIRST_ADDRESS: u32 = u32::from_be_bytes([198, 18, 0, 1]);
/// The ports below are not given out.
const FIRST_PORT: u16 = 1_024;

impl UdpNet {
    /// A plan's network before anything has been sent.
    #[must_use]
    pub fn new(plan: &UdpPlan) -> Self {
        let node = Node { mapping: None, used_at: Instant::ZERO, is_listening: true };
        let addresses = plan.nodes / usize::from(plan.nodes_per_address.max(1)) + 1;
        Self {
            plan: *plan,
            rng: Rand64::new(plan.seed.into()),
            nodes: vec![node; plan.nodes],
            owners: BTreeMap::new(),
            ports: vec![FIRST_PORT - 1; addresses],
            agenda: Agenda::new(),
            arrivals: VecDeque::new(),
            stats: UdpStats::default(),
        }
    }

    /// What has been counted.
    #[must_use]
    pub fn stats(&self) -> UdpStats {
        self.stats
    }

    /// The address under which the world sees a node that sends now.
    fn mapping(&mut self, now: Instant, node: NodeIndex) -> SocketAddrV4 {
        let address = match self.live_mapping(now, node) {
            Some(address) => address,
            None => self.new_mapping(node),
        };
        self.nodes[node].mapping = Some(address);
        self.nodes[node].used_at = now;
        address
    }

    fn live_mapping(&self, now: Instant, node: NodeIndex) -> Option<SocketAddrV4> {
        let Node { mapping, used_at, .. } = self.nodes[node];
        let idle = Duration::from_secs(self.plan.nat_idle_s.into());
        mapping.filter(|_| idle.is_zero() || now - used_at < idle)
    }

    fn new_mapping(&mut self, node: NodeIndex) -> SocketAddrV4 {
        self.stats.mappings += 1;
        if let Some(old) = self.nodes[node].mapping {
            self.owners.remove(&old);
        }
        let place = node / usize::from(self.plan.nodes_per_address.max(1));
        loop {
            let port = self.ports[place].checked_add(1).unwrap_or(FIRST_PORT);
            self.ports[place] = port;
            let address = SocketAddrV4::new(Ipv4Addr::from(FIRST_ADDRESS + place as u32), port);
            // A node keeps at most one port, and an address has more ports than nodes: one is free.
            if let std::collections::btree_map::Entry::Vacant(vacant) = self.owners.entry(address) {
                vacant.insert(node);
                return address;
            }
        }
    }

    /// The node that is reached at an address now.
    fn owner(&mut self, now: Instant, to: LinkAddr) -> Option<NodeIndex> {
        let LinkAddr::Udp(SocketAddr::V4(address)) = to else { return None };
        let node = *self.owners.get(&address)?;
        self.live_mapping(now, node)?;
        if self.plan.downlink_keeps_mapping {
            self.nodes[node].used_at = now;
        }
        Some(node)
    }

    fn carry(&mut self, now: Instant, arrival: Arrival) {
        if happens(&mut self.rng, self.plan.duplicate_ppm) {
            self.stats.duplicated += 1;
            self.plan_arrival(now, arrival.clone());
        }
        if happens(&mut self.rng, self.plan.loss_ppm) {
            self.stats.lost += 1;
            return;
        }
        self.plan_arrival(now, arrival);
    }

    fn plan_arrival(&mut self, now: Instant, arrival: Arrival) {
        let (min, max) = (u64::from(self.plan.min_delay_ms), u64::from(self.plan.max_delay_ms));
        // Never at once.
        let after_us = self.rng.rand_range((min * 1_000).max(1)..(min.max(max) * 1_000).max(1) + 1);
        self.agenda.plan(now + Duration::from_micros(after_us), arrival);
    }

    /// A datagram is there.
    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::AtNode { node, .. } if !self.nodes[node].is_listening => self.stats.deaf += 1,
            Arrival::AtNode { .. } | Arrival::AtGateway { .. } => self.arrivals.push_back(arrival),
        }
    }
}

impl Medium for UdpNet {
    fn profile(&self) -> LinkProfile {
        LinkProfile { broadcast: false, ..LinkProfile::UDP }
    }

    fn send_up(&mut self, now: Instant, node: NodeIndex, to: Uplink, datagram: &[u8]) {
        self.stats.up += 1;
        match to {
            Uplink::Gateway(gateway) => {
                let from = LinkAddr::Udp(SocketAddr::V4(self.mapping(now, node)));
                self.carry(now, Arrival::AtGateway { gateway, from, datagram: datagram.to_vec() });
            }
            Uplink::Everyone { .. } => self.stats.broadcasts_refused += 1,
        }
    }

    fn send_down(&mut self, now: Instant, gateway: GatewayIndex, to: Downlink, datagram: &[u8]) {
        self.stats.down += 1;
        match to {
            Downlink::Peer(peer) => match self.owner(now, peer) {
                Some(node) => {
                    self.carry(now, Arrival::AtNode { node, gateway: Some(gateway), datagram: datagram.to_vec() });
                }
                None => self.stats.unmapped += 1,
            },
            Downlink::Everyone { .. } => self.stats.broadcasts_refused += 1,
        }
    }

    fn listen(&mut self, _now: Instant, node: NodeIndex, on: bool) {
        self.nodes[node].is_listening = on;
    }

    fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, arrival)) = self.agenda.next(now) {
            self.arrive(arrival);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.agenda.next_at()
    }

    fn poll_arrival(&mut self) -> Option<Arrival> {
        self.arrivals.pop_front()
    }
}
