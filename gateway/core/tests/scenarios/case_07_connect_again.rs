//! CONNECT from a client that is connected already: because CONNACK was lost, with another id from the same address,
//! or with the same id from another address. And one client id over MQTT-SN and MQTT.

use crate::common::sn::{
    PINGREQ, connect, connect_with_will, publish, register, resume, sleep, subscribe, will_msg, will_topic,
};
use crate::common::{Rig, port};
use gateway_core::{ClientState, ConnId, Via};
use sn_codec::Qos;
use sn_types::PeerAddr;

const A: PeerAddr = port(1);
const B: PeerAddr = port(2);

/// `id` connects with the will `gone` on `will/<id>`.
fn connect_willing(rig: &mut Rig, at: PeerAddr, id: &str) {
    assert_eq!(rig.ask(at, connect_with_will(id)), ["WILLTOPICREQ"]);
    assert_eq!(rig.ask(at, will_topic(&format!("will/{id}"))), ["WILLMSGREQ"]);
    assert_eq!(rig.ask(at, will_msg("gone")), ["CONNACK 00"]);
}

#[test]
fn a_repeated_connect_is_answered_again() {
    let mut rig = Rig::new();
    for _ in 0..3 {
        assert_eq!(rig.ask(A, connect("a")), ["CONNACK 00"]);
    }
    assert_eq!(rig.core.clients().count(), 1);
    assert_eq!(rig.events(), ["a connected"; 3], "a clean session starts anew each time");
}

#[test]
fn a_repeated_connect_without_clean_session_keeps_everything() {
    let mut rig = Rig::new();
    rig.send(A, resume("a"));
    rig.send(A, subscribe(Qos::One, 1, "t"));
    rig.publish(1, "t", "x");
    rig.heard(A);
    assert_eq!(rig.ask(A, resume("a")), ["CONNACK 00", "REGISTER id=1 mid=2 't'"]);
    assert_eq!(rig.ask(A, crate::common::sn::regack(1, 2)), ["PUBLISH q1 dup id=1 mid=1 'x'"]);
}

#[test]
fn a_repeated_clean_connect_drops_ids_subscriptions_and_messages() {
    let mut rig = Rig::new();
    rig.send(A, resume("a"));
    rig.send(A, register(1, "up"));
    rig.send(A, subscribe(Qos::One, 2, "t"));
    rig.publish(1, "t", "x");
    rig.heard(A);
    assert_eq!(rig.ask(A, connect("a")), ["CONNACK 00"]);
    assert_eq!(rig.waiting("a"), 0);
    assert_eq!(rig.ask(A, publish(Qos::One, 1, 3, "x")), ["PUBACK id=1 mid=3 02"]);
    rig.publish(1, "t", "y");
    assert_eq!(rig.heard(A), [""; 0]);
}

#[test]
fn another_id_from_the_same_address_replaces_the_client() {
    let mut rig = Rig::new();
    rig.watch("will/#");
    connect_willing(&mut rig, A, "a");
    rig.events();
    assert_eq!(rig.ask(A, connect("b")), ["CONNACK 00"]);
    assert_eq!(rig.events(), ["b connected", "a lost: Replaced"]);
    assert_eq!(rig.watched(), ["q1 will/a 'gone'"]);
    assert!(rig.client("a").is_none(), "its session was clean");
    assert_eq!(rig.ask(A, PINGREQ), ["PINGRESP"]);
}

#[test]
fn the_replaced_clients_will_comes_after_the_newcomers_connack() {
    let mut rig = Rig::new();
    rig.send(B, resume("b"));
    rig.send(B, subscribe(Qos::One, 1, "will/+"));
    connect_willing(&mut rig, A, "a");
    assert_eq!(rig.ask(A, resume("b")), ["CONNACK 00", "REGISTER id=1 mid=1 'will/a'"]);
}

#[test]
fn a_kept_session_outlives_its_replacement() {
    let mut rig = Rig::new();
    rig.send(A, resume("a"));
    rig.send(A, subscribe(Qos::One, 1, "t"));
    rig.send(A, connect("b"));
    rig.publish(1, "t", "x");
    assert_eq!(rig.state("a"), ClientState::Lost);
    rig.heard(A);
    assert_eq!(rig.ask(B, resume("a")), ["CONNACK 00", "REGISTER id=1 mid=1 't'"]);
}

#[test]
fn the_same_id_from_another_address_takes_the_session_over() {
    let mut rig = Rig::new();
    rig.watch("will/#");
    connect_willing(&mut rig, A, "a");
    rig.events();
    assert_eq!(rig.ask(B, resume("a")), ["CONNACK 00"]);
    assert_eq!(rig.events(), ["a taken over", "a resumed"]);
    assert_eq!(rig.watched(), [""; 0], "it is the same client: no will");
    assert_eq!(rig.client("a").unwrap().via, Some(Via::Sn(B)));
    assert_eq!(rig.ask(A, PINGREQ), ["DISCONNECT"], "the old address has no session any more");
    assert_eq!(rig.ask(B, PINGREQ), ["PINGRESP"]);
}

#[test]
fn a_taken_over_client_in_the_will_dialogue_cannot_end_the_new_connection() {
    for goodbye in [crate::common::sn::DISCONNECT, sleep(60)] {
        let mut rig = Rig::new();
        rig.send(A, resume("a"));
        rig.send(A, connect_with_will("a"));
        rig.send(B, resume("a"));
        rig.heard(A);
        rig.send(A, goodbye);
        assert_eq!(rig.heard(A), ["DISCONNECT"]);
        assert_eq!(rig.state("a"), ClientState::Active);
        assert_eq!(rig.client("a").unwrap().via, Some(Via::Sn(B)));
    }
}

#[test]
fn an_old_will_dialogue_does_not_keep_the_moved_client_alive() {
    let mut rig = Rig::new();
    rig.send(A, resume("a"));
    rig.send(A, connect_with_will("a"));
    rig.send(B, resume("a"));
    rig.events();
    for _ in 0..9 {
        rig.wait_s(10);
        rig.send(A, will_topic("w"));
    }
    assert_eq!(rig.events(), ["a lost: KeepAlive"]);
}

#[test]
fn mqtt_takes_an_mqtt_sn_session_over_with_what_waits() {
    let mut rig = Rig::new();
    rig.send(A, resume("a"));
    rig.send(A, subscribe(Qos::One, 1, "t"));
    rig.send(A, sleep(600));
    rig.publish(1, "t", "x");
    rig.heard(A);
    rig.mqtt_connect(ConnId(2), "a");
    assert_eq!(rig.heard(A), ["DISCONNECT"]);
    assert_eq!(rig.watched(), ["q1 t 'x'"]);
    assert_eq!(rig.client("a").unwrap().via, Some(Via::Mqtt(ConnId(2))));
    assert_eq!(rig.ask(A, PINGREQ), ["DISCONNECT"]);
}

#[test]
fn mqtt_sn_takes_an_mqtt_session_over_with_what_is_in_flight() {
    let mut rig = Rig::new();
    rig.watch("t");
    rig.publish(1, "t", "not acknowledged");
    assert_eq!(rig.watched(), ["q1 t 'not acknowledged'"]);
    assert_eq!(rig.ask(A, resume("mqtt")), ["CONNACK 00", "REGISTER id=1 mid=2 't'"]);
    assert!(rig.is_closed(ConnId(1)));
    assert_eq!(rig.ask(A, crate::common::sn::regack(1, 2)), ["PUBLISH q1 dup id=1 mid=1 'not acknowledged'"]);
}

#[test]
fn a_will_dialogue_left_behind_cannot_end_an_mqtt_connection() {
    let mut rig = Rig::new();
    rig.send(A, resume("a"));
    rig.send(A, connect_with_will("a"));
    rig.mqtt_connect(ConnId(2), "a");
    rig.send(A, crate::common::sn::DISCONNECT);
    assert_eq!(rig.client("a").unwrap().via, Some(Via::Mqtt(ConnId(2))));
}

#[test]
fn a_client_that_left_long_ago_is_not_told_of_a_take_over() {
    let mut rig = Rig::new();
    rig.send(A, resume("a"));
    rig.send(A, crate::common::sn::DISCONNECT);
    rig.heard(A);
    rig.mqtt_connect(ConnId(2), "a");
    assert_eq!(rig.heard(A), [""; 0]);
}
