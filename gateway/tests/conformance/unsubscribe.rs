//! UNSUBSCRIBE and UNSUBACK (3.1.1 §3.10 and §3.11, 5.0 §3.10 and §3.11).

use crate::client::in_both;
use crate::octets::{packet, properties, subscribe, unsubscribe};

const PROTOCOL_ERROR: u8 = 0x82;
const NO_SUBSCRIPTION_EXISTED: u8 = 0x11;

#[test]
fn an_unsubscribe_without_a_filter_ends_the_connection() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.send(&packet(0xA2, &[&[0, 1], &properties(server.version, &[])]));
        client.expect_end(PROTOCOL_ERROR);
    });
}

#[test]
fn only_the_very_same_filter_is_deleted() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.subscribe("a/b", 1);
        for other in ["a/+", "a/#", "#", "a/B", "a/b/", "/a/b", "a/b/#"] {
            let id = client.next_id();
            client.send(&unsubscribe(server.version, id, &[other]));
            client.expect_unsuback(id, &[NO_SUBSCRIPTION_EXISTED]);
        }
        let mut publisher = server.connect("publisher");
        publisher.publish("a/b", 1, "still");
        client.expect_message("a/b", 1, "still");
        client.unsubscribe("a/b");
        publisher.publish("a/b", 1, "no more");
        client.expect_nothing();
    });
}

#[test]
fn a_wildcard_filter_is_deleted_by_its_own_characters() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.subscribe("a/+", 1);
        client.subscribe("a/#", 1);
        client.unsubscribe("a/+");
        let mut publisher = server.connect("publisher");
        publisher.publish("a/b", 1, "by the other");
        client.expect_message("a/b", 1, "by the other");
        client.unsubscribe("a/#");
        publisher.publish("a/b", 1, "no more");
        client.expect_nothing();
    });
}

#[test]
fn what_has_been_sent_before_is_completed() {
    in_both(|server| {
        let (mut client, _) = server.connect_as(&server.keep("client"));
        client.subscribe("t", 2);
        let mut publisher = server.connect("publisher");
        publisher.publish("t", 1, "one");
        publisher.publish("t", 2, "two");
        let (one, two) = (client.receive_message(), client.receive_message());
        client.unsubscribe("t");
        client.vanish();
        // Delivery has begun, so it goes on, although nobody has subscribed any more.
        let (mut client, _) = server.connect_as(&server.keep("client"));
        for before in [one, two] {
            let again = client.receive_message();
            assert_eq!((again.dup, again.id, again.text()), (true, before.id, before.text()));
            client.acknowledge(&again);
        }
        client.expect_nothing();
    });
}

#[test]
fn an_unsubscribe_is_answered_even_where_there_was_no_subscription() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.send(&unsubscribe(server.version, 0x0102, &["never"]));
        client.expect_unsuback(0x0102, &[NO_SUBSCRIPTION_EXISTED]);
    });
}

#[test]
fn several_filters_are_as_several_unsubscribes_with_one_answer() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.send(&subscribe(server.version, 1, &[("a", 0), ("b", 0), ("c", 0)]));
        client.expect_suback(1, &[0, 0, 0]);
        client.send(&unsubscribe(server.version, 2, &["a", "x", "b", "a"]));
        client.expect_unsuback(2, &[0, NO_SUBSCRIPTION_EXISTED, 0, NO_SUBSCRIPTION_EXISTED]);
        let mut publisher = server.connect("publisher");
        for topic in ["a", "b", "c"] {
            publisher.publish(topic, 0, "x");
        }
        client.expect_message("c", 0, "x");
        client.expect_nothing();
    });
}
