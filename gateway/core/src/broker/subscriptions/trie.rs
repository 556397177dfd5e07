//! Filters with wildcards: a trie of levels whose edges share one hash map. A node costs 48 octets, not a map of its own.

use super::subscribers::Subscribers;
use crate::broker::SessionKey;
use crate::map::{Map, MapSeed};
use slab::Slab;
use std::hash::{Hash, Hasher};

/// A node's place in [`Trie::nodes`].
pub(super) type NodeId = u32;

/// Filters with wildcards, level by level.
#[derive(Debug)]
pub(super) struct Trie {
    pub(super) nodes: Slab<Node>,
    /// From a node to the next by a level's text, `+` included. `#` is no edge: see [`Node::below`].
    pub(super) edges: Map<Edge, NodeId>,
}

/// What the levels from the root to here have in common.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Subscribers of the filter that ends here.
    here: Subscribers,
    /// Subscribers of the filter that goes on with `#`.
    below: Subscribers,
    /// How many edges lead on. A node without any and without subscribers is removed.
    edges: u32,
    /// Whether one of them is `+`; saves looking for it.
    pub(super) has_plus: bool,
}

pub(super) const ROOT: NodeId = 0;

impl Trie {
    pub(super) fn new(seed: MapSeed) -> Self {
        let mut nodes = Slab::new();
        nodes.insert(Node::default());
        Self { nodes, edges: seed.map() }
    }

    /// The subscribers of `filter`; makes the way there.
    pub(super) fn subscribers_mut(&mut self, filter: &str) -> &mut Subscribers {
        let (levels, hash) = split_hash(filter);
        let end = levels.fold(ROOT, |node, level| self.child_or_new(node, level));
        self.nodes[end as usize].subscribers_mut(hash)
    }

    fn child_or_new(&mut self, parent: NodeId, level: &str) -> NodeId {
        if let Some(child) = self.child(parent, level) {
            return child;
        }
        let child = self.nodes.insert(Node::default()) as NodeId;
        self.edges.insert(Edge { parent, level: level.into() }, child);
        let parent = &mut self.nodes[parent as usize];
        parent.edges += 1;
        parent.has_plus |= level == "+";
        child
    }

    fn child(&self, parent: NodeId, level: &str) -> Option<NodeId> {
        self.edges.get(&EdgeRef { parent, level }).copied()
    }

    pub(super) fn remove(&mut self, filter: &str, session: SessionKey) -> bool {
        let (levels, hash) = split_hash(filter);
        let mut way = Vec::new();
        let mut end = ROOT;
        for level in levels {
            let Some(child) = self.child(end, level) else { return false };
            way.push((end, level));
            end = child;
        }
        let was_there = self.nodes[end as usize].subscribers_mut(hash).remove(session);
        self.prune(end, way);
        was_there
    }

    /// Removes `end` and what leads to it, as far as nothing else needs it.
    fn prune(&mut self, mut end: NodeId, way: Vec<(NodeId, &str)>) {
        for (parent, level) in way.into_iter().rev() {
            if self.nodes[end as usize].is_needed() {
                return;
            }
            self.nodes.remove(end as usize);
            self.edges.remove(&EdgeRef { parent, level });
            let node = &mut self.nodes[parent as usize];
            node.edges -= 1;
            node.has_plus &= level != "+";
            end = parent;
        }
    }

    /// Shows the subscribers of every filter that selects `topic`.
    ///
    /// A stack of its own instead of recursion: a topic may have 65,535 levels.
    pub(super) fn for_each_match(&self, topic: &str, show: &mut impl FnMut(&Subscribers)) {
        let root = &self.nodes[ROOT as usize];
        // Wildcards in the first level do not select `$SYS` and its like (MQTT-4.7.2-1).
        let by_wildcard = !topic.starts_with('$');
        if by_wildcard {
            show(&root.below);
        }
        let mut ways = Vec::new();
        self.step(ROOT, by_wildcard, topic, &mut ways);
        while let Some((node, rest)) = ways.pop() {
            let here = &self.nodes[node as usize];
            show(&here.below);
            match rest {
                Some(rest) => self.step(node, true, rest, &mut ways),
                None => show(&here.here),
            }
        }
    }

    /// Adds the nodes that the next level of a topic leads to, each with the levels after it.
    fn step<'t>(&self, node: NodeId, by_wildcard: bool, rest: &'t str, ways: &mut Vec<(NodeId, Option<&'t str>)>) {
        let here = &self.nodes[node as usize];
        if here.edges == 0 {
            return;
        }
        let (level, rest) = rest.split_once('/').map_or((rest, None), |(level, rest)| (level, Some(rest)));
        let plus = if by_wildcard && here.has_plus { self.child(node, "+") } else { None };
        ways.extend([self.child(node, level), plus].into_iter().flatten().map(|child| (child, rest)));
    }
}

impl Node {
    fn subscribers_mut(&mut self, hash: bool) -> &mut Subscribers {
        if hash { &mut self.below } else { &mut self.here }
    }

    pub(super) fn is_needed(&self) -> bool {
        self.edges > 0 || !self.here.is_empty() || !self.below.is_empty()
    }
}

/// The levels of `filter` without a `#` at its end, and whether there was one.
fn split_hash(filter: &str) -> (impl Iterator<Item = &str>, bool) {
    let (levels, hash) = match filter.strip_suffix('#') {
        Some("") => (None, true),
        Some(levels) => (Some(levels.strip_suffix('/').unwrap_or(levels)), true),
        None => (Some(filter), false),
    };
    (levels.into_iter().flat_map(|levels| levels.split('/')), hash)
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Edge {
    parent: NodeId,
    level: Box<str>,
}

/// An [`Edge`] to look for. Both must hash alike.
#[derive(Hash)]
struct EdgeRef<'a> {
    parent: NodeId,
    level: &'a str,
}

impl Hash for Edge {
    fn hash<H: Hasher>(&self, state: &mut H) {
        EdgeRef { parent: self.parent, level: &self.level }.hash(state);
    }
}

impl hashbrown::Equivalent<Edge> for EdgeRef<'_> {
    fn equivalent(&self, edge: &Edge) -> bool {
        self.parent == edge.parent && *self.level == *edge.level
    }
}
