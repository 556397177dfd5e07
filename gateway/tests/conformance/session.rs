//! What is kept between connections (3.1.1 §3.1.2.4 and §4.1, 5.0 §3.1.2.4 and §4.1).

use crate::client::{PUBACK, PUBREL, in_both};
use crate::octets::ack;

#[test]
fn a_session_is_resumed() {
    in_both(|server| {
        let (mut client, session_present) = server.connect_as(&server.keep("client"));
        assert!(!session_present, "there is none yet");
        client.subscribe("t", 1);
        client.vanish();
        let (mut client, session_present) = server.connect_as(&server.keep("client"));
        assert!(session_present);
        server.connect("publisher").publish("t", 1, "still subscribed");
        client.expect_message("t", 1, "still subscribed");
    });
}

#[test]
fn messages_for_who_is_away_are_kept() {
    in_both(|server| {
        let (mut client, _) = server.connect_as(&server.keep("client"));
        client.subscribe("t/+", 2);
        client.leave();
        let mut publisher = server.connect("publisher");
        publisher.publish("t/1", 1, "one");
        publisher.publish("t/2", 2, "two");
        let (mut client, session_present) = server.connect_as(&server.keep("client"));
        assert!(session_present);
        client.expect_message("t/1", 1, "one");
        client.expect_message("t/2", 2, "two");
    });
}

#[test]
fn a_clean_start_discards_the_session_before() {
    in_both(|server| {
        let (mut client, _) = server.connect_as(&server.keep("client"));
        client.subscribe("t", 1);
        client.leave();
        let mut publisher = server.connect("publisher");
        publisher.publish("t", 1, "nobody gets this");
        let (mut client, session_present) = server.connect_as(&server.clean("client"));
        assert!(!session_present);
        publisher.publish("t", 1, "nor this");
        client.expect_nothing();
    });
}

#[test]
fn a_clean_session_ends_with_its_connection() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.subscribe("t", 1);
        client.leave();
        server.connect("publisher").publish("t", 1, "nobody gets this");
        let (mut client, session_present) = server.connect_as(&server.keep("client"));
        assert!(!session_present);
        client.expect_nothing();
    });
}

#[test]
fn retained_messages_outlive_the_session() {
    in_both(|server| {
        let mut publisher = server.connect("publisher");
        publisher.publish_retained("t", 1, "kept");
        publisher.leave();
        let mut client = server.connect("publisher");
        client.subscribe("t", 1);
        client.expect_retained("t", 1, "kept");
    });
}

#[test]
fn a_session_belongs_to_its_client_id() {
    in_both(|server| {
        let (mut one, _) = server.connect_as(&server.keep("one"));
        one.subscribe("t", 1);
        one.leave();
        let (mut other, session_present) = server.connect_as(&server.keep("One"));
        assert!(!session_present, "another id, another session");
        server.connect("publisher").publish("t", 1, "for one");
        other.expect_nothing();
        let (mut one, _) = server.connect_as(&server.keep("one"));
        one.expect_message("t", 1, "for one");
    });
}

#[test]
fn what_was_not_acknowledged_is_sent_again_with_its_identifier() {
    in_both(|server| {
        let (mut client, _) = server.connect_as(&server.keep("client"));
        client.subscribe("t", 2);
        let mut publisher = server.connect("publisher");
        publisher.publish("t", 1, "one");
        publisher.publish("t", 2, "two");
        publisher.publish("t", 2, "three");
        let first = [client.receive_message(), client.receive_message(), client.receive_message()];
        assert!(first.iter().all(|message| !message.dup));
        let released = first[2].id.expect("QoS 2");
        client.send(&ack(0x50, released));
        client.expect_ack(PUBREL, released);
        client.vanish();

        let (mut client, _) = server.connect_as(&server.keep("client"));
        for before in &first[..2] {
            let again = client.receive_message();
            assert_eq!(
                (again.dup, again.id, again.text()),
                (true, before.id, before.text()),
                "in the order from before"
            );
        }
        // A PUBLISH whose PUBREL has been sent is not sent again.
        client.expect_ack(PUBREL, released);
        client.expect_nothing();
    });
}

#[test]
fn nothing_is_sent_again_while_the_connection_lasts() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.subscribe("t", 1);
        let mut publisher = server.connect("publisher");
        publisher.publish("t", 1, "one");
        publisher.publish("t", 1, "two");
        let one = client.receive_message();
        let two = client.receive_message();
        client.send(&ack(PUBACK, two.id.expect("QoS 1")));
        client.expect_nothing();
        assert!(!one.dup);
    });
}

#[test]
fn what_was_acknowledged_is_not_sent_again() {
    in_both(|server| {
        let (mut client, _) = server.connect_as(&server.keep("client"));
        client.subscribe("t", 2);
        let mut publisher = server.connect("publisher");
        publisher.publish("t", 1, "one");
        publisher.publish("t", 2, "two");
        client.expect_message("t", 1, "one");
        client.expect_message("t", 2, "two");
        client.expect_nothing();
        client.vanish();
        let (mut client, _) = server.connect_as(&server.keep("client"));
        client.expect_nothing();
    });
}
