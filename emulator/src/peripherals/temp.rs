//! TEMP: the die's temperature.

use super::{Context, Kept, Peripheral, row};
use crate::events::Events;
use crate::time::cycles;

/// tTEMP (nRF52840 PS v1.7, "TEMP: Electrical specification").
const TAKES: u64 = cycles(36);
const DATARDY: u8 = 0;

#[derive(Debug)]
pub(crate) struct Temp {
    events: Events,
    kept: Kept,
    ready_at: Option<u64>,
    /// In quarters of a degree Celsius.
    pub(crate) quarters: i32,
}

impl Temp {
    pub(crate) fn new(quarters: i32) -> Self {
        // The curve's coefficients come out of FICR, and mean nothing here.
        let kept = Kept::new(row(0x520, 6).chain(row(0x540, 6)).chain(row(0x560, 5)));
        Self { events: Events::new(1), kept, ready_at: None, quarters }
    }
}

impl Peripheral for Temp {
    fn events(&mut self) -> &mut Events {
        &mut self.events
    }

    fn task(&mut self, task: u32, context: &mut Context<'_>) -> Option<()> {
        self.ready_at = match task {
            0 => Some(context.now + TAKES),
            1 => None,
            _ => return None,
        };
        Some(())
    }

    fn read(&mut self, offset: u32, _now: u64) -> Option<u32> {
        match offset {
            0x508 => Some(self.quarters as u32),
            _ => self.kept.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, _context: &mut Context<'_>) -> Option<()> {
        self.kept.write(offset, value)
    }

    fn poll_timeout(&self) -> Option<u64> {
        self.ready_at
    }

    fn handle_timeout(&mut self, context: &mut Context<'_>) {
        if self.ready_at.take_if(|at| *at <= context.now).is_some() {
            self.events.fire(DATARDY);
        }
    }
}
