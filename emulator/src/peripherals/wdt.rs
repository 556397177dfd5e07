//! WDT: once started it cannot be stopped, and resets the chip unless all of its reload registers in use are written in time.

use super::{Context, Kept, Peripheral, row};
use crate::events::Events;

/// What a reload register is to be written with.
const RELOAD: u32 = 0x6E52_4635;
const RR: u32 = 0x600;
const CRV: u32 = 0x504;
const RREN: u32 = 0x508;
const CONFIG: u32 = 0x50C;
const TIMEOUT: u8 = 0;
/// From the event to the reset: two cycles of the 32,768 Hz clock.
const GRACE: u64 = 2 * 64_000_000 / 32_768;

#[derive(Debug)]
pub(crate) struct Wdt {
    events: Events,
    kept: Kept,
    /// When it runs out.
    until: Option<u64>,
    /// Reload registers that have been written since.
    reloaded: u32,
    bites_at: Option<u64>,
    /// The chip is to be reset.
    pub(crate) bites: bool,
}

impl Wdt {
    pub(crate) fn new() -> Self {
        let kept = Kept::new([(CRV, u32::MAX), (RREN, 1), (CONFIG, 1)].into_iter().chain(row(RR, 8)));
        Self { events: Events::new(1), kept, until: None, reloaded: 0, bites_at: None, bites: false }
    }

    fn restart(&mut self, now: u64) {
        let ticks = u64::from(self.kept.get(CRV)) + 1;
        self.until = Some(now + (ticks * 15_625).div_ceil(8));
        self.reloaded = 0;
    }
}

impl Peripheral for Wdt {
    fn events(&mut self) -> &mut Events {
        &mut self.events
    }

    fn task(&mut self, task: u32, context: &mut Context<'_>) -> Option<()> {
        if task != 0 {
            return None;
        }
        if self.until.is_none() {
            self.restart(context.now);
        }
        Some(())
    }

    fn read(&mut self, offset: u32, _now: u64) -> Option<u32> {
        match offset {
            0x400 => Some(u32::from(self.until.is_some())),
            0x404 => Some(self.kept.get(RREN) & !self.reloaded),
            _ => self.kept.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> Option<()> {
        match offset {
            RR..0x620 if value == RELOAD => {
                self.reloaded |= 1 << ((offset - RR) / 4);
                if self.until.is_some() && self.kept.get(RREN) & !self.reloaded == 0 {
                    self.restart(context.now);
                }
                Some(())
            }
            // Its configuration is locked while it runs.
            CRV | RREN | CONFIG if self.until.is_some() => Some(()),
            _ => self.kept.write(offset, value),
        }
    }

    fn poll_timeout(&self) -> Option<u64> {
        [self.until, self.bites_at].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, context: &mut Context<'_>) {
        if self.bites_at.take_if(|at| *at <= context.now).is_some() {
            self.bites = true;
        } else if self.until.is_some_and(|until| until <= context.now) {
            self.until = None;
            self.events.fire(TIMEOUT);
            self.bites_at = Some(context.now + GRACE);
        }
    }
}
