//! Frames that go to the radio.

use super::Router;
use super::queue::{Bound, Waiting};
use crate::mac::{Address, Header, Kind};
use crate::transmit::{Ack, FrameId, SourceMatch, Transmit, TransmitError};
use sn_types::Instant;

/// The frame that the radio has.
#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight {
    id: FrameId,
    pub(super) serial: u64,
    pub(super) bound: Bound,
    /// Its node had asked for it.
    polled: bool,
}

impl<const WAYS: usize, const QUEUE: usize> Router<WAYS, QUEUE> {
    /// The next frame; `None` if there is none, or the radio has one already.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        if self.in_flight.is_some() {
            return None;
        }
        let (serial, polled) = self.next()?;
        let pan = self.config.pan;
        let fresh = self.sequence;
        let waiting = self.queue.get_mut(serial)?;
        let bound = waiting.bound;
        let to = match bound {
            Bound::Up => Some(self.uplink.parent()?),
            Bound::Down(node) => Some(self.ways.next_hop(node)),
            Bound::All | Bound::Own => None,
            Bound::Neighbour(station) => Some(station),
        };
        let (payload, sent_as) = (waiting.payload.clone(), waiting.sent_as);
        let more_waits = |node| polled && self.queue.len_for(node) > 1;
        let more = matches!(bound, Bound::Down(node) if more_waits(node));
        let (sequence, frame_pending) = sent_as.unwrap_or((fresh, more));
        if let Some(waiting) = self.queue.get_mut(serial) {
            waiting.sent_as = Some((sequence, frame_pending));
        }
        self.sequence = self.sequence.wrapping_add(u8::from(sent_as.is_none()));
        let header = Header {
            kind: Kind::Data,
            secured: false,
            frame_pending,
            ack_request: to.is_some(),
            sequence,
            pan,
            to: to.map_or(Address::ALL, |to| self.config.address(to)),
            from: Address::Extended(self.config.eui64),
        };
        let mut psdu = header.encode(payload.len());
        if psdu.push(payload.as_bytes()).is_none() {
            self.stats.malformed += 1;
            self.queue.remove(serial);
            return None;
        }
        if let Bound::Down(node) = bound
            && let Some(way) = self.ways.get_mut(node)
        {
            way.listens = false;
        }
        self.id += 1;
        let id = FrameId(self.id);
        self.in_flight = Some(InFlight { id, serial, bound, polled });
        Some(Transmit { id, psdu, to })
    }

    /// Takes the fate of a frame. One that did not arrive is sent again as the same frame, for if only the acknowledgement was
    /// lost it has: at its node's next request if that had asked for it, else after a pause. One for the parent then goes to
    /// another parent if this one is gone, and is given up when it has waited too long; others after some rounds.
    pub fn handle_transmitted(&mut self, now: Instant, id: FrameId, result: Result<Ack, TransmitError>) {
        let Some(InFlight { serial, bound, polled, .. }) = self.in_flight.take_if(|in_flight| in_flight.id == id)
        else {
            return;
        };
        self.ways.fall_asleep(now);
        match (result, bound) {
            (Ok(_), bound) => {
                self.count(bound);
                self.queue.remove(serial);
            }
            (Err(why), Bound::Up) => {
                if why == TransmitError::NoAck {
                    self.update(now, |uplink| uplink.unacknowledged(now));
                }
                self.rest(now, serial);
            }
            (Err(_), Bound::Down(_)) if polled => {}
            // Who asks for a parent asks again, if it is there.
            (Err(TransmitError::NoAck), Bound::Neighbour(_)) => {
                self.unheard.note(now);
                self.queue.remove(serial);
            }
            (Err(TransmitError::NoAck), Bound::All | Bound::Own) => self.queue.remove(serial),
            (Err(why), Bound::Down(_) | Bound::Neighbour(_) | Bound::All | Bound::Own) => {
                self.rest(now, serial);
                if self.queue.get_mut(serial).is_some_and(|waiting| waiting.turn.is_spent()) {
                    self.give_up(serial, why);
                }
            }
        }
    }

    /// Has a frame wait for its next round.
    fn rest(&mut self, now: Instant, serial: u64) {
        let chance = self.chance();
        if let Some(waiting) = self.queue.get_mut(serial) {
            waiting.turn.rest(now, chance);
        }
    }

    fn give_up(&mut self, serial: u64, why: TransmitError) {
        match why {
            TransmitError::NoAck => self.stats.no_ack += 1,
            TransmitError::ChannelAccess => self.stats.channel_access += 1,
        }
        self.queue.remove(serial);
    }

    /// A change of the radio's source match table; `None` if it is as it should be.
    pub fn poll_source_match(&mut self) -> Option<SourceMatch> {
        let queue = &self.queue;
        self.ways.iter_mut().find_map(|way| {
            let pending = way.polls && queue.len_for(way.node) > 0;
            (pending != way.is_matched).then(|| {
                way.is_matched = pending;
                SourceMatch { node: way.node, pending }
            })
        })
    }

    fn count(&mut self, bound: Bound) {
        match bound {
            Bound::Up => {
                self.uplink.acknowledged();
                self.stats.up += 1;
            }
            Bound::Down(_) => self.stats.down += 1,
            Bound::All => self.stats.to_all += 1,
            Bound::Own | Bound::Neighbour(_) => {}
        }
    }

    /// What is to be sent next, and whether its node listens for it: that goes first, then what came first.
    fn next(&self) -> Option<(u64, bool)> {
        let ready = self.queue.iter().filter(|waiting| !self.queue.is_held(waiting));
        let due = ready.filter_map(|waiting| Some((!self.readiness(waiting)?, waiting.serial)));
        due.min().map(|(later, serial)| (serial, !later))
    }

    /// `None`: it cannot be sent now. `true`: somebody listens for it.
    fn readiness(&self, waiting: &Waiting) -> Option<bool> {
        match waiting.bound {
            Bound::Up => self.parent().map(|_| false),
            Bound::Down(node) => match self.ways.get(node) {
                Some(way) if way.polls => way.listens.then_some(true),
                Some(_) | None => Some(false),
            },
            Bound::All | Bound::Own | Bound::Neighbour(_) => Some(false),
        }
    }
}
