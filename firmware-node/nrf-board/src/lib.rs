//! What images for an nRF52840 have in common.
//!
//! Owns: the chip's address; clocks and watchdog of images that need not save power. Must not know: what the image does.
//!
//! Order of calls: `clocks` for `embassy_nrf::init`, then `prepare`, `watchdog` and `keep`; `eui64` at any time.

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
    // Who wants the chip locked or open has said so in UICR: `prepare` goes by that.
    config.debug = Debug::NotConfigured;
    config
}

/// What the chip forgets at each reset. Once, after `embassy_nrf::init`.
#[allow(unsafe_code, reason = "two registers that the peripheral access crate does not have")]
pub fn prepare() {
    // The port is to stay open: the owner's word in UICR.
    const OPEN: u32 = 0x5A;
    const APPROTECT_DISABLE: *mut u32 = core::ptr::with_exposed_provenance_mut(0x4000_0558);
    const ERRATUM_246: *mut u32 = core::ptr::with_exposed_provenance_mut(0x4007_AC84);
    // Of build codes up to E the port is as UICR says. Of later ones it is closed at each reset until the image agrees.
    let build_code = (pac::FICR.info().variant().read() >> 8) as u8;
    if build_code >= b'F' && pac::UICR.approtect().read().0 & 0xFF == OPEN {
        // SAFETY: APPROTECT.DISABLE of the product specification, which those chips have.
        unsafe { APPROTECT_DISABLE.write_volatile(OPEN) };
    }
    // SAFETY: what Nordic's erratum 246 says against 350 uA that a sleeping chip may take. Nothing else is at that address.
    unsafe { ERRATUM_246.write_volatile(2) };
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
