//! The end of a run: everything has come to its end, or should have.

use super::World;
use crate::ledger::{Summary, Violation};
use gateway_core::ClientInfo;
use sn_types::Instant;
use std::time::Duration;

/// How often [`World::run_until_settled`] looks whether it is.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Beyond the calm, each client may need so many retransmissions for what was under way when it began.
const RETRANSMISSIONS_PER_CLIENT: u64 = 20;

/// What a run with a calm at its end amounted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How much there was.
    pub summary: Summary,
    /// Broken promises, up to some; without any, all is well.
    pub violations: Vec<Violation>,
    /// See [`World::trace`].
    pub trace: u64,
    /// See [`World::happenings`].
    pub happenings: u64,
}

impl World<'_> {
    /// Lets time pass until all clients have done what they planned and nothing waits for any of them, but not beyond
    /// `deadline`. Whether that came about.
    pub fn run_until_settled(&mut self, deadline: Instant) -> bool {
        while !self.is_settled() {
            if self.now >= deadline {
                return false;
            }
            self.run_until(deadline.min(self.now + LOOK_EVERY));
        }
        true
    }

    fn is_settled(&self) -> bool {
        self.unsettled().is_none()
    }

    /// What is not at its end.
    fn unsettled(&self) -> Option<String> {
        if let Some(first) = self.unsettled_clients().next() {
            let who = match self.unsettled_clients().count() - 1 {
                0 => format!("{first} is not done"),
                others => format!("{first} and {others} more are not done"),
            };
            return Some(match self.nodes.iter().filter(|node| !node.was_connected()).count() {
                0 => who,
                never => format!("{who} ({never} never connected)"),
            });
        }
        if self.gateways.iter().any(|gateway| gateway.core().is_none()) {
            return Some("a gateway is off".to_owned());
        }
        self.waiting_client().map(|client| format!("{} messages wait for {}", client.waiting, client.client_id))
    }

    fn unsettled_clients(&self) -> impl Iterator<Item = &str> {
        let nodes = self.nodes.iter().filter(|node| !node.is_settled()).map(|node| &*node.plan().client_id);
        let mqtt = self.mqtt.iter().filter(|client| !client.is_settled()).map(|client| &*client.plan().client_id);
        nodes.chain(mqtt)
    }

    /// A client of the plan for whom messages wait.
    fn waiting_client(&self) -> Option<ClientInfo> {
        let clients = self.gateways.iter().filter_map(|gateway| gateway.core()).flat_map(gateway_core::Core::clients);
        let is_owed = |client: &ClientInfo| {
            let account = self.ledger.client(&client.client_id);
            account.is_some_and(|client| self.ledger.is_persistent(client))
        };
        clients.filter(is_owed).find(|client| client.waiting > 0)
    }

    /// Runs the plan to its calm and beyond, until everything has come to its end, and judges it. After the calm this may
    /// take up to `bound`.
    #[must_use]
    pub fn run_to_the_end(mut self, bound: Duration) -> Outcome {
        self.run_until(self.plan.calm_at);
        self.finish(bound)
    }

    /// What [`World::run_to_the_end`] does after the calm.
    pub fn finish(&mut self, bound: Duration) -> Outcome {
        let before = self.retransmissions();
        self.run_until_settled(self.plan.calm_at + bound);
        if let Some(what) = self.unsettled() {
            self.ledger.violated(Violation::NotSettled { what });
        }
        self.judge_retransmissions(before);
        let summary = self.ledger.summary();
        let violations = self.ledger.verdict().err().unwrap_or_default();
        Outcome { summary, violations, trace: self.trace(), happenings: self.happenings }
    }

    fn retransmissions(&self) -> u64 {
        let cores = self.gateways.iter().filter_map(|gateway| gateway.core());
        cores.map(|core| core.stats().retransmissions).sum()
    }

    fn judge_retransmissions(&mut self, before: u64) {
        let bound = RETRANSMISSIONS_PER_CLIENT * self.nodes.len() as u64;
        let retransmissions = self.retransmissions().saturating_sub(before);
        if retransmissions > bound {
            self.ledger.violated(Violation::RetransmissionStorm { retransmissions, bound });
        }
    }
}
