//! `sn-gateway radio` about a radio that a running gateway has open.

use crate::common::durable::Durable;
use crate::common::{PATIENCE, sn_gateway};
use crate::dongle::{self, Radio};
use crate::node::Node;
use serde_json::Value;
use sn_client::Qos;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// The gateway, which has nothing but a radio, and a node in its air.
struct Stage {
    gateway: Durable,
    node: Node<Radio>,
    _dir: TempDir,
}

/// The node is connected.
fn start() -> Stage {
    let dir = tempfile::tempdir().expect("a directory");
    let [config, device] = ["gw.toml", "radio"].map(|name| dir.path().join(name));
    fs::write(&config, format!("{}name = \"dongle\"\n", dongle::transport(&device))).expect("a file");
    let radio = Radio::plug(&device);
    let gateway = Durable::start_from(&["--config", config.to_str().expect("a path in UTF-8")]);
    dongle::add(&gateway, "pump-7");
    let mut stage = Stage { gateway, node: Node::connect("radio", radio), _dir: dir };
    stage.until("a connection", |stage| stage.node.is_idle());
    stage
}

impl Stage {
    /// Lets the node and the dongle live until it is so.
    #[track_caller]
    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
            self.node.step();
        }
    }

    /// Starts the program about the radio of this name.
    fn spawn(&self, what: &str, name: &str, args: &[&str]) -> Child {
        let mut command: Command = sn_gateway();
        command.args(["radio", what, "--transport", name, "--data", self.gateway.dir()]).args(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs")
    }

    /// What it says in the end, and whether that is a success.
    #[track_caller]
    fn ended(&mut self, mut child: Child) -> (bool, String) {
        self.until("the program's end", |_| child.try_wait().expect("a child").is_some());
        let output = child.wait_with_output().expect("it has ended");
        let said = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.success(), String::from_utf8(said).expect("text"))
    }

    #[track_caller]
    fn json(&mut self, child: Child) -> Value {
        let (is_done, text) = self.ended(child);
        assert!(is_done, "{text}");
        serde_json::from_str(&text).expect("JSON")
    }

    #[track_caller]
    fn refused(&mut self, child: Child, why: &str) {
        let (is_done, text) = self.ended(child);
        assert!(!is_done && text.contains(why), "{text}");
    }
}

#[test]
fn a_radio_in_use_says_what_it_is_and_how_it_is_used() {
    let mut stage = start();
    let info = stage.spawn("info", "dongle", &["--json"]);
    let info = stage.json(info);
    assert_eq!(info["address"], "02:00:00:03:00:00:00:00");
    assert_eq!((&info["channel"], &info["pan_id"], &info["secured"]), (&15.into(), &0x534E.into(), &true.into()));
    let elsewhere = stage.spawn("info", "elsewhere", &[]);
    stage.refused(elsewhere, "there is no transport \"elsewhere\"; there are dongle");
}

#[test]
fn while_a_radio_scans_nobody_else_has_it_scan_and_what_is_published_comes_afterwards() {
    let mut stage = start();
    // It lasts long enough for the second one to come.
    let first = stage.spawn("scan", "dongle", &["--period-ms", "400", "--json"]);
    stage.until("the scan's begin", |stage| stage.gateway.daemon().log().contains("hears no node meanwhile"));
    let second = stage.spawn("scan", "dongle", &[]);
    stage.refused(second, "a scan is under way already");
    stage.node.publish("from/radio", "nobody listens", Qos::One);
    let channels = stage.json(first);
    let numbers: Vec<_> = channels.as_array().expect("a list").iter().filter_map(|it| it["channel"].as_u64()).collect();
    // The dongle is this process: a channel on which it had to stand still for a second is left out.
    assert!(numbers.len() > 8 && numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    assert!(numbers.iter().all(|channel| (11..=26).contains(channel)), "{numbers:?}");
    stage.until("an acknowledgement", |stage| stage.node.is_idle());
    stage.gateway.daemon().wait_for_log("the radio hears nodes again transport=\"dongle\"");
    let third = stage.spawn("scan", "dongle", &["--period-ms", "1"]);
    let (is_done, text) = stage.ended(third);
    assert!(is_done && text.contains("Meanwhile the gateway heard no node, for "), "{text}");
}

#[test]
fn a_scan_ends_with_the_radio() {
    let mut stage = start();
    let scan = stage.spawn("scan", "dongle", &["--period-ms", "2000"]);
    stage.until("the scan's begin", |stage| stage.gateway.daemon().log().contains("hears no node meanwhile"));
    stage.node.link.pull_out();
    stage.refused(scan, "the radio has gone meanwhile");
    let [scan, info] = ["scan", "info"].map(|what| stage.spawn(what, "dongle", &[]));
    stage.refused(scan, "the radio is away");
    stage.refused(info, "the radio is away");
}

#[test]
fn a_radio_that_linux_drives_does_not_scan() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = dir.path().join("gw.toml");
    let text = "[[transport]]\nkind = \"udp\"\nlisten = \"127.0.0.1:0\"\nname = \"udp\"\n[[transport]]\n\
                kind = \"ieee802154\"\nname = \"hat\"\ninterface = \"no-such\"\npan_id = 1\nsecurity = \"none\"\n";
    fs::write(&config, text).expect("a file");
    let gateway = Durable::start_from(&["--config", config.to_str().expect("a path in UTF-8")]);
    let refused = |what: &str, name: &str| {
        let output = sn_gateway().args(["radio", what, "-t", name, "--data", gateway.dir()]).output().expect("it runs");
        assert!(!output.status.success());
        String::from_utf8(output.stderr).expect("text")
    };
    assert!(refused("scan", "hat").contains("no-such is a network interface: through it channels cannot be looked at"));
    assert!(refused("info", "hat").contains("the radio is away"));
    assert!(refused("scan", "udp").contains("the transport \"udp\" is no radio of IEEE 802.15.4"));
}
