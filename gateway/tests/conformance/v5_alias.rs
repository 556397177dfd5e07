//! Topic aliases (5.0 §3.3.2.3.4).

use crate::client::{PUBACK, start_v5};
use crate::octets::Publish;
use crate::property::*;

const TOPIC_ALIAS_INVALID: u8 = 0x94;

fn aliased(topic: &'static str, alias: u16, payload: &'static [u8]) -> Publish<'static> {
    Publish { topic, properties: two(TOPIC_ALIAS, alias), payload, ..Publish::default() }
}

#[test]
fn an_alias_stands_for_the_topic_from_its_first_use_on() {
    let server = start_v5();
    let mut subscriber = server.connect("subscriber");
    subscriber.subscribe("#", 1);
    let (mut publisher, answer) = server.connack(&server.clean("publisher").octets());
    let maximum = answer.properties.number(TOPIC_ALIAS_MAXIMUM).expect("aliases are taken") as u16;
    // All from 1 to the maximum.
    for alias in [1, maximum] {
        publisher.publish_with(&aliased("first", alias, b"a"));
        publisher.publish_with(&aliased("", alias, b"b"));
        publisher.publish_with(&aliased("second", alias, b"c"));
        publisher.publish_with(&aliased("", alias, b"d"));
        for (topic, payload) in [("first", "a"), ("first", "b"), ("second", "c"), ("second", "d")] {
            let message = subscriber.expect_message(topic, 0, payload);
            assert_eq!(message.properties.get(TOPIC_ALIAS), None, "an alias is not passed on");
        }
    }
}

#[test]
fn an_alias_of_zero_or_beyond_the_maximum_ends_the_connection() {
    let server = start_v5();
    let (_, answer) = server.connack(&server.clean("client").octets());
    let maximum = answer.properties.number(TOPIC_ALIAS_MAXIMUM).unwrap_or(0) as u16;
    for alias in [0, maximum + 1, u16::MAX] {
        let mut client = server.connect("client");
        client.send_publish(&aliased("t", alias, b"x"));
        client.expect_end_for_one_of(&[0x82, TOPIC_ALIAS_INVALID]);
    }
}

#[test]
fn an_alias_that_stands_for_nothing_ends_the_connection() {
    let server = start_v5();
    let mut client = server.connect("client");
    client.send_publish(&aliased("", 1, b"x"));
    client.expect_end_for_one_of(&[0x82, TOPIC_ALIAS_INVALID]);
}

#[test]
fn neither_a_topic_nor_an_alias_ends_the_connection() {
    let server = start_v5();
    let mut client = server.connect("client");
    client.send_publish(&Publish { topic: "", ..Publish::default() });
    client.expect_end(0x82);
}

#[test]
fn an_alias_does_not_outlive_its_connection() {
    let server = start_v5();
    let (mut client, _) = server.connect_as(&server.keep("client"));
    client.publish_with(&aliased("t", 1, b"x"));
    client.vanish();
    let (mut client, session_present) = server.connect_as(&server.keep("client"));
    assert!(session_present);
    client.send_publish(&aliased("", 1, b"x"));
    client.expect_end_for_one_of(&[0x82, TOPIC_ALIAS_INVALID]);
}

#[test]
fn an_alias_belongs_to_its_direction_and_its_connection() {
    let server = start_v5();
    let (mut client, _) = server.connect_as(&server.clean("client").property(two(TOPIC_ALIAS_MAXIMUM, 1)));
    client.subscribe("#", 0);
    let mut other = server.connect("other");
    other.publish_with(&aliased("others", 1, b"x"));
    assert_eq!(client.receive_message().topic, "others");
    client.send_publish(&aliased("", 1, b"x"));
    client.expect_end_for_one_of(&[0x82, TOPIC_ALIAS_INVALID]);
}

#[test]
fn a_client_that_takes_no_aliases_gets_none() {
    let server = start_v5();
    for connect in [server.clean("client"), server.clean("client").property(two(TOPIC_ALIAS_MAXIMUM, 0))] {
        let (mut client, _) = server.connect_as(&connect);
        client.subscribe("t", 0);
        let mut publisher = server.connect("publisher");
        for _ in 0..3 {
            publisher.publish("t", 0, "x");
            let message = client.expect_message("t", 0, "x");
            assert_eq!(message.properties.get(TOPIC_ALIAS), None);
        }
    }
}

#[test]
fn a_client_that_takes_aliases_gets_no_more_than_it_takes() {
    let server = start_v5();
    let (mut client, _) = server.connect_as(&server.clean("client").property(two(TOPIC_ALIAS_MAXIMUM, 2)));
    client.subscribe("#", 1);
    let mut publisher = server.connect("publisher");
    let mut known: [Option<String>; 2] = [None, None];
    for topic in ["a", "b", "c", "a", "b", "c", "a", "a"] {
        publisher.publish(topic, 1, "x");
        let message = client.receive_message();
        client.acknowledge(&message);
        let alias = message.properties.number(TOPIC_ALIAS);
        let name = match alias {
            None => message.topic,
            Some(alias @ 1..=2) => {
                let known = &mut known[alias as usize - 1];
                if !message.topic.is_empty() {
                    *known = Some(message.topic);
                }
                known.clone().expect("the name came before")
            }
            Some(other) => panic!("alias {other}"),
        };
        assert_eq!(name, topic);
    }
}

#[test]
fn what_is_sent_again_on_another_connection_has_its_topic_again() {
    let server = start_v5();
    let connect = server.keep("client").property(two(TOPIC_ALIAS_MAXIMUM, 5));
    let (mut client, _) = server.connect_as(&connect);
    client.subscribe("t", 1);
    let mut publisher = server.connect("publisher");
    publisher.publish("t", 1, "one");
    publisher.publish("t", 1, "two");
    let _ = (client.receive_message(), client.receive_message());
    client.vanish();
    let (mut client, _) = server.connect_as(&connect);
    let one = client.receive_message();
    assert_eq!((&*one.topic, one.text(), one.dup), ("t", "one", true));
    let two = client.receive_message();
    assert!(two.topic == "t" || two.properties.number(TOPIC_ALIAS) == one.properties.number(TOPIC_ALIAS), "{two:?}");
}

#[test]
fn a_message_of_qos_1_may_come_under_an_alias() {
    let server = start_v5();
    let mut client = server.connect("client");
    client.send_publish(&Publish { flags: 2, id: Some(1), ..aliased("t", 1, b"x") });
    client.expect_ack(PUBACK, 1);
    client.send_publish(&Publish { flags: 2, id: Some(2), ..aliased("", 1, b"x") });
    client.expect_ack(PUBACK, 2);
}
