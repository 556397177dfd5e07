//! Static routes: from every station to each gateway, and back the same way.
//!
//! The cost of a hop is the expected number of transmissions (ETX: De Couto et al., MobiCom 2003) until frame and
//! acknowledgement have both come through. Each gateway is the root of a tree of cheapest ways, over routers only.

use super::air::{Air, StationId};
use super::plan::Station;
use super::roster::Roster;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The trees of all gateways.
#[derive(Debug)]
pub(super) struct Routes {
    roster: Roster,
    /// Of each gateway: what a station's next hop towards it is.
    parents: Vec<Vec<Option<StationId>>>,
}

impl Routes {
    pub(super) fn new(roster: Roster, air: &Air) -> Self {
        let parents = (0..roster.gateways())
            .filter_map(|gateway| roster.id(Station::Gateway(gateway)))
            .map(|root| tree(roster, air, root))
            .collect();
        Self { roster, parents }
    }

    /// A station's next hop towards a gateway.
    pub(super) fn up(&self, from: StationId, gateway: usize) -> Option<StationId> {
        self.parents[gateway][from]
    }

    /// The next hop on the way from a gateway to `to`, at `at`: the station before `to` whose parent `at` is.
    pub(super) fn down(&self, gateway: usize, at: StationId, to: StationId) -> Option<StationId> {
        let parents = &self.parents[gateway];
        let mut next = to;
        loop {
            let parent = parents[next]?;
            if parent == at {
                return Some(next);
            }
            next = parent;
        }
    }

    /// How often a station's frame is sent until it is at a gateway.
    pub(super) fn hops(&self, from: StationId, gateway: usize) -> Option<u32> {
        let root = self.roster.id(Station::Gateway(gateway))?;
        let mut at = from;
        for hops in 0.. {
            if at == root {
                return Some(hops);
            }
            at = self.parents[gateway][at]?;
        }
        None
    }
}

/// Dijkstra's tree of cheapest ways to `root`. Of equal ways that over the earlier station is taken, so that a plan has one
/// tree.
fn tree(roster: Roster, air: &Air, root: StationId) -> Vec<Option<StationId>> {
    let mut parents = vec![None; roster.len()];
    let mut costs = vec![u64::MAX; roster.len()];
    costs[root] = 0;
    let mut open = BinaryHeap::from([Reverse((0, root))]);
    while let Some(Reverse((cost, at))) = open.pop() {
        if cost > costs[at] || !forwards(roster, root, at) {
            continue;
        }
        for (next, hop) in hops(air, at) {
            let through = cost.saturating_add(hop);
            if through < costs[next] {
                costs[next] = through;
                parents[next] = Some(at);
                open.push(Reverse((through, next)));
            }
        }
    }
    parents
}

fn forwards(roster: Roster, root: StationId, at: StationId) -> bool {
    match roster.station(at) {
        Station::Node(_) => false,
        Station::Router(_) => true,
        Station::Gateway(_) => at == root,
    }
}

/// The neighbours of a station that can answer it, and what a frame to each costs, in millionths of a transmission.
fn hops(air: &Air, at: StationId) -> impl Iterator<Item = (StationId, u64)> {
    air.links(at).iter().filter(|link| link.is_receivable()).filter_map(move |link| {
        let there = arrives_ppm(air, at, link.to)?;
        let back = arrives_ppm(air, link.to, at)?;
        // 10^6 / (p q), with p and q in millionths.
        Some((link.to, (1_000_000_000_000_000_000_u64).checked_div(there * back)?))
    })
}

fn arrives_ppm(air: &Air, from: StationId, to: StationId) -> Option<u64> {
    air.mean_loss_ppm(from, to).map(|lost| u64::from(1_000_000_u32.saturating_sub(lost)))
}
