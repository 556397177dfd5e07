//! QoS 2 messages that came from one client not long ago.
//!
//! A link that repeats or delays datagrams may deliver a copy of a PUBLISH after the exchange has ended with PUBREL,
//! when the MsgId alone would make it a new message. How late that may be, and how many exchanges are to be remembered,
//! is the link's [`LateCopies`].
//!
//! The price: a client that publishes the same to the same topic under the same MsgId again, within that time, is
//! taken for a copy of itself, and its message is acknowledged and not published. A client that counts its MsgIds up, as
//! nearly all do, would have to send 65,535 messages meanwhile; and CONNECT ends the memory of all but the latest.

use crate::short::{self, Short};
use sn_types::{Instant, LateCopies, MsgId};
use std::time::Duration;

/// The last messages with their MsgIds and a digest of what they said, the oldest first.
#[derive(Debug, Default)]
pub(super) struct RecentQos2 {
    messages: Short<Recent>,
}

/// A message that came.
#[derive(Clone, Copy, Debug)]
struct Recent {
    /// When its PUBREL came; before, when it came itself, the last time.
    at: Instant,
    digest: u32,
    msg_id: MsgId,
}

impl RecentQos2 {
    /// How long messages are remembered after the client has connected anew, at most: it may begin its MsgIds again.
    const UNDER_WAY: Duration = Duration::from_secs(5);

    /// A message came, or came again before its PUBREL.
    pub(super) fn insert(&mut self, now: Instant, msg_id: MsgId, digest: u32, copies: LateCopies) {
        self.messages.retain(|recent| now.since(recent.at) < copies.within && recent.msg_id != msg_id);
        if copies.exchanges == 0 {
            return;
        }
        // A few tens at most: the oldest may go from the front.
        let room = usize::from(copies.exchanges) - 1;
        self.messages.drain(..self.messages.len().saturating_sub(room));
        short::push(&mut self.messages, Recent { at: now, digest, msg_id });
    }

    /// Its first PUBREL came: no copy is sent any more, and the time begins in which one may come.
    pub(super) fn released(&mut self, now: Instant, msg_id: MsgId) {
        if let Some(recent) = self.messages.iter_mut().find(|recent| recent.msg_id == msg_id) {
            recent.at = now;
        }
    }

    /// The message was refused: its client may send it again as it was.
    pub(super) fn refused(&mut self, msg_id: MsgId) {
        self.messages.retain(|recent| recent.msg_id != msg_id);
    }

    /// Whether a message is a copy of one that came not long ago.
    pub(super) fn contains(&self, now: Instant, msg_id: MsgId, digest: u32, copies: LateCopies) -> bool {
        let mut same = self.messages.iter().filter(|recent| recent.msg_id == msg_id && recent.digest == digest);
        same.any(|recent| now.since(recent.at) < copies.within)
    }

    /// The client connects. It may use its MsgIds again from the start; but a CONNECT can itself be a copy, and then
    /// those of the messages after it are still under way.
    ///
    /// `true`: something is forgotten.
    pub(super) fn connected(&mut self, now: Instant) -> bool {
        let before = self.messages.len();
        self.messages.retain(|recent| now.since(recent.at) < Self::UNDER_WAY);
        self.messages.len() < before
    }

    /// All of them, for the store, the oldest first.
    pub(super) fn stored(&self) -> impl Iterator<Item = (u64, u16, u64)> {
        self.messages.iter().map(|recent| (recent.at.as_micros(), recent.msg_id.0, recent.digest.into()))
    }

    /// One of them, from the store.
    pub(super) fn restore(&mut self, (at, msg_id, digest): (u64, u16, u64)) {
        let recent = Recent { at: Instant::from_micros(at), digest: digest as u32, msg_id: MsgId(msg_id) };
        short::push(&mut self.messages, recent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COPIES: LateCopies = LateCopies { within: Duration::from_secs(30), exchanges: 3 };

    fn at(seconds: u64) -> Instant {
        Instant::from_secs(seconds)
    }

    #[test]
    fn only_the_same_message_under_the_same_id_is_a_copy_and_only_for_a_while_after_its_pubrel() {
        let mut recent = RecentQos2::default();
        recent.insert(at(1), MsgId(7), 100, COPIES);
        recent.released(at(10), MsgId(7));
        assert!(recent.contains(at(39), MsgId(7), 100, COPIES));
        assert!(!recent.contains(at(39), MsgId(8), 100, COPIES));
        assert!(!recent.contains(at(39), MsgId(7), 101, COPIES));
        assert!(!recent.contains(at(40), MsgId(7), 100, COPIES));
    }

    #[test]
    fn a_connect_ends_the_memory_of_all_but_the_latest() {
        let mut recent = RecentQos2::default();
        recent.insert(at(1), MsgId(1), 0, COPIES);
        recent.insert(at(9), MsgId(2), 0, COPIES);
        assert!(recent.connected(at(10)));
        assert!(!recent.contains(at(10), MsgId(1), 0, COPIES));
        assert!(recent.contains(at(10), MsgId(2), 0, COPIES));
    }

    #[test]
    fn as_many_are_remembered_as_the_link_needs() {
        let mut recent = RecentQos2::default();
        for id in 1..=4 {
            recent.insert(at(0), MsgId(id), 0, COPIES);
        }
        let known: Vec<_> = (1..=4).filter(|id| recent.contains(at(0), MsgId(*id), 0, COPIES)).collect();
        assert_eq!(known, [2, 3, 4]);
    }

    #[test]
    fn what_is_too_old_makes_room_and_an_id_is_there_once() {
        let mut recent = RecentQos2::default();
        recent.insert(at(0), MsgId(1), 0, COPIES);
        recent.insert(at(30), MsgId(2), 0, COPIES);
        recent.insert(at(31), MsgId(2), 1, COPIES);
        assert_eq!(recent.stored().collect::<Vec<_>>(), [(31_000_000, 2, 1)]);
    }

    #[test]
    fn a_link_that_neither_repeats_nor_delays_needs_no_memory() {
        let mut recent = RecentQos2::default();
        recent.insert(at(0), MsgId(1), 0, LateCopies::NONE);
        assert_eq!(recent.stored().count(), 0);
    }
}
