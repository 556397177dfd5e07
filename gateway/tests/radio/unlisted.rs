//! A node that nobody has announced, on a secured radio: it is refused, and an operator sees that it is there.

use crate::common::durable::Durable;
use crate::common::scrape::{METRICS, scrape, value};
use crate::common::sn_gateway;
use crate::dongle::{self, Radio, until};
use crate::node::Node;
use serde_json::Value;
use std::fs;
use test_nodes::ADDRESS;

/// The only node that `nodes list` has.
fn listed(gateway: &Durable) -> Option<Value> {
    let output = sn_gateway().args(["nodes", "list", "--json", "--data", gateway.dir()]).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let nodes: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(nodes.len() <= 1, "{nodes:?}");
    nodes.into_iter().next()
}

/// How many datagrams of the radio came to this end.
fn counted(gateway: &mut Durable, outcome: &str) -> f64 {
    let name = format!("sn_gateway_transport_datagrams_total{{transport=\"dongle\",outcome=\"{outcome}\"}}");
    value(&scrape(gateway.daemon().metrics()), &name)
}

#[test]
fn an_unlisted_node_is_seen_and_counted_and_comes_in_once_it_is_on_the_list() {
    let dir = tempfile::tempdir().expect("a directory");
    let [config, device] = ["gw.toml", "radio"].map(|name| dir.path().join(name));
    fs::write(&config, format!("{}name = \"dongle\"\n{METRICS}", dongle::transport(&device))).expect("a file");
    let radio = Radio::plug(&device);
    let mut gateway = Durable::start_from(&["--config", config.to_str().expect("a path in UTF-8")]);
    let mut node = Node::connect("pump", radio);
    until(&mut node, "the node to be seen", |_| listed(&gateway).is_some());
    let stranger = listed(&gateway).expect("it was there");
    assert_eq!((&stranger["node"], &stranger["name"]), (&ADDRESS.into(), &Value::Null));
    assert_eq!(stranger["rssi_dbm"], -60);
    assert!(stranger["frames"].as_u64() >= Some(1), "{stranger}");
    gateway.daemon().wait_for_log("a radio node was refused");
    let log = gateway.daemon().log();
    let line = log.lines().find(|line| line.contains("a radio node was refused")).expect("it is in the log");
    for part in ["WARN", "dongle", ADDRESS, "it is not on the list: sn-gateway nodes add"] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(counted(&mut gateway, "unknown-node") >= 1.0);
    assert_eq!(counted(&mut gateway, "malformed"), 0.0);

    dongle::add(&gateway, "pump-7");
    let mut node = Node::connect("pump", node.link);
    until(&mut node, "CONNACK", Node::is_idle);
    assert_eq!(listed(&gateway).expect("it is there")["name"], "pump-7");
}
