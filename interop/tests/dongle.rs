//! A hundred nodes of IEEE 802.15.4 at the gateway, through an emulated dongle whose device the gateway opens as any other:
//! every tenth frame gets lost, the radio's firmware crashes, the dongle is pulled out and put back, the gateway is killed.
//! The links are secured; half of the nodes speak 6LoWPAN and half bare; half of each sleep, and fetch what waits with data
//! requests. The books are kept outside of the gateway: the nodes' own on one side, mosquitto's clients' on the other.

use interop::{Gateway, Process, mosquitto_pub, mosquitto_sub, release_dir};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

const SCENARIO: &str = r#"
name = "dongle"
duration = "80s"
seed = 7

[medium.radio]
shadowing_db = 0
loss_percent = 10

[[gateway]]
place = [25, 25]
"#;

/// In a room, so that each hears when another sends. Everyone reports at QoS 1 for as long as the scenario says.
const GROUP: &str = r#"
[[nodes]]
name = "NAME"
count = COUNT
place = { grid = [[20, 20], [30, 30]] }
start_within = "10s"
subscribe = [{ filter = "all/#", qos = 1 }]

[nodes.link]
carriage = "CARRIAGE"
security = "mic-64"
key = "KEY"
POLL

[[nodes.report]]
topic = "report/{id}"
every = "10s"
qos = 1
"#;

/// How many nodes there are of each kind.
const OF_EACH: usize = 25;

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
"#;

const NODES: usize = 4 * OF_EACH;
const KEY: &str = "000102030405060708090a0b0c0d0e0f";
/// How long something may take with everybody: who lost a datagram tries again after 10 to 15 s.
const ALL: Duration = Duration::from_secs(120);

fn scenario() -> String {
    let mut text = SCENARIO.to_owned();
    for carriage in ["bare", "6lowpan"] {
        let group = GROUP.replace("CARRIAGE", carriage).replace("KEY", KEY).replace("COUNT", &OF_EACH.to_string());
        text += &group.replace("NAME", &format!("{carriage}-on")).replace("POLL", "");
        text += &group.replace("NAME", &format!("{carriage}-asleep")).replace("POLL", "poll_every = \"500ms\"");
        text += "[nodes.sleep]\nwake_every = \"5s\"\nlost_after = \"120s\"\n";
    }
    text
}

/// The emulated dongle and the nodes around it.
fn dongle(dir: &Path) -> Process {
    let file = dir.join("scenario.toml");
    fs::write(&file, scenario()).expect("a file");
    let mut command = Command::new(release_dir().join("sn-sim"));
    command.arg("dongle").arg(file).arg("--device").arg(dir.join("device")).arg("--messages");
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
    gateway.process().expect("link up");
    // Who reports has subscribed before.
    until("everybody has reported", || {
        acknowledged(&dongle).into_iter().map(|(topic, _)| topic).collect::<BTreeSet<_>>().len() == NODES
    });
    publish(&gateway, "1");
    dongle.type_line("reset");
    publish(&gateway, "2");
    gateway.process().expect("the radio has been reset (RESET_CRASH)");
    gateway.process().expect("link up");
    publish(&gateway, "3");
    dongle.type_line("unplug");
    gateway.process().expect("it has been unplugged");
    publish(&gateway, "4");
    dongle.type_line("plug");
    gateway.process().expect("link up");
    publish(&gateway, "5");
    assert_eq!(gateway.process().count("has been reset"), 1, "told once");
    gateway.kill();
    let mut gateway = self::gateway(dir.path(), &mqtt);
    gateway.process().expect("link up");
    publish(&gateway, "6");
    until("everybody has all six", || {
        let delivered = delivered(&dongle);
        delivered.len() == 6 && delivered.values().all(|nodes| nodes.len() == NODES)
    });
    until("what was acknowledged is there", || acknowledged(&dongle).is_subset(&arrived(&subscriber)));
    let reports = acknowledged(&dongle).len();
    assert!(reports > 2 * NODES, "only {reports} reports were acknowledged");
}
