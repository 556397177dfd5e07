//! Radio nodes: the list over the command line, over kill -9 and in backups, and what is told of them, with a real gateway
//! and an XBee radio at a pseudo-terminal.

mod common;

use common::durable::Durable;
use common::scrape::{METRICS, scrape, value};
use common::sn_gateway;
use common::xbee::XBeeNode;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

const ADDRESS: &str = "00:13:a2:00:00:00:00:07";
const OTHER: &str = "00:13:a2:00:00:00:00:08";
/// CONNECT of "node" with a session that is kept and a keep-alive of a minute.
const CONNECT: &[u8] = b"\x0a\x04\x00\x01\x00\x3cnode";
const CONNACK: &[u8] = &[3, 5, 0];
const NOT_SUPPORTED: &[u8] = &[3, 5, 3];
/// SEARCHGW: everybody is answered.
const SEARCHGW: &[u8] = &[3, 1, 0];
const GWINFO: &[u8] = &[3, 2, 1];

/// A gateway with an XBee radio on which only who is somebody comes in: nodes whose name begins with "pump".
struct Bench {
    gateway: Durable,
    node: XBeeNode,
    _dir: TempDir,
}

fn start() -> Bench {
    let dir = tempfile::tempdir().expect("a directory");
    let (device, config) = (dir.path().join("device"), dir.path().join("gw.toml"));
    let node = XBeeNode::plug(&device);
    let radio = "[[transport]]\nkind = \"udp\"\nlisten = \"127.0.0.1:0\"\n\
        [[transport]]\nkind = \"serial\"\nframing = \"xbee-802.15.4\"\nairtime_percent = 50\n";
    let who = "[[node]]\nname = \"pump*\"\nuser = \"pumps\"\n";
    fs::write(&config, format!("{radio}device = {device:?}\n{who}{METRICS}")).expect("a file");
    let gateway = Durable::start_from(&["--config", config.to_str().expect("a path in UTF-8")]);
    let mut bench = Bench { gateway, node, _dir: dir };
    bench.gateway.daemon().wait_for_log("link up");
    bench
}

impl Bench {
    /// A command that must work.
    #[track_caller]
    fn nodes(&self, args: &[&str]) -> String {
        told(&[&["nodes"], args, &["--data", self.gateway.dir()]].concat())
    }

    fn run(&self, args: &[&str]) -> (Option<i32>, String, String) {
        run(&[&["nodes"], args, &["--data", self.gateway.dir()]].concat())
    }

    fn list(&self) -> Vec<Value> {
        serde_json::from_str(&self.nodes(&["list", "--json"])).expect("JSON")
    }

    /// The radio goes with the process that had its device open; a new one finds it again.
    fn kill(&mut self) {
        self.gateway.kill();
        self.gateway.daemon().wait_for_log("link up");
    }
}

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = sn_gateway().args(args).output().expect("it runs");
    (status.code(), String::from_utf8(stdout).expect("text"), String::from_utf8(stderr).expect("text"))
}

#[track_caller]
fn told(args: &[&str]) -> String {
    let (code, out, error) = run(args);
    assert_eq!((code, &error[..]), (Some(0), ""));
    out
}

#[test]
fn a_node_is_heard_added_renamed_revoked_and_removed() {
    let mut bench = start();
    bench.node.send(CONNECT);
    bench.node.expect(NOT_SUPPORTED);
    let list = bench.nodes(&["list"]);
    let lines: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0][..5], ["NODE", "NAME", "LISTED", "CLIENT", "STATE"]);
    assert_eq!(lines[1][..4], [ADDRESS, "-", "not", "listed"]);
    assert!(list.contains("-40 dBm"), "{list}");

    let added = bench.nodes(&["add", ADDRESS, "--name", "pump-7", "--generate-key"]);
    let key = added.lines().last().expect("the key").to_owned();
    assert!(key.len() == 32 && key.bytes().all(|digit| digit.is_ascii_hexdigit()), "{added}");
    bench.node.send(CONNECT);
    bench.node.expect(CONNACK);
    let row = &bench.list()[0];
    assert_eq!((&row["name"], &row["client"], &row["state"]), (&"pump-7".into(), &"node".into(), &"active".into()));
    assert_eq!((&row["secured"], &row["rssi_dbm"], &row["frames"]), (&true.into(), &(-40).into(), &2.into()));
    let (_, sessions, _) = run(&["sessions", "list", "--data", bench.gateway.dir()]);
    assert!(sessions.contains(&format!("mqtt-sn {ADDRESS} (pump-7)")), "{sessions}");

    bench.nodes(&["rename", "pump-7", "pump-8"]);
    bench.kill();
    // The session and the list go on.
    bench.node.send(&[2, 0x16]);
    bench.node.expect(&[2, 0x17]);
    assert_eq!(bench.list()[0]["name"], "pump-8");

    bench.nodes(&["revoke", "pump-8"]);
    let (_, sessions, _) = run(&["sessions", "list", "--data", bench.gateway.dir()]);
    assert!(!sessions.contains("node"), "{sessions}");
    bench.kill();
    bench.node.send(CONNECT);
    bench.gateway.daemon().wait_for_log("reason=\"revoked\"");
    assert_eq!(bench.list()[0]["revoked"], true);
    bench.nodes(&["remove", ADDRESS]);
    bench.node.send(SEARCHGW);
    bench.node.expect(GWINFO);
    assert_eq!(bench.list()[0]["name"], Value::Null);

    let log = bench.gateway.daemon().log();
    assert!(!log.contains(&key) && !log.contains(&key[..8]), "the key is in the log");
}

#[test]
fn what_cannot_be_is_refused_and_said() {
    let bench = start();
    let key = "000102030405060708090a0b0c0d0e0f";
    let json = bench.nodes(&["add", ADDRESS, "--name", "pump-7", "--key", key, "--json"]);
    assert!(!json.contains(key), "who has named it knows it: {json}");
    for (args, why) in [
        (&["add", ADDRESS, "--name", "other"][..], "it is on the list already, as \"pump-7\""),
        (&["add", OTHER, "--name", "pump-7"], "00:13:a2:00:00:00:00:07 has that name"),
        (&["add", OTHER, "--name", "a/b"], "a node's name has 1 to 64 octets"),
        (&["revoke", "pump-9"], "there is no node \"pump-9\" on the list"),
        (&["add", OTHER, "--name", "x", "--key-file", "/nowhere/key"], "cannot read /nowhere/key"),
    ] {
        let (code, _, error) = bench.run(args);
        assert_eq!(code, Some(1));
        assert!(error.contains(why), "{error}");
    }
    for wrong in [&["add", "7", "--name", "x"][..], &["add", OTHER, "--name", "x", "--key", "0g"]] {
        let (code, _, error) = bench.run(wrong);
        assert_eq!(code, Some(2), "{error}");
    }
    assert_eq!(bench.list().len(), 1);
}

#[test]
fn a_key_comes_from_a_file_and_a_backup_has_the_list() {
    let mut bench = start();
    let files = tempfile::tempdir().expect("a directory");
    let [key, backup, data] =
        ["key", "gateway.bak", "data"].map(|name| files.path().join(name).to_str().expect("UTF-8").to_owned());
    fs::write(&key, "000102030405060708090a0b0c0d0e0f\n").expect("a file");
    bench.nodes(&["add", ADDRESS, "--name", "pump-7", "--key-file", &key]);
    assert_eq!(run(&["backup", &backup, "--data", bench.gateway.dir()]).0, Some(0));
    assert_eq!(run(&["restore", &backup, "--data", &data]).0, Some(0));
    bench.gateway.daemon().signal(Signal::SIGTERM);
    bench.gateway.daemon().wait();
    bench.gateway.args.extend(["--data".to_owned(), data.clone()]);
    bench.gateway.start_again();
    assert!(bench.gateway.data_line().contains(", 1 radio node."), "{}", bench.gateway.data_line());
    let listed: Vec<Value> = serde_json::from_str(&told(&["nodes", "list", "--json", "--data", &data])).expect("JSON");
    assert_eq!((&listed[0]["name"], &listed[0]["secured"]), (&"pump-7".into(), &true.into()));
}

/// The first cells, without the quotes, of docs/monitoring.md that begin so. An XBee does not tell the LQI.
fn documented(prefix: &str) -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/monitoring.md");
    let page = fs::read_to_string(page).expect("the page");
    let cells = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    cells.filter(|cell| cell.starts_with(prefix) && !cell.contains("lqi")).map(str::to_owned).collect()
}

#[test]
fn how_well_a_listed_node_is_heard_is_published_and_measured_as_documented() {
    let mut bench = start();
    bench.nodes(&["add", ADDRESS, "--name", "NAME"]);
    bench.node.send(SEARCHGW);
    bench.node.expect(GWINFO);
    let mut monitor = bench.gateway.mqtt("monitor", 2);
    monitor.expect(&[0x20, 2, 0, 0]);
    monitor.subscribe("$SYS/broker/sn/airtime/+/used", 0);
    assert_eq!(monitor.receive_publish(), ("$SYS/broker/sn/airtime/1/used".into(), "0.0".into()));
    monitor.subscribe("$SYS/broker/nodes/#", 0);
    monitor.send(&[0xC0, 0]);
    let values: Vec<_> = std::iter::from_fn(|| monitor.publish_before_pingresp()).collect();
    let topics: BTreeSet<_> = values.iter().map(|(topic, _)| topic.clone()).collect();
    let mut expected = documented("$SYS/broker/nodes/");
    for behind_a_router in ["via", "hops"] {
        assert!(expected.remove(&format!("$SYS/broker/nodes/NAME/{behind_a_router}")), "{behind_a_router}");
    }
    assert_eq!(topics, expected);
    assert!(values.contains(&("$SYS/broker/nodes/NAME/rssi".into(), "-40".into())), "{values:?}");

    let text = scrape(bench.gateway.daemon().metrics());
    assert_eq!(value(&text, "sn_gateway_node_rssi_dbm{node=\"NAME\"}"), -40.0);
    assert_eq!(value(&text, "sn_gateway_nodes{state=\"listed\"}"), 1.0);
    let used = value(&text, "sn_gateway_airtime_used_ratio{transport=\"serial-1\"}");
    assert!(used > 0.0 && used < 0.001, "{used}");
    let shown: BTreeSet<_> = text.lines().filter_map(|line| line.split('{').next()).map(str::to_owned).collect();
    let shown: BTreeSet<_> = shown.into_iter().filter(|name| name.starts_with("sn_gateway_node_")).collect();
    assert_eq!(shown, documented("sn_gateway_node_"));
}
