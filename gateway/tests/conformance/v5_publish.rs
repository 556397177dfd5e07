//! What PUBLISH has in 5.0 only (§3.3.2.3): what travels with a message, and how long it waits.

use crate::client::{BROKEN, Client, PUBACK, PUBREC, start_v5};
use crate::octets::{Publish, packet};
use crate::property::*;
use std::thread;
use std::time::Duration;

fn publish(given: Vec<u8>) -> Publish<'static> {
    Publish { topic: "t", properties: given, payload: b"x", ..Publish::default() }
}

#[test]
fn what_travels_with_a_message_arrives_unaltered() {
    let server = start_v5();
    let mut subscriber = server.connect("subscriber");
    subscriber.subscribe("t", 2);
    let mut publisher = server.connect("publisher");
    let users = [pair("z", "1"), pair("a", "2"), pair("z", "1"), pair("", "\u{FEFF}")];
    let given = [
        byte(PAYLOAD_FORMAT, 1),
        text(CONTENT_TYPE, "a type"),
        text(RESPONSE_TOPIC, "r/t"),
        text(CORRELATION_DATA, b"\0\x01\xFF"),
        users.concat(),
    ];
    for qos in [0, 1, 2] {
        publisher.publish_with(&Publish { flags: qos << 1 | 1, ..publish(given.concat()) });
        let message = subscriber.expect_message("t", qos, "x");
        check(&message.properties);
    }
    let mut late = server.connect("late");
    late.subscribe("t", 0);
    check(&late.expect_retained("t", 0, "x").properties);
}

fn check(properties: &crate::received::Properties) {
    assert_eq!(properties.number(PAYLOAD_FORMAT), Some(1));
    assert_eq!(properties.get(CONTENT_TYPE), Some(&b"a type"[..]));
    assert_eq!(properties.get(RESPONSE_TOPIC), Some(&b"r/t"[..]));
    assert_eq!(properties.get(CORRELATION_DATA), Some(&b"\0\x01\xFF"[..]));
    let users = properties.all(USER_PROPERTY);
    assert_eq!(users, [&b"z=1"[..], b"a=2", b"z=1", "=\u{FEFF}".as_bytes()]);
}

#[test]
fn what_waits_for_a_client_keeps_what_travels_with_it() {
    let server = start_v5();
    let (mut client, _) = server.connect_as(&server.keep("client"));
    client.subscribe("t", 1);
    client.vanish();
    let given = [text(CONTENT_TYPE, "a type"), pair("z", "1"), pair("a", "2")].concat();
    server.connect("publisher").publish_with(&Publish { flags: 2, ..publish(given) });
    let (mut client, _) = server.connect_as(&server.keep("client"));
    let message = client.expect_message("t", 1, "x");
    assert_eq!(message.properties.get(CONTENT_TYPE), Some(&b"a type"[..]));
    assert_eq!(message.properties.all(USER_PROPERTY), [b"z=1", b"a=2"]);
}

#[test]
fn a_response_topic_with_a_wildcard_ends_the_connection() {
    let server = start_v5();
    for topic in ["#", "a/+", "a+"] {
        let mut client = server.connect("client");
        client.send_publish(&publish(text(RESPONSE_TOPIC, topic)));
        client.expect_end_for_one_of(&[0x81, 0x82, 0x90]);
    }
}

#[test]
fn a_subscription_identifier_from_a_client_ends_the_connection() {
    let server = start_v5();
    let mut client = server.connect("client");
    client.send_publish(&publish(subscription_id(1)));
    client.expect_end_for_one_of(BROKEN);
}

fn away() -> (crate::client::Server, Client) {
    let server = start_v5();
    let (mut client, _) = server.connect_as(&server.keep("client"));
    client.subscribe("t", 2);
    client.vanish();
    let publisher = server.connect("publisher");
    (server, publisher)
}

#[test]
fn a_message_that_has_waited_too_long_is_gone() {
    let (server, mut publisher) = away();
    for (qos, expiry_s) in [(1, 1), (2, 1), (1, 100)] {
        publisher.publish_with(&Publish { flags: qos << 1, ..publish(four(MESSAGE_EXPIRY, expiry_s)) });
    }
    publisher.publish("t", 1, "no expiry");
    thread::sleep(Duration::from_millis(1_100));
    let (mut client, _) = server.connect_as(&server.keep("client"));
    let waited = client.expect_message("t", 1, "x").properties.number(MESSAGE_EXPIRY);
    assert!(waited.is_some_and(|left_s| (90..=99).contains(&left_s)), "what is left, not {waited:?}");
    assert_eq!(client.expect_message("t", 1, "no expiry").properties.get(MESSAGE_EXPIRY), None);
    client.expect_nothing();
}

#[test]
fn a_retained_message_expires_too() {
    let server = start_v5();
    let mut publisher = server.connect("publisher");
    // Time enough for the first one.
    publisher.publish_with(&Publish { flags: 1, ..publish(four(MESSAGE_EXPIRY, 4)) });
    let mut early = server.connect("early");
    early.subscribe("t", 0);
    early.expect_retained("t", 0, "x");
    thread::sleep(Duration::from_millis(4_100));
    let mut late = server.connect("late");
    late.subscribe("t", 0);
    late.expect_nothing();
}

#[test]
fn a_message_whose_delivery_has_begun_does_not_expire() {
    let server = start_v5();
    let (mut client, _) = server.connect_as(&server.keep("client"));
    client.subscribe("t", 2);
    server.connect("publisher").publish_with(&Publish { flags: 4, ..publish(four(MESSAGE_EXPIRY, 1)) });
    let first = client.receive_message();
    client.vanish();
    thread::sleep(Duration::from_millis(1_100));
    let (mut client, _) = server.connect_as(&server.keep("client"));
    let again = client.receive_message();
    assert_eq!((again.dup, again.id), (true, first.id));
    client.acknowledge(&again);
    client.expect_nothing();
}

#[test]
fn the_expiry_of_a_message_that_did_not_wait_is_the_publisher_s() {
    let server = start_v5();
    let mut subscriber = server.connect("subscriber");
    subscriber.subscribe("t", 0);
    server.connect("publisher").publish_with(&publish(four(MESSAGE_EXPIRY, 77)));
    let message = subscriber.expect_message("t", 0, "x");
    assert_eq!(message.properties.number(MESSAGE_EXPIRY), Some(77));
}

#[test]
fn a_refused_message_leaves_its_identifier_free() {
    let server = start_v5();
    let mut subscriber = server.connect("subscriber");
    subscriber.subscribe("t", 2);
    let mut publisher = server.connect("publisher");
    let refused = Publish { flags: 4, topic: "$SYS/x", id: Some(1), ..Publish::default() };
    publisher.send_publish(&refused);
    assert_eq!(publisher.receive_ack(PUBREC, 1), 0x90, "topic name invalid");
    // No PUBREL: the exchange is over, and the identifier is a new message's.
    publisher.send_publish(&Publish { topic: "t", payload: b"new", ..refused });
    publisher.expect_ack(PUBREC, 1);
    let _ = subscriber.receive_message();
}

#[test]
fn a_negative_acknowledgement_ends_the_exchange() {
    let server = start_v5();
    let (mut client, _) = server.connect_as(&server.keep("client"));
    client.subscribe("t", 2);
    let mut publisher = server.connect("publisher");
    publisher.publish("t", 1, "one");
    publisher.publish("t", 2, "two");
    for first in [PUBACK, PUBREC] {
        let id = client.receive_message().id.expect("QoS above 0");
        client.send(&packet(first, &[&id.to_be_bytes(), &[0x80]]));
    }
    client.expect_nothing();
    client.vanish();
    let (mut client, _) = server.connect_as(&server.keep("client"));
    client.expect_nothing();
}

#[test]
fn an_acknowledgement_with_a_code_that_there_is_not_ends_the_connection() {
    let server = start_v5();
    for (first, code) in [(PUBACK, 0x01), (PUBACK, 0x92), (PUBREC, 0x92), (0x62, 0x10), (0x70, 0x80)] {
        let mut client = server.connect("client");
        client.send(&packet(first, &[&[0, 1, code]]));
        client.expect_end_for_one_of(BROKEN);
    }
}

#[test]
fn an_acknowledgement_may_have_properties() {
    let server = start_v5();
    let mut client = server.connect("client");
    client.subscribe("t", 1);
    server.connect("publisher").publish("t", 1, "x");
    let id = client.receive_message().id.expect("QoS 1");
    let given = [text(REASON_STRING, "fine"), pair("a", "b")].concat();
    client.send(&packet(PUBACK, &[&id.to_be_bytes(), &[0x00, given.len() as u8], &given]));
    client.expect_nothing();
}
