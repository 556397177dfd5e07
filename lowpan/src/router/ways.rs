//! The ways down: from whom each node's frames come.

use sn_types::{Eui64, Instant};

/// How a node is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) node: Eui64,
    /// Who hands over its frames: the node itself, or another router.
    pub(super) next: Eui64,
    /// It has handed over one for the gateway: its own way up led through us.
    leads_up: bool,
    /// When the last came.
    heard_at: Instant,
    /// It fetches its frames here by data requests.
    pub(super) polls: bool,
    /// When it did so last.
    polled_at: Instant,
    /// It has, and listens for one frame.
    pub(super) listens: bool,
    /// The radio tells it that something waits.
    pub(super) is_matched: bool,
}

/// How long somebody whose frames came over another station is taken to be still there.
const BELOW_FOR: core::time::Duration = core::time::Duration::from_secs(60);

/// How long a node listens after a data request: some wait longer, which then ask again.
const LISTENS_FOR: core::time::Duration = core::time::Duration::from_millis(100);

/// The ways to at most `N` nodes. The one that was not used for longest makes room.
#[derive(Clone, Debug)]
pub(super) struct Ways<const N: usize> {
    table: [Option<Way>; N],
}

impl<const N: usize> Ways<N> {
    pub(super) const fn new() -> Self {
        Self { table: [None; N] }
    }

    pub(super) fn get(&self, node: Eui64) -> Option<&Way> {
        self.iter().find(|way| way.node == node)
    }

    pub(super) fn get_mut(&mut self, node: Eui64) -> Option<&mut Way> {
        self.iter_mut().find(|way| way.node == node)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Way> {
        self.table.iter().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Way> {
        self.table.iter_mut().flatten()
    }

    /// Whom a node's frames are given to. Who is not known may be in reach: it was before this router was switched off and
    /// on again, perhaps.
    pub(super) fn next_hop(&self, node: Eui64) -> Eui64 {
        self.get(node).map_or(node, |way| way.next)
    }

    /// A frame of this node for the gateway came from there.
    pub(super) fn learn(&mut self, now: Instant, node: Eui64, next: Eui64) {
        self.heard(now, node, next);
        if let Some(way) = self.get_mut(node) {
            way.leads_up = true;
        }
    }

    /// A frame to all did, which comes by chance over this router or that, and over our own parent as well.
    pub(super) fn learn_if_unknown(&mut self, now: Instant, node: Eui64, next: Eui64) {
        if self.get(node).is_none() {
            self.heard(now, node, next);
        }
    }

    fn heard(&mut self, now: Instant, node: Eui64, next: Eui64) {
        let fresh = Way {
            node,
            next,
            leads_up: false,
            heard_at: now,
            polls: false,
            polled_at: now,
            listens: false,
            is_matched: false,
        };
        match self.get_mut(node) {
            Some(way) if way.next == next => way.heard_at = now,
            // What the radio has been told of it stays known.
            Some(way) => *way = Way { is_matched: way.is_matched, ..fresh },
            None => {
                if let Some(place) = self.place() {
                    *place = Some(fresh);
                }
            }
        }
    }

    /// The node has sent a data request: it listens, if something waits and the radio's acknowledgement has said so.
    pub(super) fn polled(&mut self, now: Instant, node: Eui64, waits: bool) {
        self.heard(now, node, node);
        if let Some(way) = self.get_mut(node) {
            (way.polls, way.polled_at, way.listens) = (true, now, waits && way.is_matched);
        }
    }

    /// Who has listened for so long listens no longer.
    pub(super) fn fall_asleep(&mut self, now: Instant) {
        for way in self.iter_mut() {
            way.listens &= now.since(way.polled_at) < LISTENS_FOR;
        }
    }

    /// The node did not poll for what has waited since then: if for nothing else either, it polls no longer.
    pub(super) fn missed(&mut self, node: Eui64, since: Instant) {
        if let Some(way) = self.get_mut(node) {
            way.polls &= way.polled_at > since;
        }
    }

    /// Forgets the way to a node, since it leads back.
    pub(super) fn forget(&mut self, node: Eui64) {
        // What the radio has been told of it is taken back first.
        self.table.iter_mut().for_each(|place| {
            if place.is_some_and(|way| way.node == node && !way.is_matched) {
                *place = None;
            }
        });
    }

    /// Whether frames of others for the gateway came over this station lately: then its way up may lead through us.
    pub(super) fn is_below(&self, now: Instant, station: Eui64) -> bool {
        let came_lately = |way: &&Way| way.leads_up && way.next == station && now.since(way.heard_at) < BELOW_FOR;
        self.iter().filter(came_lately).any(|way| way.node != station)
    }

    fn place(&mut self) -> Option<&mut Option<Way>> {
        if let Some(free) = self.table.iter().position(Option::is_none) {
            return self.table.get_mut(free);
        }
        // Somebody for whom the radio has an entry stays until that is taken back.
        let removable = |place: &&mut Option<Way>| place.is_some_and(|way| !way.is_matched);
        self.table.iter_mut().filter(removable).min_by_key(|place| place.map(|way| way.heard_at))
    }
}
