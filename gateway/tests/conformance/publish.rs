//! PUBLISH, its flags and its topic (3.1.1 §3.3, 5.0 §3.3).

use crate::client::{BOTH, BROKEN, PUBACK, PUBREC, Server, in_both};
use crate::octets::{Publish, Version, packet, properties};

const MALFORMED_PACKET: u8 = 0x81;
const TOPIC_NAME_INVALID: u8 = 0x90;

#[test]
fn dup_is_not_passed_on() {
    in_both(|server| {
        let mut subscriber = server.connect("subscriber");
        subscriber.subscribe("t", 1);
        let mut publisher = server.connect("publisher");
        publisher.send_publish(&Publish {
            flags: 0x08 | 2,
            topic: "t",
            id: Some(1),
            payload: b"x",
            ..Publish::default()
        });
        publisher.expect_ack(PUBACK, 1);
        // Expects a message without DUP.
        subscriber.expect_message("t", 1, "x");
    });
}

#[test]
fn messages_of_qos_0_are_sent_without_dup() {
    in_both(|server| {
        let (mut subscriber, _) = server.connect_as(&server.keep("subscriber"));
        subscriber.subscribe("t", 0);
        server.connect("publisher").publish("t", 2, "x");
        subscriber.expect_message("t", 0, "x");
    });
}

#[test]
fn dup_with_qos_0_ends_the_connection() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.send_publish(&Publish { flags: 0x08, topic: "t", ..Publish::default() });
        client.expect_end_for_one_of(BROKEN);
    });
}

#[test]
fn qos_3_ends_the_connection() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.send_publish(&Publish { flags: 6, topic: "t", id: Some(1), ..Publish::default() });
        client.expect_end(MALFORMED_PACKET);
    });
}

#[test]
fn a_publish_without_a_topic_name_ends_the_connection() {
    in_both(|server| {
        for octets in [packet(0x30, &[]), packet(0x30, &[&[0]]), packet(0x30, &[&[0, 5], b"t"])] {
            let mut client = server.connect("client");
            client.send(&octets);
            client.expect_end(MALFORMED_PACKET);
        }
    });
}

#[test]
fn a_topic_name_with_a_wildcard_ends_the_connection() {
    in_both(|server| {
        for topic in ["#", "+", "a/#", "a/+/b", "a+", "a#"] {
            let mut client = server.connect("client");
            client.send_publish(&Publish { topic, ..Publish::default() });
            client.expect_end_for_one_of(&[0x81, 0x82, TOPIC_NAME_INVALID]);
        }
    });
}

#[test]
fn a_message_goes_to_those_whose_filter_matches_under_its_own_topic() {
    in_both(|server| {
        let mut subscriber = server.connect("subscriber");
        subscriber.subscribe("a/+/c", 0);
        let mut publisher = server.connect("publisher");
        publisher.publish("a/b", 0, "no");
        publisher.publish("a/b/c", 0, "yes");
        subscriber.expect_message("a/b/c", 0, "yes");
        subscriber.expect_nothing();
    });
}

#[test]
fn a_publish_without_its_packet_identifier_ends_the_connection() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.send(&packet(0x32, &[b"\0\x01t"]));
        client.expect_end(MALFORMED_PACKET);
    });
}

#[test]
fn each_qos_is_answered_as_its_table_says() {
    in_both(|server| {
        let mut client = server.connect("client");
        // QoS 0: nothing; QoS 1: PUBACK; QoS 2: PUBREC, and PUBCOMP for PUBREL.
        for qos in [0, 1, 2] {
            client.publish("t", qos, "x");
        }
        client.expect_nothing();
    });
}

#[test]
fn a_message_comes_at_the_highest_qos_of_overlapping_subscriptions() {
    in_both(|server| {
        let mut subscriber = server.connect("subscriber");
        subscriber.subscribe("a/#", 0);
        subscriber.subscribe("a/+", 2);
        subscriber.subscribe("a/b", 1);
        server.connect("publisher").publish("a/b", 2, "once");
        subscriber.expect_message("a/b", 2, "once");
        subscriber.expect_nothing();
    });
}

#[test]
fn a_payload_may_be_empty_or_hold_any_octet() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.subscribe("t", 0);
        let all: Vec<u8> = (0..=255).collect();
        for payload in [&[][..], &[0], &all] {
            let publish = Publish { topic: "t", payload, ..Publish::default() };
            client.send_publish(&publish);
            let same = packet(0x30, &[b"\0\x01t", &properties(server.version, &[]), payload]);
            client.expect(&same);
        }
    });
}

/// Nobody may publish to "secret".
const SECRET: &str = "\
[[access]]
deny = \"publish\"
topics = \"secret\"

[[access]]
allow = \"all\"
topics = \"#\"
";

#[test]
fn a_message_that_may_not_be_published_is_acknowledged_and_goes_nowhere() {
    for version in BOTH {
        let server = Server::start_with(version, SECRET);
        let mut subscriber = server.connect("subscriber");
        subscriber.subscribe("#", 0);
        let mut publisher = server.connect("publisher");
        for (flags, answer) in [(2, PUBACK), (4, PUBREC)] {
            publisher.send_publish(&Publish { flags, topic: "secret", id: Some(1), ..Publish::default() });
            // 3.1.1 cannot say so.
            let not_authorized = if version == Version::V5 { 0x87 } else { 0 };
            assert_eq!(publisher.receive_ack(answer, 1), not_authorized);
        }
        publisher.send_publish(&Publish { topic: "secret", ..Publish::default() });
        publisher.expect_nothing();
        subscriber.expect_nothing();
    }
}
