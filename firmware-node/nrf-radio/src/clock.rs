//! The high-frequency crystal, without which the radio is off frequency. It takes a third of a millisecond to start and
//! some 250 uA while it runs.

use embassy_nrf::pac;
use embassy_nrf::pac::clock::vals::HfclkstatSrc;
use embassy_time::{Duration, Instant, Timer};

/// How long between two looks whether the crystal runs: a third of what it takes, typically.
const LOOK: Duration = Duration::from_micros(120);

/// The crystal, and whether somebody else needs it.
pub(crate) struct Crystal {
    is_on: bool,
    is_kept: bool,
}

impl Crystal {
    pub(crate) const fn new() -> Self {
        Self { is_on: false, is_kept: false }
    }

    /// It stays on from now on: USB needs it as well.
    pub(crate) fn keep(&mut self) {
        self.is_kept = true;
        self.start();
    }

    /// Starts it, if it is off.
    fn start(&mut self) {
        if !self.is_on {
            pac::CLOCK.events_hfclkstarted().write_value(0);
            pac::CLOCK.tasks_hfclkstart().write_value(1);
            self.is_on = true;
        }
    }

    /// Starts it, and waits until it runs, and for a time, asleep.
    pub(crate) async fn ready(&mut self, at: Instant) {
        self.start();
        Timer::at(at).await;
        while !is_running() {
            Timer::after(LOOK).await;
        }
    }

    /// Stops it, unless it is kept.
    pub(crate) fn stop(&mut self) {
        if self.is_on && !self.is_kept {
            pac::CLOCK.tasks_hfclkstop().write_value(1);
            self.is_on = false;
        }
    }
}

/// The event may be missing if the crystal ran before: the program may have started it for itself.
fn is_running() -> bool {
    let status = pac::CLOCK.hfclkstat().read();
    let is_there = status.state() && status.src() == HfclkstatSrc::Xtal;
    is_there || pac::CLOCK.events_hfclkstarted().read() != 0
}
