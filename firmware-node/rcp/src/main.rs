//! A dongle with an nRF52840 as the gateway's radio: an OpenThread radio co-processor on a USB serial line.
//!
//! Owns: which of the chip's parts are used, and the reasons for which it restarts. Must not know: Spinel, which is
//! `rcp_app`'s business, and how the radio keeps its times, which is `nrf_radio`'s.
//!
//! Three things run side by side: USB, the dongle itself, and a watchdog's keeper. The radio's interrupt comes before all
//! others: an acknowledgement has 192 us.

#![no_std]
#![no_main]

mod air;
mod line;
mod restart;

use embassy_executor::Spawner;
use embassy_futures::select::{Either3, select3};
use embassy_nrf::config::{Config, Debug, HfclkSource, LfclkSource};
use embassy_nrf::interrupt::{InterruptExt, Priority};
use embassy_nrf::wdt::{self, Watchdog, WatchdogHandle};
use embassy_nrf::{Peri, Peripherals, bind_interrupts, interrupt, pac, peripherals, usb};
use embassy_time::{Duration, Timer};
use rcp_app::{Board, End};

bind_interrupts!(struct Irqs {
    RADIO => nrf_radio::InterruptHandler;
    USBD => usb::InterruptHandler<peripherals::USBD>;
    CLOCK_POWER => usb::vbus_detect::InterruptHandler;
});

/// What the host reads as the firmware's version.
const VERSION: &str = concat!("OPENTHREAD/mqtt-sn-gateway-rcp ", env!("CARGO_PKG_VERSION"), "; NRF52840");
/// What the chip can send with.
const POWER_DBM: core::ops::RangeInclusive<i8> = -40..=8;

/// Whoever blocks the executor for so long has crashed.
const WATCHDOG_S: u32 = 4;

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    let why = restart::why();
    let Peripherals { RADIO, USBD, WDT, .. } = embassy_nrf::init(clocks());
    let hwaddr = hwaddr();
    let (mut device, mut reader, mut writer) = line::start(USBD, Irqs, hwaddr);
    let mut radio = air::Air::new(nrf_radio::Radio::new(RADIO, Irqs, seed(hwaddr)));
    let config = rcp_app::Config {
        hwaddr,
        version: VERSION,
        min_power_dbm: *POWER_DBM.start(),
        max_power_dbm: *POWER_DBM.end(),
    };
    let board = Board { config, why, has_bootloader: restart::HAS_BOOTLOADER };
    let dongle = rcp_app::run(board, &mut radio, &mut reader, &mut writer, air::share);
    match select3(dongle, device.run(), keep(watchdog(WDT))).await {
        Either3::First(End::Bootloader) => restart::into_bootloader(),
        Either3::First(End::Restart) => restart::now(),
    }
}

/// USB and the radio both need the crystal, so it always runs, and the slow clock is made from it: no other crystal is
/// needed, which not every board has.
fn clocks() -> Config {
    let mut config = Config::default();
    config.hfclk_source = HfclkSource::ExternalXtal;
    config.lfclk_source = LfclkSource::Synthesized;
    config.time_interrupt_priority = Priority::P2;
    // The bootloader has set up what survives a restart.
    config.debug = Debug::NotConfigured;
    interrupt::USBD.set_priority(Priority::P3);
    interrupt::CLOCK_POWER.set_priority(Priority::P3);
    config
}

/// The address burnt in, most significant octet first: Nordic's company and the chip's number, put together as
/// OpenThread's firmware does it. So a dongle keeps its address when it gets this firmware.
fn hwaddr() -> [u8; 8] {
    let [a, b, c, d] = pac::FICR.deviceid(1).read().to_le_bytes();
    let [e, ..] = pac::FICR.deviceid(0).read().to_le_bytes();
    [0xF4, 0xCE, 0x36, a, b, c, d, e]
}

/// Another one for each dongle: so two do not try again at the same moments.
fn seed([.., a, b, c, d]: [u8; 8]) -> u32 {
    u32::from_le_bytes([a, b, c, d])
}

/// Once started it runs on through restarts; with another period if another image had started it. `None`: that has more to
/// keep it quiet with than we have, and it will restart the chip, and then be ours.
fn watchdog(wdt: Peri<'static, peripherals::WDT>) -> Option<WatchdogHandle> {
    let config = wdt::Config::try_new(&wdt).unwrap_or_else(|| {
        let mut config = wdt::Config::default();
        config.timeout_ticks = WATCHDOG_S * 32_768;
        config
    });
    Watchdog::try_new(wdt, config).ok().map(|(_, [handle])| handle)
}

/// Keeps the watchdog quiet as long as the executor turns.
async fn keep(mut watchdog: Option<WatchdogHandle>) -> ! {
    loop {
        watchdog.iter_mut().for_each(WatchdogHandle::pet);
        Timer::after(Duration::from_secs(1)).await;
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    restart::crashed()
}

#[allow(unsafe_code, reason = "the attribute demands it of every handler of a hard fault")]
#[cortex_m_rt::exception]
unsafe fn HardFault(_: &cortex_m_rt::ExceptionFrame) -> ! {
    restart::faulted()
}
