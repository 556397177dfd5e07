//! How each node was last heard.

use crate::carriage::Carriage;
use crate::mac::Address;
use crate::psdu::{COPIES_WITHIN, LATE_COPIES_WITHIN};
use crate::station::{Claim, Opened};
use alloc::collections::BTreeMap;
use sn_types::Eui64;
use sn_types::{Instant, Relay, Signal, Way};

/// How a node was last heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// When.
    pub last_heard: Instant,
    /// How strongly, as far as the radio tells.
    pub signal: Signal,
    /// The router that handed us its last frame; `None` if the node did so itself. It is answered the same way.
    pub via: Option<Relay>,
    /// The form of its last datagram, in which it is answered; `None` before there was one.
    pub carriage: Option<Carriage>,
    /// It fetches its datagrams by data requests.
    pub polls: bool,
    /// When it did so last.
    pub(super) polled_at: Instant,
    /// Tells its last frame from others.
    last_frame: u32,
}

impl Node {
    /// How it is answered.
    #[must_use]
    pub fn way(&self) -> Way {
        let udp_port = match self.carriage {
            Some(Carriage::Udp { node, .. }) => Some(node),
            Some(Carriage::Bare) | None => None,
        };
        Way { router: self.via.map(|relay| relay.router), udp_port }
    }
}

/// How a node was answered before it was heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    pub(super) router: Option<Eui64>,
    pub(super) carriage: Option<Carriage>,
}

/// The nodes that were heard lately.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    table: BTreeMap<Eui64, Node>,
}

impl Nodes {
    pub(super) fn get(&self, node: Eui64) -> Option<&Node> {
        self.table.get(&node)
    }

    pub(super) fn get_mut(&mut self, node: Eui64) -> Option<&mut Node> {
        self.table.get_mut(&node)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Eui64, &Node)> {
        self.table.iter().map(|(eui64, node)| (*eui64, node))
    }

    /// Whether any of them is heard over a router.
    pub(super) fn has_routers(&self) -> bool {
        self.table.values().any(|node| node.via.is_some())
    }

    /// Whether this is the frame that we had from the node just now.
    pub(super) fn is_copy(&self, now: Instant, claim: &Claim) -> bool {
        let within = if claim.via.is_some() { LATE_COPIES_WITHIN } else { COPIES_WITHIN };
        let is_recent = |node: &&Node| now.since(node.last_heard) < within;
        self.table.get(&claim.from).filter(is_recent).is_some_and(|node| node.last_frame == claim.digest)
    }

    /// Has room for this node, if it is to be a new one.
    pub(super) fn make_room(&mut self, node: Eui64, limit: usize) {
        if !self.table.contains_key(&node) && self.table.len() >= limit {
            self.forget_one();
        }
    }

    /// Takes note of a frame, and says whether its node is to be answered another way than before. What goes to all comes
    /// by chance over this router or that: it does not move a node.
    pub(super) fn heard(&mut self, now: Instant, opened: &Opened, signal: Signal, before: Before) -> bool {
        let &Opened { ref header, from, via, digest: last_frame, .. } = opened;
        let router = |via: Option<Relay>| via.map(|relay| relay.router);
        let was_over = self.table.get(&from).map_or(before.router, |node| router(node.via));
        let carriage = before.carriage;
        let node = Node { last_heard: now, signal, via, carriage, polls: false, polled_at: now, last_frame };
        let node = self.table.entry(from).or_insert(node);
        (node.last_heard, node.signal, node.last_frame) = (now, signal, last_frame);
        if header.to == Address::ALL {
            return false;
        }
        let has_moved = was_over != router(via);
        node.via = via;
        node.polls &= !has_moved;
        has_moved
    }

    /// The node has sent a data request.
    pub(super) fn polled(&mut self, now: Instant, node: Eui64) {
        if let Some(node) = self.table.get_mut(&node) {
            (node.polls, node.polled_at) = (true, now);
        }
    }

    /// The node did not poll for what has waited since then. Whether it is one that polls, all the same: it has asked for
    /// something meanwhile. If not, sending at once is as good.
    pub(super) fn still_polls(&mut self, node: Eui64, since: Instant) -> bool {
        let Some(node) = self.table.get_mut(&node) else { return false };
        node.polls &= node.polled_at > since;
        node.polls
    }

    fn forget_one(&mut self) {
        let oldest = self.table.iter().min_by_key(|(_, node)| node.last_heard).map(|(eui64, _)| *eui64);
        if let Some(oldest) = oldest {
            self.table.remove(&oldest);
        }
    }
}
