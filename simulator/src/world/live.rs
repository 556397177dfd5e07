//! A world whose gateway is somewhere else: a real one, say.
//!
//! What the medium brings to the gateway is [taken out](World::take_for_gateway), what the gateway sends is [put
//! in](World::from_gateway). Whoever does that has a clock; the world still has none.

use super::World;
use crate::Plan;
use crate::ledger::{Laws, Message};
use crate::medium::Downlink;
use crate::plan::{Fault, FaultKind, PlanError};
use sn_types::{Instant, LinkAddr, LinkProfile};
use std::collections::VecDeque;

/// Datagrams that wait to be taken out. Beyond, the oldest are dropped: nobody takes them.
const MOST_DATAGRAMS: usize = 10_000;

/// What is on its way to a gateway that is somewhere else.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    datagrams: VecDeque<(LinkAddr, Vec<u8>)>,
}

impl Elsewhere {
    pub(super) fn send(&mut self, from: LinkAddr, datagram: &[u8]) {
        if self.datagrams.len() == MOST_DATAGRAMS {
            self.datagrams.pop_front();
        }
        self.datagrams.push_back((from, datagram.to_vec()));
    }
}

impl<'p> World<'p> {
    /// A plan's world without its gateway, before anything has happened. The plan's MQTT clients stay out of it, too.
    ///
    /// The books are kept, but what they cannot know is not held against anybody: the gateway may have sessions and
    /// messages from before.
    ///
    /// # Errors
    /// The plan has not one gateway, or faults of gateways, disks, MQTT clients or strangers, which nobody here can carry
    /// out.
    ///
    /// # Panics
    /// If the plan refers to somebody who is not in it.
    pub fn without_gateway(plan: &'p Plan) -> Result<Self, PlanError> {
        if plan.gateways.len() != 1 {
            return Err(PlanError(format!("there is one real gateway, but {} in this plan", plan.gateways.len())));
        }
        if let Some(fault) = plan.faults.iter().find(|fault| !is_of_nodes(fault)) {
            return Err(PlanError(format!(
                "this fault, at {}, is for a simulated gateway: {:?}",
                fault.at, fault.what
            )));
        }
        let laws = Laws { repeats: true, is_late: true, forgets: true, strangers_publish: true };
        let mut world = Self::unbegun(plan, laws);
        world.elsewhere = Some(Elsewhere::default());
        world.ledger.keep_messages_from_outside();
        world.begin();
        Ok(world)
    }

    /// What the gateway may assume of the medium.
    #[must_use]
    pub fn profile(&self) -> LinkProfile {
        self.medium.as_medium().profile()
    }

    /// When something happens next, if nothing is put in before.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        self.agenda.next_at()
    }

    /// The next datagram for a gateway that is somewhere else, and its sender. To be asked after each
    /// [`World::run_until`] until there is none.
    pub fn take_for_gateway(&mut self) -> Option<(LinkAddr, Vec<u8>)> {
        self.elsewhere.as_mut()?.datagrams.pop_front()
    }

    /// A gateway that is somewhere else sends a datagram now.
    pub fn from_gateway(&mut self, to: Downlink, datagram: &[u8]) {
        self.medium.as_medium_mut().send_down(self.now, 0, to, datagram);
        self.take_arrivals();
    }

    /// The next message that has come to a node from outside of the plan; only where the gateway is somewhere else.
    pub fn take_message(&mut self) -> Option<Message> {
        self.ledger.take_message_from_outside()
    }

    /// Nodes that are connected, sleeping ones among them.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.nodes.iter().filter(|node| node.is_connected()).count()
    }
}

/// Whether it can happen without a simulated gateway.
const fn is_of_nodes(fault: &Fault) -> bool {
    match fault.what {
        FaultKind::Silence { .. } | FaultKind::Reboot { .. } | FaultKind::Move { .. } | FaultKind::Swap { .. } => true,
        FaultKind::Crash { .. }
        | FaultKind::DiskFull { .. }
        | FaultKind::DiskFails { .. }
        | FaultKind::Cut { .. }
        | FaultKind::Rude { .. } => false,
    }
}
