//! `sn-sim live`: simulated nodes at a real gateway, seen by mosquitto's clients.

use interop::{Gateway, PATIENCE, Process, mosquitto_pub, mosquitto_sub, release_dir};
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Twelve nodes that are always on and eight that sleep, a router between them. Everyone reports every four seconds.
const SCENARIO: &str = r#"
name = "live"
duration = "1h"
seed = 7

[medium.radio]
shadowing_db = 0

[[gateway]]
place = [20, 20]

[[router]]
place = [40, 20]

[[nodes]]
name = "node"
count = 12
place = { grid = [[5, 5], [50, 30]] }
start_within = "1s"
subscribe = [{ filter = "cmd/{id}", qos = 1 }]

[[nodes.report]]
topic = "report/{id}"
every = "4s"
qos = 1

[[nodes]]
name = "sleeper"
count = 8
place = { grid = [[5, 5], [50, 30]] }
start_within = "1s"
subscribe = [{ filter = "cmd/{id}", qos = 1 }]

[nodes.sleep]
wake_every = "2s"
lost_after = "20s"

[[nodes.report]]
topic = "report/{id}"
every = "4s"
qos = 1
"#;

/// How long some report of everybody may take: who lost a datagram tries again after 10 to 15 s.
const ALL: Duration = PATIENCE.saturating_mul(2);

fn everybody() -> BTreeSet<String> {
    // Numbers are as long as the longest of their group.
    let nodes = (0..12).map(|n| format!("report/node-{n:02}"));
    nodes.chain((0..8).map(|n| format!("report/sleeper-{n}"))).collect()
}

/// Waits until a subscriber has had a report of everybody since the last call.
fn expect_reports(subscriber: &mut Process) {
    let mut missing = everybody();
    let start = Instant::now();
    while start.elapsed() < ALL {
        let line = subscriber.expect("got report/");
        missing.remove(line.split(' ').nth(1).unwrap_or_default());
        if missing.is_empty() {
            return;
        }
    }
    panic!("still none from {missing:?}");
}

fn subscriber(gateway: &Gateway) -> Process {
    let mut subscriber = mosquitto_sub(gateway, &["-t", "report/#", "-q", "1"]);
    subscriber.expect("Subscribed");
    subscriber
}

/// A simulation, at the gateway that has this socket.
fn live(dir: &Path) -> Process {
    let scenario = dir.join("live.toml");
    fs::write(&scenario, SCENARIO).expect("the directory is ours");
    let mut command = Command::new(release_dir().join("sn-sim"));
    command.arg("live").arg(scenario).arg("--gateway").arg(socket(dir)).arg("--messages");
    Process::start(command)
}

fn socket(dir: &Path) -> std::path::PathBuf {
    dir.join("sim.sock")
}

fn gateway(dir: &Path) -> Gateway {
    let socket = socket(dir);
    Gateway::start_durable(&dir.join("data"), &["--sim", socket.to_str().expect("it is text")])
}

#[test]
fn everybody_reports_commands_reach_sleepers_and_a_killed_gateway_is_not_noticed() {
    let dir = tempfile::tempdir().expect("a directory");
    // The simulation waits for its gateway.
    let mut sim = live(dir.path());
    sim.expect("looking for a gateway");
    let first = gateway(dir.path());
    sim.expect("20 nodes have joined it");
    let mut reports = subscriber(&first);
    expect_reports(&mut reports);
    mosquitto_pub(&first, &["-t", "cmd/sleeper-3", "-q", "1", "-m", "on"]);
    sim.expect(r#"sleeper-3 got cmd/sleeper-3 "on" at QoS 1"#);

    // What is acknowledged reaches the sleeper although the gateway is killed, be it before or after.
    mosquitto_pub(&first, &["-t", "cmd/sleeper-5", "-q", "1", "-m", "off"]);
    first.kill();
    let mut second = gateway(dir.path());
    second.process().expect("link up");
    sim.expect(r#"sleeper-5 got cmd/sleeper-5 "off" at QoS 1"#);
    let mut reports = subscriber(&second);
    expect_reports(&mut reports);
    // Sleepers connect before each report (1.2 §6.14); the others have no reason to.
    assert_eq!(second.process().count(r#" connected client="node-"#), 0);
    assert!(second.process().count(r#" connected client="sleeper-"#) > 0, "the log says who connects");
    mosquitto_pub(&second, &["-t", "cmd/node-00", "-q", "1", "-m", "still there"]);
    sim.expect(r#"node-00 got cmd/node-00 "still there" at QoS 1"#);

    // The gateway does not end with the simulation.
    sim.signal(Signal::SIGINT);
    let lines = sim.succeed();
    assert!(lines.iter().any(|line| line == "connections lost: 0; requests refused: 0"), "{}", lines.join("\n"));
    second.process().expect("link down");
}

#[test]
fn a_second_simulation_is_turned_away() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut gateway = gateway(dir.path());
    let mut first = live(dir.path());
    first.expect("20 nodes have joined it");
    let mut second = live(dir.path());
    second.expect("the gateway has turned us away: another simulator is connected");
    assert_eq!(second.wait().code(), Some(2));
    gateway.process().expect("a simulator was turned away");
    assert!(first.is_running());
}

#[test]
fn after_its_time_it_ends_well_where_everybody_was_connected() {
    let dir = tempfile::tempdir().expect("a directory");
    let _gateway = gateway(dir.path());
    let scenario = dir.path().join("two.toml");
    let nodes = "[medium.link]\n[[gateway]]\n[[nodes]]\nname = \"node\"\ncount = 2\nstart_within = \"1s\"\n";
    let reports = "[[nodes.report]]\ntopic = \"report/{id}\"\nevery = \"1s\"\nqos = 1\n";
    fs::write(&scenario, format!("name = \"two\"\nduration = \"1h\"\n{nodes}{reports}"))
        .expect("the directory is ours");
    let mut command = Command::new(release_dir().join("sn-sim"));
    command.arg("live").arg(scenario).arg("--gateway").arg(socket(dir.path())).args(["--duration", "5s"]);
    let lines = Process::start(command).succeed();
    assert!(lines.iter().any(|line| line.contains("2 of 2 nodes connected")), "{}", lines.join("\n"));
}
