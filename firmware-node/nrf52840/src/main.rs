//! The sensor node on an nRF52840, over its own radio.
//!
//! Owns: the board. It starts the clocks, the watchdog and the radio, finds out why it was reset, and does what
//! `node_app::sensor` decides. Must not know: what the node decides.
//!
//! With no settings in flash, or with the button held at the start, it does nothing but listen at its console: for ten minutes, if it has some.

#![no_std]
#![no_main]

mod console;
mod fault;
mod measure;
mod node;

use cortex_m_rt as _;
use embassy_executor::Spawner;
use embassy_nrf::config::{Config, Debug, LfclkSource};
use embassy_nrf::gpio::{AnyPin, Input, Pull};
use embassy_nrf::interrupt::Priority;
use embassy_nrf::nvmc::{self, Nvmc};
use embassy_nrf::rng::Rng;
use embassy_nrf::wdt::{self, Watchdog, WatchdogHandle};
use embassy_nrf::{Peri, bind_interrupts, peripherals, saadc, temp, uarte};
use embassy_time::Timer;
use node_app::sensor::BLOCK;
use node_store::Store;
use nrf_radio::{Parts, Radio};

bind_interrupts!(struct Irqs {
    RADIO => nrf_radio::InterruptHandler;
    SAADC => saadc::InterruptHandler;
    TEMP => temp::InterruptHandler;
    UARTE0 => uarte::InterruptHandler<peripherals::UARTE0>;
});

/// A node that has not come round for so long is stuck: in ticks of 32,768 Hz, three minutes.
const WATCHDOG_TICKS: u32 = 180 * 32_768;

/// The processor's.
const CYCLES_PER_S: u32 = 64_000_000;

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    let reset = fault::take();
    let board = embassy_nrf::init(config());
    nrf_board::prepare();
    let mut watchdog = watchdog(board.WDT);
    let Ok(mut store) = Store::open(Nvmc::new(board.NVMC), BLOCK) else {
        cortex_m::asm::delay(pause_s() as u32 * CYCLES_PER_S);
        fault::give_up(node::FLASH)
    };
    if let Some(reset) = reset {
        // If it cannot be kept now, it is not told.
        let _ = keep(&mut store, reset.text());
    }
    #[cfg(button = "P0.11")]
    let button: Option<Peri<'_, AnyPin>> = Some(board.P0_11.into());
    #[cfg(button = "P1.02")]
    let button: Option<Peri<'_, AnyPin>> = Some(board.P1_02.into());
    #[cfg(button = "P1.06")]
    let button: Option<Peri<'_, AnyPin>> = Some(board.P1_06.into());
    #[cfg(button = "none")]
    let button: Option<Peri<'_, AnyPin>> = None;
    let button = button.map(|pin| Input::new(pin, Pull::Up));
    #[cfg(console = "P0.08 P0.06")]
    let (rx, tx) = (board.P0_08, board.P0_06);
    #[cfg(console = "P0.24 P0.20")]
    let (rx, tx) = (board.P0_24, board.P0_20);
    #[cfg(console = "P0.24 P0.25")]
    let (rx, tx) = (board.P0_24, board.P0_25);
    #[cfg(console = "P1.12 P1.11")]
    let (rx, tx) = (board.P1_12, board.P1_11);
    let settings = store.settings().ok().flatten().filter(|settings| settings.check().is_ok());
    let settings = match settings {
        Some(settings) if button.as_ref().is_none_or(Input::is_high) => settings,
        old => {
            let line = uarte::Uarte::new(board.UARTE0, rx, tx, Irqs, uarte::Config::default());
            let settings = old.unwrap_or_default();
            console::run(line, &mut store, settings.clone(), &mut watchdog).await;
            settings
        }
    };
    watchdog.iter_mut().for_each(WatchdogHandle::pet);
    Timer::after_secs(pause_s()).await;
    let seed = Rng::new_blocking(board.RNG).blocking_next_u32();
    let channels = (board.PPI_CH0, board.PPI_CH21);
    let radio = Radio::new(Parts { radio: board.RADIO, timer: board.TIMER0, channels }, Irqs, seed);
    let sensors = measure::Sensors::new(board.TEMP, board.SAADC);
    node::run(node::Board { radio, sensors, button, store, watchdog }, settings, seed, nrf_board::eui64()).await
}

fn config() -> Config {
    let mut config = Config::default();
    config.lfclk_source = LfclkSource::ExternalXtal;
    config.dcdc.reg1 = cfg!(coil);
    // Whether a debugger may attach is the owner's to say, in UICR.
    config.debug = Debug::NotConfigured;
    // An acknowledgement has a deadline: nothing comes before the radio.
    config.time_interrupt_priority = Priority::P2;
    config.gpiote_interrupt_priority = Priority::P3;
    config
}

/// How long a node waits that is restarted again and again.
fn pause_s() -> u64 {
    node_app::fault::pause_s(fault::in_a_row())
}

/// Nothing is written for a node that is restarted again and again.
fn keep(store: &mut Store<Nvmc<'static>>, fault: &[u8]) -> Result<(), nvmc::Error> {
    let mut untold = [0; node::FAULT_LEN];
    let len = store.fault(&mut untold)?;
    if node_app::fault::is_kept(&untold[..len], fault) { store.keep_fault(fault) } else { Ok(()) }
}

/// Starts it. One that a bootloader has started otherwise is nothing that we can feed.
fn watchdog(watchdog: Peri<'static, peripherals::WDT>) -> Option<WatchdogHandle> {
    let mut config = wdt::Config::default();
    config.timeout_ticks = WATCHDOG_TICKS;
    config.action_during_debug_halt = wdt::HaltConfig::Pause;
    let (_, [handle]) = Watchdog::try_new(watchdog, config).ok()?;
    Some(handle)
}
