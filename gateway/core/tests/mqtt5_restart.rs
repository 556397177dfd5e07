//! What MQTT 5 adds survives the process.

#[path = "common/mqtt.rs"]
mod mqtt;

use bytes::Bytes;
use gateway_core::Qos;
use gateway_core::mqtt::{Connect, MessageProperties, Packet, Publish, RetainHandling, Subscribe, SubscribeOptions};
use mqtt::{Gateway, id, lasting, payloads, publishes, qos1, retained, will};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

fn subscribe(gateway: &mut Gateway, conn: u64, filter: &str, options: SubscribeOptions) {
    let subscription_id = NonZeroU32::new(300);
    let filters = vec![(filter.into(), options)];
    let packets =
        gateway.exchange(conn, Packet::Subscribe(Box::new(Subscribe { id: id(1), subscription_id, filters })));
    assert!(matches!(&packets[..], [Packet::SubAck(..)]), "{packets:?}");
}

fn with_properties(packet: Packet, message_expiry_s: u32) -> Packet {
    let Packet::Publish(publish) = packet else { panic!("not a PUBLISH: {packet:?}") };
    let properties = Some(Arc::new(properties()));
    Packet::Publish(Publish { message_expiry_s: Some(message_expiry_s), properties, ..publish })
}

fn properties() -> MessageProperties {
    MessageProperties {
        payload_is_utf8: true,
        content_type: Some("text/plain".into()),
        response_topic: Some("answers".into()),
        correlation_data: Some([0, 255].into()),
        user_properties: vec![("b".into(), "1".into()), ("a".into(), "2".into())],
    }
}

#[test]
fn a_message_that_waits_keeps_all_that_was_said_of_it() {
    let mut gateway = Gateway::durable();
    gateway.connect(1, lasting("subscriber"));
    subscribe(&mut gateway, 1, "t", Qos::AtLeastOnce.into());
    gateway.lose(1);
    gateway.connect(2, lasting("publisher"));
    gateway.send(2, with_properties(qos1("t", "x", 1), 100));
    gateway.restart();
    gateway.wait(Duration::from_secs(40));
    gateway.connect(3, lasting("subscriber"));
    let copies = publishes(gateway.received(3));
    let [copy] = &copies[..] else { panic!("{copies:?}") };
    assert_eq!((copy.message_expiry_s, copy.properties.as_deref()), (Some(60), Some(&properties())));
    assert_eq!(copy.subscription_ids, [NonZeroU32::new(300).unwrap()]);
}

/// Where the payload is that each of four subscribers gets after a restart, and what it gets.
fn restored(payload: &str, is_plain: bool) -> Vec<Publish> {
    let mut gateway = Gateway::durable();
    for conn in 1..=4 {
        gateway.connect(conn, lasting(&format!("subscriber {conn}")));
        if is_plain {
            gateway.subscribe(conn, "t", Qos::AtLeastOnce);
        } else {
            subscribe(&mut gateway, conn, "t", Qos::AtLeastOnce.into());
        }
        gateway.lose(conn);
    }
    gateway.connect(5, lasting("publisher"));
    let message = qos1("t", payload, 1);
    gateway.send(5, if is_plain { message } else { with_properties(message, 100) });
    gateway.restart();
    let mut get = |conn| {
        gateway.connect(conn, lasting(&format!("subscriber {conn}")));
        publishes(gateway.received(conn)).remove(0)
    };
    (1..=4).map(&mut get).collect()
}

#[test]
fn what_was_published_to_many_is_in_memory_once_after_a_restart() {
    let long = "0123456789".repeat(30);
    for is_plain in [true, false] {
        let copies = restored(&long, is_plain);
        assert!(copies.iter().all(|copy| copy.payload == long && copy.payload.as_ptr() == copies[0].payload.as_ptr()));
        assert!(copies.iter().all(|copy| copy.properties == copies[0].properties));
        assert_eq!(copies[0].properties.is_none(), is_plain);
    }
    // Of one that might be packed all but the first are shared.
    let copies = restored(&long[..200], true);
    assert!(copies[1..].iter().all(|copy| copy.payload.as_ptr() == copies[1].payload.as_ptr()));
    assert!(copies.iter().all(|copy| copy.payload == long[..200]));
}

#[test]
fn a_retained_message_keeps_its_properties_and_expires() {
    let mut gateway = Gateway::durable();
    gateway.connect(1, lasting("publisher"));
    gateway.send(1, retained(with_properties(qos1("t", "x", 1), 100)));
    gateway.restart();
    gateway.connect(2, lasting("subscriber"));
    gateway.send(2, mqtt::subscribe(1, &[("t", Qos::AtMostOnce)]));
    let copies = publishes(gateway.received(2));
    assert_eq!(copies[0].properties.as_deref(), Some(&properties()));
    gateway.wait(Duration::from_secs(100));
    assert_eq!(gateway.core.gauges().retained, 0);
    gateway.restart();
    assert_eq!(gateway.core.gauges().retained, 0, "on the disk, too");
}

#[test]
fn a_subscription_keeps_its_options() {
    let mut gateway = Gateway::durable();
    gateway.connect(1, lasting("a"));
    let (no_local, retain_as_published) = (true, true);
    let retain_handling = RetainHandling::DoNotSend;
    let options = SubscribeOptions { qos: Qos::AtLeastOnce, no_local, retain_as_published, retain_handling };
    subscribe(&mut gateway, 1, "plain", Qos::AtLeastOnce.into());
    subscribe(&mut gateway, 1, "t", options);
    gateway.restart();
    gateway.connect(2, lasting("a"));
    gateway.connect(3, lasting("b"));
    gateway.send(2, qos1("t", "mine", 1));
    gateway.send(3, retained(qos1("t", "yours", 1)));
    let copies = publishes(gateway.received(2));
    let [copy] = &copies[..] else { panic!("{copies:?}") };
    assert_eq!((&copy.payload, copy.retain), (&Bytes::from_static(b"yours"), true));
    assert_eq!(copy.subscription_ids, [NonZeroU32::new(300).unwrap()]);
}

#[test]
fn a_group_and_what_waits_for_it_are_still_there() {
    let mut gateway = Gateway::durable();
    for (conn, client_id) in [(1, "a"), (2, "b")] {
        gateway.connect(conn, lasting(client_id));
        subscribe(&mut gateway, conn, "$share/group/t", Qos::AtLeastOnce.into());
        gateway.lose(conn);
    }
    gateway.connect(3, lasting("publisher"));
    gateway.send(3, qos1("t", "1", 1));
    gateway.restart();
    // Whichever of them has it ends its session: the other one gets it.
    gateway.connect(4, Connect { clean_start: true, ..lasting("a") });
    gateway.connect(5, lasting("b"));
    assert_eq!(payloads(&gateway.received(5)), ["1"]);
    gateway.connect(6, lasting("publisher"));
    gateway.send(6, qos1("t", "2", 1));
    assert_eq!(payloads(&gateway.received(5)), ["2"]);
}

#[test]
fn a_will_that_waits_begins_to_wait_anew() {
    let mut gateway = Gateway::durable();
    gateway.connect(9, lasting("watcher"));
    gateway.subscribe(9, "last", Qos::AtLeastOnce);
    for (conn, client_id, delay_s) in [(1, "back", 10), (2, "gone", 10), (3, "at once", 0)] {
        let mut connect = Connect { will: will("last", client_id), ..lasting(client_id) };
        connect.will.as_mut().unwrap().delay_s = delay_s;
        gateway.connect(conn, connect);
    }
    gateway.lose(2);
    gateway.wait(Duration::from_secs(5));
    gateway.restart();
    gateway.connect(10, lasting("watcher"));
    gateway.wait(Duration::from_secs(9));
    gateway.connect(11, lasting("back"));
    assert_eq!(gateway.received(10), []);
    gateway.wait(Duration::from_secs(60));
    assert_eq!(payloads(&gateway.received(10)), ["gone"]);
}

#[test]
fn a_session_lasts_as_long_as_its_client_has_said() {
    let mut gateway = Gateway::durable();
    for (conn, expiry_s) in [(1, 50), (2, 500)] {
        let mut connect = lasting(&format!("{expiry_s}"));
        connect.properties.session_expiry_s = expiry_s;
        gateway.connect(conn, connect);
    }
    gateway.restart();
    gateway.wait(Duration::from_secs(100));
    assert!(!gateway.connect(3, lasting("50")));
    assert!(gateway.connect(4, lasting("500")));
}

#[test]
fn a_session_that_was_to_end_with_its_connection_has_ended() {
    let mut gateway = Gateway::durable();
    gateway.connect(1, lasting("a"));
    gateway.lose(1);
    let mut connect = lasting("a");
    connect.properties.session_expiry_s = 0;
    assert!(gateway.connect(2, connect));
    gateway.restart();
    assert_eq!(gateway.core.gauges().sessions, 0);
}
