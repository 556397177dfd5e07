//! Registers that the specification does not have, and workarounds for errata write: at 0x4006_E000 for USBD's errata 171 and
//! 187, at 0x4007_A000 for erratum 246, what a sleeping chip takes.

use super::{Context, Kept, Peripheral};
use crate::events::Events;

/// A key, which opens and closes the others; what they hold does nothing here.
const KEY: u32 = 0xC00;
const OTHERS: [u32; 2] = [0xC14, 0xD14];
const ERRATUM_246: u32 = 0xC84;

#[derive(Debug)]
pub(crate) struct Errata {
    events: Events,
    kept: Kept,
}

impl Errata {
    pub(crate) fn usbd() -> Self {
        Self::with([KEY].into_iter().chain(OTHERS))
    }

    pub(crate) fn sleep() -> Self {
        Self::with([ERRATUM_246].into_iter())
    }

    fn with(registers: impl Iterator<Item = u32>) -> Self {
        Self { events: Events::new(0), kept: Kept::new(registers.map(|offset| (offset, 0))) }
    }
}

impl Peripheral for Errata {
    fn events(&mut self) -> &mut Events {
        &mut self.events
    }

    fn task(&mut self, _task: u32, _context: &mut Context<'_>) -> Option<()> {
        None
    }

    fn read(&mut self, offset: u32, _now: u64) -> Option<u32> {
        self.kept.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _context: &mut Context<'_>) -> Option<()> {
        self.kept.write(offset, value)
    }
}
