//! What the store is told of a client's messages, and how they come back from it.

use super::{Inflight, Outbound, Phase, RESERVE, Stored};
use crate::broker::queue::Queued;
use sn_types::Instant;
use std::borrow::Cow;

/// A change for the store.
pub(crate) enum Change<'a> {
    Put(&'a Queued),
    PutFlight { place: u64, id: u16, phase: Phase },
    Delete { place: u64, flight: bool },
}

impl Outbound {
    /// Tells all that the store does not know yet; it does from now on.
    pub(crate) fn take_changes(&mut self, mut tell: impl FnMut(Change<'_>)) {
        let Some(changes) = &mut self.changes else { return };
        let stored_up_to = changes.stored_up_to;
        for (place, flight) in changes.gone.drain(..) {
            tell(Change::Delete { place, flight });
        }
        let is_unknown = |queued: &Queued| queued.place > stored_up_to && queued.is_durable();
        for inflight in self.flights.iter_mut() {
            if is_unknown(&inflight.queued) {
                tell(Change::Put(&inflight.queued));
            }
            if inflight.stored != Stored::Current {
                inflight.stored = Stored::Current;
                let Inflight { id, phase, ref queued, .. } = *inflight;
                tell(Change::PutFlight { place: queued.place, id, phase });
            }
        }
        let waiting = self.queue.after(stored_up_to).filter(|queued| is_unknown(queued));
        waiting.for_each(|queued| tell(Change::Put(&queued)));
        let last_sent = self.flights.iter().map(|inflight| inflight.queued.place).max();
        changes.stored_up_to = stored_up_to.max(self.queue.last_place().max(last_sent).unwrap_or(0));
    }

    /// The session is removed: tells the places of what the store has to delete, and whether it was sent.
    pub(crate) fn forget(&mut self, mut tell: impl FnMut(u64, bool)) {
        self.extract(|_| true);
        let flights = self.flights.extract(|_| true);
        flights.iter().for_each(|sent| self.gone(&sent.queued, sent.stored));
        let gone = self.changes.as_mut().map(|changes| std::mem::take(&mut changes.gone));
        gone.into_iter().flatten().for_each(|(place, flight)| tell(place, flight));
    }

    /// Everything that the store should have: nothing of what another broker keeps.
    pub(crate) fn durable(&self) -> impl Iterator<Item = (Cow<'_, Queued>, Option<(u16, Phase)>)> {
        let is_tracked = self.changes.is_some();
        let flight = |sent: &Inflight| Some((sent.id, sent.phase));
        let sent = self.flights.iter().map(move |sent| (Cow::Borrowed(&sent.queued), flight(sent)));
        let waiting = self.queue.after(0).map(|queued| (queued, None));
        sent.chain(waiting).filter(move |(queued, _)| is_tracked && queued.is_durable())
    }

    /// Reserves more ids, if the last reserved one is near. `true`: the store is to be told.
    pub(crate) fn reserve_ids(&mut self) -> bool {
        let ahead = self.reserved_id.wrapping_sub(self.last_id);
        // Ids are given out before the store is told of them: the last one may have passed the reserved ones.
        let is_behind = ahead > u16::MAX / 2;
        let near = is_behind || ahead < RESERVE / 2;
        if near {
            self.reserved_id = self.last_id.wrapping_add(RESERVE);
        }
        near
    }

    pub(crate) const fn reserved_id(&self) -> u16 {
        self.reserved_id
    }

    /// Appends a message from the store, in the order of places. Ids start after the reserved ones.
    pub(crate) fn restore(&mut self, queued: Queued, flight: Option<(u16, Phase)>) {
        self.changes.iter_mut().for_each(|changes| changes.stored_up_to = queued.place);
        match flight {
            Some((id, phase)) => {
                self.ids_in_order = false;
                let inflight = Inflight { id, queued, phase, sent: true, stored: Stored::Current };
                self.flights.launch(inflight, self.queue.totals());
            }
            // Nobody listens yet.
            None => self.queue.push_packed(queued),
        }
    }

    /// Sets where ids go on after a restart.
    pub(crate) fn restore_ids(&mut self, now: Instant, reserved_id: u16) {
        self.filled = now;
        (self.last_id, self.reserved_id) = (reserved_id, reserved_id);
    }
}
