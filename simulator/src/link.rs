//! The simplest medium: each node has a link of its own to its gateway.

use crate::agenda::Agenda;
use crate::chance::happens;
use crate::medium::{Arrival, Downlink, GatewayIndex, Medium, NodeIndex, Uplink};
use oorandom::Rand64;
use serde::{Deserialize, Serialize};
use sn_types::{Instant, LinkAddr, LinkProfile};
use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::time::Duration;

/// What happens to datagrams on their way, in either direction. Losses are independent of each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Datagrams lost per million.
    pub loss_ppm: u32,
    /// Datagrams per million that arrive a second time.
    pub duplicate_ppm: u32,
    /// Time under way in microseconds, evenly spread: datagrams can overtake each other.
    pub delay_us: RangeInclusive<u64>,
    /// The same for the second arrival of a datagram.
    pub duplicate_delay_us: RangeInclusive<u64>,
    /// That is its nature and no trouble that passes: it goes on in the calm.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outlasts_calm: bool,
}

impl Link {
    /// Loses nothing, repeats nothing, takes 5-50 ms.
    pub const LOSSLESS: Self = Self {
        loss_ppm: 0,
        duplicate_ppm: 0,
        delay_us: 5_000..=50_000,
        duplicate_delay_us: 5_000..=50_000,
        outlasts_calm: false,
    };

    /// [`Link::LOSSLESS`], but `percent` of the datagrams get lost in each direction.
    #[must_use]
    pub const fn losing(percent: u32) -> Self {
        Self { loss_ppm: percent * 10_000, ..Self::LOSSLESS }
    }

    /// Whether a datagram may come twice, and whether it may come so late that both ends have forgotten what it belongs to.
    pub(crate) fn repeats(&self) -> (bool, bool) {
        let repeats = self.duplicate_ppm > 0;
        (repeats, is_late(repeats, *self.delay_us.end().max(self.duplicate_delay_us.end())))
    }

    /// When a datagram arrives, counted in microseconds from now: never, once or twice.
    fn arrivals_us(&self, rng: &mut Rand64) -> impl Iterator<Item = u64> + use<> {
        let first = (!happens(rng, self.loss_ppm)).then(|| within(rng, &self.delay_us));
        let second = happens(rng, self.duplicate_ppm).then(|| within(rng, &self.duplicate_delay_us));
        first.into_iter().chain(second)
    }
}

/// Whether datagrams that take up to so long may come when both ends have forgotten what they belong to.
pub(crate) const fn is_late(repeats: bool, latest_us: u64) -> bool {
    /// Both ends remember eight exchanges, and on a link that takes this long these last longer.
    const LATEST_COPY_US: u64 = 500_000;
    /// Twice this is less than T_retry, so that nothing is sent again while its answer is under way.
    const LATEST_ANSWER_US: u64 = 4_000_000;
    latest_us > if repeats { LATEST_COPY_US } else { LATEST_ANSWER_US }
}

fn within(rng: &mut Rand64, range: &RangeInclusive<u64>) -> u64 {
    rng.rand_range(*range.start()..*range.end() + 1)
}

/// A link for each node.
pub(crate) struct Links {
    link: Link,
    rng: Rand64,
    /// What is under way.
    agenda: Agenda<Arrival>,
    arrived: VecDeque<Arrival>,
    gateway_of: Vec<GatewayIndex>,
    addresses: Vec<LinkAddr>,
    nodes: BTreeMap<LinkAddr, NodeIndex>,
    /// Addresses given so far.
    given: u64,
    listens: Vec<bool>,
}

impl Links {
    /// `gateway_of`: the gateway within reach of each node.
    pub(crate) fn new(link: Link, seed: u64, gateway_of: Vec<GatewayIndex>) -> Self {
        let addresses: Vec<_> = (0..gateway_of.len() as u64).map(address).collect();
        Self {
            link,
            rng: Rand64::new(seed.into()),
            agenda: Agenda::new(),
            arrived: VecDeque::new(),
            nodes: addresses.iter().enumerate().map(|(node, addr)| (*addr, node)).collect(),
            given: addresses.len() as u64,
            listens: vec![true; addresses.len()],
            addresses,
            gateway_of,
        }
    }

    fn transmit(&mut self, now: Instant, arrival: &Arrival) {
        for after_us in self.link.arrivals_us(&mut self.rng) {
            self.agenda.plan(now + Duration::from_micros(after_us.max(1)), arrival.clone());
        }
    }

    fn carry_up(&mut self, now: Instant, node: NodeIndex, gateway: GatewayIndex, datagram: &[u8]) {
        let Some(from) = self.addresses.get(node).copied() else { return };
        self.transmit(now, &Arrival::AtGateway { gateway, from, datagram: datagram.to_vec() });
    }

    fn carry_down(&mut self, now: Instant, node: NodeIndex, gateway: Option<GatewayIndex>, datagram: &[u8]) {
        self.transmit(now, &Arrival::AtNode { node, gateway, datagram: datagram.to_vec() });
    }

    /// The nodes within reach of a gateway.
    fn nodes_of(&self, gateway: GatewayIndex) -> Vec<NodeIndex> {
        let of = self.gateway_of.iter().enumerate().filter(|(_, of)| **of == gateway);
        of.map(|(node, _)| node).collect()
    }

    fn give(&mut self, node: NodeIndex, addr: LinkAddr) {
        self.nodes.insert(addr, node);
        self.addresses[node] = addr;
    }
}

/// The address that is given as the `number`th.
pub(crate) const fn address(number: u64) -> LinkAddr {
    LinkAddr::Eui64(number.to_be_bytes())
}

impl Medium for Links {
    fn profile(&self) -> LinkProfile {
        LinkProfile::UDP
    }

    fn send_up(&mut self, now: Instant, node: NodeIndex, to: Uplink, datagram: &[u8]) {
        match to {
            Uplink::Gateway(gateway) => self.carry_up(now, node, gateway, datagram),
            Uplink::Everyone { .. } => {
                let gateway = self.gateway_of[node];
                self.carry_up(now, node, gateway, datagram);
                let others = self.nodes_of(gateway).into_iter().filter(|other| *other != node);
                others.for_each(|other| self.carry_down(now, other, None, datagram));
            }
        }
    }

    fn send_down(&mut self, now: Instant, gateway: GatewayIndex, to: Downlink, datagram: &[u8]) {
        let nodes = match to {
            Downlink::Peer(addr) => self.nodes.get(&addr).copied().into_iter().collect(),
            Downlink::Everyone { .. } => self.nodes_of(gateway),
        };
        nodes.into_iter().for_each(|node| self.carry_down(now, node, Some(gateway), datagram));
    }

    fn listen(&mut self, _now: Instant, node: NodeIndex, on: bool) {
        self.listens[node] = on;
    }

    fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, arrival)) = self.agenda.next(now) {
            let is_heard = match &arrival {
                Arrival::AtGateway { .. } => true,
                Arrival::AtNode { node, .. } => self.listens[*node],
            };
            if is_heard {
                self.arrived.push_back(arrival);
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.agenda.next_at()
    }

    fn poll_arrival(&mut self) -> Option<Arrival> {
        self.arrived.pop_front()
    }

    fn calm(&mut self) {
        if !self.link.outlasts_calm {
            self.link = Link::LOSSLESS;
        }
    }

    fn readdress(&mut self, node: NodeIndex) {
        self.nodes.remove(&self.addresses[node]);
        let fresh = address(self.given);
        self.given += 1;
        self.give(node, fresh);
    }

    fn swap_addresses(&mut self, node: NodeIndex, other: NodeIndex) {
        let (one, two) = (self.addresses[node], self.addresses[other]);
        self.give(node, two);
        self.give(other, one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_is_lost_and_a_tenth_comes_twice() {
        let link = Link { duplicate_ppm: 100_000, ..Link::losing(20) };
        let mut rng = Rand64::new(1);
        let arrivals: usize = (0..100_000).map(|_| link.arrivals_us(&mut rng).count()).sum();
        assert!((89_500..90_500).contains(&arrivals), "{arrivals}");
    }

    #[test]
    fn delays_stay_within_their_range() {
        let mut rng = Rand64::new(1);
        let delays = (0..1_000).flat_map(|_| Link::LOSSLESS.arrivals_us(&mut rng)).collect::<Vec<_>>();
        assert_eq!(delays.len(), 1_000);
        assert!(delays.iter().all(|delay| Link::LOSSLESS.delay_us.contains(delay)));
    }
}
