//! Filters without wildcards: topics, found by one look into a hash map.

use super::subscribers::Subscribers;
use crate::broker::SessionKey;
use crate::map::MapSeed;
use crate::places::Places;
use slab::Slab;
use std::sync::Arc;

/// Filters without wildcards.
#[derive(Debug)]
pub(super) struct Exact {
    pub(super) topics: Slab<Topic>,
    by_name: Places,
}

/// A topic that somebody has subscribed to.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: Arc<str>,
    pub(super) subscribers: Subscribers,
}

impl Exact {
    pub(super) fn new(seed: MapSeed) -> Self {
        Self { topics: Slab::new(), by_name: Places::new(seed) }
    }

    pub(super) fn reserve(&mut self, more: usize) {
        self.topics.reserve(more);
        self.by_name.reserve(more, |place| name_at(&self.topics, place));
    }

    fn find(&self, name: &str) -> Option<u32> {
        self.by_name.find(name, |place| name_at(&self.topics, place))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Topic> {
        self.topics.get(self.find(name)? as usize)
    }

    /// The subscribers of a topic, nobody if it is a new one.
    pub(super) fn subscribers_mut(&mut self, name: &Arc<str>) -> &mut Subscribers {
        let place = self.find(name).unwrap_or_else(|| {
            let topic = Topic { name: name.clone(), subscribers: Subscribers::None };
            let place = self.topics.insert(topic) as u32;
            self.by_name.insert(place, |place| name_at(&self.topics, place));
            place
        });
        &mut self.topics[place as usize].subscribers
    }

    pub(super) fn remove(&mut self, name: &str, session: SessionKey) -> bool {
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
