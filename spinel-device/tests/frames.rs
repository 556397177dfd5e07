//! The device's answers, frame by frame, and what it makes of anything else.

mod support;

use proptest::prelude::*;
use spinel::hdlc::{self, Decoded, Decoder};
use spinel::{Frame, Message, Property, RawTransmit, Reset, Status, packed};
use spinel_device::{Address, Command, Device, Outcome, Verdict};
use support::{HWADDR, MATCHES, NODE, OUTPUT, PAN, config, frame, received};

type Tested = Device<MATCHES, OUTPUT>;

/// What comes back for this, as octets of frames.
fn ask(device: &mut Tested, octets: impl IntoIterator<Item = u8>) -> Vec<Vec<u8>> {
    let mut line = Vec::new();
    hdlc::encode(octets, &mut line);
    device.handle_octets(&line);
    read(device)
}

fn read(device: &mut Tested) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    Decoder::new([0; 400]).take(device.output(), |decoded| match decoded {
        Decoded::Frame(octets) => frames.push(octets.to_vec()),
        Decoded::Damaged | Decoded::TooLong => panic!("{decoded:?}"),
    });
    device.written(device.output().len());
    frames
}

fn answer(device: &mut Tested, message: Message<'_>) -> Vec<u8> {
    let answers = ask(device, Frame::new(5, message).octets());
    let [answer] = &answers[..] else { panic!("{answers:02x?}") };
    answer.clone()
}

fn is(property: Property, value: &[u8]) -> Vec<u8> {
    Frame::new(5, Message::Is(property, value)).octets().collect()
}

fn status(status: Status) -> Vec<u8> {
    is(Property::LAST_STATUS, &packed(status.0).collect::<Vec<u8>>())
}

fn set(device: &mut Tested, property: Property, value: &[u8]) -> Vec<u8> {
    answer(device, Message::Set(property, value))
}

#[test]
fn values_are_told_and_set() {
    let mut device = Tested::new(config());
    for (property, value) in [
        (Property::PROTOCOL_VERSION, &[4, 3][..]),
        (Property::HWADDR, &HWADDR),
        (Property::NCP_VERSION, b"OPENTHREAD/1; test\0"),
        (Property::CAPS, &[0x30, 0x31, 34, 0x81, 4]),
        (Property::RADIO_CAPS, &[15]),
        (Property::MAC_15_4_PANID, &[0xFF, 0xFF]),
        (Property::MAC_RAW_STREAM_ENABLED, &[0]),
    ] {
        assert_eq!(answer(&mut device, Message::Get(property)), is(property, value));
    }
    for (property, value) in [
        (Property::PHY_ENABLED, &[1][..]),
        (Property::PHY_CHAN, &[26]),
        (Property::MAC_15_4_PANID, &[0x0F, 0x53]),
        (Property::MAC_15_4_SADDR, &[1, 0]),
        (Property::MAC_15_4_LADDR, &NODE),
        (Property::MAC_PROMISCUOUS_MODE, &[2]),
        (Property::MAC_SRC_MATCH_ENABLED, &[1]),
        (Property::MAC_RAW_STREAM_ENABLED, &[1]),
    ] {
        assert_eq!(set(&mut device, property, value), is(property, value));
        assert_eq!(answer(&mut device, Message::Get(property)), is(property, value));
    }
    assert_eq!(set(&mut device, Property::PHY_TX_POWER, &[20]), is(Property::PHY_TX_POWER, &[8]), "all it has");
    let receiver = device.receiver();
    assert!(receiver.is_on && receiver.is_promiscuous && receiver.channel == 26);
}

#[test]
fn what_cannot_be_is_answered_with_a_status() {
    let mut device = Tested::new(config());
    let list = Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES;
    for (message, wanted) in [
        (Message::Noop, Status::OK),
        (Message::Get(Property(0x7777)), Status::PROP_NOT_FOUND),
        (Message::Set(Property(0x7777), &[1]), Status::PROP_NOT_FOUND),
        (Message::Insert(Property::PHY_CHAN, &[11]), Status::PROP_NOT_FOUND),
        (Message::Remove(Property::PHY_CHAN, &[11]), Status::PROP_NOT_FOUND),
        (Message::Set(Property::PHY_CHAN, &[27]), Status::INVALID_ARGUMENT),
        (Message::Set(Property::PHY_CHAN, &[]), Status::PARSE_ERROR),
        (Message::Insert(list, &[1, 2, 3]), Status::PARSE_ERROR),
        (Message::Set(Property::STREAM_RAW, &[1]), Status::PARSE_ERROR),
        (Message::Set(Property::MAC_SCAN_STATE, &[2]), Status::INVALID_ARGUMENT),
        (Message::Is(Property::PHY_CHAN, &[11]), Status::INVALID_COMMAND),
    ] {
        assert_eq!(answer(&mut device, message), status(wanted), "{message:?}");
    }
    assert_eq!(ask(&mut device, [0x85, 99]), [status(Status::INVALID_COMMAND)], "no command");
    assert!(ask(&mut device, [0x45, 2, 2]).is_empty(), "no frame");
    assert!(ask(&mut device, [0x85; 400]).is_empty(), "too long");
}

#[test]
fn lists_have_an_end() {
    let mut device = Tested::new(config());
    let (short, extended) = (Property::MAC_SRC_MATCH_SHORT_ADDRESSES, Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES);
    for number in 0..MATCHES as u8 {
        for (property, value) in [(short, &[number; 2][..]), (extended, &[number; 8])] {
            let inserted: Vec<u8> = Frame::new(5, Message::Inserted(property, value)).octets().collect();
            assert_eq!(answer(&mut device, Message::Insert(property, value)), inserted);
            assert_eq!(answer(&mut device, Message::Insert(property, value)), inserted, "said twice");
        }
    }
    for (property, value) in [(short, &[99; 2][..]), (extended, &[99; 8])] {
        assert_eq!(answer(&mut device, Message::Insert(property, value)), status(Status::NOMEM));
        let removed: Vec<u8> = Frame::new(5, Message::Removed(property, value)).octets().collect();
        assert_eq!(answer(&mut device, Message::Remove(property, value)), removed, "it is not there");
    }
    set(&mut device, Property::MAC_SRC_MATCH_ENABLED, &[1]);
    let pending = &device.receiver().pending;
    assert!(pending.is_for(Address::Short(0x0202)) && pending.is_for(Address::Extended([2; 8])));
    assert!(!pending.is_for(Address::Short(99)) && !pending.is_for(Address::Extended([99; 8])));
    assert_eq!(set(&mut device, extended, &NODE), is(extended, &NODE), "a whole list");
    let pending = &device.receiver().pending;
    assert!(pending.is_for(Address::Extended(NODE)) && !pending.is_for(Address::Extended([2; 8])));
}

#[test]
fn a_radio_that_is_off_or_busy_sends_nothing() {
    let mut device = Tested::new(config());
    let psdu = [0x41, 0x88, 1, 0, 0];
    let raw =
        |psdu| RawTransmit { psdu, channel: 15, max_csma_backoffs: 4, max_frame_retries: 3, csma: true, secured: true };
    let value: Vec<u8> = raw(&psdu).octets().collect();
    assert_eq!(set(&mut device, Property::STREAM_RAW, &value), status(Status::INVALID_STATE));
    set(&mut device, Property::PHY_ENABLED, &[1]);
    for octets in [&[0; 4][..], &[0; 128]] {
        let value: Vec<u8> = raw(octets).octets().collect();
        assert_eq!(set(&mut device, Property::STREAM_RAW, &value), status(Status::INVALID_ARGUMENT));
    }
    assert!(ask(&mut device, Frame::new(5, Message::Set(Property::STREAM_RAW, &value)).octets()).is_empty());
    assert_eq!(set(&mut device, Property::STREAM_RAW, &value), status(Status::INVALID_STATE));
    set(&mut device, Property::MAC_SCAN_MASK, &[15]);
    assert_eq!(set(&mut device, Property::MAC_SCAN_STATE, &[2]), status(Status::INVALID_STATE));
    assert!(matches!([device.poll(), device.poll()], [Some(Command::Listen), Some(Command::Transmit(_))]));
    assert_eq!(device.poll(), None);
    device.handle_transmitted(Outcome::ChannelBusy);
    let told = read(&mut device);
    assert!(matches!(&told[..], [told] if told.starts_with(&status(Status::CCA_FAILURE))));
}

#[test]
fn resets_are_the_boards_where_it_has_to_help() {
    let mut device = Tested::new(config());
    set(&mut device, Property::PHY_ENABLED, &[1]);
    let told = ask(&mut device, Frame::new(0, Message::Reset(Reset::Stack)).octets());
    let reset = |status: Status| -> Vec<u8> {
        Frame::new(0, Message::Is(Property::LAST_STATUS, &[status.0 as u8])).octets().collect()
    };
    assert_eq!(told, [reset(Status::RESET_SOFTWARE)]);
    assert_eq!(answer(&mut device, Message::Get(Property::PHY_ENABLED)), is(Property::PHY_ENABLED, &[0]));
    for (what, command) in [(Reset::Platform, Command::Restart), (Reset::Bootloader, Command::Bootloader)] {
        assert!(ask(&mut device, Frame::new(0, Message::Reset(what)).octets()).is_empty());
        assert_eq!(device.poll(), Some(command));
    }
    device.reset(Status::RESET_POWER_ON);
    assert_eq!(read(&mut device), [reset(Status::RESET_POWER_ON)]);
}

/// A device that listens as [`HWADDR`] and 0001 in [`PAN`], and has something for [`NODE`] and 0007.
fn listening() -> Tested {
    let mut device = Tested::new(config());
    for (property, value) in [
        (Property::PHY_ENABLED, &[1][..]),
        (Property::MAC_15_4_PANID, &PAN.to_le_bytes()),
        (Property::MAC_15_4_LADDR, &HWADDR),
        (Property::MAC_15_4_SADDR, &[1, 0]),
        (Property::MAC_SRC_MATCH_ENABLED, &[1]),
        (Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES, &NODE),
        (Property::MAC_SRC_MATCH_SHORT_ADDRESSES, &[7, 0]),
        (Property::MAC_RAW_STREAM_ENABLED, &[1]),
    ] {
        set(&mut device, property, value);
    }
    device
}

const PENDING: Verdict = Verdict::Acknowledge { pending: true };
const NOT_PENDING: Verdict = Verdict::Acknowledge { pending: false };

#[test]
fn frames_are_judged_by_their_header() {
    let device = listening();
    let judge = |psdu: &[u8]| device.receiver().judge(psdu);
    assert_eq!(judge(&frame(1, PAN, HWADDR, b"data")), NOT_PENDING);
    assert_eq!(judge(&frame(1, PAN, HWADDR, &[4])), NOT_PENDING, "no command");
    assert_eq!(judge(&frame(1, PAN + 1, HWADDR, b"data")), Verdict::Ignore);
    assert_eq!(judge(&frame(1, PAN, NODE, b"data")), Verdict::Ignore);
    assert_eq!(judge(&frame(3, PAN, HWADDR, &[4])), PENDING);
    assert_eq!(judge(&frame(3, PAN, HWADDR, &[7])), NOT_PENDING, "another command");
    assert_eq!(judge(&frame(0, PAN, HWADDR, &[4])), Verdict::Ignore, "a beacon");
    // From 0007 to 0001: in one PAN, in two, without asking for an acknowledgement; from 0008; of 802.15.4-2015.
    assert_eq!(judge(&[0x63, 0x88, 1, 0x0F, 0x53, 1, 0, 7, 0, 4, 0, 0]), PENDING);
    assert_eq!(judge(&[0x23, 0x88, 1, 0x0F, 0x53, 1, 0, 9, 9, 7, 0, 4, 0, 0]), PENDING);
    assert_eq!(judge(&[0x43, 0x88, 1, 0x0F, 0x53, 1, 0, 7, 0, 4, 0, 0]), Verdict::Take);
    assert_eq!(judge(&[0x63, 0x88, 1, 0x0F, 0x53, 1, 0, 8, 0, 4, 0, 0]), NOT_PENDING);
    assert_eq!(judge(&[0x63, 0xA8, 1, 0x0F, 0x53, 1, 0, 7, 0, 4, 0, 0]), Verdict::Ignore);
    // To all stations, to all PANs, to nobody.
    assert_eq!(judge(&[0x41, 0x88, 1, 0x0F, 0x53, 0xFF, 0xFF, 7, 0, 0, 0]), Verdict::Take);
    assert_eq!(judge(&[0x61, 0x88, 1, 0xFF, 0xFF, 1, 0, 7, 0, 0, 0]), NOT_PENDING);
    assert_eq!(judge(&[0x21, 0x80, 1, 0x0F, 0x53, 7, 0, 0, 0]), Verdict::Ignore);
}

#[test]
fn a_secured_request_is_one_too() {
    let device = listening();
    // The key identifier is left out, or has 1, 5 or 9 octets.
    for (mode, key_id_len) in [(0, 0), (1, 1), (2, 5), (3, 9)] {
        let mut auxiliary = vec![5 | mode << 3];
        auxiliary.extend(vec![0xEE; 4 + key_id_len]);
        let mut request = frame(3, PAN, HWADDR, &[&auxiliary[..], &[4], &[0; 4]].concat());
        request[0] |= 1 << 3;
        request[1] |= 1 << 4;
        assert_eq!(device.receiver().judge(&request), PENDING, "mode {mode}");
    }
}

proptest! {
    #[test]
    fn any_octets_are_harmless(octets in prop::collection::vec(any::<u8>(), 0..300), whole in any::<bool>()) {
        let mut device = listening();
        if whole {
            hdlc::encode([0x81].into_iter().chain(octets.iter().copied()), &mut Sink(&mut device));
        } else {
            device.handle_octets(&octets);
        }
        while let Some(command) = device.poll() {
            match command {
                Command::Listen | Command::Restart | Command::Bootloader => {}
                Command::Transmit(_) => device.handle_transmitted(Outcome::Sent),
                Command::Scan { .. } => device.handle_scanned(0),
            }
        }
        let _ = device.receiver().judge(&octets);
        device.handle_received(&received(&octets, true));
        read(&mut device);
    }
}

/// Octets that go to the device as they are made.
struct Sink<'d>(&'d mut Tested);

impl Extend<u8> for Sink<'_> {
    fn extend<T: IntoIterator<Item = u8>>(&mut self, octets: T) {
        octets.into_iter().for_each(|octet| self.0.handle_octets(&[octet]));
    }
}
