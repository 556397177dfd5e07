//! Radio nodes: who is on the gateway's list, under which name and with which key; which frame counters are spent; how well
//! each is heard.
//!
//! Owns: the list and its durability. Must not know: how frames are secured. That is the transports' business: each has a
//! copy of the list ([`Core::node_entries`]), and says which counters it has accepted and what it hears
//! ([`crate::Input::Node`]).
//!
//! Two promises about frame counters (see `counters`): what was accepted is on stable storage no later than an
//! acknowledgement of what the frame has caused, and what was given to a transport to send with is never given again.
//!
//! A node comes onto the list by an operator's word ([`Core::add_node`]). Joining over the air would call the same, once a
//! node has proved that it may, and is not there: 802.15.4 defines no way to hand out keys.

mod counters;
mod edit;
mod view;

pub use edit::{NewNode, NodeError};
pub use view::NodeInfo;

pub(crate) use counters::{Accepted, RESTORE_JUMP};

use crate::Core;
use serde::{Deserialize, Serialize};
use sn_types::{Eui64, Heard, Instant, LinkAddr, LinkKey, PeerAddr, TransportId, Way};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Nodes that are on no list and are noted nevertheless, for what is heard of them. One more takes the place of the one that was
/// not heard for longest.
const MAX_STRANGERS: usize = 1_024;

/// What a transport is to know of a listed node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeEntry {
    /// Which.
    pub node: Eui64,
    /// The key that it shares with the gateway.
    pub key: Option<LinkKey>,
    /// The highest frame counter that was accepted from it.
    pub counter: Option<u32>,
    /// It may not come in any more.
    pub revoked: bool,
    /// How it was answered last.
    pub way: Way,
}

/// What a transport says of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeReport {
    /// Which node.
    pub node: Eui64,
    /// The highest frame counter accepted from it, if there was one since the last report.
    pub counter: Option<u32>,
    /// Something came from it since the last report.
    pub spoke: bool,
    /// How well that transport hears it.
    pub heard: Heard,
    /// How that transport answers it.
    pub way: Way,
}

/// All nodes.
#[derive(Debug)]
pub(crate) struct Nodes {
    listed: BTreeMap<Eui64, Listed>,
    /// How many of them are revoked: mostly none, and then nobody has to be looked up.
    revoked: usize,
    /// What was heard since the start, of listed nodes and of strangers.
    ears: BTreeMap<Eui64, Ear>,
    strangers: usize,
    /// Nodes whose list entry has changed since the last commit, or is gone.
    unsaved: BTreeSet<Eui64>,
    counters: counters::Counters,
}

/// A node on the list.
#[derive(Clone, Debug)]
struct Listed {
    name: Arc<str>,
    key: Option<LinkKey>,
    /// In seconds since 1970, as the operator's machine has it.
    added_s: u64,
    revoked: bool,
    /// The highest frame counter that was accepted.
    counter: Option<u32>,
    /// How it is answered, as the frame with that counter came.
    way: Way,
}

/// What is heard of a node.
#[derive(Clone, Copy, Debug)]
struct Ear {
    transport: TransportId,
    /// When something came from it last, if it did since the start.
    seen: Option<Instant>,
    heard: Heard,
}

/// A list entry as it is stored. Its counter is stored for itself, since that changes often.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NodeValue<'a> {
    name: &'a str,
    key: Option<[u8; 16]>,
    added_s: u64,
    revoked: bool,
}

impl Nodes {
    pub(crate) fn new() -> Self {
        Self {
            listed: BTreeMap::new(),
            revoked: 0,
            ears: BTreeMap::new(),
            strangers: 0,
            unsaved: BTreeSet::new(),
            counters: counters::Counters::new(),
        }
    }

    /// A listed node's name; also of one that is revoked.
    pub(crate) fn name(&self, node: Eui64) -> Option<&Arc<str>> {
        self.listed.get(&node).map(|listed| &listed.name)
    }

    /// The name of the listed node that is at an address, and not behind it.
    pub(crate) fn name_at(&self, addr: PeerAddr) -> Option<&Arc<str>> {
        if self.listed.is_empty() || addr.node.is_some() {
            return None;
        }
        self.name(addr.link.eui64()?)
    }

    /// Whether what comes from a link address is to be dropped.
    pub(crate) fn is_revoked(&self, link: LinkAddr) -> bool {
        self.revoked > 0 && link.eui64().is_some_and(|node| self.listed.get(&node).is_some_and(|listed| listed.revoked))
    }

    /// How many are on the list.
    pub(crate) fn len(&self) -> usize {
        self.listed.len()
    }

    /// Something has to be written.
    pub(crate) fn is_marked(&self) -> bool {
        !self.unsaved.is_empty() || self.counters.is_marked()
    }

    /// A listed node as it is stored; `None`: it is on the list no more.
    pub(crate) fn value(&self, node: Eui64) -> Option<NodeValue<'_>> {
        let Listed { name, key, added_s, revoked, .. } = self.listed.get(&node)?;
        Some(NodeValue { name, key: key.map(|LinkKey(octets)| octets), added_s: *added_s, revoked: *revoked })
    }

    /// Nodes whose entry is to be written, or to be deleted.
    pub(crate) fn take_unsaved(&mut self) -> BTreeSet<Eui64> {
        std::mem::take(&mut self.unsaved)
    }

    /// The addresses of all listed nodes.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = Eui64> {
        self.listed.keys().copied()
    }

    /// Puts a node onto the list as it was stored, with its counter.
    pub(crate) fn restore(&mut self, node: Eui64, value: &NodeValue<'_>, accepted: Option<Accepted>) {
        let NodeValue { name, key, added_s, revoked } = *value;
        self.revoked += usize::from(revoked);
        let (counter, way) = accepted.map(|Accepted { counter, way }| (counter, way)).unzip();
        let (name, key, way) = (name.into(), key.map(LinkKey), way.unwrap_or_default());
        self.listed.insert(node, Listed { name, key, added_s, revoked, counter, way });
    }
}

impl Core {
    /// What a transport is to know of each listed node.
    pub fn node_entries(&self) -> impl Iterator<Item = NodeEntry> + '_ {
        self.nodes.addresses().filter_map(|node| self.node_entry(node))
    }

    /// What a transport is to know of a node; `None`: it is not on the list.
    #[must_use]
    pub fn node_entry(&self, node: Eui64) -> Option<NodeEntry> {
        let Listed { key, counter, revoked, way, .. } = self.nodes.listed.get(&node)?;
        Some(NodeEntry { node, key: *key, counter: *counter, revoked: *revoked, way: *way })
    }

    /// The name of the listed node at an address.
    #[must_use]
    pub fn node_name(&self, addr: PeerAddr) -> Option<Arc<str>> {
        self.nodes.name_at(addr).cloned()
    }

    /// A transport has said something of a node.
    pub(crate) fn node_reported(&mut self, now: Instant, transport: TransportId, report: &NodeReport) {
        if let Some(counter) = report.counter {
            self.counter_accepted(now, report.node, Accepted { counter, way: report.way });
        }
        self.nodes.note_heard(now, transport, report);
    }
}

impl Nodes {
    fn note_heard(&mut self, now: Instant, transport: TransportId, report: &NodeReport) {
        let is_noted = self.ears.contains_key(&report.node);
        if !is_noted && !self.listed.contains_key(&report.node) {
            self.forget_stranger();
            self.strangers += 1;
        }
        let before = self.ears.get(&report.node).and_then(|ear| ear.seen);
        let seen = if report.spoke { Some(now) } else { before };
        self.ears.insert(report.node, Ear { transport, seen, heard: report.heard });
    }

    /// Makes room for one more stranger.
    fn forget_stranger(&mut self) {
        if self.strangers < MAX_STRANGERS {
            return;
        }
        let strangers = self.ears.iter().filter(|(node, _)| !self.listed.contains_key(node));
        if let Some(longest) = strangers.min_by_key(|(_, ear)| ear.seen).map(|(node, _)| *node) {
            self.ears.remove(&longest);
            self.strangers -= 1;
        }
    }
}
