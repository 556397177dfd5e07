//! Outputs on their way out, and those that wait for a commit.

use super::CommitToken;
use crate::map::{Map, MapSeed};
use crate::{ConnId, Output};
use sn_types::PeerAddr;
use std::collections::VecDeque;

/// Whom an output goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Recipient {
    Peer(PeerAddr),
    Conn(ConnId),
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

/// Outputs in order. Those that wait let others pass, so that QoS 0 goes on whatever the disk does, unless they lead: a
/// CONNACK comes first.
#[derive(Debug)]
pub(crate) struct Outbox {
    ready: VecDeque<Output>,
    /// In the order of their tokens.
    held: VecDeque<Held>,
    /// How many of `held` are to whom.
    held_for: Map<Recipient, HeldFor>,
}

#[derive(Clone, Copy, Debug, Default)]
struct HeldFor {
    all: u32,
    /// Those that lead, or wait behind one that does.
    leading: u32,
}

impl Outbox {
    pub(crate) fn new(seed: MapSeed) -> Self {
        Self { ready: VecDeque::new(), held: VecDeque::new(), held_for: seed.map() }
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
        let until = barrier.filter(|_| matches!(promise, Promise::Waits | Promise::Leads));
        if self.held.is_empty() && until.is_none() {
            return self.ready.push_back(output);
        }
        let held = self.held_for.get(&recipient).copied().unwrap_or_default();
        let follows = held.leading > 0 || (promise == Promise::Last && held.all > 0);
        let behind = self.held.back().map(|held| held.until).filter(|_| follows);
        let Some(until) = until.max(behind) else { return self.ready.push_back(output) };
        let leads = promise == Promise::Leads || follows;
        let (all, leading) = (held.all + 1, held.leading + u32::from(leads));
        self.held_for.insert(recipient, HeldFor { all, leading });
        self.held.push_back(Held { leads, until, recipient, output });
    }

    /// Lets go what waited for this commit or an earlier one.
    pub(crate) fn committed(&mut self, token: CommitToken) {
        while self.held.front().is_some_and(|held| held.until <= token) {
            let Some(Held { leads, recipient, output, .. }) = self.held.pop_front() else { return };
            self.ready.push_back(output);
            self.let_go(recipient, leads);
        }
    }

    fn let_go(&mut self, recipient: Recipient, leads: bool) {
        let Some(held) = self.held_for.get_mut(&recipient) else { return };
        held.all -= 1;
        held.leading -= u32::from(leads);
        if held.all == 0 {
            self.held_for.remove(&recipient);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.ready.pop_front()
    }

    /// Outputs that wait for a commit.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }
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
    fn a_later_commit_lets_go_what_waited_for_earlier_ones() {
        let mut outbox = Outbox::new(MapSeed::new(1));
        outbox.send(A, output(1), Promise::Waits, ONE);
        outbox.send(A, output(2), Promise::Waits, Some(CommitToken(2)));
        outbox.send(B, output(3), Promise::Waits, Some(CommitToken(3)));
        outbox.committed(CommitToken(2));
        assert_eq!(drain(&mut outbox), [1, 2]);
        assert_eq!(outbox.held(), 1);
    }
}
