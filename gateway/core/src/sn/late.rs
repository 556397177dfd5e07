//! QoS 2 messages that came from one client not long ago.
//!
//! A link that repeats or delays datagrams may deliver a copy of a PUBLISH after the exchange has ended with PUBREL,
//! when the MsgId alone would make it a new message.

use sn_types::{Instant, MsgId};
use std::collections::VecDeque;
use std::time::Duration;

/// The last few messages with their MsgIds and a digest of what they said.
#[derive(Debug, Default)]
pub(super) struct RecentQos2 {
    messages: VecDeque<(Instant, MsgId, u64)>,
}

impl RecentQos2 {
    /// A client has one exchange open at a time (1.2 §6.6), so this many more end while a copy is under way.
    const MAX: usize = 8;
    /// A message that comes later than this under the same MsgId is meant, even if it says the same.
    const LINGER: Duration = Duration::from_secs(60);
    /// The same, if the client has connected in between.
    const UNDER_WAY: Duration = Duration::from_secs(5);

    pub(super) fn insert(&mut self, now: Instant, msg_id: MsgId, digest: u64) {
        if self.messages.len() >= Self::MAX {
            self.messages.pop_front();
        }
        self.messages.push_back((now, msg_id, digest));
    }

    /// All of them, for the store, the oldest first.
    pub(super) fn stored(&self) -> impl Iterator<Item = (u64, u16, u64)> {
        self.messages.iter().map(|(at, msg_id, digest)| (at.as_micros(), msg_id.0, *digest))
    }

    pub(super) fn contains(&self, now: Instant, msg_id: MsgId, digest: u64) -> bool {
        let is_it =
            |(at, id, said): &(Instant, MsgId, u64)| *id == msg_id && *said == digest && now.since(*at) < Self::LINGER;
        self.messages.iter().any(is_it)
    }

    /// The client connects. It may use its MsgIds again from the start; but a CONNECT can itself be a copy, and then
    /// those of the messages after it are still under way.
    ///
    /// `true`: something is forgotten.
    pub(super) fn connected(&mut self, now: Instant) -> bool {
        let before = self.messages.len();
        self.messages.retain(|(at, _, _)| now.since(*at) < Self::UNDER_WAY);
        self.messages.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_message_under_the_same_id_is_a_copy_and_only_for_a_while() {
        let mut recent = RecentQos2::default();
        recent.insert(Instant::from_secs(1), MsgId(7), 100);
        let later = Instant::from_secs(60);
        assert!(recent.contains(later, MsgId(7), 100));
        assert!(!recent.contains(later, MsgId(8), 100));
        assert!(!recent.contains(later, MsgId(7), 101));
        assert!(!recent.contains(Instant::from_secs(61), MsgId(7), 100));
    }

    #[test]
    fn a_connect_ends_the_memory_of_all_but_the_latest() {
        let mut recent = RecentQos2::default();
        recent.insert(Instant::from_secs(1), MsgId(1), 0);
        recent.insert(Instant::from_secs(9), MsgId(2), 0);
        let now = Instant::from_secs(10);
        assert!(recent.connected(now));
        assert!(!recent.contains(now, MsgId(1), 0));
        assert!(recent.contains(now, MsgId(2), 0));
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut recent = RecentQos2::default();
        for id in 1..=9 {
            recent.insert(Instant::ZERO, MsgId(id), 0);
        }
        assert_eq!(recent.messages.len(), RecentQos2::MAX);
        assert!(!recent.contains(Instant::ZERO, MsgId(1), 0));
    }
}
