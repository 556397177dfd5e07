//! Outputs on their way out, and those that wait for a commit.

use super::CommitToken;
use crate::map::{Map, MapSeed};
use crate::mqtt::Packet;
use crate::{ConnId, Output};
use sn_types::{PeerAddr, TransportId};
use std::collections::VecDeque;

/// Whom an output goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Recipient {
    Peer(PeerAddr),
    Conn(ConnId),
    /// A transport itself.
    Transport(TransportId),
}

/// What an output promises, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    Nothing,
    /// It waits for its commit.
    Waits,
    /// It waits for its commit, and so does everything after it to the same recipient, who would not understand it yet.
    Leads,
    /// It waits for everything before it to the same recipient.
    Last,
}

#[derive(Debug)]
struct Held {
    /// Later outputs to its recipient wait behind it.
    leads: bool,
    until: CommitToken,
    recipient: Recipient,
    output: Output,
}

impl Held {
    /// Octets of memory that it takes.
    fn bytes(&self) -> usize {
        let contents = match &self.output {
            Output::Send { datagram, .. } | Output::Broadcast { datagram, .. } => datagram.len(),
            Output::Mqtt { packet: Packet::Publish(publish), .. } => publish.wire_len(),
            // The others are small.
            Output::Mqtt { .. }
            | Output::MqttClose { .. }
            | Output::MqttRead { .. }
            | Output::Counters { .. }
            | Output::Upstream { .. }
            | Output::Commit { .. }
            | Output::Event(_) => 0,
        };
        size_of::<Self>() + contents
    }
}

/// Outputs in order. Those that wait let others pass, so that QoS 0 goes on whatever the disk does, unless they lead: a
/// CONNACK comes first.
#[derive(Debug)]
pub(crate) struct Outbox {
    ready: VecDeque<Output>,
    /// In the order of their tokens.
    held: VecDeque<Held>,
    /// Their octets, see [`Held::bytes`].
    held_bytes: usize,
    /// How many of `held` are to whom.
    held_for: Map<Recipient, HeldFor>,
}

#[derive(Clone, Copy, Debug, Default)]
struct HeldFor {
    all: u32,
    /// Those that lead, or wait behind one that does.
    leading: u32,
    /// Those that acknowledge a QoS 1 PUBLISH.
    pubacks: u32,
    publishes: u32,
}

impl Outbox {
    pub(crate) fn new(seed: MapSeed) -> Self {
        Self { ready: VecDeque::new(), held: VecDeque::new(), held_bytes: 0, held_for: seed.map() }
    }

    /// An output that promises nothing to anybody in particular.
    pub(crate) fn push(&mut self, output: Output) {
        self.ready.push_back(output);
    }

    /// An output to somebody. What promises something waits for the commit `barrier`, if there is one.
    pub(crate) fn send(
        &mut self,
        recipient: Recipient,
        output: Output,
        promise: Promise,
        barrier: Option<CommitToken>,
    ) {
        let follows = self.follows(recipient, promise);
        let Some(until) = self.waits_until(promise, barrier, follows) else { return self.ready.push_back(output) };
        let leads = promise == Promise::Leads || follows;
        let held_for = self.held_for.entry(recipient).or_default();
        held_for.all += 1;
        held_for.leading += u32::from(leads);
        held_for.pubacks += u32::from(is_puback(&output));
        held_for.publishes += u32::from(is_publish(&output));
        let held = Held { leads, until, recipient, output };
        self.held_bytes += held.bytes();
        self.held.push_back(held);
    }

    /// Whether an output to somebody would have to wait.
    pub(crate) fn would_wait(&self, recipient: Recipient, promise: Promise, barrier: Option<CommitToken>) -> bool {
        self.waits_until(promise, barrier, self.follows(recipient, promise)).is_some()
    }

    /// Whether an output must not overtake what waits for its recipient.
    fn follows(&self, recipient: Recipient, promise: Promise) -> bool {
        // Most of the time nothing waits, and nobody has to be looked up.
        let held_for = if self.held.is_empty() { None } else { self.held_for.get(&recipient) };
        held_for.is_some_and(|held| held.leading > 0 || promise == Promise::Last)
    }

    fn waits_until(&self, promise: Promise, barrier: Option<CommitToken>, follows: bool) -> Option<CommitToken> {
        let until = barrier.filter(|_| matches!(promise, Promise::Waits | Promise::Leads));
        let behind = self.held.back().map(|held| held.until).filter(|_| follows);
        until.max(behind)
    }

    /// Lets go what waited for this commit or an earlier one.
    pub(crate) fn committed(&mut self, token: CommitToken) {
        while self.held.front().is_some_and(|held| held.until <= token) {
            let Some(held) = self.held.pop_front() else { return };
            self.held_bytes -= held.bytes();
            let Held { leads, recipient, output, .. } = held;
            self.let_go(recipient, leads, &output);
            self.ready.push_back(output);
        }
    }

    fn let_go(&mut self, recipient: Recipient, leads: bool, output: &Output) {
        let Some(held) = self.held_for.get_mut(&recipient) else { return };
        held.all -= 1;
        held.leading -= u32::from(leads);
        held.pubacks -= u32::from(is_puback(output));
        held.publishes -= u32::from(is_publish(output));
        if held.all == 0 {
            self.held_for.remove(&recipient);
        }
    }

    /// What waits for a commit and is for this recipient is not sent any more.
    pub(crate) fn forget(&mut self, recipient: Recipient) {
        if self.held_for.remove(&recipient).is_none() {
            return;
        }
        let gone = |held: &Held| held.recipient == recipient;
        self.held_bytes -= self.held.iter().filter(|held| gone(held)).map(Held::bytes).sum::<usize>();
        self.held.retain(|held| !gone(held));
    }

    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.ready.pop_front()
    }

    /// Outputs that wait for a commit.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Octets of memory that they take.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// PUBACKs to this recipient that wait.
    pub(crate) fn held_pubacks(&self, recipient: Recipient) -> usize {
        let held_for = if self.held.is_empty() { None } else { self.held_for.get(&recipient) };
        held_for.map_or(0, |held| held.pubacks as usize)
    }

    /// Whether a PUBLISH to this recipient waits.
    pub(crate) fn is_holding_publishes(&self, recipient: Recipient) -> bool {
        self.held_for.get(&recipient).is_some_and(|held| held.publishes > 0)
    }

    /// Whether something to this recipient waits.
    pub(crate) fn is_holding(&self, recipient: Recipient) -> bool {
        self.held_for.contains_key(&recipient)
    }
}

fn is_publish(output: &Output) -> bool {
    matches!(output, Output::Mqtt { packet: Packet::Publish(_), .. })
}

fn is_puback(output: &Output) -> bool {
    matches!(output, Output::Mqtt { packet: Packet::PubAck(_), .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CloseReason;

    const A: Recipient = Recipient::Conn(ConnId(1));
    const B: Recipient = Recipient::Conn(ConnId(2));

    fn output(n: u64) -> Output {
        Output::MqttClose { conn: ConnId(n), reason: CloseReason::Shutdown }
    }

    fn drain(outbox: &mut Outbox) -> Vec<u64> {
        std::iter::from_fn(|| outbox.pop())
            .map(|output| match output {
                Output::MqttClose { conn, .. } => conn.0,
                other => panic!("not one of this test's: {other:?}"),
            })
            .collect()
    }

    const ONE: Option<CommitToken> = Some(CommitToken(1));

    #[test]
    fn a_promise_waits_and_others_pass_it() {
        let mut outbox = Outbox::new(MapSeed::new(1));
        outbox.send(A, output(1), Promise::Waits, ONE);
        outbox.send(A, output(2), Promise::Nothing, ONE);
        outbox.send(B, output(3), Promise::Nothing, ONE);
        assert_eq!(drain(&mut outbox), [2, 3]);
        outbox.committed(CommitToken(1));
        assert_eq!(drain(&mut outbox), [1]);
    }

    #[test]
    fn behind_one_that_leads_everything_to_the_same_recipient_waits_in_order() {
        let mut outbox = Outbox::new(MapSeed::new(1));
        outbox.send(A, output(1), Promise::Leads, ONE);
        outbox.send(A, output(2), Promise::Nothing, ONE);
        outbox.send(B, output(3), Promise::Nothing, ONE);
        outbox.send(B, output(4), Promise::Waits, Some(CommitToken(2)));
        outbox.send(A, output(5), Promise::Nothing, Some(CommitToken(2)));
        assert_eq!(drain(&mut outbox), [3]);
        outbox.committed(CommitToken(1));
        assert_eq!(drain(&mut outbox), [1, 2]);
        outbox.send(A, output(6), Promise::Nothing, Some(CommitToken(2)));
        assert_eq!(drain(&mut outbox), []);
        outbox.committed(CommitToken(2));
        assert_eq!(drain(&mut outbox), [4, 5, 6]);
        outbox.send(A, output(7), Promise::Nothing, None);
        assert_eq!(drain(&mut outbox), [7]);
    }

    #[test]
    fn the_last_output_waits_for_all_before_it() {
        let mut outbox = Outbox::new(MapSeed::new(1));
        outbox.send(A, output(1), Promise::Waits, ONE);
        outbox.send(A, output(2), Promise::Last, None);
        outbox.send(B, output(3), Promise::Last, None);
        assert_eq!(drain(&mut outbox), [3]);
        outbox.committed(CommitToken(1));
        assert_eq!(drain(&mut outbox), [1, 2]);
    }

    #[test]
    fn what_is_forgotten_is_not_sent_and_holds_nothing_up() {
        let mut outbox = Outbox::new(MapSeed::new(1));
        outbox.send(A, output(1), Promise::Leads, ONE);
        outbox.send(B, output(2), Promise::Waits, ONE);
        outbox.forget(A);
        outbox.send(A, output(3), Promise::Nothing, None);
        assert_eq!(drain(&mut outbox), [3]);
        outbox.committed(CommitToken(1));
        assert_eq!(drain(&mut outbox), [2]);
        assert_eq!((outbox.held(), outbox.held_bytes()), (0, 0));
    }

    #[test]
    fn a_later_commit_lets_go_what_waited_for_earlier_ones() {
        let mut outbox = Outbox::new(MapSeed::new(1));
        outbox.send(A, output(1), Promise::Waits, ONE);
        outbox.send(A, output(2), Promise::Waits, Some(CommitToken(2)));
        outbox.send(B, output(3), Promise::Waits, Some(CommitToken(3)));
        outbox.committed(CommitToken(2));
        assert_eq!(drain(&mut outbox), [1, 2]);
        assert_eq!((outbox.held(), outbox.held_bytes()), (1, size_of::<Held>()));
        assert!(outbox.is_holding(B) && !outbox.is_holding(A));
        outbox.committed(CommitToken(3));
        assert_eq!((outbox.held(), outbox.held_bytes()), (0, 0));
    }
}
