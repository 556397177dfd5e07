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

#[derive(Debug)]
struct Held {
    until: CommitToken,
    recipient: Recipient,
    output: Output,
}

/// Outputs in order. One that must wait makes later ones to the same recipient wait too: a CONNACK comes first.
#[derive(Debug)]
pub(crate) struct Outbox {
    ready: VecDeque<Output>,
    /// In the order of their tokens.
    held: VecDeque<Held>,
    /// How many of `held` are to whom.
    held_for: Map<Recipient, u32>,
}

impl Outbox {
    pub(crate) fn new(seed: MapSeed) -> Self {
        Self { ready: VecDeque::new(), held: VecDeque::new(), held_for: seed.map() }
    }

    /// An output that promises nothing to anybody in particular.
    pub(crate) fn push(&mut self, output: Output) {
        self.ready.push_back(output);
    }

    /// An output to somebody, which waits for `until` if there is one.
    pub(crate) fn send(&mut self, recipient: Recipient, output: Output, until: Option<CommitToken>) {
        if self.held.is_empty() && until.is_none() {
            return self.ready.push_back(output);
        }
        let behind = self.held.back().map(|held| held.until).filter(|_| self.held_for.contains_key(&recipient));
        match until.max(behind) {
            None => self.ready.push_back(output),
            Some(until) => {
                *self.held_for.entry(recipient).or_default() += 1;
                self.held.push_back(Held { until, recipient, output });
            }
        }
    }

    /// Lets go what waited for this commit or an earlier one.
    pub(crate) fn committed(&mut self, token: CommitToken) {
        while self.held.front().is_some_and(|held| held.until <= token) {
            let Some(Held { recipient, output, .. }) = self.held.pop_front() else { return };
            self.ready.push_back(output);
            if let Some(left) = self.held_for.get_mut(&recipient) {
                *left -= 1;
                if *left == 0 {
                    self.held_for.remove(&recipient);
                }
            }
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

    #[test]
    fn a_promise_waits_and_others_to_the_same_recipient_wait_behind_it() {
        let mut outbox = Outbox::new(MapSeed::new(1));
        outbox.send(A, output(1), Some(CommitToken(1)));
        outbox.send(A, output(2), None);
        outbox.send(B, output(3), None);
        assert_eq!(drain(&mut outbox), [3]);
        outbox.committed(CommitToken(1));
        assert_eq!(drain(&mut outbox), [1, 2]);
        outbox.send(A, output(4), None);
        assert_eq!(drain(&mut outbox), [4]);
    }

    #[test]
    fn a_later_commit_lets_go_what_waited_for_earlier_ones() {
        let mut outbox = Outbox::new(MapSeed::new(1));
        outbox.send(A, output(1), Some(CommitToken(1)));
        outbox.send(A, output(2), Some(CommitToken(2)));
        outbox.send(B, output(3), Some(CommitToken(3)));
        outbox.committed(CommitToken(2));
        assert_eq!(drain(&mut outbox), [1, 2]);
        assert_eq!(outbox.held(), 1);
    }
}
