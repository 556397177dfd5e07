//! `sn-forwarder` between nodes on serial lines and a real gateway, and between a line and a gateway that misbehaves.

use interop::{Gateway, LineNode, PATIENCE, Process, mosquitto_pub, mosquitto_sub, release_dir};
use nix::sys::signal::Signal;
use sn_client::Qos;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A free port of 127.0.0.1, for what has to be there twice.
fn free_addr() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address")
}

/// A forwarder for the line at `device` that is on its way to `gateway`.
fn forwarder(device: &Path, gateway: SocketAddr, flags: &[&str]) -> Process {
    let mut command = Command::new(release_dir().join("sn-forwarder"));
    command.args(["--framing", "slip", "--gateway", &gateway.to_string(), "--serial"]).arg(device).args(flags);
    let mut forwarder = Process::start(command);
    forwarder.expect("forwarding to the gateway");
    forwarder
}

fn dir() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let device = dir.path().join("device");
    (dir, device)
}

#[test]
fn a_node_on_a_line_publishes_subscribes_sleeps_and_wakes() {
    let gateway = Gateway::start();
    let (_dir, device) = dir();
    let mut node = LineNode::plug_patiently(&device, "far");
    let mut forwarder = forwarder(&device, gateway.udp, &[]);
    let mut watcher = mosquitto_sub(&gateway, &["-t", "up/#", "-q", "2"]);
    watcher.expect("Subscribed");
    node.connect();
    node.subscribe("down/+", Qos::One);
    for (qos, payload) in [(Qos::Zero, "zero"), (Qos::One, "one"), (Qos::Two, "two")] {
        node.publish("up/far", payload, qos);
        watcher.expect("got up/far");
    }
    mosquitto_pub(&gateway, &["-t", "down/1", "-q", "1", "-m", "awake"]);
    node.hear("awake");
    node.sleep();
    mosquitto_pub(&gateway, &["-t", "down/1", "-q", "1", "-m", "asleep"]);
    node.wake();
    assert_eq!((&node.heard[..], node.losses), (&["awake".to_owned(), "asleep".to_owned()][..], 0));
    forwarder.signal(Signal::SIGUSR1);
    let counted = forwarder.expect("forwarded");
    assert!(counted.contains("refused=0") && counted.contains("malformed=0") && !counted.contains("up=0"), "{counted}");
    forwarder.signal(Signal::SIGTERM);
    forwarder.expect("forwarded");
    assert!(forwarder.wait().success());
}

#[test]
fn the_same_node_id_behind_two_forwarders_is_two_nodes() {
    let gateway = Gateway::start();
    let mut nodes = ["left", "right"].map(|id| {
        let (dir, device) = dir();
        let mut node = LineNode::plug(&device, id);
        let forwarder = forwarder(&device, gateway.udp, &["--node-id", "same"]);
        node.connect();
        node.subscribe(&format!("to/{id}"), Qos::One);
        (node, forwarder, dir)
    });
    for id in ["left", "right"] {
        mosquitto_pub(&gateway, &["-t", &format!("to/{id}"), "-q", "1", "-m", &format!("for {id}")]);
    }
    for ((node, ..), id) in nodes.iter_mut().zip(["left", "right"]) {
        node.hear(&format!("for {id}"));
        assert_eq!((node.heard.len(), node.losses), (1, 0), "{:?}", node.heard);
    }
}

#[test]
fn a_forwarder_that_is_killed_takes_nothing_with_it() {
    for local in [Some(free_addr()), None] {
        let gateway = Gateway::start();
        let (_dir, device) = dir();
        let mut node = LineNode::plug(&device, "far");
        let local = local.map(|addr| addr.to_string());
        let flags: Vec<&str> = local.iter().flat_map(|addr| ["--local", &addr[..]]).collect();
        let mut running = Some(forwarder(&device, gateway.udp, &flags));
        let mut watcher = mosquitto_sub(&gateway, &["-t", "up", "-q", "2"]);
        watcher.expect("Subscribed");
        node.connect();
        for number in 1..=12 {
            if number % 4 == 0 {
                running.take().expect("it runs").kill();
                running = Some(forwarder(&device, gateway.udp, &flags));
            }
            node.publish("up", &format!("number {number:02}"), Qos::Two);
        }
        for number in 1..=12 {
            watcher.expect(&format!("number {number:02}"));
        }
        assert_eq!(watcher.count("number"), 12, "exactly once");
        // With an address of its own nobody has noticed; else the node has connected anew.
        assert_eq!(node.losses == 0, local.is_some(), "{} losses", node.losses);
    }
}

#[test]
fn a_gateway_that_is_killed_and_started_again_is_found_again() {
    let (dir, device) = dir();
    let (config, data, udp) = (dir.path().join("gw.toml"), dir.path().join("data"), free_addr());
    fs::write(&config, format!("[[transport]]\nkind = \"udp\"\nlisten = \"{udp}\"\n")).expect("a file");
    let flags = ["--config", config.to_str().expect("a path in UTF-8")];
    let mut gateway = Gateway::start_durable(&data, &flags);
    let mut node = LineNode::plug_patiently(&device, "far");
    let mut forwarder = forwarder(&device, udp, &[]);
    node.connect();
    node.subscribe("down", Qos::One);
    node.publish("kept", "before", Qos::Two);
    node.sleep();
    mosquitto_pub(&gateway, &["-t", "down", "-q", "1", "-m", "for the sleeper"]);
    gateway.kill();
    gateway = Gateway::start_durable(&data, &flags);
    node.wake();
    assert_eq!(node.heard, ["for the sleeper"]);
    assert_eq!(node.losses, 0, "its address is the same, and so it is the same node");
    assert!(forwarder.is_running());
    drop(gateway);
}

/// A gateway of which this test writes every datagram.
struct Scripted(UdpSocket);

impl Scripted {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self(socket)
    }

    fn addr(&self) -> SocketAddr {
        self.0.local_addr().expect("its address")
    }

    fn receive(&self) -> Vec<u8> {
        let mut buffer = [0; 2_048];
        let len = self.0.recv(&mut buffer).expect("a datagram from the forwarder");
        buffer[..len].to_vec()
    }
}

/// What the node at the end of a line of UDP hears and says, octet by octet.
fn udp_node(at: SocketAddr) -> UdpSocket {
    let node = UdpSocket::bind("127.0.0.1:0").expect("a port");
    node.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    node.connect(at).expect("connect");
    node
}

fn heard(node: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 2_048];
    let len = node.recv(&mut buffer).expect("a datagram from the forwarder");
    buffer[..len].to_vec()
}

#[test]
fn only_the_gateways_address_is_listened_to_and_junk_from_everywhere_is_survived() {
    let gateway = Scripted::new();
    let (nodes_at, local) = (free_addr(), free_addr());
    let mut command = Command::new(release_dir().join("sn-forwarder"));
    command.args(["--udp", &nodes_at.to_string(), "--gateway", &gateway.addr().to_string()]);
    command.args(["--local", &local.to_string()]);
    let mut forwarder = Process::start(command);
    forwarder.expect("forwarding to the gateway");
    let node = udp_node(nodes_at);
    let port = node.local_addr().expect("its address").port().to_be_bytes();
    let id = [127, 0, 0, 1, port[0], port[1]];
    let to_node = |message: &[u8]| [&[9, 0xFE, 0], &id[..], message].concat();

    node.send(&[2, 0x16]).expect("send");
    assert_eq!(gateway.receive(), to_node(&[2, 0x16]));
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let mut noise = oorandom::Rand32::new(7);
    for _ in 0..100 {
        let junk: Vec<u8> = (0..noise.rand_range(0..80)).map(|_| noise.rand_u32() as u8).collect();
        stranger.send_to(&junk, local).expect("send");
        stranger.send_to(&to_node(b"\x02\x18"), local).expect("send");
        gateway.0.send_to(&junk, local).expect("send");
        // Nested, and without a message inside.
        gateway.0.send_to(&to_node(&to_node(&[2, 0x17])), local).expect("send");
        gateway.0.send_to(&to_node(&[]), local).expect("send");
        gateway.0.send_to(&to_node(&[2, 0x17]), local).expect("send");
        assert_eq!(heard(&node), [2, 0x17], "and nothing before");
        node.send(&to_node(&[2, 0x16])).expect("send");
        node.send(&[]).expect("send");
        node.send(&[2, 0x16]).expect("send");
        assert_eq!(gateway.receive(), to_node(&[2, 0x16]), "and nothing before");
    }
    forwarder.signal(Signal::SIGUSR1);
    let counted = forwarder.expect("forwarded");
    assert!(counted.contains("up=101 down=100") && counted.contains("refused=200"), "{counted}");
}

#[test]
fn junk_on_a_line_costs_the_node_nothing() {
    let gateway = Gateway::start();
    let (_dir, device) = dir();
    let mut node = LineNode::plug(&device, "far");
    let _forwarder = forwarder(&device, gateway.udp, &[]);
    node.connect();
    let mut noise = oorandom::Rand32::new(8);
    for round in 0..20 {
        let junk: Vec<u8> = (0..noise.rand_range(0..60)).map(|_| noise.rand_u32() as u8).collect();
        node.send_octets(&junk);
        node.publish("up", &format!("number {round}"), Qos::One);
    }
}

#[test]
fn what_is_for_everybody_is_said_to_everybody() {
    let gateway = Scripted::new();
    let (_dir, device) = dir();
    let mut node = LineNode::plug(&device, "far");
    let _forwarder = forwarder(&device, gateway.addr(), &[]);
    // SEARCHGW is passed on like everything else, and not answered by the forwarder.
    node.send_octets(&[0xC0, 3, 1, 1, 0xC0]);
    let mut buffer = [0; 64];
    let (len, from) = gateway.0.recv_from(&mut buffer).expect("a datagram from the forwarder");
    assert_eq!(&buffer[..len], b"\x09\xFE\x00line-0\x03\x01\x01");
    gateway.0.send_to(b"\x0B\xFE\x02\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x05\x00\x08\x03\x84", from).expect("send");
    node.expect_octets(&[0xC0, 5, 0, 8, 3, 0x84, 0xC0]);
}
