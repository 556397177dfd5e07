//! Messages of MQTT clients at QoS 0, 1 and 2, in and out.

#[path = "common/mqtt.rs"]
mod mqtt;

use gateway_core::mqtt::{Ack, Packet, ReasonCode};
use gateway_core::{CloseReason, Config, Limits, Qos, RejectReason};
use mqtt::{Gateway, clean, dup, id, payloads, qos0, qos1, qos2};

const QOS: [Qos; 3] = [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce];

/// A publisher on connection 1 and a subscriber to `t` on connection 2.
fn pair(granted: Qos) -> Gateway {
    pair_with(Config::default(), granted)
}

fn pair_with(config: Config, granted: Qos) -> Gateway {
    let mut gateway = Gateway::new(config);
    gateway.connect(1, clean("publisher"));
    gateway.connect(2, clean("subscriber"));
    gateway.subscribe(2, "t", granted);
    gateway
}

#[test]
fn a_message_comes_with_the_lower_of_both_qos() {
    for published in QOS {
        for granted in QOS {
            let mut gateway = pair(granted);
            gateway.send(
                1,
                match published {
                    Qos::AtMostOnce => qos0("t", "x"),
                    Qos::AtLeastOnce => qos1("t", "x", 9),
                    Qos::ExactlyOnce => qos2("t", "x", 9),
                },
            );
            let expected = match published.min(granted) {
                Qos::AtMostOnce => qos0("t", "x"),
                Qos::AtLeastOnce => qos1("t", "x", 1),
                Qos::ExactlyOnce => qos2("t", "x", 1),
            };
            assert_eq!(gateway.received(2), [expected], "{published:?} to {granted:?}");
        }
    }
}

#[test]
fn qos_1_is_acknowledged_each_time() {
    let mut gateway = pair(Qos::AtMostOnce);
    assert_eq!(gateway.exchange(1, qos1("t", "x", 5)), [Packet::PubAck(id(5).into())]);
    assert_eq!(gateway.exchange(1, dup(qos1("t", "x", 5))), [Packet::PubAck(id(5).into())]);
    assert_eq!(payloads(&gateway.received(2)), ["x", "x"], "at least once");
}

#[test]
fn qos_2_is_published_once_however_often_it_comes() {
    let mut gateway = pair(Qos::AtMostOnce);
    assert_eq!(gateway.exchange(1, qos2("t", "x", 5)), [Packet::PubRec(id(5).into())]);
    assert_eq!(gateway.exchange(1, dup(qos2("t", "x", 5))), [Packet::PubRec(id(5).into())]);
    assert_eq!(gateway.exchange(1, qos2("t", "y", 6)), [Packet::PubRec(id(6).into())]);
    assert_eq!(gateway.exchange(1, Packet::PubRel(id(5).into())), [Packet::PubComp(id(5).into())]);
    let unknown = Ack { id: id(5), code: ReasonCode::PacketIdentifierNotFound };
    assert_eq!(gateway.exchange(1, Packet::PubRel(id(5).into())), [Packet::PubComp(unknown)], "also again");
    assert_eq!(payloads(&gateway.received(2)), ["x", "y"]);
    gateway.send(1, qos2("t", "z", 5));
    assert_eq!(payloads(&gateway.received(2)), ["z"], "a released id is free again");
}

#[test]
fn a_repeated_qos_2_message_does_not_disturb_the_order() {
    let mut gateway = pair(Qos::ExactlyOnce);
    for packet in [qos2("t", "x", 1), dup(qos2("t", "x", 1)), qos2("t", "y", 2), dup(qos2("t", "x", 1))] {
        gateway.send(1, packet);
    }
    gateway.send(1, qos2("t", "z", 3));
    assert_eq!(payloads(&gateway.received(2)), ["x", "y", "z"]);
}

#[test]
fn more_unreleased_qos_2_messages_than_the_limit_close_the_connection() {
    let limits = Limits { incoming_qos2: 2, ..Limits::default() };
    let mut gateway = pair_with(Config { limits, ..Config::default() }, Qos::AtMostOnce);
    for packet in [qos2("t", "1", 1), qos2("t", "2", 2), dup(qos2("t", "1", 1)), qos2("t", "3", 3)] {
        gateway.send(1, packet);
    }
    assert!(matches!(gateway.closed(1), Some(CloseReason::Protocol { .. })));
    assert_eq!(gateway.rejects(RejectReason::IncomingQos2Limit), 1);
    assert_eq!(payloads(&gateway.received(2)), ["1", "2"]);
}

#[test]
fn to_a_subscriber_qos_1_ends_with_puback() {
    let mut gateway = pair(Qos::AtLeastOnce);
    gateway.send(1, qos1("t", "x", 9));
    assert_eq!(gateway.received(2), [qos1("t", "x", 1)]);
    assert_eq!(waiting(&gateway), 1);
    assert_eq!(gateway.exchange(2, Packet::PubAck(id(1).into())), []);
    assert_eq!(waiting(&gateway), 0);
    assert_eq!(gateway.rejects(RejectReason::UnmatchedAck), 0);
}

#[test]
fn to_a_subscriber_qos_2_ends_with_pubcomp() {
    let mut gateway = pair(Qos::ExactlyOnce);
    gateway.send(1, qos2("t", "x", 9));
    assert_eq!(gateway.received(2), [qos2("t", "x", 1)]);
    assert_eq!(gateway.exchange(2, Packet::PubRec(id(1).into())), [Packet::PubRel(id(1).into())]);
    assert_eq!(gateway.exchange(2, Packet::PubRec(id(1).into())), [Packet::PubRel(id(1).into())], "also again");
    assert_eq!(waiting(&gateway), 1);
    assert_eq!(gateway.exchange(2, Packet::PubComp(id(1).into())), []);
    assert_eq!(waiting(&gateway), 0);
    assert_eq!(gateway.rejects(RejectReason::UnmatchedAck), 0);
}

#[test]
fn an_acknowledgement_of_the_wrong_kind_ends_nothing() {
    let mut gateway = pair(Qos::ExactlyOnce);
    gateway.send(1, qos2("t", "x", 9));
    gateway.send(1, qos1("t", "y", 10));
    gateway.received(2);
    for packet in [
        Packet::PubAck(id(1).into()),
        Packet::PubComp(id(1).into()),
        Packet::PubComp(id(2).into()),
        Packet::PubAck(id(3).into()),
    ] {
        assert_eq!(gateway.exchange(2, packet), []);
    }
    let unknown = Ack { id: id(2), code: ReasonCode::PacketIdentifierNotFound };
    assert_eq!(
        gateway.exchange(2, Packet::PubRec(id(2).into())),
        [Packet::PubRel(unknown)],
        "so that the client gets done"
    );
    assert_eq!(gateway.rejects(RejectReason::UnmatchedAck), 5);
    assert_eq!(waiting(&gateway), 2);
}

#[test]
fn a_topic_with_wildcards_closes_the_connection() {
    for topic in ["a/+", "#", "", "a\0"] {
        let mut gateway = pair(Qos::AtMostOnce);
        assert_eq!(gateway.exchange(1, qos1(topic, "x", 1)), []);
        assert!(matches!(gateway.closed(1), Some(CloseReason::Protocol { .. })), "{topic:?}");
        assert_eq!(gateway.rejects(RejectReason::MqttProtocol), 1);
    }
}

#[test]
fn a_message_above_qos_0_needs_an_id() {
    let mut gateway = pair(Qos::AtMostOnce);
    gateway.send(1, qos1("t", "x", 0));
    assert!(matches!(gateway.closed(1), Some(CloseReason::Protocol { .. })));
    assert_eq!(gateway.received(2), []);
}

#[test]
fn what_may_not_be_published_is_acknowledged_counted_and_not_routed() {
    let mut gateway = pair_with(Config { sys_interval: None, ..Config::default() }, Qos::AtMostOnce);
    gateway.subscribe(2, "$SYS/#", Qos::AtMostOnce);
    let long = "x".repeat(1_025);
    gateway.subscribe(2, "+", Qos::AtMostOnce);
    assert_eq!(gateway.exchange(1, qos0("$SYS/uptime", "x")), []);
    assert_eq!(gateway.exchange(1, qos1("$SYS/uptime", "x", 1)), [Packet::PubAck(id(1).into())]);
    assert_eq!(gateway.exchange(1, qos2("$SYS/uptime", "x", 2)), [Packet::PubRec(id(2).into())]);
    assert_eq!(gateway.exchange(1, qos1(&long, "x", 3)), [Packet::PubAck(id(3).into())]);
    assert_eq!(gateway.received(2), []);
    assert_eq!(gateway.rejects(RejectReason::TopicName), 4);
    assert_eq!(gateway.core.stats().published, [0; 3]);
}

#[test]
fn a_publisher_gets_its_own_message_if_it_subscribed() {
    let mut gateway = pair(Qos::AtMostOnce);
    gateway.subscribe(1, "own", Qos::AtLeastOnce);
    assert_eq!(gateway.exchange(1, qos1("own", "x", 7)), [qos1("own", "x", 1), Packet::PubAck(id(7).into())]);
}

fn waiting(gateway: &Gateway) -> usize {
    gateway.core.clients().map(|client| client.waiting).sum()
}
