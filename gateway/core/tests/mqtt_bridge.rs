//! What the core does for a bridge: its session is its own, and `$SYS` tells whether it has reached the other broker.

#[path = "common/mqtt.rs"]
mod mqtt;

use gateway_core::mqtt::{Connect, Login, Packet, ReasonCode, Version};
use gateway_core::{CloseReason, Config, Input, LARGEST_MESSAGE_ID, Limits, Qos, RejectReason, StorageState};
use mqtt::{Gateway, clean, dup, id, payloads, persistent, qos1, qos2, retained};

fn bridge(new_peer: bool) -> Connect {
    Connect { login: Login::Bridge { new_peer }, ..persistent("bridge/cloud") }
}

#[test]
fn nobody_else_may_have_a_bridges_client_id() {
    let mut gateway = Gateway::default();
    gateway.connect(1, bridge(true));
    let refused = gateway.exchange(2, Packet::Connect(Box::new(persistent("bridge/cloud"))));
    let [Packet::ConnAck(answer)] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!(answer.code, ReasonCode::ClientIdentifierNotValid);
    assert_eq!(gateway.closed(2), Some(CloseReason::Refused));
    assert_eq!(gateway.closed(1), None);

    let sn_connect = [&[18, 0x04, 0x04, 0x01, 0, 60], &b"bridge/cloud"[..]].concat();
    assert_eq!(gateway.datagram(&sn_connect), [[3, 0x05, 3]]);
    assert_eq!(gateway.rejects(RejectReason::ClientId), 2);
}

#[test]
fn a_bridge_has_no_other_id() {
    let mut gateway = Gateway::default();
    let login = Login::Bridge { new_peer: true };
    gateway.send(1, Packet::Connect(Box::new(Connect { login, ..persistent("cloud") })));
    assert_eq!(gateway.closed(1), Some(CloseReason::Refused));
}

/// A gateway with a subscriber, to whose bridge a QoS 2 message came under id 7 before its connection broke and came back.
fn with_a_message_unreleased() -> Gateway {
    let mut gateway = Gateway::default();
    gateway.connect(1, clean("subscriber"));
    gateway.subscribe(1, "#", Qos::AtMostOnce);
    gateway.connect(2, bridge(true));
    gateway.send(2, qos2("t", "first", 7));
    gateway.connect(3, bridge(false));
    gateway
}

#[test]
fn packet_ids_of_a_forgotten_session_mean_new_messages() {
    let mut gateway = with_a_message_unreleased();
    gateway.send(3, dup(qos2("t", "first", 7)));
    assert_eq!(payloads(&gateway.received(1)), ["first"]);
    gateway.connect(4, bridge(true));
    gateway.send(4, qos2("t", "another", 7));
    assert_eq!(payloads(&gateway.received(1)), ["another"]);
}

/// The other broker has forgotten its session, and the gateway was killed before that was on its disk.
#[test]
fn what_the_other_broker_has_not_sent_before_is_new_whatever_its_id_meant() {
    let mut gateway = with_a_message_unreleased();
    gateway.send(3, qos2("t", "another", 7));
    assert_eq!(payloads(&gateway.received(1)), ["first", "another"]);
    gateway.send(3, dup(qos2("t", "another", 7)));
    assert_eq!(payloads(&gateway.received(1)), [""; 0]);
}

#[test]
fn a_bridge_may_leave_more_messages_unreleased_than_a_client() {
    let mut gateway =
        Gateway::new(Config { limits: Limits { incoming_qos2: 2, ..Limits::default() }, ..Config::default() });
    gateway.connect(1, bridge(true));
    gateway.connect(2, persistent("client"));
    for packet_id in 1..=3 {
        for conn in [1, 2] {
            gateway.send(conn, qos2("t", "x", packet_id));
        }
    }
    assert_eq!((gateway.closed(1), gateway.closed(2).is_some()), (None, true));
    assert_eq!(gateway.received(1).last(), Some(&Packet::PubRec(id(3).into())));
}

#[test]
fn the_broker_behind_a_bridge_is_not_refused_a_message_for_want_of_space() {
    let mut gateway = Gateway::default();
    gateway.connect(1, Connect { version: Version::V5, ..bridge(true) });
    gateway.connect(2, Connect { version: Version::V5, ..clean("client") });
    gateway.input(Input::Storage(StorageState::Full));
    let code = |packets: Vec<Packet>| match packets[..] {
        [Packet::PubAck(ack)] => ack.code,
        _ => panic!("{packets:?}"),
    };
    assert_eq!(code(gateway.exchange(2, qos1("t", "x", 1))), ReasonCode::QuotaExceeded);
    assert!(!code(gateway.exchange(1, qos1("t", "x", 1))).is_error());
}

#[test]
fn subscribers_hear_at_once_whether_a_bridge_has_reached_the_other_broker() {
    let mut gateway = Gateway::default();
    gateway.connect(1, clean("monitor"));
    gateway.subscribe(1, "$SYS/broker/connection/#", Qos::AtMostOnce);
    let told = |gateway: &mut Gateway| -> Vec<String> {
        let packets = gateway.received(1);
        let topic = |packet: &Packet| matches!(packet, Packet::Publish(publish) if &*publish.topic == "$SYS/broker/connection/cloud/state");
        assert!(packets.iter().all(topic), "{packets:?}");
        payloads(&packets).into_iter().map(String::from).collect()
    };
    gateway.connect(2, bridge(true));
    assert_eq!(told(&mut gateway), ["1"]);
    gateway.lose(2);
    assert_eq!(told(&mut gateway), ["0"]);
    gateway.connect(3, clean("later"));
    gateway.subscribe(3, "$SYS/broker/connection/#", Qos::AtMostOnce);
    let expected = mqtt::qos0("$SYS/broker/connection/cloud/state", "0");
    assert_eq!(gateway.received(3), [retained(expected)]);
}

#[test]
fn ids_above_the_largest_are_left_to_the_bridge() {
    let mut gateway = Gateway::default();
    gateway.connect(1, bridge(true));
    gateway.subscribe(1, "t", Qos::AtLeastOnce);
    gateway.connect(2, clean("publisher"));
    let rounds = usize::from(LARGEST_MESSAGE_ID) + 2;
    let ids = (0..rounds).map(|_| {
        gateway.send(2, qos1("t", "x", 1));
        let packets = gateway.received(1);
        let [Packet::Publish(publish)] = &packets[..] else { panic!("{packets:?}") };
        let given = publish.id.expect("QoS 1").get();
        gateway.send(1, Packet::PubAck(id(given).into()));
        given
    });
    let ids: Vec<_> = ids.collect();
    assert_eq!(ids.iter().max(), Some(&LARGEST_MESSAGE_ID));
    assert_eq!(ids[rounds - 2..], [1, 2]);
}
