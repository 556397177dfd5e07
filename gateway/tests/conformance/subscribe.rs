//! SUBSCRIBE and SUBACK (3.1.1 §3.8 and §3.9, 5.0 §3.8 and §3.9).

use crate::client::in_both;
use crate::octets::{Publish, Version, packet, properties, subscribe};

const MALFORMED_PACKET: u8 = 0x81;
const PROTOCOL_ERROR: u8 = 0x82;

#[test]
fn a_subscribe_without_a_filter_ends_the_connection() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.send(&packet(0x82, &[&[0, 1], &properties(server.version, &[])]));
        client.expect_end(PROTOCOL_ERROR);
    });
}

#[test]
fn reserved_bits_of_the_options_end_the_connection() {
    in_both(|server| {
        let bits =
            if server.version == Version::V5 { &[0x40, 0x80][..] } else { &[0x04, 0x08, 0x10, 0x20, 0x40, 0x80] };
        for options in bits {
            let mut client = server.connect("client");
            client.send(&subscribe(server.version, 1, &[("t", *options)]));
            client.expect_end(MALFORMED_PACKET);
        }
    });
}

#[test]
fn a_requested_qos_of_3_ends_the_connection() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.send(&subscribe(server.version, 1, &[("t", 3)]));
        client.expect_end(PROTOCOL_ERROR);
    });
}

#[test]
fn a_filter_without_its_options_ends_the_connection() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.send(&packet(0x82, &[&[0, 1], &properties(server.version, &[]), b"\0\x01t"]));
        client.expect_end(MALFORMED_PACKET);
    });
}

#[test]
fn a_subscribe_is_answered_with_its_identifier_and_a_code_for_each_filter_in_their_order() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.send(&subscribe(server.version, 0x0102, &[("a", 2), ("b/#/c", 1), ("b", 0), ("c", 1)]));
        let failed = if server.version == Version::V5 { 0x8F } else { 0x80 };
        client.expect_suback(0x0102, &[2, failed, 0, 1]);
    });
}

#[test]
fn several_filters_are_as_several_subscribes() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.send(&subscribe(server.version, 1, &[("a", 0), ("b", 1), ("a", 2)]));
        client.expect_suback(1, &[0, 1, 2]);
        let mut publisher = server.connect("publisher");
        publisher.publish("a", 2, "the last counts");
        publisher.publish("b", 2, "x");
        client.expect_message("a", 2, "the last counts");
        client.expect_message("b", 1, "x");
        client.expect_nothing();
    });
}

#[test]
fn subscribing_again_replaces_the_subscription_and_sends_what_is_retained_again() {
    in_both(|server| {
        let mut publisher = server.connect("publisher");
        publisher.publish_retained("t", 2, "kept");
        let mut client = server.connect("client");
        client.subscribe("t", 2);
        client.expect_retained("t", 2, "kept");
        client.subscribe("t", 0);
        client.expect_retained("t", 0, "kept");
        publisher.publish("t", 2, "live");
        client.expect_message("t", 0, "live");
        client.expect_nothing();
    });
}

#[test]
fn subscribing_again_loses_no_message() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.subscribe("t", 1);
        let publish = |id: u16, n: &str| {
            Publish { flags: 2, topic: "t", id: Some(id), payload: n.as_bytes(), ..Publish::default() }
                .octets(server.version)
        };
        let again = subscribe(server.version, 9, &[("t", 1)]);
        client.send(&[publish(1, "1"), publish(2, "2"), again, publish(3, "3")].concat());
        let mut payloads = Vec::new();
        let mut acknowledged = 0;
        while payloads.len() < 3 || acknowledged < 4 {
            let (first, body) = client.receive();
            match first & 0xF0 {
                0x30 => payloads.push(body.last().copied()),
                0x40 | 0x90 => acknowledged += 1,
                other => panic!("{other:02x}"),
            }
        }
        assert_eq!(payloads, [Some(b'1'), Some(b'2'), Some(b'3')]);
    });
}

#[test]
fn a_message_comes_at_the_lower_of_its_qos_and_the_granted_one() {
    in_both(|server| {
        let mut publisher = server.connect("publisher");
        for granted in [0, 1, 2] {
            let mut client = server.connect("client");
            client.subscribe("t", granted);
            for published in [0, 1, 2] {
                publisher.publish("t", published, "x");
                client.expect_message("t", granted.min(published), "x");
            }
        }
    });
}

#[test]
fn filters_with_wildcards_are_granted() {
    in_both(|server| {
        let mut client = server.connect("client");
        for filter in ["#", "+", "a/#", "+/a", "a/+/b/#", "/", "+/+", "/+"] {
            client.subscribe(filter, 1);
        }
    });
}
