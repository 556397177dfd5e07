//! How long a gateway with many sleepers takes from its start to the first CONNACK, and how much memory.
//!
//! `cargo bench -p sn-gateway --bench restart [SLEEPERS]`; 100,000 sleepers with 3 subscriptions and 10 messages of 50
//! octets each, unless told otherwise. The data come from a core in this process, by way of a backup.

use bytes::Bytes;
use gateway_core::mqtt::{Connect, Packet, PacketId, Publish};
use gateway_core::{Config, ConnId, Core, Input, Limits, Output, Qos};
use sn_gateway::store::backup;
use sn_types::{Instant as CoreInstant, LinkAddr, PeerAddr, TransportId};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SUBSCRIPTIONS: u32 = 3;
const MESSAGES: u32 = 10;
const PAYLOAD: usize = 50;
const PUBLISHER: ConnId = ConnId(1);

fn main() {
    let sleepers = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(100_000);
    let dir = tempfile::tempdir().expect("a directory");
    let (file, data) = (dir.path().join("backup"), dir.path().join("data"));
    let records = filled(sleepers).snapshot();
    println!(
        "{sleepers} sleepers with {SUBSCRIPTIONS} subscriptions and {MESSAGES} messages of {PAYLOAD} octets each:"
    );
    println!("{} records", records.len());
    fs::write(&file, backup::encode(records)).expect("a backup");
    backup::restore(&file, &data, false).expect("restored");
    for _ in 0..3 {
        let start = Instant::now();
        let mut gateway = Gateway::start(data.to_str().expect("a path in UTF-8"));
        gateway.connect();
        let took = start.elapsed().as_millis();
        let ([resident, most], cpu) = (["VmRSS:", "VmHWM:"].map(|name| gateway.memory_mb(name)), gateway.cpu_ms());
        println!(
            "first CONNACK after {took} ms, {cpu} ms of processor time; resident {resident} MB, at most {most} MB"
        );
    }
}

/// A core with that many sleepers.
fn filled(sleepers: u32) -> Core {
    let limits = Limits {
        clients: 10_000_000,
        total_queue_messages: usize::MAX,
        total_queue_bytes: usize::MAX,
        ..Limits::default()
    };
    let mut core = Core::new(Config { durable: true, limits, ..Config::default() });
    core.restore(CoreInstant::ZERO, Vec::<(Vec<u8>, Vec<u8>)>::new()).expect("nothing to read");
    (0..sleepers).for_each(|number| sleep(&mut core, number));
    mqtt(&mut core, Packet::Connect(Box::new(Connect::new("publisher"))));
    let payload = Bytes::from_static(&[b'x'; PAYLOAD]);
    for number in (0..sleepers).flat_map(|number| (0..MESSAGES).map(move |_| number)) {
        let (topic, id) = (format!("d/{number}/0").into(), PacketId::new(1));
        let payload = payload.clone();
        mqtt(&mut core, Packet::Publish(Publish::new(topic, payload, Qos::AtLeastOnce, false, id)));
    }
    core
}

fn sleep(core: &mut Core, number: u32) {
    let addr = SocketAddr::new(Ipv4Addr::from(0x0A00_0000 + number).into(), 5_000);
    let from = PeerAddr::direct(TransportId(0), LinkAddr::Udp(addr));
    datagram(core, from, &[0x04, 0, 0x01, 0, 60], &format!("node-{number}"));
    for topic in 0..SUBSCRIPTIONS {
        datagram(core, from, &[0x12, 0x20, 0, 1], &format!("d/{number}/{topic}"));
    }
    datagram(core, from, &[0x18, 0xFF, 0xFF], "");
}

fn datagram(core: &mut Core, from: PeerAddr, head: &[u8], text: &str) {
    let len = 1 + head.len() + text.len();
    let bytes = [&[len as u8], head, text.as_bytes()].concat();
    core.handle_input(CoreInstant::ZERO, Input::Datagram { from, bytes: &bytes });
    settle(core);
}

fn mqtt(core: &mut Core, packet: Packet) {
    core.handle_input(CoreInstant::ZERO, Input::Mqtt { conn: PUBLISHER, packet });
    settle(core);
}

fn settle(core: &mut Core) {
    while let Some(output) = core.poll_output() {
        if let Output::Commit { token, .. } = output {
            core.handle_input(CoreInstant::ZERO, Input::Committed { token });
        }
    }
}

struct Gateway {
    child: Child,
    udp: SocketAddr,
}

impl Gateway {
    fn start(data: &str) -> Self {
        let args = ["run", "--udp", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--log", "warn", "--data", data];
        let mut child = Command::new(env!("CARGO_BIN_EXE_sn-gateway"))
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let prefix = "MQTT-SN on udp://";
        let udp = stdout.lines().map_while(Result::ok).find_map(|line| line.strip_prefix(prefix)?.parse().ok());
        Self { child, udp: udp.expect("it listens") }
    }

    fn connect(&mut self) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        socket.send_to(b"\x0c\x04\x00\x01\x00\x3cnode-0", self.udp).expect("sent");
        let mut answer = [0; 16];
        let len = socket.recv(&mut answer).expect("an answer");
        assert_eq!(answer[..len], [3, 0x05, 0]);
    }

    /// Processor time used so far.
    fn cpu_ms(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let (_, fields) = stat.rsplit_once(") ").expect("the name's end");
        // In clock ticks of 10 ms.
        fields.split(' ').skip(11).take(2).map(|ticks| 10 * ticks.parse::<u64>().expect("a number")).sum()
    }

    fn memory_mb(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let value = status.lines().find_map(|line| line.strip_prefix(name)).expect("the field");
        value.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1_000
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
