//! Registers at 0x4006_E000 that the specification does not have: the workarounds for USBD's errata 171 and 187 write them.

use super::{Context, Kept, Peripheral};
use crate::events::Events;

/// A key, which opens and closes the others; what they hold does nothing here.
const KEY: u32 = 0xC00;
const OTHERS: [u32; 2] = [0xC14, 0xD14];

#[derive(Debug)]
pub(crate) struct Errata {
    events: Events,
    kept: Kept,
}

impl Errata {
    pub(crate) fn new() -> Self {
        Self { events: Events::new(0), kept: Kept::new([KEY].into_iter().chain(OTHERS).map(|offset| (offset, 0))) }
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
