//! What CONNECT and CONNACK have in 5.0 only (§3.1 and §3.2).

use crate::client::{BROKEN, PUBACK, Server, start_v5};
use crate::octets::{Publish, Version, packet, subscribe};
use crate::property::*;

const PROTOCOL_ERROR: u8 = 0x82;

#[test]
fn a_client_without_an_id_is_told_the_one_it_got() {
    let server = start_v5();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let (_client, answer) = server.connack(&server.clean("").octets());
        assert_eq!((answer.code, answer.session_present), (0, false));
        ids.push(answer.properties.get(ASSIGNED_CLIENT_ID).expect("an id").to_vec());
    }
    ids.dedup();
    assert_eq!(ids.len(), 3, "each its own: {ids:?}");
    assert!(ids.iter().all(|id| !id.is_empty()));
}

#[test]
fn a_made_up_client_id_is_as_good_as_a_chosen_one() {
    let server = start_v5();
    let (mut first, answer) = server.connack(&server.keep("").octets());
    assert_eq!(answer.code, 0, "5.0 allows it with a session to keep, too");
    first.subscribe("t", 1);
    first.vanish();
    let id = String::from_utf8(answer.properties.get(ASSIGNED_CLIENT_ID).expect("an id").to_vec()).expect("text");
    let (mut again, session_present) = server.connect_as(&server.keep(&id));
    assert!(session_present);
    server.connect("publisher").publish("t", 1, "x");
    again.expect_message("t", 1, "x");
}

#[test]
fn who_has_an_id_is_not_given_another() {
    let server = start_v5();
    let (_client, answer) = server.connack(&server.clean("mine").octets());
    assert_eq!(answer.properties.get(ASSIGNED_CLIENT_ID), None);
}

#[test]
fn a_password_may_come_without_a_user_name() {
    let server = start_v5();
    server.connect_as(&server.clean("client").password(b"\xFF\0")).0.expect_nothing();
}

#[test]
fn who_is_taken_over_is_told_so() {
    let server = start_v5();
    let mut first = server.connect("client");
    let _second = server.connect("client");
    let (reason, properties) = first.expect_disconnect();
    assert_eq!(reason, 0x8E, "session taken over");
    assert_eq!(properties.get(SESSION_EXPIRY), None, "a server never says that");
    first.expect_close();
}

#[test]
fn response_information_comes_only_if_asked_for() {
    let server = start_v5();
    for connect in [server.clean("a"), server.clean("b").property(byte(REQUEST_RESPONSE_INFORMATION, 0))] {
        let (_client, answer) = server.connack(&connect.octets());
        assert_eq!(answer.properties.get(RESPONSE_INFORMATION), None);
    }
    let asking = server.clean("c").property(byte(REQUEST_RESPONSE_INFORMATION, 1));
    server.connect_as(&asking).0.expect_nothing();
}

#[test]
fn without_problem_information_acknowledgements_have_codes_only() {
    let server = start_v5();
    let (mut client, _) = server.connect_as(&server.clean("client").property(byte(REQUEST_PROBLEM_INFORMATION, 0)));
    for flags in [2, 4] {
        client.send_publish(&Publish { flags, topic: "$SYS/x", id: Some(1), ..Publish::default() });
        let (_, body) = client.receive();
        assert!(matches!(body[..], [0, 1, 0x90] | [0, 1, 0x90, 0]), "{body:02x?}");
    }
    client.send(&subscribe(server.version, 2, &[("#/x", 0)]));
    client.expect(&[0x90, 4, 0, 2, 0, 0x8F]);
}

#[test]
fn a_server_says_what_it_can_do_and_nothing_twice() {
    let server = start_v5();
    let (_client, answer) = server.connack(&server.clean("client").octets());
    let mut ids: Vec<u8> = answer.properties.0.iter().map(|(id, _)| *id).filter(|id| *id != USER_PROPERTY).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "{:?}", answer.properties);
    // QoS 2, retained messages, wildcards, identifiers and shared subscriptions are there: 1 or not said.
    assert_eq!(answer.properties.get(MAXIMUM_QOS), None);
    for available in [RETAIN_AVAILABLE, 0x28, 0x29, 0x2A] {
        assert_ne!(answer.properties.number(available), Some(0));
    }
    assert_ne!(answer.properties.number(RECEIVE_MAXIMUM), Some(0));
    assert_eq!(answer.properties.get(AUTHENTICATION_METHOD), None);
}

#[test]
fn the_client_s_keep_alive_counts_unless_the_server_names_another() {
    let server = start_v5();
    let (_client, answer) = server.connack(&server.clean("client").keep_alive_s(30).octets());
    assert_eq!(answer.properties.get(SERVER_KEEP_ALIVE), None);
}

#[test]
fn an_unknown_authentication_method_is_refused() {
    let server = start_v5();
    let connect = server.clean("client").property(text(AUTHENTICATION_METHOD, "ROT13"));
    server.refuses_connect(&connect.octets(), &[0x8C]);
    let connect = connect.property(text(AUTHENTICATION_DATA, "uryyb"));
    server.refuses_connect(&connect.octets(), &[0x8C]);
}

#[test]
fn authentication_data_without_a_method_is_refused() {
    let server = start_v5();
    let connect = server.clean("client").property(text(AUTHENTICATION_DATA, "x"));
    server.refuses_connect(&connect.octets(), &[PROTOCOL_ERROR]);
}

#[test]
fn an_auth_of_who_has_no_method_ends_the_connection() {
    let server = start_v5();
    for octets in
        [vec![0xF0, 0], packet(0xF0, &[&[0x18, 0]]), packet(0xF0, &[&[0x19, 4], &text(AUTHENTICATION_METHOD, "x")])]
    {
        let mut client = server.connect("client");
        client.send(&octets);
        client.expect_end_for_one_of(BROKEN);
    }
}

#[test]
fn an_auth_with_other_flags_is_malformed() {
    let server = start_v5();
    for bit in [1, 2, 4, 8] {
        let mut client = server.connect("client");
        client.send(&[0xF0 | bit, 0]);
        client.expect_end(0x81);
    }
}

#[test]
fn an_auth_before_connect_ends_the_connection() {
    let server = start_v5();
    let mut client = server.open();
    client.send(&[0xF0, 0]);
    client.expect_close();
}

#[test]
fn packets_may_follow_connect_at_once() {
    let server = start_v5();
    let mut client = server.open();
    let publish = Publish { flags: 2, topic: "t", id: Some(3), ..Publish::default() }.octets(server.version);
    client.send(&[server.clean("client").octets(), publish].concat());
    assert_eq!(client.expect_connack().code, 0);
    client.expect_ack(PUBACK, 3);
}

#[test]
fn a_session_expiry_that_is_shortened_is_told() {
    let server = Server::start_with(Version::V5, "[gateway]\nsession_expiry_s = 100\n");
    for (asked_s, told_s) in [(99, None), (100, None), (101, Some(100)), (u32::MAX, Some(100))] {
        let connect = server.clean("client").property(four(SESSION_EXPIRY, asked_s));
        let (_client, answer) = server.connack(&connect.octets());
        assert_eq!(answer.properties.number(SESSION_EXPIRY), told_s, "asked for {asked_s} s");
    }
}

#[test]
fn a_gateway_that_ends_says_so() {
    let server = start_v5();
    let mut client = server.connect("client");
    server.end();
    client.expect_end(0x8B);
}
