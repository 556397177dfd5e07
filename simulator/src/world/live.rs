//! A world whose gateway is somewhere else: a real one, say.
//!
//! What the medium brings to the gateway is [taken out](World::take_for_gateway), what the gateway sends is [put
//! in](World::from_gateway). Whoever does that has a clock; the world still has none.

use super::World;
use crate::Plan;
use crate::ledger::{Laws, Message};
use crate::medium::Downlink;
use crate::plan::{Fault, FaultKind, PlanError};
use crate::radio::{FromAir, MATCHES};
use lowpan::RouterStats;
use sn_types::{Instant, LinkAddr, LinkProfile};
use spinel_device::Pending;
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
            return Err(PlanError(format!("the fault at {} is for a simulated gateway or MQTT client", fault.at)));
        }
        let laws = Laws { repeats: true, is_late: true, forgets: true, strangers_publish: true };
        let mut world = Self::unbegun(plan, laws);
        world.elsewhere = Some(Elsewhere::default());
        world.ledger.keep_messages_from_outside();
        world.begin();
        Ok(world)
    }

    /// The same for a gateway whose radio only is in this world: what passes is frames. The plan's medium is a radio.
    ///
    /// # Errors
    /// As [`World::without_gateway`]; or there is no radio.
    ///
    /// # Panics
    /// If the plan refers to somebody who is not in it.
    pub fn for_dongle(plan: &'p Plan) -> Result<Self, PlanError> {
        let mut world = Self::without_gateway(plan)?;
        let radio = world.medium.radio_mut().ok_or_else(|| PlanError("the medium is no radio".into()))?;
        radio.hand_over(0);
        world.ledger.keep_acknowledgements();
        Ok(world)
    }

    /// The gateway's radio sends a frame now, see [`Radio::send_from_outside`](crate::radio::Radio::send_from_outside).
    pub fn send_frame(&mut self, psdu: &[u8]) {
        if let Some(radio) = self.medium.radio_mut() {
            radio.send_from_outside(self.now, psdu);
        }
        self.take_arrivals();
    }

    /// Whether the gateway's radio listens, from now on.
    pub fn listen_at_gateway(&mut self, on: bool) {
        if let Some(radio) = self.medium.radio_mut() {
            radio.listen_outside(self.now, on);
        }
    }

    /// Whom the gateway's radio tells from now on that something waits when it asks.
    pub fn match_at_gateway(&mut self, pending: Pending<MATCHES>) {
        if let Some(radio) = self.medium.radio_mut() {
            radio.set_pending(pending);
        }
    }

    /// What the air has for the gateway's radio. To be asked after each [`World::run_until`] until there is nothing.
    pub fn take_from_air(&mut self) -> Option<FromAir> {
        self.medium.radio_mut()?.poll_outside()
    }

    /// The next acknowledgement that a node has got for what it published at QoS 1 or 2: its place in the plan, the topic,
    /// the message's number, which its payload says, too. Only in worlds [for a dongle](World::for_dongle).
    pub fn take_acknowledgement(&mut self) -> Option<(usize, &str, u32)> {
        self.ledger.take_acknowledgement()
    }

    /// How deep a router is and what it has done; `None` if there is none, or it has no code of its own here.
    #[must_use]
    pub fn router(&self, index: usize) -> Option<(Option<u8>, &RouterStats)> {
        self.medium.radio()?.router(index)
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

    /// Nodes that are or were connected.
    #[must_use]
    pub fn ever_connected(&self) -> usize {
        self.nodes.iter().filter(|node| node.was_connected()).count()
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
