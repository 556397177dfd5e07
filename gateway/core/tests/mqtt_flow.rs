//! How fast messages go to an MQTT client: the window, back-pressure and order.

#[path = "common/mqtt.rs"]
mod mqtt;

use gateway_core::mqtt::Packet;
use gateway_core::{Config, DropReason, LARGEST_MESSAGE_ID, Limits, Qos};
use mqtt::{Gateway, clean, id, payloads, qos0, qos1, qos2};

fn gateway(limits: Limits) -> Gateway {
    let mut gateway = Gateway::new(Config { limits, ..Config::default() });
    gateway.connect(1, clean("publisher"));
    gateway.connect(2, clean("subscriber"));
    gateway.subscribe(2, "t/#", Qos::ExactlyOnce);
    gateway
}

fn drops(gateway: &Gateway) -> u64 {
    gateway.core.stats().drops.get(&DropReason::QueueFull).copied().unwrap_or(0)
}

#[test]
fn no_more_than_the_window_is_in_flight() {
    let mut gateway = gateway(Limits { mqtt_inflight: 2, ..Limits::default() });
    for (packet_id, payload) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
        gateway.send(1, qos1("t/x", payload, packet_id));
    }
    assert_eq!(gateway.received(2), [qos1("t/x", "a", 1), qos1("t/x", "b", 2)]);
    assert_eq!(gateway.exchange(2, Packet::PubAck(id(2).into())), [qos1("t/x", "c", 3)]);
    assert_eq!(gateway.exchange(2, Packet::PubAck(id(1).into())), [qos1("t/x", "d", 4)]);
}

#[test]
fn a_qos_2_message_fills_the_window_until_pubcomp() {
    let mut gateway = gateway(Limits { mqtt_inflight: 1, ..Limits::default() });
    gateway.send(1, qos2("t/x", "a", 1));
    gateway.send(1, qos2("t/x", "b", 2));
    assert_eq!(gateway.received(2), [qos2("t/x", "a", 1)]);
    assert_eq!(gateway.exchange(2, Packet::PubRec(id(1).into())), [Packet::PubRel(id(1).into())]);
    assert_eq!(gateway.exchange(2, Packet::PubComp(id(1).into())), [qos2("t/x", "b", 2)]);
}

#[test]
fn qos_0_does_not_overtake_what_waits_for_the_window() {
    let mut gateway = gateway(Limits { mqtt_inflight: 1, ..Limits::default() });
    gateway.send(1, qos1("t/x", "1", 1));
    gateway.send(1, qos1("t/x", "2", 2));
    gateway.send(1, qos0("t/x", "3"));
    assert_eq!(payloads(&gateway.received(2)), ["1"]);
    assert_eq!(gateway.exchange(2, Packet::PubAck(id(1).into())), [qos1("t/x", "2", 2), qos0("t/x", "3")]);
}

#[test]
fn a_connection_that_is_not_writable_gets_no_messages_until_it_is() {
    let mut gateway = gateway(Limits::default());
    gateway.writable(2, false);
    gateway.send(1, qos0("t/x", "1"));
    gateway.send(1, qos1("t/x", "2", 1));
    assert_eq!(gateway.received(2), []);
    assert_eq!(gateway.exchange(2, Packet::PingReq), [Packet::PingResp], "answers are not held back");
    gateway.writable(2, true);
    assert_eq!(gateway.received(2), [qos0("t/x", "1"), qos1("t/x", "2", 1)]);
}

#[test]
fn a_slow_reader_loses_messages_others_do_not() {
    let mut gateway = gateway(Limits { queue_messages: 10, ..Limits::default() });
    gateway.connect(3, clean("fast"));
    gateway.subscribe(3, "t/#", Qos::AtMostOnce);
    gateway.writable(2, false);
    for i in 0..100 {
        gateway.send(1, qos0("t/x", &i.to_string()));
    }
    assert_eq!(gateway.received(3).len(), 100);
    assert_eq!(drops(&gateway), 90);
    gateway.writable(2, true);
    assert_eq!(payloads(&gateway.received(2)), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

#[test]
fn octets_that_wait_are_limited_too() {
    let mut gateway = gateway(Limits { queue_bytes: 100, ..Limits::default() });
    gateway.writable(2, false);
    for _ in 0..10 {
        gateway.send(1, qos0("t/x", &"x".repeat(30)));
    }
    assert_eq!(drops(&gateway), 7, "33 octets each");
}

#[test]
fn octets_in_flight_are_limited_too() {
    let mut gateway = gateway(Limits { queue_bytes: 100, ..Limits::default() });
    for (packet_id, len) in [(1, 30), (2, 60), (3, 30), (4, 60)] {
        gateway.send(1, qos1("t/x", &"x".repeat(len), packet_id));
    }
    assert_eq!(gateway.received(2).len(), 2, "33 and 63 octets");
    let lens = |packets: &[Packet]| payloads(packets).iter().map(|payload| payload.len()).collect::<Vec<_>>();
    assert_eq!(lens(&gateway.exchange(2, Packet::PubAck(id(2).into()))), [30]);
    assert_eq!(lens(&gateway.exchange(2, Packet::PubAck(id(1).into()))), [60]);
    gateway.send(1, qos2("t/x", &"x".repeat(97), 5));
    assert_eq!(gateway.exchange(2, Packet::PubAck(id(3).into())), []);
    assert_eq!(lens(&gateway.exchange(2, Packet::PubAck(id(4).into()))), [97]);
}

#[test]
fn a_window_of_zero_still_lets_one_through() {
    let mut gateway = gateway(Limits { mqtt_inflight: 0, ..Limits::default() });
    gateway.send(1, qos1("t/x", "1", 1));
    gateway.send(1, qos1("t/x", "2", 2));
    assert_eq!(payloads(&gateway.received(2)), ["1"]);
}

#[test]
fn ids_go_round_without_touching_one_in_flight() {
    let mut gateway = gateway(Limits { mqtt_inflight: 2, ..Limits::default() });
    gateway.send(1, qos1("t/x", "stays in flight", 1));
    gateway.received(2);
    for expected in (2..=LARGEST_MESSAGE_ID).chain(2..=3) {
        gateway.send(1, qos1("t/x", "x", 2));
        assert_eq!(gateway.received(2), [qos1("t/x", "x", expected)]);
        gateway.send(2, Packet::PubAck(id(expected).into()));
    }
}
