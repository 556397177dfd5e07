//! SUBSCRIBE, UNSUBSCRIBE and retained messages.

#[path = "common/mqtt.rs"]
mod mqtt;

use gateway_core::mqtt::{Packet, ReasonCode};
use gateway_core::{Config, Event, Limits, Qos, RejectReason};
use mqtt::{Gateway, clean, id, payloads, persistent, publishes, qos0, qos1, qos2, retained, subscribe};
use std::time::Duration;

fn gateway() -> Gateway {
    let mut gateway = Gateway::default();
    gateway.connect(1, clean("publisher"));
    gateway.connect(2, persistent("subscriber"));
    gateway
}

fn unsubscribe(filters: &[&str]) -> Packet {
    Packet::Unsubscribe(id(8), filters.iter().map(|filter| (*filter).into()).collect())
}

#[test]
fn each_filter_is_granted_or_refused_on_its_own() {
    let mut gateway = gateway();
    let long = "x".repeat(1_025);
    let filters = [
        ("a", Qos::AtMostOnce),
        ("a/#/b", Qos::AtMostOnce),
        ("b/+", Qos::AtLeastOnce),
        ("", Qos::AtMostOnce),
        (&long, Qos::AtMostOnce),
        ("#", Qos::ExactlyOnce),
    ];
    let invalid = ReasonCode::TopicFilterInvalid;
    let [q0, q1, q2] = [ReasonCode::Success, ReasonCode::GrantedQos1, ReasonCode::GrantedQos2];
    let codes = vec![q0, invalid, q1, invalid, invalid, q2];
    assert_eq!(gateway.exchange(2, subscribe(7, &filters)), [Packet::SubAck(id(7), codes)]);
    assert_eq!(gateway.rejects(RejectReason::TopicFilter), 3);
    assert_eq!(gateway.core.gauges().subscriptions, 3);
}

#[test]
fn subscriptions_over_the_limit_are_refused_but_known_ones_can_change() {
    let limits = Limits { subscriptions_per_client: 2, ..Limits::default() };
    let mut gateway = Gateway::new(Config { limits, ..Config::default() });
    gateway.connect(2, clean("subscriber"));
    let q0 = Qos::AtMostOnce;
    let codes = vec![q0.into(), q0.into(), ReasonCode::QuotaExceeded];
    let three = subscribe(7, &[("a", q0), ("b", q0), ("c", q0)]);
    assert_eq!(gateway.exchange(2, three), [Packet::SubAck(id(7), codes)]);
    assert_eq!(gateway.rejects(RejectReason::SubscriptionLimit), 1);
    gateway.subscribe(2, "b", Qos::AtLeastOnce);
    gateway.send(2, unsubscribe(&["a"]));
    gateway.received(2);
    gateway.subscribe(2, "c", q0);
}

#[test]
fn a_subscribe_with_too_many_filters_ends_the_connection() {
    let mut gateway = gateway();
    gateway.send(2, subscribe(7, &[("a", Qos::AtMostOnce); 8_192]));
    assert_eq!(gateway.closed(2), None);
    gateway.send(2, subscribe(7, &[("a", Qos::AtMostOnce); 8_193]));
    assert!(gateway.closed(2).is_some());
    assert_eq!(gateway.rejects(RejectReason::SubscriptionLimit), 1);
}

#[test]
fn an_unsubscribe_with_too_many_filters_ends_the_connection() {
    let mut gateway = gateway();
    gateway.send(2, unsubscribe(&["a"; 8_192]));
    assert_eq!(gateway.closed(2), None);
    gateway.send(2, unsubscribe(&["a"; 8_193]));
    assert!(gateway.closed(2).is_some());
    assert_eq!(gateway.rejects(RejectReason::SubscriptionLimit), 1);
}

/// Each time it brings all retained messages. That some have no room is an event each, all of them in memory at once.
#[test]
fn a_filter_that_comes_again_and_again_in_one_subscribe_does_not_fill_the_memory() {
    let limits = Limits { queue_messages: 50, ..Limits::default() };
    let mut gateway = Gateway::new(Config { limits, ..Config::default() });
    gateway.connect(1, clean("publisher"));
    gateway.connect(2, clean("subscriber"));
    for number in 0..100 {
        gateway.send(1, retained(qos0(&format!("t/{number}"), "x")));
    }
    gateway.writable(2, false);
    gateway.send(2, subscribe(7, &[("t/+", Qos::AtMostOnce); 1_000]));
    let dropped = gateway.events().iter().filter(|event| matches!(event, Event::Dropped { .. })).count();
    assert_eq!(dropped, 50 + 100, "of the first filter, and of the second");
    gateway.writable(2, true);
    assert_eq!(publishes(gateway.received(2)).len(), 50);
}

/// What is sent is in memory until the driver has taken it, and only then does the core hear that the client does not
/// read.
#[test]
fn a_client_gets_its_share_of_very_many_retained_messages_and_the_rest_soon() {
    let mut gateway = gateway();
    let payload = "x".repeat(1 << 20);
    for number in 0..20 {
        gateway.send(1, retained(qos0(&format!("t/{number}"), &payload)));
    }
    gateway.send(2, subscribe(7, &[("t/+", Qos::AtMostOnce)]));
    let messages = |packets: Vec<Packet>| packets.iter().filter(|packet| matches!(packet, Packet::Publish(_))).count();
    assert_eq!(messages(gateway.received(2)), 16);
    gateway.wait(Duration::from_millis(1));
    assert_eq!(messages(gateway.received(2)), 4);
}

#[test]
fn overlapping_subscriptions_bring_a_message_once_at_the_highest_qos() {
    let mut gateway = gateway();
    let filters = [("a/b", Qos::AtMostOnce), ("a/+", Qos::ExactlyOnce), ("#", Qos::AtLeastOnce)];
    gateway.send(2, subscribe(7, &filters));
    gateway.received(2);
    gateway.send(1, qos2("a/b", "x", 1));
    assert_eq!(gateway.received(2), [qos2("a/b", "x", 1)]);
}

#[test]
fn subscribing_again_replaces_the_qos_and_brings_retained_messages_again() {
    let mut gateway = gateway();
    gateway.send(1, retained(qos1("t", "kept", 1)));
    gateway.subscribe(2, "t", Qos::AtLeastOnce);
    assert_eq!(gateway.received(2), [retained(qos1("t", "kept", 1))]);
    gateway.subscribe(2, "t", Qos::AtMostOnce);
    assert_eq!(gateway.received(2), [retained(qos0("t", "kept"))]);
    gateway.send(1, qos1("t", "live", 2));
    assert_eq!(gateway.received(2), [qos0("t", "live")]);
}

#[test]
fn after_unsubscribe_nothing_comes() {
    let mut gateway = gateway();
    gateway.subscribe(2, "a/+", Qos::AtMostOnce);
    gateway.subscribe(2, "b", Qos::AtMostOnce);
    let codes = [ReasonCode::Success, ReasonCode::NoSubscriptionExisted, ReasonCode::NoSubscriptionExisted];
    let answer = gateway.exchange(2, unsubscribe(&["a/+", "never", "a/#/b"]));
    assert_eq!(answer, [Packet::UnsubAck(id(8), codes.to_vec())]);
    gateway.send(1, qos0("a/1", "x"));
    gateway.send(1, qos0("b", "y"));
    assert_eq!(payloads(&gateway.received(2)), ["y"]);
    assert_eq!(gateway.core.gauges().subscriptions, 1);
}

#[test]
fn retained_messages_follow_the_suback_in_topic_order() {
    let mut gateway = gateway();
    for topic in ["b", "a/2", "a", "c", "a/1"] {
        gateway.send(1, retained(qos0(topic, topic)));
    }
    let answer = gateway.exchange(2, subscribe(7, &[("a/#", Qos::AtMostOnce), ("c", Qos::AtMostOnce)]));
    assert!(matches!(answer[0], Packet::SubAck(..)));
    let expected = ["a", "a/1", "a/2", "c"].map(|topic| retained(qos0(topic, topic)));
    assert_eq!(answer[1..], expected);
}

#[test]
fn a_live_message_is_not_marked_retained() {
    let mut gateway = gateway();
    gateway.subscribe(2, "t", Qos::AtMostOnce);
    gateway.send(1, retained(qos0("t", "x")));
    assert_eq!(gateway.received(2), [qos0("t", "x")]);
}

#[test]
fn the_last_retained_message_counts_and_an_empty_one_clears() {
    let mut gateway = gateway();
    gateway.subscribe(2, "t", Qos::AtMostOnce);
    gateway.send(1, retained(qos0("t", "old")));
    gateway.send(1, retained(qos0("t", "new")));
    gateway.send(1, qos0("t", "not kept"));
    gateway.connect(3, clean("late"));
    gateway.subscribe(3, "t", Qos::AtMostOnce);
    assert_eq!(payloads(&gateway.received(3)), ["new"]);
    gateway.send(1, retained(qos0("t", "")));
    assert_eq!(payloads(&gateway.received(2)), ["old", "new", "not kept", ""], "the clearing message is one too");
    assert_eq!(payloads(&gateway.received(3)), [""]);
    gateway.subscribe(3, "t", Qos::AtMostOnce);
    assert_eq!(gateway.received(3), []);
    assert_eq!(gateway.core.gauges().retained, 0);
}

#[test]
fn more_retained_messages_than_the_queue_holds_come_all_the_same() {
    let limits = Limits { queue_messages: 3, ..Limits::default() };
    let mut gateway = Gateway::new(Config { limits, ..Config::default() });
    gateway.connect(1, clean("publisher"));
    gateway.connect(2, clean("subscriber"));
    for i in 0..20 {
        gateway.send(1, retained(qos0(&format!("t/{i}"), "x")));
    }
    gateway.subscribe(2, "t/+", Qos::AtMostOnce);
    assert_eq!(gateway.received(2).len(), 20);
}

#[test]
fn names_with_a_dollar_are_not_in_the_hash() {
    let mut gateway = gateway();
    gateway.subscribe(2, "#", Qos::AtMostOnce);
    gateway.send(1, retained(qos0("$internal/x", "1")));
    gateway.subscribe(2, "+/x", Qos::AtMostOnce);
    assert_eq!(gateway.received(2), []);
    gateway.subscribe(2, "$internal/+", Qos::AtMostOnce);
    assert_eq!(payloads(&gateway.received(2)), ["1"]);
}
