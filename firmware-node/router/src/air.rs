//! The radio, as the router wants it.

use crate::WAYS;
use config_page::Settings;
use core::cell::RefCell;
use critical_section::Mutex;
use embassy_time::Duration;
use heapless::Vec;
use nrf_radio::Window;
use nrf_radio::backoff::MAX_RETRIES;
use nrf_radio::filter::{Addresses, Filter, sender};
use nrf_radio::poller::Poller;
use router_app::{Ack, Eui64, Instant, MAX_PSDU, Radio, Signal, TransmitError};

/// A frame type: MAC command (IEEE 802.15.4-2011 §5.2.1.1.1).
const COMMAND: u8 = 3;

/// For whom something waits, for the interrupt.
static WAITING: Mutex<RefCell<Vec<Eui64, WAYS>>> = Mutex::new(RefCell::new(Vec::new()));

/// Asked by the interrupt, of a frame that is for us. Of commands nodes send data requests only.
fn is_pending(psdu: &[u8]) -> bool {
    let is_command = psdu.first().is_some_and(|control| control & 7 == COMMAND);
    let Some(&from) = sender(psdu).and_then(|from| from.first_chunk::<8>()) else { return false };
    let from = Eui64(u64::from_le_bytes(from).to_be_bytes());
    is_command && critical_section::with(|token| WAITING.borrow_ref(token).contains(&from))
}

/// The radio, which listens all the time.
pub(crate) struct Air {
    driver: nrf_radio::Radio<'static>,
    poller: Poller,
}

impl Air {
    pub(crate) fn new(mut driver: nrf_radio::Radio<'static>, settings: &Settings, eui64: Eui64) -> Self {
        let &Settings { pan, channel, power_dbm, .. } = settings;
        driver.keep_crystal();
        let filter = Filter::Own(Addresses { pan, eui64: eui64.0, short: None, pending: is_pending });
        driver.configure(nrf_radio::Settings { channel, power_dbm, filter });
        Self { driver, poller: Poller::new() }
    }
}

impl Radio for Air {
    fn now(&self) -> Instant {
        Instant::from_micros(embassy_time::Instant::now().as_micros())
    }

    async fn receive(&mut self, psdu: &mut [u8; MAX_PSDU], until: Option<Instant>) -> Option<(usize, Signal)> {
        let frame = match until {
            Some(until) => {
                let window = Window { from: embassy_time::Instant::MIN, until: at(until), once: false };
                self.driver.receive(psdu, window).await?
            }
            None => self.driver.next_frame(psdu).await,
        };
        if frame.ack_frame_pending {
            self.poller.asked(&psdu[..frame.len]);
        }
        Some((frame.len, Signal { rssi_dbm: Some(frame.rssi_dbm), lqi: Some(frame.lqi) }))
    }

    async fn transmit(&mut self, psdu: &[u8]) -> Result<Ack, TransmitError> {
        let backoff = self.poller.backoff(psdu);
        self.driver.transmit(psdu, backoff, MAX_RETRIES).await
    }

    fn match_source(&mut self, node: Eui64, pending: bool) {
        critical_section::with(|token| {
            let mut waiting = WAITING.borrow_ref_mut(token);
            waiting.retain(|known| *known != node);
            if pending {
                // It has room for all that the router knows.
                let _ = waiting.push(node);
            }
        });
    }
}

/// Never before: the timer counts in ticks of 30.5 us.
fn at(instant: Instant) -> embassy_time::Instant {
    // What is too far for ticks comes a day later at most, and there is something to do before.
    const FAR: Duration = Duration::from_secs(86_400);
    let far = embassy_time::Instant::now() + FAR;
    let micros = instant.as_micros().min(far.as_micros());
    embassy_time::Instant::from_micros(micros) + Duration::from_ticks(1)
}
