//! PPI: events that start tasks without the processor.

use super::{Context, Kept, Peripheral, row};
use crate::events::Events;

const CHEN: u32 = 0x500;
const CHENSET: u32 = 0x504;
const CHENCLR: u32 = 0x508;
/// Event and task of the 20 channels that can be programmed.
const CH: u32 = 0x510;
const CHANNELS: u32 = 20;
/// A second task of each channel.
const FORK: u32 = 0x910;
const GROUPS: u32 = 0x800;

const RADIO: u32 = 0x4000_1000;
const TIMER0: u32 = 0x4000_8000;
const RTC0: u32 = 0x4000_B000;
/// Channels 20 to 31 that cannot (nRF52840 PS v1.7, "Pre-programmed channels"); those to AAR and CCM are not modelled.
const FIXED: [(u32, u32, u32); 9] = [
    (20, TIMER0 + 0x140, RADIO),
    (21, TIMER0 + 0x140, RADIO + 0x004),
    (22, TIMER0 + 0x144, RADIO + 0x010),
    (26, RADIO + 0x104, TIMER0 + 0x044),
    (27, RADIO + 0x10C, TIMER0 + 0x048),
    (28, RTC0 + 0x140, RADIO),
    (29, RTC0 + 0x140, RADIO + 0x004),
    (30, RTC0 + 0x140, TIMER0 + 0x00C),
    (31, RTC0 + 0x140, TIMER0),
];

#[derive(Debug)]
pub(crate) struct Ppi {
    events: Events,
    kept: Kept,
    enabled: u32,
}

impl Ppi {
    pub(crate) fn new() -> Self {
        let kept = Kept::new(row(CH, CHANNELS * 2).chain(row(FORK, 32)).chain(row(GROUPS, 6)));
        Self { events: Events::new(0), kept, enabled: 0 }
    }

    /// The addresses of the tasks that the event at this address starts.
    pub(crate) fn tasks_of(&self, event: u32) -> Vec<u32> {
        let own = (0..CHANNELS)
            .map(|channel| (channel, self.kept.get(CH + 8 * channel), self.kept.get(CH + 8 * channel + 4)));
        let started = own.chain(FIXED).filter(|(channel, on, _)| self.enabled & 1 << channel != 0 && *on == event);
        let tasks = started.flat_map(|(channel, _, task)| [task, self.kept.get(FORK + 4 * channel)]);
        tasks.filter(|task| *task != 0).collect()
    }
}

impl Peripheral for Ppi {
    fn events(&mut self) -> &mut Events {
        &mut self.events
    }

    /// CHG[n].EN and CHG[n].DIS.
    fn task(&mut self, task: u32, _context: &mut Context<'_>) -> Option<()> {
        let group = self.kept.read(GROUPS + 4 * (task / 2))?;
        match task % 2 {
            0 => self.enabled |= group,
            _ => self.enabled &= !group,
        }
        Some(())
    }

    fn read(&mut self, offset: u32, _now: u64) -> Option<u32> {
        match offset {
            CHEN | CHENSET | CHENCLR => Some(self.enabled),
            _ => self.kept.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, _context: &mut Context<'_>) -> Option<()> {
        match offset {
            CHEN => self.enabled = value,
            CHENSET => self.enabled |= value,
            CHENCLR => self.enabled &= !value,
            _ => return self.kept.write(offset, value),
        }
        Some(())
    }
}
