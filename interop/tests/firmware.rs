//! The node's firmware, on an emulated chip, with the gateway and mosquitto's clients.

use interop::{EmulatedNode, Gateway, Process, Way, mosquitto_pub, mosquitto_sub};
use sn_codec::MsgType;

fn subscriber(gateway: &Gateway) -> Process {
    let mut subscriber = mosquitto_sub(gateway, &["-t", "node/mps2/report", "-t", "node/mps2/echo", "-q", "1"]);
    subscriber.expect("Subscribed");
    subscriber
}

fn command(gateway: &Gateway, qos: &str, text: &str) {
    mosquitto_pub(gateway, &["-t", "node/mps2/command", "-q", qos, "-m", text]);
}

#[test]
fn a_node_reports_sleeps_and_gets_at_its_wake_what_was_published_meanwhile() {
    let gateway = Gateway::start();
    let mut subscriber = subscriber(&gateway);
    let mut node = EmulatedNode::start(&gateway);
    let report = subscriber.expect("got ");
    assert_eq!(report, r#"got node/mps2/report 1 0 {"count":1,"commands":0,"dropped":0}"#);
    node.expect(Way::Down, MsgType::Disconnect);

    command(&gateway, "1", "lamp on");
    command(&gateway, "2", "lamp off");
    assert_delivered_to_an_awake_node(&node.expect(Way::Down, MsgType::Publish));
    subscriber.expect("got node/mps2/echo 1 0 lamp on");
    subscriber.expect("got node/mps2/echo 1 0 lamp off");
    subscriber.expect(r#""commands":2,"dropped":0}"#);
    node.expect(Way::Down, MsgType::Disconnect);
}

/// Since it fell asleep it has not connected, and of its wakes the last is not over.
fn assert_delivered_to_an_awake_node(passed: &[(Way, MsgType)]) {
    assert!(!passed.contains(&(Way::Up, MsgType::Connect)), "{passed:?}");
    let of_wakes = [(Way::Up, MsgType::PingReq), (Way::Down, MsgType::PingResp)];
    let last = passed.iter().rev().find(|passed| of_wakes.contains(passed));
    assert_eq!(last, Some(&(Way::Up, MsgType::PingReq)), "{passed:?}");
}

#[test]
fn a_node_finds_back_after_its_gateway_was_killed_and_forgot_everything() {
    let gateway = Gateway::start();
    let mut node = EmulatedNode::start(&gateway);
    node.expect(Way::Down, MsgType::Disconnect);

    drop(gateway);
    node.expect(Way::Up, MsgType::PingReq);
    let gateway = Gateway::start();
    let mut subscriber = subscriber(&gateway);
    node.move_to(&gateway);
    node.expect(Way::Down, MsgType::SubAck);
    command(&gateway, "1", "are you there?");
    subscriber.expect("got node/mps2/echo 1 0 are you there?");
}
