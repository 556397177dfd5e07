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
use embassy_nrf::interrupt::{InterruptExt, Priority};
use embassy_nrf::{Peripherals, bind_interrupts, interrupt, pac, peripherals, usb};
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

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    let why = restart::why();
    let Peripherals { RADIO, TIMER0, PPI_CH0, PPI_CH21, USBD, WDT, .. } = embassy_nrf::init(nrf_board::clocks());
    nrf_board::prepare();
    interrupt::USBD.set_priority(Priority::P3);
    interrupt::CLOCK_POWER.set_priority(Priority::P3);
    let hwaddr = hwaddr();
    let (mut device, mut reader, mut writer) = line::start(USBD, Irqs, hwaddr);
    let parts = nrf_radio::Parts { radio: RADIO, timer: TIMER0, channels: (PPI_CH0, PPI_CH21) };
    let mut radio = air::Air::new(nrf_radio::Radio::new(parts, Irqs, seed(hwaddr)));
    let config = rcp_app::Config {
        hwaddr,
        version: VERSION,
        min_power_dbm: *POWER_DBM.start(),
        max_power_dbm: *POWER_DBM.end(),
    };
    let board = Board { config, why, has_bootloader: restart::HAS_BOOTLOADER };
    let dongle = rcp_app::run(board, &mut radio, &mut reader, &mut writer, air::share);
    match select3(dongle, device.run(), nrf_board::keep(nrf_board::watchdog(WDT))).await {
        Either3::First(End::Bootloader) => restart::into_bootloader(),
        Either3::First(End::Restart) => restart::now(),
    }
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

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    restart::crashed()
}

#[allow(unsafe_code, reason = "the attribute demands it of every handler of a hard fault")]
#[cortex_m_rt::exception]
unsafe fn HardFault(_: &cortex_m_rt::ExceptionFrame) -> ! {
    restart::faulted()
}
