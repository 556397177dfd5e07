//! What images for an nRF52840 that need not save power have in common.
//!
//! Owns: its clocks, its watchdog. Must not know: what the image does.
//!
//! Order of calls: `clocks` for `embassy_nrf::init`, then `watchdog` and `keep`.

#![no_std]
#![cfg(target_os = "none")]

use embassy_nrf::Peri;
use embassy_nrf::config::{Config, Debug, HfclkSource, LfclkSource};
use embassy_nrf::interrupt::Priority;
use embassy_nrf::peripherals::WDT;
use embassy_nrf::wdt::{self, Watchdog, WatchdogHandle};
use embassy_time::{Duration, Timer};

/// Whoever blocks the executor for so long has crashed.
const WATCHDOG_S: u32 = 4;

/// The fast crystal always runs, because the receiver does, and the slow clock is made from it: no other crystal is needed,
/// which not every board has. The radio's interrupt comes before the timer's.
#[must_use]
pub fn clocks() -> Config {
    let mut config = Config::default();
    config.hfclk_source = HfclkSource::ExternalXtal;
    config.lfclk_source = LfclkSource::Synthesized;
    config.time_interrupt_priority = Priority::P2;
    // Who wants the chip locked or open has set that up, and it survives a restart.
    config.debug = Debug::NotConfigured;
    config
}

/// Starts the watchdog. Once started it runs on through restarts, with another period if another image had started it.
/// `None`: that image has fed it in more ways than we do; it will restart the chip, and then be ours.
#[must_use]
pub fn watchdog(watchdog: Peri<'static, WDT>) -> Option<WatchdogHandle> {
    let config = wdt::Config::try_new(&watchdog).unwrap_or_else(|| {
        let mut config = wdt::Config::default();
        config.timeout_ticks = WATCHDOG_S * 32_768;
        config
    });
    Watchdog::try_new(watchdog, config).ok().map(|(_, [handle])| handle)
}

/// Keeps the watchdog quiet as long as the executor turns.
pub async fn keep(mut watchdog: Option<WatchdogHandle>) -> ! {
    loop {
        watchdog.iter_mut().for_each(WatchdogHandle::pet);
        Timer::after(Duration::from_secs(1)).await;
    }
}
