//! `sn-forwarder` with a radio of IEEE 802.15.4 and a real gateway: an emulated dongle at a serial device, and a node in its air.

use interop::{Gateway, PATIENCE, Process, mosquitto_pub, mosquitto_sub, release_dir};
use lowpan::{Carriage, Level};
use nix::sys::signal::Signal;
use sn_client::Qos;
use std::fs::{self, Permissions};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use test_nodes::{ADDRESS, CHANNEL, KEY, Link, Node, PAN, Radio, Setup};

const SIXLOWPAN: Carriage = Carriage::Udp { node: 20_001, gateway: 1_883 };
/// What the node has for a text that takes several frames.
const LONG: &str =
    "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789";

/// The far end: a configuration, a device, a state directory.
struct FarEnd {
    dir: TempDir,
    config: PathBuf,
}

impl FarEnd {
    /// For a radio with this level of security, on the way to `gateway`.
    fn new(gateway: SocketAddr, security: Option<Level>) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let [config, nodes, state, device] =
            ["forwarder.toml", "nodes.toml", "state", "device"].map(|name| dir.path().join(name));
        let (files, level) = match security {
            None => (String::new(), "none"),
            Some(level) => (
                format!("nodes = {nodes:?}\nstate = {state:?}\n"),
                match level {
                    Level::Mic32 => "mic-32",
                    Level::Mic64 => "mic-64",
                    Level::Mic128 => "mic-128",
                },
            ),
        };
        let radio = format!(
            "[[transport]]\nkind = \"ieee802154\"\ndevice = {device:?}\nchannel = {CHANNEL}\npan_id = {PAN}\nsecurity = \"{level}\"\n"
        );
        let local = free_addr();
        fs::write(&config, format!("gateway = \"{gateway}\"\nlocal = \"{local}\"\n{files}{radio}")).expect("a file");
        let node = format!("[[node]]\nname = \"pump-7\"\neui64 = \"{ADDRESS}\"\nkey = \"{KEY}\"\n");
        fs::write(&nodes, node).expect("a file");
        fs::set_permissions(&nodes, Permissions::from_mode(0o600)).expect("it is ours");
        Self { dir, config }
    }

    fn device(&self) -> PathBuf {
        self.dir.path().join("device")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(release_dir().join("sn-forwarder"));
        command.arg("--config").arg(&self.config);
        command
    }

    /// A forwarder that has its dongle.
    fn forwarder(&self, node: &mut Node<Radio>) -> Process {
        let forwarder = Process::start(self.command());
        until(node, "the dongle", |_| forwarder.count("link up") > 0);
        forwarder
    }
}

/// A free port of 127.0.0.1, for what has to be there twice.
fn free_addr() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address")
}

/// Lets the node live until it is so.
#[track_caller]
fn until(node: &mut Node<Radio>, what: &str, mut is_so: impl FnMut(&Node<Radio>) -> bool) {
    let start = Instant::now();
    while !is_so(node) {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}; {:?}", node.told.heard);
        node.step();
    }
}

/// A node that is connected, behind a forwarder. Nothing is lost between them.
fn start(far: &FarEnd, setup: Setup) -> (Node<Radio>, Process) {
    join(far, Node::connect_patiently("pump", Radio::with(&far.device(), setup)))
}

fn join(far: &FarEnd, mut node: Node<Radio>) -> (Node<Radio>, Process) {
    let forwarder = far.forwarder(&mut node);
    until(&mut node, "CONNACK", Node::is_idle);
    (node, forwarder)
}

/// Has the node publish, and waits for the acknowledgement.
#[track_caller]
fn publish(node: &mut Node<Radio>, payload: &str, qos: Qos) {
    node.publish("up/pump", payload, qos);
    until(node, payload, Node::is_idle);
}

/// A number in what the forwarder logs of its radio, now.
fn counted(node: &mut Node<Radio>, forwarder: &Process, name: &str) -> u64 {
    let before = forwarder.count("counters=");
    forwarder.signal(Signal::SIGUSR1);
    until(node, "the forwarder's counters", |_| forwarder.count("counters=") > before);
    let lines = forwarder.lines();
    let line = lines.iter().rfind(|line| line.contains("counters=")).expect("it is there");
    // What is 0 is not told.
    let counters = line.split_once("counters=").expect("it is there").1.split(", ");
    let number = counters.filter_map(|counter| counter.split_once(' ')).find(|(counted, _)| *counted == name);
    number.map_or(0, |(_, number)| number.trim().parse().expect("a number"))
}

#[test]
fn a_node_publishes_subscribes_sleeps_and_wakes_in_every_form() {
    let form = |carriage, security, polls| Setup { carriage, security, polls };
    for setup in [
        form(Carriage::Bare, None, false),
        form(SIXLOWPAN, None, true),
        form(SIXLOWPAN, Some(Level::Mic32), false),
        form(Carriage::Bare, Some(Level::Mic64), true),
        form(Carriage::Bare, Some(Level::Mic128), false),
    ] {
        let gateway = Gateway::start();
        let far = FarEnd::new(gateway.udp, setup.security);
        let mut watcher = mosquitto_sub(&gateway, &["-t", "up/#", "-q", "2"]);
        watcher.expect("Subscribed");
        let (mut node, forwarder) = start(&far, setup);
        node.subscribe("down/+");
        until(&mut node, "SUBACK", Node::is_idle);
        for (qos, payload) in [(Qos::Zero, "zero"), (Qos::One, "one"), (Qos::Two, LONG)] {
            publish(&mut node, payload, qos);
            until(&mut node, payload, |_| watcher.count(payload) > 0);
            assert!(qos == Qos::One || watcher.count(payload) == 1, "repeated: {payload}");
        }
        mosquitto_pub(&gateway, &["-t", "down/1", "-q", "1", "-m", "awake"]);
        until(&mut node, "awake", |node| node.told.heard == ["awake"]);
        until(&mut node, "PUBACK", Node::is_idle);
        node.sleep();
        until(&mut node, "sleep", Node::is_asleep);
        mosquitto_pub(&gateway, &["-t", "down/1", "-q", "2", "-m", LONG]);
        node.wake();
        until(&mut node, "sleep", Node::is_asleep);
        assert_eq!(
            (&node.told.heard[..], node.told.losses),
            (&["awake".to_owned(), LONG.to_owned()][..], 0),
            "{setup:?}"
        );
        assert_eq!(counted(&mut node, &forwarder, "malformed"), 0, "{setup:?}");
        let heard = format!("node={ADDRESS}");
        until(&mut node, "how it is heard", |_| forwarder.count(&heard) > 0);
    }
}

#[test]
fn kills_cost_nothing_and_what_was_recorded_before_them_is_refused_and_counted() {
    let gateway = Gateway::start();
    let far = FarEnd::new(gateway.udp, Some(Level::Mic64));
    let mut watcher = mosquitto_sub(&gateway, &["-t", "up/#", "-q", "2"]);
    watcher.expect("Subscribed");
    let (mut node, mut forwarder) = join(&far, Node::connect("pump", Radio::plug(&far.device())));
    for round in 0..5 {
        // No acknowledgement asks for this one's counter.
        let quick = format!("quick {round}");
        publish(&mut node, &quick, Qos::Zero);
        until(&mut node, &quick, |_| watcher.count(&quick) == 1);
        let (sent, answer) = (node.link.recorded.len(), node.link.last_counter());
        let sure = format!("sure {round}");
        node.publish("up/pump", &sure, Qos::Two);
        // In the middle of the exchange, in each round a bit later.
        until(&mut node, "a frame", |node| node.link.recorded.len() > sent);
        (0..round).for_each(|_| node.step());
        let passed_on = node.link.recorded[..sent].to_vec();
        forwarder.kill();
        forwarder = far.forwarder(&mut node);
        until(&mut node, &sure, Node::is_idle);
        assert!(node.link.last_counter() > answer, "the node has accepted the forwarder's frames");
        let before = counted(&mut node, &forwarder, "replayed");
        node.link.play(&passed_on);
        let all = before + passed_on.len() as u64;
        let start = Instant::now();
        while counted(&mut node, &forwarder, "replayed") < all {
            assert!(start.elapsed() < PATIENCE, "all {all} are to be counted");
        }
    }
    until(&mut node, "everything", |_| watcher.count("got up/pump") >= 10);
    publish(&mut node, "the end", Qos::Two);
    until(&mut node, "the end", |_| watcher.count("the end") == 1);
    assert_eq!(watcher.count("got up/pump"), 11, "exactly once: {:?}", watcher.lines());
    assert_eq!(node.told.losses, 0, "nobody has noticed");
}

#[test]
fn a_dongle_that_is_pulled_out_is_missed_once_and_found_again() {
    let gateway = Gateway::start();
    let far = FarEnd::new(gateway.udp, Some(Level::Mic64));
    let (mut node, forwarder) = start(&far, Setup::default());
    node.subscribe("down/+");
    until(&mut node, "SUBACK", Node::is_idle);
    node.sleep();
    until(&mut node, "sleep", Node::is_asleep);
    let (ups, downs) = (forwarder.count("link up"), forwarder.count("link down"));
    node.link.pull_out();
    until(&mut node, "the dongle to be missed", |_| forwarder.count("link down") > downs);
    mosquitto_pub(&gateway, &["-t", "down/1", "-q", "1", "-m", "meanwhile"]);
    // It looks for the device every second.
    let start = Instant::now();
    until(&mut node, "three looks", |_| start.elapsed() > Duration::from_secs(3));
    assert_eq!(forwarder.count("link down"), downs + 1);
    node.link.put_back();
    until(&mut node, "the dongle", |_| forwarder.count("link up") > ups);
    node.wake();
    until(&mut node, "sleep", Node::is_asleep);
    assert_eq!((&node.told.heard[..], node.told.losses), (&["meanwhile".to_owned()][..], 0));
}

#[test]
fn who_has_no_key_is_not_heard_and_who_has_another_neither() {
    let gateway = UdpSocket::bind("127.0.0.1:0").expect("a port");
    gateway.set_nonblocking(true).expect("a socket");
    for (theirs, ours) in [(None, Level::Mic64), (Some(Level::Mic32), Level::Mic64)] {
        let far = FarEnd::new(gateway.local_addr().expect("its address"), Some(ours));
        let mut node =
            Node::connect("pump", Radio::with(&far.device(), Setup { security: theirs, ..Setup::default() }));
        let forwarder = far.forwarder(&mut node);
        let start = Instant::now();
        while counted(&mut node, &forwarder, "malformed") < 3 {
            assert!(start.elapsed() < PATIENCE, "its frames are counted");
        }
        assert!(gateway.recv(&mut [0; 100]).is_err(), "nothing is passed on");
    }
}

#[test]
fn what_is_for_everybody_goes_out_as_one_broadcast() {
    let gateway = UdpSocket::bind("127.0.0.1:0").expect("a port");
    gateway.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let far = FarEnd::new(gateway.local_addr().expect("its address"), None);
    let mut node = Node::connect("pump", Radio::with(&far.device(), Setup { security: None, ..Setup::default() }));
    let _forwarder = far.forwarder(&mut node);
    let mut radio = node.link;
    radio.send(&[3, 1, 1]);
    radio.receive();
    let mut buffer = [0; 100];
    let (mut len, mut from) = gateway.recv_from(&mut buffer).expect("a datagram from the forwarder");
    let searched = b"\x0B\xFE\x00\x02\x00\x00\x01\x00\x00\x00\x07\x03\x01\x01";
    while &buffer[..len] != searched {
        // Its CONNECTs from before.
        (len, from) = gateway.recv_from(&mut buffer).expect("a datagram from the forwarder");
    }
    gateway.send_to(b"\x0B\xFE\x02\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x05\x00\x08\x03\x84", from).expect("send");
    let start = Instant::now();
    let heard = loop {
        assert!(start.elapsed() < PATIENCE, "the broadcast is heard");
        if let Some(datagram) = radio.receive() {
            break datagram;
        }
    };
    assert_eq!(heard, [5, 0, 8, 3, 0x84]);
}

#[test]
fn a_state_directory_that_cannot_be_had_ends_the_start() {
    let far = FarEnd::new(free_addr(), Some(Level::Mic64));
    let mut first = Process::start(far.command());
    first.expect("Forwarding to");
    let mut second = Process::start(far.command());
    second.expect("is in use by another process");
    assert!(!second.wait().success());
    first.kill();
    let counters = far.dir.path().join("state/frame-counters.toml");
    fs::write(&counters, "sent = many\n").expect("a file");
    let mut third = Process::start(far.command());
    let told = third.expect("it is damaged");
    assert!(told.contains("frame-counters.toml:1:8: sent: "), "{told}");
    assert!(!third.wait().success());
}
