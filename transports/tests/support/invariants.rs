//! What holds for any octets: no panic, and never more memory than the limits say, however many come. Also used by the fuzz
//! targets.

#![allow(dead_code, reason = "each fuzz target uses a part")]

use fuzz_corpus::Script;
use sn_types::{Eui64, Instant, LinkAddr};
use spinel::hdlc::{self, Decoded, Decoder, SUM_LEN};
use spinel::{FCS_LEN, Fields, Frame, LONGEST, Message, Property, RawReceived, RawSent, RawTransmit, Status, packed};
use std::time::Duration;
use transports::ieee802154::rcp::{Rcp, Settings, Transmit};
use transports::serial::framing::{self, Incoming, Recipient};
use transports::serial::{Family, Framing};

const FRAMINGS: [Framing; 9] = [
    Framing::Raw,
    Framing::Slip { with_crc: false },
    Framing::Slip { with_crc: true },
    Framing::Hdlc,
    Framing::Cobs,
    Framing::XBee { family: Family::DigiMesh, with_escapes: false },
    Framing::XBee { family: Family::DigiMesh, with_escapes: true },
    Framing::XBee { family: Family::Ieee802154, with_escapes: false },
    Framing::XBee { family: Family::Ieee802154, with_escapes: true },
];
const MTU: u16 = 64;
const GAP: Duration = Duration::from_millis(50);
/// How often a framing hears the same: what would be kept of it adds up.
const TIMES: u64 = 16;
/// What a framing may have of the heap: a growing vector is there twice for a moment.
const FRAMING_MEMORY: u64 = 512;
/// What a radio's driver may have, with 1,300 octets of a frame and some of them kept as text or numbers; and the scripted
/// radio with it.
const DRIVER_MEMORY: u64 = 64 << 10;
const LONGEST_STORY: usize = 4_096;

/// The most that was allocated at once.
fn memory(of: impl FnOnce()) -> u64 {
    allocation_counter::measure(of).bytes_max
}

/// The first octet says which framing, the others come from the line.
pub(crate) fn framing(octets: &[u8]) {
    let Some((which, noise)) = octets.split_first() else { return };
    let framing = FRAMINGS[usize::from(*which) % FRAMINGS.len()];
    let whole = heard(framing, noise, noise.len().max(1));
    assert_eq!(whole, heard(framing, noise, 1), "{framing:?}: octet by octet it is the same");
    let used = memory(|| {
        let mut line = framing.build(MTU, GAP);
        for time in 0..TIMES {
            line.take(Instant::from_millis(time), noise, &mut |_| {});
        }
    });
    assert!(used <= FRAMING_MEMORY, "{framing:?} has {used} octets");
    comes_back(framing, noise);
}

/// What comes out of octets that arrive in pieces, as text.
fn heard(framing: Framing, noise: &[u8], piece: usize) -> Vec<String> {
    let (mut line, mut heard) = (framing.build(MTU, GAP), Vec::new());
    for octets in noise.chunks(piece) {
        line.take(Instant::ZERO, octets, &mut |incoming| {
            if let Incoming::Datagram { octets, .. } = incoming {
                assert!(!octets.is_empty() && octets.len() <= MTU.into());
            }
            heard.push(format!("{incoming:?}"));
        });
    }
    heard
}

/// What is written to one line as a datagram is read as that from another; XBee's frames differ by direction.
fn comes_back(framing: Framing, datagram: &[u8]) {
    let to = if framing.is_radio() { LinkAddr::Eui64([2; 8]) } else { LinkAddr::Line };
    let (mut line, mut written) = (framing.build(MTU, GAP), Vec::new());
    let put = line.put(Recipient::One(to), datagram, &mut written);
    let fits = !datagram.is_empty() && datagram.len() <= MTU.into();
    assert_eq!(put.is_ok(), fits, "{framing:?}: {} octets", datagram.len());
    if put == Err(framing::Unsendable) {
        assert!(written.is_empty());
    } else if !framing.is_radio() && framing != Framing::Raw {
        let mut heard = Vec::new();
        line.take(Instant::ZERO, &written, &mut |incoming| match incoming {
            Incoming::Datagram { octets, .. } => heard.push(octets.to_vec()),
            other => panic!("{framing:?}: {other:?}"),
        });
        assert_eq!(heard, [datagram], "{framing:?}");
    }
}

/// Any octets as a frame between host and radio, and as the values that are read from one.
pub(crate) fn spinel(octets: &[u8]) {
    if let Some(frame) = Frame::decode(octets) {
        let again: Vec<u8> = frame.octets().collect();
        assert_eq!(Frame::decode(&again), Some(frame));
    }
    if let Some(received) = RawReceived::decode(octets) {
        assert!(received.psdu.len() <= octets.len());
        let again: Vec<u8> = received.octets(0).collect();
        assert_eq!(RawReceived::decode(&again).map(|again| again.psdu), Some(received.psdu));
    }
    if let Some(transmit) = RawTransmit::decode(octets) {
        let again: Vec<u8> = transmit.octets().collect();
        assert_eq!(RawTransmit::decode(&again), Some(transmit));
    }
    let _ = RawSent::decode(octets);
    fields(octets);
}

/// Each field takes octets away or says that it cannot.
fn fields(octets: &[u8]) {
    let mut fields = Fields::new(octets);
    for octet in octets {
        let before = fields.rest().len();
        let read = match octet % 6 {
            0 => fields.packed().is_some(),
            1 => fields.short().is_some(),
            2 => fields.eui64().is_some(),
            3 => fields.data().is_some(),
            4 => fields.text().is_some(),
            _ => fields.longest().is_some(),
        };
        assert!(fields.rest().len() < before || !read);
    }
}

/// Anything that may happen to a radio's driver, in any order.
pub(crate) fn story(octets: &[u8]) {
    let mut script = Script::new(&octets[..octets.len().min(LONGEST_STORY)]);
    let used = memory(|| {
        let mut bench = Bench::new(script.octet());
        while !script.is_empty() {
            bench.step(&mut script);
            bench.look();
        }
    });
    assert!(used <= DRIVER_MEMORY, "the driver has {used} octets");
}

/// The driver, the line to its radio, and the time.
struct Bench {
    rcp: Rcp,
    now: Instant,
    /// What the driver has written is read, and its last transaction known.
    decoder: Decoder<Vec<u8>>,
    transaction: u8,
    /// The device takes nothing.
    is_stuck: bool,
}

impl Bench {
    fn new(what: u8) -> Self {
        let settings = Settings {
            pan_id: 0xABCD,
            channel: (what & 1 == 0).then_some(15),
            short_address: 0xFFFE,
            long_address: None,
            tx_power_dbm: (what & 2 == 0).then_some(8),
        };
        let mut rcp = Rcp::new(settings);
        rcp.handle_opened(Instant::ZERO);
        let decoder = Decoder::new(vec![0; LONGEST + SUM_LEN]);
        Self { rcp, now: Instant::ZERO, decoder, transaction: 0, is_stuck: false }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        match script.octet() % 10 {
            0 => self.rcp.handle_octets(self.now, script.octets()),
            1 => self.say_anything(script),
            2 | 3 => self.converse(script.octet()),
            4 => {
                self.now = self.now + Duration::from_millis(50 * u64::from(script.octet()));
                self.rcp.handle_timeout(self.now);
            }
            5 => {
                let frame = script.octets();
                let transmit = Transmit { frame: &frame[..frame.len().min(125)], max_frame_retries: 3, secured: true };
                let was_ready = self.rcp.is_ready();
                assert_eq!(self.rcp.transmit(self.now, &transmit).is_ok(), was_ready);
            }
            6 => {
                let was_ready = self.rcp.is_ready();
                assert_eq!(self.rcp.scan(self.now, &[11, 15, 26], script.octet().into()).is_ok(), was_ready);
            }
            7 => {
                let what = script.octet();
                self.rcp.match_source(self.now, Eui64([what % 16; 8]).0, what & 16 == 0);
            }
            8 => self.is_stuck = script.octet() & 1 == 0,
            _ => {
                self.rcp.handle_closed("it has been unplugged");
                self.decoder.reset();
                self.rcp.handle_opened(self.now);
            }
        }
    }

    /// A good frame with anything in it, as news or as an answer to what was asked last.
    fn say_anything(&mut self, script: &mut Script<'_>) {
        let transaction = if script.octet() & 1 == 0 { 0 } else { self.transaction };
        let octets = script.octets();
        let mut fields = Fields::new(octets);
        let property = Property(fields.packed().unwrap_or_default());
        self.say(transaction, property, fields.rest());
    }

    fn say(&mut self, transaction: u8, property: Property, value: &[u8]) {
        let mut line = Vec::new();
        hdlc::encode(Frame::new(transaction, Message::Is(property, value)).octets(), &mut line);
        self.rcp.handle_octets(self.now, &line);
    }

    /// The radio reads what is on the line and does as it is told, so many times.
    fn converse(&mut self, times: u8) {
        for _ in 0..times % 32 {
            let octets = if self.is_stuck { Vec::new() } else { self.rcp.output().to_vec() };
            self.rcp.written(octets.len());
            let mut frames = Vec::new();
            self.decoder.take(&octets, |decoded| match decoded {
                Decoded::Frame(octets) => frames.push(octets.to_vec()),
                Decoded::Damaged | Decoded::TooLong => {}
            });
            frames.iter().for_each(|octets| self.obey(&Frame::decode(octets).expect("the driver writes frames")));
        }
    }

    fn obey(&mut self, frame: &Frame<'_>) {
        self.transaction = frame.transaction;
        let done = |status: Status| packed(status.0).collect::<Vec<u8>>();
        match frame.message {
            Message::Reset(_) => self.say(0, Property::LAST_STATUS, &done(Status::RESET_SOFTWARE)),
            Message::Get(property) => self.say(frame.transaction, property, value_of(property)),
            Message::Set(Property::STREAM_RAW, value) => {
                let raw = RawTransmit::decode(value).expect("a frame");
                assert!(raw.psdu.len() <= 125 + FCS_LEN);
                self.say(frame.transaction, Property::LAST_STATUS, &done(Status::OK));
            }
            Message::Set(property, value) | Message::Insert(property, value) | Message::Remove(property, value) => {
                self.say(frame.transaction, property, value);
            }
            Message::Noop | Message::Is(..) | Message::Inserted(..) | Message::Removed(..) => panic!("{frame:?}"),
        }
    }

    /// What is always so.
    fn look(&mut self) {
        while self.rcp.poll_event().is_some() {}
        assert_ne!(self.rcp.poll_timeout(), None, "an open device is not left alone");
        assert!(!self.rcp.is_ready() || self.rcp.info().is_some());
    }
}

/// What a good radio says of itself.
fn value_of(property: Property) -> &'static [u8] {
    match property {
        Property::PROTOCOL_VERSION => &[4, 3],
        // CONFIG_RADIO, MAC_RAW and another one.
        Property::CAPS => &[34, 0x81, 0x04, 0x30],
        Property::HWADDR => &[0xF4, 0xCE, 0x36, 0x11, 0x13, 0x7E, 0x7D, 0xF8],
        Property::NCP_VERSION => b"OPENTHREAD/1; test\0",
        Property::MAC_RAW_STREAM_ENABLED => &[1],
        _ => &[],
    }
}
