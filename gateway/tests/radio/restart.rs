//! What a node gets that has said nothing since the gateway's start.

use crate::common::durable::Durable;
use crate::dongle::{self, Radio, until};
use crate::mqtt::Mqtt;
use crate::node::{Node, Setup};
use lowpan::Carriage;
use rumqttc::QoS;
use std::fs;

#[test]
fn a_silent_node_gets_its_messages_after_a_kill_in_the_form_that_it_speaks() {
    let dir = tempfile::tempdir().expect("a directory");
    let [config, device] = ["gw.toml", "radio"].map(|name| dir.path().join(name));
    fs::write(&config, dongle::transport(&device)).expect("a file");
    let carriage = Carriage::Udp { node: 10_000, gateway: 1883 };
    let radio = Radio::with(&device, Setup { carriage, ..Setup::default() });
    let mut gateway = Durable::start_from(&["--config", config.to_str().expect("a path in UTF-8")]);
    dongle::add(&gateway, "valve");
    let mut node = Node::connect("valve", radio);
    until(&mut node, "CONNACK", Node::is_idle);
    node.subscribe("to/valve");
    until(&mut node, "SUBACK", Node::is_idle);

    gateway.kill();
    let mqtt = Mqtt::subscribe(gateway.daemon().mqtt(), "mqtt", "none");
    until(&mut node, "the radio", |_| mqtt.is_subscribed() && gateway.daemon().log().contains("link up"));
    let said = node.link.recorded.len();
    mqtt.publish("to/valve", "open", QoS::AtMostOnce);
    until(&mut node, "the message", |node| !node.told.heard.is_empty());
    assert_eq!((node.told.heard.join(""), node.link.recorded.len()), ("open".into(), said), "nobody had asked for it");
}
