//! What is wrong with a frame is known by its name.

mod support;

use lowpan::{Carriages, Config, Hub, Limits, NoKeys, Reason, Received, SendError, Signal, Station};
use sn_types::Instant;
use support::{GATEWAY, GATEWAY_SHORT, NODE, PAN, UDP, frames_of_leaf, leaf};

/// Frame control of a data frame, sequence number, PAN, gateway by extended address, node by extended address.
const DATA: &str = "61cc07cdab 01000000004b1202 07000000004b1200";
/// The same to all.
const TO_ALL: &str = "41c807cdab ffff 07000000004b1200";
/// IPv6 between the two, next header and hop limit to be filled in.
const ADDRESSES: &str = "fe80000000000000 02124b0000000007 fe80000000000000 00124b0000000001";

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let octet = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(octet).collect()
}

fn hub(carriages: Carriages) -> Hub<NoKeys> {
    let station = Station { eui64: GATEWAY, pan: PAN, short: Some(GATEWAY_SHORT), security: None };
    let limits = Limits { assemblies: 1, ..Limits::DEFAULT };
    Hub::new(Config { station, carriages, fragment: true, limits }, NoKeys, 0).unwrap()
}

fn verdict(hub: &mut Hub<NoKeys>, frame: &str) -> Result<(), Reason> {
    judge(hub, &octets(frame))
}

fn judge(hub: &mut Hub<NoKeys>, frame: &[u8]) -> Result<(), Reason> {
    match hub.handle_frame(Instant::ZERO, frame, Signal::default()) {
        Received::Rejected { reason, .. } => Err(reason),
        Received::Datagram { .. }
        | Received::Fragment { .. }
        | Received::DataRequest { .. }
        | Received::Solicitation { .. }
        | Received::Neighbour { .. } => Ok(()),
    }
}

#[test]
fn each_fault_has_its_name() {
    let data = |payload: &str| format!("{DATA} {payload}");
    let ipv6 = |head: &str, rest: &str| format!("{DATA} 41 60000000 {head} {ADDRESSES} {rest}");
    let table = [
        // MAC headers
        (String::new(), Reason::MacHeader),
        ("61cc".into(), Reason::MacHeader),
        ("61cc07cdab 0100000000".into(), Reason::MacHeader),
        ("61c407cdab 01000000004b1202 07000000004b1200 33".into(), Reason::MacHeader),
        ("020007".into(), Reason::FrameType),
        ("00c007 cdab 07000000004b1200".into(), Reason::FrameType),
        ("61ec07cdab 01000000004b1202 07000000004b1200 33".into(), Reason::FrameVersion),
        ("210c07cdab 01000000004b1202 33".into(), Reason::NoAddress),
        ("01cc07 cdab 01000000004b1202 ceab 07000000004b1200 33".into(), Reason::OtherPan),
        ("61cc07ceab 01000000004b1202 07000000004b1200 33".into(), Reason::OtherPan),
        ("61cc07cdab 02000000004b1202 07000000004b1200 33".into(), Reason::NotForUs),
        ("61c807cdab 0200 07000000004b1200 33".into(), Reason::NotForUs),
        ("618c07cdab 01000000004b1202 0700 33".into(), Reason::ShortSource),
        ("69dc07cdab 01000000004b1202 07000000004b1200 33".into(), Reason::UnexpectedSecurity),
        ("69cc07cdab 01000000004b1202 07000000004b1200 33".into(), Reason::SecurityHeader),
        ("63cc07cdab 01000000004b1202 07000000004b1200 07".into(), Reason::Command),
        ("63cc07cdab 01000000004b1202 07000000004b1200".into(), Reason::Empty),
        // Payloads
        (DATA.into(), Reason::Empty),
        (data("00"), Reason::Dispatch),
        (data("48"), Reason::Dispatch),
        (data("f5"), Reason::Dispatch),
        // Mesh headers: hops, originator, receiver, broadcast header
        (data("80 00124b0000000009 02124b0000000001 33"), Reason::Mesh),
        (data("8f"), Reason::Mesh),
        (data("8f00 00124b0000000009 02124b0000000001 33"), Reason::Mesh),
        (data("8d 00124b0000000009 02124b00000000"), Reason::Mesh),
        (data("9d 00124b0000000009 00"), Reason::Mesh),
        (data("9d 00124b0000000009 8001 33"), Reason::Mesh),
        (data("9d 00124b0000000009 ffff 50"), Reason::Mesh),
        (data("ad ffff 02124b0000000001 33"), Reason::Mesh),
        (data("8d 00124b0000000009 02124b0000000002 33"), Reason::NotForUs),
        (data("9d 00124b0000000009 0002 33"), Reason::NotForUs),
        (data("9d 00124b0000000009 8002 33"), Reason::NotForUs),
        (data("bd 0009 0001 33"), Reason::ShortSource),
        (data("8d 02124b0000000001 02124b0000000001 33"), Reason::Duplicate),
        (data("8d 00124b0000000009 02124b0000000001"), Reason::Empty),
        (data("8d 00124b0000000009 02124b0000000001 0533"), Reason::UnexpectedSecurity),
        (data("8d 00124b0000000009 02124b0000000001 5001 33"), Reason::Dispatch),
        (data("8d 00124b0000000009 02124b0000000001 8d"), Reason::Dispatch),
        // Fragments
        (data("c0"), Reason::Fragment),
        (data("c02000"), Reason::Fragment),
        (data("e0200001"), Reason::Fragment),
        (data("e020000100 3300000000000000"), Reason::Fragment),
        (data("e020000101"), Reason::Fragment),
        (data("e020000101 00000000000000"), Reason::Fragment),
        (data("e010000101 00000000000000000000000000000000"), Reason::Fragment),
        (data("c0200001"), Reason::Empty),
        (data("c7ff0001 3300000000000000"), Reason::TooLong),
        (data("c0000001 33"), Reason::Fragment),
        (data("c0200001 c0200001 33"), Reason::Dispatch),
        (data("c0200001 7e33f0 2710075b 0000 0000"), Reason::Lowpan),
        // IPv6 headers that are compressed
        (data("7e"), Reason::Lowpan),
        (data("6000"), Reason::Lowpan),
        (data("7e73 f0 2710075b 0000"), Reason::Lowpan),
        (data("7ef3 00 f0 2710075b 0000"), Reason::Lowpan),
        (data("7e37 f0 2710075b 0000"), Reason::Lowpan),
        (data("7e33"), Reason::Lowpan),
        (data("7e33 f0 2710"), Reason::Lowpan),
        (data("7e33 e0 00"), Reason::Protocol),
        (data("7e33 f4 2710075b"), Reason::Checksum),
        (data("7e33 f1 2710 5b 0000"), Reason::Port),
        (data("7e33 f3 11 0000"), Reason::Port),
        (data("7e33 f0 2710075b 1234 0216"), Reason::Checksum),
        (data("7e33 f0 2710075b 0000 0216"), Reason::Checksum),
        (data("7e13 0212ffffffffffff f0 2710075b 1234 0216"), Reason::IpAddress),
        (data("7e31 0212ffffffffffff f0 2710075b 1234 0216"), Reason::IpAddress),
        (data("7a33 06 00"), Reason::Protocol),
        (data("7b33 3a 86000000"), Reason::Ip),
        (format!("{TO_ALL} 7e3b fb f0 2710075b 1234 0216"), Reason::IpAddress),
        // IPv6 headers that are not
        (data("41"), Reason::Empty),
        (data("41 60"), Reason::Ip),
        (ipv6("00021140", "02"), Reason::Ip),
        (ipv6("00011140", "0216"), Reason::Ip),
        (ipv6("00021140", "0216"), Reason::Ip),
        (ipv6("000a1140", "2710075b 0005 0000 0216"), Reason::Ip),
        (ipv6("000a1140", "2710075b 000a 0000 0216"), Reason::Checksum),
        (ipv6("00080640", "0000000000000000"), Reason::Protocol),
        (ipv6("00043aff", "87000000"), Reason::Ip),
    ];
    for (frame, reason) in table {
        assert_eq!(verdict(&mut hub(Carriages::Both(1883)), &frame), Err(reason), "{frame}");
    }
}

#[test]
fn forms_that_are_not_configured_are_not_taken() {
    let bare = format!("{DATA} 33 0216");
    assert_eq!(verdict(&mut hub(Carriages::Bare), &bare), Ok(()));
    assert_eq!(verdict(&mut hub(Carriages::Udp(1883)), &bare), Err(Reason::Carriage));
    let mut leaf = leaf(UDP, None);
    leaf.send(false, b"\x02\x16").unwrap();
    let udp = frames_of_leaf(&mut leaf).remove(0);
    for (carriages, expected) in [
        (Carriages::Udp(1883), Ok(())),
        (Carriages::Bare, Err(Reason::Carriage)),
        (Carriages::Udp(1884), Err(Reason::Port)),
        (Carriages::Both(1884), Err(Reason::Port)),
    ] {
        assert_eq!(judge(&mut hub(carriages), udp.as_bytes()), expected, "{carriages:?}");
    }
}

#[test]
fn packets_being_put_together_have_an_end() {
    let mut hub = hub(Carriages::Bare);
    assert_eq!(verdict(&mut hub, &format!("{DATA} c0200001 3300000000000000")), Ok(()));
    let other = "61cc07cdab 01000000004b1202 08000000004b1200 c0200001 3300000000000000";
    assert_eq!(verdict(&mut hub, other), Err(Reason::ReassemblyFull));
    hub.handle_timeout(hub.poll_timeout().unwrap());
    let again = other.replace("61cc07", "61cc08");
    assert_eq!(verdict(&mut hub, &again), Ok(()));
}

#[test]
fn packets_have_a_longest() {
    let station = Station { eui64: GATEWAY, pan: PAN, short: Some(GATEWAY_SHORT), security: None };
    let limits = Limits { packet: 256, ..Limits::DEFAULT };
    let mut hub = Hub::new(Config { station, carriages: Carriages::Bare, fragment: true, limits }, NoKeys, 0).unwrap();
    assert_eq!(verdict(&mut hub, &format!("{DATA} c1010001 3300000000000000")), Err(Reason::TooLong));
    assert_eq!(verdict(&mut hub, &format!("{DATA} c1000001 3300000000000000")), Ok(()));
    assert_eq!(hub.send(Instant::ZERO, NODE, &[0; 256]), Err(SendError::TooLong));
    assert_eq!(hub.send(Instant::ZERO, NODE, &[0; 255]), Ok(()));
}

#[test]
fn what_cannot_be_is_not_configured() {
    let station = Station { eui64: GATEWAY, pan: PAN, short: None, security: None };
    let good = Config { station, carriages: Carriages::Bare, fragment: true, limits: Limits::DEFAULT };
    let with_short = |short| Config { station: Station { short: Some(short), ..station }, ..good };
    let with_packet = |packet| Config { limits: Limits { packet, ..Limits::DEFAULT }, ..good };
    let wrong = [
        (Config { carriages: Carriages::Udp(0), ..good }, "UDP port 0: choose one outside 61440-61695 and not 0"),
        (
            Config { carriages: Carriages::Both(0xF0B1), ..good },
            "UDP port 61617: choose one outside 61440-61695 and not 0",
        ),
        (with_short(0xFFFE), "fffe is no station's short address"),
        (with_short(0xFFFF), "ffff is no station's short address"),
        (Config { station: Station { pan: 0xFFFF, ..station }, ..good }, "PAN id ffff stands for every PAN"),
        (with_packet(255), "packets of 255 octets: choose 256 to 2047 as the longest"),
        (with_packet(2048), "packets of 2048 octets: choose 256 to 2047 as the longest"),
    ];
    for (config, message) in wrong {
        let error = Hub::new(config, NoKeys, 0).map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn no_two_reasons_have_the_same_name() {
    let mut names: Vec<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Reason::ALL.len());
}
