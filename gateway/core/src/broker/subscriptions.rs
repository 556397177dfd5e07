//! Who wants which messages: the index from topic filters to sessions.
//!
//! Most filters of a fleet name one topic, and are kept apart from those with wildcards.

mod exact;
mod subscribers;
mod trie;

use super::SessionKey;
use super::filter::has_wildcard;
use super::granted::Granted;
use super::sys::selects_sys;
use crate::map::MapSeed;
use exact::Exact;
use std::sync::Arc;
use subscribers::Subscribers;
use trie::Trie;

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

#[cfg(test)]
mod tests {
    use super::super::filter::filter_matches;
    use super::trie::ROOT;
    use super::*;
    use crate::Qos;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

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
