//! A frame on its way between memory and air.

use super::registers::{event, register};
use super::{Radio, State};
use crate::peripherals::Context;
use crate::time::{cycles, instant};

/// CRCCNF for IEEE 802.15.4: two octets, over all but the PHR.
const FCS: u32 = 0x202;
const FCS_LEN: usize = 2;
/// An octet on the air.
const OCTET_US: u64 = 32;
/// Preamble and start of frame delimiter.
const SHR_US: u64 = 5 * OCTET_US;
const BIT_US: u64 = 4;
/// Link quality: grows with the power above the sensitivity. Hardware values go up to 63 here and are scaled by 4.
const SENSITIVITY_DBM: i16 = -100;

/// A frame, and which events of it are still to come.
#[derive(Debug)]
pub(super) struct Reception {
    /// From frame control to check sequence.
    psdu: Vec<u8>,
    rssi_dbm: i8,
    /// Of the first symbol.
    began_at: u64,
    /// PACKETPTR as it was at the start.
    pointer: u32,
    is_own: bool,
    /// The next ones first.
    marks: Vec<(u64, u8)>,
}

impl Reception {
    pub(super) fn next_mark(&self) -> Option<u64> {
        self.marks.first().map(|(at, _)| *at)
    }

    pub(super) fn rssi_dbm(&self) -> i8 {
        self.rssi_dbm
    }

    /// What memory holds of it after a time: length, then octets; the check sequence never gets there.
    fn in_memory(&self, now: u64) -> Vec<u8> {
        let octets = now.saturating_sub(self.began_at + cycles(SHR_US)) / cycles(OCTET_US);
        let all = [&[self.psdu.len() as u8][..], &self.psdu[..self.psdu.len().saturating_sub(FCS_LEN)]].concat();
        all.into_iter().take(octets as usize).collect()
    }
}

impl Radio {
    /// START in TXIDLE.
    pub(super) fn send(&mut self, context: &mut Context<'_>) {
        let pointer = self.kept.get(register::PACKETPTR);
        let len = usize::from(context.memory.read(pointer, 1)[0]);
        if self.kept.get(register::CRCCNF) != FCS || !(FCS_LEN + 3..=127).contains(&len) {
            context.misuse =
                Some(format!("RADIO sends {len} octets with CRCCNF {:#x}", self.kept.get(register::CRCCNF)));
            return;
        }
        let mut psdu = context.memory.read(pointer + 1, len - FCS_LEN);
        let fcs = lowpan::fcs(&psdu);
        psdu.extend(fcs);
        let began_at = context.now;
        let marks = self.marks(began_at, &psdu);
        context.air.send(instant(began_at), &psdu);
        self.frame = Some(Reception { psdu, rssi_dbm: 0, began_at, pointer, is_own: true, marks });
        self.enter(State::Tx, context);
    }

    /// When events within a frame happen.
    fn marks(&self, began_at: u64, psdu: &[u8]) -> Vec<(u64, u8)> {
        let phr = began_at + cycles(SHR_US + OCTET_US);
        let payload = phr + cycles(OCTET_US * psdu.len().saturating_sub(FCS_LEN) as u64);
        let mut marks = vec![(began_at + cycles(SHR_US), event::ADDRESS), (phr, event::FRAMESTART)];
        marks.push((payload, event::PAYLOAD));
        marks
    }

    /// The air: a frame that can be received begins.
    pub(super) fn frame_begins(&mut self, psdu: Vec<u8>, rssi_dbm: i8, context: &mut Context<'_>) {
        if self.state != State::Rx {
            return;
        }
        let (began_at, pointer) = (context.now, self.kept.get(register::PACKETPTR));
        let marks = self.marks(began_at, &psdu);
        self.frame = Some(Reception { psdu, rssi_dbm, began_at, pointer, is_own: false, marks });
    }

    /// Events within the frame that are due.
    pub(super) fn pass_marks(&mut self, context: &mut Context<'_>) {
        while let Some(frame) =
            self.frame.as_mut().filter(|frame| frame.next_mark().is_some_and(|at| at <= context.now))
        {
            let (at, which) = frame.marks.remove(0);
            if !frame.is_own {
                context.memory.write(frame.pointer, &frame.in_memory(context.now));
            }
            self.happens(which, context);
            // Counting starts with FRAMESTART, by a short, and after the PHR.
            if which == event::FRAMESTART && self.counts_bits {
                self.plan_bit_count(at);
            }
        }
    }

    fn plan_bit_count(&mut self, from: u64) {
        let at = from + cycles(u64::from(self.kept.get(register::BCC)) * BIT_US);
        if let Some(frame) = &mut self.frame {
            frame.marks.push((at, event::BCMATCH));
            frame.marks.sort_unstable();
        }
    }

    /// The air: the frame that is being received has ended.
    pub(super) fn frame_ends(&mut self, is_whole: bool, context: &mut Context<'_>) {
        self.pass_marks(context);
        let Some(frame) = self.frame.take().filter(|frame| !frame.is_own && self.state == State::Rx) else { return };
        context.memory.write(frame.pointer, &frame.in_memory(context.now));
        let lqi = (i16::from(frame.rssi_dbm) - SENSITIVITY_DBM).clamp(0, 63) as u8;
        context.memory.write(frame.pointer + 1 + frame.psdu.len() as u32 - FCS_LEN as u32, &[lqi]);
        self.crc_ok = is_whole;
        let fcs = frame.psdu.last_chunk::<FCS_LEN>().map_or(0, |fcs| u16::from_le_bytes(*fcs));
        let _ = self.kept.write(register::RXCRC, fcs.into());
        self.over(context, Some(if is_whole { event::CRCOK } else { event::CRCERROR }), State::RxIdle);
    }

    /// The air: our frame has ended.
    pub(super) fn sent(&mut self, context: &mut Context<'_>) {
        self.pass_marks(context);
        if self.state == State::Tx {
            self.frame = None;
            self.over(context, None, State::TxIdle);
        }
    }

    fn over(&mut self, context: &mut Context<'_>, checked: Option<u8>, state: State) {
        self.ended_at = context.now;
        self.counts_bits = false;
        self.enter(state, context);
        checked.into_iter().for_each(|which| self.happens(which, context));
        self.happens(event::END, context);
        self.happens(event::PHYEND, context);
    }

    /// Gives up what is being received or sent, and goes to another state.
    pub(super) fn stop_frame(&mut self, state: State, context: &mut Context<'_>) {
        self.frame = None;
        if self.state == State::Tx {
            context.air.break_off(instant(context.now));
        }
        self.enter(state, context);
    }
}
