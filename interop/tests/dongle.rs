//! A hundred nodes of IEEE 802.15.4 at the gateway, through an emulated dongle whose device the gateway opens as any other:
//! every tenth frame gets lost, the radio's firmware crashes, the dongle is pulled out and put back, the gateway is killed.
//! The links are secured; half of the nodes speak 6LoWPAN and half bare; half of each sleep, and fetch what waits with data
//! requests; forty are two or three hops away, behind routers. The books are kept outside of the gateway: the nodes' own on one
//! side, mosquitto's clients' on the other.

use interop::{Gateway, Process, mosquitto_pub, mosquitto_sub, release_dir, root};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

const SCENARIO: &str = "simulator/scenarios/mesh.toml";
/// So many of its nodes, in the order of their addresses, are so many hops away.
const HOPS: [(usize, u64); 3] = [(60, 1), (20, 2), (20, 3)];

/// Channel 15 of the simulated air has this PAN.
const CONFIG: &str = r#"
[timing]
t_retry_s = 3

[[transport]]
kind = "udp"
listen = "127.0.0.1:0"

[[transport]]
kind = "ieee802154"
device = "DEVICE"
channel = 15
pan_id = 0x530F
wakes_at_once = 24
"#;

const NODES: usize = 100;
const KEY: &str = "000102030405060708090a0b0c0d0e0f";
/// How long something may take with everybody: who lost a datagram tries again after 10 to 15 s, and somebody loses several in a row.
const ALL: Duration = Duration::from_secs(600);

/// How many hops away each node is, in the order of their addresses.
fn hops() -> Vec<u64> {
    HOPS.iter().flat_map(|(nodes, hops)| vec![*hops; *nodes]).collect()
}

/// The same as the gateway has it, of those nodes of which it has heard since its start.
fn hops_in(dir: &Path) -> Vec<u64> {
    let mut list = Command::new(release_dir().join("sn-gateway"));
    let output = list.args(["nodes", "list", "--json", "--data"]).arg(dir.join("data")).output().expect("it runs");
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a list");
    rows.iter().filter(|row| row["frames"] != 0).map(|row| row["hops"].as_u64().unwrap_or(1)).collect()
}

/// All nodes come over as many hops as there are. A router takes the better of two parents when it hears of it.
fn expect_hops(dir: &Path) {
    let start = Instant::now();
    while hops_in(dir) != hops() {
        assert!(start.elapsed() < ALL, "each is as far away as it is: {:?}", hops_in(dir));
        sleep(Duration::from_millis(200));
    }
}

/// The emulated dongle and the nodes around it.
fn dongle(dir: &Path) -> Process {
    let mut command = Command::new(release_dir().join("sn-sim"));
    command.arg("dongle").arg(root().join(SCENARIO)).arg("--device").arg(dir.join("device")).arg("--messages");
    let mut dongle = Process::start(command);
    dongle.expect("a dongle with 100 nodes");
    dongle
}

/// A gateway that knows what the one before knew.
fn gateway(dir: &Path, mqtt: &str) -> Gateway {
    let config = dir.join("gateway.toml");
    let device = dir.join("device");
    let listener = format!("\n[[listener]]\nkind = \"tcp\"\nlisten = \"{mqtt}\"\n");
    let text = CONFIG.replace("DEVICE", device.to_str().expect("a path in UTF-8")) + &listener;
    fs::write(&config, text).expect("a file");
    Gateway::start_durable_configured(&dir.join("data"), &config)
}

/// Puts all nodes onto the gateway's list.
fn list_nodes(dir: &Path) {
    for node in 0..NODES {
        let address = format!("02:00:00:01:00:00:00:{node:02x}");
        let mut add = Command::new(release_dir().join("sn-gateway"));
        add.args(["nodes", "add", &address, "--name", &format!("node-{node}"), "--key", KEY, "--data"]);
        let output = add.arg(dir.join("data")).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// What the nodes know to be published: topic and number.
fn acknowledged(dongle: &Process) -> BTreeSet<(String, u32)> {
    let lines = dongle.lines();
    let words = lines.iter().filter_map(|line| line.split_once(" has the acknowledgement of "));
    words.map(|(_, message)| message.split_once(' ').expect("topic and number")).map(numbered).collect()
}

fn numbered((topic, number): (&str, &str)) -> (String, u32) {
    (topic.to_owned(), number.parse().expect("a number"))
}

/// What has come to the subscriber. A payload has its message's number in octets 8 to 11.
fn arrived(subscriber: &Process) -> BTreeSet<(String, u32)> {
    let lines = subscriber.lines();
    let words = lines.iter().filter_map(|line| line.strip_prefix("report "));
    words
        .map(|message| message.split_once(' ').expect("topic and payload"))
        .map(|(topic, payload)| (topic.to_owned(), u32::from_str_radix(&payload[16..24], 16).expect("hex")))
        .collect()
}

/// Which nodes have what was published to all.
fn delivered(dongle: &Process) -> BTreeMap<String, BTreeSet<String>> {
    let mut delivered = BTreeMap::<String, BTreeSet<String>>::new();
    for line in dongle.lines() {
        if let Some((node, message)) = line.split_once(" got all/") {
            let topic = message.split(' ').next().unwrap_or_default();
            delivered.entry(topic.to_owned()).or_default().insert(node.to_owned());
        }
    }
    delivered
}

fn publish(gateway: &Gateway, number: &str) {
    mosquitto_pub(gateway, &["-q", "1", "-t", &format!("all/{number}"), "-m", number]);
}

/// Looks until it is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < ALL, "{what}: not within {ALL:?}");
        sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_hundred_nodes_lose_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut gateway = gateway(dir.path(), "127.0.0.1:0");
    let mqtt = gateway.mqtt.to_string();
    list_nodes(dir.path());
    let subscribes = ["-t", "report/#", "-q", "1", "-c", "-i", "books", "-F", "report %t %x"];
    let mut subscriber = mosquitto_sub(&gateway, &subscribes);
    subscriber.expect("Subscribed");
    let mut dongle = dongle(dir.path());
    gateway.process().expect_within("link up", ALL);
    // Who reports has subscribed before.
    until("everybody has reported", || {
        acknowledged(&dongle).into_iter().map(|(topic, _)| topic).collect::<BTreeSet<_>>().len() == NODES
    });
    expect_hops(dir.path());
    publish(&gateway, "1");
    dongle.type_line("reset");
    publish(&gateway, "2");
    gateway.process().expect_within("the radio has been reset (RESET_CRASH)", ALL);
    gateway.process().expect_within("link up", ALL);
    publish(&gateway, "3");
    dongle.type_line("unplug");
    gateway.process().expect_within("it has been unplugged", ALL);
    publish(&gateway, "4");
    dongle.type_line("plug");
    gateway.process().expect_within("link up", ALL);
    publish(&gateway, "5");
    assert_eq!(gateway.process().count("has been reset"), 1, "told once");
    gateway.kill();
    let mut gateway = self::gateway(dir.path(), &mqtt);
    gateway.process().expect_within("link up", ALL);
    publish(&gateway, "6");
    until("everybody has all six", || {
        let delivered = delivered(&dongle);
        delivered.len() == 6 && delivered.values().all(|nodes| nodes.len() == NODES)
    });
    until("what was acknowledged is there", || acknowledged(&dongle).is_subset(&arrived(&subscriber)));
    expect_hops(dir.path());
    let reports = acknowledged(&dongle).len();
    assert!(reports > 2 * NODES, "only {reports} reports were acknowledged");
}
