//! Stations whose MAC is outside of the simulation: the radios of emulated chips, and the firmware that drives them.
//!
//! Owns: when such a station's frames are on the air, which frames for it begin and end, and what else it hears: power, carriers. Must not
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

/// A chip's place in the order in which they were handed over.
pub type ChipIndex = usize;

/// What the air has for a chip.
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

/// A chip, and what has happened to it.
#[derive(Debug)]
pub(super) struct Chip {
    station: StationId,
    /// Frames to other PANs are for nobody.
    pan: u16,
    /// It is on the channel of its station, and not on one where nobody is.
    is_here: bool,
    is_open: bool,
    sending: Option<Sending>,
    /// Who would acknowledge its last frame, under which sequence number, and until when.
    awaits: Option<(StationId, u8, Instant)>,
    /// Counts frames: the end of one that was broken off is void.
    sent: u32,
    news: VecDeque<OnChip>,
}

#[derive(Debug)]
struct Sending {
    psdu: Vec<u8>,
    began_at: Instant,
    /// Somebody could hear it.
    is_here: bool,
}

/// What is heard without any frame: an nRF52840's noise floor.
const NOISE_TENTHS: i64 = -1_030;
/// "Acknowledgement request", and the frame type's bits, in the first octet of a frame.
const ACK_REQUEST: u8 = 1 << 5;
const FRAME_TYPE: u8 = 7;
const ACKNOWLEDGEMENT: u8 = 2;

impl Radio {
    /// From now on this station's radio is a chip's, and hears nothing until it is [opened](Radio::open_chip). Its network is
    /// the PAN `pan`.
    ///
    /// # Panics
    /// If there is no such station.
    pub fn hand_over_chip(&mut self, now: Instant, station: Station, pan: u16) -> ChipIndex {
        let station = self.known(station);
        // If it was a router that runs here, it runs there now.
        self.running.remove(&station);
        let (sending, awaits, news) = (None, None, VecDeque::new());
        self.chips.push(Chip { station, pan, is_here: true, is_open: false, sending, awaits, sent: 0, news });
        let chip = self.chips.len() - 1;
        self.open_chip(now, chip, false);
        chip
    }

    /// The address of a node, most significant octet first.
    #[must_use]
    pub const fn node_address(node: NodeIndex) -> [u8; 8] {
        frame::eui64(Station::Node(node))
    }

    /// The address of a router, most significant octet first.
    #[must_use]
    pub const fn router_address(router: usize) -> [u8; 8] {
        frame::eui64(Station::Router(router))
    }

    /// From now on this is the station that chips call by that short address, beside its 64-bit one.
    ///
    /// # Panics
    /// If there is no such station.
    pub fn name(&mut self, station: Station, short: u16) {
        self.named = Some((short, self.known(station)));
    }

    /// A chip's receiver works from now on, or does not: a frame that it is receiving is lost.
    pub fn open_chip(&mut self, now: Instant, chip: ChipIndex, on: bool) {
        self.chips[chip].is_open = on;
        self.set_chips_ear(now, chip);
    }

    /// A chip goes to the channel of its station, or to one where nobody is.
    pub fn tune_chip(&mut self, now: Instant, chip: ChipIndex, is_here: bool) {
        if std::mem::replace(&mut self.chips[chip].is_here, is_here) != is_here {
            self.set_chips_ear(now, chip);
        }
    }

    fn set_chips_ear(&mut self, now: Instant, chip: ChipIndex) {
        let Chip { station, is_here, is_open, .. } = self.chips[chip];
        self.air.set_ear(station, is_open && is_here, is_open && is_here);
        self.stations[station].energy.switch(now, if is_open { RadioState::Receive } else { RadioState::Sleep });
    }

    /// A chip begins to send a frame, from frame control to check sequence; [`OnChip::Sent`] follows.
    pub fn send_from_chip(&mut self, now: Instant, chip: ChipIndex, psdu: &[u8]) {
        let Chip { station, pan, is_here, ref mut sent, .. } = self.chips[chip];
        *sent += 1;
        let number = *sent;
        self.stations[station].counters.sent += 1;
        let airtime_us =
            if is_here { self.transmit(now, station, psdu.len()) } else { self.timing.airtime_us(psdu.len()) };
        if is_here {
            let whom = self.receiver_of(now, station, pan, psdu);
            self.begins_at_chip(station, whom, psdu);
        }
        self.chips[chip].sending = Some(Sending { psdu: psdu.to_vec(), began_at: now, is_here });
        self.stations[station].energy.switch(now, RadioState::Transmit);
        self.agenda.plan(now + Duration::from_micros(airtime_us), Happening::ChipSent { chip, number });
    }

    /// A chip breaks its frame off: nobody receives it.
    pub fn break_off_chip(&mut self, now: Instant, chip: ChipIndex) {
        let Chip { station, ref mut sending, .. } = self.chips[chip];
        if let Some(Sending { psdu, began_at, is_here: true }) = sending.take() {
            self.end_transmission(now, station, began_at, For::Nobody, &psdu);
        }
    }

    /// The power of all that a chip's antenna hears, in dBm, noise included.
    #[must_use]
    pub fn chip_power_dbm(&self, chip: ChipIndex) -> i8 {
        let Chip { station, is_here, .. } = self.chips[chip];
        let tenths = if is_here { self.air.power_tenths(station) } else { NOISE_TENTHS };
        (tenths.max(NOISE_TENTHS) / 10).clamp(-127, 20) as i8
    }

    /// Whether a frame is on the air that a chip could receive, had it listened from its beginning.
    #[must_use]
    pub fn chip_hears_carrier(&self, chip: ChipIndex) -> bool {
        let Chip { station, is_here, .. } = self.chips[chip];
        is_here && self.air.has_carrier(station)
    }

    /// What has happened to a chip, one after the other.
    pub fn poll_chip(&mut self, chip: ChipIndex) -> Option<OnChip> {
        self.chips[chip].news.pop_front()
    }

    /// A frame of a chip's is off the air.
    pub(super) fn handle_chip_sent(&mut self, now: Instant, chip: ChipIndex, number: u32) {
        let Some(sender) = self.chips.get_mut(chip).filter(|chip| chip.sent == number) else { return };
        let (station, pan) = (sender.station, sender.pan);
        let Some(Sending { psdu, began_at, is_here }) = sender.sending.take() else { return };
        sender.news.push_back(OnChip::Sent);
        self.stations[station].energy.switch(now, RadioState::Sleep);
        if !is_here {
            return;
        }
        let whom = self.receiver_of(now, station, pan, &psdu);
        let until = now + Duration::from_micros(self.timing.ack_wait_us);
        self.chips[chip].awaits = match whom {
            For::One(to, sequence) if psdu[0] & ACK_REQUEST != 0 => Some((to, sequence, until)),
            For::One(..) | For::AckTo(_) | For::All | For::Nobody => None,
        };
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

    fn receiver_of(&self, now: Instant, chip: StationId, pan: u16, psdu: &[u8]) -> For {
        let Some(octets) = psdu.len().checked_sub(FCS_LEN).map(|len| &psdu[..len]) else { return For::Nobody };
        let [control, _, sequence, ..] = *octets else { return For::Nobody };
        if control & FRAME_TYPE == ACKNOWLEDGEMENT {
            return self.who_awaits(now, chip, sequence).map_or(For::Nobody, For::AckTo);
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
            Some(Receiver::Named(short)) => match self.named {
                Some((known, to)) if known == short => For::One(to, sequence),
                Some(_) | None => For::Nobody,
            },
            None => For::Nobody,
        }
    }

    fn who_awaits(&self, now: Instant, from: StationId, sequence: u8) -> Option<StationId> {
        let awaits = |chip: &&Chip| {
            chip.awaits.is_some_and(|(of, awaited, until)| (of, awaited) == (from, sequence) && now <= until)
        };
        let simulated = self.stations.iter().position(|StationState { mac, .. }| mac.awaits_ack(from, sequence));
        self.chips.iter().find(awaits).map(|chip| chip.station).or(simulated)
    }

    /// A frame begins: the chips that it is for, and where it is heard, are told.
    pub(super) fn begins_at_chip(&mut self, from: StationId, whom: For, psdu: &[u8]) {
        for chip in &mut self.chips {
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
    }

    /// A frame has ended at a station. `true`: at a chip's, which is told.
    pub(super) fn ends_at_chip(&mut self, at: StationId, fate: Fate) -> bool {
        let Some(chip) = self.chips.iter_mut().find(|chip| chip.station == at) else { return false };
        chip.news.push_back(OnChip::Ends { is_whole: matches!(fate, Fate::Received { .. }) });
        true
    }
}
