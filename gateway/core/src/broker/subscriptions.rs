//! Who wants which messages: the index from topic filters to sessions.
//!
//! Most filters of a fleet name one topic, so those are found by one look into a hash map. Filters with wildcards are
//! in a trie of levels whose edges share one hash map: a node costs 48 octets, not a map of its own.

use super::SessionKey;
use super::filter::has_wildcard;
use super::granted::Granted;
use super::sys::selects_sys;
use crate::map::{Map, MapSeed};
use crate::places::Places;
use slab::Slab;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::mem;
use std::sync::Arc;

/// All subscriptions of all sessions.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    exact: Exact,
    wild: Trie,
    len: usize,
    /// Those of topics below `$SYS`.
    of_sys: usize,
}

impl Subscriptions {
    pub(crate) fn new(seed: MapSeed) -> Self {
        Self { exact: Exact::new(seed), wild: Trie::new(seed), len: 0, of_sys: 0 }
    }

    /// Subscribes `session` to a valid `filter`. False if it was already, in which case `granted` replaces what it had.
    pub(crate) fn insert(&mut self, filter: &Arc<str>, session: SessionKey, granted: Granted) -> bool {
        let subscribers =
            if has_wildcard(filter) { self.wild.subscribers_mut(filter) } else { self.exact.subscribers_mut(filter) };
        let is_new = subscribers.insert(session, granted);
        self.len += usize::from(is_new);
        self.of_sys += usize::from(is_new && selects_sys(filter));
        is_new
    }

    /// Ends the subscription of `session` to `filter`. False if there was none.
    pub(crate) fn remove(&mut self, filter: &str, session: SessionKey) -> bool {
        let was_there =
            if has_wildcard(filter) { self.wild.remove(filter, session) } else { self.exact.remove(filter, session) };
        self.len -= usize::from(was_there);
        self.of_sys -= usize::from(was_there && selects_sys(filter));
        was_there
    }

    /// Puts into `found` the subscriptions that match `topic`, in the order of the sessions' keys: those of a session are
    /// next to each other.
    pub(crate) fn matches(&self, topic: &str, found: &mut Vec<(SessionKey, Granted)>) {
        found.clear();
        let mut filters = 0;
        let mut collect = |subscribers: &Subscribers| {
            filters += u32::from(subscribers.collect(found));
        };
        self.exact.get(topic).map(|topic| &topic.subscribers).into_iter().for_each(&mut collect);
        self.wild.for_each_match(topic, &mut collect);
        if filters > 1 {
            found.sort_by_key(|&(session, _)| session);
        }
    }

    /// The name of a topic to which somebody has subscribed, as it is kept here: one copy for all who speak of it.
    pub(crate) fn name(&self, topic: &str) -> Option<&Arc<str>> {
        self.exact.get(topic).map(|topic| &topic.name)
    }

    /// Makes room for so many topics, at once instead of step by step: each step would leave a hole in the memory.
    pub(crate) fn expect_topics(&mut self, topics: usize) {
        self.exact.reserve(topics);
    }

    /// Subscriptions, counted once per filter and session.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether anybody subscribes to what the gateway tells about itself.
    pub(crate) fn any_of_sys(&self) -> bool {
        self.of_sys > 0
    }
}

/// Filters without wildcards.
#[derive(Debug)]
struct Exact {
    topics: Slab<Topic>,
    by_name: Places,
}

/// A topic that somebody has subscribed to.
#[derive(Debug)]
struct Topic {
    name: Arc<str>,
    subscribers: Subscribers,
}

impl Exact {
    fn new(seed: MapSeed) -> Self {
        Self { topics: Slab::new(), by_name: Places::new(seed) }
    }

    fn reserve(&mut self, more: usize) {
        self.topics.reserve(more);
        self.by_name.reserve(more, |place| name_at(&self.topics, place));
    }

    fn find(&self, name: &str) -> Option<u32> {
        self.by_name.find(name, |place| name_at(&self.topics, place))
    }

    fn get(&self, name: &str) -> Option<&Topic> {
        self.topics.get(self.find(name)? as usize)
    }

    /// The subscribers of a topic, nobody if it is a new one.
    fn subscribers_mut(&mut self, name: &Arc<str>) -> &mut Subscribers {
        let place = self.find(name).unwrap_or_else(|| {
            let topic = Topic { name: name.clone(), subscribers: Subscribers::None };
            let place = self.topics.insert(topic) as u32;
            self.by_name.insert(place, |place| name_at(&self.topics, place));
            place
        });
        &mut self.topics[place as usize].subscribers
    }

    fn remove(&mut self, name: &str, session: SessionKey) -> bool {
        let Some(place) = self.find(name) else { return false };
        let subscribers = &mut self.topics[place as usize].subscribers;
        let was_there = subscribers.remove(session);
        if subscribers.is_empty() {
            self.by_name.remove(place, name);
            self.topics.remove(place as usize);
        }
        was_there
    }
}

fn name_at(topics: &Slab<Topic>, place: u32) -> &str {
    &topics[place as usize].name
}

/// The subscribers of one filter, in the order of their keys. One, the usual number, needs no allocation; many leave
/// at the price of a search each.
#[derive(Debug, Default)]
enum Subscribers {
    #[default]
    None,
    One(SessionKey, Granted),
    Many(ManySubscribers),
}

/// In a box, to keep the enum, of which there are millions, at 16 octets.
type ManySubscribers = Box<BTreeMap<SessionKey, Granted>>;

impl Subscribers {
    fn insert(&mut self, session: SessionKey, granted: Granted) -> bool {
        match self {
            Self::None => {
                *self = Self::One(session, granted);
                true
            }
            Self::One(one, its) if *one == session => {
                *its = granted;
                false
            }
            Self::One(one, its) => {
                *self = Self::Many(Box::new(BTreeMap::from([(*one, *its), (session, granted)])));
                true
            }
            Self::Many(many) => many.insert(session, granted).is_none(),
        }
    }

    fn remove(&mut self, session: SessionKey) -> bool {
        match self {
            Self::None => false,
            Self::One(one, _) if *one == session => {
                *self = Self::None;
                true
            }
            Self::One(..) => false,
            Self::Many(many) => {
                let was_there = many.remove(&session).is_some();
                if many.len() == 1 {
                    *self = many.pop_first().map_or(Self::None, |(one, granted)| Self::One(one, granted));
                }
                was_there
            }
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Appends to `found`; whether there was anybody.
    fn collect(&self, found: &mut Vec<(SessionKey, Granted)>) -> bool {
        match self {
            Self::None => return false,
            Self::One(one, granted) => found.push((*one, *granted)),
            Self::Many(many) => found.extend(many.iter().map(|(session, granted)| (*session, *granted))),
        }
        true
    }
}

/// A node's place in [`Trie::nodes`].
type NodeId = u32;

/// Filters with wildcards, level by level.
#[derive(Debug)]
struct Trie {
    nodes: Slab<Node>,
    /// From a node to the next by a level's text, `+` included. `#` is no edge: see [`Node::below`].
    edges: Map<Edge, NodeId>,
}

/// What the levels from the root to here have in common.
#[derive(Debug, Default)]
struct Node {
    /// Subscribers of the filter that ends here.
    here: Subscribers,
    /// Subscribers of the filter that goes on with `#`.
    below: Subscribers,
    /// How many edges lead on. A node without any and without subscribers is removed.
    edges: u32,
    /// Whether one of them is `+`; saves looking for it.
    has_plus: bool,
}

const ROOT: NodeId = 0;

impl Trie {
    fn new(seed: MapSeed) -> Self {
        let mut nodes = Slab::new();
        nodes.insert(Node::default());
        Self { nodes, edges: seed.map() }
    }

    /// The subscribers of `filter`; makes the way there.
    fn subscribers_mut(&mut self, filter: &str) -> &mut Subscribers {
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

    fn remove(&mut self, filter: &str, session: SessionKey) -> bool {
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
    fn for_each_match(&self, topic: &str, show: &mut impl FnMut(&Subscribers)) {
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

    fn is_needed(&self) -> bool {
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
struct Edge {
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

const _: () = assert!(mem::size_of::<Subscribers>() == 16);

#[cfg(test)]
mod tests {
    use super::super::filter::filter_matches;
    use super::*;
    use crate::Qos;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn key(index: u32) -> SessionKey {
        SessionKey::new(index, 0)
    }

    fn subscriptions<'a>(all: impl IntoIterator<Item = (&'a str, u32, Qos)>) -> Subscriptions {
        let mut subscriptions = Subscriptions::new(MapSeed::new(7));
        for (filter, index, qos) in all {
            subscriptions.insert(&filter.into(), key(index), qos.into());
        }
        subscriptions
    }

    fn found(subscriptions: &Subscriptions, topic: &str) -> Vec<(SessionKey, Qos)> {
        let mut found = Vec::new();
        subscriptions.matches(topic, &mut found);
        let highest = |all: &[(SessionKey, Granted)]| all.iter().map(|(key, granted)| (*key, granted.qos)).max();
        found.chunk_by(|a, b| a.0 == b.0).filter_map(highest).collect()
    }

    #[test]
    fn each_session_once_with_its_highest_qos() {
        let subscriptions = subscriptions([
            ("a/b", 2, Qos::AtMostOnce),
            ("a/+", 2, Qos::ExactlyOnce),
            ("a/#", 2, Qos::AtLeastOnce),
            ("a/#", 1, Qos::AtMostOnce),
            ("+/b/#", 3, Qos::AtLeastOnce),
            ("+", 4, Qos::AtLeastOnce),
        ]);
        let expected = [(key(1), Qos::AtMostOnce), (key(2), Qos::ExactlyOnce), (key(3), Qos::AtLeastOnce)];
        assert_eq!(found(&subscriptions, "a/b"), expected);
        assert_eq!(found(&subscriptions, "A/B"), []);
    }

    #[test]
    fn subscribing_again_replaces_the_qos() {
        let mut subscriptions = Subscriptions::new(MapSeed::new(7));
        for filter in ["a/b", "a/#"].map(Arc::from) {
            assert!(subscriptions.insert(&filter, key(1), Qos::ExactlyOnce.into()));
            assert!(subscriptions.insert(&filter, key(2), Qos::ExactlyOnce.into()));
            assert!(!subscriptions.insert(&filter, key(1), Qos::AtMostOnce.into()));
        }
        assert_eq!(subscriptions.len(), 4);
        assert_eq!(found(&subscriptions, "a/b"), [(key(1), Qos::AtMostOnce), (key(2), Qos::ExactlyOnce)]);
    }

    #[test]
    fn names_that_start_with_a_dollar_need_it_in_the_filter() {
        let subscriptions =
            subscriptions([("#", 1, Qos::AtMostOnce), ("+/x", 2, Qos::AtMostOnce), ("$SYS/+", 3, Qos::AtMostOnce)]);
        assert_eq!(found(&subscriptions, "$SYS/x"), [(key(3), Qos::AtMostOnce)]);
    }

    #[test]
    fn what_is_not_there_cannot_be_removed() {
        let mut subscriptions = subscriptions([("a/+/b", 1, Qos::AtMostOnce), ("a", 1, Qos::AtMostOnce)]);
        for filter in ["a/+", "a/+/b/c", "a/+/#", "#", "b", "a/b"] {
            assert!(!subscriptions.remove(filter, key(1)), "{filter}");
        }
        assert!(!subscriptions.remove("a", key(2)));
        assert_eq!(subscriptions.len(), 2);
    }

    #[test]
    fn a_topic_that_somebody_subscribed_to_has_one_name() {
        let mut subscriptions = subscriptions([]);
        let filter: Arc<str> = "a/b".into();
        subscriptions.insert(&filter, key(1), Qos::AtMostOnce.into());
        subscriptions.insert(&"a/b".into(), key(2), Qos::AtMostOnce.into());
        assert!(subscriptions.name("a/b").is_some_and(|name| Arc::ptr_eq(name, &filter)));
        subscriptions.remove("a/b", key(1));
        subscriptions.remove("a/b", key(2));
        assert_eq!(subscriptions.name("a/b"), None);
    }

    #[test]
    fn a_very_deep_topic_is_no_recursion() {
        let deep = "+/".repeat(32_000) + "#";
        let mut subscriptions = subscriptions([(deep.as_str(), 1, Qos::AtMostOnce)]);
        assert_eq!(found(&subscriptions, &"/".repeat(32_000)).len(), 1);
        assert_eq!(found(&subscriptions, &"/".repeat(31_990)).len(), 0);
        assert!(subscriptions.remove(&deep, key(1)));
        assert_empty(&subscriptions);
    }

    fn assert_empty(subscriptions: &Subscriptions) {
        assert_eq!(subscriptions.len(), 0);
        assert!(subscriptions.exact.topics.is_empty());
        assert!(subscriptions.wild.edges.is_empty());
        assert_eq!(subscriptions.wild.nodes.len(), 1, "only the root is left");
        let root = &subscriptions.wild.nodes[ROOT as usize];
        assert!(!root.is_needed() && !root.has_plus);
    }

    fn a_filter() -> impl Strategy<Value = String> {
        let level = prop_oneof![Just("a"), Just("b"), Just(""), Just("+"), Just("$s")];
        (vec(level, 0..4), any::<bool>()).prop_filter_map("empty", |(mut levels, hash)| {
            if hash {
                levels.push("#");
            }
            let filter = levels.join("/");
            (!filter.is_empty()).then_some(filter)
        })
    }

    fn a_qos() -> impl Strategy<Value = Qos> {
        prop_oneof![Just(Qos::AtMostOnce), Just(Qos::AtLeastOnce), Just(Qos::ExactlyOnce)]
    }

    type Naive = BTreeMap<(String, SessionKey), Qos>;

    fn naive_matches(all: &Naive, topic: &str) -> Vec<(SessionKey, Qos)> {
        let mut found = BTreeMap::<SessionKey, Qos>::new();
        for ((filter, session), qos) in all {
            if filter_matches(filter, topic) {
                let best = found.entry(*session).or_default();
                *best = (*best).max(*qos);
            }
        }
        found.into_iter().collect()
    }

    proptest! {
        #[test]
        fn agrees_with_a_look_at_every_filter(
            steps in vec((a_filter(), 0..4_u32, prop::option::weighted(0.7, a_qos())), 0..60),
            topics in vec("(a|b|/|\\$s){1,5}", 1..10),
        ) {
            let mut subscriptions = Subscriptions::new(MapSeed::new(7));
            let mut naive = Naive::new();
            for (filter, index, qos) in steps {
                let entry = (filter.clone(), key(index));
                if let Some(qos) = qos {
                    let is_new = naive.insert(entry, qos).is_none();
                    prop_assert_eq!(subscriptions.insert(&filter.into(), key(index), qos.into()), is_new);
                } else {
                    prop_assert_eq!(subscriptions.remove(&filter, key(index)), naive.remove(&entry).is_some());
                }
                prop_assert_eq!(subscriptions.len(), naive.len());
                for topic in &topics {
                    prop_assert_eq!(found(&subscriptions, topic), naive_matches(&naive, topic));
                }
            }
            for (filter, session) in naive.into_keys() {
                prop_assert!(subscriptions.remove(&filter, session));
            }
            assert_empty(&subscriptions);
        }
    }
}
