//! Time: one timer runs freely, the other is the alarm. No tick, so the processor sleeps as long as nothing is due.

use crate::device::{Device, Offset, TIMER_HZ, TIMER0, TIMER1};
use crate::wake::Wake;
use node_app::{Clock, Instant};

// Registers of a timer.
const CTRL: Offset = Offset::X00;
const VALUE: Offset = Offset::X04;
const RELOAD: Offset = Offset::X08;
const INT_CLEAR: Offset = Offset::X0C;

// Bits of CTRL.
const ENABLE: u32 = 1 << 0;
const INTERRUPT_ENABLE: u32 = 1 << 3;

const COUNTER: Device = TIMER0;
const ALARM: Device = TIMER1;

const TICKS_PER_US: u64 = TIMER_HZ / 1_000_000;

/// The counter wraps around after 171 s and has to be read more often than that.
const LONGEST_WAIT_TICKS: u64 = 100 * TIMER_HZ;

/// The board's time.
pub(crate) struct Timers {
    /// Since the start, when the counter was read last.
    ticks: u64,
    /// What it showed then. It counts down.
    last: u32,
}

impl Timers {
    /// Starts the time.
    pub(crate) fn start() -> Self {
        COUNTER.write(RELOAD, u32::MAX);
        COUNTER.write(CTRL, ENABLE);
        Wake::Timer1.enable();
        Self { ticks: 0, last: COUNTER.read(VALUE) }
    }

    fn ticks(&mut self) -> u64 {
        let value = COUNTER.read(VALUE);
        self.ticks += u64::from(self.last.wrapping_sub(value));
        self.last = value;
        self.ticks
    }
}

impl Clock for Timers {
    fn now(&mut self) -> Instant {
        Instant::from_micros(self.ticks() / TICKS_PER_US)
    }

    fn wait(&mut self, due: Option<Instant>) {
        let now = self.ticks();
        let due = due.map_or(u64::MAX, |due| due.as_micros().saturating_mul(TICKS_PER_US));
        let ticks = due.saturating_sub(now).min(LONGEST_WAIT_TICKS);
        if ticks == 0 {
            return;
        }
        // At most 2,500,000,000, so it fits.
        ALARM.write(RELOAD, ticks as u32);
        ALARM.write(CTRL, ENABLE | INTERRUPT_ENABLE);
        cortex_m::asm::wfi();
        ALARM.write(CTRL, 0);
        ALARM.write(INT_CLEAR, 1);
        Wake::Timer1.clear();
    }
}
