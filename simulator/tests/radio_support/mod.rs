//! A radio network without sessions: what is sent, and what comes out.

#![allow(dead_code, reason = "each test file uses its own part")]

use simulator::medium::{Arrival, Downlink, Medium, Uplink};
use simulator::radio::{Counters, LinkPlan, Loss, Propagation, Radio, RadioPlan, Site, Station};
use sn_types::{Instant, LinkAddr};

/// A medium and what has come out of it.
pub(crate) struct Net<M> {
    pub(crate) medium: M,
    pub(crate) now: Instant,
    pub(crate) arrivals: Vec<(Instant, Arrival)>,
}

impl Net<Radio> {
    pub(crate) fn new(plan: &RadioPlan) -> Self {
        Self::over(Radio::new(plan))
    }

    pub(crate) fn counters(&self, station: Station) -> Counters {
        let stats = self.medium.stats(self.now);
        stats.stations.iter().find(|stats| stats.station == station).expect("it is in the plan").counters
    }

    /// The sums over all stations of all channels.
    pub(crate) fn totals(&self) -> Counters {
        let mut totals = Counters::default();
        self.medium.stats(self.now).channels.iter().for_each(|channel| totals.add(&channel.counters));
        totals
    }
}

impl<M: Medium> Net<M> {
    pub(crate) fn over(medium: M) -> Self {
        Self { medium, now: Instant::ZERO, arrivals: Vec::new() }
    }

    pub(crate) fn up(&mut self, node: usize, datagram: &[u8]) {
        self.medium.send_up(self.now, node, Uplink::Gateway(0), datagram);
    }

    pub(crate) fn up_to_all(&mut self, node: usize, radius: u8, datagram: &[u8]) {
        self.medium.send_up(self.now, node, Uplink::Everyone { radius }, datagram);
    }

    pub(crate) fn down(&mut self, to: LinkAddr, datagram: &[u8]) {
        self.medium.send_down(self.now, 0, Downlink::Peer(to), datagram);
    }

    pub(crate) fn down_to_all(&mut self, radius: u8, datagram: &[u8]) {
        self.medium.send_down(self.now, 0, Downlink::Everyone { radius }, datagram);
    }

    /// Lets time pass; every happening at its time.
    pub(crate) fn run_until(&mut self, until: Instant) {
        while let Some(at) = self.medium.poll_timeout().filter(|at| *at <= until) {
            self.now = at;
            self.medium.handle_timeout(at);
            while let Some(arrival) = self.medium.poll_arrival() {
                self.arrivals.push((at, arrival));
            }
        }
        self.now = until;
    }

    pub(crate) fn run_for_ms(&mut self, ms: u64) {
        self.run_until(Instant::from_micros(self.now.as_micros() + ms * 1_000));
    }

    /// The datagrams that gateway 0 got, each with its sender.
    pub(crate) fn at_gateway(&self) -> Vec<(LinkAddr, &[u8])> {
        let arrivals = self.arrivals.iter().filter_map(|(_, arrival)| match arrival {
            Arrival::AtGateway { gateway: 0, from, datagram } => Some((*from, &**datagram)),
            Arrival::AtGateway { .. } | Arrival::AtNode { .. } => None,
        });
        arrivals.collect()
    }

    /// The datagrams that a node got.
    pub(crate) fn at_node(&self, number: usize) -> Vec<&[u8]> {
        let arrivals = self.arrivals.iter().filter_map(|(_, arrival)| match arrival {
            Arrival::AtNode { node, datagram, .. } if *node == number => Some(&**datagram),
            Arrival::AtGateway { .. } | Arrival::AtNode { .. } => None,
        });
        arrivals.collect()
    }
}

/// So many nodes, routers and gateways, and who hears whom, at these powers.
pub(crate) fn linked(counts: [usize; 3], links: &[(Station, Station, i16)]) -> RadioPlan {
    let sites = |count| vec![Site::default(); count];
    let links = links.iter().map(|&(a, b, rssi_dbm)| LinkPlan { a, b, rssi_dbm, loss: None }).collect();
    RadioPlan {
        seed: 1,
        nodes: sites(counts[0]),
        routers: sites(counts[1]),
        gateways: sites(counts[2]),
        propagation: Propagation::Table(links),
        ..RadioPlan::default()
    }
}

/// A gateway and so many nodes that all hear each other well.
pub(crate) fn star(nodes: usize) -> RadioPlan {
    let mut links = Vec::new();
    for node in 0..nodes {
        links.push((Station::Node(node), Station::Gateway(0), -60));
        links.extend((0..node).map(|other| (Station::Node(node), Station::Node(other), -60)));
    }
    linked([nodes, 0, 1], &links)
}

/// A gateway, so many routers and a node in a row; each hears its neighbours only.
pub(crate) fn chain(routers: usize) -> RadioPlan {
    let mut links =
        vec![(Station::Router(0), Station::Gateway(0), -70), (Station::Node(0), Station::Router(routers - 1), -70)];
    links.extend((1..routers).map(|router| (Station::Router(router), Station::Router(router - 1), -70)));
    linked([1, routers, 1], &links)
}

/// The plan, but frames get lost.
pub(crate) fn losing(plan: RadioPlan, percent: u32) -> RadioPlan {
    RadioPlan { loss: Loss::independent(percent * 10_000), ..plan }
}
