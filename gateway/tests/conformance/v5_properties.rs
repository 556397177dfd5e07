//! Properties (5.0 §2.2.2): which packet may have which, how often, and what they look like.

use crate::client::{BROKEN, Server, start_v5};
use crate::octets::{Publish, packet, properties, subscribe_with};
use crate::property::*;

const MALFORMED_PACKET: u8 = 0x81;
const PROTOCOL_ERROR: u8 = 0x82;

fn refuses_publish(server: &Server, given: &[u8], reasons: &[u8]) {
    let mut client = server.connect("client");
    client.send_publish(&Publish { topic: "t", properties: given.to_vec(), ..Publish::default() });
    client.expect_end_for_one_of(reasons);
}

#[test]
fn no_properties_are_a_length_of_zero() {
    let server = start_v5();
    let mut client = server.connect("client");
    client.send(&subscribe_with(server.version, 1, &[], &[("t", 0)]));
    client.expect(&[0x90, 4, 0, 1, 0, 0]);
    client.send_publish(&Publish { topic: "t", ..Publish::default() });
    client.expect(&[0x30, 4, 0, 1, b't', 0]);
}

#[test]
fn a_property_that_there_is_not_ends_the_connection() {
    let server = start_v5();
    for id in [0x00, 0x04, 0x07, 0x0A, 0x14, 0x2B, 0x7F] {
        refuses_publish(&server, &[id, 0], &[MALFORMED_PACKET]);
    }
}

#[test]
fn a_property_of_another_packet_ends_the_connection() {
    let server = start_v5();
    for given in [four(SESSION_EXPIRY, 1), two(RECEIVE_MAXIMUM, 1), text(REASON_STRING, "x"), byte(MAXIMUM_QOS, 1)] {
        refuses_publish(&server, &given, &[MALFORMED_PACKET]);
    }
}

#[test]
fn a_property_that_comes_twice_ends_the_connection() {
    let server = start_v5();
    for once in [
        byte(PAYLOAD_FORMAT, 1),
        four(MESSAGE_EXPIRY, 9),
        text(CONTENT_TYPE, "x"),
        text(RESPONSE_TOPIC, "x"),
        text(CORRELATION_DATA, "x"),
        two(TOPIC_ALIAS, 1),
    ] {
        refuses_publish(&server, &[&once[..], &once].concat(), &[PROTOCOL_ERROR]);
    }
    for once in [
        four(SESSION_EXPIRY, 9),
        two(RECEIVE_MAXIMUM, 9),
        four(MAXIMUM_PACKET_SIZE, 999),
        two(TOPIC_ALIAS_MAXIMUM, 9),
        byte(REQUEST_PROBLEM_INFORMATION, 1),
    ] {
        let connect = server.clean("client").property(&once).property(&once);
        server.refuses_connect(&connect.octets(), &[PROTOCOL_ERROR]);
    }
}

#[test]
fn a_user_property_may_come_as_often_as_it_likes() {
    let server = start_v5();
    let same = [pair("a", "1"), pair("a", "1"), pair("", "")].concat();
    let (mut client, _) = server.connect_as(&server.clean("client").property(&same));
    client.send(&subscribe_with(server.version, 1, &same, &[("t", 0)]));
    client.expect_suback(1, &[0]);
}

#[test]
fn both_strings_of_a_pair_are_utf8() {
    let server = start_v5();
    for bad in [&b"\x26\0\x01\xFF\0\x01v"[..], b"\x26\0\x01n\0\x01\xFF", b"\x26\0\x01\0\0\x01v", b"\x26\0\x01n\0\x01\0"]
    {
        refuses_publish(&server, bad, &[MALFORMED_PACKET]);
    }
}

#[test]
fn strings_of_a_message_are_utf8() {
    let server = start_v5();
    for id in [CONTENT_TYPE, RESPONSE_TOPIC] {
        for bad in [&b"\xFF"[..], b"a\0b", b"\xED\xA0\x80"] {
            refuses_publish(&server, &text(id, bad), &[MALFORMED_PACKET]);
        }
    }
}

#[test]
fn properties_that_end_too_early_or_too_late_end_the_connection() {
    let server = start_v5();
    for given in [
        &[2, PAYLOAD_FORMAT][..],
        &[1, PAYLOAD_FORMAT],
        &[3, MESSAGE_EXPIRY, 0, 0],
        &[0x80],
        &[0x80, 0x80, 0x80, 0x80, 1],
    ] {
        let mut client = server.connect("client");
        client.send(&packet(0x30, &[b"\0\x01t", given]));
        client.expect_end(MALFORMED_PACKET);
    }
}

#[test]
fn flags_that_are_neither_0_nor_1_are_refused() {
    let server = start_v5();
    refuses_publish(&server, &byte(PAYLOAD_FORMAT, 2), BROKEN);
    for id in [REQUEST_PROBLEM_INFORMATION, REQUEST_RESPONSE_INFORMATION] {
        server.refuses_connect(&server.clean("client").property(byte(id, 2)).octets(), &[PROTOCOL_ERROR]);
    }
}

#[test]
fn values_that_must_not_be_zero_are_refused() {
    let server = start_v5();
    for given in [two(RECEIVE_MAXIMUM, 0), four(MAXIMUM_PACKET_SIZE, 0)] {
        server.refuses_connect(&server.clean("client").property(given).octets(), &[PROTOCOL_ERROR]);
    }
    let mut client = server.connect("client");
    client.send(&subscribe_with(server.version, 1, &subscription_id(0), &[("t", 0)]));
    client.expect_end(PROTOCOL_ERROR);
}

#[test]
fn the_length_of_properties_covers_no_more_than_the_packet() {
    let server = start_v5();
    let mut client = server.connect("client");
    let long = properties(server.version, &pair("a", "b"));
    client.send(&packet(0x82, &[&[0, 1], &long[..3]]));
    client.expect_end(MALFORMED_PACKET);
}
