//! RADIO in IEEE 802.15.4 mode: its states, its times, and frames by DMA.
//!
//! States and tasks are those of the product specification's state diagram (nRF52840 PS v1.7, "Radio states"). A task that
//! the diagram does not have in a state is an error of the firmware's, and ends the emulation; so is using the radio
//! without its crystal oscillator, or in another mode.

mod frame;
mod look;
mod registers;

use super::{Context, Kept, Peripheral};
use crate::events::Events;
use crate::meter::RadioUse;
use crate::time::cycles;
use frame::Reception;
use look::{Cca, Look, Seen};
use registers::{EVENTS, SHORTS, event, register, task};
use simulator::radio::OnChip;

/// MODE: Ieee802154_250Kbit.
const IEEE802154: u32 = 15;
/// Ramp-up times, in microseconds (nRF52840 PS v1.7, "Radio timing parameters": tTXEN,IEEE and tRXEN,IEEE; with fast
/// ramp-up tTXEN,FAST,IEEE and tRXEN,FAST,IEEE).
const RAMP_UP_US: u64 = 130;
const FAST_RAMP_UP_US: u64 = 40;
/// tTXDIS,IEEE and tRXDIS,IEEE, rounded up to whole microseconds.
const TX_DISABLE_US: u64 = 21;
const RX_DISABLE_US: u64 = 1;
/// tRSSISETTLE and tRSSISAMPLE.
const RSSI_US: u64 = 15;
/// STATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Disabled = 0,
    RxRu = 1,
    RxIdle = 2,
    Rx = 3,
    RxDisable = 4,
    TxRu = 9,
    TxIdle = 10,
    Tx = 11,
    TxDisable = 12,
}

#[derive(Debug)]
pub(crate) struct Radio {
    events: Events,
    kept: Kept,
    state: State,
    /// When a ramp ends.
    ramp: Option<u64>,
    look: Option<Look>,
    /// When the last frame ended, for TIFS.
    ended_at: u64,
    /// The radio has disabled itself by a short, so that TIFS is kept.
    keeps_tifs: bool,
    /// The frame that is being received or sent.
    frame: Option<Reception>,
    /// Bits are counted from this frame on.
    counts_bits: bool,
    rssi_at: Option<u64>,
    crc_ok: bool,
    ed_sample: u32,
    rssi_sample: u32,
}

impl Radio {
    pub(crate) fn new() -> Self {
        let zero = [
            register::SHORTS,
            register::PDUSTAT,
            register::RXCRC,
            register::PACKETPTR,
            register::TXPOWER,
            register::MODE,
            register::PCNF0,
            register::PCNF1,
            register::CRCCNF,
            register::CRCPOLY,
            register::CRCINIT,
            register::TIFS,
            register::BCC,
            register::EDCNT,
        ];
        let others = [
            (register::FREQUENCY, 2),
            (register::MODECNF0, 0x200),
            (register::SFD, 0xA7),
            (register::CCACTRL, 0x052D_0000),
            (register::POWER, 1),
        ];
        Self {
            events: Events::new(EVENTS),
            kept: Kept::new(zero.map(|offset| (offset, 0)).into_iter().chain(others)),
            state: State::Disabled,
            ramp: None,
            look: None,
            ended_at: 0,
            keeps_tifs: false,
            frame: None,
            counts_bits: false,
            rssi_at: None,
            crc_ok: false,
            ed_sample: 0,
            rssi_sample: 127,
        }
    }

    /// All is as at the start.
    pub(crate) fn reset(&mut self, context: &mut Context<'_>) {
        self.stop_frame(State::Disabled, context);
        *self = Self::new();
    }

    fn enter(&mut self, state: State, context: &mut Context<'_>) {
        let (was, at) = (self.state, crate::time::instant(context.now));
        if was == State::Rx && state != State::Rx {
            context.air.open(at, false);
        }
        if state == State::Rx && was != State::Rx {
            context.air.open(at, true);
        }
        self.state = state;
        context.meter.radio(context.now, state.used_for());
    }

    /// An event happens, and what the shorts make of it.
    fn happens(&mut self, which: u8, context: &mut Context<'_>) {
        self.events.fire(which);
        let shorts = self.kept.get(register::SHORTS);
        for (bit, on, starts) in SHORTS {
            if on == which && shorts & 1 << bit != 0 {
                self.keeps_tifs = which == event::DISABLED;
                self.start(starts, context);
                self.keeps_tifs = false;
            }
        }
    }

    fn start(&mut self, which: u32, context: &mut Context<'_>) -> Option<()> {
        match (which, self.state) {
            (task::TXEN, State::Disabled | State::RxIdle) => self.ramp_up(State::TxRu, context),
            (task::RXEN, State::Disabled | State::TxIdle) => self.ramp_up(State::RxRu, context),
            (task::START, State::TxIdle) => self.send(context),
            (task::START, State::RxIdle) => {
                self.frame = None;
                self.enter(State::Rx, context);
            }
            (task::STOP, State::Rx) => self.stop_frame(State::RxIdle, context),
            (task::STOP, State::Tx) => self.stop_frame(State::TxIdle, context),
            (task::STOP, _) => {}
            (task::DISABLE, _) => self.disable(context),
            (task::RSSISTART, State::Rx) => self.rssi_at = Some(context.now + cycles(RSSI_US)),
            (task::RSSISTART, _) => {}
            (task::RSSISTOP, _) => self.rssi_at = None,
            (task::BCSTART, _) => self.counts_bits = true,
            (task::BCSTOP, _) => self.counts_bits = false,
            (task::EDSTART, State::RxIdle | State::Rx) => {
                self.look = Some(Look::for_energy(context, self.kept.get(register::EDCNT) + 1));
            }
            (task::CCASTART, State::RxIdle | State::Rx) => {
                self.look = Cca::parse(self.kept.get(register::CCACTRL)).map(|cca| Look::for_cca(context, cca));
            }
            (task::EDSTOP, _) => self.stop_look(event::EDSTOPPED),
            (task::CCASTOP, _) => self.stop_look(event::CCASTOPPED),
            (task::TXEN | task::RXEN | task::START | task::EDSTART | task::CCASTART, state) => {
                context.misuse = Some(format!("RADIO task {which} in state {state:?}"));
            }
            _ => return None,
        }
        Some(())
    }

    fn ramp_up(&mut self, state: State, context: &mut Context<'_>) {
        if self.kept.get(register::MODE) != IEEE802154 {
            context.misuse = Some("RADIO in another mode than IEEE 802.15.4".into());
        }
        context.air.tune(crate::time::instant(context.now), self.channel());
        let is_fast = self.kept.get(register::MODECNF0) & 1 != 0;
        let ramp = cycles(if is_fast { FAST_RAMP_UP_US } else { RAMP_UP_US });
        let spaced = self.ended_at + cycles(u64::from(self.kept.get(register::TIFS)));
        let ready = context.now + ramp;
        // The specification enforces TIFS with the default ramp-up only.
        self.ramp = Some(if self.keeps_tifs && !is_fast { ready.max(spaced) } else { ready });
        self.enter(state, context);
    }

    /// FREQUENCY is in MHz above 2400, and channel 11 is at 2405 MHz (IEEE 802.15.4-2011 §8.1.2.2).
    fn channel(&self) -> u8 {
        (self.kept.get(register::FREQUENCY) / 5 + 10) as u8
    }

    fn disable(&mut self, context: &mut Context<'_>) {
        let (state, after_us) = match self.state {
            State::Disabled => return self.happens(event::DISABLED, context),
            State::RxRu | State::RxIdle | State::Rx | State::RxDisable => (State::RxDisable, RX_DISABLE_US),
            State::TxRu | State::TxIdle | State::Tx | State::TxDisable => (State::TxDisable, TX_DISABLE_US),
        };
        self.stop_frame(state, context);
        (self.look, self.rssi_at, self.counts_bits) = (None, None, false);
        self.ramp = Some(context.now + cycles(after_us));
    }

    fn stop_look(&mut self, stopped: u8) {
        if self.look.take().is_some() {
            self.events.fire(stopped);
        }
    }

    /// A ramp is over.
    fn ramped(&mut self, context: &mut Context<'_>) {
        self.ramp = None;
        let (state, ready) = match self.state {
            State::RxRu => (State::RxIdle, event::RXREADY),
            State::TxRu => (State::TxIdle, event::TXREADY),
            State::RxDisable | State::TxDisable => {
                self.enter(State::Disabled, context);
                return self.happens(event::DISABLED, context);
            }
            State::Disabled | State::RxIdle | State::Rx | State::TxIdle | State::Tx => return,
        };
        self.enter(state, context);
        self.happens(event::READY, context);
        // READY may have started something already.
        self.happens(ready, context);
    }

    /// A symbol of the look at the channel is over.
    fn look_on(&mut self, context: &mut Context<'_>) {
        let Some(seen) = self.look.as_mut().and_then(|look| look.go_on(context)) else { return };
        self.look = None;
        let event = match seen {
            Seen::Energy(level) => {
                self.ed_sample = level;
                event::EDEND
            }
            Seen::Busy => event::CCABUSY,
            Seen::Idle => event::CCAIDLE,
        };
        self.happens(event, context);
    }

    /// What the air has to say.
    pub(crate) fn hear(&mut self, news: OnChip, context: &mut Context<'_>) {
        match news {
            OnChip::Begins { psdu, rssi_dbm } => self.frame_begins(psdu, rssi_dbm, context),
            OnChip::Ends { is_whole } => self.frame_ends(is_whole, context),
            OnChip::Sent => self.sent(context),
        }
    }
}

impl State {
    fn used_for(self) -> RadioUse {
        match self {
            Self::Disabled => RadioUse::Off,
            Self::RxRu | Self::TxRu | Self::RxDisable | Self::TxDisable => RadioUse::Ramp,
            Self::RxIdle | Self::Rx => RadioUse::Receive,
            Self::TxIdle | Self::Tx => RadioUse::Transmit,
        }
    }
}

impl Peripheral for Radio {
    fn events(&mut self) -> &mut Events {
        &mut self.events
    }

    fn task(&mut self, which: u32, context: &mut Context<'_>) -> Option<()> {
        self.start(which, context)
    }

    fn read(&mut self, offset: u32, _now: u64) -> Option<u32> {
        Some(match offset {
            register::STATE => self.state as u32,
            register::CRCSTATUS => u32::from(self.crc_ok),
            register::EDSAMPLE => self.ed_sample,
            register::RSSISAMPLE => self.rssi_sample,
            _ => return self.kept.read(offset),
        })
    }

    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> Option<()> {
        if offset == register::CCACTRL {
            Cca::parse(value)?;
        }
        self.kept.write(offset, value)?;
        if offset == register::POWER && value & 1 == 0 {
            // Off and on is a reset.
            self.reset(context);
        }
        Some(())
    }

    fn poll_timeout(&self) -> Option<u64> {
        let marks = self.frame.as_ref().and_then(Reception::next_mark);
        [self.ramp, self.look.as_ref().map(Look::due), self.rssi_at, marks].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        self.pass_marks(context);
        if self.rssi_at.take_if(|at| *at <= now).is_some() {
            let heard = self.frame.as_ref().map_or(context.air.power_dbm(), Reception::rssi_dbm);
            self.rssi_sample = u32::from(heard.unsigned_abs());
            self.happens(event::RSSIEND, context);
        }
        if self.look.as_ref().is_some_and(|look| look.due() <= now) {
            self.look_on(context);
        }
        if self.ramp.is_some_and(|at| at <= now) {
            self.ramped(context);
        }
    }
}
