//! The disk takes its time: what waits for it has an end, and nobody is told something that is not so.

use super::disk_full::assert_new_promises_are_refused;
use crate::common::sn::{
    DISCONNECT, connect, publish, pubrel, register, resume, subscribe, unsubscribe, will_msg, will_topic,
};
use crate::common::{MQTT, Rig, port};
use gateway_core::mqtt::{self, Packet};
use gateway_core::{ClientState, ConnId, RejectReason, StorageState};
use sn_codec::Qos;
use sn_types::PeerAddr;

const NODE: PeerAddr = port(1);
const LIMIT: usize = 4_096;

/// The disk hangs. A node publishes to topic 1, "a/b", which the MQTT client watches.
fn hanging() -> Rig {
    let mut rig = Rig::with(|config| {
        config.durable = true;
        config.limits.uncommitted_bytes = LIMIT;
    });
    rig.watch("a/b");
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00"]);
    assert_eq!(rig.ask(NODE, register(1, "a/b")), ["REGACK id=1 mid=1 00"]);
    rig.disk_hangs();
    rig
}

/// The MQTT client has published so much that no more may wait.
fn backlogged() -> Rig {
    let mut rig = hanging();
    rig.publish(1, "a/b", &"x".repeat(LIMIT));
    assert!(rig.gauges().uncommitted_bytes >= LIMIT);
    rig.watched();
    rig
}

/// An MQTT client publishes a message that alone reaches the limit.
fn publish_much(rig: &mut Rig, conn: ConnId, topic: &str) {
    let message = rig.message(1, topic, &"x".repeat(LIMIT));
    rig.mqtt_from(conn, Packet::Publish(message));
}

#[test]
fn what_would_be_promised_is_refused_with_congestion() {
    let mut rig = backlogged();
    assert_new_promises_are_refused(&mut rig, NODE);
    assert_eq!(rig.rejects(RejectReason::UncommittedLimit), 6);
}

#[test]
fn a_datagram_that_would_have_to_wait_is_not_sent_and_is_asked_for_again() {
    let mut rig = backlogged();
    assert_eq!(rig.ask(NODE, unsubscribe(7, "a/c")), [""; 0]);
    assert_eq!(rig.core.stats().unsent, 1);
    rig.disk(StorageState::Ok);
    assert_eq!(rig.heard(NODE), [""; 0]);
    assert_eq!(rig.ask(NODE, unsubscribe(7, "a/c")), ["UNSUBACK mid=7"]);
}

#[test]
fn what_is_not_sent_is_not_counted_as_sent() {
    let mut rig = Rig::with(|config| {
        config.durable = true;
        config.limits.uncommitted_bytes = LIMIT;
    });
    rig.watch("a/b");
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00"]);
    assert_eq!(rig.ask(NODE, subscribe(Qos::Two, 7, "a/c")), ["SUBACK q2 id=1 mid=7 00"]);
    rig.disk_hangs();
    rig.publish(1, "a/b", &"x".repeat(LIMIT));
    let before = rig.core.stats().clone();
    rig.publish(2, "a/c", "x");
    let stats = rig.core.stats();
    assert_eq!((stats.unsent, stats.sent, stats.sent_bytes), (1, before.sent, before.sent_bytes));
}

#[test]
fn an_mqtt_client_that_publishes_is_held_back_until_half_is_free() {
    let mut rig = backlogged();
    assert!(!rig.is_read(MQTT));
    assert_eq!(rig.core.stats().held_back, 1);
    rig.disk(StorageState::Ok);
    rig.wait_ms(1);
    assert!(rig.is_read(MQTT));
    assert_eq!((rig.gauges().uncommitted_bytes, rig.gauges().held), (0, 0));
    rig.publish(1, "a/b", "and on");
    assert_eq!(rig.watched(), ["q1 a/b 'and on'"]);
    assert_eq!(rig.ask(NODE, publish(Qos::One, 1, 7, "x")), ["PUBACK id=1 mid=7 00"]);
}

#[test]
fn qos_0_goes_on_to_those_for_whom_nothing_waits() {
    let mut rig = hanging();
    rig.mqtt_connect(ConnId(7), "publisher");
    rig.disk(StorageState::Ok);
    rig.disk_hangs();
    publish_much(&mut rig, ConnId(7), "a/b");
    assert!(!rig.is_read(ConnId(7)) && rig.is_read(MQTT));
    rig.watched();
    rig.send(NODE, publish(Qos::Zero, 1, 0, "x"));
    assert_eq!(rig.watched(), ["q0 a/b 'x'"]);
}

#[test]
fn messages_to_a_client_that_is_held_back_wait_in_its_queue() {
    let mut rig = backlogged();
    let before = rig.waiting("mqtt");
    rig.send(NODE, publish(Qos::Zero, 1, 0, "x"));
    assert_eq!((rig.watched().len(), rig.waiting("mqtt")), (0, before + 1));
    rig.disk(StorageState::Ok);
    rig.wait_ms(1);
    assert_eq!(rig.watched(), ["q0 a/b 'x'"]);
}

#[test]
fn who_is_not_read_from_is_not_lost_for_its_silence_but_afterwards_it_is() {
    let mut rig = hanging();
    rig.mqtt_connect_alive(ConnId(7), "alive", 10);
    rig.disk(StorageState::Ok);
    rig.disk_hangs();
    publish_much(&mut rig, ConnId(7), "t");
    publish_much(&mut rig, ConnId(7), "a/b");
    assert!(!rig.is_read(ConnId(7)));
    rig.wait_s(1_000);
    assert_eq!(rig.state("alive"), ClientState::Active);
    rig.disk(StorageState::Ok);
    rig.wait_s(14);
    assert_eq!(rig.state("alive"), ClientState::Active);
    rig.wait_s(2);
    assert_eq!(rig.state("alive"), ClientState::Disconnected);
}

/// Two MQTT clients whose sessions end with their connections; the second watches "clean".
fn clean_clients(rig: &mut Rig) -> [ConnId; 2] {
    let conns = [ConnId(8), ConnId(9)];
    for (conn, client_id) in conns.into_iter().zip(["clean publisher", "clean subscriber"]) {
        rig.mqtt_from(conn, Packet::Connect(Box::new(mqtt::Connect::new(client_id))));
    }
    let filters = vec![("clean".into(), gateway_core::Qos::AtLeastOnce.into())];
    let id = mqtt::PacketId::new(1).expect("not 0");
    rig.mqtt_from(conns[1], Packet::Subscribe(Box::new(mqtt::Subscribe { id, subscription_id: None, filters })));
    conns
}

#[test]
fn messages_to_clients_whose_sessions_are_not_kept_wait_for_no_disk() {
    let mut rig = hanging();
    let [publisher, _] = clean_clients(&mut rig);
    rig.disk(StorageState::Ok);
    for _ in 0..10 {
        publish_much(&mut rig, publisher, "clean");
    }
    assert_eq!(rig.watched().len(), 10);
    assert_eq!(rig.gauges().uncommitted_bytes, 0);
    rig.mqtt_connect(ConnId(10), "another");
    assert!(rig.client("another").is_some() && !rig.is_closed(ConnId(10)));
}

#[test]
fn who_is_held_back_goes_on_after_the_commit_whatever_went_to_clients_that_are_not_kept() {
    let mut rig = hanging();
    let [publisher, _] = clean_clients(&mut rig);
    rig.disk(StorageState::Ok);
    rig.disk_hangs();
    publish_much(&mut rig, publisher, "a/b");
    publish_much(&mut rig, publisher, "clean");
    assert!(!rig.is_read(publisher));
    rig.disk(StorageState::Ok);
    rig.wait_ms(1);
    assert!(rig.is_read(publisher));
    assert_eq!(rig.gauges().uncommitted_bytes, 0);
}

/// Everything that makes something wait, again and again, from both sides.
#[test]
fn whatever_clients_do_while_the_disk_hangs_what_waits_has_an_end() {
    const PAYLOAD: usize = 100;
    let mut rig = hanging();
    let mut longest = 0;
    for n in 0..5_000_u16 {
        let (mid, other) = (n + 1, port(2 + n % 50));
        for message in [
            publish(Qos::One, 1, mid, "x"),
            publish(Qos::Two, 1, mid, "x"),
            pubrel(mid),
            register(mid, &format!("t/{n}")),
            subscribe(Qos::One, mid, &format!("s/{n}")),
            unsubscribe(mid, "s/1"),
        ] {
            rig.send(NODE, message);
        }
        for message in [connect(&format!("c{n}")), will_topic("t"), will_msg("w"), DISCONNECT] {
            rig.send(other, message);
        }
        for conn in [MQTT, ConnId(100 + u64::from(n))] {
            if conn != MQTT {
                rig.mqtt_connect(conn, &format!("m{n}"));
            }
            let topic = format!("r/{n}");
            for payload in ["x".repeat(PAYLOAD), String::new()] {
                if rig.is_read(conn) && !rig.is_closed(conn) {
                    let message = rig.message(1, &topic, &payload);
                    rig.mqtt_from(conn, Packet::Publish(mqtt::Publish { retain: true, ..message }));
                }
            }
        }
        longest = longest.max(rig.gauges().uncommitted_bytes);
    }
    assert!((LIMIT..2 * LIMIT).contains(&longest), "{longest} octets");
    assert!(rig.core.stats().unsent > 1_000);
    rig.disk(StorageState::Ok);
    rig.wait_ms(1);
    assert_eq!(rig.gauges().uncommitted_bytes, 0);
}
