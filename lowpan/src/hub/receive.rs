//! Frames that the radio hears.

use super::Hub;
use super::nodes::Before;
use super::queues::Source;
use crate::assembly::{Added, Assembly};
use crate::carriage::{Direction, Meaning, Way, interpret};
use crate::mac::{Address, DATA_REQUEST, Kind};
use crate::parent::{Audience, Talk};
use crate::received::{Piece, Received, UNFOLDED, unfold};
use crate::security::Keys;
use crate::station::Opened;
use crate::{Eui64, Reason};
use alloc::vec;
use alloc::vec::Vec;
use sn_types::{Instant, Signal};

/// Neighbours that wait for an answer at most.
const ASKED: usize = 16;

/// What becomes of a frame before its packet is read.
enum Step {
    /// A whole packet is in [`Hub::packet`].
    Packet,
    Fragment,
    DataRequest,
}

impl<K: Keys> Hub<K> {
    /// Takes a frame without check sequence, and says what it brought.
    pub fn handle_frame(&mut self, now: Instant, psdu: &[u8], signal: Signal) -> Received<'_> {
        self.stats.frames_heard += 1;
        let claim = match self.config.station.identify(psdu, None) {
            Ok(claim) => claim,
            Err(reason) => return self.reject(None, reason),
        };
        let from = claim.from;
        if let Some(talk) = Talk::of(&claim) {
            return self.answer_neighbour(now, from, talk, signal);
        }
        // Before its counter is looked at, which it shares with the frame that it is a copy of.
        if self.nodes.is_copy(now, &claim) {
            return self.reject(Some(from), Reason::Duplicate);
        }
        let opened = match self.config.station.open(claim, &mut self.keys) {
            Ok(opened) => opened,
            Err(reason) => return self.reject(Some(from), reason),
        };
        let before = self.keys.way(from);
        let carriage = before.udp_port.map(|port| self.config.carriages.to(Some(port)));
        self.nodes.make_room(from, self.config.limits.nodes);
        if self.nodes.heard(now, &opened, signal, Before { router: before.router, carriage }) {
            self.queues.redirect(from);
        }
        match self.take(now, &opened) {
            Ok(Step::Packet) => self.read(now, &opened),
            Ok(Step::Fragment) => Received::Fragment { from },
            Ok(Step::DataRequest) => {
                self.stats.polls += 1;
                self.nodes.polled(now, from);
                self.queues.polled(now, from, self.serial_in_flight());
                Received::DataRequest { from }
            }
            Err(reason) => self.reject(Some(from), reason),
        }
    }

    /// The radio has acknowledged the data request that this node has just sent without "frame pending": so the node listens
    /// no longer, whatever waits for it since then, and is served after its next one. That a radio has not told is no reason.
    pub fn sleeps_on(&mut self, node: Eui64) {
        self.queues.served(Source::Polled(node));
    }

    fn take(&mut self, now: Instant, opened: &Opened) -> Result<Step, Reason> {
        let payload = opened.payload();
        match (opened.header.kind, payload.first()) {
            (_, None) => Err(Reason::Empty),
            (Kind::Command, Some(&DATA_REQUEST)) => Ok(Step::DataRequest),
            (Kind::Command, Some(_)) => Err(Reason::Command),
            (Kind::Data, Some(_)) => self.take_data(now, opened),
        }
    }

    fn take_data(&mut self, now: Instant, opened: &Opened) -> Result<Step, Reason> {
        let mut room = UNFOLDED;
        match unfold(opened.payload(), self.way(opened), &mut room)? {
            Piece::Whole(packet) => {
                self.packet.clear();
                self.packet.extend_from_slice(packet);
                Ok(Step::Packet)
            }
            Piece::Part { size, tag, offset, octets } => {
                match self.assembly(now, opened.from, size, tag)?.add(offset, octets)? {
                    Added::Incomplete => Ok(Step::Fragment),
                    Added::Complete => {
                        self.packet.clear();
                        if let Some(assembly) = self.assemblies.remove(&opened.from) {
                            self.packet.extend_from_slice(assembly.octets());
                        }
                        Ok(Step::Packet)
                    }
                }
            }
        }
    }

    /// The packet that a fragment is of. A node puts together one at a time: a fragment of another one means that it has
    /// given up what it sent before.
    fn assembly(&mut self, now: Instant, from: Eui64, size: u16, tag: u16) -> Result<&mut Assembly<Vec<u8>>, Reason> {
        if size > self.config.limits.packet {
            return Err(Reason::TooLong);
        }
        let is_known = self.assemblies.get(&from).is_some_and(|known| known.is_of(size, tag));
        if !is_known {
            self.stats.incomplete += u64::from(self.assemblies.remove(&from).is_some());
            if self.assemblies.len() >= self.config.limits.assemblies {
                return Err(Reason::ReassemblyFull);
            }
            let fresh = Assembly::new(vec![0; usize::from(size)], size, tag, now).ok_or(Reason::TooLong)?;
            self.assemblies.insert(from, fresh);
        }
        self.assemblies.get_mut(&from).ok_or(Reason::ReassemblyFull)
    }

    /// Reads the packet in [`Hub::packet`].
    fn read(&mut self, now: Instant, opened: &Opened) -> Received<'_> {
        let (from, way) = (opened.from, self.way(opened));
        let (carriage, at) = match interpret(&self.packet, way) {
            Ok(Meaning::Datagram { carriage, at }) => (carriage, at),
            Ok(Meaning::Solicitation) => return self.answer_solicitation(now, from),
            Err(reason) => return self.reject(Some(from), reason),
        };
        if let Err(reason) = self.config.carriages.check(carriage) {
            return self.reject(Some(from), reason);
        }
        self.stats.datagrams_heard += 1;
        if let Some(node) = self.nodes.get_mut(from) {
            node.carriage = Some(carriage);
        }
        let octets = self.packet.get(at..).unwrap_or_default();
        Received::Datagram { from, carriage, to_all: way.to_all, octets }
    }

    fn way(&self, opened: &Opened) -> Way {
        Way {
            from: opened.from,
            to: self.config.station.eui64,
            to_all: opened.header.to == Address::ALL,
            direction: Direction::Up,
        }
    }

    fn reject(&mut self, from: Option<Eui64>, reason: Reason) -> Received<'_> {
        self.stats.reject(reason);
        Received::Rejected { from, reason }
    }

    fn answer_solicitation(&mut self, now: Instant, from: Eui64) -> Received<'_> {
        if self.config.carriages.udp().is_none() {
            return self.reject(Some(from), Reason::Carriage);
        }
        self.advertise(now, from);
        Received::Solicitation { from }
    }

    /// Who asks has no key yet that would prove anything, and nothing is remembered of it but that it is to be answered.
    fn answer_neighbour(&mut self, now: Instant, from: Eui64, talk: Talk, signal: Signal) -> Received<'_> {
        match talk {
            Talk::Request { gateway } | Talk::Better { gateway, .. } if gateway == self.config.station.eui64 => {
                self.line_up_answer(now, from, signal);
            }
            Talk::Request { .. } | Talk::Better { .. } | Talk::Offer(_) => {}
        }
        Received::Neighbour { from }
    }

    fn line_up_answer(&mut self, now: Instant, to: Eui64, signal: Signal) {
        if self.asked.iter().any(|(known, _)| *known == to) {
            return;
        }
        match self.unheard.audience(now) {
            Audience::One if self.asked.len() < ASKED => self.asked.push_back((to, signal.rssi_dbm)),
            Audience::All => self.announce(),
            Audience::One | Audience::Nobody => self.stats.unanswered += 1,
        }
    }

    /// Where what is for this node waits: never before what waits already.
    pub(super) fn line_of(&self, node: Eui64) -> Source {
        let polls = self.nodes.get(node).is_some_and(|node| node.polls);
        if polls || self.queues.awaits(node) { Source::Polled(node) } else { Source::Direct }
    }
}
