//! Topic names and filters (3.1.1 §4.7, 5.0 §4.7).

use crate::client::{BOTH, Server, in_both};
use crate::octets::{Publish, Version, packet, properties, subscribe, unsubscribe};

/// Which of `topics` reach a subscriber to `filter`.
fn matched<'a>(server: &Server, filter: &str, topics: &[&'a str]) -> Vec<&'a str> {
    let mut subscriber = server.connect("subscriber");
    subscriber.subscribe(filter, 0);
    let mut publisher = server.connect("publisher");
    let reached = topics.iter().filter(|topic| {
        publisher.publish(topic, 0, "x");
        // What comes before the answer is the message, or nothing.
        subscriber.send(&[0xC0, 0]);
        let is_message = subscriber.receive().0 == 0x30;
        if is_message {
            assert_eq!(subscriber.receive().0, 0xD0);
        }
        is_message
    });
    reached.copied().collect()
}

#[test]
fn wildcards_match_as_the_standard_s_examples_say() {
    in_both(|server| {
        let tennis = ["sport/tennis/player1", "sport/tennis/player1/ranking", "sport/tennis/player1/score/wimbledon"];
        assert_eq!(matched(server, "sport/tennis/player1/#", &tennis), tennis);
        assert_eq!(matched(server, "sport/#", &["sport", "sport/", "sports"]), ["sport", "sport/"]);
        let players = ["sport/tennis/player1", "sport/tennis/player2", "sport/tennis/player1/ranking"];
        assert_eq!(matched(server, "sport/tennis/+", &players), players[..2]);
        assert_eq!(matched(server, "sport/+", &["sport", "sport/"]), ["sport/"]);
        assert_eq!(matched(server, "+/+", &["/finance", "finance"]), ["/finance"]);
        assert_eq!(matched(server, "/+", &["/finance", "finance"]), ["/finance"]);
        assert_eq!(matched(server, "+", &["/finance", "finance"]), ["finance"]);
        assert_eq!(
            matched(server, "+/tennis/#", &["sport/tennis", "x/tennis/y", "tennis"]),
            ["sport/tennis", "x/tennis/y"]
        );
        assert_eq!(matched(server, "#", &["a", "/", "a/b"]), ["a", "/", "a/b"]);
    });
}

/// A filter that is none: told so in the SUBACK.
fn is_refused(server: &Server, filters: &[&str]) {
    let mut client = server.connect("client");
    for (id, filter) in (1..).zip(filters) {
        client.send(&subscribe(server.version, id, &[(filter, 1)]));
        let failed = if server.version == Version::V5 { 0x8F } else { 0x80 };
        client.expect_suback(id, &[failed]);
    }
}

#[test]
fn the_multi_level_wildcard_is_the_last_level() {
    in_both(|server| is_refused(server, &["sport/tennis#", "sport/tennis/#/ranking", "#/a", "a#", "##"]));
}

#[test]
fn the_single_level_wildcard_is_a_whole_level() {
    in_both(|server| is_refused(server, &["sport+", "a/+b", "a/b+/c", "++", "+a"]));
}

#[test]
fn wildcards_at_the_start_do_not_match_topics_that_start_with_a_dollar() {
    in_both(|server| {
        assert_eq!(matched(server, "#", &["$private/a", "a"]), ["a"]);
        assert_eq!(matched(server, "+/a", &["$private/a", "b/a"]), ["b/a"]);
        assert_eq!(matched(server, "$private/#", &["$private/a", "a"]), ["$private/a"]);
        assert_eq!(matched(server, "$private/+", &["$private/a", "a"]), ["$private/a"]);
    });
}

#[test]
fn an_empty_topic_name_or_filter_ends_the_connection() {
    in_both(|server| {
        let none = properties(server.version, &[]);
        for octets in [
            packet(0x30, &[&[0, 0], &none]),
            packet(0x82, &[&[0, 1], &none, &[0, 0, 0]]),
            packet(0xA2, &[&[0, 1], &none, &[0, 0]]),
        ] {
            let mut client = server.connect("client");
            client.send(&octets);
            client.expect_end_for_one_of(&[0x81, 0x82, 0x8F]);
        }
    });
}

#[test]
fn topics_and_filters_are_compared_as_they_are() {
    in_both(|server| {
        // Composed and decomposed, upper and lower case, trailing and double slashes, spaces: all are different.
        let topics = ["\u{C5}", "A\u{30A}", "a\u{30A}", "\u{C5}/", "/\u{C5}", "\u{C5} ", "//\u{C5}"];
        for topic in topics {
            assert_eq!(matched(server, topic, &topics), [topic]);
        }
    });
}

#[test]
fn topics_may_be_as_long_as_a_string_can_be() {
    let topic = "x".repeat(65_535);
    for version in BOTH {
        let server = Server::start_with(version, "[limits]\ntopic_name_len = 65535\n");
        let mut client = server.connect("client");
        client.subscribe(&topic, 0);
        let publish = Publish { topic: &topic, payload: b"x", ..Publish::default() };
        client.send_publish(&publish);
        client.expect(&publish.octets(version));
        let id = client.next_id();
        client.send(&unsubscribe(version, id, &[&topic]));
        client.expect_unsuback(id, &[0]);
    }
}
