//! The node on an nRF52840, over its own radio.
//!
//! Owns: the board: its clocks, its radio, what happens on a panic. Must not know: what the node does.

#![no_std]
#![no_main]

use cortex_m_rt as _;
use embassy_executor::Spawner;
use embassy_nrf::config::{Config, LfclkSource};
use embassy_nrf::interrupt::Priority;
use embassy_nrf::{bind_interrupts, pac};
use embassy_time::{Duration, Instant, Timer};
use lowpan::{Carriage, Eui64, Leaf, LeafConfig, MAX_PSDU, NoKeys, Received, Station};
use nrf_radio::{Filter, Radio, Settings};
use sn_client::{Client, Config as ClientConfig};

bind_interrupts!(struct Irqs {
    RADIO => nrf_radio::InterruptHandler;
});

/// How long to listen after a datagram.
const LISTEN: Duration = Duration::from_millis(100);

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    let mut config = Config::default();
    config.lfclk_source = LfclkSource::ExternalXtal;
    config.dcdc.reg1 = true;
    // The radio comes first.
    config.time_interrupt_priority = Priority::P2;
    config.gpiote_interrupt_priority = Priority::P3;
    let board = embassy_nrf::init(config);
    let eui64 = eui64();
    let mut radio = Radio::new(board.RADIO, Irqs, pac::FICR.deviceid(0).read());
    let filter = Filter { pan: 0xABCD, eui64, short: None, promiscuous: false, pending: |_| false };
    radio.configure(Settings { channel: 15, power_dbm: 0, filter });
    let station = Station { eui64: Eui64(eui64), pan: 0xABCD, short: None, security: None };
    let config = LeafConfig {
        station,
        gateway: Eui64([2, 0, 0, 0, 0, 0, 0, 1]),
        gateway_short: None,
        carriage: Carriage::Bare,
        fragment: false,
    };
    let Ok(mut leaf) = Leaf::<_, 192>::new(config, NoKeys, 1) else { return };
    let mut client: Client<'_, 128, 64> =
        Client::new(ClientConfig { auto_reconnect: true, ..ClientConfig::new("nrf") });
    client.connect(true);
    let mut buffer = [0; 192];
    loop {
        while let Some(transmit) = client.poll_output(now(), &mut buffer) {
            if leaf.send(false, transmit.datagram).is_err() {
                continue;
            }
            while let Some(frame) = leaf.poll_transmit() {
                let fate = radio.transmit(frame.psdu.as_bytes()).await;
                leaf.handle_transmitted(frame.id, fate);
            }
            let mut psdu = [0; MAX_PSDU];
            let until = Instant::now() + LISTEN;
            while let Some(frame) = radio.receive(&mut psdu, until).await {
                if let Received::Datagram { octets, .. } = leaf.handle_frame(now(), &psdu[..frame.len]) {
                    let _ = client.handle_input(now(), octets);
                }
            }
            radio.off().await;
        }
        let _ = client.handle_timeout(now());
        let due = client.poll_timeout().map_or(u64::MAX, |due| due.as_micros());
        Timer::at(Instant::from_micros(due.min(now().as_micros() + 60_000_000))).await;
    }
}

fn now() -> sn_types::Instant {
    sn_types::Instant::from_micros(Instant::now().as_micros())
}

/// Made of the number that every chip has, marked as given by nobody.
fn eui64() -> [u8; 8] {
    let (low, high) = (pac::FICR.deviceid(0).read(), pac::FICR.deviceid(1).read());
    let mut eui64 = (u64::from(high) << 32 | u64::from(low)).to_be_bytes();
    eui64[0] = eui64[0] & !0x01 | 0x02;
    eui64
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    cortex_m::peripheral::SCB::sys_reset()
}
