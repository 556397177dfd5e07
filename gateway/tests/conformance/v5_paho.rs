//! The cases of Eclipse Paho's interoperability suite for MQTT 5, `client_test5.py`, each under its name there.
//!
//! Where the suite waits for seconds, these wait for one.

use crate::client::{Client, PUBACK, PUBREC, Server, start_v5};
use crate::octets::{Publish, Version, Will, ack, field, packet, subscribe, subscribe_with};
use crate::paho::NO_SUBSCRIBE;
use crate::property::*;
use std::thread;
use std::time::{Duration, Instant};

const A: &str = "client_test5/TopicA";
const A_B: &str = "client_test5/TopicA/B";
const T_C: &str = "client_test5/Topic/C";
const A_C: &str = "client_test5/TopicA/C";
const TWO_LEVELS: &str = "client_test5/+/+";

const KEEP: u32 = 99_999;

/// Topics and payloads of so many messages, acknowledged, in the order of the payloads.
fn receive(client: &mut Client, count: usize) -> Vec<(u8, String)> {
    let mut messages: Vec<(u8, String)> = Vec::new();
    while messages.len() < count {
        let message = client.receive_message();
        client.acknowledge(&message);
        messages.push((message.qos, message.text().to_owned()));
    }
    messages.sort();
    messages
}

fn pairs(messages: &[(u8, &str)]) -> Vec<(u8, String)> {
    messages.iter().map(|(qos, payload)| (*qos, (*payload).to_owned())).collect()
}

const ONE_OF_EACH_QOS: [(u8, &str); 3] = [(0, "qos 0"), (1, "qos 1"), (2, "qos 2")];

#[test]
fn paho_5_basic() {
    let server = start_v5();
    server.connect("myclientid").leave();
    let mut client = server.connect("myclientid");
    client.subscribe(A, 2);
    let mut publisher = server.connect("myclientid2");
    for (qos, payload) in ONE_OF_EACH_QOS {
        publisher.publish(A, qos, payload);
        client.expect_message(A, qos, payload);
    }
    client.send(&server.clean("myclientid").octets());
    client.expect_end(0x82);
    let mut octets = server.clean("myclientid").octets();
    octets.splice(2..8, field("hj"));
    octets[1] -= 2;
    let mut wrong = server.open();
    wrong.send(&octets);
    wrong.expect_close();
}

#[test]
fn paho_5_retained_message() {
    let server = start_v5();
    let mut client = server.connect("myclientid");
    let properties = [pair("a", "2"), pair("c", "3")].concat();
    for (topic, (qos, payload)) in [A_B, T_C, A_C].into_iter().zip(ONE_OF_EACH_QOS) {
        let payload = payload.as_bytes();
        client.publish_with(&Publish { flags: qos << 1 | 1, topic, properties: properties.clone(), payload, id: None });
    }
    client.subscribe(TWO_LEVELS, 2);
    let mut qos = Vec::new();
    for _ in 0..3 {
        let message = client.receive_message();
        client.acknowledge(&message);
        assert_eq!(message.properties.all(USER_PROPERTY), [b"a=2", b"c=3"]);
        qos.push(message.qos);
    }
    qos.sort_unstable();
    assert_eq!(qos, [0, 1, 2]);
}

#[test]
fn paho_5_will_message() {
    let server = start_v5();
    let mut watcher = server.connect("myclientid2");
    watcher.subscribe(T_C, 2);
    let properties = [four(WILL_DELAY, 0), pair("a", "2"), pair("c", "3")].concat();
    let will = Will { properties, ..Will::new(T_C, "will message") };
    let _silent = server.connect_as(&server.clean("myclientid").keep_alive_s(1).will(will));
    let message = watcher.expect_message(T_C, 0, "will message");
    assert_eq!(message.properties.all(USER_PROPERTY), [b"a=2", b"c=3"]);
}

#[test]
fn paho_5_zero_length_clientid() {
    let server = start_v5();
    server.connect_as(&server.keep("")).0.leave();
    server.connect_as(&server.clean("")).0.leave();
}

#[test]
fn paho_5_offline_message_queueing() {
    let server = start_v5();
    let (mut client, _) = server.connect_as(&server.clean("myclientid").property(four(SESSION_EXPIRY, KEEP)));
    client.subscribe(TWO_LEVELS, 2);
    client.leave();
    let mut publisher = server.connect("myclientid2");
    for (topic, (qos, payload)) in [A_B, T_C, A_C].into_iter().zip(ONE_OF_EACH_QOS) {
        publisher.publish(topic, qos, payload);
    }
    let (mut client, session_present) = server.connect_as(&server.keep("myclientid"));
    assert!(session_present);
    // QoS 0 may wait or not.
    let mut messages = receive(&mut client, 2);
    if messages[0].0 == 0 {
        messages.remove(0);
        messages.extend(receive(&mut client, 1));
    }
    assert_eq!(messages, pairs(&ONE_OF_EACH_QOS[1..]));
}

#[test]
fn paho_5_overlapping_subscriptions() {
    let server = start_v5();
    let mut client = server.connect("myclientid");
    client.send(&subscribe(Version::V5, 1, &[("client_test5/TopicA/#", 2), ("client_test5/TopicA/+", 1)]));
    client.expect_suback(1, &[2, 1]);
    server.connect("myclientid2").publish(A_C, 2, "overlapping topic filters");
    client.expect_message(A_C, 2, "overlapping topic filters");
    client.expect_nothing();
}

#[test]
fn paho_5_keepalive() {
    let server = start_v5();
    let mut watcher = server.connect_as(&server.clean("myclientid2").keep_alive_s(0)).0;
    watcher.subscribe("client_test5//TopicA", 2);
    let will = Will::new("client_test5//TopicA", "keepalive expiry");
    let (mut client, _) = server.connect_as(&server.clean("myclientid").keep_alive_s(1).will(will));
    watcher.expect_message("client_test5//TopicA", 0, "keepalive expiry");
    client.expect_end(0x8D);
}

#[test]
fn paho_5_redelivery_on_reconnect() {
    let server = start_v5();
    let connect = server.keep("myclientid2").property(two(RECEIVE_MAXIMUM, 100));
    let (mut client, _) = server.connect_as(&connect);
    client.subscribe("client_test5/TopicA/#", 2);
    client.send_publish(&Publish { flags: 2, topic: A_B, id: Some(5), ..Publish::default() });
    client.send_publish(&Publish { flags: 4, topic: A_C, id: Some(6), ..Publish::default() });
    let mut first: Vec<u8> = (0..4).map(|_| client.receive().0).collect();
    first.sort_unstable();
    assert_eq!(first, [0x32, 0x34, PUBACK, PUBREC]);
    client.leave();
    let (mut client, _) = server.connect_as(&connect);
    assert_eq!(receive(&mut client, 2), pairs(&[(1, ""), (2, "")]));
}

#[test]
fn paho_5_subscribe_failure() {
    // The suite's client knows "unspecified error" only. "Not authorized" is what MQTT 5 has for it.
    for (keys, code) in [("", 0x87), ("[gateway]\nsay_not_authorized = false\n", 0x80)] {
        let server = Server::start_with(Version::V5, &format!("{keys}{NO_SUBSCRIBE}"));
        let mut client = server.connect("myclientid");
        client.send(&subscribe(Version::V5, 1, &[("test/nosubscribe", 2)]));
        client.expect_suback(1, &[code]);
        client.subscribe("test/subscribe", 2);
    }
}

#[test]
fn paho_5_dollar_topics() {
    let server = start_v5();
    let mut client = server.connect("myclientid2");
    client.subscribe("+/+", 2);
    client.publish("$client_test5/TopicA", 1, "");
    client.expect_nothing();
}

#[test]
fn paho_5_unsubscribe() {
    let server = start_v5();
    let mut client = server.connect("myclientid2");
    for topic in [A, A_B, T_C] {
        client.subscribe(topic, 2);
    }
    client.unsubscribe(A);
    let mut publisher = server.connect("myclientid");
    for (topic, payload) in [(A, "topic 0 - unsubscribed"), (A_B, "topic 1"), (T_C, "topic 2")] {
        publisher.publish(topic, 1, payload);
    }
    assert_eq!(receive(&mut client, 2), pairs(&[(1, "topic 1"), (1, "topic 2")]));
    client.expect_nothing();
}

#[test]
fn paho_5_session_expiry() {
    let server = start_v5();
    let connect = |clean, expiry_s| {
        let connect = if clean { server.clean("myclientid") } else { server.resume("myclientid") };
        server.connect_as(&connect.property(four(SESSION_EXPIRY, expiry_s)))
    };
    let leave_with = |mut client: Client, expiry_s| {
        client.send(&packet(0xE0, &[&[0, 5], &four(SESSION_EXPIRY, expiry_s)]));
        client.expect_close();
    };
    let (client, session_present) = connect(true, 0);
    assert!(!session_present);
    client.leave();
    let (client, session_present) = connect(false, 0);
    assert!(!session_present, "expired at once");
    client.leave();

    connect(true, 100).0.leave();
    let (client, session_present) = connect(false, 1);
    assert!(session_present);
    client.leave();
    thread::sleep(Duration::from_millis(1_100));
    let (client, session_present) = connect(false, 1);
    assert!(!session_present, "expired after a second");
    leave_with(client, 100);
    thread::sleep(Duration::from_millis(1_100));
    let (client, session_present) = connect(false, 1);
    assert!(session_present, "DISCONNECT said 100 s");
    leave_with(client, 0);
    assert!(!connect(false, 1).1, "DISCONNECT said 0 s");
}

/// Publishes at each QoS with these properties; the messages as they come back.
fn echo(properties: &[u8]) -> Vec<crate::received::Message> {
    let server = start_v5();
    let mut client = server.connect("myclientid");
    client.subscribe(A, 2);
    let mut publisher = server.connect("myclientid2");
    let echo = [0, 1, 2].map(|qos| {
        let publish = Publish { flags: qos << 1, topic: A, properties: properties.to_vec(), ..Publish::default() };
        publisher.publish_with(&publish);
        client.expect_message(A, qos, "")
    });
    echo.into()
}

#[test]
fn paho_5_user_properties() {
    for message in echo(&[pair("a", "2"), pair("c", "3")].concat()) {
        assert_eq!(message.properties.all(USER_PROPERTY), [b"a=2", b"c=3"]);
    }
}

#[test]
fn paho_5_payload_format() {
    for message in echo(&[byte(PAYLOAD_FORMAT, 1), text(CONTENT_TYPE, "My name")].concat()) {
        assert_eq!(message.properties.number(PAYLOAD_FORMAT), Some(1));
        assert_eq!(message.properties.get(CONTENT_TYPE), Some(&b"My name"[..]));
    }
}

#[test]
fn paho_5_publication_expiry() {
    let server = start_v5();
    let (mut client, _) = server.connect_as(&server.clean("myclientid2").property(four(SESSION_EXPIRY, KEEP)));
    client.subscribe(A, 2);
    client.send(&packet(0xE0, &[&[0, 5], &four(SESSION_EXPIRY, 999_999_999)]));
    client.expect_close();
    let mut publisher = server.connect("myclientid");
    for (qos, expiry_s, payload) in [(1, 1, "expires"), (2, 1, "expires"), (1, 60, "waits"), (2, 60, "waits")] {
        let properties = four(MESSAGE_EXPIRY, expiry_s);
        let payload = payload.as_bytes();
        publisher.publish_with(&Publish { flags: qos << 1, topic: A, properties, payload, id: None });
    }
    thread::sleep(Duration::from_millis(1_100));
    let (mut client, _) = server.connect_as(&server.resume("myclientid2"));
    for qos in [1, 2] {
        let left_s = client.expect_message(A, qos, "waits").properties.number(MESSAGE_EXPIRY);
        assert!(left_s.is_some_and(|left_s| left_s < 60), "{left_s:?}");
    }
    client.expect_nothing();
}

const NO_LOCAL: u8 = 0x04;
const RETAIN_AS_PUBLISHED: u8 = 0x08;

#[test]
fn paho_5_subscribe_options() {
    let server = start_v5();
    let mut a = server.connect("myclientid");
    let mut b = server.connect("myclientid2");
    a.subscribe(A, 2 | NO_LOCAL);
    b.subscribe(A, 2 | NO_LOCAL);
    a.publish(A, 1, "noLocal test");
    b.expect_message(A, 1, "noLocal test");
    a.expect_nothing();

    let mut a = server.connect("myclientid");
    a.subscribe(A, 2 | RETAIN_AS_PUBLISHED);
    b.publish(A, 1, "retain as published false");
    b.publish_retained(A, 1, "retain as published true");
    a.expect_message(A, 1, "retain as published false");
    a.expect_retained(A, 1, "retain as published true");

    for (topic, (qos, payload)) in [A_B, T_C, A_C].into_iter().zip(ONE_OF_EACH_QOS) {
        b.publish_retained(topic, qos, payload);
    }
    // Retain handling, and how many come at the first and at the second SUBSCRIBE.
    for (handling, first, second) in [(1, 3, 0), (2, 0, 0), (0, 3, 3)] {
        let mut a = server.connect("myclientid");
        for count in [first, second] {
            a.subscribe(TWO_LEVELS, 2 | handling << 4);
            assert_eq!(receive(&mut a, count), pairs(&ONE_OF_EACH_QOS[..count]));
            a.expect_nothing();
        }
    }
}

#[test]
fn paho_5_assigned_clientid() {
    let server = start_v5();
    let (_client, answer) = server.connack(&server.clean("").octets());
    assert!(answer.properties.get(ASSIGNED_CLIENT_ID).is_some_and(|id| !id.is_empty()));
}

#[test]
fn paho_5_subscribe_identifiers() {
    let server = start_v5();
    let mut a = server.connect("myclientid");
    a.send(&subscribe_with(Version::V5, 1, &subscription_id(456_789), &[(A, 2)]));
    a.expect_suback(1, &[2]);
    let mut b = server.connect("myclientid2");
    for (id, filter) in [(2, A.to_owned()), (3, format!("{A}/#"))] {
        b.send(&subscribe_with(Version::V5, id as u16, &subscription_id(id), &[(&filter, 2)]));
        b.expect_suback(id as u16, &[2]);
    }
    server.connect("myclientid3").publish(A, 1, "sub identifier test");
    assert_eq!(a.expect_message(A, 1, "sub identifier test").properties.number(SUBSCRIPTION_ID), Some(456_789));
    let message = b.expect_message(A, 1, "sub identifier test");
    let mut ids = message.properties.all(SUBSCRIPTION_ID);
    ids.sort_unstable();
    assert_eq!(ids, [[0, 0, 0, 2], [0, 0, 0, 3]]);
    b.expect_nothing();
}

#[test]
fn paho_5_request_response() {
    let server = start_v5();
    let mut requester = server.connect("myclientid");
    let mut responder = server.connect("myclientid2");
    requester.subscribe(A, 2 | NO_LOCAL);
    responder.subscribe(A, 2 | NO_LOCAL);
    let properties = [text(RESPONSE_TOPIC, A), text(CORRELATION_DATA, "334")].concat();
    requester.publish_with(&Publish { flags: 2, topic: A, properties, payload: b"request", id: None });
    let request = responder.expect_message(A, 1, "request");
    assert_eq!(request.properties.get(RESPONSE_TOPIC), Some(A.as_bytes()));
    let correlation = request.properties.get(CORRELATION_DATA).expect("it was sent");
    let properties = text(CORRELATION_DATA, correlation);
    responder.publish_with(&Publish { flags: 2, topic: A, properties, payload: b"response", id: None });
    let response = requester.expect_message(A, 1, "response");
    assert_eq!(response.properties.get(CORRELATION_DATA), Some(&b"334"[..]));
}

#[test]
fn paho_5_client_topic_alias() {
    let server = start_v5();
    let aliased = |topic, alias| Publish { flags: 2, topic, properties: two(TOPIC_ALIAS, alias), ..Publish::default() };
    let mut client = server.connect("myclientid");
    client.send_publish(&Publish { id: Some(1), ..aliased(A, 0) });
    client.expect_end_for_one_of(&[0x82, 0x94]);

    let mut watcher = server.connect("myclientid2");
    watcher.subscribe(A, 2);
    let connect =
        server.resume("myclientid").property(four(SESSION_EXPIRY, KEEP)).property(two(TOPIC_ALIAS_MAXIMUM, 0));
    let (mut client, answer) = server.connack(&connect.octets());
    assert!(answer.properties.number(TOPIC_ALIAS_MAXIMUM).is_some_and(|maximum| maximum > 0));
    client.publish_with(&aliased(A, 1));
    watcher.expect_message(A, 1, "");
    client.publish_with(&aliased("", 1));
    watcher.expect_message(A, 1, "");
    client.leave();

    let (mut client, _) = server.connect_as(&connect);
    client.publish(A, 1, "topic alias 3");
    watcher.expect_message(A, 1, "topic alias 3");
    client.send_publish(&Publish { id: Some(9), ..aliased("", 1) });
    client.expect_end_for_one_of(&[0x82, 0x94]);
}

#[test]
fn paho_5_server_topic_alias() {
    let server = start_v5();
    for maximum in [1, 0] {
        let (mut client, _) =
            server.connect_as(&server.clean("myclientid").property(two(TOPIC_ALIAS_MAXIMUM, maximum)));
        client.subscribe(A, 2);
        let mut publisher = server.connect("myclientid2");
        for (qos, topic) in [(0, A), (1, if maximum > 0 { "" } else { A }), (2, if maximum > 0 { "" } else { A })] {
            publisher.publish(A, qos, "topic alias 1");
            let message = client.receive_message();
            client.acknowledge(&message);
            assert_eq!(message.topic, topic);
            assert_eq!(message.properties.number(TOPIC_ALIAS), (maximum > 0).then_some(1));
        }
    }
}

#[test]
fn paho_5_maximum_packet_size() {
    let server = start_v5();
    let (mut client, _) = server.connect_as(&server.clean("myclientid").property(four(MAXIMUM_PACKET_SIZE, 64)));
    client.subscribe(A, 2);
    let mut publisher = server.connect("myclientid2");
    publisher.publish(A, 0, &".".repeat(32));
    client.expect_message(A, 0, &".".repeat(32));
    publisher.publish(A, 1, &".".repeat(64));
    client.expect_nothing();
}

#[test]
fn paho_5_server_keep_alive() {
    let server = Server::start_with(Version::V5, "[gateway]\nmax_keep_alive_s = 60\n");
    let (_client, answer) = server.connack(&server.clean("myclientid").keep_alive_s(120).octets());
    assert_eq!(answer.properties.number(SERVER_KEEP_ALIVE), Some(60));
}

#[test]
fn paho_5_flow_control1() {
    let server = start_v5();
    let connect = server.clean("myclientid").property(two(RECEIVE_MAXIMUM, 2)).property(four(SESSION_EXPIRY, 0));
    let (mut client, _) = server.connect_as(&connect);
    client.subscribe(A, 2);
    let mut publisher = server.connect("myclientid2");
    for payload in ["message 1", "message 2", "message 3"] {
        publisher.publish(A, 1, payload);
    }
    let [one, _two] = [client.receive_message(), client.receive_message()];
    client.expect_nothing();
    client.send(&ack(PUBACK, one.id.expect("QoS 1")));
    assert_eq!(client.receive_message().text(), "message 3");
}

#[test]
fn paho_5_flow_control2() {
    let server = start_v5();
    let (mut client, answer) = server.connack(&server.clean("myclientid").octets());
    let maximum = answer.properties.number(RECEIVE_MAXIMUM).unwrap_or(65_535) as u16;
    let publish = |id| Publish { flags: 4, topic: A, id: Some(id), ..Publish::default() }.octets(Version::V5);
    client.send(&(1..=maximum + 1).flat_map(publish).collect::<Vec<_>>());
    (1..=maximum).for_each(|id| client.expect_ack(PUBREC, id));
    client.expect_end(0x93);
}

#[test]
fn paho_5_will_delay() {
    let server = start_v5();
    let mut watcher = server.connect("myclientid2");
    watcher.subscribe(A, 2);
    // The delay, the session's expiry, and what the will waits for, in seconds.
    for (delay_s, expiry_s, waits_s) in [(1, 500, 1), (500, 0, 0), (500, 1, 1)] {
        let will = Will { properties: four(WILL_DELAY, delay_s), ..Will::new(A, "test_will_delay will message") };
        let connect = server.clean("myclientid").property(four(SESSION_EXPIRY, expiry_s)).will(will);
        let (client, _) = server.connect_as(&connect);
        let start = Instant::now();
        client.vanish();
        watcher.expect_message(A, 0, "test_will_delay will message");
        assert!((waits_s..500).contains(&start.elapsed().as_secs()));
    }
}

#[test]
fn paho_5_shared_subscriptions() {
    let server = start_v5();
    let mut clients = ["myclientid", "myclientid2"].map(|client_id| server.connect(client_id));
    for client in &mut clients {
        client.send(&subscribe(Version::V5, 1, &[("$share/sharename/client_test5/x", 2), (A, 2)]));
        client.expect_suback(1, &[2, 2]);
    }
    let mut publisher = server.connect("publisher");
    publisher.publish(A, 0, "message 0");
    clients.iter_mut().for_each(|client| drop(client.expect_message(A, 0, "message 0")));
    publisher.publish("client_test5/x", 0, "message 0");
    let received = clients.iter_mut().filter_map(|client| {
        client.send(&[0xC0, 0]);
        let is_message = client.receive().0 == 0x30;
        is_message.then(|| assert_eq!(client.receive().0, 0xD0))
    });
    assert_eq!(received.count(), 1, "one of the two got it");
}
