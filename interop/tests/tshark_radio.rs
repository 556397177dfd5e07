//! tshark, an independent dissector, reads and decrypts frames of `lowpan`.

use lowpan::{
    Ack, Carriage, Carriages, Config, Eui64, Hub, Keys, Leaf, LeafConfig, Level, Limits, LinkKey, Signal, Station, fcs,
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
        leaf.handle_transmitted(up.id, Ok(Ack::default()));
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
fn dissect(file: &Path, key: &LinkKey) -> Vec<[String; 6]> {
    let key: String = key.0.iter().map(|octet| format!("{octet:02x}")).collect();
    let fields = [
        "frame.protocols",
        "wpan.fcs_ok",
        "wpan.aux_sec.sec_level",
        "data.data",
        "mqttsn.msg.type",
        "_ws.expert.message",
    ];
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
