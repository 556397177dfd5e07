//! The cases of Eclipse Paho's interoperability suite for MQTT 3.1.1, `client_test.py`, each under its name there.

use crate::client::{BROKEN, Client, PUBREC, Server};
use crate::octets::{Publish, Version, Will, field, subscribe};

fn server() -> Server {
    Server::start(Version::V3)
}

/// The suite's topic to which nobody may subscribe.
pub(crate) const NO_SUBSCRIBE: &str = "\
[[access]]
deny = \"subscribe\"
topics = \"test/nosubscribe\"

[[access]]
allow = \"all\"
topics = \"#\"
";

/// Receives so many messages and acknowledges them.
fn receive(client: &mut Client, count: usize) -> Vec<(String, String)> {
    let mut messages = Vec::new();
    while messages.len() < count {
        let message = client.receive_message();
        client.acknowledge(&message);
        messages.push((message.topic.clone(), message.text().to_owned()));
    }
    messages
}

fn sorted(mut messages: Vec<(String, String)>) -> Vec<(String, String)> {
    messages.sort();
    messages
}

fn pairs(messages: &[(&str, &str)]) -> Vec<(String, String)> {
    messages.iter().map(|(topic, payload)| ((*topic).to_owned(), (*payload).to_owned())).collect()
}

#[test]
fn paho_basic() {
    let server = server();
    server.connect("myclientid").leave();
    let mut client = server.connect("myclientid");
    client.subscribe("TopicA", 2);
    let mut publisher = server.connect("myclientid2");
    for (qos, payload) in [(0, "qos 0"), (1, "qos 1"), (2, "qos 2")] {
        publisher.publish("TopicA", qos, payload);
        client.expect_message("TopicA", qos, payload);
    }
    client.leave();
    let mut twice = server.connect("myclientid");
    twice.send(&server.clean("myclientid").octets());
    twice.expect_close();
    let mut octets = server.clean("myclientid").octets();
    octets.splice(2..8, field("hj"));
    octets[1] -= 2;
    server.refuses_connect(&octets, BROKEN);
}

#[test]
fn paho_retained_messages() {
    let server = server();
    let mut client = server.connect("myclientid");
    let topics = [("TopicA/B", 0, "qos 0"), ("Topic/C", 1, "qos 1"), ("TopicA/C", 2, "qos 2")];
    for (topic, qos, payload) in topics {
        client.publish_retained(topic, qos, payload);
    }
    client.subscribe("+/+", 2);
    let retained = pairs(&[("Topic/C", "qos 1"), ("TopicA/B", "qos 0"), ("TopicA/C", "qos 2")]);
    assert_eq!(sorted(receive(&mut client, 3)), retained);
    client.leave();
    let mut client = server.connect("myclientid");
    for (topic, qos, _) in topics {
        client.publish_retained(topic, qos, "");
    }
    client.subscribe("+/+", 2);
    client.expect_nothing();
}

#[test]
fn paho_will_message() {
    let server = server();
    let will = Will::new("Topic/C", "client not disconnected");
    let (client, _) = server.connect_as(&server.clean("myclientid").keep_alive_s(2).will(will));
    let (mut watcher, _) = server.connect_as(&server.keep("myclientid2"));
    watcher.subscribe("Topic/C", 2);
    client.vanish();
    watcher.expect_message("Topic/C", 0, "client not disconnected");
}

#[test]
fn paho_zero_length_clientid() {
    let server = server();
    let (mut client, answer) = server.connack(&server.keep("").octets());
    assert_eq!(answer.code, 2);
    client.expect_close();
    server.connect("").leave();
}

#[test]
fn paho_offline_message_queueing() {
    let server = server();
    let (mut client, _) = server.connect_as(&server.keep("myclientid"));
    client.subscribe("+/+", 2);
    client.leave();
    let mut publisher = server.connect("myclientid2");
    publisher.publish("TopicA/B", 0, "qos 0");
    publisher.publish("Topic/C", 1, "qos 1");
    publisher.publish("TopicA/C", 2, "qos 2");
    let (mut client, session_present) = server.connect_as(&server.keep("myclientid"));
    assert!(session_present);
    // QoS 0 may wait or not.
    let first = receive(&mut client, 1).remove(0);
    let first = if first.1 == "qos 0" { receive(&mut client, 1).remove(0) } else { first };
    assert_eq!(first.1, "qos 1");
    assert_eq!(receive(&mut client, 1), pairs(&[("TopicA/C", "qos 2")]));
}

#[test]
fn paho_overlapping_subscriptions() {
    let server = server();
    let mut client = server.connect("myclientid");
    client.send(&subscribe(Version::V3, 1, &[("TopicA/#", 2), ("TopicA/+", 1)]));
    client.expect_suback(1, &[2, 1]);
    let mut publisher = server.connect("myclientid2");
    publisher.publish("TopicA/C", 2, "overlapping topic filters");
    client.expect_message("TopicA/C", 2, "overlapping topic filters");
    client.expect_nothing();
}

#[test]
fn paho_keepalive() {
    let server = server();
    // Five seconds there, one here.
    let will = Will::new("/TopicA", "keepalive expiry");
    let (mut client, _) = server.connect_as(&server.clean("myclientid").keep_alive_s(1).will(will));
    let (mut watcher, _) = server.connect_as(&server.clean("myclientid2").keep_alive_s(0));
    watcher.subscribe("/TopicA", 2);
    watcher.expect_message("/TopicA", 0, "keepalive expiry");
    client.expect_close();
}

#[test]
fn paho_redelivery_on_reconnect() {
    let server = server();
    let (mut client, _) = server.connect_as(&server.keep("myclientid2"));
    client.subscribe("TopicA/#", 2);
    client.send_publish(&Publish { flags: 2, topic: "TopicA/B", id: Some(5), ..Publish::default() });
    client.send_publish(&Publish { flags: 4, topic: "TopicA/C", id: Some(6), ..Publish::default() });
    let mut first: Vec<u8> = (0..4).map(|_| client.receive().0).collect();
    first.sort_unstable();
    assert_eq!(first, [0x32, 0x34, 0x40, PUBREC]);
    client.leave();
    let (mut client, _) = server.connect_as(&server.keep("myclientid2"));
    assert_eq!(receive(&mut client, 2), pairs(&[("TopicA/B", ""), ("TopicA/C", "")]));
}

#[test]
fn paho_subscribe_failure() {
    let server = Server::start_with(Version::V3, NO_SUBSCRIBE);
    let mut client = server.connect("myclientid");
    client.send(&subscribe(Version::V3, 1, &[("test/nosubscribe", 2)]));
    client.expect_suback(1, &[0x80]);
    client.subscribe("test/subscribe", 2);
}

#[test]
fn paho_dollar_topics() {
    let server = server();
    let mut client = server.connect("myclientid2");
    client.subscribe("+/+", 2);
    client.publish("$TopicA/B", 1, "");
    client.expect_nothing();
}

#[test]
fn paho_unsubscribe() {
    let server = server();
    let mut client = server.connect("myclientid2");
    for topic in ["TopicA", "TopicA/B", "Topic/C"] {
        client.subscribe(topic, 2);
    }
    client.unsubscribe("TopicA");
    let mut publisher = server.connect("myclientid");
    for topic in ["TopicA", "TopicA/B", "Topic/C"] {
        publisher.publish(topic, 1, "");
    }
    assert_eq!(receive(&mut client, 2), pairs(&[("TopicA/B", ""), ("Topic/C", "")]));
    client.expect_nothing();
}
