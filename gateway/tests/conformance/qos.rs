//! The exchanges of each QoS, and order (3.1.1 §4.3 to §4.6, 5.0 §4.3 to §4.6).

use crate::client::{BOTH, PUBACK, PUBCOMP, PUBREC, PUBREL, Server, in_both};
use crate::octets::{Publish, Version, ack};

fn qos_1(id: u16, flags: u8, payload: &[u8]) -> Publish<'_> {
    Publish { flags: 2 | flags, topic: "t", id: Some(id), payload, ..Publish::default() }
}

fn qos_2(id: u16, flags: u8, payload: &[u8]) -> Publish<'_> {
    Publish { flags: 4 | flags, topic: "t", id: Some(id), payload, ..Publish::default() }
}

const DUP: u8 = 8;

#[test]
fn a_message_of_qos_0_is_sent_once_and_not_acknowledged() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.subscribe("t", 0);
        let publish = Publish { topic: "t", payload: b"x", ..Publish::default() };
        client.send_publish(&publish);
        client.expect(&publish.octets(server.version));
        client.expect_nothing();
    });
}

#[test]
fn after_puback_the_same_identifier_is_a_new_message() {
    in_both(|server| {
        let mut subscriber = server.connect("subscriber");
        subscriber.subscribe("t", 1);
        let mut publisher = server.connect("publisher");
        for (flags, payload) in [(0, "one"), (0, "two"), (DUP, "three")] {
            publisher.send_publish(&qos_1(1, flags, payload.as_bytes()));
            publisher.expect_ack(PUBACK, 1);
            subscriber.expect_message("t", 1, payload);
        }
    });
}

#[test]
fn a_message_of_qos_1_is_unacknowledged_until_its_puback() {
    in_both(|server| {
        let (mut client, _) = server.connect_as(&server.keep("client"));
        client.subscribe("t", 1);
        server.connect("publisher").publish("t", 1, "x");
        let first = client.receive_message();
        assert_eq!((first.dup, first.qos), (false, 1));
        // Neither another's PUBACK nor a PUBREC is its own.
        client.send(&ack(PUBACK, first.id.expect("QoS 1") ^ 0x40));
        client.expect_nothing();
        client.vanish();
        let (mut client, _) = server.connect_as(&server.keep("client"));
        let again = client.receive_message();
        assert_eq!((again.dup, again.id), (true, first.id));
    });
}

#[test]
fn a_message_of_qos_2_is_published_once_until_pubrel() {
    in_both(|server| {
        let mut subscriber = server.connect("subscriber");
        subscriber.subscribe("t", 2);
        let mut publisher = server.connect("publisher");
        for flags in [0, DUP, DUP, 0] {
            publisher.send_publish(&qos_2(1, flags, b"once"));
            publisher.expect_ack(PUBREC, 1);
        }
        subscriber.expect_message("t", 2, "once");
        publisher.send(&ack(PUBREL, 1));
        publisher.expect_ack(PUBCOMP, 1);
        subscriber.expect_nothing();
        publisher.send_publish(&qos_2(1, 0, b"new"));
        publisher.expect_ack(PUBREC, 1);
        publisher.send(&ack(PUBREL, 1));
        publisher.expect_ack(PUBCOMP, 1);
        subscriber.expect_message("t", 2, "new");
    });
}

#[test]
fn a_message_of_qos_2_is_published_once_over_two_connections() {
    in_both(|server| {
        let mut subscriber = server.connect("subscriber");
        subscriber.subscribe("t", 2);
        let (mut publisher, _) = server.connect_as(&server.keep("publisher"));
        publisher.send_publish(&qos_2(1, 0, b"once"));
        publisher.expect_ack(PUBREC, 1);
        publisher.vanish();
        let (mut publisher, _) = server.connect_as(&server.keep("publisher"));
        publisher.send_publish(&qos_2(1, DUP, b"once"));
        publisher.expect_ack(PUBREC, 1);
        publisher.send(&ack(PUBREL, 1));
        publisher.expect_ack(PUBCOMP, 1);
        subscriber.expect_message("t", 2, "once");
        subscriber.expect_nothing();
    });
}

#[test]
fn a_pubrel_again_is_answered_again() {
    // The PUBCOMP may have been lost; 5.0 says that nothing is known of it.
    in_both(|server| {
        let mut client = server.connect("client");
        client.publish("t", 2, "x");
        client.send(&ack(PUBREL, 1));
        let not_found = if server.version == Version::V5 { 0x92 } else { 0 };
        assert_eq!(client.receive_ack(PUBCOMP, 1), not_found);
    });
}

#[test]
fn a_message_of_qos_2_goes_through_publish_pubrec_pubrel_pubcomp() {
    in_both(|server| {
        let (mut client, _) = server.connect_as(&server.keep("client"));
        client.subscribe("t", 2);
        server.connect("publisher").publish("t", 2, "x");
        let first = client.receive_message();
        let id = first.id.expect("QoS 2");
        assert_eq!((first.dup, first.qos), (false, 2));
        client.send(&ack(PUBREC, id));
        client.expect_ack(PUBREL, id);
        client.vanish();
        // The PUBREL is unacknowledged until its PUBCOMP, and then nothing is left.
        let (mut client, _) = server.connect_as(&server.keep("client"));
        client.expect_ack(PUBREL, id);
        client.send(&ack(PUBCOMP, id));
        client.expect_nothing();
        client.vanish();
        let (mut client, _) = server.connect_as(&server.keep("client"));
        client.expect_nothing();
    });
}

#[test]
fn a_message_of_qos_2_is_unacknowledged_until_its_pubrec() {
    in_both(|server| {
        let (mut client, _) = server.connect_as(&server.keep("client"));
        client.subscribe("t", 2);
        server.connect("publisher").publish("t", 2, "x");
        let first = client.receive_message();
        client.vanish();
        let (mut client, _) = server.connect_as(&server.keep("client"));
        let again = client.receive_message();
        assert_eq!((again.dup, again.qos, again.id), (true, 2, first.id));
    });
}

#[test]
fn messages_come_in_the_order_in_which_they_were_published() {
    in_both(|server| {
        for qos in [0, 1, 2] {
            let mut subscriber = server.connect("subscriber");
            subscriber.subscribe("t", 2);
            let mut publisher = server.connect("publisher");
            for n in 0..50 {
                publisher.publish("t", qos, &n.to_string());
            }
            for n in 0..50 {
                subscriber.expect_message("t", qos, &n.to_string());
            }
        }
    });
}

#[test]
fn pubrels_come_in_the_order_of_the_pubrecs() {
    in_both(|server| {
        let mut subscriber = server.connect("subscriber");
        subscriber.subscribe("t", 2);
        let mut publisher = server.connect("publisher");
        publisher.publish("t", 2, "one");
        publisher.publish("t", 2, "two");
        let one = subscriber.receive_message().id.expect("QoS 2");
        let two = subscriber.receive_message().id.expect("QoS 2");
        subscriber.send(&[ack(PUBREC, two), ack(PUBREC, one)].concat());
        subscriber.expect_ack(PUBREL, two);
        subscriber.expect_ack(PUBREL, one);
    });
}

#[test]
fn acknowledgements_come_in_the_order_of_the_messages() {
    in_both(|server| {
        let mut client = server.connect("client");
        let octets: Vec<u8> = (1..=20).flat_map(|id| qos_1(id, 0, b"x").octets(server.version)).collect();
        client.send(&octets);
        (1..=20).for_each(|id| client.expect_ack(PUBACK, id));
        let octets: Vec<u8> = (1..=20).flat_map(|id| qos_2(id, 0, b"x").octets(server.version)).collect();
        client.send(&octets);
        (1..=20).for_each(|id| client.expect_ack(PUBREC, id));
    });
}

#[test]
fn a_message_is_added_to_all_sessions_that_have_subscribed() {
    in_both(|server| {
        let (mut away, _) = server.connect_as(&server.keep("away"));
        away.subscribe("t", 1);
        away.vanish();
        let mut here = server.connect("here");
        here.subscribe("#", 1);
        server.connect("publisher").publish("t", 1, "x");
        here.expect_message("t", 1, "x");
        let (mut away, _) = server.connect_as(&server.keep("away"));
        away.expect_message("t", 1, "x");
    });
}

#[test]
fn an_acknowledgement_with_other_flags_is_malformed() {
    in_both(|server: &Server| {
        let mut client = server.connect("client");
        client.publish("t", 1, "x");
        // PUBREL with 0000 instead of 0010.
        client.send(&ack(0x60, 1));
        client.expect_end(0x81);
    });
}

#[test]
fn more_unreleased_messages_than_there_is_room_for_end_the_connection() {
    for version in BOTH {
        let server = Server::start_with(version, "[limits]\nincoming_qos2 = 2\n");
        let mut client = server.connect("client");
        for id in [1, 2] {
            client.send_publish(&qos_2(id, 0, b"x"));
            client.expect_ack(PUBREC, id);
        }
        client.send_publish(&qos_2(3, 0, b"x"));
        client.expect_end(0x93);
    }
}
