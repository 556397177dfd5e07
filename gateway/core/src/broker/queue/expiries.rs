//! When the messages in a long queue expire.
//!
//! A full queue drops what has expired before anything else, and looks for it at every message that comes. They expire in
//! another order than they came if their topics have different times to live.

use super::Glance;
use sn_types::Instant;
use std::collections::BTreeSet;

/// When each message that expires does, and its place.
#[derive(Debug, Default)]
pub(super) struct ExpiryIndex(BTreeSet<(Instant, u64)>);

impl<'a> FromIterator<Glance<'a>> for ExpiryIndex {
    fn from_iter<I: IntoIterator<Item = Glance<'a>>>(glances: I) -> Self {
        let expires = glances.into_iter().filter(|glance| glance.expires < Instant::FAR_FUTURE);
        Self(expires.map(|glance| (glance.expires, glance.place)).collect())
    }
}

impl ExpiryIndex {
    /// A message is in the queue now.
    pub(super) fn came(&mut self, expires: Instant, place: u64) {
        if expires < Instant::FAR_FUTURE {
            self.0.insert((expires, place));
        }
    }

    /// A message has left the queue.
    pub(super) fn left(&mut self, expires: Instant, place: u64) {
        self.0.remove(&(expires, place));
    }

    /// The places of messages that have expired.
    pub(super) fn expired(&self, now: Instant) -> impl Iterator<Item = u64> {
        self.0.iter().take_while(move |(expires, _)| *expires <= now).map(|(_, place)| *place)
    }

    /// When the next one expires.
    pub(super) fn first(&self) -> Instant {
        self.0.first().map_or(Instant::FAR_FUTURE, |(expires, _)| *expires)
    }
}
