//! What SUBSCRIBE has in 5.0 only (§3.8.2.1.2 and §3.8.3.1): options and identifiers.

use crate::client::{Server, start_v5};
use crate::octets::{Publish, Version, packet, subscribe, subscribe_with};
use crate::property::*;

const NO_LOCAL: u8 = 0x04;
const RETAIN_AS_PUBLISHED: u8 = 0x08;
const RETAIN_IF_NEW: u8 = 0x10;
const DO_NOT_SEND_RETAINED: u8 = 0x20;

const PROTOCOL_ERROR: u8 = 0x82;

#[test]
fn no_local_keeps_the_publisher_s_own_messages_away() {
    let server = start_v5();
    let mut one = server.connect("one");
    one.subscribe("t", 1 | NO_LOCAL);
    let mut two = server.connect("two");
    two.subscribe("t", 1 | NO_LOCAL);
    one.publish("t", 1, "from one");
    two.expect_message("t", 1, "from one");
    one.expect_nothing();
    two.publish("t", 1, "from two");
    one.expect_message("t", 1, "from two");
    two.expect_nothing();
}

#[test]
fn no_local_is_about_the_client_id_whatever_the_connection() {
    let server = start_v5();
    let (mut client, _) = server.connect_as(&server.keep("client"));
    client.subscribe("t", 1 | NO_LOCAL);
    client.vanish();
    let (mut client, _) = server.connect_as(&server.keep("client"));
    client.publish("t", 1, "my own");
    client.expect_nothing();
}

#[test]
fn no_local_of_one_subscription_says_nothing_of_another() {
    let server = start_v5();
    let mut client = server.connect("client");
    client.subscribe("t", NO_LOCAL);
    client.subscribe("+", 0);
    client.send_publish(&Publish { topic: "t", payload: b"x", ..Publish::default() });
    client.expect_message("t", 0, "x");
    client.expect_nothing();
}

#[test]
fn no_local_on_a_shared_subscription_ends_the_connection() {
    let server = start_v5();
    let mut client = server.connect("client");
    client.send(&subscribe(Version::V5, 1, &[("$share/s/t", NO_LOCAL)]));
    client.expect_end(PROTOCOL_ERROR);
}

#[test]
fn retain_comes_as_published_if_asked_for() {
    let server = start_v5();
    let mut as_published = server.connect("as published");
    as_published.subscribe("t", RETAIN_AS_PUBLISHED);
    let mut cleared = server.connect("cleared");
    cleared.subscribe("t", 0);
    let mut publisher = server.connect("publisher");
    publisher.publish_retained("t", 0, "kept");
    publisher.publish("t", 0, "passing");
    as_published.expect_retained("t", 0, "kept");
    as_published.expect_message("t", 0, "passing");
    cleared.expect_message("t", 0, "kept");
    cleared.expect_message("t", 0, "passing");
}

fn with_a_retained_message() -> Server {
    let server = start_v5();
    server.connect("publisher").publish_retained("t", 1, "kept");
    server
}

#[test]
fn retain_handling_0_sends_at_each_subscribe() {
    let server = with_a_retained_message();
    let mut client = server.connect("client");
    for _ in 0..2 {
        client.subscribe("t", 1);
        client.expect_retained("t", 1, "kept");
    }
}

#[test]
fn retain_handling_1_sends_to_new_subscriptions_only() {
    let server = with_a_retained_message();
    let mut client = server.connect("client");
    client.subscribe("t", 1 | RETAIN_IF_NEW);
    client.expect_retained("t", 1, "kept");
    client.subscribe("t", 1 | RETAIN_IF_NEW);
    client.expect_nothing();
    client.unsubscribe("t");
    client.subscribe("t", 1 | RETAIN_IF_NEW);
    client.expect_retained("t", 1, "kept");
}

#[test]
fn retain_handling_2_sends_never() {
    let server = with_a_retained_message();
    let mut client = server.connect("client");
    for _ in 0..2 {
        client.subscribe("t", 1 | DO_NOT_SEND_RETAINED);
        client.expect_nothing();
    }
}

#[test]
fn retain_handling_3_ends_the_connection() {
    let server = start_v5();
    let mut client = server.connect("client");
    client.send(&subscribe(Version::V5, 1, &[("t", 0x30)]));
    client.expect_end(PROTOCOL_ERROR);
}

/// The subscription identifiers of the next message, in order.
fn ids_of_next(client: &mut crate::client::Client) -> Vec<u32> {
    let message = client.receive_message();
    client.acknowledge(&message);
    let ids = message.properties.all(SUBSCRIPTION_ID);
    let mut ids: Vec<u32> = ids.into_iter().map(|id| u32::from_be_bytes(id.try_into().expect("four octets"))).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn a_message_tells_the_identifiers_of_the_subscriptions_that_it_matches() {
    let server = start_v5();
    let mut client = server.connect("client");
    for (id, filters) in [(7, &[("a/+", 0), ("b", 1)][..]), (268_435_455, &[("a/#", 1)]), (1, &[("c", 0)])] {
        client.send(&subscribe_with(Version::V5, 1, &subscription_id(id), filters));
        client.expect_suback(1, &filters.iter().map(|(_, qos)| *qos).collect::<Vec<_>>());
    }
    client.subscribe("#", 0);
    let mut publisher = server.connect("publisher");
    for (topic, ids) in [("a/b", &[7, 268_435_455][..]), ("b", &[7]), ("a", &[268_435_455]), ("c", &[1]), ("d", &[])] {
        publisher.publish(topic, 1, "x");
        assert_eq!(ids_of_next(&mut client), ids, "{topic}");
    }
    client.expect_nothing();
}

#[test]
fn a_new_subscription_has_a_new_identifier_or_none() {
    let server = start_v5();
    let mut client = server.connect("client");
    let mut publisher = server.connect("publisher");
    for (given, ids) in [(subscription_id(1), &[1][..]), (subscription_id(200), &[200]), (vec![], &[])] {
        client.send(&subscribe_with(Version::V5, 1, &given, &[("t", 0)]));
        client.expect_suback(1, &[0]);
        publisher.publish("t", 0, "x");
        assert_eq!(ids_of_next(&mut client), ids);
    }
}

#[test]
fn retained_messages_and_those_that_waited_have_identifiers_too() {
    let server = with_a_retained_message();
    let (mut client, _) = server.connect_as(&server.keep("client"));
    client.send(&subscribe_with(Version::V5, 1, &subscription_id(9), &[("t", 1)]));
    client.expect_suback(1, &[1]);
    assert_eq!(ids_of_next(&mut client), [9]);
    client.expect_nothing();
    client.vanish();
    server.connect("publisher").publish("t", 1, "x");
    let (mut client, _) = server.connect_as(&server.keep("client"));
    assert_eq!(ids_of_next(&mut client), [9]);
}

#[test]
fn a_second_identifier_ends_the_connection() {
    let server = start_v5();
    let mut client = server.connect("client");
    let twice = [subscription_id(1), subscription_id(2)].concat();
    client.send(&subscribe_with(Version::V5, 1, &twice, &[("t", 0)]));
    client.expect_end(PROTOCOL_ERROR);
}

#[test]
fn each_filter_of_an_unsubscribe_has_its_code() {
    let server = start_v5();
    let mut client = server.connect("client");
    client.subscribe("a", 0);
    client.send(&packet(0xA2, &[&[0, 9, 0], b"\0\x01x", b"\0\x01a", b"\0\x03#/a"]));
    let (first, body) = client.receive();
    assert_eq!((first, &body[..5]), (0xB0, &[0, 9, 0, 0x11, 0][..]));
    assert!([0x11, 0x8F].contains(&body[5]), "a filter that is none: {body:02x?}");
}
