//! What waits for the store has an end: [`Limits::uncommitted_bytes`](crate::Limits).
//!
//! When it is reached, what would need a new promise is refused as on a full disk (`Core::can_promise`). A datagram that
//! would have to wait is not sent: the network might have lost it as well, so its recipient asks again, or is sent it
//! again. MQTT knows neither refusal nor loss, so its clients wait (`mqtt::hold_back`).
//!
//! What was taken in before may pass the limit a little. So do expiries and wills, which nobody can refuse.

use super::{CommitToken, Promise, Recipient};
use crate::{Core, Output};

impl Core {
    /// Octets in memory that wait for the store: changes, the commit under way, outputs.
    pub(crate) fn uncommitted_bytes(&self) -> usize {
        self.journal.bytes() + self.out.held_bytes()
    }

    /// Whether no more may wait for the store.
    pub(crate) fn is_backlogged(&self) -> bool {
        self.uncommitted_bytes() >= self.config.limits.uncommitted_bytes
    }

    /// Whether half of what may wait is free.
    pub(crate) fn is_relieved(&self) -> bool {
        self.uncommitted_bytes() <= self.config.limits.uncommitted_bytes / 2
    }

    /// Sends a datagram, unless it would have to wait and no more may, or there is no airtime. Answers whether it goes.
    pub(crate) fn send_datagram(&mut self, recipient: Recipient, output: Output, promise: Promise) -> bool {
        self.counter_promised(recipient, promise);
        let barrier = self.barrier();
        if self.is_backlogged() && self.out.would_wait(recipient, promise, barrier) {
            self.stats.unsent += 1;
            return false;
        }
        if !self.has_airtime(&output) {
            self.stats.airtime_unsent += 1;
            return false;
        }
        self.out.send(recipient, output, promise, barrier);
        true
    }

    /// Takes the airtime of a datagram, if its link has enough.
    fn has_airtime(&mut self, output: &Output) -> bool {
        match output {
            Output::Send { to, datagram } => self.sn.charge(to.transport, datagram.len()),
            Output::Broadcast { .. }
            | Output::Mqtt { .. }
            | Output::MqttClose { .. }
            | Output::MqttRead { .. }
            | Output::Upstream { .. }
            | Output::Counters { .. }
            | Output::Commit { .. }
            | Output::Event(_) => true,
        }
    }

    /// Lets go what waited for a commit.
    pub(super) fn let_go(&mut self, token: CommitToken) {
        self.out.committed(token);
        if self.is_relieved() {
            self.mqtt_relieved();
        }
    }
}
