//! A router: an nRF52840 with power from the mains carries frames between the gateway and nodes that do not reach it.
//!
//! Owns: which of the chip's parts are used, where its settings come from, that it restarts after a crash. Must not know:
//! where frames go, which is `lowpan`'s business.
//!
//! It is told the PAN, the channel and the gateway by the pages of flash in which a node has its settings, and of these
//! it needs no others: it has no client id, no topics and no key. Without them it does nothing.

#![no_std]
#![no_main]

mod air;
mod settings;

use config_page::Settings;
use core::future::pending;
use cortex_m_rt as _;
use embassy_executor::Spawner;
use embassy_futures::join::join;
use embassy_nrf::nvmc::Nvmc;
use embassy_nrf::rng::Rng;
use embassy_nrf::{Peripherals, bind_interrupts};
use nrf_radio::Parts;
use router_app::{Router, RouterConfig, turn};
use static_cell::StaticCell;

bind_interrupts!(struct Irqs {
    RADIO => nrf_radio::InterruptHandler;
});

/// Nodes below it that it remembers.
const WAYS: usize = 64;
/// Frames that wait. Of one node five eighths: enough for the fragments of the longest datagram, which are up to 23.
const QUEUE: usize = 48;

/// In static memory, so that the linker checks that it fits and the image's size tells what it takes.
static ROUTER: StaticCell<Router<WAYS, QUEUE>> = StaticCell::new();

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    let Peripherals { RADIO, TIMER0, PPI_CH0, PPI_CH21, WDT, NVMC, RNG, .. } = embassy_nrf::init(nrf_board::clocks());
    nrf_board::prepare();
    let seed = Rng::new_blocking(RNG).blocking_next_u32();
    let parts = Parts { radio: RADIO, timer: TIMER0, channels: (PPI_CH0, PPI_CH21) };
    let work = async {
        match settings::read(&mut Nvmc::new(NVMC)) {
            Some(settings) => route(parts, seed, &settings).await,
            None => pending().await,
        }
    };
    join(nrf_board::keep(nrf_board::watchdog(WDT)), work).await;
}

/// `seed` is another one at each start: what is sent first after a restart is not to look like a copy of what was sent before.
async fn route(parts: Parts<'static>, seed: u32, settings: &Settings) {
    let eui64 = settings.eui64.unwrap_or_else(nrf_board::eui64);
    let Some(gateway) = settings.gateway else { return };
    let config = RouterConfig { eui64, pan: settings.pan, gateway, gateway_short: settings.gateway_short };
    // Its address is the gateway's: somebody has to choose another.
    let Ok(router) = Router::new(config, seed.into()) else { return };
    let router = ROUTER.init(router);
    let mut air = air::Air::new(nrf_radio::Radio::new(parts, Irqs, seed), settings, eui64);
    loop {
        turn(router, &mut air).await;
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    cortex_m::peripheral::SCB::sys_reset()
}

#[allow(unsafe_code, reason = "the attribute demands it of every handler of a hard fault")]
#[cortex_m_rt::exception]
unsafe fn HardFault(_: &cortex_m_rt::ExceptionFrame) -> ! {
    cortex_m::peripheral::SCB::sys_reset()
}
