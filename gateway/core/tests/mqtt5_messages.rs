//! Messages in MQTT 5: what travels with them, how long they live, and how many and how long a client takes.

#[path = "common/mqtt.rs"]
mod mqtt;

use bytes::Bytes;
use gateway_core::mqtt::{Ack, Connect, MessageProperties, Packet, Publish, ReasonCode};
use gateway_core::{CloseReason, Config, DropReason, Limits, Qos, StorageState};
use mqtt::{Gateway, five, id, lasting, payloads, qos0, qos1, qos2, retained, will};
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

/// A publisher on connection 1, a subscriber to everything on 2.
fn pair(subscriber: Connect) -> Gateway {
    let mut gateway = Gateway::default();
    gateway.connect(1, five("publisher"));
    gateway.connect(2, subscriber);
    gateway.subscribe(2, "#", Qos::ExactlyOnce);
    gateway
}

fn properties() -> Arc<MessageProperties> {
    Arc::new(MessageProperties {
        payload_is_utf8: true,
        content_type: Some("text/plain".into()),
        response_topic: Some("answers".into()),
        correlation_data: Some([1, 2, 3].into()),
        user_properties: vec![("b".into(), "1".into()), ("a".into(), "2".into()), ("b".into(), "3".into())],
    })
}

fn publish(payload: &'static str, qos: Qos, packet_id: u16) -> Publish {
    let id = (qos > Qos::AtMostOnce).then(|| id(packet_id));
    Publish::new("t".into(), Bytes::from_static(payload.as_bytes()), qos, false, id)
}

/// The one PUBLISH that came.
fn only(packets: Vec<Packet>) -> Publish {
    match <[Packet; 1]>::try_from(packets) {
        Ok([Packet::Publish(publish)]) => publish,
        other => panic!("not one PUBLISH: {other:?}"),
    }
}

#[test]
fn properties_reach_the_subscriber_as_they_were_sent() {
    let mut gateway = pair(five("subscriber"));
    let sent = Publish { properties: Some(properties()), ..publish("x", Qos::AtMostOnce, 0) };
    gateway.send(1, Packet::Publish(sent.clone()));
    assert_eq!(only(gateway.received(2)), sent);
}

#[test]
fn retained_messages_and_wills_keep_their_properties() {
    let mut gateway = Gateway::default();
    let mut connect = Connect { will: will("last", "words"), ..five("publisher") };
    connect.will.as_mut().unwrap().properties = Some(properties());
    gateway.connect(1, connect);
    let kept = Publish { properties: Some(properties()), ..publish("x", Qos::AtMostOnce, 0) };
    gateway.send(1, retained(Packet::Publish(kept)));
    gateway.connect(2, five("subscriber"));
    gateway.subscribe(2, "#", Qos::AtMostOnce);
    assert_eq!(only(gateway.received(2)).properties, Some(properties()));
    gateway.lose(1);
    assert_eq!(only(gateway.received(2)).properties, Some(properties()));
}

#[test]
fn a_message_that_may_not_wait_reaches_those_who_listen() {
    let mut gateway = pair(five("subscriber"));
    gateway.connect(3, lasting("away"));
    gateway.subscribe(3, "t", Qos::AtLeastOnce);
    gateway.lose(3);
    let sent = Publish { message_expiry_s: Some(0), ..publish("now or never", Qos::AtLeastOnce, 1) };
    gateway.send(1, Packet::Publish(sent.clone()));
    assert_eq!(only(gateway.received(2)), sent);
    gateway.wait(Duration::from_millis(1));
    gateway.connect(3, lasting("away"));
    assert_eq!(gateway.received(3), []);
}

#[test]
fn a_message_that_waits_says_how_long_it_still_lives_and_then_is_gone() {
    let mut gateway = pair(lasting("subscriber"));
    gateway.lose(2);
    for (payload, expiry_s) in [("short", 10), ("long", 100)] {
        let sent = Publish { message_expiry_s: Some(expiry_s), ..publish(payload, Qos::AtLeastOnce, 1) };
        gateway.send(1, Packet::Publish(sent));
    }
    gateway.wait(Duration::from_secs(30));
    gateway.connect(3, lasting("subscriber"));
    let publish = only(gateway.received(3));
    assert_eq!((&*publish.payload, publish.message_expiry_s), (&b"long"[..], Some(70)));
    assert_eq!(gateway.core.stats().drops.get(&DropReason::Expired), Some(&1));
}

#[test]
fn a_retained_message_expires() {
    let mut gateway = Gateway::default();
    gateway.connect(1, five("publisher"));
    for (topic, expiry_s) in [("short", Some(10)), ("long", Some(100)), ("ever", None)] {
        let sent = Publish { message_expiry_s: expiry_s, topic: topic.into(), ..publish(topic, Qos::AtMostOnce, 0) };
        gateway.send(1, retained(Packet::Publish(sent)));
    }
    gateway.wait(Duration::from_secs(30));
    assert_eq!(gateway.core.gauges().retained, 2);
    gateway.connect(2, five("subscriber"));
    gateway.subscribe(2, "#", Qos::AtMostOnce);
    let packets = gateway.received(2);
    assert_eq!(payloads(&packets), ["ever", "long"]);
    assert!(matches!(&packets[1], Packet::Publish(publish) if publish.message_expiry_s == Some(70)));
}

#[test]
fn a_later_retained_message_does_not_expire_with_the_one_before() {
    let mut gateway = Gateway::default();
    gateway.connect(1, five("publisher"));
    let first = Publish { message_expiry_s: Some(10), ..publish("first", Qos::AtMostOnce, 0) };
    gateway.send(1, retained(Packet::Publish(first)));
    gateway.send(1, retained(qos0("t", "second")));
    gateway.wait(Duration::from_secs(30));
    assert_eq!(gateway.core.gauges().retained, 1);
}

#[test]
fn acknowledgements_say_what_became_of_the_message() {
    let mut gateway = Gateway::new(Config { check_payload_format: true, ..Config::default() });
    gateway.connect(1, five("publisher"));
    let ack = |packet_id, code| Ack { id: id(packet_id), code };
    assert_eq!(gateway.exchange(1, qos1("t", "x", 1)), [Packet::PubAck(ack(1, ReasonCode::NoMatchingSubscribers))]);
    assert_eq!(gateway.exchange(1, qos2("t", "x", 2)), [Packet::PubRec(ack(2, ReasonCode::NoMatchingSubscribers))]);
    assert_eq!(gateway.exchange(1, qos1("$SYS/x", "x", 3)), [Packet::PubAck(ack(3, ReasonCode::TopicNameInvalid))]);
    let text = MessageProperties { payload_is_utf8: true, ..MessageProperties::default() };
    let bad = Publish::new("t".into(), Bytes::from_static(b"\xff"), Qos::AtLeastOnce, false, Some(id(4)));
    let bad = Packet::Publish(Publish { properties: Some(Arc::new(text)), ..bad });
    assert_eq!(gateway.exchange(1, bad), [Packet::PubAck(ack(4, ReasonCode::PayloadFormatInvalid))]);
    gateway.connect(2, five("subscriber"));
    gateway.subscribe(2, "t", Qos::AtMostOnce);
    assert_eq!(gateway.exchange(1, qos1("t", "x", 5)), [Packet::PubAck(id(5).into())]);
}

#[test]
fn a_refused_qos_2_message_leaves_its_id_free() {
    let mut gateway = pair(five("subscriber"));
    let refused = Ack { id: id(7), code: ReasonCode::TopicNameInvalid };
    assert_eq!(gateway.exchange(1, qos2("$SYS/x", "x", 7)), [Packet::PubRec(refused)]);
    assert_eq!(gateway.exchange(1, qos2("t", "x", 7)), [Packet::PubRec(id(7).into())]);
    assert_eq!(payloads(&gateway.received(2)), ["x"]);
}

#[test]
fn a_full_disk_is_told() {
    let mut gateway = pair(five("subscriber"));
    gateway.input(gateway_core::Input::Storage(StorageState::Full));
    let refused = Ack { id: id(1), code: ReasonCode::QuotaExceeded };
    assert_eq!(gateway.exchange(1, qos1("t", "x", 1)), [Packet::PubAck(refused)]);
    assert_eq!(gateway.received(2), []);
}

#[test]
fn what_a_client_refuses_is_done_and_counted() {
    let mut gateway = pair(lasting("subscriber"));
    gateway.send(1, qos1("t", "one", 1));
    gateway.send(1, qos2("t", "two", 2));
    assert_eq!(payloads(&gateway.received(2)), ["one", "two"]);
    let refused = |packet_id| Ack { id: id(packet_id), code: ReasonCode::QuotaExceeded };
    assert_eq!(gateway.exchange(2, Packet::PubAck(refused(1))), []);
    assert_eq!(gateway.exchange(2, Packet::PubRec(refused(2))), [], "no PUBREL follows");
    gateway.lose(2);
    gateway.connect(3, lasting("subscriber"));
    assert_eq!(gateway.received(3), []);
    assert_eq!(gateway.core.stats().drops.get(&DropReason::Refused), Some(&2));
}

#[test]
fn a_message_that_is_too_long_for_a_client_is_dropped_and_the_next_one_sent() {
    let mut connect = five("subscriber");
    // A QoS 1 PUBLISH to "t" takes eight octets without its payload.
    connect.properties.maximum_packet_size = NonZeroU32::new(11);
    let mut gateway = pair(connect);
    for payload in ["four", "3-3", "five!"] {
        gateway.send(1, qos1("t", payload, 1));
    }
    assert_eq!(payloads(&gateway.received(2)), ["3-3"]);
    assert_eq!(gateway.core.stats().drops.get(&DropReason::TooLong), Some(&2));
}

#[test]
fn no_more_is_in_flight_than_the_client_takes_also_after_it_came_back() {
    let with = |receive_maximum| {
        let mut connect = lasting("subscriber");
        connect.properties.receive_maximum = NonZeroU16::new(receive_maximum);
        connect
    };
    let mut gateway = pair(with(3));
    for payload in ["1", "2", "3", "4"] {
        gateway.send(1, qos1("t", payload, 1));
    }
    assert_eq!(payloads(&gateway.received(2)), ["1", "2", "3"]);
    gateway.lose(2);
    gateway.connect(3, with(2));
    assert_eq!(payloads(&gateway.received(3)), ["1", "2"]);
    assert_eq!(payloads(&gateway.exchange(3, Packet::PubAck(id(2).into()))), ["3"]);
    assert_eq!(payloads(&gateway.exchange(3, Packet::PubAck(id(1).into()))), ["4"]);
    assert_eq!(payloads(&gateway.exchange(3, Packet::PubAck(id(3).into()))), [""; 0]);
}

#[test]
fn a_message_that_had_arrived_before_is_not_sent_again() {
    let mut connect = lasting("subscriber");
    connect.properties.receive_maximum = NonZeroU16::new(1);
    let mut gateway = pair(lasting("subscriber"));
    for payload in ["1", "2", "3"] {
        gateway.send(1, qos1("t", payload, 1));
    }
    gateway.received(2);
    gateway.lose(2);
    gateway.connect(3, connect);
    assert_eq!(payloads(&gateway.received(3)), ["1"]);
    assert_eq!(gateway.exchange(3, Packet::PubAck(id(2).into())), []);
    assert_eq!(payloads(&gateway.exchange(3, Packet::PubAck(id(1).into()))), ["3"]);
}

#[test]
fn who_sends_more_than_the_receive_maximum_is_told_so() {
    let limits = Limits { incoming_qos2: 2, ..Limits::default() };
    let mut gateway = Gateway::new(Config { limits, ..Config::default() });
    gateway.connect(1, five("publisher"));
    for packet_id in 1..=3 {
        gateway.send(1, qos2("t", "x", packet_id));
    }
    let code = ReasonCode::ReceiveMaximumExceeded;
    assert!(matches!(gateway.received(1).last(), Some(Packet::Disconnect(last)) if last.code == code));
    assert!(matches!(gateway.closed(1), Some(CloseReason::Protocol { .. })));
}
