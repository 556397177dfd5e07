//! A dongle with OpenThread's `ot-rcp`, emulated: Spinel on one side, a station of the simulated air on the other.
//!
//! Owns: what the firmware does: answers, settings, which frames it hands over. Must not know: what carries its octets, the
//! air, clocks. It is written from OpenThread's sources and not from our driver; the octets themselves are of
//! [`transports::ieee802154::spinel`], which is compared with pyspinel.
//!
//! Order of calls: [`Dongle::handle_octets`] with what its host writes, [`Dongle::handle_air`] with what the air has for it,
//! [`Dongle::handle_timeout`] when [`Dongle::poll_timeout`]'s time has come. After each, [`Dongle::poll_air`] until there is
//! nothing, and [`Dongle::take_output`] for the host.
//!
//! Not as a chip has it: the number of repetitions is the simulated MAC's, whatever the host says, and the acknowledgement
//! on the simulated air never says "frame pending"; the host is told what it would have said.

use crate::radio::{FrameFate, FromAir};
use sn_types::Instant;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;
use transports::hdlc::{self, Decoded, Decoder};
use transports::ieee802154::spinel::{
    Eui64, Fields, Frame, LONGEST, MD_FLAG_ACKED_FP, Message, Property, RawReceived, RawSent, RawTransmit, Status,
    put_packed,
};

/// OpenThread's capabilities of a radio: 802.15.4 at 2.4 GHz, CONFIG_RADIO, MAC_RAW.
const CAPS: [u32; 4] = [0x30, 0x31, 34, 513];
const VERSION: &[u8] = b"OPENTHREAD/emulated; sn-sim\0";
/// Nodes in the list of those for whom something waits, as on an nRF52840.
const MOST_MATCHED: usize = 10;
/// A status of OpenThread's when a list is full.
const NOMEM: Status = Status(11);
/// Where an MAC command with "data request" has its first octet, with two long addresses in one PAN.
const COMMAND: u8 = 3;
const DATA_REQUEST: u8 = 4;
/// Octets that wait for a host that does not read. Beyond, frames are dropped, as on USB.
const MOST_OUTPUT: usize = 16 * 1_024;
/// What a channel without frames sounds like.
const NOISE_DBM: i8 = -98;

/// What the dongle wants of the air.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToAir {
    /// From now on it listens, or not.
    Listen(bool),
    /// It sends a frame; [`FromAir::Sent`] is to follow.
    Send(Vec<u8>),
}

/// An emulated dongle.
#[derive(Debug)]
pub struct Dongle {
    hwaddr: Eui64,
    /// The channel on which its station is.
    air_channel: u8,
    settings: Settings,
    decoder: Decoder,
    line: Vec<u8>,
    to_air: VecDeque<ToAir>,
    /// The transaction of the frame that is being sent.
    sending: Option<u8>,
    /// Frames that are being sent for a host that has forgotten them.
    forgotten: usize,
    scanning: Option<(u8, Instant)>,
    /// The loudest frame heard since the scan began.
    loudest_dbm: i8,
    listens: bool,
}

/// What a reset forgets.
#[derive(Debug, Default)]
struct Settings {
    enabled: bool,
    streams: bool,
    channel: u8,
    pan: u16,
    short: u16,
    long: Eui64,
    power_dbm: i8,
    promiscuous: u8,
    matches: bool,
    matched: BTreeSet<Eui64>,
    scan_mask: Vec<u8>,
    scan_period_ms: u16,
}

impl Settings {
    fn fresh() -> Self {
        Self { channel: 11, pan: 0xFFFF, short: 0xFFFE, ..Self::default() }
    }
}

impl Dongle {
    /// A dongle that has just got power. `hwaddr` is burnt in; its station is on `air_channel`.
    #[must_use]
    pub fn new(hwaddr: Eui64, air_channel: u8) -> Self {
        let mut dongle = Self {
            hwaddr,
            air_channel,
            settings: Settings::fresh(),
            decoder: Decoder::new(LONGEST),
            line: Vec::new(),
            to_air: VecDeque::new(),
            sending: None,
            forgotten: 0,
            scanning: None,
            loudest_dbm: NOISE_DBM,
            listens: true,
        };
        dongle.listen();
        dongle
    }

    /// It is reset, for this reason, and says so.
    pub fn reset(&mut self, why: Status) {
        self.settings = Settings::fresh();
        self.decoder.reset();
        self.forgotten += usize::from(self.sending.take().is_some());
        self.scanning = None;
        self.listen();
        self.say_status(0, why);
    }

    /// The host's end was closed: what it has not read is lost.
    pub fn unplugged(&mut self) {
        self.reset(Status::RESET_SOFTWARE);
        self.line.clear();
    }

    /// The host writes.
    pub fn handle_octets(&mut self, now: Instant, octets: &[u8]) {
        let mut frames = Vec::new();
        self.decoder.take(octets, |decoded| match decoded {
            Decoded::Frame(octets) => frames.push(octets.to_vec()),
            Decoded::Damaged | Decoded::TooLong => {}
        });
        for octets in frames {
            if let Some(frame) = Frame::decode(&octets) {
                self.obey(now, &frame);
            }
        }
    }

    /// The air has something for it.
    pub fn handle_air(&mut self, now: Instant, news: FromAir) {
        match news {
            FromAir::Heard { psdu, rssi_dbm } => {
                self.loudest_dbm = self.loudest_dbm.max(rssi_dbm);
                if self.listens && self.settings.streams && self.is_for_us(&psdu) {
                    self.hand_over(now, &psdu, rssi_dbm);
                }
            }
            FromAir::Sent(_) if self.forgotten > 0 => self.forgotten -= 1,
            FromAir::Sent(fate) => {
                let Some(transaction) = self.sending.take() else { return };
                let status = match fate {
                    FrameFate::Done => Status::OK,
                    FrameFate::NoAck => Status::NO_ACK,
                    FrameFate::ChannelBusy => Status::CCA_FAILURE,
                };
                let sent = RawSent { status, frame_pending: false };
                self.say(transaction, Property::LAST_STATUS, &sent.encode(None, now.as_micros()));
            }
        }
    }

    /// A scan may be over.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some((channel, _)) = self.scanning.take_if(|(_, until)| *until <= now) {
            self.listen();
            // Its station hears one channel; the others are empty in this world.
            let dbm = if channel == self.air_channel { self.loudest_dbm } else { NOISE_DBM };
            self.say(0, Property::MAC_ENERGY_SCAN_RESULT, &[channel, dbm as u8]);
            self.say(0, Property::MAC_SCAN_STATE, &[0]);
        }
    }

    /// When to call [`Dongle::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.scanning.map(|(_, until)| until)
    }

    /// What it wants of the air, one after the other.
    pub fn poll_air(&mut self) -> Option<ToAir> {
        self.to_air.pop_front()
    }

    /// What its host is to read.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.line)
    }

    fn obey(&mut self, now: Instant, frame: &Frame<'_>) {
        let transaction = frame.transaction;
        match frame.message {
            Message::Noop => self.say_status(transaction, Status::OK),
            Message::Reset(_) => self.reset(Status::RESET_SOFTWARE),
            Message::Get(property) => match self.get(property) {
                Some(value) => self.say(transaction, property, &value),
                None => self.say_status(transaction, Status::PROP_NOT_FOUND),
            },
            Message::Set(Property::STREAM_RAW, value) => self.send(transaction, value),
            Message::Set(property, value) => match self.set(now, property, value) {
                Ok(()) => self.say(transaction, property, value),
                Err(status) => self.say_status(transaction, status),
            },
            Message::Insert(property, value) => {
                let inserted = self.insert(property, value);
                self.confirm(transaction, inserted, Message::Inserted(property, value));
            }
            Message::Remove(property, value) => {
                let removed = self.remove(property, value);
                self.confirm(transaction, removed, Message::Removed(property, value));
            }
            Message::Is(..) | Message::Inserted(..) | Message::Removed(..) => {
                self.say_status(transaction, Status::INVALID_COMMAND);
            }
        }
    }

    fn confirm(&mut self, transaction: u8, done: Result<(), Status>, message: Message<'_>) {
        match done {
            Ok(()) => self.write(transaction, message),
            Err(status) => self.say_status(transaction, status),
        }
    }

    fn get(&self, property: Property) -> Option<Vec<u8>> {
        let settings = &self.settings;
        Some(match property {
            Property::PROTOCOL_VERSION => vec![4, 3],
            Property::NCP_VERSION => VERSION.to_vec(),
            Property::CAPS => {
                let mut caps = Vec::new();
                CAPS.iter().for_each(|cap| put_packed(*cap, &mut caps));
                caps
            }
            Property::HWADDR => self.hwaddr.to_vec(),
            Property::PHY_ENABLED => vec![u8::from(settings.enabled)],
            Property::PHY_CHAN => vec![settings.channel],
            Property::PHY_TX_POWER => vec![settings.power_dbm as u8],
            Property::MAC_15_4_LADDR => settings.long.to_vec(),
            Property::MAC_15_4_SADDR => settings.short.to_le_bytes().to_vec(),
            Property::MAC_15_4_PANID => settings.pan.to_le_bytes().to_vec(),
            Property::MAC_RAW_STREAM_ENABLED => vec![u8::from(settings.streams)],
            Property::MAC_PROMISCUOUS_MODE => vec![settings.promiscuous],
            Property::MAC_SRC_MATCH_ENABLED => vec![u8::from(settings.matches)],
            _ => return None,
        })
    }

    fn set(&mut self, now: Instant, property: Property, value: &[u8]) -> Result<(), Status> {
        let (mut fields, settings) = (Fields::new(value), &mut self.settings);
        let wrong = Status::PARSE_ERROR;
        match property {
            Property::PHY_ENABLED => settings.enabled = fields.boolean().ok_or(wrong)?,
            Property::PHY_CHAN => {
                let channel = fields.octet().ok_or(wrong)?;
                settings.channel = Some(channel).filter(is_channel).ok_or(Status::INVALID_ARGUMENT)?;
            }
            Property::PHY_TX_POWER => settings.power_dbm = fields.signed().ok_or(wrong)?,
            Property::MAC_15_4_LADDR => settings.long = fields.eui64().ok_or(wrong)?,
            Property::MAC_15_4_SADDR => settings.short = fields.short().ok_or(wrong)?,
            Property::MAC_15_4_PANID => settings.pan = fields.short().ok_or(wrong)?,
            Property::MAC_RAW_STREAM_ENABLED => {
                // Who has not switched the radio on gets no frames from it.
                settings.streams = settings.enabled && fields.boolean().ok_or(wrong)?;
            }
            Property::MAC_PROMISCUOUS_MODE => settings.promiscuous = fields.octet().ok_or(wrong)?,
            Property::MAC_SRC_MATCH_ENABLED => settings.matches = fields.boolean().ok_or(wrong)?,
            Property::MAC_SCAN_MASK => settings.scan_mask = value.to_vec(),
            Property::MAC_SCAN_PERIOD => settings.scan_period_ms = fields.short().ok_or(wrong)?,
            Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES => {
                settings.matched.clear();
                return value.chunks(8).try_for_each(|node| self.insert(property, node));
            }
            Property::MAC_SCAN_STATE => return self.scan(now, fields.octet().ok_or(wrong)?),
            _ => return Err(Status::PROP_NOT_FOUND),
        }
        self.listen();
        Ok(())
    }

    /// A raw radio scans one channel at a time.
    fn scan(&mut self, now: Instant, state: u8) -> Result<(), Status> {
        let &[channel] = &self.settings.scan_mask[..] else { return Err(Status::INVALID_ARGUMENT) };
        if state != 2 || !self.settings.enabled || self.scanning.is_some() || !is_channel(&channel) {
            return Err(Status::INVALID_STATE);
        }
        self.loudest_dbm = NOISE_DBM;
        self.scanning = Some((channel, now + Duration::from_millis(self.settings.scan_period_ms.into())));
        self.listen();
        Ok(())
    }

    fn insert(&mut self, property: Property, value: &[u8]) -> Result<(), Status> {
        let matched = &mut self.settings.matched;
        match (property, Fields::new(value).eui64()) {
            (Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES, Some(_)) if matched.len() >= MOST_MATCHED => Err(NOMEM),
            (Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES, Some(node)) => {
                matched.insert(node);
                Ok(())
            }
            (Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES, None) => Err(Status::PARSE_ERROR),
            _ => Err(Status::PROP_NOT_FOUND),
        }
    }

    fn remove(&mut self, property: Property, value: &[u8]) -> Result<(), Status> {
        match (property, Fields::new(value).eui64()) {
            (Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES, Some(node)) => {
                self.settings.matched.remove(&node);
                Ok(())
            }
            (Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES, None) => Err(Status::PARSE_ERROR),
            _ => Err(Status::PROP_NOT_FOUND),
        }
    }

    fn send(&mut self, transaction: u8, value: &[u8]) {
        let Some(transmit) = RawTransmit::decode(value) else {
            return self.say_status(transaction, Status::PARSE_ERROR);
        };
        if !self.settings.enabled || self.sending.is_some() || self.scanning.is_some() {
            return self.say_status(transaction, Status::INVALID_STATE);
        }
        self.sending = Some(transaction);
        self.to_air.push_back(ToAir::Send(transmit.psdu.to_vec()));
    }

    fn hand_over(&mut self, now: Instant, psdu: &[u8], rssi_dbm: i8) {
        let flags = if self.is_told_to_wait(psdu) { MD_FLAG_ACKED_FP } else { 0 };
        // Link quality as an nRF52840 has it: grows with the power above the sensitivity.
        let lqi = (i16::from(rssi_dbm) + 100).clamp(0, 63) as u8 * 4;
        let raw =
            RawReceived { psdu, rssi_dbm: Some(rssi_dbm), flags, channel: Some(self.air_channel), lqi: Some(lqi) };
        self.say(0, Property::STREAM_RAW, &raw.encode(now.as_micros()));
    }

    /// The filter of the radio chip: PAN, and one of our addresses or that of all.
    fn is_for_us(&self, psdu: &[u8]) -> bool {
        let settings = &self.settings;
        let [control, mode, _, pan @ ..] = psdu else { return false };
        let Some((pan, to)) = pan.split_first_chunk::<2>() else { return false };
        let mut long = settings.long;
        long.reverse();
        let is_ours = match mode >> 2 & 3 {
            2 => to.starts_with(&settings.short.to_le_bytes()) || to.starts_with(&[0xFF, 0xFF]),
            3 => to.starts_with(&long),
            _ => false,
        };
        let is_frame = matches!(control & 7, 1 | COMMAND);
        settings.promiscuous > 0 || (is_frame && *pan == settings.pan.to_le_bytes() && is_ours)
    }

    /// A data request of a node for which something waits.
    fn is_told_to_wait(&self, psdu: &[u8]) -> bool {
        let Some((&[control, mode], rest)) = psdu.split_first_chunk::<2>() else { return false };
        let to_len = if mode >> 2 & 3 == 3 { 8 } else { 2 };
        let Some((from, payload)) = rest.get(3 + to_len..).and_then(|rest| rest.split_first_chunk::<8>()) else {
            return false;
        };
        let mut node = *from;
        node.reverse();
        let is_request = control & 7 == COMMAND && payload.first() == Some(&DATA_REQUEST);
        is_request && (!self.settings.matches || self.settings.matched.contains(&node))
    }

    /// Follows the settings with the receiver.
    fn listen(&mut self) {
        let channel = self.scanning.map_or(self.settings.channel, |(channel, _)| channel);
        let listens = self.settings.enabled && channel == self.air_channel;
        if std::mem::replace(&mut self.listens, listens) != listens {
            self.to_air.push_back(ToAir::Listen(listens));
        }
    }

    fn say_status(&mut self, transaction: u8, status: Status) {
        let mut value = Vec::new();
        put_packed(status.0, &mut value);
        self.say(transaction, Property::LAST_STATUS, &value);
    }

    fn say(&mut self, transaction: u8, property: Property, value: &[u8]) {
        self.write(transaction, Message::Is(property, value));
    }

    fn write(&mut self, transaction: u8, message: Message<'_>) {
        if self.line.len() < MOST_OUTPUT {
            hdlc::encode(&Frame::new(transaction, message).encode(), &mut self.line);
        }
    }
}

fn is_channel(channel: &u8) -> bool {
    (11..=26).contains(channel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use transports::ieee802154::spinel::{Event, Rcp, Sent, Settings, Transmit};

    const HWADDR: Eui64 = [2, 0, 0, 3, 0, 0, 0, 0];
    const NODE: Eui64 = [2, 0, 0, 1, 0, 0, 0, 7];

    /// Our driver and the dongle, wire to wire.
    struct Wire {
        now: Instant,
        rcp: Rcp,
        dongle: Dongle,
    }

    impl Wire {
        fn new(channel: Option<u8>) -> Self {
            let settings =
                Settings { pan_id: 0x530F, channel, short_address: 0xFFFE, long_address: None, tx_power_dbm: None };
            let mut wire = Self { now: Instant::ZERO, rcp: Rcp::new(settings), dongle: Dongle::new(HWADDR, 15) };
            wire.rcp.handle_opened(wire.now);
            wire
        }

        /// Lets both talk until neither has anything to say, scans included.
        fn settle(&mut self) -> Vec<Event> {
            let mut events = Vec::new();
            loop {
                let octets = self.rcp.output().to_vec();
                self.rcp.written(octets.len());
                self.dongle.handle_octets(self.now, &octets);
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

        fn air(&mut self) -> Vec<ToAir> {
            std::iter::from_fn(|| self.dongle.poll_air()).collect()
        }
    }

    fn data(kind: u8, pan: u16, to: Eui64, payload: &[u8]) -> Vec<u8> {
        let reversed = |address: Eui64| address.into_iter().rev();
        let head = [0x60 | kind, 0xCC, 9].into_iter().chain(pan.to_le_bytes());
        head.chain(reversed(to)).chain(reversed(NODE)).chain(payload.iter().copied()).chain([0, 0]).collect()
    }

    #[test]
    fn the_driver_starts_it() {
        let mut wire = Wire::new(Some(15));
        let events = wire.settle();
        let [Event::Up(info)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((info.address, info.channel, info.matches_sources), (HWADDR, 15, true));
        assert_eq!(wire.air(), [ToAir::Listen(false), ToAir::Listen(true)]);
    }

    #[test]
    fn it_hears_what_is_for_it() {
        let mut wire = Wire::new(Some(15));
        wire.settle();
        for psdu in [
            data(1, 0x530F, HWADDR, b"to it"),
            data(1, 0x5310, HWADDR, b"another PAN"),
            data(1, 0x530F, NODE, b"another station"),
        ] {
            wire.dongle.handle_air(wire.now, FromAir::Heard { psdu, rssi_dbm: -60 });
        }
        let events = wire.settle();
        let [Event::Received(received)] = &events[..] else { panic!("{events:?}") };
        assert!(received.frame.ends_with(b"to it"));
        assert_eq!((received.rssi_dbm, received.lqi), (Some(-60), Some(160)));
    }

    #[test]
    fn a_node_that_asks_is_told_whether_something_waits() {
        let mut wire = Wire::new(Some(15));
        wire.settle();
        let asks = |wire: &mut Wire| {
            let psdu = data(COMMAND, 0x530F, HWADDR, &[DATA_REQUEST]);
            wire.dongle.handle_air(wire.now, FromAir::Heard { psdu, rssi_dbm: -60 });
            matches!(&wire.settle()[..], [Event::Received(received)] if received.acked_with_pending)
        };
        assert!(!asks(&mut wire));
        wire.rcp.match_source(wire.now, NODE, true);
        wire.settle();
        assert!(asks(&mut wire));
        wire.rcp.match_source(wire.now, NODE, false);
        wire.settle();
        assert!(!asks(&mut wire));
        // More than it knows by heart: it tells all to wait.
        for number in 0..=MOST_MATCHED as u8 {
            wire.rcp.match_source(wire.now, [number; 8], true);
        }
        wire.settle();
        assert!(asks(&mut wire));
        // Until all that are left fit.
        wire.rcp.match_source(wire.now, [0; 8], false);
        wire.settle();
        assert!(!asks(&mut wire));
    }

    #[test]
    fn what_became_of_a_frame_is_told_and_a_reset_forgets_it() {
        let mut wire = Wire::new(Some(15));
        wire.settle();
        wire.air();
        let transmit = Transmit { frame: &[0x41, 0xC8, 1], max_frame_retries: 3, secured: false };
        wire.rcp.transmit(wire.now, &transmit).expect("it is ready");
        wire.settle();
        assert_eq!(wire.air(), [ToAir::Send(vec![0x41, 0xC8, 1, 0, 0])]);
        wire.dongle.handle_air(wire.now, FromAir::Sent(FrameFate::NoAck));
        assert_eq!(wire.settle(), [Event::Sent(Sent::NoAck)]);
        wire.rcp.transmit(wire.now, &transmit).expect("it is ready");
        wire.settle();
        wire.dongle.reset(Status(116));
        assert!(matches!(&wire.settle()[..], [Event::Sent(Sent::Unknown), Event::Down(_), Event::Up(_)]));
        wire.rcp.transmit(wire.now, &transmit).expect("it is ready");
        wire.settle();
        // The first belongs to the frame of before.
        wire.dongle.handle_air(wire.now, FromAir::Sent(FrameFate::NoAck));
        wire.dongle.handle_air(wire.now, FromAir::Sent(FrameFate::Done));
        assert_eq!(wire.settle(), [Event::Sent(Sent::Done { frame_pending: false })]);
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
