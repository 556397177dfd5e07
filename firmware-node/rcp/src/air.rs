//! The radio, as the dongle wants it.

use core::cell::RefCell;
use core::future::pending;
use critical_section::Mutex;
use embassy_time::{Duration, Instant};
use nrf_radio::poller::Poller;
use nrf_radio::{Ack, Filter, Frame, MAX_PSDU, Radio as Driver, Settings, TransmitError, Verdict};
use rcp_app::{Heard, Listen, Radio, Sent, Transmit};

/// Check sequence of the air: CRC-16 of ITU-T, least significant bit first (IEEE 802.15.4-2011 §5.2.1.9).
const FCS: crc::Crc<u16> = crc::Crc::<u16>::new(&crc::CRC_16_KERMIT);
const FCS_LEN: usize = 2;
/// On the air for each octet, in microseconds.
const OCTET_US: u64 = 32;
/// Spinel's word for a strength that is not known.
const UNKNOWN_DBM: i8 = 127;
/// Told if nothing came of a measurement, so that nobody takes the channel.
const LOUD_DBM: i8 = 0;

/// How the radio is to listen, for the interrupt.
static LISTEN: Mutex<RefCell<Option<Listen>>> = Mutex::new(RefCell::new(None));

/// Tells the interrupt how the radio is to listen.
pub(crate) fn share(how: &Listen) {
    let how = how.clone();
    critical_section::with(|token| LISTEN.borrow_ref_mut(token).replace(how));
}

/// Asked by the interrupt.
fn judge(psdu: &[u8]) -> Verdict {
    let verdict = critical_section::with(|token| LISTEN.borrow_ref(token).as_ref().map(|how| how.judge(psdu)));
    match verdict {
        Some(rcp_app::Verdict::Ignore) | None => Verdict::Drop,
        Some(rcp_app::Verdict::Take) => Verdict::Take,
        Some(rcp_app::Verdict::Acknowledge { pending }) => Verdict::acknowledge(psdu, pending),
    }
}

/// The radio, and what it was told.
pub(crate) struct Air {
    driver: Driver<'static>,
    how: Option<Listen>,
    tuned: Option<(u8, i8)>,
    poller: Poller,
}

impl Air {
    /// The radio, off. Its crystal runs all the time, because USB needs it.
    pub(crate) fn new(mut driver: Driver<'static>) -> Self {
        driver.keep_crystal();
        Self { driver, how: None, tuned: None, poller: Poller::new() }
    }

    /// Goes to a channel, unless it is there; what has not been fetched is lost.
    fn tune(&mut self, channel: u8, power_dbm: i8) {
        if self.tuned.replace((channel, power_dbm)) != Some((channel, power_dbm)) {
            self.driver.configure(Settings { channel, power_dbm, filter: Filter::Judge(judge) });
        }
    }

    /// Goes back to the channel on which it listens.
    async fn settle(&mut self) {
        let power_dbm = self.tuned.map_or(0, |(_, power_dbm)| power_dbm);
        if let Some(channel) = self.how.as_ref().filter(|how| how.is_on).map(|how| how.channel) {
            self.tune(channel, power_dbm);
            self.driver.listen().await;
        }
    }
}

/// Whether the radio has to be set up anew. Of those for whom something waits only the interrupt has to know.
fn is_other(how: &Listen, before: &Listen) -> bool {
    let pending = before.pending.clone();
    Listen { pending, ..how.clone() } != *before
}

impl Radio for Air {
    async fn listen(&mut self, how: &Listen) {
        if self.how.as_ref().is_none_or(|before| is_other(how, before)) {
            self.how = Some(how.clone());
            let power_dbm = self.tuned.take().map_or(0, |(_, power_dbm)| power_dbm);
            self.tune(how.channel, power_dbm);
            self.settle().await;
        }
    }

    async fn transmit(&mut self, frame: &Transmit) -> Sent {
        self.tune(frame.channel, frame.power_dbm);
        let psdu = &frame.psdu[..frame.psdu.len() - FCS_LEN];
        // A host that is quick answers a data request while that is being acknowledged: for the channel's being busy with
        // this, the frame would have to wait at random.
        self.driver.acknowledged().await;
        let backoff = self.poller.backoff(psdu);
        let sent = self.driver.transmit(psdu, backoff, frame.max_frame_retries).await;
        self.settle().await;
        match sent {
            Ok(_) if !frame.wants_ack() => Sent::Done,
            Ok(Ack { frame_pending }) => Sent::Acknowledged(acknowledgement(psdu, frame_pending)),
            Err(TransmitError::NoAck) => Sent::NoAck,
            Err(TransmitError::ChannelAccess) => Sent::ChannelBusy,
        }
    }

    async fn scan(&mut self, channel: u8, duration_ms: u16) -> i8 {
        let power_dbm = self.tuned.map_or(0, |(_, power_dbm)| power_dbm);
        self.tune(channel, power_dbm);
        let peak_dbm = self.driver.energy(Duration::from_millis(duration_ms.into())).await;
        self.settle().await;
        peak_dbm.unwrap_or(LOUD_DBM)
    }

    async fn receive(&mut self) -> Heard {
        if self.how.as_ref().is_none_or(|how| !how.is_on) {
            return pending().await;
        }
        let mut psdu = [0; MAX_PSDU];
        let Frame { len, rssi_dbm, lqi, ack_frame_pending } = self.driver.next_frame(&mut psdu).await;
        if ack_frame_pending {
            self.poller.asked(&psdu[..len]);
        }
        let on_air_us = (len + FCS_LEN) as u64 * OCTET_US;
        let at_us = Instant::now().as_micros().saturating_sub(on_air_us);
        heard(&psdu[..len], rssi_dbm, lqi, at_us, ack_frame_pending)
    }
}

/// Of an acknowledgement the driver only tells what it says.
fn acknowledgement(acknowledged: &[u8], frame_pending: bool) -> Heard {
    let control = 0x02 | u8::from(frame_pending) << 4;
    let number = acknowledged.get(2).copied().unwrap_or_default();
    heard(&[control, 0, number], UNKNOWN_DBM, 0, Instant::now().as_micros(), false)
}

/// A frame with its check sequence, which the driver has looked at and left out.
fn heard(psdu: &[u8], rssi_dbm: i8, lqi: u8, at_us: u64, acked_with_pending: bool) -> Heard {
    // It has room for the longest.
    let octets = psdu.iter().copied().chain(FCS.checksum(psdu).to_le_bytes());
    Heard { psdu: octets.collect(), rssi_dbm, lqi, at_us, acked_with_pending }
}
