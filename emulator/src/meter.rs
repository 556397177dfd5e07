//! What the chip draws: how long each part of it works, and what that means for a battery.

use crate::time::PER_US;
use simulator::energy::{Currents, Spent};
use std::ops::Sub;

/// What the crystal oscillator draws while the radio, whose figures contain it, is off, in nanoamperes. It depends on the
/// crystal: the product specification has figures for some ("64 MHz crystal oscillator (HFXO)"), this is meant to be above.
const HFXO_NA: u64 = 400_000;

/// What the radio is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RadioUse {
    Off,
    /// Gets ready, or off.
    Ramp,
    Receive,
    Transmit,
}

/// Times since the start, in cycles of 64 MHz.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// All.
    pub total: u64,
    /// The processor runs.
    pub cpu: u64,
    /// The crystal oscillator works.
    pub hfxo: u64,
    /// The radio gets ready, or off.
    pub ramp: u64,
    /// The radio receives, or could.
    pub receive: u64,
    /// The radio sends, or could.
    pub transmit: u64,
}

impl Used {
    /// The radio draws current, in microseconds.
    #[must_use]
    pub fn radio_us(&self) -> u64 {
        (self.ramp + self.receive + self.transmit) / PER_US
    }

    /// The average current in nanoamperes, with the product specification's figures. A ramp draws less than receiving, and
    /// counts as that.
    #[must_use]
    pub fn average_na(&self, currents: &Currents) -> u64 {
        let radio = self.ramp + self.receive + self.transmit;
        let spent = Spent {
            transmit_us: self.transmit / PER_US,
            receive_us: (self.ramp + self.receive) / PER_US,
            sleep_us: (self.total - radio) / PER_US,
            cpu_us: self.cpu / PER_US,
        };
        let waiting = u128::from(self.hfxo.saturating_sub(radio)) * u128::from(HFXO_NA);
        spent.average_na(currents) + (waiting / u128::from(self.total.max(1))) as u64
    }
}

impl Sub for Used {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            total: self.total - before.total,
            cpu: self.cpu - before.cpu,
            hfxo: self.hfxo - before.hfxo,
            ramp: self.ramp - before.ramp,
            receive: self.receive - before.receive,
            transmit: self.transmit - before.transmit,
        }
    }
}

/// Adds up.
#[derive(Debug)]
pub(crate) struct Meter {
    used: Used,
    radio: (RadioUse, u64),
    hfxo_since: Option<u64>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self { used: Used::default(), radio: (RadioUse::Off, 0), hfxo_since: None }
    }

    pub(crate) fn radio(&mut self, now: u64, next: RadioUse) {
        let (was, since) = std::mem::replace(&mut self.radio, (next, now));
        match was {
            RadioUse::Off => {}
            RadioUse::Ramp => self.used.ramp += now - since,
            RadioUse::Receive => self.used.receive += now - since,
            RadioUse::Transmit => self.used.transmit += now - since,
        }
    }

    pub(crate) fn hfxo(&mut self, now: u64, on: bool) {
        if let Some(since) = self.hfxo_since.take() {
            self.used.hfxo += now - since;
        }
        self.hfxo_since = on.then_some(now);
    }

    pub(crate) fn cpu(&mut self, cycles: u64) {
        self.used.cpu += cycles;
    }

    /// Up to now.
    pub(crate) fn read(&mut self, now: u64) -> Used {
        let (radio, hfxo) = (self.radio.0, self.hfxo_since.is_some());
        self.radio(now, radio);
        self.hfxo(now, hfxo);
        Used { total: now, ..self.used }
    }
}
