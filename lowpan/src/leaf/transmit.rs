//! Frames that go to the radio.

use super::Leaf;
use crate::carriage::{Direction, Way};
use crate::fragment::Cut;
use crate::mac::{Address, DATA_REQUEST, Kind};
use crate::mesh::Route;
use crate::parent::Talk;
use crate::security::Keys;
use crate::station::{Envelope, Unsealed};
use crate::transmit::{Ack, FrameId, SendError, Transmit, TransmitError};
use crate::turn::Turn;
use crate::{Psdu, turn};
use sn_types::{Eui64, Instant};

/// A datagram that is being sent.
#[derive(Clone, Debug)]
pub(super) struct Outgoing<const PACKET: usize> {
    to: Address,
    cut: Cut,
    packet: [u8; PACKET],
    len: usize,
    /// How many octets of the packet have been sent.
    sent: usize,
    /// The frame that is to be sent again octet by octet, since perhaps only its acknowledgement was lost (IEEE
    /// 802.15.4-2011 §5.1.6.4); and how much of the packet has been sent with it.
    frame: Option<(Psdu, usize)>,
    turn: Turn,
}

/// The frame that the radio has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InFlight {
    /// Of the datagram, this much of which has been sent if it arrives.
    Data { id: FrameId, sent: usize },
    /// A data request.
    Request { id: FrameId },
    /// Who is in reach.
    Question { id: FrameId },
}

impl InFlight {
    const fn id(self) -> FrameId {
        match self {
            Self::Data { id, .. } | Self::Request { id } | Self::Question { id } => id,
        }
    }
}

impl<K: Keys, const PACKET: usize> Leaf<K, PACKET> {
    /// Sends a datagram to the gateway, or to all that listen: a search for a gateway.
    ///
    /// # Errors
    /// [`SendError::Full`] while one is being sent, [`SendError::TooLong`].
    pub fn send(&mut self, to_all: bool, datagram: &[u8]) -> Result<(), SendError> {
        if self.outgoing.is_some() {
            return Err(SendError::Full);
        }
        let (station, carriage) = (&self.config.station, self.config.carriage);
        let way = Way { from: station.eui64, to: self.config.gateway, to_all, direction: Direction::Up };
        let to = if to_all { Address::ALL } else { self.config.gateway_address() };
        let mut packet = [0; PACKET];
        let (head, len) = carriage.pack(way, datagram, &mut packet).ok_or(SendError::TooLong)?;
        let full = len + usize::from(head.full) - usize::from(head.compressed);
        let fits = len <= station.room(to, self.own_address(), self.route(to));
        if !fits && (to_all || !self.config.fragment || full > PACKET) {
            return Err(SendError::TooLong);
        }
        self.tag = self.tag.wrapping_add(1);
        let cut = Cut { head, tag: self.tag };
        self.outgoing = Some(Outgoing { to, cut, packet, len, sent: 0, frame: None, turn: Turn::NOW });
        Ok(())
    }

    /// Asks the gateway for what waits there, after what is being sent. If the acknowledgement says that something does,
    /// listen for a frame.
    pub const fn request(&mut self) {
        self.requests = true;
    }

    /// Whether something is being sent.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.outgoing.is_some() || self.requests || self.asks || self.in_flight.is_some()
    }

    /// Until when a frame that did not arrive waits for the next round of the radio, which may be off meanwhile; `None` if
    /// none does. Then call [`Leaf::handle_timeout`].
    #[must_use]
    pub fn rests_until(&self) -> Option<Instant> {
        self.outgoing.as_ref().and_then(|outgoing| outgoing.turn.not_before())
    }

    /// The next frame; `None` if there is none, the radio has one already, it rests, or there is no frame counter.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        if self.in_flight.is_some() {
            return None;
        }
        if self.asks {
            return self.ask();
        }
        if self.rests_until().is_some() {
            return None;
        }
        let next_hop = Some(self.parent.unwrap_or(self.config.gateway));
        let (psdu, to, in_flight) = if let Some(outgoing) = &self.outgoing {
            let to = next_hop.filter(|_| outgoing.to != Address::ALL);
            let kept = outgoing.frame.clone();
            let (psdu, sent) = kept.or_else(|| self.fresh_frame())?;
            (psdu, to, InFlight::Data { id: FrameId(self.id), sent })
        } else if self.requests {
            (self.data_request()?, next_hop, InFlight::Request { id: FrameId(self.id) })
        } else {
            return None;
        };
        Some(self.give(psdu, to, in_flight))
    }

    /// The datagram's next frame, and how much of the packet has been sent with it.
    fn fresh_frame(&mut self) -> Option<(Psdu, usize)> {
        let outgoing = self.outgoing.as_ref()?;
        let (to, route) = (outgoing.to, self.route(outgoing.to));
        let room = self.config.station.room(to, self.own_address(), route);
        let (payload, sent) = outgoing.cut.next(&outgoing.packet[..outgoing.len], outgoing.sent, room);
        let psdu = self.frame(Kind::Data, to, route, payload.as_bytes())?;
        self.broadcasts = self.broadcasts.wrapping_add(u8::from(matches!(route, Route::Flood(_))));
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.frame = Some((psdu.clone(), sent));
        }
        Some((psdu, sent))
    }

    fn data_request(&mut self) -> Option<Psdu> {
        let to = self.parent.map_or(self.config.gateway_address(), Address::Extended);
        self.frame(Kind::Command, to, Route::Direct, &[DATA_REQUEST])
    }

    /// A frame with a number of its own; `None` if there is no frame counter. What can never be a frame is given up.
    fn frame(&mut self, kind: Kind, to: Address, route: Route, payload: &[u8]) -> Option<Psdu> {
        let mut station = self.config.station;
        // A router has no key to check a data request with.
        let is_for_router = kind == Kind::Command && self.parent.is_some();
        station.security = station.security.filter(|_| !is_for_router);
        let envelope =
            Envelope { kind, to, from: self.own_address(), route, sequence: self.sequence, frame_pending: false };
        match station.frame(envelope, Some(self.config.gateway), &mut self.keys, payload) {
            Ok(psdu) => {
                self.sequence = self.sequence.wrapping_add(1);
                Some(psdu)
            }
            Err(Unsealed::NoCounter) => None,
            Err(Unsealed::NoKey | Unsealed::TooLong) => {
                (self.outgoing, self.requests) = (None, false);
                None
            }
        }
    }

    fn ask(&mut self) -> Option<Transmit> {
        let request = Talk::Request { gateway: self.config.gateway };
        let psdu = request.frame(self.config.station, None, self.sequence).ok()?;
        self.sequence = self.sequence.wrapping_add(1);
        self.asks = false;
        Some(self.give(psdu, None, InFlight::Question { id: FrameId(self.id) }))
    }

    /// The radio has this frame from now on.
    fn give(&mut self, psdu: Psdu, to: Option<Eui64>, in_flight: InFlight) -> Transmit {
        self.id += 1;
        self.in_flight = Some(in_flight);
        Transmit { id: in_flight.id(), psdu, to }
    }

    /// Takes the fate of a frame. One of a datagram that did not arrive is sent again as the same frame, for if only the
    /// acknowledgement was lost the gateway knows it: after a pause, and up to three times in all, as long as somebody
    /// acknowledged what was sent before. After that its datagram is given up: who sent it does so again.
    pub fn handle_transmitted(&mut self, now: Instant, id: FrameId, result: Result<Ack, TransmitError>) {
        let Some(in_flight) = self.in_flight.take_if(|in_flight| in_flight.id() == id) else { return };
        match (in_flight, result) {
            (InFlight::Data { .. }, Err(why)) => self.try_again(now, why),
            (InFlight::Data { sent, .. }, Ok(_)) => {
                self.count(result);
                self.arrived(sent);
            }
            (InFlight::Request { .. }, _) => {
                self.count(result);
                self.requests = false;
            }
            (InFlight::Question { .. }, _) => self.count(result),
        }
    }

    /// So much of the packet has been sent.
    fn arrived(&mut self, sent: usize) {
        let Some(outgoing) = &mut self.outgoing else { return };
        (outgoing.sent, outgoing.frame, outgoing.turn) = (sent, None, Turn::NOW);
        if sent >= outgoing.len {
            self.outgoing = None;
            self.unanswered = self.unanswered.saturating_add(self.parent.is_some().into());
        }
    }

    fn try_again(&mut self, now: Instant, why: TransmitError) {
        let chance = turn::chance(self.config.station.eui64, self.sequence, self.id);
        // Another parent was chosen meanwhile: nothing was tried on the way there yet.
        let Some(outgoing) = self.outgoing.as_mut().filter(|outgoing| outgoing.frame.is_some()) else { return };
        outgoing.turn.rest(now, chance);
        // Whom nobody hears spares its battery.
        let is_in_vain = why == TransmitError::NoAck && self.unacknowledged > 0;
        if is_in_vain || outgoing.turn.is_spent() {
            self.outgoing = None;
            self.count(Err(why));
        }
    }

    const fn count(&mut self, result: Result<Ack, TransmitError>) {
        self.unacknowledged = match result {
            Ok(_) => 0,
            Err(TransmitError::NoAck) => self.unacknowledged.saturating_add(1),
            Err(TransmitError::ChannelAccess) => self.unacknowledged,
        };
    }

    /// What is being sent goes another way from now on.
    pub(super) fn redirect(&mut self) {
        if let Some(outgoing) = &mut self.outgoing {
            (outgoing.frame, outgoing.turn) = (None, Turn::NOW);
        }
    }

    /// Lets go what rested until now.
    pub(super) fn wake(&mut self, now: Instant) {
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.turn.wake(now);
        }
    }
}
