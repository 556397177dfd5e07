//! RNG: random octets, here the same ones for the same seed.

use super::{Context, Kept, Peripheral};
use crate::events::Events;
use crate::time::cycles;

/// tRNG,BC: an octet with bias correction (nRF52840 PS v1.7, "RNG: Electrical specification").
const TAKES: u64 = cycles(120);
const VALRDY: u8 = 0;
const SHORTS: u32 = 0x200;

#[derive(Debug)]
pub(crate) struct Rng {
    events: Events,
    kept: Kept,
    ready_at: Option<u64>,
    value: u32,
}

impl Rng {
    pub(crate) fn new() -> Self {
        let kept = Kept::new([(SHORTS, 0), (0x504, 0)]);
        Self { events: Events::new(1), kept, ready_at: None, value: 0 }
    }
}

impl Peripheral for Rng {
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
            0x508 => Some(self.value),
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
            self.value = context.dice.rand_range(0..256) as u32;
            self.events.fire(VALRDY);
            let stops = self.kept.get(SHORTS) & 1 != 0;
            self.ready_at = (!stops).then_some(context.now + TAKES);
        }
    }
}
