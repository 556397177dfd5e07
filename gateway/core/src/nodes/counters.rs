//! Frame counters. A frame is secured with its sender's key, address and counter; one counter must never be used twice, and
//! a counter that was accepted must never be accepted again (IEEE 802.15.4-2020 §9.2.4, §9.4.2).
//!
//! **Accepted counters** come with every frame, and a commit for each would wear a flash card out. So they ride along: every
//! commit has all that there are, and an acknowledgement to a node whose counter is not on the disk makes a commit. What
//! nobody waits for is written once a minute. So a frame that was acknowledged is refused after a crash; one that was not
//! (QoS 0, PINGREQ) could be replayed once if it is from the last minute before the crash.
//!
//! **Outgoing counters** are one row of numbers for the whole gateway, so that neither another order of the transports nor
//! another stick makes one come twice. Transports get them in blocks; each is on the disk as used before it is given. After a
//! restart the next block is the one behind all that were ever reserved.

use super::Nodes;
use crate::core::TimerKey;
use crate::durable::{Promise, Recipient};
use crate::{Core, Event, Output};
use sn_types::{Eui64, Instant, TransportId, Way};
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

/// Outgoing counters that a transport gets at once.
const BLOCK: u32 = 4_096;
/// How long an accepted counter may wait for a commit of its own.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How many outgoing counters a restored backup skips beside those that were probably used after it was made.
pub(crate) const RESTORE_JUMP: u32 = 1 << 24;

/// A frame that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) counter: u32,
    /// How its node is answered since. It rides along with the counter: after a restart what goes to a node that is silent finds its
    /// way all the same.
    pub(crate) way: Way,
}

/// What is spent and reserved, and which of that the store does not have.
#[derive(Debug)]
pub(super) struct Counters {
    /// Outgoing counters below this one are used, or may be.
    reserved: u32,
    reserved_unsaved: bool,
    /// Nodes whose accepted counter the store does not have.
    spent: BTreeSet<Eui64>,
    /// These are to be written now.
    spent_due: bool,
    /// When they are to be written at the latest.
    scheduled: Instant,
}

impl Counters {
    pub(super) fn new() -> Self {
        Self {
            reserved: 0,
            reserved_unsaved: false,
            spent: BTreeSet::new(),
            spent_due: false,
            scheduled: Instant::FAR_FUTURE,
        }
    }

    pub(super) fn is_marked(&self) -> bool {
        self.reserved_unsaved || (self.spent_due && !self.spent.is_empty())
    }

    /// The next block; empty when all are used.
    fn reserve(&mut self) -> Range<u32> {
        let start = self.reserved;
        self.reserved = start.saturating_add(BLOCK);
        self.reserved_unsaved |= self.reserved > start;
        start..self.reserved
    }
}

impl Nodes {
    /// What was accepted of each node of which the store does not have it.
    pub(crate) fn take_spent(&mut self) -> Vec<(Eui64, Accepted)> {
        self.counters.spent_due = false;
        let spent = std::mem::take(&mut self.counters.spent);
        spent.into_iter().filter_map(|node| Some((node, self.accepted(node)?))).collect()
    }

    /// The frame of the highest counter that was accepted from a listed node.
    pub(crate) fn accepted(&self, node: Eui64) -> Option<Accepted> {
        let listed = self.listed.get(&node)?;
        Some(Accepted { counter: listed.counter?, way: listed.way })
    }

    /// The end of what was reserved, if the store does not have it.
    pub(crate) fn take_reserved(&mut self) -> Option<u32> {
        std::mem::take(&mut self.counters.reserved_unsaved).then_some(self.counters.reserved)
    }

    /// The end of what was reserved.
    pub(crate) fn reserved(&self) -> u32 {
        self.counters.reserved
    }

    /// What the store has as reserved.
    pub(crate) fn restore_reserved(&mut self, reserved: u32) {
        self.counters.reserved = reserved;
    }

    /// A node's counter is of no interest any more.
    pub(super) fn forget_counter(&mut self, node: Eui64) {
        self.counters.spent.remove(&node);
    }
}

impl Core {
    /// A transport has accepted a frame.
    pub(super) fn counter_accepted(&mut self, now: Instant, node: Eui64, accepted: Accepted) {
        let Some(listed) = self.nodes.listed.get_mut(&node) else { return };
        listed.counter = listed.counter.max(Some(accepted.counter));
        listed.way = accepted.way;
        if self.config.durable {
            let counters = &mut self.nodes.counters;
            counters.spent.insert(node);
            self.timers.schedule(&mut counters.scheduled, now + LONGEST_WAIT, TimerKey::Counters);
        }
    }

    /// Something that promises is about to be sent: what the recipient has sent must not be accepted again after a crash.
    pub(crate) fn counter_promised(&mut self, recipient: Recipient, promise: Promise) {
        let counters = &mut self.nodes.counters;
        if counters.spent.is_empty() || counters.spent_due {
            return;
        }
        let node = match (recipient, promise) {
            (Recipient::Peer(addr), Promise::Waits | Promise::Leads) => addr.link.eui64(),
            (Recipient::Peer(_), Promise::Nothing | Promise::Last) => None,
            (Recipient::Conn(_) | Recipient::Transport(_), _) => None,
        };
        counters.spent_due = node.is_some_and(|node| counters.spent.contains(&node));
    }

    /// The look that was asked for `due`: counters that nobody waited for are written.
    pub(crate) fn counters_due(&mut self, due: Instant) {
        let counters = &mut self.nodes.counters;
        if counters.scheduled == due {
            counters.scheduled = Instant::FAR_FUTURE;
            counters.spent_due = true;
        }
    }

    /// A transport needs frame counters to send with: it gets a block when that is on the disk as used. Without a store it
    /// gets none, for after the next start they would come again.
    pub(crate) fn counters_wanted(&mut self, transport: TransportId) {
        if !self.config.durable {
            return;
        }
        let block = self.nodes.counters.reserve();
        if block.is_empty() {
            return self.event(Event::CountersUsedUp { transport });
        }
        let barrier = self.barrier();
        let granted = Output::Counters { transport, block };
        self.out.send(Recipient::Transport(transport), granted, Promise::Waits, barrier);
    }
}
