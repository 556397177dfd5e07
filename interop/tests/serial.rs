//! Serial lines whose other end is made with the Python libraries cobs, sliplib, digi-xbee and crccheck.

use interop::{Gateway, Process, python_program};
use std::fs;

/// A node publishes to itself at QoS 1, by a short topic name.
fn publishes_to_itself(framing: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let (device, config) = (dir.path().join("device"), dir.path().join("gw.toml"));
    let text = format!(
        "[[transport]]\nkind = \"udp\"\nlisten = \"127.0.0.1:0\"\n\
         [[transport]]\nkind = \"serial\"\nanonymous = true\nframing = \"{framing}\"\n\
         device = {device:?}\n"
    );
    fs::write(&config, text).expect("a file");
    let mut python = python_program("serial_peer.py");
    python.arg(framing).arg(&device);
    let mut peer = Process::start(python);
    let _gateway = Gateway::start_with(&["--config", config.to_str().expect("a path in UTF-8")]);
    // ADVERTISE, to whoever is there.
    let is_radio = framing.starts_with("xbee");
    peer.expect(if is_radio { "heard all 0500010384" } else { "heard 0500010384" });
    for (sent, heard) in [
        // CONNECT of "n", CONNACK.
        ("07040401003c6e", "030500"),
        // SUBSCRIBE to "ab" at QoS 1, SUBACK.
        ("07122200016162", "0813200000000100"),
        // PUBLISH to "ab" at QoS 1, with octets that framings escape: the same as MsgId 1.
        ("0e0c22616200027e7d1113c0db00", "0e0c22616200017e7d1113c0db00"),
        // PUBACK of that one; the gateway's own has come before or comes now.
        ("070d6162000100", "070d6162000200"),
    ] {
        peer.type_line(&format!("send {sent}"));
        peer.expect(&format!("heard {heard}"));
    }
}

#[test]
fn raw() {
    publishes_to_itself("raw");
}

#[test]
fn cobs() {
    publishes_to_itself("cobs");
}

#[test]
fn slip() {
    publishes_to_itself("slip");
}

#[test]
fn slip_with_a_checksum() {
    publishes_to_itself("slip-crc");
}

#[test]
fn xbee_with_digimesh_firmware() {
    publishes_to_itself("xbee");
}

#[test]
fn xbee_with_escapes() {
    publishes_to_itself("xbee-escaped");
}

#[test]
fn xbee_with_802_15_4_firmware() {
    publishes_to_itself("xbee-802.15.4");
}

#[test]
fn xbee_with_802_15_4_firmware_and_escapes() {
    publishes_to_itself("xbee-802.15.4-escaped");
}
