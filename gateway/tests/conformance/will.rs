//! Wills (3.1.1 §3.1.2.5, 5.0 §3.1.2.5).

use crate::client::{BROKEN, in_both};
use crate::octets::Will;

#[test]
fn a_will_is_published_when_the_connection_breaks() {
    in_both(|server| {
        let mut watcher = server.connect("watcher");
        watcher.subscribe("w", 2);
        for qos in [0, 1, 2] {
            let connect = server.clean("client").will(Will { qos, ..Will::new("w", "gone") });
            server.connect_as(&connect).0.vanish();
            watcher.expect_message("w", qos, "gone");
        }
        watcher.expect_nothing();
    });
}

#[test]
fn a_will_is_published_when_the_client_breaks_the_rules() {
    in_both(|server| {
        let mut watcher = server.connect("watcher");
        watcher.subscribe("w", 0);
        let (mut client, _) = server.connect_as(&server.clean("client").will(Will::new("w", "gone")));
        client.send(&[0x00, 0]);
        client.expect_end_for_one_of(BROKEN);
        watcher.expect_message("w", 0, "gone");
    });
}

#[test]
fn a_will_is_published_when_another_takes_over() {
    in_both(|server| {
        let mut watcher = server.connect("watcher");
        watcher.subscribe("w", 0);
        let (mut client, _) = server.connect_as(&server.clean("client").will(Will::new("w", "gone")));
        let _other = server.connect("client");
        client.expect_end(0x8E);
        watcher.expect_message("w", 0, "gone");
    });
}

#[test]
fn a_will_is_not_published_after_disconnect() {
    in_both(|server| {
        let mut watcher = server.connect("watcher");
        watcher.subscribe("w", 0);
        server.connect_as(&server.clean("client").will(Will::new("w", "gone"))).0.leave();
        watcher.expect_nothing();
    });
}

#[test]
fn a_published_will_is_not_published_again() {
    in_both(|server| {
        let mut watcher = server.connect("watcher");
        watcher.subscribe("w", 0);
        server.connect_as(&server.keep("client").will(Will::new("w", "gone"))).0.vanish();
        watcher.expect_message("w", 0, "gone");
        // The session goes on, without a will.
        server.connect_as(&server.keep("client")).0.vanish();
        server.connect_as(&server.keep("client")).0.leave();
        watcher.expect_nothing();
    });
}

#[test]
fn a_connection_without_a_will_ends_quietly() {
    in_both(|server| {
        let mut watcher = server.connect("watcher");
        watcher.subscribe("#", 0);
        let mut client = server.connect("client");
        client.send(&[0x00, 0]);
        client.expect_end_for_one_of(BROKEN);
        watcher.expect_nothing();
    });
}

#[test]
fn a_will_is_retained_if_it_says_so() {
    in_both(|server| {
        let mut watcher = server.connect("watcher");
        watcher.subscribe("+", 0);
        for (topic, retain) in [("kept", true), ("not", false)] {
            let will = Will { retain, ..Will::new(topic, "gone") };
            server.connect_as(&server.clean("client").will(will)).0.vanish();
            watcher.expect_message(topic, 0, "gone");
        }
        let mut later = server.connect("later");
        later.subscribe("+", 0);
        later.expect_retained("kept", 0, "gone");
        later.expect_nothing();
    });
}
