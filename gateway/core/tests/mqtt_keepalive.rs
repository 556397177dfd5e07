//! Keep-alive of MQTT connections: one and a half times what the client said.

#[path = "common/mqtt.rs"]
mod mqtt;

use gateway_core::mqtt::{Connect, Disconnect, Packet};
use gateway_core::{CloseReason, Event, LostReason, Qos};
use mqtt::{Gateway, clean, qos1};
use std::time::Duration;

fn with_keep_alive(client_id: &str, keep_alive_s: u16) -> Connect {
    Connect { keep_alive_s, ..clean(client_id) }
}

#[test]
fn silence_of_one_and_a_half_keep_alives_closes() {
    let mut gateway = Gateway::default();
    gateway.connect(1, with_keep_alive("a", 10));
    gateway.wait(Duration::from_millis(14_999));
    assert_eq!(gateway.closed(1), None);
    gateway.events();
    gateway.wait(Duration::from_millis(1));
    assert_eq!(gateway.closed(1), Some(CloseReason::KeepAlive));
    assert_eq!(gateway.events(), [Event::Lost { client_id: "a".into(), why: LostReason::KeepAlive }]);
    assert_eq!(gateway.core.gauges().sessions, 0);
}

#[test]
fn every_packet_counts_as_a_sign_of_life() {
    let mut gateway = Gateway::default();
    gateway.connect(1, with_keep_alive("a", 10));
    for packet in [Packet::PingReq, qos1("t", "x", 1), Packet::PingReq] {
        gateway.wait(Duration::from_secs(14));
        gateway.send(1, packet);
    }
    gateway.wait(Duration::from_millis(14_999));
    assert_eq!(gateway.closed(1), None);
    gateway.wait(Duration::from_millis(1));
    assert_eq!(gateway.closed(1), Some(CloseReason::KeepAlive));
}

#[test]
fn what_is_sent_to_the_client_is_no_sign_of_life() {
    let mut gateway = Gateway::default();
    gateway.connect(1, with_keep_alive("a", 10));
    gateway.subscribe(1, "t", Qos::AtMostOnce);
    gateway.connect(2, clean("publisher"));
    gateway.wait(Duration::from_secs(14));
    gateway.send(2, qos1("t", "x", 1));
    gateway.wait(Duration::from_secs(1));
    assert_eq!(gateway.closed(1), Some(CloseReason::KeepAlive));
}

#[test]
fn keep_alive_zero_is_not_supervised() {
    let mut gateway = Gateway::default();
    gateway.connect(1, clean("a"));
    gateway.wait(Duration::from_secs(1_000_000));
    assert_eq!(gateway.closed(1), None);
    assert_eq!(gateway.core.poll_timeout(), None);
}

#[test]
fn the_longest_keep_alive_is_kept_to_the_second() {
    let mut gateway = Gateway::default();
    gateway.connect(1, with_keep_alive("a", u16::MAX));
    gateway.wait(Duration::from_millis(98_302_499));
    assert_eq!(gateway.closed(1), None);
    gateway.wait(Duration::from_millis(1));
    assert_eq!(gateway.closed(1), Some(CloseReason::KeepAlive));
}

#[test]
fn timers_of_connections_that_are_gone_do_not_pile_up() {
    let mut gateway = Gateway::default();
    for conn in 0..1_000 {
        gateway.connect(conn, with_keep_alive("a", u16::MAX));
        gateway.send(conn, Packet::Disconnect(Disconnect::default()));
        gateway.lose(conn);
    }
    gateway.wait(Duration::from_secs(60));
    assert_eq!(gateway.core.poll_timeout(), None);
}

#[test]
fn a_client_that_said_good_bye_is_not_lost_later() {
    let mut gateway = Gateway::default();
    gateway.connect(1, with_keep_alive("a", 10));
    gateway.send(1, Packet::Disconnect(Disconnect::default()));
    gateway.events();
    gateway.wait(Duration::from_secs(60));
    assert_eq!(gateway.closed(1), Some(CloseReason::Disconnected));
    assert_eq!(gateway.events(), []);
}
