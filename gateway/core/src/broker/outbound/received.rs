//! Messages of a session that lives at another broker.
//!
//! That one numbers them, and keeps them until they are acknowledged: here they are in flight from the start, and the store
//! knows nothing of them.

use super::flights::Flights;
use super::{Changes, Inflight, Outbound, Phase, Stored};
use crate::Limits;
use crate::broker::queue::Queued;
use sn_types::Instant;

impl Outbound {
    /// A message comes under its id, perhaps again. `sent`: its client may have been sent it before.
    pub(crate) fn receive(&mut self, now: Instant, id: u16, queued: Queued, sent: bool) {
        let (phase, stored) = (Phase::Published, Stored::Nothing);
        self.receive_at(now, Inflight { id, queued, phase, sent, stored }, false);
    }

    /// PUBREL comes for an id: the client's PUBCOMP is missing. What the message was does not matter any more.
    pub(crate) fn receive_release(&mut self, now: Instant, id: u16, queued: Queued) {
        let (phase, stored) = (Phase::Released, Stored::Nothing);
        self.receive_at(now, Inflight { id, queued, phase, sent: true, stored }, true);
    }

    fn receive_at(&mut self, now: Instant, received: Inflight, first: bool) {
        if self.len() == 0 {
            self.filled = now;
        }
        self.ids_in_order = false;
        let was_sent = self.flights.iter().any(|known| known.id == received.id && known.sent);
        let sent = received.sent || was_sent;
        match self.flights.replace(Inflight { sent, ..received }) {
            Ok(()) => {}
            Err(new) if first => self.flights.push_front(new),
            Err(new) => self.flights.push_back(new),
        }
    }

    /// Whether as much is in flight as may wait for one client.
    pub(crate) fn is_full_of_flights(&self, limits: &Limits) -> bool {
        self.flights.len() >= limits.queue_messages || self.flights.bytes() >= limits.queue_bytes
    }

    /// The other broker sends again whatever is in flight.
    pub(crate) fn forget_flights(&mut self) {
        self.flights = Flights::default();
        self.ids_in_order = true;
    }

    /// Says whether the store is told of messages from now on.
    pub(crate) fn track(&mut self, tracked: bool) {
        self.changes = tracked.then(Changes::default);
    }
}
