//! A node whose MAC is outside of the simulation: the radio of an emulated chip, and the firmware that drives it.
//!
//! Owns: when that node's frames are on the air, which frames for it begin and end, and how much power it hears. Must not
//! know: registers, backoffs, whether a frame is acknowledged: that is the firmware's. What is not for it is only power to it.

use super::Radio;
use super::air::{Fate, For, StationId};
use super::frame::{self, FCS_LEN, Receiver};
use super::plan::Station;
use super::{Happening, StationState};
use crate::energy::RadioState;
use crate::medium::NodeIndex;
use sn_types::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// What the air has for the chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnChip {
    /// The first symbol of a frame's preamble. If it comes before the last one has ended, that one is lost.
    Begins {
        /// From frame control to check sequence.
        psdu: Vec<u8>,
        /// How strong it is.
        rssi_dbm: i8,
    },
    /// The last symbol of that frame.
    Ends {
        /// The check sequence is right.
        is_whole: bool,
    },
    /// The last symbol of the chip's own frame.
    Sent,
}

/// The chip, and what has happened to it.
#[derive(Debug)]
pub(super) struct Chip {
    station: StationId,
    /// Frames to other PANs are for nobody.
    pan: u16,
    sending: Option<Sending>,
    /// Counts frames: the end of one that was broken off is void.
    sent: u32,
    news: VecDeque<OnChip>,
}

#[derive(Debug)]
struct Sending {
    psdu: Vec<u8>,
    began_at: Instant,
}

/// What is heard without any frame: an nRF52840's noise floor.
const NOISE_TENTHS: i64 = -1_030;
/// "Acknowledgement request", and the frame type's bits, in the first octet of a frame.
const ACK_REQUEST: u8 = 1 << 5;
const FRAME_TYPE: u8 = 7;
const ACKNOWLEDGEMENT: u8 = 2;

impl Radio {
    /// From now on this node's radio is a chip's, and hears nothing until it is [opened](Radio::open_chip). The gateways
    /// are in the PAN `pan`.
    ///
    /// # Panics
    /// If there is no such node.
    pub fn hand_over_chip(&mut self, now: Instant, node: NodeIndex, pan: u16) {
        let station = self.known(Station::Node(node));
        self.chip = Some(Chip { station, pan, sending: None, sent: 0, news: VecDeque::new() });
        self.open_chip(now, false);
    }

    /// The address of a node, most significant octet first.
    #[must_use]
    pub const fn node_address(node: NodeIndex) -> [u8; 8] {
        frame::eui64(Station::Node(node))
    }

    /// The chip's receiver works from now on, or does not: a frame that it is receiving is lost.
    pub fn open_chip(&mut self, now: Instant, on: bool) {
        let Some(station) = self.chip.as_ref().map(|chip| chip.station) else { return };
        self.air.set_ear(station, on, on);
        self.stations[station].energy.switch(now, if on { RadioState::Receive } else { RadioState::Sleep });
    }

    /// The chip begins to send a frame, from frame control to check sequence; [`OnChip::Sent`] follows.
    pub fn send_from_chip(&mut self, now: Instant, psdu: &[u8]) {
        let Some(chip) = &mut self.chip else { return };
        let station = chip.station;
        chip.sent += 1;
        chip.sending = Some(Sending { psdu: psdu.to_vec(), began_at: now });
        let number = chip.sent;
        self.stations[station].counters.sent += 1;
        let airtime_us = self.transmit(now, station, psdu.len());
        self.stations[station].energy.switch(now, RadioState::Transmit);
        self.agenda.plan(now + Duration::from_micros(airtime_us), Happening::ChipSent { number });
    }

    /// The chip breaks its frame off: nobody receives it.
    pub fn break_off_chip(&mut self, now: Instant) {
        let Some(chip) = &mut self.chip else { return };
        let (station, sending) = (chip.station, chip.sending.take());
        if let Some(Sending { psdu, began_at }) = sending {
            self.end_transmission(now, station, began_at, For::Nobody, &psdu);
        }
    }

    /// The power of all that the chip's antenna hears, in dBm, noise included.
    #[must_use]
    pub fn chip_power_dbm(&self) -> i8 {
        let tenths = self.chip.as_ref().map_or(NOISE_TENTHS, |chip| self.air.power_tenths(chip.station));
        (tenths.max(NOISE_TENTHS) / 10).clamp(-127, 20) as i8
    }

    /// What has happened to the chip, one after the other.
    pub fn poll_chip(&mut self) -> Option<OnChip> {
        self.chip.as_mut()?.news.pop_front()
    }

    /// A frame of the chip's is off the air.
    pub(super) fn handle_chip_sent(&mut self, now: Instant, number: u32) {
        let Some(chip) = self.chip.as_mut().filter(|chip| chip.sent == number) else { return };
        let (station, pan) = (chip.station, chip.pan);
        let Some(Sending { psdu, began_at }) = chip.sending.take() else { return };
        chip.news.push_back(OnChip::Sent);
        self.stations[station].energy.switch(now, RadioState::Sleep);
        let whom = self.receiver_of(station, pan, &psdu);
        for (receiver, is_repeated) in self.end_transmission(now, station, began_at, whom, &psdu) {
            match whom {
                For::AckTo(_) => self.ack_came(now, receiver, station, &psdu),
                For::One(..) if psdu[0] & ACK_REQUEST != 0 => {
                    self.prepare_ack(now, receiver, station, &psdu);
                    self.hear(now, receiver, &psdu, is_repeated);
                }
                For::One(..) | For::All => self.hear(now, receiver, &psdu, is_repeated),
                For::Nobody => {}
            }
        }
    }

    fn receiver_of(&self, chip: StationId, pan: u16, psdu: &[u8]) -> For {
        let Some(octets) = psdu.len().checked_sub(FCS_LEN).map(|len| &psdu[..len]) else { return For::Nobody };
        let [control, _, sequence, ..] = *octets else { return For::Nobody };
        if control & FRAME_TYPE == ACKNOWLEDGEMENT {
            return self.who_awaits(chip, sequence).map_or(For::Nobody, For::AckTo);
        }
        if frame::pan(octets) != Some(pan) {
            return For::Nobody;
        }
        match frame::receiver(octets) {
            Some(Receiver::All) => For::All,
            Some(Receiver::One(address)) => {
                let to = frame::station_of(address).and_then(|station| self.roster.id(station));
                to.map_or(For::Nobody, |to| For::One(to, sequence))
            }
            None => For::Nobody,
        }
    }

    fn who_awaits(&self, chip: StationId, sequence: u8) -> Option<StationId> {
        self.stations.iter().position(|StationState { mac, .. }| mac.awaits_ack(chip, sequence))
    }

    /// A frame begins: if it is for the chip, and heard there, the chip is told.
    pub(super) fn begins_at_chip(&mut self, from: StationId, whom: For, psdu: &[u8]) {
        let Some(chip) = &mut self.chip else { return };
        let is_for_it = match whom {
            For::AckTo(to) | For::One(to, _) => to == chip.station,
            For::All => from != chip.station,
            For::Nobody => false,
        };
        if let (true, Some(link)) = (is_for_it, self.air.held(chip.station, from)) {
            let rssi_dbm = (link.rssi_tenths / 10).clamp(-127, 127) as i8;
            chip.news.push_back(OnChip::Begins { psdu: psdu.to_vec(), rssi_dbm });
        }
    }

    /// A frame has ended at a station. `true`: at the chip's, which is told.
    pub(super) fn ends_at_chip(&mut self, at: StationId, fate: Fate) -> bool {
        let Some(chip) = self.chip.as_mut().filter(|chip| chip.station == at) else { return false };
        chip.news.push_back(OnChip::Ends { is_whole: matches!(fate, Fate::Received { .. }) });
        true
    }
}
