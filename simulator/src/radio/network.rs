//! Datagrams over several hops.

use super::air::StationId;
use super::frame::{self, BROADCAST_HEADER, Eui64, FCS_LEN, UNICAST_HEADER};
use super::lowpan::{self, MULTICAST_HEADERS, MULTICAST_MESH, Mesh, Target, UNICAST_HEADERS, UNICAST_MESH};
use super::mac::Outgoing;
use super::phy::Phy;
use super::plan::Station;
use super::{Happening, Radio};
use crate::chance::happens;
use crate::medium::Arrival;
use sn_types::{Instant, LinkAddr};
use std::time::Duration;

/// How often a frame for one station may be sent: one hop more needs an octet more in the mesh header.
const MAX_HOPS: u8 = 14;
/// How often a broadcast to the whole network may be passed on.
const WHOLE_NETWORK: u8 = 255;

/// The PAN of a channel.
pub(super) const fn pan(channel: u8) -> u16 {
    0x5300 | channel as u16
}

/// The longest datagram that fits a frame, with routers or without.
pub(crate) fn longest_datagram(phy: Phy, is_mesh: bool) -> usize {
    mtu(phy.timing().max_psdu, is_mesh).into()
}

/// The longest datagram that fits a frame in both ways, to one and to all.
pub(super) fn mtu(max_psdu: usize, is_mesh: bool) -> u16 {
    let to_one = UNICAST_HEADER + UNICAST_HEADERS + if is_mesh { UNICAST_MESH } else { 0 };
    let to_all = BROADCAST_HEADER + MULTICAST_HEADERS + if is_mesh { MULTICAST_MESH } else { 0 };
    // A frame has at most 2,047 octets.
    (max_psdu - FCS_LEN - to_one.max(to_all)) as u16
}

impl Radio {
    /// A datagram from one station to another, one of which is a gateway.
    pub(super) fn send_to_one(&mut self, now: Instant, from: StationId, to: StationId, datagram: &[u8]) {
        self.stations[from].counters.datagrams += 1;
        let Some(next) = self.next_hop(from, from, to) else {
            self.stations[from].counters.no_route += 1;
            return;
        };
        let (originator, target) = (self.stations[from].address, self.stations[to].address);
        let packet = lowpan::compress(originator, Some(target), datagram);
        if next == to {
            self.send_frame(now, from, Some(next), &packet);
        } else {
            let mesh = Mesh { hops_left: MAX_HOPS, originator, target: Target::One(target) };
            self.send_frame(now, from, Some(next), &mesh.emit(&packet));
        }
    }

    /// A datagram to everybody within so many hops; 0 is the whole network.
    pub(super) fn send_to_all(&mut self, now: Instant, from: StationId, radius: u8, datagram: &[u8]) {
        let is_mesh = self.is_mesh;
        let station = &mut self.stations[from];
        station.counters.datagrams += 1;
        let originator = station.address;
        let packet = lowpan::compress(originator, None, datagram);
        if radius == 1 || !is_mesh {
            return self.send_frame(now, from, None, &packet);
        }
        station.broadcasts = station.broadcasts.wrapping_add(1);
        let target = Target::All { sequence: station.broadcasts };
        let hops_left = if radius == 0 { WHOLE_NETWORK } else { radius };
        self.send_frame(now, from, None, &Mesh { hops_left, originator, target }.emit(&packet));
    }

    /// The neighbour to whom `at` gives what goes from `from` to `to`.
    fn next_hop(&self, at: StationId, from: StationId, to: StationId) -> Option<StationId> {
        match (self.roster.station(from), self.roster.station(to)) {
            (_, Station::Gateway(gateway)) => self.routes.up(at, gateway),
            (Station::Gateway(gateway), _) => self.routes.down(gateway, at, to),
            (Station::Node(_) | Station::Router(_), Station::Node(_) | Station::Router(_)) => None,
        }
    }

    fn send_frame(&mut self, now: Instant, from: StationId, to: Option<StationId>, payload: &[u8]) {
        let to_address = to.map(|to| self.stations[to].address);
        let station = &mut self.stations[from];
        let header = if to.is_some() { UNICAST_HEADER } else { BROADCAST_HEADER };
        if header + payload.len() + FCS_LEN > self.timing.max_psdu {
            station.counters.too_long += 1;
            return;
        }
        station.sequence = station.sequence.wrapping_add(1);
        let sequence = station.sequence;
        let psdu = frame::data(pan(station.channel), sequence, station.address, to_address, payload);
        self.enqueue(now, from, Outgoing { psdu, sequence, to, is_reply: false });
    }

    /// A station has received a frame.
    pub(super) fn hear(&mut self, now: Instant, at: StationId, psdu: &[u8], is_repeated: bool) {
        if self.is_heard_outside(at, psdu) || self.is_heard_by_router(now, at, psdu) {
            return;
        }
        if self.leaves.contains_key(&at) {
            return self.hear_at_leaf(now, at, psdu);
        }
        if is_repeated && self.mac.drop_repeated {
            self.stations[at].counters.repeated += 1;
            return;
        }
        let Some((from, payload)) = frame::payload(psdu) else { return };
        let here = self.stations[at].address;
        match Mesh::parse(payload) {
            None => {
                let packet =
                    lowpan::decompress(from, Some(here), payload).or_else(|| lowpan::decompress(from, None, payload));
                self.arrive(now, at, from, packet);
            }
            Some((Mesh { originator, target: Target::One(target), .. }, packet)) if target == here => {
                self.arrive(now, at, originator, lowpan::decompress(originator, Some(here), packet));
            }
            Some((mesh @ Mesh { target: Target::One(target), .. }, packet)) => {
                self.forward(now, at, mesh, target, packet);
            }
            Some((mesh @ Mesh { target: Target::All { sequence }, .. }, packet)) => {
                if self.is_new_broadcast(at, mesh.originator, sequence) {
                    self.arrive(now, at, mesh.originator, lowpan::decompress(mesh.originator, None, packet));
                    self.flood(now, at, mesh, packet);
                }
            }
        }
    }

    /// A router passes on what is for somebody else.
    fn forward(&mut self, now: Instant, at: StationId, mesh: Mesh, target: Eui64, packet: &[u8]) {
        let hops_left = mesh.hops_left.saturating_sub(1);
        let id = |address| self.roster.id(frame::station_of(address)?);
        let next = id(mesh.originator).zip(id(target)).and_then(|(from, to)| self.next_hop(at, from, to));
        match next {
            Some(next) if hops_left > 0 => {
                self.send_frame(now, at, Some(next), &Mesh { hops_left, ..mesh }.emit(packet));
            }
            Some(_) | None => self.stations[at].counters.no_route += 1,
        }
    }

    /// Whether a station has not seen this broadcast. Numbers up to 127 back are old.
    fn is_new_broadcast(&mut self, at: StationId, originator: Eui64, sequence: u8) -> bool {
        let station = &mut self.stations[at];
        if station.address == originator {
            return false;
        }
        let last = station.heard.insert(originator, sequence);
        match last {
            Some(last) if sequence.wrapping_sub(last) as i8 <= 0 => {
                station.heard.insert(originator, last);
                false
            }
            Some(_) | None => true,
        }
    }

    /// A router passes a broadcast on, after a while.
    fn flood(&mut self, now: Instant, at: StationId, mesh: Mesh, packet: &[u8]) {
        let hops_left = mesh.hops_left.saturating_sub(1);
        match self.roster.station(at) {
            Station::Router(_) if hops_left > 0 => {
                let payload = Mesh { hops_left, ..mesh }.emit(packet);
                let after_us = self.rng.rand_range(0..u64::from(self.mac.flood_jitter_us) + 1);
                self.agenda.plan(now + Duration::from_micros(after_us), Happening::Flood { station: at, payload });
            }
            Station::Router(_) | Station::Node(_) | Station::Gateway(_) => {}
        }
    }

    pub(super) fn handle_flood(&mut self, now: Instant, at: StationId, payload: &[u8]) {
        self.send_frame(now, at, None, payload);
    }

    /// A datagram has come to where it should.
    fn arrive(&mut self, now: Instant, at: StationId, from: Eui64, datagram: Option<&[u8]>) {
        let Some(datagram) = datagram else { return };
        let (here, from_station) = (self.roster.station(at), frame::station_of(from));
        let gateway = match from_station {
            Some(Station::Gateway(gateway)) => Some(gateway),
            Some(Station::Node(_) | Station::Router(_)) | None => None,
        };
        let datagram = datagram.to_vec();
        let arrival = match here {
            Station::Gateway(gateway) => Arrival::AtGateway { gateway, from: LinkAddr::Eui64(from), datagram },
            Station::Node(node) => Arrival::AtNode { node, gateway, datagram },
            Station::Router(_) => return,
        };
        if happens(&mut self.rng, self.disturbance.duplicate_ppm) {
            self.deliver(now, arrival.clone());
        }
        self.deliver(now, arrival);
    }

    pub(super) fn deliver(&mut self, now: Instant, arrival: Arrival) {
        match self.disturbance.delay_us {
            0 => self.arrivals.push_back(arrival),
            delay_us => {
                let after_us = self.rng.rand_range(0..delay_us + 1);
                self.agenda.plan(now + Duration::from_micros(after_us), Happening::Arrive(arrival));
            }
        }
    }
}
