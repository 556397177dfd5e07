//! tshark reads what `sn-gateway capture` writes: UDP and a serial line, with the right addresses and nothing malformed.

use interop::{Gateway, LineNode, Process, mosquitto_sub, release_dir, sn_pub};
use nix::sys::signal::Signal;
use sn_client::Qos;
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The addresses that stand for the ends of a line.
const GATEWAY: &str = "2001:db8::1";
const NODE: &str = "2001:db8::2";
const PORT: u16 = 1883;

/// A gateway with UDP and a serial line, and what is at the other end of that.
struct Bench {
    line: LineNode,
    gateway: Gateway,
    dir: TempDir,
}

impl Bench {
    fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (device, config) = (dir.path().join("device"), dir.path().join("gw.toml"));
        let text = format!(
            "[[transport]]\nkind = \"udp\"\nname = \"net\"\nlisten = \"127.0.0.1:0\"\n\
             [[transport]]\nkind = \"serial\"\nname = \"line\"\nframing = \"slip\"\ndevice = {device:?}\n"
        );
        fs::write(&config, text).expect("a file");
        let mut line = LineNode::plug(&device, "n");
        let data = dir.path().join("data");
        let config = config.to_str().expect("a path in UTF-8");
        let gateway = Gateway::start_durable(&data, &["--config", config]);
        // ADVERTISE, to whoever is there.
        line.expect_octets(&[0xC0, 5, 0, 1, 3, 0x84, 0xC0]);
        Self { line, gateway, dir }
    }

    /// A capture that has begun, and its file.
    fn capture(&self, transport: &str) -> (Process, PathBuf) {
        let file = self.dir.path().join(format!("{transport}.pcapng"));
        let mut command = Command::new(release_dir().join("sn-gateway"));
        command.args(["capture", "-t", transport, "-w"]).arg(&file).arg("--data").arg(self.dir.path().join("data"));
        let mut capture = Process::start(command);
        capture.expect("Capturing");
        (capture, file)
    }
}

/// Ends a capture with Ctrl-C.
fn end(mut capture: Process) {
    capture.signal(Signal::SIGINT);
    capture.expect("none missed");
    capture.wait();
}

/// What tshark says of a frame.
#[derive(Debug)]
struct Row {
    from: String,
    from_port: u16,
    to: String,
    to_port: u16,
    msg_type: u8,
    /// In the file.
    direction: String,
    /// What is wrong with it.
    malformed: String,
    checksums: String,
}

/// Dissects a file, with port `port` as MQTT-SN.
fn dissect(file: &Path, port: u16) -> Vec<Row> {
    let fields = [
        "_ws.col.Source",
        "udp.srcport",
        "_ws.col.Destination",
        "udp.dstport",
        "mqttsn.msg.type",
        "frame.packet_flags_direction",
        "_ws.malformed",
        "ip.checksum.status",
        "udp.checksum.status",
    ];
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(file).args(["-n", "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]);
    tshark.args(["-d", &format!("udp.port=={port},mqttsn"), "-T", "fields"]);
    tshark.args(fields.iter().flat_map(|field| ["-e", field]));
    let output = tshark.output().expect("tshark is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").lines().map(Row::parse).collect()
}

impl Row {
    fn parse(line: &str) -> Self {
        let fields: Vec<&str> = line.split('\t').collect();
        let [from, from_port, to, to_port, msg_type, direction, malformed, ip, udp] = fields[..] else {
            panic!("not the fields asked for: {line:?}")
        };
        let hex = |text: &str| u8::from_str_radix(text.trim_start_matches("0x"), 16);
        Self {
            from: from.to_owned(),
            from_port: from_port.parse().expect("a port"),
            to: to.to_owned(),
            to_port: to_port.parse().expect("a port"),
            msg_type: hex(msg_type).unwrap_or_else(|_| panic!("no MQTT-SN: {line:?}")),
            direction: direction.to_owned(),
            malformed: malformed.to_owned(),
            checksums: format!("{ip}{udp}"),
        }
    }

    /// Whether it comes from the gateway at `ip`, checked against its ports and the direction in the file.
    fn is_from(&self, ip: &str, port: u16) -> bool {
        assert_eq!(self.malformed, "", "{self:?}");
        // 1 is "good"; IPv6 has no checksum of its own.
        assert!(["1", "11"].contains(&&self.checksums[..]), "{self:?}");
        let is_from = (&self.from[..], self.from_port) == (ip, port);
        assert_eq!(is_from, self.direction.ends_with('2'), "{self:?}");
        assert!(is_from || (&self.to[..], self.to_port) == (ip, port), "{self:?}");
        is_from
    }
}

fn types(rows: &[&Row]) -> BTreeSet<u8> {
    rows.iter().map(|row| row.msg_type).collect()
}

const CONNECT: u8 = 0x04;
const CONNACK: u8 = 0x05;
const REGISTER: u8 = 0x0A;
const REGACK: u8 = 0x0B;
const PUBLISH: u8 = 0x0C;
const PUBACK: u8 = 0x0D;
const DISCONNECT: u8 = 0x18;

#[test]
fn a_publication_over_udp_is_dissected_with_its_real_addresses() {
    let bench = Bench::start();
    let (capture, file) = bench.capture("net");
    let mut watcher = mosquitto_sub(&bench.gateway, &["-t", "a/b"]);
    watcher.expect("Subscribed");
    sn_pub(&bench.gateway, &["-t", "a/b", "-q", "1", "-m", "21.5"]);
    watcher.expect("got a/b");
    end(capture);
    let SocketAddr::V4(gateway) = bench.gateway.udp else { panic!("it was to listen on 127.0.0.1") };
    let rows = dissect(&file, gateway.port());
    let (down, up): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.is_from("127.0.0.1", gateway.port()));
    assert_eq!(types(&up), BTreeSet::from([CONNECT, REGISTER, PUBLISH, DISCONNECT]));
    assert_eq!(types(&down), BTreeSet::from([CONNACK, REGACK, PUBACK, DISCONNECT]));
    let node_ports: BTreeSet<u16> = up.iter().map(|row| row.from_port).collect();
    assert!(up.iter().all(|row| row.from == "127.0.0.1") && node_ports.len() == 1, "{up:?}");
}

#[test]
fn a_node_on_a_line_is_dissected_under_the_addresses_that_stand_for_it() {
    let mut bench = Bench::start();
    let (capture, file) = bench.capture("line");
    bench.line.connect();
    bench.line.publish("a/b", "21.5", Qos::One);
    bench.line.sleep();
    end(capture);
    let rows = dissect(&file, PORT);
    let (down, up): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.is_from(GATEWAY, PORT));
    assert!(up.iter().all(|row| (&row.from[..], row.from_port) == (NODE, PORT)), "{up:?}");
    assert_eq!(types(&up), BTreeSet::from([CONNECT, REGISTER, PUBLISH, DISCONNECT]));
    assert_eq!(types(&down), BTreeSet::from([CONNACK, REGACK, PUBACK, DISCONNECT]));
}

/// Nodes around an emulated dongle that report every second.
const SCENARIO: &str = r#"
name = "capture"
duration = "60s"
seed = 7

[medium.radio]
shadowing_db = 0

[[gateway]]
place = [5, 5]

[[nodes]]
name = "node"
count = 3
place = { grid = [[1, 1], [9, 9]] }
start_within = "1s"

[[nodes.report]]
topic = "report/{id}"
every = "1s"
qos = 1
"#;

#[test]
fn frames_of_a_radio_are_dissected_with_what_the_radio_says_of_them() {
    let dir = tempfile::tempdir().expect("a directory");
    let [scenario, config, device, data] =
        ["scenario.toml", "gw.toml", "device", "data"].map(|name| dir.path().join(name));
    fs::write(&scenario, SCENARIO).expect("a file");
    let text = format!(
        "[[transport]]\nkind = \"udp\"\nlisten = \"127.0.0.1:0\"\n[[transport]]\nkind = \"ieee802154\"\nname = \"air\"\n\
         device = {device:?}\nchannel = 15\npan_id = 0x530F\nsecurity = \"none\"\nanonymous = true\n"
    );
    fs::write(&config, text).expect("a file");
    let mut command = Command::new(release_dir().join("sn-sim"));
    command.arg("dongle").arg(&scenario).arg("--device").arg(&device);
    let mut dongle = Process::start(command);
    dongle.expect("a dongle with 3 nodes");
    let _gateway = Gateway::start_durable(&data, &["--config", config.to_str().expect("a path in UTF-8")]);
    let file = dir.path().join("air.pcapng");
    let mut command = Command::new(release_dir().join("sn-gateway"));
    command.args(["capture", "-t", "air", "--count", "40", "-w"]).arg(&file).arg("--data").arg(&data);
    Process::start(command).expect("40 frames, none missed");
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(&file).args(["-n", "-d", &format!("udp.port=={PORT},mqttsn"), "-T", "fields"]);
    tshark.args(["-e", "wpan-tap.ch_num", "-e", "frame.packet_flags_direction", "-e", "wpan-tap.rss"]);
    tshark.args(["-e", "wpan-tap.lqi", "-e", "mqttsn.msg.type", "-e", "_ws.malformed"]);
    let printed = String::from_utf8(tshark.output().expect("tshark is installed").stdout).expect("text");
    let mut types = BTreeSet::new();
    for line in printed.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [channel, direction, rss, lqi, msg_type, malformed] = fields[..] else { panic!("{line:?}") };
        assert_eq!((channel, malformed), ("15", ""), "{line:?}");
        let is_received = direction.ends_with('1');
        assert_eq!((is_received, is_received), (!rss.is_empty(), !lqi.is_empty()), "{line:?}");
        types.insert(msg_type.to_owned());
    }
    assert_eq!(printed.lines().count(), 40);
    assert!(types.contains("0x0c") && types.contains("0x0d"), "PUBLISH and PUBACK: {types:?}");
}
