//! What images for an nRF52840 have in common.
//!
//! Owns: the chip's address; clocks and watchdog of images that need not save power. Must not know: what the image does.
//!
//! Order of calls: `clocks` for `embassy_nrf::init`, then `watchdog` and `keep`; `eui64` at any time.

#![no_std]
#![cfg(target_os = "none")]

use embassy_nrf::config::{Config, Debug, HfclkSource, LfclkSource};
use embassy_nrf::interrupt::Priority;
use embassy_nrf::peripherals::WDT;
use embassy_nrf::wdt::{self, Watchdog, WatchdogHandle};
use embassy_nrf::{Peri, pac};
use embassy_time::{Duration, Timer};
use sn_types::Eui64;

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

/// An address for the chip: made of the number that each has, marked as given by nobody.
#[must_use]
pub fn eui64() -> Eui64 {
    let (low, high) = (pac::FICR.deviceid(0).read(), pac::FICR.deviceid(1).read());
    let mut eui64 = (u64::from(high) << 32 | u64::from(low)).to_be_bytes();
    eui64[0] = eui64[0] & !0x01 | 0x02;
    Eui64(eui64)
}
