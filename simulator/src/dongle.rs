//! A dongle with OpenThread's `ot-rcp`, emulated: [`spinel_device`] on one side, a station of the simulated air on the other.
//!
//! Owns: what a chip's radio does for a device: it scans, judges frames, reports. Must not know: what carries its octets, the
//! air, clocks, Spinel.
//!
//! Order of calls: [`Dongle::handle_octets`] with what its host writes, [`Dongle::handle_air`] with what the air has for it,
//! [`Dongle::handle_timeout`] when [`Dongle::poll_timeout`]'s time has come. After each, [`Dongle::poll_air`] until there is
//! nothing, and [`Dongle::take_output`] for the host.
//!
//! Not as a chip has it: the number of repetitions is the simulated MAC's, whatever the host says, and so is its filter:
//! what is for its own address is acknowledged in every PAN.

use crate::radio::{FrameFate, FromAir, MATCHES};
use sn_types::Instant;
use spinel_device::{Command, Config, Device, Eui64, Outcome, Pending, Received, Status, Transmit, Verdict};
use std::time::Duration;

/// Octets that wait for a host that does not read. Beyond, frames are dropped, as on USB.
const OUTPUT: usize = 16 * 1_024;
/// What a channel without frames sounds like.
const NOISE_DBM: i8 = -98;

/// What the dongle wants of the air.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToAir {
    /// From now on it listens, or not.
    Listen(bool),
    /// From now on its acknowledgements of data requests say this.
    Match(Pending<MATCHES>),
    /// It sends a frame; [`FromAir::Sent`] is to follow.
    Send(Vec<u8>),
}

/// An emulated dongle.
#[derive(Debug)]
pub struct Dongle {
    /// The channel on which its station is.
    air_channel: u8,
    device: Device<MATCHES, OUTPUT>,
    sending: Option<Transmit>,
    /// A channel, and until when.
    scanning: Option<(u8, Instant)>,
    /// The loudest frame heard since the scan began.
    loudest_dbm: i8,
    listens: bool,
    /// As the air knows it.
    pending: Pending<MATCHES>,
}

impl Dongle {
    /// A dongle that has just got power. `hwaddr` is burnt in; its station is on `air_channel`.
    #[must_use]
    pub fn new(hwaddr: Eui64, air_channel: u8) -> Self {
        let config = Config { hwaddr, version: "OPENTHREAD/emulated; sn-sim", min_power_dbm: -40, max_power_dbm: 8 };
        Self {
            air_channel,
            device: Device::new(config),
            sending: None,
            scanning: None,
            loudest_dbm: NOISE_DBM,
            listens: true,
            pending: Pending::nobody(),
        }
    }

    /// It is reset, for this reason, and says so.
    pub fn reset(&mut self, why: Status) {
        self.device.reset(why);
    }

    /// The host's end was closed: what it has not read is lost.
    pub fn unplugged(&mut self) {
        self.device.handle_closed();
    }

    /// The host writes.
    pub fn handle_octets(&mut self, octets: &[u8]) {
        self.device.handle_octets(octets);
    }

    /// The air has something for it.
    pub fn handle_air(&mut self, now: Instant, news: FromAir) {
        match news {
            FromAir::Heard { psdu, rssi_dbm } => {
                self.loudest_dbm = self.loudest_dbm.max(rssi_dbm);
                let acked_with_pending = match self.device.receiver().judge(&psdu) {
                    Verdict::Ignore => return,
                    Verdict::Take => false,
                    Verdict::Acknowledge { pending } => pending,
                };
                if self.listens && self.scanning.is_none() {
                    let received = received(now, &psdu, rssi_dbm);
                    self.device.handle_received(&Received { acked_with_pending, ..received });
                }
            }
            FromAir::Sent(fate) => {
                let Some(transmit) = self.sending.take() else { return };
                let ack = [2, 0, transmit.sequence(), 0, 0];
                self.device.handle_transmitted(match fate {
                    FrameFate::Done if transmit.wants_ack() => Outcome::Acknowledged(received(now, &ack, NOISE_DBM)),
                    FrameFate::Done => Outcome::Sent,
                    FrameFate::NoAck => Outcome::NoAck,
                    FrameFate::ChannelBusy => Outcome::ChannelBusy,
                });
            }
        }
    }

    /// A scan may be over.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some((channel, _)) = self.scanning.take_if(|(_, until)| *until <= now) {
            // Its station hears one channel; the others are empty in this world.
            self.device.handle_scanned(if channel == self.air_channel { self.loudest_dbm } else { NOISE_DBM });
        }
    }

    /// When to call [`Dongle::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.scanning.map(|(_, until)| until)
    }

    /// What it wants of the air, one after the other.
    pub fn poll_air(&mut self, now: Instant) -> Option<ToAir> {
        while let Some(command) = self.device.poll() {
            match command {
                Command::Listen => {}
                Command::Transmit(transmit) if transmit.channel == self.air_channel => {
                    let psdu = transmit.psdu.to_vec();
                    self.sending = Some(transmit);
                    return Some(ToAir::Send(psdu));
                }
                Command::Transmit(_) => self.device.handle_transmitted(Outcome::NoAck),
                Command::Scan { channel, duration_ms } => {
                    self.loudest_dbm = NOISE_DBM;
                    self.scanning = Some((channel, now + Duration::from_millis(duration_ms.into())));
                }
                Command::Restart | Command::Bootloader => self.device.reset(Status::RESET_SOFTWARE),
            }
        }
        let receiver = self.device.receiver();
        if receiver.pending != self.pending {
            self.pending = receiver.pending.clone();
            return Some(ToAir::Match(self.pending.clone()));
        }
        let (is_on, channel) = self.scanning.map_or((receiver.is_on, receiver.channel), |(channel, _)| (true, channel));
        let listens = is_on && channel == self.air_channel;
        (std::mem::replace(&mut self.listens, listens) != listens).then_some(ToAir::Listen(listens))
    }

    /// What its host is to read.
    pub fn take_output(&mut self) -> Vec<u8> {
        let octets = self.device.output().to_vec();
        self.device.written(octets.len());
        octets
    }
}

fn received(now: Instant, psdu: &[u8], rssi_dbm: i8) -> Received<'_> {
    // Link quality as an nRF52840 has it: grows with the power above the sensitivity.
    let lqi = (i16::from(rssi_dbm) + 100).clamp(0, 63) as u8 * 4;
    Received { psdu, rssi_dbm, lqi, at_us: now.as_micros(), acked_with_pending: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use transports::ieee802154::rcp::{Event, Rcp, Sent, Settings, Transmit};

    const HWADDR: Eui64 = [2, 0, 0, 3, 0, 0, 0, 0];
    const NODE: Eui64 = [2, 0, 0, 1, 0, 0, 0, 7];

    /// Our driver and the dongle, wire to wire.
    struct Wire {
        now: Instant,
        rcp: Rcp,
        dongle: Dongle,
        air: Vec<ToAir>,
    }

    impl Wire {
        fn new(channel: Option<u8>) -> Self {
            let settings =
                Settings { pan_id: 0x530F, channel, short_address: 0xFFFE, long_address: None, tx_power_dbm: None };
            let (rcp, dongle) = (Rcp::new(settings), Dongle::new(HWADDR, 15));
            let mut wire = Self { now: Instant::ZERO, rcp, dongle, air: Vec::new() };
            wire.rcp.handle_opened(wire.now);
            wire
        }

        /// Lets both talk until neither has anything to say, scans included.
        fn settle(&mut self) -> Vec<Event> {
            let mut events = Vec::new();
            loop {
                let octets = self.rcp.output().to_vec();
                self.rcp.written(octets.len());
                self.dongle.handle_octets(&octets);
                self.air.extend(std::iter::from_fn(|| self.dongle.poll_air(self.now)));
                let answer = self.dongle.take_output();
                self.rcp.handle_octets(self.now, &answer);
                events.extend(std::iter::from_fn(|| self.rcp.poll_event()));
                if octets.is_empty() && answer.is_empty() {
                    let Some(at) = self.dongle.poll_timeout() else { return events };
                    self.now = at;
                    self.dongle.handle_timeout(at);
                }
            }
        }
    }

    #[test]
    fn the_driver_starts_it() {
        let mut wire = Wire::new(Some(15));
        let events = wire.settle();
        assert!(matches!(&events[..], [Event::Up(info)] if info.address == HWADDR));
        let told = [
            ToAir::Match(Pending::default()),
            ToAir::Listen(false),
            ToAir::Match(Pending::nobody()),
            ToAir::Listen(true),
        ];
        assert_eq!(wire.air, told);
    }

    #[test]
    fn it_hears_what_is_for_it() {
        let mut wire = Wire::new(Some(15));
        wire.settle();
        for to in [HWADDR, NODE] {
            let to = to.into_iter().rev();
            let head = [0x61, 0xCC, 9, 0x0F, 0x53].into_iter();
            let psdu = head.chain(to).chain(NODE.into_iter().rev()).chain(*b"data..").collect();
            wire.dongle.handle_air(wire.now, FromAir::Heard { psdu, rssi_dbm: -60 });
        }
        let events = wire.settle();
        let [Event::Received(received)] = &events[..] else { panic!("{events:?}") };
        assert!(received.frame.ends_with(b"data"));
        assert_eq!((received.rssi_dbm, received.lqi), (Some(-60), Some(160)));
    }

    #[test]
    fn what_became_of_a_frame_is_told() {
        let mut wire = Wire::new(Some(15));
        wire.settle();
        wire.air.clear();
        let transmit = Transmit { frame: &[0x61, 0xC8, 1], max_frame_retries: 3, secured: false };
        for (fate, sent) in [(FrameFate::NoAck, Sent::NoAck), (FrameFate::Done, Sent::Done { frame_pending: false })] {
            wire.rcp.transmit(wire.now, &transmit).expect("it is ready");
            wire.settle();
            assert_eq!(wire.air.pop(), Some(ToAir::Send(vec![0x61, 0xC8, 1, 0, 0])));
            wire.dongle.handle_air(wire.now, FromAir::Sent(fate));
            assert_eq!(wire.settle(), [Event::Sent(sent)]);
        }
    }

    #[test]
    fn channels_are_scanned_one_after_the_other() {
        let mut wire = Wire::new(None);
        let events = wire.settle();
        let [Event::Up(info)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((info.energy.len(), info.channel), (16, 11));
        assert_eq!(wire.now, Instant::from_millis(1_600));
    }
}
