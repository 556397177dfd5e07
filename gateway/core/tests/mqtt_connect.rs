//! Who may connect over MQTT, and what CONNECT does to an earlier session.

#[path = "common/mqtt.rs"]
mod mqtt;

use gateway_core::mqtt::{ConnAck, Connect, Disconnect, Packet, ReasonCode};
use gateway_core::{CloseReason, Config, Event, Limits, Qos, RejectReason};
use mqtt::{Gateway, clean, id, payloads, persistent, qos0, qos1, will};

fn assert_refused(gateway: &mut Gateway, conn: u64, connect: Connect, code: ReasonCode) {
    let answer = gateway.exchange(conn, Packet::Connect(Box::new(connect)));
    assert_eq!(answer, [Packet::ConnAck(Box::new(ConnAck { code, ..ConnAck::default() }))]);
    assert_eq!(gateway.closed(conn), Some(CloseReason::Refused));
}

#[test]
fn a_client_without_id_gets_one_of_its_own() {
    let mut gateway = Gateway::default();
    gateway.connect(1, clean("auto-1"));
    gateway.connect(2, clean(""));
    gateway.connect(3, clean(""));
    let ids: Vec<_> = gateway.core.clients().map(|client| client.client_id.to_string()).collect();
    assert_eq!(ids, ["auto-1", "auto-2", "auto-3"]);
}

#[test]
fn a_session_that_is_kept_needs_an_id() {
    let mut gateway = Gateway::default();
    assert_refused(&mut gateway, 1, persistent(""), ReasonCode::ClientIdentifierNotValid);
    assert_eq!(gateway.rejects(RejectReason::ClientId), 1);
    assert_eq!(gateway.core.gauges().sessions, 0);
}

#[test]
fn an_id_over_the_limit_is_refused() {
    let mut gateway = Gateway::default();
    gateway.connect(1, clean(&"x".repeat(128)));
    assert_refused(&mut gateway, 2, clean(&"x".repeat(129)), ReasonCode::ClientIdentifierNotValid);
}

#[test]
fn clients_over_the_limit_are_refused_but_known_ones_come_back() {
    let limits = Limits { clients: 2, ..Limits::default() };
    let mut gateway = Gateway::new(Config { limits, ..Config::default() });
    gateway.connect(1, persistent("a"));
    gateway.connect(2, clean("b"));
    assert_refused(&mut gateway, 3, clean("c"), ReasonCode::ServerUnavailable);
    assert_eq!(gateway.rejects(RejectReason::ClientLimit), 1);
    gateway.lose(1);
    assert_refused(&mut gateway, 4, clean("c"), ReasonCode::ServerUnavailable);
    assert!(gateway.connect(5, persistent("a")));
    gateway.lose(2);
    gateway.connect(6, clean("c"));
}

#[test]
fn a_will_must_be_publishable() {
    let mut gateway = Gateway::default();
    let reserved = Connect { will: will("$SYS/uptime", "0"), ..clean("a") };
    assert_refused(&mut gateway, 1, reserved, ReasonCode::NotAuthorized);
    let invalid = Connect { will: will("a/+", "x"), ..clean("a") };
    assert_eq!(gateway.exchange(2, Packet::Connect(Box::new(invalid))), []);
    assert!(matches!(gateway.closed(2), Some(CloseReason::Protocol { .. })));
}

#[test]
fn the_first_packet_is_connect() {
    let mut gateway = Gateway::default();
    assert_eq!(gateway.exchange(1, qos1("a", "x", 1)), []);
    assert!(matches!(gateway.closed(1), Some(CloseReason::Protocol { .. })));
    assert_eq!(gateway.rejects(RejectReason::MqttProtocol), 1);
    assert_eq!(gateway.core.stats().published, [0; 3]);
}

#[test]
fn a_second_connect_breaks_the_protocol_and_publishes_the_will() {
    let mut gateway = Gateway::default();
    gateway.connect(1, clean("watcher"));
    gateway.subscribe(1, "will", Qos::AtMostOnce);
    let connect = Connect { will: will("will", "gone"), ..clean("a") };
    gateway.connect(2, connect.clone());
    gateway.send(2, Packet::Connect(Box::new(connect)));
    assert!(matches!(gateway.closed(2), Some(CloseReason::Protocol { .. })));
    assert_eq!(payloads(&gateway.received(1)), ["gone"]);
    assert_eq!(gateway.core.gauges().sessions, 1);
}

#[test]
fn what_was_on_its_way_when_the_connection_was_closed_is_ignored() {
    let mut gateway = Gateway::default();
    gateway.send(1, Packet::PingReq);
    gateway.send(1, Packet::Connect(Box::new(clean("a"))));
    gateway.send(1, Packet::PingReq);
    assert_eq!(gateway.received(1), []);
    assert_eq!(gateway.core.gauges().sessions, 0);
    gateway.lose(1);
    assert_eq!(gateway.rejects(RejectReason::MqttProtocol), 1);
}

#[test]
fn packets_that_only_servers_send_break_the_protocol() {
    let from_servers = [
        Packet::ConnAck(Box::default()),
        Packet::SubAck(id(1), Vec::new()),
        Packet::UnsubAck(id(1), Vec::new()),
        Packet::PingResp,
        mqtt::subscribe(1, &[]),
        Packet::Unsubscribe(id(1), Vec::new()),
    ];
    for packet in from_servers {
        let mut gateway = Gateway::default();
        gateway.connect(1, clean("a"));
        gateway.send(1, packet);
        assert!(matches!(gateway.closed(1), Some(CloseReason::Protocol { .. })));
        assert_eq!(gateway.core.gauges().sessions, 0);
    }
}

#[test]
fn session_present_says_whether_the_session_was_kept() {
    let mut gateway = Gateway::default();
    assert!(!gateway.connect(1, persistent("a")));
    gateway.lose(1);
    assert!(gateway.connect(2, persistent("a")));
    gateway.lose(2);
    assert!(!gateway.connect(3, clean("a")), "clean discards it");
    gateway.lose(3);
    assert!(!gateway.connect(4, persistent("a")), "and is not kept itself");
}

#[test]
fn a_clean_start_forgets_subscriptions_and_messages() {
    let mut gateway = Gateway::default();
    gateway.connect(1, persistent("a"));
    gateway.subscribe(1, "t", Qos::AtLeastOnce);
    gateway.lose(1);
    gateway.connect(2, clean("b"));
    gateway.send(2, qos1("t", "kept", 1));
    gateway.connect(3, clean("a"));
    gateway.send(2, qos1("t", "new", 2));
    assert_eq!(gateway.received(3), []);
    assert_eq!(gateway.core.gauges().subscriptions, 0);
}

#[test]
fn nothing_is_left_of_a_clean_session() {
    let mut gateway = Gateway::default();
    gateway.connect(1, clean("a"));
    gateway.subscribe(1, "t/+", Qos::AtMostOnce);
    gateway.send(1, Packet::Disconnect(Disconnect::default()));
    gateway.lose(1);
    assert_eq!(gateway.closed(1), Some(CloseReason::Disconnected));
    assert_eq!(gateway.core.gauges(), gateway_core::Gauges::default());
    assert_eq!(gateway.core.clients().count(), 0);
    gateway.connect(2, clean("b"));
    gateway.send(2, qos0("t/1", "x"));
    assert_eq!(gateway.core.stats().routed, 0);
}

#[test]
fn an_operator_reads_who_came_and_went() {
    let mut gateway = Gateway::default();
    gateway.connect(1, persistent("a"));
    gateway.send(1, Packet::Disconnect(Disconnect::default()));
    gateway.connect(2, persistent("a"));
    let events = gateway.events();
    assert!(matches!(&events[0], Event::Connected { client_id, session_present: false, .. } if &**client_id == "a"));
    assert!(matches!(&events[1], Event::Disconnected { client_id } if &**client_id == "a"));
    assert!(matches!(&events[2], Event::Connected { session_present: true, .. }));
}

#[test]
fn at_shutdown_every_connection_is_closed_and_nothing_else_happens() {
    let mut gateway = Gateway::default();
    gateway.connect(1, Connect { will: will("t", "gone"), ..clean("a") });
    gateway.connect(2, persistent("b"));
    gateway.subscribe(2, "t", Qos::AtMostOnce);
    gateway.input(gateway_core::Input::Shutdown);
    for conn in [1, 2] {
        assert_eq!(gateway.closed(conn), Some(CloseReason::Shutdown));
        gateway.lose(conn);
        assert_eq!(gateway.received(conn), []);
    }
}
