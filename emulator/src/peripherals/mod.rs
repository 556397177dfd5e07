//! The chip's peripherals, register by register, as far as the firmware uses them.
//!
//! A peripheral has tasks, which software or PPI starts, events, and other registers. Whatever a model does not have is
//! answered with `None`, and the emulation ends with an error that names it: nothing is silently ignored.

mod clock;
mod errata;
mod gpio;
mod gpiote;
mod nvmc;
mod ppi;
mod radio;
mod rng;
mod rtc;
mod saadc;
mod temp;
mod timer;
mod uarte;
mod usbd;
mod wdt;

pub(crate) use clock::{Clock, Resets};
pub(crate) use errata::Errata;
pub(crate) use gpio::Gpio;
pub(crate) use gpiote::Gpiote;
pub(crate) use nvmc::{FLASH_SIZE, Nvmc, UICR, UICR_SIZE};
pub(crate) use ppi::Ppi;
pub(crate) use radio::Radio;
pub(crate) use rng::Rng;
pub(crate) use rtc::Rtc;
pub(crate) use saadc::Saadc;
pub(crate) use temp::Temp;
pub(crate) use timer::Timer;
pub(crate) use uarte::Uarte;
pub(crate) use usbd::Usbd;
pub(crate) use wdt::Wdt;

use crate::air::Air;
use crate::events::Events;
use crate::meter::Meter;
use oorandom::Rand64;
use std::collections::BTreeMap;

/// The chip's memory, as its bus masters see it.
pub(crate) trait Memory {
    fn read(&mut self, address: u32, len: usize) -> Vec<u8>;
    fn write(&mut self, address: u32, octets: &[u8]);
}

/// What is around a peripheral.
pub(crate) struct Context<'a> {
    /// In cycles.
    pub(crate) now: u64,
    pub(crate) memory: &'a mut dyn Memory,
    pub(crate) air: &'a mut dyn Air,
    pub(crate) meter: &'a mut Meter,
    pub(crate) dice: &'a mut Rand64,
    /// The processor stands still for so many cycles.
    pub(crate) stall: u64,
    /// What the peripheral was asked to do and must not.
    pub(crate) misuse: Option<String>,
}

/// What all have in common.
pub(crate) trait Peripheral {
    fn events(&mut self) -> &mut Events;

    /// A task is started: the one at offset 4 x `task`.
    fn task(&mut self, task: u32, context: &mut Context<'_>) -> Option<()>;

    /// A register is read that is neither a task nor of [`Events`].
    fn read(&mut self, offset: u32, now: u64) -> Option<u32>;

    /// Such a register is written.
    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> Option<()>;

    /// When to call [`Peripheral::handle_timeout`].
    fn poll_timeout(&self) -> Option<u64> {
        None
    }

    /// Does what is due.
    fn handle_timeout(&mut self, _context: &mut Context<'_>) {}
}

/// Registers that only keep what is written.
#[derive(Debug)]
pub(crate) struct Kept {
    values: BTreeMap<u32, u32>,
}

impl Kept {
    /// These, with the values that they have after a reset.
    pub(crate) fn new(registers: impl IntoIterator<Item = (u32, u32)>) -> Self {
        Self { values: registers.into_iter().collect() }
    }

    pub(crate) fn read(&self, offset: u32) -> Option<u32> {
        self.values.get(&offset).copied()
    }

    /// The value of one that exists.
    pub(crate) fn get(&self, offset: u32) -> u32 {
        self.read(offset).unwrap_or_default()
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) -> Option<()> {
        *self.values.get_mut(&offset)? = value;
        Some(())
    }
}

/// Registers in a row, all zero after a reset.
pub(crate) fn row(first: u32, count: u32) -> impl Iterator<Item = (u32, u32)> {
    (0..count).map(move |index| (first + 4 * index, 0))
}
