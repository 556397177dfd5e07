//! What is found in a long queue without looking through it.

use super::expiries::ExpiryIndex;
use super::topics::TopicIndex;
use super::{Glance, Queued};
use sn_types::Instant;

/// Each part is there once somebody has looked for it, and has all messages of the queue.
#[derive(Debug, Default)]
pub(super) struct Index {
    topics: Option<TopicIndex>,
    expiries: Option<ExpiryIndex>,
}

impl Index {
    /// By topic; made from `all` if it is not there.
    pub(super) fn topics<'a>(&mut self, all: impl Iterator<Item = Glance<'a>>) -> &TopicIndex {
        self.topics.get_or_insert_with(|| all.collect())
    }

    /// By expiry; made from `all` if it is not there.
    pub(super) fn expiries<'a>(&mut self, all: impl Iterator<Item = Glance<'a>>) -> &ExpiryIndex {
        self.expiries.get_or_insert_with(|| all.collect())
    }

    /// When the next message expires, if that is known here.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.expiries.as_ref().map(ExpiryIndex::first)
    }

    /// A message is in the queue now.
    pub(super) fn came(&mut self, queued: &Queued) {
        let Queued { ref message, expires, place, .. } = *queued;
        self.topics.iter_mut().for_each(|topics| topics.came(message.topic(), place));
        self.expiries.iter_mut().for_each(|expiries| expiries.came(expires, place));
    }

    /// A message has left the queue.
    pub(super) fn left(&mut self, queued: &Queued) {
        let Queued { ref message, expires, place, .. } = *queued;
        self.topics.iter_mut().for_each(|topics| topics.left(message.topic()));
        self.expiries.iter_mut().for_each(|expiries| expiries.left(expires, place));
    }
}
