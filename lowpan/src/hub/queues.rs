//! Datagrams that wait to be sent.

use super::config::Limits;
use crate::fragment::Cut;
use crate::mac::Address;
use crate::turn::Turn;
use crate::{Carriage, Eui64, LinkKey, Psdu};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;
use sn_types::Instant;

/// How long a node listens after a data request: as long as OpenThread's do.
const LISTENS_FOR: Duration = Duration::from_millis(100);

/// A datagram that waits, ready to be cut into frames.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) serial: u64,
    /// Whose; `None` is everybody's.
    pub(super) node: Option<Eui64>,
    pub(super) carriage: Carriage,
    /// It goes to all, and routers pass it on.
    pub(super) floods: bool,
    pub(super) cut: Cut,
    pub(super) packet: Vec<u8>,
    /// How many octets of the packet have been sent.
    pub(super) sent: usize,
    /// The frame that is to be sent again octet by octet, since perhaps only its acknowledgement was lost (IEEE
    /// 802.15.4-2011 §5.1.6.4).
    pub(super) frame: Option<Kept>,
    /// When it goes, unless it waits for a poll.
    pub(super) turn: Turn,
    /// Since when it waits.
    pub(super) since: Instant,
    /// Until when it waits for its node's poll, or for a frame counter.
    pub(super) until: Instant,
}

impl Waiting {
    pub(super) fn address(&self) -> Address {
        self.node.map_or(Address::ALL, Address::Extended)
    }

    pub(super) fn is_sent(&self) -> bool {
        self.sent >= self.packet.len()
    }
}

/// A frame that may have to be sent again.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) psdu: Psdu,
    /// How many octets of the packet have been sent with it.
    pub(super) sent: usize,
    /// Its node's key, if it has been secured: with another one the frame is of no use.
    pub(super) key: Option<LinkKey>,
}

/// What the next frame is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// What is sent at once.
    Direct,
    /// What this node asked for.
    Polled(Eui64),
}

/// Where a datagram waits: in which line, and behind how many.
pub(super) type Place = (Source, usize);

/// Why nothing more can wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// Datagrams in the order in which they go: those of nodes that poll each by itself, all others in one line.
#[derive(Clone, Debug, Default)]
pub(super) struct Queues {
    direct: VecDeque<Waiting>,
    /// No queue in it is empty.
    indirect: BTreeMap<Eui64, VecDeque<Waiting>>,
    /// Nodes that listen because they have polled, and until when.
    listening: VecDeque<(Eui64, Instant)>,
    /// Nodes for which something began or ceased to wait.
    changed: BTreeSet<Eui64>,
    len: usize,
}

impl Queues {
    pub(super) fn push(&mut self, source: Source, waiting: Waiting, limits: &Limits) -> Result<(), Full> {
        if self.len >= limits.waiting || self.len_of(waiting.node) >= limits.waiting_per_node {
            return Err(Full);
        }
        self.len += 1;
        match source {
            Source::Direct => self.direct.push_back(waiting),
            Source::Polled(node) => {
                let queue = self.indirect.entry(node).or_default();
                if queue.is_empty() {
                    self.changed.insert(node);
                }
                queue.push_back(waiting);
            }
        }
        Ok(())
    }

    fn len_of(&self, node: Option<Eui64>) -> usize {
        let indirect = node.and_then(|node| self.indirect.get(&node)).map_or(0, VecDeque::len);
        indirect + self.direct.iter().filter(|waiting| waiting.node == node).count()
    }

    /// The node listens for one frame. If the radio has one for it that did not wait for a poll, it is that.
    pub(super) fn polled(&mut self, now: Instant, node: Eui64, in_flight: Option<u64>) {
        self.hold(node, in_flight);
        let hears_another = self.direct.iter().any(|waiting| waiting.node == Some(node));
        if !hears_another && self.indirect.contains_key(&node) {
            let until = now + LISTENS_FOR;
            match self.listening.iter_mut().find(|(listening, _)| *listening == node) {
                Some(listening) => listening.1 = until,
                None => self.listening.push_back((node, until)),
            }
        }
    }

    /// Who has listened for too long does so no longer: its frame would hold up those of others in vain, and it polls again.
    pub(super) fn stop_listening(&mut self, now: Instant) {
        self.listening.retain(|(_, until)| *until > now);
    }

    /// What would go to this node at once waits for its polls, before what does already; so nothing is overtaken. What the radio
    /// has stays.
    pub(super) fn hold(&mut self, node: Eui64, in_flight: Option<u64>) {
        let is_held = |waiting: &Waiting| waiting.node == Some(node) && Some(waiting.serial) != in_flight;
        let (mut held, direct): (VecDeque<_>, _) = self.direct.drain(..).partition(is_held);
        self.direct = direct;
        held.iter_mut().for_each(|waiting| waiting.turn = Turn::NOW);
        if held.is_empty() {
            return;
        }
        let queue = self.indirect.entry(node).or_default();
        if queue.is_empty() {
            self.changed.insert(node);
        }
        let later = core::mem::replace(queue, held);
        queue.extend(later);
    }

    /// Where the next frame comes from: first what somebody listens for.
    pub(super) fn next(&mut self) -> Option<Source> {
        while let Some((node, _)) = self.listening.front() {
            if self.indirect.contains_key(node) {
                return Some(Source::Polled(*node));
            }
            self.listening.pop_front();
        }
        self.first(Source::Direct).map(|_| Source::Direct)
    }

    /// Which datagram of a line the next frame is of.
    fn first(&self, source: Source) -> Option<usize> {
        match source {
            Source::Direct => self.direct.iter().position(|waiting| !self.rests(waiting)),
            Source::Polled(_) => Some(0),
        }
    }

    /// Whether a datagram, or one before it for the same node, waits for another round of the radio: nothing is overtaken on its
    /// way to a node, and others do not wait for it.
    fn rests(&self, waiting: &Waiting) -> bool {
        let is_before = |other: &Waiting| other.serial <= waiting.serial && other.node == waiting.node;
        self.direct.iter().any(|other| is_before(other) && other.turn.not_before().is_some())
    }

    /// Lets go what rested until now.
    pub(super) fn wake(&mut self, now: Instant) {
        self.direct.iter_mut().for_each(|waiting| waiting.turn.wake(now));
    }

    /// The datagram that the next frame of this source is of, and whether others of the node wait behind it.
    pub(super) fn front(&self, source: Source) -> Option<(&Waiting, bool)> {
        let line = match source {
            Source::Direct => &self.direct,
            Source::Polled(node) => self.indirect.get(&node)?,
        };
        let others_wait = source != Source::Direct && line.len() > 1;
        line.get(self.first(source)?).map(|waiting| (waiting, others_wait))
    }

    pub(super) fn front_mut(&mut self, source: Source) -> Option<&mut Waiting> {
        self.get_mut((source, self.first(source)?))
    }

    /// Where the datagram is that a frame of this source was of. If its node has moved meanwhile, it goes at once.
    pub(super) fn find(&self, source: Source, serial: u64) -> Option<Place> {
        [source, Source::Direct].into_iter().find_map(|source| {
            let line = match source {
                Source::Direct => &self.direct,
                Source::Polled(node) => self.indirect.get(&node)?,
            };
            Some((source, line.iter().position(|waiting| waiting.serial == serial)?))
        })
    }

    pub(super) fn get_mut(&mut self, (source, at): Place) -> Option<&mut Waiting> {
        self.line_mut(source)?.get_mut(at)
    }

    fn line_mut(&mut self, source: Source) -> Option<&mut VecDeque<Waiting>> {
        match source {
            Source::Direct => Some(&mut self.direct),
            Source::Polled(node) => self.indirect.get_mut(&node),
        }
    }

    /// The node has got its frame: for the next one it polls again.
    pub(super) fn served(&mut self, source: Source) {
        match source {
            Source::Direct => {}
            Source::Polled(node) => self.listening.retain(|(listening, _)| *listening != node),
        }
    }

    /// Takes away the datagram that the next frame of this source is of.
    pub(super) fn pop(&mut self, source: Source) {
        self.first(source).into_iter().for_each(|at| self.remove((source, at)));
    }

    /// Takes away all that does not wait for polls, and says how much.
    pub(super) fn clear_direct(&mut self) -> usize {
        self.len -= self.direct.len();
        self.direct.drain(..).len()
    }

    /// Takes a datagram away.
    pub(super) fn remove(&mut self, (source, at): Place) {
        let removed = self.line_mut(source).and_then(|line| line.remove(at));
        self.len -= usize::from(removed.is_some());
        match source {
            Source::Direct => {}
            Source::Polled(node) => self.drop_if_empty(node),
        }
    }

    /// Takes away what has waited too long, except the datagram that the radio has a frame of, and says how much. Of what
    /// waited for polls it says for whom, and since when the last of it.
    pub(super) fn expire(&mut self, now: Instant, in_flight: Option<u64>) -> (usize, Vec<(Eui64, Instant)>) {
        let before = self.len;
        let mut late = Vec::new();
        let (expired, _) = take_expired(&mut self.direct, now, in_flight);
        self.len -= expired;
        for (node, queue) in &mut self.indirect {
            let (expired, since) = take_expired(queue, now, in_flight);
            self.len -= expired;
            late.extend(since.map(|since| (*node, since)));
        }
        for (node, _) in &late {
            self.drop_if_empty(*node);
        }
        (before - self.len, late)
    }

    /// What waits for this node's polls goes at once, in its order.
    pub(super) fn release(&mut self, node: Eui64) {
        if let Some(queue) = self.indirect.remove(&node) {
            self.direct.extend(queue);
            self.changed.insert(node);
        }
    }

    /// The node has moved: what waits for it goes another way, and at once until it polls there.
    pub(super) fn redirect(&mut self, node: Eui64) {
        self.release(node);
        let of_node = self.direct.iter_mut().filter(|waiting| waiting.node == Some(node));
        of_node.for_each(|waiting| (waiting.frame, waiting.turn) = (None, Turn::NOW));
    }

    fn drop_if_empty(&mut self, node: Eui64) {
        if self.indirect.get(&node).is_some_and(VecDeque::is_empty) {
            self.indirect.remove(&node);
            self.changed.insert(node);
        }
    }

    /// When something will have rested long enough, or will have waited, or somebody listened, for too long.
    pub(super) fn next_at(&self, in_flight: Option<u64>) -> Option<Instant> {
        let waiting = self.indirect.values().chain([&self.direct]).flatten();
        let waiting = waiting.filter(|waiting| Some(waiting.serial) != in_flight).map(|waiting| waiting.until);
        let resting = self.direct.iter().filter_map(|waiting| waiting.turn.not_before());
        waiting.chain(resting).chain(self.listening.iter().map(|(_, until)| *until)).min()
    }

    /// Whether something waits until this node polls.
    pub(super) fn awaits(&self, node: Eui64) -> bool {
        self.indirect.contains_key(&node)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The nodes for which something waits until they poll.
    pub(super) fn awaited(&self) -> impl Iterator<Item = Eui64> {
        self.indirect.keys().copied()
    }

    /// A node whose place in [`Queues::awaited`] has changed, and whether it is there now.
    pub(super) fn take_change(&mut self) -> Option<(Eui64, bool)> {
        let node = self.changed.pop_first()?;
        Some((node, self.indirect.contains_key(&node)))
    }
}

/// Takes away what has waited too long, and says how much, and since when the last of it.
fn take_expired(queue: &mut VecDeque<Waiting>, now: Instant, in_flight: Option<u64>) -> (usize, Option<Instant>) {
    let before = queue.len();
    let is_expired = |waiting: &Waiting| waiting.until <= now && Some(waiting.serial) != in_flight;
    let since = queue.iter().filter(|waiting| is_expired(waiting)).map(|waiting| waiting.since).max();
    queue.retain(|waiting| !is_expired(waiting));
    (before - queue.len(), since)
}
