//! A gateway whose frames are made and read outside of the simulation: a radio co-processor's, whose host is a real gateway.
//!
//! The simulated MAC does for it what a radio does by itself: backoff, acknowledgements, repetitions, the filter for its own
//! address. What differs from the other stations: its frames come as octets, are taken as octets, and copies are
//! handed on, as radios do.

use super::Radio;
use super::air::StationId;
use super::frame::{self, FCS_LEN};
use super::mac::Outgoing;
use super::plan::Station;
use crate::medium::GatewayIndex;
use sn_types::Instant;
use spinel_device::{Address, Pending};
use std::collections::VecDeque;

/// What the air has for the outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromAir {
    /// A frame for the gateway, or for all.
    Heard {
        /// From frame control to check sequence.
        psdu: Vec<u8>,
        /// How strong it was.
        rssi_dbm: i8,
    },
    /// What became of the gateway's own frame.
    Sent(Fate),
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was acknowledged, or went to all.
    Done,
    /// Nobody has acknowledged it.
    NoAck,
    /// The channel was never clear.
    ChannelBusy,
}

/// The gateway, and what has happened to it.
#[derive(Debug)]
pub(super) struct Outside {
    station: StationId,
    /// Who is told that something waits when it asks.
    pending: Pending<MATCHES>,
    news: VecDeque<FromAir>,
}

/// Nodes in the list of those for whom something waits, as on an nRF52840.
pub const MATCHES: usize = 10;
/// News that may wait; beyond, the oldest are dropped: nobody takes them.
const MOST_NEWS: usize = 1_000;

impl Radio {
    /// From now on the frames of this gateway come from outside. To be called before anything has happened; routers, if
    /// there are any, begin to look for it.
    ///
    /// # Panics
    /// If there is no such gateway.
    pub fn hand_over(&mut self, gateway: GatewayIndex) {
        let station = self.known(Station::Gateway(gateway));
        self.outside = Some(Outside { station, pending: Pending::nobody(), news: VecDeque::new() });
        self.start_routers(gateway);
        self.assign_parents(gateway);
    }

    /// The address of a gateway, most significant octet first.
    #[must_use]
    pub const fn gateway_address(gateway: GatewayIndex) -> [u8; 8] {
        frame::eui64(Station::Gateway(gateway))
    }

    /// Sends a frame of the gateway outside, from frame control to check sequence, which is made here. [`FromAir::Sent`]
    /// follows; one at a time.
    pub fn send_from_outside(&mut self, now: Instant, psdu: &[u8]) {
        self.send(now, psdu, false);
    }

    /// The same for a frame that its receiver has just asked for: the first look at the channel comes at once, as our
    /// dongle's firmware has it.
    pub fn reply_from_outside(&mut self, now: Instant, psdu: &[u8]) {
        self.send(now, psdu, true);
    }

    fn send(&mut self, now: Instant, psdu: &[u8], is_reply: bool) {
        let Some(station) = self.outside.as_ref().map(|outside| outside.station) else { return };
        let Some(octets) = psdu.len().checked_sub(FCS_LEN).map(|len| &psdu[..len]) else { return };
        let to = match frame::receiver(octets) {
            Some(frame::Receiver::All) => None,
            Some(frame::Receiver::One(address)) => {
                match frame::station_of(address).and_then(|station| self.roster.id(station)) {
                    Some(to) => Some(to),
                    // Somebody who is not in reach.
                    None => return self.tell(Fate::NoAck),
                }
            }
            Some(frame::Receiver::Named(_)) | None => return self.tell(Fate::NoAck),
        };
        self.enqueue(now, station, Outgoing { is_reply, ..Outgoing::new(octets.to_vec(), to) });
    }

    /// Whether the gateway outside listens.
    pub fn listen_outside(&mut self, now: Instant, on: bool) {
        if let Some(station) = self.outside.as_ref().map(|outside| outside.station) {
            self.set_listening(now, station, on);
        }
    }

    /// Whom the gateway's radio tells from now on that something waits, in the acknowledgement of a data request, which the
    /// host would be too slow for. At first nobody.
    pub fn set_pending(&mut self, pending: Pending<MATCHES>) {
        if let Some(outside) = &mut self.outside {
            outside.pending = pending;
        }
    }

    /// Whether a station's acknowledgement of a frame says that something waits.
    pub(super) fn says_pending(&self, at: StationId, psdu: &[u8]) -> bool {
        let octets = psdu.split_last_chunk::<FCS_LEN>().map(|(octets, _)| octets);
        let Some(node) = octets.and_then(frame::data_request) else { return false };
        let outside = self.outside.as_ref().filter(|outside| outside.station == at);
        outside.map_or_else(
            || self.router_says_pending(at, node),
            |outside| outside.pending.is_for(Address::Extended(node)),
        )
    }

    /// What has happened to the gateway outside, one after the other.
    pub fn poll_outside(&mut self) -> Option<FromAir> {
        self.outside.as_mut()?.news.pop_front()
    }

    /// Whether frames at this station are read outside; if so, it is told of this one.
    pub(super) fn is_heard_outside(&mut self, at: StationId, psdu: &[u8]) -> bool {
        if self.outside.as_ref().is_none_or(|outside| outside.station != at) {
            return false;
        }
        let rssi_dbm = self.rssi_dbm(at, psdu).unwrap_or(-128);
        self.push(FromAir::Heard { psdu: psdu.to_vec(), rssi_dbm });
        true
    }

    /// How strong a frame is at a station.
    pub(super) fn rssi_dbm(&self, at: StationId, psdu: &[u8]) -> Option<i8> {
        let from = frame::sender(psdu).and_then(|from| self.roster.id(frame::station_of(from)?))?;
        let link = self.air.links(from).iter().find(|link| link.to == at)?;
        Some((link.rssi_tenths / 10).clamp(-127, 127) as i8)
    }

    /// A station is done with the frame at the front of its queue; `frame_pending`: the acknowledgement says so.
    pub(super) fn tell_fate(&mut self, now: Instant, of: StationId, fate: Fate, frame_pending: bool) {
        self.tell_leaf(now, of, fate, frame_pending);
        if self.outside.as_ref().is_some_and(|outside| outside.station == of) {
            self.tell(fate);
        } else {
            self.tell_router(now, of, fate);
        }
    }

    fn tell(&mut self, fate: Fate) {
        self.push(FromAir::Sent(fate));
    }

    fn push(&mut self, news: FromAir) {
        if let Some(outside) = &mut self.outside {
            if outside.news.len() == MOST_NEWS {
                outside.news.pop_front();
            }
            outside.news.push_back(news);
        }
    }
}
