//! tshark, an independent dissector, reads and decrypts frames of `lowpan`.

use lowpan::{
    Ack, Carriage, Carriages, Config, Eui64, Header, Hub, Keys, Leaf, LeafConfig, Level, Limits, LinkKey, MeshHeader,
    Router, RouterConfig, Signal, Station, Transmit, fcs,
};
use sn_types::Instant;
use std::io::Write;
use std::path::Path;
use std::process::Command;

const GATEWAY: Eui64 = Eui64([0x02, 0x12, 0x4B, 0, 0, 0, 0, 0x01]);
const NODE: Eui64 = Eui64([0x00, 0x12, 0x4B, 0, 0, 0, 0, 0x07]);
const KEY: LinkKey = LinkKey([7; 16]);
const PORT: u16 = 1883;
const NOW: Instant = Instant::ZERO;
const PUBLISH: &[u8] = b"\x11\x0C\x20\x00\x01\x00\x07temp=21.50";
const PUBACK: &[u8] = b"\x07\x0D\x00\x01\x00\x07\x00";
/// LINKTYPE_IEEE802_15_4_WITHFCS of capture files.
const LINK_TYPE: u32 = 195;

/// One key, and counters from 1.
struct OneKey(u32);

impl Keys for OneKey {
    fn key(&self, _node: Eui64) -> Option<&LinkKey> {
        Some(&KEY)
    }

    fn accept(&mut self, _node: Eui64, _counter: u32) -> bool {
        true
    }

    fn next_counter(&mut self) -> Option<u32> {
        self.0 += 1;
        Some(self.0)
    }
}

/// A publish, its answer and a data request, as they go through the air.
fn exchange(carriage: Carriage, security: Option<Level>) -> Vec<Vec<u8>> {
    let gateway = Station { eui64: GATEWAY, pan: 0xABCD, short: None, security };
    let config = Config { station: gateway, carriages: Carriages::Both(PORT), fragment: true, limits: Limits::DEFAULT };
    let mut hub = Hub::new(config, OneKey(0), 0).expect("it can be");
    let station = Station { eui64: NODE, ..gateway };
    let config = LeafConfig { station, gateway: GATEWAY, gateway_short: None, carriage, fragment: true };
    let mut leaf: Leaf<_, 512> = Leaf::new(config, OneKey(0), 0).expect("it can be");
    let mut frames = Vec::new();
    let take_up = |leaf: &mut Leaf<_, 512>, hub: &mut Hub<_>| {
        let up = leaf.poll_transmit().expect("a frame");
        leaf.handle_transmitted(NOW, up.id, Ok(Ack::default()));
        hub.handle_frame(NOW, up.psdu.as_bytes(), Signal::default());
        up.psdu
    };
    leaf.send(false, PUBLISH).expect("it fits");
    frames.push(take_up(&mut leaf, &mut hub));
    hub.send(NOW, NODE, PUBACK).expect("it fits");
    frames.push(hub.poll_transmit().expect("an answer").psdu);
    leaf.request();
    frames.push(take_up(&mut leaf, &mut hub));
    frames.iter().map(|psdu| [psdu.as_bytes(), &fcs(psdu.as_bytes())].concat()).collect()
}

const ROUTER: Eui64 = Eui64([0x02, 0x12, 0x4B, 0, 0, 0, 0, 0x21]);

/// The same without the data request, over a router: each frame is there twice, before it and behind it.
fn exchange_over_a_router(carriage: Carriage, security: Option<Level>) -> Vec<Vec<u8>> {
    let gateway = Station { eui64: GATEWAY, pan: 0xABCD, short: None, security };
    let config = Config { station: gateway, carriages: Carriages::Both(PORT), fragment: true, limits: Limits::DEFAULT };
    let mut hub = Hub::new(config, OneKey(0), 0).expect("it can be");
    let config = RouterConfig { eui64: ROUTER, pan: 0xABCD, gateway: GATEWAY, gateway_short: None };
    let mut router: Router<4, 4> = Router::new(config, 0).expect("it can be");
    let station = Station { eui64: NODE, ..gateway };
    let config = LeafConfig { station, gateway: GATEWAY, gateway_short: None, carriage, fragment: true };
    let mut leaf: Leaf<_, 512> = Leaf::new(config, OneKey(0), 0).expect("it can be");
    leaf.set_parent(Some(ROUTER));
    // The router asks, and the gateway answers.
    router.handle_timeout(NOW);
    let request = passed_on(&mut router, NOW).expect("a request");
    hub.handle_frame(NOW, request.psdu.as_bytes(), Signal::default());
    let offer = hub.poll_transmit().expect("an offer");
    hub.handle_transmitted(NOW, offer.id, Ok(Ack::default()));
    router.handle_frame(NOW, offer.psdu.as_bytes(), Signal::default());
    let now = Instant::from_secs(1);
    router.handle_timeout(now);

    leaf.send(false, PUBLISH).expect("it fits");
    let mut frames = vec![leaf.poll_transmit().expect("a frame").psdu];
    router.handle_frame(now, frames[0].as_bytes(), Signal::default());
    frames.push(passed_on(&mut router, now).expect("it has a parent").psdu);
    hub.handle_frame(now, frames[1].as_bytes(), Signal::default());
    hub.send(now, NODE, PUBACK).expect("it fits");
    frames.push(hub.poll_transmit().expect("an answer").psdu);
    router.handle_frame(now, frames[2].as_bytes(), Signal::default());
    frames.push(passed_on(&mut router, now).expect("it knows the way").psdu);
    frames.iter().map(|psdu| psdu.as_bytes().to_vec()).collect()
}

fn passed_on(router: &mut Router<4, 4>, now: Instant) -> Option<Transmit> {
    let transmit = router.poll_transmit()?;
    router.handle_transmitted(now, transmit.id, Ok(Ack::default()));
    Some(transmit)
}

fn with_fcs(frame: &[u8]) -> Vec<u8> {
    [frame, &fcs(frame)].concat()
}

/// The frame that was sealed, as docs/radio.md says: the MAC header between the two ends, sequence number 0.
fn direct(frame: &[u8]) -> Vec<u8> {
    let (_, mesh_at) = Header::decode(frame).expect("a header");
    let (mesh, len) = MeshHeader::decode(&frame[mesh_at..]).expect("a mesh header");
    let address = |address| match address {
        lowpan::Address::Extended(Eui64(octets)) => octets.into_iter().rev().collect::<Vec<u8>>(),
        lowpan::Address::Short(short) => short.to_le_bytes().to_vec(),
    };
    let ends = [address(mesh.target), address(mesh.originator)].concat();
    with_fcs(&[&[0x69, 0xDC, 0, 0xCD, 0xAB][..], &ends, &frame[mesh_at + len..]].concat())
}

/// A capture file of these frames.
fn capture(frames: &[Vec<u8>]) -> tempfile::NamedTempFile {
    let mut octets = Vec::new();
    octets.extend(0xA1B2_C3D4_u32.to_le_bytes());
    octets.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0]);
    octets.extend(LINK_TYPE.to_le_bytes());
    for frame in frames {
        octets.extend([0; 8]);
        octets.extend((frame.len() as u32).to_le_bytes().repeat(2));
        octets.extend(frame);
    }
    let mut file = tempfile::NamedTempFile::new().expect("there is room in the temporary directory");
    file.write_all(&octets).expect("there is room in the temporary directory");
    file
}

/// What tshark says of each frame: protocols, check sequence, security level, payload, MQTT-SN's types, complaints.
const FIELDS: [&str; 6] =
    ["frame.protocols", "wpan.fcs_ok", "wpan.aux_sec.sec_level", "data.data", "mqttsn.msg.type", "_ws.expert.message"];

fn dissect(file: &Path, key: &LinkKey) -> Vec<[String; 6]> {
    dissect_as(file, key, FIELDS)
}

fn dissect_as<const N: usize>(file: &Path, key: &LinkKey, fields: [&str; N]) -> Vec<[String; N]> {
    let key: String = key.0.iter().map(|octet| format!("{octet:02x}")).collect();
    let output = Command::new("tshark")
        .arg("-r")
        .arg(file)
        .args([
            "-d",
            &format!("udp.port=={PORT},mqttsn"),
            "-o",
            &format!("uat:ieee802154_keys:\"{key}\",\"0\",\"No hash\""),
        ])
        .args(["-T", "fields"])
        .args(fields.iter().flat_map(|field| ["-e", field]))
        .output()
        .expect("tshark is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let row = |line: &str| {
        let mut columns = line.split('\t').map(str::to_owned);
        std::array::from_fn(|_| columns.next().unwrap_or_default())
    };
    text.lines().map(row).collect()
}

fn levels() -> [(Option<Level>, &'static str); 4] {
    [(None, ""), (Some(Level::Mic32), "0x05"), (Some(Level::Mic64), "0x06"), (Some(Level::Mic128), "0x07")]
}

fn hex(datagram: &[u8]) -> String {
    datagram.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[test]
fn bare_frames_are_decrypted_by_another_program() {
    for (security, level) in levels() {
        let file = capture(&exchange(Carriage::Bare, security));
        let expected = [
            ["wpan:data", "1", level, &format!("33{}", hex(PUBLISH)), "", ""],
            ["wpan:data", "1", level, &format!("33{}", hex(PUBACK)), "", ""],
            ["wpan", "1", level, "", "", ""],
        ];
        assert_eq!(dissect(file.path(), &KEY), expected, "{security:?}");
    }
}

#[test]
fn frames_of_6lowpan_are_decrypted_and_dissected_by_another_program() {
    for (security, level) in levels() {
        let file = capture(&exchange(Carriage::Udp { node: 10_000, gateway: PORT }, security));
        let expected = [
            ["wpan:6lowpan:ipv6:udp:mqttsn", "1", level, "", "0x0c", ""],
            ["wpan:6lowpan:ipv6:udp:mqttsn", "1", level, "", "0x0d", ""],
            ["wpan", "1", level, "", "", ""],
        ];
        assert_eq!(dissect(file.path(), &KEY), expected, "{security:?}");
    }
}

#[test]
fn without_the_key_nothing_can_be_read() {
    let file = capture(&exchange(Carriage::Bare, Some(Level::Mic32)));
    for row in dissect(file.path(), &LinkKey([8; 16])) {
        assert!(row[5].contains("can't decrypt"), "{row:?}");
    }
}

#[test]
fn frames_over_routers_are_dissected_by_another_program() {
    let fields = [
        "frame.protocols",
        "6lowpan.mesh.orig64",
        "6lowpan.mesh.dest64",
        "6lowpan.mesh.hops",
        "mqttsn.msg.type",
        "_ws.expert.message",
    ];
    let number = |Eui64(octets): Eui64| format!("0x{}", hex(&octets));
    let (node, gateway) = (number(NODE), number(GATEWAY));
    let protocols = "wpan:6lowpan:ipv6:udp:mqttsn";
    let frames = exchange_over_a_router(Carriage::Udp { node: 10_000, gateway: PORT }, None);
    let file = capture(&frames.iter().map(|frame| with_fcs(frame)).collect::<Vec<_>>());
    let expected = [
        [protocols, &node, &gateway, "14", "0x0c", ""],
        [protocols, &node, &gateway, "13", "0x0c", ""],
        [protocols, &gateway, &node, "14", "0x0d", ""],
        [protocols, &gateway, &node, "13", "0x0d", ""],
    ];
    assert_eq!(dissect_as(file.path(), &KEY, fields), expected);
}

#[test]
fn what_is_sealed_over_routers_is_the_direct_frame_to_another_program_too() {
    for (security, level) in levels().into_iter().filter(|(security, _)| security.is_some()) {
        let frames = exchange_over_a_router(Carriage::Bare, security);
        let file = capture(&frames.iter().map(|frame| direct(frame)).collect::<Vec<_>>());
        let publish = ["wpan:data", "1", level, &format!("33{}", hex(PUBLISH)), "", ""];
        let puback = ["wpan:data", "1", level, &format!("33{}", hex(PUBACK)), "", ""];
        assert_eq!(dissect(file.path(), &KEY), [publish, publish, puback, puback], "{security:?}");
    }
}
