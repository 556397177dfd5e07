//! SAADC: voltages; here the supply's, whatever channel is asked for.

use super::{Context, Kept, Peripheral, row};
use crate::events::Events;
use crate::time::cycles;

const STARTED: u8 = 0;
const END: u8 = 1;
const DONE: u8 = 2;
const RESULTDONE: u8 = 3;
const CALIBRATEDONE: u8 = 4;
const STOPPED: u8 = 5;
/// With CH[n].LIMITH and LIMITL, which never happen here.
const EVENTS: u32 = 0x3F_FFFF;
const RESOLUTION: u32 = 0x5F0;
const POINTER: u32 = 0x62C;
const MAXCNT: u32 = 0x630;
/// Off and on is a reset: not in the specification, but in Nordic's workaround for an erratum.
const POWER: u32 = 0xFFC;
const CHANNEL: u32 = 0x510;
const CHANNELS: u32 = 8;
/// tACQ of up to 40 us and tCONV (nRF52840 PS v1.7, "SAADC: Electrical specification").
const SAMPLE: u64 = cycles(42);
const CALIBRATION: u64 = cycles(1_000);
/// Gain 1/6 of the internal reference of 0.6 V, as after a reset of CONFIG, is full scale.
const FULL_SCALE_MV: u32 = 3_600;

#[derive(Debug)]
pub(crate) struct Saadc {
    events: Events,
    kept: Kept,
    due: Option<(u64, u8)>,
    /// Results in memory since START.
    amount: u32,
    /// The supply's, in millivolts.
    pub(crate) supply_mv: u32,
}

impl Saadc {
    pub(crate) fn new(supply_mv: u32) -> Self {
        let others = [0x500, RESOLUTION, 0x5F4, 0x5F8, POINTER, MAXCNT, POWER].map(|offset| (offset, 0));
        let kept = Kept::new(row(CHANNEL, 4 * CHANNELS).chain(others));
        Self { events: Events::new(EVENTS), kept, due: None, amount: 0, supply_mv }
    }

    fn sampled(&mut self, context: &mut Context<'_>) {
        let bits = 8 + 2 * self.kept.get(RESOLUTION).min(3);
        let code = ((self.supply_mv << bits) / FULL_SCALE_MV).min((1 << bits) - 1) as u16;
        let connected = (0..CHANNELS).filter(|channel| self.kept.get(CHANNEL + 16 * channel) != 0).count() as u32;
        for _ in 0..connected {
            context.memory.write(self.kept.get(POINTER) + 2 * self.amount, &code.to_le_bytes());
            self.amount += 1;
        }
        self.events.fire(DONE);
        self.events.fire(RESULTDONE);
        if self.amount >= self.kept.get(MAXCNT) {
            self.events.fire(END);
        }
    }
}

impl Peripheral for Saadc {
    fn events(&mut self) -> &mut Events {
        &mut self.events
    }

    fn task(&mut self, task: u32, context: &mut Context<'_>) -> Option<()> {
        match task {
            0 => {
                self.amount = 0;
                self.events.fire(STARTED);
            }
            1 => self.due = Some((context.now + SAMPLE, DONE)),
            2 => self.events.fire(STOPPED),
            3 => self.due = Some((context.now + CALIBRATION, CALIBRATEDONE)),
            _ => return None,
        }
        Some(())
    }

    fn read(&mut self, offset: u32, _now: u64) -> Option<u32> {
        match offset {
            0x400 => Some(u32::from(self.due.is_some())),
            0x634 => Some(self.amount),
            _ => self.kept.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, _context: &mut Context<'_>) -> Option<()> {
        self.kept.write(offset, value)?;
        if offset == POWER && value == 0 {
            *self = Self::new(self.supply_mv);
        }
        Some(())
    }

    fn poll_timeout(&self) -> Option<u64> {
        self.due.map(|(at, _)| at)
    }

    fn handle_timeout(&mut self, context: &mut Context<'_>) {
        match self.due.take_if(|(at, _)| *at <= context.now) {
            Some((_, DONE)) => self.sampled(context),
            Some((_, which)) => self.events.fire(which),
            None => {}
        }
    }
}
