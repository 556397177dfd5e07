//! All stations in one row: nodes, then routers, then gateways.

use super::air::StationId;
use super::plan::{RadioPlan, Site, Station};

/// How many stations there are of each kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Roster {
    nodes: usize,
    routers: usize,
    gateways: usize,
}

impl Roster {
    pub(super) fn new(plan: &RadioPlan) -> Self {
        Self { nodes: plan.nodes.len(), routers: plan.routers.len(), gateways: plan.gateways.len() }
    }

    pub(super) fn len(self) -> usize {
        self.nodes + self.routers + self.gateways
    }

    pub(super) fn nodes(self) -> usize {
        self.nodes
    }

    pub(super) fn gateways(self) -> usize {
        self.gateways
    }

    /// A station's place; `None` if there is no such station.
    pub(super) fn id(self, station: Station) -> Option<StationId> {
        match station {
            Station::Node(index) => (index < self.nodes).then_some(index),
            Station::Router(index) => (index < self.routers).then_some(self.nodes + index),
            Station::Gateway(index) => (index < self.gateways).then_some(self.nodes + self.routers + index),
        }
    }

    /// Who has this place.
    pub(super) fn station(self, id: StationId) -> Station {
        match id.checked_sub(self.nodes) {
            None => Station::Node(id),
            Some(after) => after.checked_sub(self.routers).map_or(Station::Router(after), Station::Gateway),
        }
    }
}

/// All sites in the order of the roster.
pub(super) fn sites(plan: &RadioPlan) -> impl Iterator<Item = &Site> {
    plan.nodes.iter().chain(&plan.routers).chain(&plan.gateways)
}
