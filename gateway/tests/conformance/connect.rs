//! CONNECT and CONNACK (3.1.1 §3.1 and §3.2, 5.0 §3.1 and §3.2); sessions and wills have files of their own.

use crate::client::{BOTH, BROKEN, PUBACK, Server, in_both};
use crate::octets::{CONNECT_FLAGS, Connect, Publish, Version, Will, field, packet, properties, subscribe};
use std::time::{Duration, Instant};

const PROTOCOL_ERROR: u8 = 0x82;

#[test]
fn the_first_packet_must_be_connect() {
    in_both(|server| {
        let version = server.version;
        let publish = Publish { topic: "t", ..Publish::default() }.octets(version);
        for first in [vec![0xC0, 0], vec![0xE0, 0], publish, subscribe(version, 1, &[("t", 0)])] {
            let mut client = server.open();
            client.send(&first);
            client.expect_close();
        }
    });
}

#[test]
fn the_first_answer_is_a_connack() {
    in_both(|server| {
        server.connect("publisher").publish_retained("t", 1, "kept");
        let (mut client, _) = server.connect_as(&server.keep("client"));
        client.subscribe("t", 1);
        client.receive_message();
        client.vanish();
        // A message is waiting. The CONNACK comes before it.
        let (mut client, answer) = server.connack(&server.keep("client").octets());
        assert_eq!((answer.code, answer.session_present), (0, true));
        client.receive_message();
    });
}

#[test]
fn a_second_connect_ends_the_connection() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.send(&server.clean("client").octets());
        client.expect_end(PROTOCOL_ERROR);
    });
}

#[test]
fn another_protocol_name_is_refused() {
    in_both(|server| {
        for name in ["hj", "mqtt", "MQTTX", "MQIsdq", ""] {
            let mut octets = server.clean("client").octets();
            octets.splice(2..8, field(name));
            octets[1] = octets.len() as u8 - 2;
            let mut client = server.open();
            client.send(&octets);
            client.expect_close();
        }
    });
}

#[test]
fn another_protocol_level_is_refused_in_the_words_of_3_1_1() {
    // A client of a later version says so before anything that only its version has: nobody knows what it would read.
    let server = Server::start(Version::V3);
    for level in [0, 1, 2, 6, 0x7F, 0xFF] {
        let mut octets = server.clean("client").octets();
        octets[8] = level;
        let mut client = server.open();
        client.send(&octets);
        client.expect(&[0x20, 2, 0, 1]);
        client.expect_close();
    }
}

#[test]
fn the_reserved_flag_is_refused() {
    in_both(|server| {
        let mut octets = server.clean("client").octets();
        octets[CONNECT_FLAGS] |= 1;
        server.refuses_connect(&octets, BROKEN);
    });
}

/// A good CONNECT with other flags.
fn with_flags(connect: &Connect<'_>, change: impl Fn(u8) -> u8) -> Vec<u8> {
    let mut octets = connect.octets();
    octets[CONNECT_FLAGS] = change(octets[CONNECT_FLAGS]);
    octets
}

#[test]
fn will_flags_without_a_will_are_refused() {
    in_both(|server| {
        for bits in [0x08, 0x10, 0x18, 0x20] {
            server.refuses_connect(&with_flags(&server.clean("client"), |flags| flags | bits), BROKEN);
        }
    });
}

#[test]
fn a_will_of_qos_3_is_refused() {
    in_both(|server| {
        let connect = server.clean("client").will(Will { qos: 3, ..Will::new("w", "gone") });
        server.refuses_connect(&connect.octets(), BROKEN);
    });
}

#[test]
fn a_payload_without_what_the_flags_announce_is_refused() {
    in_both(|server| {
        for bits in [0x04, 0x80, 0xC0] {
            server.refuses_connect(&with_flags(&server.clean("client"), |flags| flags | bits), BROKEN);
        }
    });
}

#[test]
fn a_payload_with_more_than_the_flags_announce_is_refused() {
    in_both(|server| {
        let will = server.clean("client").will(Will::new("w", "gone"));
        server.refuses_connect(&with_flags(&will, |flags| flags & !0x04), BROKEN);
        let user = server.clean("client").user("u");
        server.refuses_connect(&with_flags(&user, |flags| flags & !0x80), BROKEN);
        let both = server.clean("client").user("u").password(b"p");
        server.refuses_connect(&with_flags(&both, |flags| flags & !0x40), BROKEN);
    });
}

#[test]
fn a_password_without_a_user_name_is_refused_in_3_1_1() {
    let server = Server::start(Version::V3);
    server.refuses_connect(&server.clean("client").password(b"p").octets(), BROKEN);
}

#[test]
fn fields_are_read_in_their_order() {
    in_both(|server| {
        let mut watcher = server.connect("watcher");
        watcher.subscribe("#", 0);
        let connect = server.clean("client").will(Will::new("will/topic", "will/payload")).user("u").password(b"p");
        let (client, _) = server.connect_as(&connect);
        client.vanish();
        watcher.expect_message("will/topic", 0, "will/payload");
        // The client id was the first field: it is in use now by that name.
        let mut first = server.connect("client");
        let _second = server.connect("client");
        first.expect_end(0x8E);
    });
}

#[test]
fn a_connect_that_ends_too_early_or_too_late_is_refused() {
    in_both(|server| {
        let good = server.clean("client").octets();
        for len in 2..good.len() {
            let mut short = good[..len].to_vec();
            short[1] = len as u8 - 2;
            let mut client = server.open();
            client.send(&short);
            // What is cut within the name or the level is not known to be MQTT.
            if server.version == Version::V5 && len > 8 {
                let code = client.expect_connack().code;
                assert!(BROKEN.contains(&code), "cut after {len} octets: {code:02x}");
            }
            client.expect_close();
        }
        let mut long = [&good[..], b"x"].concat();
        long[1] += 1;
        server.refuses_connect(&long, BROKEN);
    });
}

#[test]
fn client_ids_of_1_to_23_letters_and_digits_are_taken() {
    in_both(|server| {
        let ids = ["0", "Z", "0123456789abcdefghijklm", "nopqrstuvwxyzABCDEFGHIJ", "KLMNOPQRSTUVWXYZ0123456"];
        for id in ids {
            server.connect(id).expect_nothing();
        }
    });
}

#[test]
fn a_client_without_an_id_gets_one_of_its_own() {
    in_both(|server| {
        let mut first = server.connect("");
        let mut second = server.connect("");
        first.subscribe("t", 0);
        second.publish("t", 0, "to the first");
        first.expect_message("t", 0, "to the first");
        second.expect_nothing();
    });
}

#[test]
fn no_client_id_and_a_session_to_keep_is_refused_in_3_1_1() {
    let server = Server::start(Version::V3);
    let mut client = server.open();
    client.send(&server.keep("").octets());
    client.expect(&[0x20, 2, 0, 2]);
    client.expect_close();
}

#[test]
fn a_client_id_that_is_too_long_is_refused() {
    in_both(|server| {
        let id = "x".repeat(129);
        let (mut client, answer) = server.connack(&server.clean(&id).octets());
        let rejected = if server.version == Version::V5 { 0x85 } else { 0x02 };
        assert_eq!((answer.code, answer.session_present), (rejected, false));
        client.expect_close();
    });
}

#[test]
fn what_follows_a_refused_connect_is_not_processed() {
    in_both(|server| {
        let mut watcher = server.connect("watcher");
        watcher.subscribe("#", 0);
        let id = "x".repeat(129);
        let publish = Publish { topic: "t", ..Publish::default() }.octets(server.version);
        let mut client = server.open();
        client.send(&[server.clean(&id).octets(), publish].concat());
        assert_ne!(client.expect_connack().code, 0);
        client.expect_close();
        watcher.expect_nothing();
    });
}

#[test]
fn what_follows_an_accepted_connect_may_come_before_the_connack() {
    in_both(|server| {
        let publish = Publish { flags: 2, topic: "t", id: Some(7), ..Publish::default() }.octets(server.version);
        let mut client = server.open();
        client.send(&[server.clean("client").octets(), publish].concat());
        assert_eq!(client.expect_connack().code, 0);
        client.expect_ack(PUBACK, 7);
    });
}

#[test]
fn who_connects_with_an_id_in_use_takes_over() {
    in_both(|server| {
        let mut first = server.connect("client");
        let mut second = server.connect("client");
        first.expect_end(0x8E);
        second.expect_nothing();
    });
}

#[test]
fn a_connack_that_refuses_is_followed_by_the_end() {
    for version in BOTH {
        let server = Server::start_with(version, "[limits]\nclients = 1\n");
        let _first = server.connect("first");
        let (mut second, answer) = server.connack(&server.keep("second").octets());
        let unavailable = if version == Version::V5 { 0x88 } else { 3 };
        assert_eq!((answer.code, answer.session_present), (unavailable, false));
        second.expect_close();
    }
}

#[test]
fn who_is_silent_for_one_and_a_half_times_its_keep_alive_is_cut_off() {
    in_both(|server| {
        let mut watcher = server.connect("watcher");
        watcher.subscribe("w", 0);
        let connect = server.clean("client").keep_alive_s(1).will(Will::new("w", "silent"));
        let start = Instant::now();
        let (mut client, _) = server.connect_as(&connect);
        let mut unsupervised = server.connect_as(&server.clean("unsupervised").keep_alive_s(0)).0;
        // As if the network had failed: the will is published.
        watcher.expect_message("w", 0, "silent");
        assert!(start.elapsed() >= Duration::from_millis(1_500), "not before its time");
        client.expect_end(0x8D);
        unsupervised.expect_nothing();
    });
}

#[test]
fn a_connect_is_answered_with_exactly_one_connack() {
    in_both(|server| {
        let (mut client, answer) = server.connack(&server.clean("client").octets());
        assert_eq!((answer.code, answer.session_present), (0, false));
        client.expect_nothing();
        if server.version == Version::V3 {
            let mut client = server.open();
            client.send(&server.clean("other").octets());
            client.expect(&packet(0x20, &[&[0, 0], &properties(Version::V3, &[])]));
        }
    });
}
