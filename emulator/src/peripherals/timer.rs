//! TIMER: a counter at up to 16 MHz with six compare registers.

use super::{Context, Kept, Peripheral, row};
use crate::events::Events;

const COMPARE: u8 = 16;
const EVENTS: u32 = 0x3F << COMPARE;
const SHORTS: u32 = 0x200;
const MODE: u32 = 0x504;
const BITMODE: u32 = 0x508;
const PRESCALER: u32 = 0x510;
const CC: u32 = 0x540;
const CHANNELS: u32 = 6;

#[derive(Debug)]
pub(crate) struct Timer {
    events: Events,
    kept: Kept,
    /// When the count was 0; `None`: it stands.
    since: Option<u64>,
    /// While it stands, or counts what it is told to.
    count: u64,
    /// Up to this cycle all has happened.
    done: u64,
}

impl Timer {
    pub(crate) fn new() -> Self {
        let kept = Kept::new(row(CC, CHANNELS).chain([(SHORTS, 0), (MODE, 0), (BITMODE, 0), (PRESCALER, 4)]));
        Self { events: Events::new(EVENTS), kept, since: None, count: 0, done: 0 }
    }

    /// Cycles for one step.
    fn period(&self) -> u64 {
        4 << self.kept.get(PRESCALER).min(9)
    }

    fn wrap(&self) -> u64 {
        1 << match self.kept.get(BITMODE) & 3 {
            1 => 8,
            2 => 24,
            3 => 32,
            _ => 16,
        }
    }

    fn count_at(&self, now: u64) -> u64 {
        self.since.map_or(self.count, |since| (now - since) / self.period())
    }

    fn next(&self, channel: u32) -> Option<u64> {
        let (since, count) = (self.since?, self.count_at(self.done));
        let target = u64::from(self.kept.get(CC + 4 * channel)) % self.wrap();
        let steps = (target + self.wrap() - (count + 1) % self.wrap()) % self.wrap();
        Some(since + (count + 1 + steps) * self.period())
    }

    fn clear(&mut self, now: u64) {
        (self.count, self.done) = (0, now);
        self.since = self.since.map(|_| now);
    }

    fn stop(&mut self, now: u64) {
        self.count = self.count_at(now) % self.wrap();
        self.since = None;
    }

    fn matched(&mut self, now: u64, channel: u32) {
        self.events.fire(COMPARE + channel as u8);
        let shorts = self.kept.get(SHORTS);
        if shorts & 1 << channel != 0 {
            self.clear(now);
        }
        if shorts & 1 << (8 + channel) != 0 {
            self.stop(now);
        }
    }
}

impl Peripheral for Timer {
    fn events(&mut self) -> &mut Events {
        &mut self.events
    }

    fn task(&mut self, task: u32, context: &mut Context<'_>) -> Option<()> {
        let now = context.now;
        match task {
            0 if self.since.is_none() && self.kept.get(MODE) == 0 => {
                self.since = Some(now - self.count * self.period());
                self.done = now;
            }
            0 => {}
            1 | 4 => self.stop(now),
            2 => {
                self.count = (self.count + 1) % self.wrap();
                let count = self.count as u32;
                let matching = (0..CHANNELS).filter(|channel| self.kept.get(CC + 4 * channel) == count);
                matching.collect::<Vec<_>>().into_iter().for_each(|channel| self.matched(now, channel));
            }
            3 => self.clear(now),
            0x10..0x16 => {
                let count = (self.count_at(now) % self.wrap()) as u32;
                self.kept.write(CC + 4 * (task - 0x10), count)?;
            }
            _ => return None,
        }
        Some(())
    }

    fn read(&mut self, offset: u32, _now: u64) -> Option<u32> {
        self.kept.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> Option<()> {
        self.done = context.now;
        self.kept.write(offset, value)
    }

    fn poll_timeout(&self) -> Option<u64> {
        (0..CHANNELS).filter_map(|channel| self.next(channel)).min()
    }

    fn handle_timeout(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        let due: Vec<u32> = (0..CHANNELS).filter(|channel| self.next(*channel).is_some_and(|at| at <= now)).collect();
        self.done = now;
        due.into_iter().for_each(|channel| self.matched(now, channel));
    }
}
