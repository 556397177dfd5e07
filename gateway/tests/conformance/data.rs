//! Strings and numbers (3.1.1 §1.5, 5.0 §1.5).

use crate::client::{BROKEN, Server, in_both};
use crate::octets::{Publish, packet, properties, var_int};

/// A surrogate, an octet that starts nothing, an overlong slash, and a sequence that is cut short.
const ILL_FORMED: [&[u8]; 4] = [b"\xED\xA0\x80", b"a\xFFb", b"\xC0\xAF", b"ab\xE2\x82"];
const MALFORMED_PACKET: u8 = 0x81;

fn length(bytes: &[u8]) -> [u8; 2] {
    (bytes.len() as u16).to_be_bytes()
}

/// Sends `text` where a topic name, a filter to subscribe to and one to unsubscribe from should be.
fn ends_the_connection(server: &Server, text: &[u8]) {
    let none = properties(server.version, &[]);
    let publish = packet(0x30, &[&length(text), text, &none]);
    let subscribe = packet(0x82, &[&[0, 1], &none, &length(text), text, &[0]]);
    let unsubscribe = packet(0xA2, &[&[0, 1], &none, &length(text), text]);
    for octets in [publish, subscribe, unsubscribe] {
        let mut client = server.connect("client");
        client.send(&octets);
        client.expect_end(MALFORMED_PACKET);
    }
}

#[test]
fn ill_formed_utf8_ends_the_connection() {
    in_both(|server| ILL_FORMED.iter().for_each(|text| ends_the_connection(server, text)));
}

#[test]
fn u_0000_ends_the_connection() {
    in_both(|server| ends_the_connection(server, b"a\0b"));
}

#[test]
fn a_connect_with_an_ill_formed_string_is_refused() {
    in_both(|server| {
        let none = properties(server.version, &[]);
        let level = server.clean("").octets()[8];
        for text in ILL_FORMED.into_iter().chain([&b"a\0b"[..]]) {
            let head = |flags| [&b"\0\x04MQTT"[..], &[level, flags, 0, 60], &none].concat();
            let will = [&none[..], &length(text), text, &[0, 0]].concat();
            server.refuses_connect(&packet(0x10, &[&head(0x02), &length(text), text]), BROKEN);
            server.refuses_connect(&packet(0x10, &[&head(0x06), &[0, 1, b'a'], &will]), BROKEN);
            let user = [&length(text)[..], text].concat();
            server.refuses_connect(&packet(0x10, &[&head(0x82), &[0, 1, b'a'], &user]), BROKEN);
        }
    });
}

#[test]
fn a_byte_order_mark_is_a_character_as_others_are() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.subscribe("\u{FEFF}a", 0);
        let [with, without] = ["\u{FEFF}a", "a"].map(|topic| Publish { topic, payload: b"x", ..Publish::default() });
        client.send_publish(&without);
        client.expect_nothing();
        client.send_publish(&with);
        client.expect_message("\u{FEFF}a", 0, "x");
    });
}

#[test]
fn lengths_take_as_few_octets_as_they_can() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.subscribe("t", 0);
        // The topic takes 3 octets, and no properties take 1 in 5.0: bodies around the lengths of 128 and 16384.
        for len in [0, 120, 123, 124, 125, 126, 16_378, 16_379, 16_380, 16_381, 16_382] {
            let payload = vec![b'x'; len];
            let publish = Publish { topic: "t", payload: &payload, ..Publish::default() };
            client.send_publish(&publish);
            client.expect(&publish.octets(server.version));
        }
    });
}

#[test]
fn a_length_of_five_octets_ends_the_connection() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.send(&[&[0x30][..], &var_int(1 << 28)].concat());
        client.expect_end(MALFORMED_PACKET);
    });
}
