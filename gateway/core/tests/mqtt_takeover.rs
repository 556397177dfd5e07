//! One client id, one client: whoever comes later gets the session, over MQTT or MQTT-SN.

#[path = "common/mqtt.rs"]
mod mqtt;

use gateway_core::mqtt::Connect;
use gateway_core::{CloseReason, ConnId, Event, Qos, Via};
use mqtt::{Gateway, clean, dup, id, payloads, persistent, qos1, qos2, will};
use std::time::Duration;

const CONNECT_CLEAN: &[u8] = b"\x07\x04\x04\x01\x00\x3Ca";
const CONNECT_RESUME: &[u8] = b"\x07\x04\x00\x01\x00\x3Ca";
const CONNACK: &[u8] = &[3, 5, 0];
const DISCONNECT: &[u8] = &[2, 0x18];
const SLEEP_60_S: &[u8] = &[4, 0x18, 0, 60];

fn gateway() -> Gateway {
    let mut gateway = Gateway::default();
    gateway.connect(1, clean("watcher"));
    gateway.subscribe(1, "will/#", Qos::AtMostOnce);
    gateway
}

#[test]
fn mqtt_takes_over_from_mqtt() {
    let mut gateway = gateway();
    gateway.connect(2, Connect { will: will("will/a", "gone"), ..persistent("a") });
    gateway.subscribe(2, "t", Qos::AtLeastOnce);
    gateway.send(1, qos1("t", "x", 1));
    gateway.received(2);
    gateway.received(1);
    gateway.events();
    assert!(gateway.connect(3, persistent("a")));
    assert_eq!(gateway.closed(2), Some(CloseReason::TakenOver));
    assert_eq!(payloads(&gateway.received(1)), ["gone"], "nobody said good-bye");
    assert_eq!(gateway.received(3), [dup(qos1("t", "x", 1))]);
    let events = gateway.events();
    assert_eq!(events[0], Event::TakenOver { client_id: "a".into(), by: Via::Mqtt(ConnId(3)) });
    assert!(matches!(events[1], Event::Connected { session_present: true, .. }));
    gateway.lose(2);
    gateway.send(1, qos1("t", "y", 2));
    assert_eq!(gateway.received(3), [qos1("t", "y", 2)], "the late end of the old connection changes nothing");
}

#[test]
fn nothing_is_taken_over_of_a_clean_session() {
    for (first, second) in [(clean("a"), persistent("a")), (persistent("a"), clean("a")), (clean("a"), clean("a"))] {
        let mut gateway = gateway();
        gateway.connect(2, first);
        gateway.subscribe(2, "t", Qos::AtLeastOnce);
        assert!(!gateway.connect(3, second));
        assert_eq!(gateway.closed(2), Some(CloseReason::TakenOver));
        gateway.send(1, qos1("t", "x", 1));
        assert_eq!(gateway.received(3), []);
    }
}

#[test]
fn mqtt_takes_over_from_mqtt_sn() {
    let mut gateway = gateway();
    assert_eq!(gateway.datagram(CONNECT_RESUME), [CONNACK]);
    // SUBSCRIBE to `t` at QoS 2 and the message in flight to the node.
    gateway.datagram(b"\x06\x12\x40\x00\x05t");
    gateway.send(1, qos2("t", "x", 1));
    let to_node = gateway.datagrams();
    assert_eq!(to_node.len(), 1, "PUBLISH at QoS 2 under the id of the SUBACK");
    assert!(gateway.connect(2, persistent("a")));
    assert_eq!(gateway.datagrams(), [DISCONNECT]);
    let packets = gateway.received(2);
    let in_flight = u16::from_be_bytes([to_node[0][5], to_node[0][6]]);
    assert_eq!(packets, [dup(qos2("t", "x", in_flight))], "the same message under the same id");
    gateway.send(2, gateway_core::mqtt::Packet::PubRec(id(in_flight).into()));
    gateway.send(2, gateway_core::mqtt::Packet::PubComp(id(in_flight).into()));
    assert_eq!(gateway.core.clients().map(|client| client.waiting).sum::<usize>(), 0);
}

#[test]
fn mqtt_takes_over_from_a_sleeper() {
    let mut gateway = gateway();
    gateway.datagram(CONNECT_RESUME);
    gateway.datagram(b"\x06\x12\x20\x00\x05t");
    assert_eq!(gateway.datagram(SLEEP_60_S), [DISCONNECT]);
    gateway.send(1, qos1("t", "x", 1));
    assert!(gateway.datagrams().is_empty(), "it sleeps");
    gateway.connect(2, persistent("a"));
    assert_eq!(payloads(&gateway.received(2)), ["x"]);
}

#[test]
fn the_will_of_a_taken_over_node_is_published() {
    let mut gateway = gateway();
    // CONNECT with a will, WILLTOPIC `will/a` at QoS 0, WILLMSG `gone`.
    gateway.datagram(b"\x07\x04\x08\x01\x00\x3Ca");
    gateway.datagram(b"\x09\x07\x00will/a");
    assert_eq!(gateway.datagram(b"\x06\x09gone"), [CONNACK]);
    gateway.connect(2, persistent("a"));
    assert_eq!(payloads(&gateway.received(1)), ["gone"]);
    gateway.lose(2);
    assert_eq!(gateway.received(1), [], "and is the node's no more");
}

#[test]
fn mqtt_sn_takes_over_from_mqtt() {
    let mut gateway = gateway();
    gateway.connect(2, Connect { will: will("will/a", "gone"), ..persistent("a") });
    gateway.subscribe(2, "tt", Qos::AtLeastOnce);
    gateway.send(1, qos1("tt", "x", 1));
    let answers = gateway.datagram(CONNECT_RESUME);
    assert_eq!(gateway.closed(2), Some(CloseReason::TakenOver));
    assert_eq!(payloads(&gateway.received(1)), ["gone"]);
    assert_eq!(answers[0], CONNACK);
    assert_eq!(answers.len(), 2, "and the message that the MQTT client has not acknowledged: {answers:02x?}");
}

#[test]
fn a_will_that_was_published_is_not_the_nodes() {
    let mut gateway = gateway();
    gateway.connect(2, Connect { will: will("will/a", "gone"), ..persistent("a") });
    gateway.lose(2);
    assert_eq!(gateway.datagram(CONNECT_RESUME), [CONNACK]);
    gateway.wait(Duration::from_secs(600));
    assert_eq!(payloads(&gateway.received(1)), ["gone"], "once, although the node is lost too");
}

#[test]
fn a_clean_node_takes_nothing_over() {
    let mut gateway = gateway();
    gateway.connect(2, persistent("a"));
    gateway.subscribe(2, "tt", Qos::AtLeastOnce);
    gateway.send(1, qos1("tt", "x", 1));
    assert_eq!(gateway.datagram(CONNECT_CLEAN), [CONNACK]);
    assert_eq!(gateway.closed(2), Some(CloseReason::TakenOver));
    assert_eq!(gateway.core.gauges().subscriptions, 1, "the watcher's");
}

#[test]
fn a_sleeper_that_connects_is_told_from_a_node_that_comes_back() {
    let mut gateway = Gateway::default();
    let mut from_sleep = |datagrams: &[&[u8]]| {
        gateway.events();
        datagrams.iter().for_each(|datagram| drop(gateway.datagram(datagram)));
        let connected = gateway.events().into_iter().rev().find_map(|event| match event {
            Event::Connected { from_sleep, .. } => Some(from_sleep),
            _ => None,
        });
        connected.expect("it has connected")
    };
    assert!(!from_sleep(&[CONNECT_RESUME]));
    assert!(from_sleep(&[SLEEP_60_S, CONNECT_RESUME]), "to publish");
    assert!(!from_sleep(&[CONNECT_RESUME]), "again, while it is there");
    assert!(!from_sleep(&[SLEEP_60_S, CONNECT_CLEAN]), "as another one");
    assert!(!from_sleep(&[DISCONNECT, CONNECT_RESUME]), "from nowhere");
}
