//! RTC: a counter of 24 bits at 32,768 Hz over a prescaler, with compare registers.

use super::{Context, Kept, Peripheral};
use crate::events::Events;

const TICK: u8 = 0;
const OVERFLOW: u8 = 1;
const COMPARE: u8 = 16;
const EVENTS: u32 = 0b11 | 0xF << COMPARE;
const WRAP: u64 = 1 << 24;
const EVTEN: u32 = 0x340;
const PRESCALER: u32 = 0x508;
const CC: u32 = 0x540;
/// A tick takes 64 MHz / 32,768 Hz = 15,625 / 8 cycles.
const CYCLES_PER_8_TICKS: u64 = 15_625;

#[derive(Debug)]
pub(crate) struct Rtc {
    events: Events,
    kept: Kept,
    /// Events that PPI sees.
    routed: u32,
    /// When the count was 0, in ticks of the 32,768 Hz clock since the start; `None`: it stands.
    since: Option<u64>,
    /// While it stands.
    count: u64,
    /// Up to this tick of the 32,768 Hz clock all has happened.
    done: u64,
}

/// How many ticks have begun by a cycle.
fn ticks(now: u64) -> u64 {
    now * 8 / CYCLES_PER_8_TICKS
}

/// The cycle with which a tick begins.
fn cycle_of(tick: u64) -> u64 {
    (tick * CYCLES_PER_8_TICKS).div_ceil(8)
}

impl Rtc {
    pub(crate) fn new() -> Self {
        let kept = Kept::new([CC, CC + 4, CC + 8, CC + 12, PRESCALER].map(|offset| (offset, 0)));
        Self { events: Events::new(EVENTS), kept, routed: 0, since: None, count: 0, done: 0 }
    }

    fn period(&self) -> u64 {
        u64::from(self.kept.get(PRESCALER)) + 1
    }

    /// The count, not wrapped, at a tick of the clock.
    fn count_at(&self, tick: u64) -> u64 {
        self.since.map_or(self.count, |since| (tick - since) / self.period())
    }

    fn counter(&self, now: u64) -> u64 {
        self.count_at(ticks(now)) % WRAP
    }

    /// Those that are looked out for, and the next count of each.
    fn awaited(&self) -> impl Iterator<Item = (u8, u64)> {
        let enabled = self.events.interrupts() | self.routed;
        let count = self.count_at(self.done);
        let next = move |target: u64| count + 1 + (target + WRAP - (count + 1) % WRAP) % WRAP;
        let compares = (0..4_u8).map(move |index| (COMPARE + index, next(u64::from(self.cc(index)))));
        let all = compares.chain([(OVERFLOW, next(0)), (TICK, count + 1)]);
        all.filter(move |(event, _)| enabled & 1 << event != 0)
    }

    fn cc(&self, index: u8) -> u32 {
        self.kept.get(CC + 4 * u32::from(index)) & 0xFF_FFFF
    }

    fn tick_of(&self, count: u64) -> Option<u64> {
        Some(self.since? + count * self.period())
    }
}

impl Peripheral for Rtc {
    fn events(&mut self) -> &mut Events {
        &mut self.events
    }

    fn task(&mut self, task: u32, context: &mut Context<'_>) -> Option<()> {
        let tick = ticks(context.now);
        match task {
            0 if self.since.is_none() => {
                self.since = Some(tick - self.count * self.period());
                self.done = tick;
            }
            0 => {}
            1 => {
                self.count = self.counter(context.now);
                self.since = None;
            }
            2 => {
                self.count = 0;
                self.since = self.since.map(|_| tick);
                self.done = tick;
            }
            // TRIGOVRFLW
            3 => {
                self.count = WRAP - 16;
                self.since = self.since.map(|_| tick - (WRAP - 16) * self.period());
                self.done = tick;
            }
            _ => return None,
        }
        Some(())
    }

    fn read(&mut self, offset: u32, now: u64) -> Option<u32> {
        match offset {
            0x504 => Some(self.counter(now) as u32),
            EVTEN | 0x344 | 0x348 => Some(self.routed),
            _ => self.kept.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> Option<()> {
        // What is written now does not reach back.
        if self.since.is_some() {
            self.done = ticks(context.now);
        }
        match offset {
            EVTEN => self.routed = value,
            0x344 => self.routed |= value,
            0x348 => self.routed &= !value,
            _ => return self.kept.write(offset, value),
        }
        Some(())
    }

    fn poll_timeout(&self) -> Option<u64> {
        let next = self.awaited().map(|(_, count)| count).min()?;
        self.tick_of(next).map(cycle_of)
    }

    fn handle_timeout(&mut self, context: &mut Context<'_>) {
        let tick = ticks(context.now);
        let due: Vec<u8> = self
            .awaited()
            .filter(|(_, count)| self.tick_of(*count).is_some_and(|at| at <= tick))
            .map(|(event, _)| event)
            .collect();
        self.done = tick;
        due.into_iter().for_each(|event| self.events.fire(event));
    }
}
