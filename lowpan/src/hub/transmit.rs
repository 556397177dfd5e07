//! Frames that go to the radio.

use super::Hub;
use super::queues::{Kept, Place, Source, Waiting};
use crate::carriage::{Carriage, Direction, Head, Way};
use crate::fragment::Cut;
use crate::mac::{Address, Kind};
use crate::mesh::Route;
use crate::parent::{Offer, Talk};
use crate::security::Keys;
use crate::station::{Envelope, Unsealed};
use crate::transmit::{Ack, FrameId, SendError, SourceMatch, Transmit, TransmitError};
use crate::turn::Turn;
use crate::{Eui64, LinkKey, Psdu, sixlowpan, turn};
use alloc::vec;
use alloc::vec::Vec;
use sn_types::Instant;

/// In which form a datagram goes.
#[derive(Clone, Copy, Debug)]
struct Form {
    carriage: Carriage,
    head: Head,
    /// It goes to all, and routers pass it on.
    floods: bool,
}

/// In the place of a datagram's number, of a frame that tells who takes frames.
const NO_DATAGRAM: u64 = 0;

/// The frame that the radio has.
#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight {
    id: FrameId,
    pub(super) source: Source,
    /// Of which datagram it is.
    pub(super) serial: u64,
    /// How much of that has been sent if it arrives.
    sent: usize,
}

impl<K: Keys> Hub<K> {
    /// Sends a datagram to a node, in the form in which that was last heard. It goes at once, or waits for the node's poll
    /// if the node is one that polls.
    ///
    /// # Errors
    /// [`SendError`]; except for [`SendError::UnknownNode`] it has been counted.
    pub fn send(&mut self, now: Instant, to: Eui64, datagram: &[u8]) -> Result<(), SendError> {
        if !self.may_hear(to) {
            return Err(SendError::UnknownNode);
        }
        let heard = self.nodes.get(to).and_then(|node| node.carriage);
        let carriage = heard.unwrap_or_else(|| self.config.carriages.to(self.keys.way(to).udp_port));
        let way = Way { from: self.config.station.eui64, to, to_all: false, direction: Direction::Down };
        self.enqueue(now, way, carriage, false, datagram)
    }

    /// Sends a datagram to all nodes that listen, once in each form that is configured; and once more for routers to pass
    /// on, if there are any.
    ///
    /// # Errors
    /// [`SendError`]: such a datagram is not cut, and not sent where there is link security.
    pub fn broadcast(&mut self, now: Instant, datagram: &[u8]) -> Result<(), SendError> {
        if self.config.station.security.is_some() {
            return Err(SendError::NoGroupKey);
        }
        let from = self.config.station.eui64;
        let way = Way { from, to: from, to_all: true, direction: Direction::Down };
        let carriages = [self.config.carriages.bare(), self.config.carriages.udp()];
        let floods: &[bool] = if self.nodes.has_routers() { &[false, true] } else { &[false] };
        let each =
            carriages.into_iter().flatten().flat_map(|carriage| floods.iter().map(move |floods| (carriage, *floods)));
        each.into_iter().try_for_each(|(carriage, floods)| self.enqueue(now, way, carriage, floods, datagram))
    }

    /// The next frame; `None` if there is none, the radio has one already, or there is no frame counter. In the last
    /// case call it again when there are some; what waits for too long is given up.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        if self.in_flight.is_some() {
            return None;
        }
        // In turns: who asks, or forges that others do, does not keep datagrams waiting.
        if self.answered {
            self.of_datagram().or_else(|| self.offer())
        } else {
            self.offer().or_else(|| self.of_datagram())
        }
    }

    /// The next frame of a datagram.
    fn of_datagram(&mut self) -> Option<Transmit> {
        while let Some(source) = self.queues.next() {
            match self.next_frame(source) {
                Ok(transmit) => return Some(transmit),
                Err(Unsealed::NoCounter) => return None,
                Err(Unsealed::NoKey | Unsealed::TooLong) => {
                    self.stats.unsealed += 1;
                    self.queues.pop(source);
                }
            }
        }
        None
    }

    /// Takes the fate of a frame. One that did not arrive is sent again as the same frame, for if only the acknowledgement was
    /// lost the node knows it: at the next poll if the node polls, else after a pause, and then up to three times in all. After
    /// that its datagram is given up.
    pub fn handle_transmitted(&mut self, now: Instant, id: FrameId, result: Result<Ack, TransmitError>) {
        let Some(in_flight) = self.in_flight.take_if(|in_flight| in_flight.id == id) else { return };
        let place = self.queues.find(in_flight.source, in_flight.serial);
        match (result, in_flight.source, place) {
            (Ok(_), _, place) => {
                self.stats.frames_sent += 1;
                let found = place.and_then(|place| Some((place, self.queues.get_mut(place)?)));
                let Some((place, waiting)) = found else { return };
                (waiting.sent, waiting.frame, waiting.turn) = (in_flight.sent, None, Turn::NOW);
                if waiting.is_sent() {
                    self.stats.datagrams_sent += 1;
                    self.queues.remove(place);
                }
            }
            (Err(why), Source::Direct, Some(place)) => self.try_again(now, place, why),
            (Err(TransmitError::NoAck), Source::Direct, None) if in_flight.serial == NO_DATAGRAM => {
                self.unheard.note(now)
            }
            (Err(_), Source::Polled(_), _) | (Err(_), Source::Direct, None) => {}
        }
    }

    /// What nobody had polled for did not arrive.
    fn try_again(&mut self, now: Instant, place: Place, why: TransmitError) {
        let chance = turn::chance(self.config.station.eui64, self.sequence, self.serial);
        let Some(waiting) = self.queues.get_mut(place) else { return };
        // Its node has moved meanwhile: nothing was tried on its way there yet.
        if waiting.frame.is_none() {
            return;
        }
        waiting.turn.rest(now, chance);
        let (is_spent, node) = (waiting.turn.is_spent(), waiting.node);
        match node.filter(|node| self.line_of(*node) != Source::Direct) {
            Some(node) => self.queues.hold(node, None),
            None if is_spent => {
                self.count_failure(why);
                self.queues.remove(place);
            }
            None => {}
        }
    }

    /// A change of the radio's source match table; `None` if it is as it should be.
    pub fn poll_source_match(&mut self) -> Option<SourceMatch> {
        self.queues.take_change().map(|(node, pending)| SourceMatch { node, pending })
    }

    /// All that is to be in the radio's source match table, for one that has been reset.
    pub fn source_match(&self) -> impl Iterator<Item = Eui64> {
        self.queues.awaited()
    }

    /// Answers a neighbour solicitation. If too much waits, the node will ask again.
    pub(super) fn advertise(&mut self, now: Instant, to: Eui64) {
        let way = Way { from: self.config.station.eui64, to, to_all: false, direction: Direction::Down };
        let mut packet = vec![0; crate::MAX_PSDU];
        if let Some((head, len)) = sixlowpan::advertise(way, &mut packet) {
            packet.truncate(len);
            let carriage = Carriage::Udp { node: 0, gateway: 0 };
            // It is counted if there is no room.
            let _ = self.line_up(now, way, Form { carriage, head, floods: false }, packet);
        }
    }

    fn enqueue(
        &mut self,
        now: Instant,
        way: Way,
        carriage: Carriage,
        floods: bool,
        datagram: &[u8],
    ) -> Result<(), SendError> {
        let longest = usize::from(self.config.limits.packet);
        let mut packet = vec![0; (datagram.len() + carriage.full_overhead()).min(longest)];
        let packed = carriage.pack(way, datagram, &mut packet);
        let form = packed.map(|(head, len)| (Form { carriage, head, floods }, len));
        let Some((form, len)) = form.filter(|(form, len)| self.fits(way, *form, *len)) else {
            self.stats.too_long += 1;
            return Err(SendError::TooLong);
        };
        packet.truncate(len);
        self.line_up(now, way, form, packet)
    }

    /// Whether a packet goes in one frame, or in fragments if it may.
    fn fits(&self, way: Way, form: Form, len: usize) -> bool {
        let Form { carriage, head, floods } = form;
        let node = (!way.to_all).then_some(way.to);
        let to = node.map_or(Address::ALL, Address::Extended);
        let full = len + usize::from(head.full) - usize::from(head.compressed);
        len <= self.config.station.room(to, self.config.source(carriage), self.route(node, floods))
            || (self.config.fragment && !way.to_all && full <= usize::from(self.config.limits.packet))
    }

    /// How a frame gets to this node as it was last heard, or to all.
    fn route(&self, node: Option<Eui64>, floods: bool) -> Route {
        match node.map(|node| self.router_of(node)) {
            Some(Some(router)) => Route::Via(router),
            None if floods => Route::Flood(self.broadcasts),
            Some(None) | None => Route::Direct,
        }
    }

    fn router_of(&self, node: Eui64) -> Option<Eui64> {
        match self.nodes.get(node) {
            Some(heard) => heard.via.map(|relay| relay.router),
            None => self.keys.way(node).router,
        }
    }

    fn line_up(&mut self, now: Instant, way: Way, form: Form, packet: Vec<u8>) -> Result<(), SendError> {
        let node = (!way.to_all).then_some(way.to);
        let source = node.map_or(Source::Direct, |node| self.line_of(node));
        self.tag = self.tag.wrapping_add(1);
        self.serial += 1;
        let Form { carriage, head, floods } = form;
        let cut = Cut { head, tag: self.tag };
        let until = now + self.config.limits.waiting_for;
        let (serial, sent, frame, turn, since) = (self.serial, 0, None, Turn::NOW, now);
        let waiting = Waiting { serial, node, carriage, floods, cut, packet, sent, frame, turn, since, until };
        self.queues.push(source, waiting, &self.config.limits).map_err(|_| {
            self.stats.full += 1;
            SendError::Full
        })
    }

    /// What all are told, or a station that looks for one that takes its frames: that this one does.
    fn offer(&mut self) -> Option<Transmit> {
        let (to, heard_dbm) = match core::mem::take(&mut self.announces) {
            true => (None, None),
            false => self.asked.pop_front().map(|(to, heard_dbm)| (Some(to), heard_dbm))?,
        };
        let station = self.config.station;
        let offer = Talk::Offer(Offer { gateway: station.eui64, depth: 0, heard_dbm });
        let psdu = offer.frame(station, to, self.sequence).ok()?;
        self.sequence = self.sequence.wrapping_add(1);
        self.serial += 1;
        let id = FrameId(self.serial);
        self.answered = true;
        self.in_flight = Some(InFlight { id, source: Source::Direct, serial: NO_DATAGRAM, sent: 0 });
        Some(Transmit { id, psdu, to })
    }

    fn next_frame(&mut self, source: Source) -> Result<Transmit, Unsealed> {
        // Whoever named the source has seen that something waits there.
        let (waiting, _) = self.queues.front(source).ok_or(Unsealed::TooLong)?;
        let (serial, to) = (waiting.serial, waiting.node);
        let (psdu, sent) = match waiting.frame.clone() {
            Some(Kept { psdu, sent, key }) if key == self.key_of(to) => (psdu, sent),
            Some(_) | None => self.fresh_frame(source)?,
        };
        self.serial += 1;
        let id = FrameId(self.serial);
        self.in_flight = Some(InFlight { id, source, serial, sent });
        self.queues.served(source);
        self.answered = false;
        Ok(Transmit { id, psdu, to })
    }

    /// A frame with a number of its own, and how much of its packet has been sent with it.
    fn fresh_frame(&mut self, source: Source) -> Result<(Psdu, usize), Unsealed> {
        let (waiting, others_wait) = self.queues.front(source).ok_or(Unsealed::TooLong)?;
        let (to, from) = (waiting.address(), self.config.source(waiting.carriage));
        let (node, route) = (waiting.node, self.route(waiting.node, waiting.floods));
        let room = self.config.station.room(to, from, route);
        let (payload, sent) = waiting.cut.next(&waiting.packet, waiting.sent, room);
        let is_last = sent >= waiting.packet.len();
        let frame_pending = matches!(source, Source::Polled(_)) && (others_wait || !is_last);
        let envelope = Envelope { kind: Kind::Data, to, from, route, sequence: self.sequence, frame_pending };
        let psdu = self.config.station.frame(envelope, node, &mut self.keys, payload.as_bytes())?;
        self.sequence = self.sequence.wrapping_add(1);
        self.broadcasts = self.broadcasts.wrapping_add(u8::from(matches!(route, Route::Flood(_))));
        let key = self.key_of(node);
        if let Some(waiting) = self.queues.front_mut(source) {
            waiting.frame = Some(Kept { psdu: psdu.clone(), sent, key });
        }
        Ok((psdu, sent))
    }

    /// With which key frames to a node are secured, if they are.
    fn key_of(&self, node: Option<Eui64>) -> Option<LinkKey> {
        node.filter(|_| self.config.station.security.is_some()).and_then(|node| self.keys.key(node).copied())
    }

    fn may_hear(&self, node: Eui64) -> bool {
        self.config.station.security.is_none() || self.keys.key(node).is_some()
    }

    const fn count_failure(&mut self, why: TransmitError) {
        match why {
            TransmitError::NoAck => self.stats.no_ack += 1,
            TransmitError::ChannelAccess => self.stats.channel_access += 1,
        }
    }
}
