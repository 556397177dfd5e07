//! Connections and sessions in MQTT 5: what is agreed at CONNECT, how both end, and what is said then.

#[path = "common/mqtt.rs"]
mod mqtt;

use bytes::Bytes;
use gateway_core::mqtt::{Auth, ConnAck, Connect, Disconnect, Login, Packet, ReasonCode};
use gateway_core::{Config, Input, Limits, Qos, RejectReason};
use mqtt::{Gateway, clean, five, payloads, qos1, will};
use std::num::NonZeroU32;
use std::time::Duration;

/// Keeps its session for `expiry_s` seconds.
fn lasting(client_id: &str, expiry_s: u32) -> Connect {
    let mut connect = Connect { clean_start: false, ..five(client_id) };
    connect.properties.session_expiry_s = expiry_s;
    connect
}

fn connack(gateway: &mut Gateway, conn: u64, connect: Connect) -> ConnAck {
    match <[Packet; 1]>::try_from(gateway.exchange(conn, Packet::Connect(Box::new(connect)))) {
        Ok([Packet::ConnAck(answer)]) => *answer,
        other => panic!("not a CONNACK alone: {other:?}"),
    }
}

/// Why the server said good-bye on a connection.
fn farewell(gateway: &mut Gateway, conn: u64) -> Option<ReasonCode> {
    match gateway.received(conn).last() {
        Some(Packet::Disconnect(disconnect)) => Some(disconnect.code),
        _ => None,
    }
}

#[test]
fn a_client_without_an_id_is_told_the_one_it_got() {
    let mut gateway = Gateway::default();
    let answer = connack(&mut gateway, 1, lasting("", 60));
    let client_id = answer.properties.assigned_client_id.expect("an id");
    gateway.lose(1);
    assert!(gateway.connect(2, lasting(&client_id, 60)), "it can come back");
}

#[test]
fn what_the_client_asks_too_much_of_is_told() {
    let limits = Limits { incoming_qos2: 20, ..Limits::default() };
    let session_expiry = Some(Duration::from_secs(100));
    let (max_keep_alive_s, response_topics) = (Some(60), Some("answers".into()));
    let config = Config { limits, session_expiry, max_keep_alive_s, response_topics, ..Config::default() };
    let mut gateway = Gateway::new(config);
    let modest = connack(&mut gateway, 1, Connect { keep_alive_s: 30, ..lasting("modest", 100) }).properties;
    assert_eq!((modest.session_expiry_s, modest.server_keep_alive_s, modest.response_information), (None, None, None));
    let mut greedy = lasting("greedy", u32::MAX);
    greedy.properties.request_response_information = true;
    let greedy = connack(&mut gateway, 2, greedy).properties;
    assert_eq!((greedy.session_expiry_s, greedy.server_keep_alive_s), (Some(100), Some(60)));
    assert_eq!(greedy.receive_maximum.map(u16::from), Some(20));
    assert_eq!(greedy.response_information.as_deref(), Some("answers/greedy"));
    gateway.wait(Duration::from_secs(91));
    assert_eq!(farewell(&mut gateway, 2), Some(ReasonCode::KeepAliveTimeout));
}

#[test]
fn a_session_lasts_as_long_as_its_client_says() {
    let mut gateway = Gateway::default();
    for (seconds, is_there) in [(59, true), (61, false)] {
        gateway.connect(1, lasting("a", 60));
        gateway.lose(1);
        gateway.wait(Duration::from_secs(seconds));
        assert_eq!(gateway.connect(1, lasting("a", 60)), is_there, "after {seconds} s");
        gateway.lose(1);
    }
    gateway.connect(2, five("b"));
    gateway.lose(2);
    assert!(!gateway.connect(2, lasting("b", 0)), "without an interval it ends with the connection");
}

#[test]
fn disconnect_changes_how_long_the_session_lasts() {
    let mut gateway = Gateway::default();
    gateway.connect(1, lasting("a", 60));
    let leave = |expiry_s| Packet::Disconnect(Disconnect { session_expiry_s: Some(expiry_s), ..Disconnect::default() });
    gateway.send(1, leave(10));
    gateway.wait(Duration::from_secs(11));
    assert!(!gateway.connect(2, lasting("a", 60)));
    gateway.send(2, leave(0));
    assert_eq!(gateway.core.gauges().sessions, 0);
    gateway.connect(3, five("b"));
    gateway.send(3, leave(10));
    assert_eq!(farewell(&mut gateway, 3), Some(ReasonCode::ProtocolError), "it was to end with the connection");
}

#[test]
fn who_loses_the_session_to_another_connection_is_told() {
    let mut gateway = Gateway::default();
    gateway.connect(1, five("a"));
    gateway.connect(2, five("a"));
    assert_eq!(farewell(&mut gateway, 1), Some(ReasonCode::SessionTakenOver));
    gateway.input(Input::Shutdown);
    assert_eq!(farewell(&mut gateway, 2), Some(ReasonCode::ServerShuttingDown));
}

#[test]
fn mqtt_3_1_1_never_hears_a_disconnect() {
    let mut gateway = Gateway::default();
    gateway.connect(1, clean("a"));
    gateway.connect(2, clean("a"));
    assert_eq!(gateway.received(1), []);
    gateway.input(Input::Shutdown);
    assert_eq!(gateway.received(2), []);
}

#[test]
fn an_authentication_method_is_refused_if_there_is_no_such() {
    let mut gateway = Gateway::default();
    let mut connect = five("a");
    connect.properties.authentication = Some(("SCRAM-SHA-256".into(), Bytes::new()));
    assert_eq!(connack(&mut gateway, 1, connect).code, ReasonCode::BadAuthenticationMethod);
    assert_eq!(gateway.rejects(RejectReason::AuthenticationMethod), 1);
}

#[test]
fn what_a_method_says_at_last_is_in_connack_and_auth_goes_on_from_there() {
    let mut gateway = Gateway::default();
    let said = Some(("M".into(), Bytes::from_static(b"welcome")));
    let mut connect = Connect { login: Login::As("alice".into()), ..five("a") };
    connect.properties.authentication = said.clone();
    assert_eq!(connack(&mut gateway, 1, connect).properties.authentication, said);
    for code in [ReasonCode::ContinueAuthentication, ReasonCode::Success] {
        let auth = Packet::Auth(Box::new(Auth { code, method: "M".into(), data: Bytes::from_static(b"more") }));
        assert_eq!(gateway.exchange(1, auth.clone()), [auth]);
    }
    let refused = Auth { code: ReasonCode::NotAuthorized, method: "M".into(), data: Bytes::new() };
    gateway.send(1, Packet::Auth(Box::new(refused)));
    assert_eq!(farewell(&mut gateway, 1), Some(ReasonCode::NotAuthorized));
    assert_eq!(gateway.rejects(RejectReason::BadPassword), 1);
}

#[test]
fn an_auth_that_is_too_long_for_its_client_ends_the_connection() {
    let mut gateway = Gateway::default();
    let mut connect = Connect { login: Login::As("alice".into()), ..five("a") };
    connect.properties.maximum_packet_size = NonZeroU32::new(20);
    gateway.connect(1, connect);
    let data = Bytes::from_static(b"123456789012");
    let auth = Auth { code: ReasonCode::ContinueAuthentication, method: "M".into(), data };
    gateway.send(1, Packet::Auth(Box::new(auth)));
    assert_eq!(farewell(&mut gateway, 1), Some(ReasonCode::PacketTooLarge));
}

/// A watcher on connection 9, and a client on 1 whose will waits ten seconds.
fn with_will(expiry_s: u32) -> Gateway {
    let mut gateway = Gateway::default();
    gateway.connect(9, five("watcher"));
    gateway.subscribe(9, "last", Qos::AtLeastOnce);
    gateway.connect(1, leaving(expiry_s));
    gateway
}

fn leaving(expiry_s: u32) -> Connect {
    let mut connect = Connect { will: will("last", "words"), ..lasting("a", expiry_s) };
    connect.will.as_mut().unwrap().delay_s = 10;
    connect
}

#[test]
fn a_will_waits_for_its_delay() {
    let mut gateway = with_will(60);
    gateway.lose(1);
    gateway.wait(Duration::from_secs(9));
    assert_eq!(gateway.received(9), []);
    gateway.wait(Duration::from_secs(1));
    assert_eq!(payloads(&gateway.received(9)), ["words"]);
    gateway.wait(Duration::from_secs(100));
    assert_eq!(gateway.received(9), [], "once");
}

#[test]
fn a_will_is_not_published_if_its_client_is_back_in_time() {
    let mut gateway = with_will(60);
    gateway.lose(1);
    gateway.wait(Duration::from_secs(9));
    gateway.connect(2, lasting("a", 60));
    gateway.wait(Duration::from_secs(100));
    assert_eq!(gateway.received(9), []);
}

#[test]
fn a_will_waits_no_longer_than_its_session_lasts() {
    let mut gateway = with_will(5);
    gateway.lose(1);
    gateway.wait(Duration::from_secs(5));
    assert_eq!(payloads(&gateway.received(9)), ["words"]);
    let mut gateway = with_will(60);
    gateway.lose(1);
    gateway.connect(2, five("a"));
    assert_eq!(payloads(&gateway.received(9)), ["words"], "a clean start ends the session");
    let mut gateway = with_will(0);
    gateway.lose(1);
    assert_eq!(payloads(&gateway.received(9)), ["words"], "it ends with the connection");
}

#[test]
fn a_client_may_leave_and_have_its_will_published() {
    let mut gateway = with_will(60);
    let leave = Disconnect { code: ReasonCode::DisconnectWithWill, session_expiry_s: Some(0) };
    gateway.send(1, Packet::Disconnect(leave));
    assert_eq!(payloads(&gateway.received(9)), ["words"]);
    gateway.connect(2, leaving(60));
    gateway.send(2, Packet::Disconnect(Disconnect::default()));
    gateway.wait(Duration::from_secs(60));
    assert_eq!(gateway.received(9), []);
}

#[test]
fn the_expiry_of_a_will_begins_when_it_is_published() {
    let mut connect = leaving(60);
    connect.will.as_mut().unwrap().message_expiry_s = Some(30);
    let mut gateway = Gateway::default();
    gateway.connect(9, five("watcher"));
    gateway.subscribe(9, "last", Qos::AtLeastOnce);
    gateway.connect(1, connect);
    gateway.lose(1);
    gateway.wait(Duration::from_secs(10));
    let packets = gateway.received(9);
    assert!(matches!(&packets[..], [Packet::Publish(publish)] if publish.message_expiry_s == Some(30)), "{packets:?}");
}

#[test]
fn a_session_goes_on_over_the_other_version() {
    let mut gateway = Gateway::default();
    gateway.connect(1, lasting("a", 60));
    gateway.subscribe(1, "t", Qos::AtLeastOnce);
    gateway.lose(1);
    gateway.connect(9, five("publisher"));
    gateway.send(9, qos1("t", "x", 1));
    assert!(gateway.connect(2, Connect { clean_start: false, ..clean("a") }));
    assert_eq!(payloads(&gateway.received(2)), ["x"]);
}
