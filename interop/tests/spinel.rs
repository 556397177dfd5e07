//! Spinel frames as pyspinel, OpenThread's own library, writes and reads them.

use interop::{Process, python_program};
use oorandom::Rand32;
use spinel::hdlc::{self, Decoded, Decoder};
use spinel::{Frame, Message, Property, RawTransmit, Reset};
use std::fmt::Write as _;

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// A value without octets has to be a word, too.
fn word(octets: &[u8]) -> String {
    if octets.is_empty() { "-".into() } else { hex(octets) }
}

/// A frame, and its parts as the script takes them: command, number, format, fields.
struct Case {
    octets: Vec<u8>,
    parts: String,
}

fn case(transaction: u8, message: Message<'_>, parts: &str) -> Case {
    Case { octets: Frame::new(transaction, message).octets().collect(), parts: format!("{transaction} {parts}") }
}

/// What the driver asks for while it starts a radio.
fn of_a_start() -> Vec<Case> {
    let address = [0xF4, 0xCE, 0x36, 0x11, 0x13, 0x7E, 0x7D, 0xF8];
    let list = Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES;
    vec![
        case(0, Message::Reset(Reset::Stack), "1 2 -"),
        case(0, Message::Reset(Reset::Platform), "1 1 -"),
        case(1, Message::Get(Property::CAPS), "2 5 -"),
        case(15, Message::Get(Property::RADIO_CAPS), "2 4619 -"),
        case(2, Message::Set(Property::PHY_CHAN, &[15]), "3 33 C 15"),
        case(3, Message::Set(Property::MAC_15_4_PANID, &[0xCD, 0xAB]), "3 54 S 43981"),
        case(4, Message::Set(Property::MAC_SRC_MATCH_ENABLED, &[1]), "3 4867 b 1"),
        case(5, Message::Set(Property::MAC_15_4_LADDR, &address), &format!("3 52 E {}", hex(&address))),
        case(6, Message::Insert(list, &address), &format!("4 4869 E {}", hex(&address))),
        case(7, Message::Remove(list, &address), &format!("5 4869 E {}", hex(&address))),
    ]
}

/// Frames to send, of all lengths that fit the air.
fn to_send(rng: &mut Rand32) -> Case {
    let psdu: Vec<u8> = (0..rng.rand_range(1..128)).map(|_| rng.rand_u32() as u8).collect();
    let (channel, secured) = (rng.rand_range(11..27) as u8, rng.rand_u32() & 1 == 1);
    let raw = RawTransmit { psdu: &psdu, channel, max_csma_backoffs: 4, max_frame_retries: 3, csma: true, secured };
    let (text, flag) = (hex(&psdu), u8::from(secured));
    let parts = format!("3 113 dCCCbbbbLLC {text} {channel} 4 3 1 {flag} {flag} {flag} 0 0 {channel}");
    case(rng.rand_range(1..16) as u8, Message::Set(Property::STREAM_RAW, &raw.octets().collect::<Vec<u8>>()), &parts)
}

/// Any property with any value.
fn of_anything(rng: &mut Rand32) -> Case {
    // pyspinel packs 0 into no octet at all.
    let property = Property((rng.rand_u32() >> rng.rand_range(11..31)).max(1));
    let value: Vec<u8> = (0..rng.rand_range(0..300)).map(|_| rng.rand_u32() as u8).collect();
    let parts = format!("6 {} D {}", property.0, word(&value));
    case(rng.rand_range(0..16) as u8, Message::Is(property, &value), &parts)
}

fn read(line: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    Decoder::new([0; 1_302]).take(line, |decoded| match decoded {
        Decoded::Frame(octets) => frames.push(octets.to_vec()),
        Decoded::Damaged | Decoded::TooLong => panic!("no frame in {}", hex(line)),
    });
    frames
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

#[test]
fn pyspinel_writes_the_same_frames_and_reads_ours() {
    let mut rng = Rand32::new(5);
    let mut cases = of_a_start();
    cases.extend((0..200).map(|_| to_send(&mut rng)));
    cases.extend((0..200).map(|_| of_anything(&mut rng)));
    let mut pyspinel = Process::start(python_program("spinel_frames.py"));
    let mut same = 0;
    for Case { octets, parts } in &cases {
        let mut line = Vec::new();
        hdlc::encode(octets.iter().copied(), &mut line);
        pyspinel.type_line(&format!("{parts} {}", hex(&line)));
        let answer = pyspinel.expect(" ");
        let (encoded, decoded) = answer.split_once(' ').expect("two words");
        assert_eq!(decoded, hex(octets), "what it reads; {parts}");
        assert_eq!(read(&unhex(encoded)), std::slice::from_ref(octets), "what it writes; {parts}");
        // We escape three octets more.
        same += usize::from(encoded == hex(&line));
        let more = line.windows(2).any(|pair| matches!(pair, [0x7D, 0x31 | 0x33 | 0xD8]));
        assert!(more || encoded == hex(&line), "octet by octet; {parts}");
    }
    assert!(same > 50, "only {same} of {} are the same octet by octet", cases.len());
}
