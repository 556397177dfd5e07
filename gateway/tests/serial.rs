//! MQTT-SN over serial lines that come and go, beside UDP in one daemon.

mod common;

use common::line::LineNode;
use common::{Daemon, Mqtt, Sn, publish_packet, wait_until};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A gateway with UDP and a serial line, whose device is not there yet.
struct Bench {
    gateway: Daemon,
    device: PathBuf,
    _dir: TempDir,
}

fn start() -> Bench {
    let dir = tempfile::tempdir().expect("a directory");
    let (device, config, data) = (dir.path().join("device"), dir.path().join("gw.toml"), dir.path().join("data"));
    let text = format!(
        "[[transport]]\nkind = \"udp\"\nlisten = \"127.0.0.1:0\"\n\
         [[transport]]\nkind = \"serial\"\nframing = \"slip\"\ndevice = {device:?}\n"
    );
    fs::write(&config, text).expect("a file");
    let [config, data] = [&config, &data].map(|path| path.to_str().expect("a path in UTF-8"));
    let gateway = Daemon::start_as_told(&["--config", config, "--mqtt", "127.0.0.1:0", "--data", data]);
    assert!(gateway.lines.contains(&format!("MQTT-SN on serial:{}", device.display())));
    Bench { gateway, device, _dir: dir }
}

impl Bench {
    /// Plugs the device in. Who comes hears at once which gateway is there.
    fn plug(&self) -> LineNode {
        let before = self.told("link up");
        let mut line = LineNode::plug(&self.device);
        wait_until("the device", || self.told("link up") > before);
        line.expect(ADVERTISE);
        line
    }

    /// How often the log says something.
    fn told(&self, text: &str) -> usize {
        self.gateway.log().matches(text).count()
    }
}

/// Gateway 1, for 900 seconds.
const ADVERTISE: &[u8] = &[5, 0, 1, 3, 0x84];
/// CONNECT of "line" with a session that is kept and a keep-alive of a minute.
const CONNECT: &[u8] = b"\x0a\x04\x00\x01\x00\x3cline";
const CONNACK: &[u8] = &[3, 5, 0];

#[test]
fn a_node_on_a_line_and_one_on_udp_and_an_mqtt_client_hear_each_other() {
    let bench = start();
    let mut line = bench.plug();
    line.send(CONNECT);
    line.expect(CONNACK);
    // SUBSCRIBE to the short name "aa", QoS 0.
    line.send(&[7, 0x12, 0x02, 0, 1, b'a', b'a']);
    line.expect(&[8, 0x13, 0, 0, 0, 0, 1, 0]);
    let udp = Sn::connect(bench.gateway.udp(), "udp", 60);
    udp.send(&[7, 0x12, 0x02, 0, 1, b'b', b'b']);
    udp.expect(&[8, 0x13, 0, 0, 0, 0, 1, 0]);
    let mut mqtt = Mqtt::connect(bench.gateway.mqtt(), "mqtt");
    mqtt.subscribe("+", 0);
    // PUBLISH to short names, QoS 0.
    udp.send(&[8, 0x0C, 0x02, b'a', b'a', 0, 0, b'1']);
    line.expect(&[8, 0x0C, 0x02, b'a', b'a', 0, 0, b'1']);
    line.send(&[8, 0x0C, 0x02, b'b', b'b', 0, 0, b'2']);
    udp.expect(&[8, 0x0C, 0x02, b'b', b'b', 0, 0, b'2']);
    for expected in [("aa", "1"), ("bb", "2")] {
        assert_eq!(mqtt.receive_publish(), (expected.0.to_owned(), expected.1.to_owned()));
    }
}

#[test]
fn a_device_that_is_pulled_out_and_plugged_in_again_goes_on_with_its_session() {
    let bench = start();
    bench.gateway.wait_for_log("link down");
    let mut line = bench.plug();
    line.send(CONNECT);
    line.expect(CONNACK);
    line.send(&[7, 0x12, 0x22, 0, 1, b'a', b'a']);
    line.expect(&[8, 0x13, 0x20, 0, 0, 0, 1, 0]);
    line.send(&[4, 0x18, 0x0E, 0x10]);
    line.expect(&[2, 0x18]);
    drop(line);
    wait_until("the device to be missed", || bench.told("link down") == 2);
    let mut mqtt = Mqtt::connect(bench.gateway.mqtt(), "mqtt");
    mqtt.send(&publish_packet(2, "aa", Some([0, 1]), b"x"));
    mqtt.expect(&[0x40, 2, 0, 1]);
    let mut line = bench.plug();
    line.send(b"\x06\x16line");
    line.expect(&[8, 0x0C, 0x22, b'a', b'a', 0, 1, b'x']);
    line.send(&[7, 0x0D, b'a', b'a', 0, 1, 0]);
    line.expect(&[2, 0x17]);
    assert_eq!(bench.told("link down"), 2, "said once each time");
}
