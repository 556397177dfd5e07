//! What the restore has to find again among what it has read.

use crate::Message;
use crate::map::{Map, MapSeed};
use hashbrown::HashTable;
use std::sync::Arc;

/// Names that were read so far, one copy of each: a filter, a topic id and many messages may have the same.
#[derive(Debug)]
pub(super) struct Names(Map<Arc<str>, ()>);

impl Names {
    pub(super) fn new(seed: MapSeed) -> Self {
        Self(seed.map())
    }

    pub(super) fn share(&mut self, name: &str) -> Arc<str> {
        if let Some((known, ())) = self.0.get_key_value(name) {
            return known.clone();
        }
        let name: Arc<str> = name.into();
        self.0.insert(name.clone(), ());
        name
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Messages that were read so far. What was published to many is stored for each of them, and is in memory once.
#[derive(Debug)]
pub(super) struct Messages {
    seed: MapSeed,
    known: HashTable<Message>,
    /// Digests of those that were not kept here.
    passed: Map<u64, ()>,
}

impl Messages {
    pub(super) fn new(seed: MapSeed) -> Self {
        Self { seed, known: HashTable::new(), passed: seed.map() }
    }

    /// Whether a message with this topic and payload was asked about before. Who packs the first one and shares all others
    /// has one copy more than must be, but needs not know how many will come.
    pub(super) fn came_before(&mut self, topic: &str, payload: &[u8]) -> bool {
        self.passed.insert(self.seed.digest(&(topic, payload)), ()).is_some()
    }

    /// The message as somebody has it already.
    pub(super) fn share(&mut self, message: Message) -> Message {
        let seed = self.seed;
        let digest = |message: &Message| seed.digest(&(&**message.topic(), message.payload()));
        let entry = self.known.entry(digest(&message), |known| *known == message, digest);
        entry.or_insert(message.clone()).get().clone()
    }
}

/// What was read in the order of its keys. Unlike a tree's nodes its memory does not lie among what stays, where it would
/// leave holes in the end.
#[derive(Debug)]
pub(super) struct Sorted<K, V>(Vec<(K, V)>);

impl<K: Ord, V: Copy> Sorted<K, V> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn push(&mut self, key: K, value: V) {
        self.0.push((key, value));
    }

    pub(super) fn get(&self, key: K) -> Option<V> {
        let at = self.0.binary_search_by(|(known, _)| known.cmp(&key)).ok()?;
        Some(self.0[at].1)
    }

    pub(super) fn into_values(self) -> impl Iterator<Item = V> {
        self.0.into_iter().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Qos;

    #[test]
    fn a_name_is_in_memory_once() {
        let mut names = Names::new(MapSeed::new(1));
        let (first, second) = (names.share("a/b"), names.share("a/b"));
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!((&*names.share("a"), &*first), ("a", "a/b"));
        assert_eq!(names.len(), 2);
    }

    #[test]
    fn a_message_is_in_memory_once() {
        let message = |retain| Message::new("a/b".into(), b"12", Qos::AtLeastOnce, retain);
        let mut messages = Messages::new(MapSeed::new(1));
        assert_eq!([(); 2].map(|()| messages.came_before("a/b", b"12")), [false, true]);
        let [first, second] = [(); 2].map(|()| messages.share(message(false)));
        assert_eq!(first.payload().as_ptr(), second.payload().as_ptr());
        assert_eq!(messages.share(message(true)), message(true), "which is another one");
    }

    #[test]
    fn what_was_read_is_found_by_its_key() {
        let mut sorted = Sorted::new();
        [(2, 'b'), (5, 'e'), (9, 'i')].into_iter().for_each(|(key, value)| sorted.push(key, value));
        assert_eq!([1, 2, 5, 9].map(|key| sorted.get(key)), [None, Some('b'), Some('e'), Some('i')]);
        assert!(sorted.into_values().eq(['b', 'e', 'i']));
    }
}
