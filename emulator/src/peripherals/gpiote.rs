//! GPIOTE: events of pins. Only PORT happens here, with which a sleeping chip is woken.

use super::{Context, Kept, Peripheral, row};
use crate::events::Events;

const PORT: u8 = 31;
/// IN[0] to IN[7], and PORT.
const EVENTS: u32 = 0xFF | 1 << PORT;

#[derive(Debug)]
pub(crate) struct Gpiote {
    events: Events,
    kept: Kept,
}

impl Gpiote {
    pub(crate) fn new() -> Self {
        Self { events: Events::new(EVENTS), kept: Kept::new(row(0x510, 8)) }
    }

    pub(crate) fn detect(&mut self) {
        self.events.fire(PORT);
    }
}

impl Peripheral for Gpiote {
    fn events(&mut self) -> &mut Events {
        &mut self.events
    }

    /// Pins that tasks drive are not modelled.
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
