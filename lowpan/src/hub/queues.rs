//! Datagrams that wait to be sent.

use super::config::Limits;
use crate::fragment::Cut;
use crate::mac::Address;
use crate::{Carriage, Eui64};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use sn_types::Instant;

/// A datagram that waits, ready to be cut into frames.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) serial: u64,
    /// Whose; `None` is everybody's.
    pub(super) node: Option<Eui64>,
    pub(super) carriage: Carriage,
    pub(super) cut: Cut,
    pub(super) packet: Vec<u8>,
    /// How many octets of the packet have been sent.
    pub(super) sent: usize,
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

/// What the next frame is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// What is sent at once.
    Direct,
    /// What this node asked for.
    Polled(Eui64),
}

/// Why nothing more can wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// Datagrams in the order in which they go: those of nodes that poll each by itself, all others in one line.
#[derive(Clone, Debug, Default)]
pub(super) struct Queues {
    direct: VecDeque<Waiting>,
    /// No queue in it is empty.
    indirect: BTreeMap<Eui64, VecDeque<Waiting>>,
    /// Nodes that listen because they have polled.
    listening: VecDeque<Eui64>,
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

    /// The node listens for one frame.
    pub(super) fn polled(&mut self, node: Eui64) {
        if self.indirect.contains_key(&node) && !self.listening.contains(&node) {
            self.listening.push_back(node);
        }
    }

    /// Where the next frame comes from: first what somebody listens for.
    pub(super) fn next(&mut self) -> Option<Source> {
        while let Some(node) = self.listening.front() {
            if self.indirect.contains_key(node) {
                return Some(Source::Polled(*node));
            }
            self.listening.pop_front();
        }
        (!self.direct.is_empty()).then_some(Source::Direct)
    }

    /// The datagram that the next frame of this source is of, and whether others of the node wait behind it.
    pub(super) fn front(&self, source: Source) -> Option<(&Waiting, bool)> {
        match source {
            Source::Direct => self.direct.front().map(|waiting| (waiting, false)),
            Source::Polled(node) => {
                let queue = self.indirect.get(&node)?;
                queue.front().map(|waiting| (waiting, queue.len() > 1))
            }
        }
    }

    pub(super) fn front_mut(&mut self, source: Source) -> Option<&mut Waiting> {
        match source {
            Source::Direct => self.direct.front_mut(),
            Source::Polled(node) => self.indirect.get_mut(&node)?.front_mut(),
        }
    }

    /// The node has got its frame: for the next one it polls again.
    pub(super) fn served(&mut self, source: Source) {
        match source {
            Source::Direct => {}
            Source::Polled(node) => self.listening.retain(|listening| *listening != node),
        }
    }

    /// Takes the first datagram away.
    pub(super) fn pop(&mut self, source: Source) {
        let popped = match source {
            Source::Direct => self.direct.pop_front(),
            Source::Polled(node) => {
                let popped = self.indirect.get_mut(&node).and_then(VecDeque::pop_front);
                self.drop_if_empty(node);
                popped
            }
        };
        self.len -= usize::from(popped.is_some());
    }

    /// Takes away what has waited too long, and says how much; and the nodes that did not poll for it.
    pub(super) fn expire(&mut self, now: Instant) -> (usize, Vec<Eui64>) {
        let before = self.len;
        let mut silent = Vec::new();
        self.len -= retain_fresh(&mut self.direct, now);
        for (node, queue) in &mut self.indirect {
            let expired = retain_fresh(queue, now);
            self.len -= expired;
            if expired > 0 {
                silent.push(*node);
            }
        }
        for node in &silent {
            self.drop_if_empty(*node);
        }
        (before - self.len, silent)
    }

    fn drop_if_empty(&mut self, node: Eui64) {
        if self.indirect.get(&node).is_some_and(VecDeque::is_empty) {
            self.indirect.remove(&node);
            self.changed.insert(node);
        }
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        let queues = self.indirect.values().chain([&self.direct]);
        queues.filter_map(VecDeque::front).map(|waiting| waiting.until).min()
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

/// Takes away what has waited too long, and says how much.
fn retain_fresh(queue: &mut VecDeque<Waiting>, now: Instant) -> usize {
    let before = queue.len();
    queue.retain(|waiting| waiting.until > now);
    before - queue.len()
}
