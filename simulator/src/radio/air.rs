//! Who hears whom, and what becomes of frames that overlap.
//!
//! Every transmission is announced to all receivers that it can reach or disturb, at its begin and at its end: the work per
//! frame grows with the neighbours, not with the network. A receiver adds up the power of all that is on the air at
//! its place, in attowatts. It stays with a frame that it has begun to receive, and loses it if the others together come
//! too near to its power at any time; until the end of the preamble it still turns to a stronger frame. So hidden stations
//! collide at the receiver, and not for those who cannot hear one of them.

use super::fixed::{attowatts, decibels_tenths, ratio_q32};
use super::loss::{Fade, Loss};
use super::plan::Receiver;
use oorandom::Rand64;
use sn_types::Instant;
use std::time::Duration;

/// A station's place among all stations: nodes, then routers, then gateways.
pub(super) type StationId = usize;

/// The channel, as every station finds it.
#[derive(Debug)]
pub(super) struct Air {
    ears: Vec<Ear>,
    /// Of each station to those that hear it.
    links: Vec<Vec<Link>>,
    /// One for each pair.
    fades: Vec<Fade>,
    busy_from_aw: u64,
    senses_carriers: bool,
    sensitivity_tenths: i32,
    /// Weaker signals cannot spoil any frame alone, and are left out.
    floor_tenths: i32,
    capture_q32: u128,
    preamble: Duration,
}

/// A station's receiver.
#[derive(Clone, Copy, Debug)]
struct Ear {
    is_open: bool,
    /// Takes part in the network; else it is open for an acknowledgement or a look at the channel only.
    is_listening: bool,
    power_aw: u64,
    /// How many frames are on the air that could be received.
    carriers: u16,
    reception: Option<Reception>,
}

/// A frame that is being received.
#[derive(Clone, Copy, Debug)]
struct Reception {
    from: StationId,
    power_aw: u64,
    tolerated_aw: u64,
    preamble_until: Instant,
    is_spoiled: bool,
}

/// From one station to another.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) to: StationId,
    pub(super) rssi_tenths: i32,
    /// Frames for this receiver, and broadcasts while it was listening.
    pub(super) frames: u64,
    /// Those of them that did not come through, whatever the reason.
    pub(super) failed: u64,
    is_receivable: bool,
    power_aw: u64,
    /// So much of all others' power is endured.
    tolerated_aw: u64,
    fade: usize,
    fate: Fate,
    last_sequence: Option<u8>,
}

/// What became of a frame at a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is there.
    Received {
        /// It has the sequence number of the one before.
        is_repeated: bool,
    },
    /// Others were on the air.
    Collided,
    /// The link lost it.
    Lost,
    /// The receiver was off, sending, or did not listen.
    Deaf,
    /// It is below the sensitivity.
    TooWeak,
}

/// For whom a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// An acknowledgement for this station.
    AckTo(StationId),
    /// A frame with this sequence number for this station.
    One(StationId, u8),
    /// All that listen.
    All,
    /// No station here.
    Nobody,
}

impl Air {
    pub(super) fn new(stations: usize, receiver: &Receiver, preamble_us: u64) -> Self {
        let ear = Ear { is_open: false, is_listening: false, power_aw: 0, carriers: 0, reception: None };
        let sensitivity_tenths = i32::from(receiver.sensitivity_dbm) * 10;
        let capture_tenths = u32::from(receiver.capture_db) * 10;
        Self {
            ears: vec![ear; stations],
            links: vec![Vec::new(); stations],
            fades: Vec::new(),
            busy_from_aw: attowatts(i32::from(receiver.cca_threshold_dbm) * 10),
            senses_carriers: receiver.carrier_sense,
            sensitivity_tenths,
            floor_tenths: sensitivity_tenths - capture_tenths as i32,
            capture_q32: ratio_q32(capture_tenths),
            preamble: Duration::from_micros(preamble_us),
        }
    }

    /// The weakest power that matters, in tenths of a dBm.
    pub(super) fn floor_tenths(&self) -> i32 {
        self.floor_tenths
    }

    /// `a` and `b` hear each other with these powers.
    pub(super) fn connect(
        &mut self,
        (a, at_a_tenths): (StationId, i32),
        (b, at_b_tenths): (StationId, i32),
        loss: Loss,
    ) {
        let fade = self.fades.len();
        self.fades.push(Fade::new(loss));
        let to_b = self.link(b, at_b_tenths, fade);
        let to_a = self.link(a, at_a_tenths, fade);
        self.links[a].extend(to_b);
        self.links[b].extend(to_a);
    }

    fn link(&self, to: StationId, rssi_tenths: i32, fade: usize) -> Option<Link> {
        let power_aw = attowatts(rssi_tenths);
        let tolerated_aw = ((u128::from(power_aw) << 32) / self.capture_q32) as u64;
        (rssi_tenths >= self.floor_tenths).then_some(Link {
            to,
            rssi_tenths,
            frames: 0,
            failed: 0,
            is_receivable: rssi_tenths >= self.sensitivity_tenths,
            power_aw,
            tolerated_aw,
            fade,
            fate: Fate::Deaf,
            last_sequence: None,
        })
    }

    /// The links of a station to those that hear it, the strength of mere interference included.
    pub(super) fn links(&self, from: StationId) -> &[Link] {
        &self.links[from]
    }

    /// Frames per million that get lost between two stations over a long time, in one direction; `None` if that direction
    /// does not exist.
    pub(super) fn mean_loss_ppm(&self, from: StationId, to: StationId) -> Option<u32> {
        let link = self.links[from].iter().find(|link| link.to == to && link.is_receivable)?;
        Some(self.fades[link.fade].loss().mean_ppm())
    }

    /// Whether a station finds the channel busy.
    pub(super) fn is_busy(&self, at: StationId) -> bool {
        let ear = &self.ears[at];
        ear.power_aw >= self.busy_from_aw || (self.senses_carriers && self.has_carrier(at))
    }

    /// Whether a frame is on the air that a station could receive, had it listened from its beginning.
    pub(super) fn has_carrier(&self, at: StationId) -> bool {
        self.ears[at].carriers > 0
    }

    /// The power of all that a station hears, in tenths of a dBm.
    pub(super) fn power_tenths(&self, at: StationId) -> i64 {
        // An attowatt is -150 dBm.
        decibels_tenths(self.ears[at].power_aw, 1) - 1_500
    }

    /// The link over which a station is receiving a frame, if it is this one.
    pub(super) fn held(&self, at: StationId, from: StationId) -> Option<&Link> {
        self.ears[at].reception.filter(|reception| reception.from == from)?;
        self.links[from].iter().find(|link| link.to == at)
    }

    /// Opens or closes a receiver. What it is receiving when it closes is lost.
    pub(super) fn set_ear(&mut self, of: StationId, is_open: bool, is_listening: bool) {
        let ear = &mut self.ears[of];
        ear.is_open = is_open;
        ear.is_listening = is_listening;
        if !is_open {
            ear.reception = None;
        }
    }

    /// A station begins to send.
    pub(super) fn begin(&mut self, now: Instant, from: StationId) {
        for link in &mut self.links[from] {
            link.fate = self.ears[link.to].begin(now, from, link, self.preamble);
        }
    }

    /// A station has sent. Adds to `report` those for whom the frame was.
    pub(super) fn end(
        &mut self,
        now: Instant,
        from: StationId,
        whom: For,
        rng: &mut Rand64,
        report: &mut Vec<(StationId, Fate)>,
    ) {
        for link in &mut self.links[from] {
            let mut fate = self.ears[link.to].end(from, link, whom);
            let is_wanted = match whom {
                For::AckTo(to) | For::One(to, _) => link.to == to,
                For::All => link.is_receivable,
                For::Nobody => false,
            };
            if !is_wanted {
                continue;
            }
            if matches!(fate, Fate::Received { .. }) && self.fades[link.fade].loses(now, rng) {
                fate = Fate::Lost;
            }
            report.push((link.to, link.note(fate, whom)));
        }
    }
}

impl Link {
    /// Whether the receiver can receive it at all.
    pub(super) fn is_receivable(&self) -> bool {
        self.is_receivable
    }

    fn note(&mut self, fate: Fate, whom: For) -> Fate {
        // A broadcast says nothing of the link to somebody who sleeps.
        if matches!((fate, whom), (Fate::Deaf, For::All)) {
            return fate;
        }
        self.frames += 1;
        let Fate::Received { .. } = fate else {
            self.failed += 1;
            return fate;
        };
        match whom {
            For::One(_, sequence) => {
                Fate::Received { is_repeated: self.last_sequence.replace(sequence) == Some(sequence) }
            }
            For::AckTo(_) | For::All | For::Nobody => fate,
        }
    }
}

impl Ear {
    /// A frame begins to arrive.
    fn begin(&mut self, now: Instant, from: StationId, link: &Link, preamble: Duration) -> Fate {
        let others_aw = self.power_aw;
        self.power_aw += link.power_aw;
        self.carriers += u16::from(link.is_receivable);
        if !self.is_open {
            return Fate::Deaf;
        }
        let is_held = self.reception.is_some_and(|reception| now >= reception.preamble_until);
        if !is_held && link.is_receivable && others_aw <= link.tolerated_aw {
            let Link { power_aw, tolerated_aw, .. } = *link;
            let preamble_until = now + preamble;
            self.reception = Some(Reception { from, power_aw, tolerated_aw, preamble_until, is_spoiled: false });
            return Fate::Received { is_repeated: false };
        }
        if let Some(reception) = &mut self.reception {
            reception.is_spoiled |= self.power_aw - reception.power_aw > reception.tolerated_aw;
        }
        if link.is_receivable { Fate::Collided } else { Fate::TooWeak }
    }

    /// A frame has arrived.
    fn end(&mut self, from: StationId, link: &Link, whom: For) -> Fate {
        self.power_aw -= link.power_aw;
        self.carriers -= u16::from(link.is_receivable);
        let Fate::Received { .. } = link.fate else { return link.fate };
        let Some(reception) = self.reception else { return Fate::Deaf };
        if reception.from != from {
            return Fate::Collided;
        }
        self.reception = None;
        let is_for_listeners = !matches!(whom, For::AckTo(_));
        match () {
            () if reception.is_spoiled => Fate::Collided,
            () if is_for_listeners && !self.is_listening => Fate::Deaf,
            () => link.fate,
        }
    }
}
