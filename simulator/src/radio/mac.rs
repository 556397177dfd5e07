//! Unslotted CSMA-CA, acknowledgements and retries (IEEE 802.15.4-2020 §6.2.5.1, §6.7.4).
//!
//! A station sends the frames of its queue one after the other. Each attempt waits for a random number of backoff periods,
//! looks whether the channel is clear, turns around and sends; a busy channel means a longer backoff. A frame for one
//! station is acknowledged by it after a turnaround, without a look at the channel, or sent again.

use super::air::{self, For, StationId};
use super::frame;
use super::outside::Fate;
use super::phy::ACK_PSDU;
use super::tap::{OnAir, Outcome};
use super::{Happening, Radio};
use crate::energy::RadioState;
use crate::radio::duty::Excess;
use sn_types::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// What a station's MAC is doing.
#[derive(Debug)]
pub(super) struct Mac {
    phase: Phase,
    /// The first one is being sent.
    queue: VecDeque<Outgoing>,
    /// NB: how often the channel was busy.
    backoffs: u8,
    /// BE.
    exponent: u8,
    retries: u8,
    /// What is sent to acknowledge, beside the queue.
    ack: Option<Ack>,
    is_listening: bool,
    /// The pause after the last frame is over then.
    rested_at: Instant,
    /// The latest timer's number: those before are void.
    timer: u32,
    began_at: Instant,
}

/// A frame in the queue.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) psdu: Vec<u8>,
    pub(super) sequence: u8,
    /// `None`: all.
    pub(super) to: Option<StationId>,
    /// Its receiver has just asked for it: the first look at the channel comes at once (macMinBe = 0).
    pub(super) is_reply: bool,
}

impl Outgoing {
    /// A frame without check sequence.
    pub(super) fn new(octets: Vec<u8>, to: Option<StationId>) -> Self {
        let sequence = octets.get(2).copied().unwrap_or_default();
        Self { psdu: frame::with_fcs(octets), sequence, to, is_reply: false }
    }

    fn whom(&self) -> For {
        self.to.map_or(For::All, |to| For::One(to, self.sequence))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The queue is empty.
    Idle,
    /// The duty cycle forbids to send.
    Silenced,
    /// Waits at random.
    BackingOff,
    /// Looks whether the channel is clear.
    Assessing { was_busy: bool },
    /// From receiving to sending.
    TurningAround,
    /// The frame is on the air.
    Sending,
    /// The frame was on the air.
    AwaitingAck,
}

#[derive(Clone, Copy, Debug)]
struct Ack {
    to: StationId,
    sequence: u8,
    frame_pending: bool,
    is_on_air: bool,
    began_at: Instant,
}

impl Mac {
    pub(super) fn new(is_listening: bool) -> Self {
        Self {
            phase: Phase::Idle,
            queue: VecDeque::new(),
            backoffs: 0,
            exponent: 0,
            retries: 0,
            ack: None,
            is_listening,
            rested_at: Instant::ZERO,
            timer: 0,
            began_at: Instant::ZERO,
        }
    }

    pub(super) fn radio_state(&self) -> RadioState {
        let is_sending = self.phase == Phase::Sending || self.ack.is_some_and(|ack| ack.is_on_air);
        let is_turning = self.phase == Phase::TurningAround || self.ack.is_some();
        match () {
            () if is_sending => RadioState::Transmit,
            () if is_turning || self.wants_to_hear() => RadioState::Receive,
            () => RadioState::Sleep,
        }
    }

    /// Whether this acknowledgement of that station's would be the one that is waited for.
    pub(super) fn awaits_ack(&self, of: StationId, sequence: u8) -> bool {
        let first = self.queue.front().filter(|first| first.to == Some(of) && first.sequence == sequence);
        self.phase == Phase::AwaitingAck && first.is_some()
    }

    /// Whether the receiver works: not while the radio sends or turns around.
    fn is_open(&self) -> bool {
        let is_busy = matches!(self.phase, Phase::Sending | Phase::TurningAround) || self.ack.is_some();
        !is_busy && self.wants_to_hear()
    }

    fn wants_to_hear(&self) -> bool {
        self.is_listening || matches!(self.phase, Phase::Assessing { .. } | Phase::AwaitingAck)
    }
}

impl Radio {
    /// A station switches its receiver on or off; what it sends it still sends, and hears the acknowledgements.
    pub(super) fn set_listening(&mut self, now: Instant, id: StationId, on: bool) {
        self.stations[id].mac.is_listening = on;
        self.retune(now, id);
    }

    /// Follows what the MAC does with the receiver and the account of energy.
    pub(super) fn retune(&mut self, now: Instant, id: StationId) {
        let station = &mut self.stations[id];
        self.air.set_ear(id, station.mac.is_open(), station.mac.is_listening);
        station.energy.switch(now, station.mac.radio_state());
    }

    /// Appends a frame to a station's queue.
    pub(super) fn enqueue(&mut self, now: Instant, id: StationId, outgoing: Outgoing) {
        let station = &mut self.stations[id];
        if station.mac.queue.len() >= self.mac.queue_frames {
            station.counters.queue_drops += 1;
            return;
        }
        station.mac.queue.push_back(outgoing);
        if station.mac.phase == Phase::Idle {
            self.start_frame(now, id);
        }
    }

    /// Turns to the next frame of the queue.
    fn start_frame(&mut self, now: Instant, id: StationId) {
        let mac = &mut self.stations[id].mac;
        mac.retries = 0;
        mac.phase = Phase::Idle;
        if !mac.queue.is_empty() {
            self.attempt(now, id);
        }
        self.retune(now, id);
    }

    /// Begins an attempt to send the first frame of the queue.
    fn attempt(&mut self, now: Instant, id: StationId) {
        match self.silenced_until(now, id) {
            Some(until) if until <= now => {
                let mac = &mut self.stations[id].mac;
                mac.backoffs = 0;
                let is_awaited = mac.retries == 0 && mac.queue.front().is_some_and(|first| first.is_reply);
                mac.exponent = if is_awaited { 0 } else { self.mac.min_be };
                let start = now.max(mac.rested_at);
                self.back_off(start, id);
            }
            Some(until) => {
                self.stations[id].counters.duty_cycle_waits += 1;
                self.enter(Phase::Silenced, until, id);
            }
            None => {
                self.stations[id].counters.duty_cycle_drops += 1;
                self.tell_fate(now, id, Fate::ChannelBusy, false);
                self.stations[id].mac.queue.pop_front();
                self.start_frame(now, id);
            }
        }
    }

    /// When the duty cycle allows the first frame of the queue; `None`: it has to be dropped.
    fn silenced_until(&mut self, now: Instant, id: StationId) -> Option<Instant> {
        let station = &mut self.stations[id];
        let (Some(budget), Some(limit), Some(first)) =
            (&mut station.budget, &self.duty_cycle, station.mac.queue.front())
        else {
            return Some(now);
        };
        let free_at = budget.free_at(now, self.timing.airtime_us(first.psdu.len()))?;
        match limit.excess {
            Excess::Wait => Some(free_at),
            Excess::Drop => (free_at <= now).then_some(free_at),
        }
    }

    fn back_off(&mut self, start: Instant, id: StationId) {
        let periods = self.rng.rand_range(0..1 << self.stations[id].mac.exponent);
        self.enter(Phase::BackingOff, start + Duration::from_micros(periods * self.timing.unit_backoff_us), id);
    }

    /// The MAC is in a phase until then.
    fn enter(&mut self, phase: Phase, until: Instant, id: StationId) {
        let mac = &mut self.stations[id].mac;
        mac.phase = phase;
        mac.timer = mac.timer.wrapping_add(1);
        self.agenda.plan(until, Happening::Timer { station: id, number: mac.timer });
    }

    /// A phase is over.
    pub(super) fn handle_timer(&mut self, now: Instant, id: StationId, number: u32) {
        let mac = &self.stations[id].mac;
        if mac.timer != number {
            return;
        }
        match mac.phase {
            Phase::Idle => {}
            Phase::Silenced => self.attempt(now, id),
            Phase::BackingOff => {
                let was_busy = self.is_busy(id);
                self.enter(Phase::Assessing { was_busy }, now + Duration::from_micros(self.timing.cca_us), id);
            }
            Phase::Assessing { was_busy } if was_busy || self.is_busy(id) => self.channel_is_busy(now, id),
            Phase::Assessing { .. } => {
                self.enter(Phase::TurningAround, now + Duration::from_micros(self.timing.turnaround_us), id);
            }
            Phase::TurningAround => self.begin_frame(now, id),
            Phase::Sending => self.end_frame(now, id),
            Phase::AwaitingAck => self.no_ack_came(now, id),
        }
        self.retune(now, id);
    }

    fn is_busy(&self, id: StationId) -> bool {
        self.air.is_busy(id) || self.stations[id].mac.ack.is_some()
    }

    fn channel_is_busy(&mut self, now: Instant, id: StationId) {
        let mac = &mut self.stations[id].mac;
        mac.backoffs += 1;
        mac.exponent = (mac.exponent + 1).max(self.mac.min_be).min(self.mac.max_be);
        if mac.backoffs <= self.mac.max_csma_backoffs {
            return self.back_off(now, id);
        }
        self.stations[id].counters.channel_access_failures += 1;
        self.tell_fate(now, id, Fate::ChannelBusy, false);
        self.finish(now, id);
    }

    fn begin_frame(&mut self, now: Instant, id: StationId) {
        let mac = &mut self.stations[id].mac;
        mac.began_at = now;
        let Some(frame) = mac.queue.front_mut() else { return };
        let (psdu, whom) = (std::mem::take(&mut frame.psdu), frame.whom());
        let is_retry = mac.retries > 0;
        let airtime_us = self.transmit(now, id, psdu.len());
        self.begins_at_chip(id, whom, &psdu);
        if let Some(frame) = self.stations[id].mac.queue.front_mut() {
            frame.psdu = psdu;
        }
        let counters = &mut self.stations[id].counters;
        counters.sent += 1;
        counters.retries += u64::from(is_retry);
        self.enter(Phase::Sending, now + Duration::from_micros(airtime_us), id);
    }

    /// Puts a frame of `psdu` octets on the air: how long it takes.
    pub(super) fn transmit(&mut self, now: Instant, id: StationId, psdu: usize) -> u64 {
        let airtime_us = self.timing.airtime_us(psdu);
        self.air.begin(now, id);
        let station = &mut self.stations[id];
        station.counters.airtime_us += airtime_us;
        station.energy.work(self.supply.cpu_us_per_frame);
        if let Some(budget) = &mut station.budget {
            budget.spend(now, airtime_us);
        }
        *self.airtime_us.entry(station.channel).or_default() += airtime_us;
        airtime_us
    }

    fn end_frame(&mut self, now: Instant, id: StationId) {
        let Some(frame) = self.stations[id].mac.queue.front_mut() else { return };
        let (psdu, to, whom) = (std::mem::take(&mut frame.psdu), frame.to, frame.whom());
        let began_at = self.stations[id].mac.began_at;
        for (receiver, is_repeated) in self.end_transmission(now, id, began_at, whom, &psdu) {
            if to.is_some() {
                self.prepare_ack(now, receiver, id, &psdu);
            }
            self.hear(now, receiver, &psdu, is_repeated);
        }
        match self.stations[id].mac.queue.front_mut() {
            Some(frame) if to.is_some() => {
                frame.psdu = psdu;
                self.enter(Phase::AwaitingAck, now + Duration::from_micros(self.timing.ack_wait_us), id);
            }
            Some(_) | None => self.finish_after(now, id, psdu.len(), false),
        }
    }

    /// Takes a frame off the air, counts what became of it and tells the tap. Gives those who received it, and whether
    /// they had it already.
    pub(super) fn end_transmission(
        &mut self,
        now: Instant,
        from: StationId,
        began_at: Instant,
        whom: For,
        psdu: &[u8],
    ) -> Vec<(StationId, bool)> {
        let mut fates = std::mem::take(&mut self.fates);
        self.air.end(now, from, whom, &mut self.rng, &mut fates);
        let mut outcome = Outcome::default();
        let mut receivers = Vec::new();
        for (receiver, fate) in fates.drain(..) {
            let is_chip = self.ends_at_chip(receiver, fate);
            let station = &mut self.stations[receiver];
            let (here, there) = match fate {
                air::Fate::Received { is_repeated } => {
                    station.energy.work(self.supply.cpu_us_per_frame);
                    if !is_chip {
                        receivers.push((receiver, is_repeated));
                    }
                    (&mut station.counters.received, &mut outcome.received)
                }
                air::Fate::Collided => (&mut station.counters.collided, &mut outcome.collided),
                air::Fate::Lost => (&mut station.counters.lost, &mut outcome.lost),
                air::Fate::Deaf | air::Fate::TooWeak => (&mut station.counters.deaf, &mut outcome.deaf),
            };
            *here += 1;
            *there += 1;
        }
        self.fates = fates;
        if let Some(tap) = &mut self.tap {
            let Radio { timing, stations, roster, .. } = self;
            let (channel, from) = (stations[from].channel, roster.station(from));
            tap(&OnAir { at: began_at, airtime_us: timing.airtime_us(psdu.len()), channel, from, psdu, outcome });
        }
        receivers
    }

    pub(super) fn prepare_ack(&mut self, now: Instant, id: StationId, to: StationId, psdu: &[u8]) {
        let sequence = psdu.get(2).copied().unwrap_or_default();
        let frame_pending = self.says_pending(id, psdu);
        let began_at = now + Duration::from_micros(self.timing.turnaround_us);
        self.stations[id].mac.ack = Some(Ack { to, sequence, frame_pending, is_on_air: false, began_at });
        self.retune(now, id);
        self.agenda.plan(began_at, Happening::Ack { station: id });
    }

    /// An acknowledgement begins or ends.
    pub(super) fn handle_ack(&mut self, now: Instant, id: StationId) {
        let Some(ack) = self.stations[id].mac.ack else { return };
        if ack.is_on_air {
            self.stations[id].mac.ack = None;
            self.end_ack(now, id, ack);
        } else if self.may_send_ack(now, id) {
            self.stations[id].mac.ack = Some(Ack { is_on_air: true, ..ack });
            self.stations[id].counters.acks_sent += 1;
            let airtime_us = self.transmit(now, id, ACK_PSDU);
            self.begins_at_chip(id, For::AckTo(ack.to), &frame::ack(ack.sequence, ack.frame_pending));
            self.agenda.plan(now + Duration::from_micros(airtime_us), Happening::Ack { station: id });
        } else {
            self.stations[id].mac.ack = None;
            self.stations[id].counters.duty_cycle_drops += 1;
        }
        self.retune(now, id);
    }

    /// An acknowledgement cannot wait: if the duty cycle forbids it now, there is none.
    fn may_send_ack(&mut self, now: Instant, id: StationId) -> bool {
        let airtime_us = self.timing.airtime_us(ACK_PSDU);
        self.stations[id].budget.as_mut().is_none_or(|budget| budget.free_at(now, airtime_us) == Some(now))
    }

    fn end_ack(&mut self, now: Instant, id: StationId, ack: Ack) {
        let psdu = frame::ack(ack.sequence, ack.frame_pending);
        let receivers = self.end_transmission(now, id, ack.began_at, For::AckTo(ack.to), &psdu);
        if !receivers.is_empty() {
            self.ack_came(now, ack.to, id, &psdu);
        }
    }

    /// An acknowledgement has come to a station: if it is the one that it waits for, its frame has arrived.
    pub(super) fn ack_came(&mut self, now: Instant, at: StationId, from: StationId, ack: &[u8]) {
        let &[control, _, sequence, ..] = ack else { return };
        let mac = &self.stations[at].mac;
        if let (true, Some(first)) = (mac.awaits_ack(from, sequence), mac.queue.front()) {
            let psdu = first.psdu.len();
            self.finish_after(now, at, psdu, control & frame::FRAME_PENDING != 0);
        }
    }

    fn no_ack_came(&mut self, now: Instant, id: StationId) {
        let mac = &mut self.stations[id].mac;
        if mac.retries < self.mac.max_frame_retries {
            mac.retries += 1;
            return self.attempt(now, id);
        }
        self.stations[id].counters.ack_failures += 1;
        self.tell_fate(now, id, Fate::NoAck, false);
        self.finish(now, id);
    }

    /// The first frame of the queue has been sent; the receiver gets a pause to work on it.
    fn finish_after(&mut self, now: Instant, id: StationId, psdu: usize, frame_pending: bool) {
        self.stations[id].mac.rested_at = now + Duration::from_micros(self.timing.spacing_us(psdu));
        self.tell_fate(now, id, Fate::Done, frame_pending);
        self.finish(now, id);
    }

    /// The first frame of the queue is done with, one way or the other.
    fn finish(&mut self, now: Instant, id: StationId) {
        let mac = &mut self.stations[id].mac;
        mac.queue.pop_front();
        mac.timer = mac.timer.wrapping_add(1);
        self.start_frame(now, id);
    }
}
