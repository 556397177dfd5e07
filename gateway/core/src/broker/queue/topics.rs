//! Where the messages of each topic are in a long queue.
//!
//! Who keeps only the latest message of a topic has to find the one before among thousands. Most queues are short, or keep
//! all: those have no index.

use super::Glance;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How many messages of each topic wait, and where the last one is. Topics are told apart by 64 bits: who looks where it
/// says compares.
#[derive(Debug, Default)]
pub(super) struct TopicIndex(BTreeMap<u64, Waiting>);

#[derive(Clone, Copy, Debug)]
struct Waiting {
    messages: usize,
    /// The place of the one that came last; it may be gone since.
    last: u64,
}

/// What the index knows of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    None,
    /// One message, at this place unless a later one is gone.
    One(u64),
    Several,
}

impl<'a> FromIterator<Glance<'a>> for TopicIndex {
    fn from_iter<I: IntoIterator<Item = Glance<'a>>>(glances: I) -> Self {
        let mut index = Self::default();
        glances.into_iter().for_each(|glance| index.came(glance.topic, glance.place));
        index
    }
}

impl TopicIndex {
    pub(super) fn find(&self, topic: &str) -> Found {
        match self.0.get(&digest(topic)) {
            None => Found::None,
            Some(Waiting { messages: 1, last }) => Found::One(*last),
            Some(_) => Found::Several,
        }
    }

    /// A message is in the queue now.
    pub(super) fn came(&mut self, topic: &str, place: u64) {
        let waiting = self.0.entry(digest(topic)).or_insert(Waiting { messages: 0, last: place });
        *waiting = Waiting { messages: waiting.messages + 1, last: place };
    }

    /// A message has left the queue.
    pub(super) fn left(&mut self, topic: &str) {
        let digest = digest(topic);
        let Some(waiting) = self.0.get_mut(&digest) else { return };
        waiting.messages -= 1;
        if waiting.messages == 0 {
            self.0.remove(&digest);
        }
    }
}

/// The same in every process, and nobody finds many topics that share one.
fn digest(topic: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    topic.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_knows_what_is_there_and_where_the_only_one_is() {
        let mut index = TopicIndex::default();
        index.came("a", 1);
        index.came("b", 2);
        index.came("b", 3);
        assert_eq!(["a", "b", "c"].map(|topic| index.find(topic)), [Found::One(1), Found::Several, Found::None]);
        ["a", "b"].into_iter().for_each(|topic| index.left(topic));
        assert_eq!(["a", "b"].map(|topic| index.find(topic)), [Found::None, Found::One(3)]);
    }
}
