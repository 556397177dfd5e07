//! A hundred nodes of IEEE 802.15.4 at the gateway, through an emulated dongle whose device the gateway opens as any other:
//! every tenth frame gets lost, the radio's firmware crashes, the dongle is pulled out and put back. The books are kept
//! outside of the gateway: the nodes' own on one side, mosquitto's clients' on the other.

use interop::{Gateway, Process, mosquitto_pub, mosquitto_sub, release_dir};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Half of the nodes are always on, half sleep and wake every three seconds. Everyone reports at QoS 1 for 50 s.
const SCENARIO: &str = r#"
name = "dongle"
duration = "50s"
seed = 7

[medium.radio]
shadowing_db = 0
loss_percent = 10

[[gateway]]
place = [25, 25]

[[nodes]]
name = "node"
count = 50
place = { grid = [[5, 5], [45, 45]] }
start_within = "5s"
subscribe = [{ filter = "all/#", qos = 1 }]

[[nodes.report]]
topic = "report/{id}"
every = "5s"
qos = 1

[[nodes]]
name = "sleeper"
count = 50
place = { grid = [[5, 5], [45, 45]] }
start_within = "5s"
subscribe = [{ filter = "all/#", qos = 1 }]

[nodes.sleep]
wake_every = "3s"
lost_after = "120s"

[[nodes.report]]
topic = "report/{id}"
every = "5s"
qos = 1
"#;

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
security = "none"
carriage = "6lowpan"
anonymous = true

[[listener]]
kind = "tcp"
listen = "127.0.0.1:0"
"#;

const NODES: usize = 100;
/// How long something may take with everybody: who lost a datagram tries again after 10 to 15 s.
const ALL: Duration = Duration::from_secs(120);

/// The emulated dongle and the nodes around it.
fn dongle(dir: &Path) -> Process {
    let scenario = dir.join("scenario.toml");
    fs::write(&scenario, SCENARIO).expect("a file");
    let mut command = Command::new(release_dir().join("sn-sim"));
    command.arg("dongle").arg(scenario).arg("--device").arg(dir.join("device")).arg("--messages");
    let mut dongle = Process::start(command);
    dongle.expect("a dongle with 100 nodes");
    dongle
}

fn gateway(dir: &Path) -> Gateway {
    let config = dir.join("gateway.toml");
    let device = dir.join("device");
    let text = CONFIG.replace("DEVICE", device.to_str().expect("a path in UTF-8"));
    fs::write(&config, text).expect("a file");
    Gateway::start_configured(&config)
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
    let mut dongle = dongle(dir.path());
    let mut gateway = gateway(dir.path());
    gateway.process().expect("link up");
    let mut subscriber = mosquitto_sub(&gateway, &["-t", "report/#", "-q", "1", "-F", "report %t %x"]);
    subscriber.expect("Subscribed");
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
    until("everybody has all five", || {
        let delivered = delivered(&dongle);
        delivered.len() == 5 && delivered.values().all(|nodes| nodes.len() == NODES)
    });
    until("what was acknowledged is there", || acknowledged(&dongle).is_subset(&arrived(&subscriber)));
    let reports = acknowledged(&dongle).len();
    assert!(reports > 5 * NODES, "only {reports} reports were acknowledged");
    assert_eq!(gateway.process().count("has been reset"), 1, "told once");
}
