//! What somebody has recorded of a node and sends again after the gateway was killed.

use crate::common::durable::Durable;
use crate::common::scrape::{METRICS, scrape, value};
use crate::dongle::{self, Radio, until};
use crate::mqtt::Mqtt;
use crate::node::Node;
use sn_client::Qos;
use std::fs;

/// How many frames were refused because their counter was used before.
fn replayed(gateway: &mut Durable) -> f64 {
    let text = scrape(gateway.daemon().metrics());
    value(&text, "sn_gateway_transport_datagrams_total{transport=\"ieee802154-1\",outcome=\"replayed\"}")
}

#[test]
fn frames_from_before_a_kill_are_counted_as_replayed_and_the_counters_of_both_go_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let [config, device] = ["gw.toml", "radio"].map(|name| dir.path().join(name));
    let udp = "[[transport]]\nkind = \"udp\"\nlisten = \"127.0.0.1:0\"\n";
    fs::write(&config, format!("{udp}{}{METRICS}", dongle::transport(&device))).expect("a file");
    let radio = Radio::plug(&device);
    let mut gateway = Durable::start_from(&["--config", config.to_str().expect("a path in UTF-8")]);
    dongle::add(&gateway, "pump-7");
    let before = Mqtt::subscribe(gateway.daemon().mqtt(), "before", "from/+");
    let mut node = Node::connect("pump", radio);
    until(&mut node, "CONNACK", |node| node.is_idle() && before.is_subscribed());
    node.publish("from/pump", "once", Qos::Two);
    until(&mut node, "PUBCOMP", |node| node.is_idle() && before.heard() == ["once"]);
    let recorded = node.link.recorded.clone();
    let counter = node.link.last_counter();

    gateway.kill();
    let after = Mqtt::subscribe(gateway.daemon().mqtt(), "after", "from/+");
    until(&mut node, "the radio", |_| after.is_subscribed() && gateway.daemon().log().contains("link up"));
    assert_eq!(replayed(&mut gateway), 0.0);
    node.link.play(&recorded);
    until(&mut node, "all to be counted", |_| replayed(&mut gateway) == recorded.len() as f64);
    node.publish("from/pump", "twice", Qos::Two);
    until(&mut node, "PUBCOMP", |node| node.is_idle() && !after.heard().is_empty());
    assert_eq!(after.heard(), ["twice"], "nothing of what was played");
    assert!(node.link.last_counter() > counter, "the node has accepted the gateway's frames");
    assert_eq!(node.told.losses, 0);
}
