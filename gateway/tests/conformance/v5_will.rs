//! What a will has in 5.0 only (§3.1.2.5, §3.1.3.2 and §3.14).

use crate::client::{Server, start_v5};
use crate::octets::{Connect, Will, packet};
use crate::property::*;
use std::time::{Duration, Instant};

fn with_will<'a>(server: &Server, given: Vec<u8>, session_expiry_s: u32) -> Connect<'a> {
    let will = Will { properties: given, ..Will::new("w", "gone") };
    server.clean("client").property(four(SESSION_EXPIRY, session_expiry_s)).will(will)
}

#[test]
fn a_will_travels_with_its_properties_in_their_order() {
    let server = start_v5();
    let mut watcher = server.connect("watcher");
    watcher.subscribe("w", 0);
    let users = [pair("b", "1"), pair("a", "2"), pair("b", "0")];
    let given = [
        byte(PAYLOAD_FORMAT, 1),
        text(CONTENT_TYPE, "text/plain"),
        text(RESPONSE_TOPIC, "answers"),
        text(CORRELATION_DATA, b"\0\xFF"),
        users.concat(),
    ];
    server.connect_as(&with_will(&server, given.concat(), 0)).0.vanish();
    let message = watcher.expect_message("w", 0, "gone");
    let properties = &message.properties;
    assert_eq!(properties.number(PAYLOAD_FORMAT), Some(1));
    assert_eq!(properties.get(CONTENT_TYPE), Some(&b"text/plain"[..]));
    assert_eq!(properties.get(RESPONSE_TOPIC), Some(&b"answers"[..]));
    assert_eq!(properties.get(CORRELATION_DATA), Some(&b"\0\xFF"[..]));
    assert_eq!(properties.all(USER_PROPERTY), [b"b=1", b"a=2", b"b=0"]);
    assert_eq!(properties.get(WILL_DELAY), None, "that was for the server");
}

#[test]
fn a_will_waits_for_its_delay() {
    let server = start_v5();
    let mut watcher = server.connect("watcher");
    watcher.subscribe("w", 0);
    let (client, _) = server.connect_as(&with_will(&server, four(WILL_DELAY, 1), 100));
    let start = Instant::now();
    client.vanish();
    watcher.expect_message("w", 0, "gone");
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_will_waits_no_longer_than_the_session_lasts() {
    let server = start_v5();
    let mut watcher = server.connect("watcher");
    watcher.subscribe("w", 0);
    server.connect_as(&with_will(&server, four(WILL_DELAY, 1_000), 0)).0.vanish();
    watcher.expect_message("w", 0, "gone");
    server.connect_as(&with_will(&server, four(WILL_DELAY, 1_000), 1)).0.vanish();
    watcher.expect_message("w", 0, "gone");
}

#[test]
fn a_will_whose_session_is_discarded_by_a_take_over_is_published_at_once() {
    let server = start_v5();
    let mut watcher = server.connect("watcher");
    watcher.subscribe("w", 0);
    let (mut client, _) = server.connect_as(&with_will(&server, four(WILL_DELAY, 1_000), 2_000));
    let _other = server.connect("client");
    client.expect_end(0x8E);
    watcher.expect_message("w", 0, "gone");
}

#[test]
fn who_is_back_in_time_has_no_will_published() {
    let server = start_v5();
    let mut watcher = server.connect("watcher");
    watcher.subscribe("w", 0);
    server.connect_as(&with_will(&server, four(WILL_DELAY, 1_000), 2_000)).0.vanish();
    let (client, session_present) = server.connect_as(&server.keep("client"));
    assert!(session_present);
    client.vanish();
    watcher.expect_nothing();
}

#[test]
fn who_leaves_with_its_will_has_it_published() {
    let server = start_v5();
    let mut watcher = server.connect("watcher");
    watcher.subscribe("w", 0);
    for code in [0x04, 0x80] {
        let (mut client, _) = server.connect_as(&with_will(&server, vec![], 0));
        client.send(&packet(0xE0, &[&[code]]));
        client.expect_close();
        watcher.expect_message("w", 0, "gone");
    }
    let (mut client, _) = server.connect_as(&with_will(&server, vec![], 0));
    client.send(&packet(0xE0, &[&[0x00]]));
    client.expect_close();
    watcher.expect_nothing();
}

#[test]
fn a_will_s_expiry_begins_when_it_is_published() {
    let server = start_v5();
    let mut watcher = server.connect("watcher");
    watcher.subscribe("w", 0);
    server.connect_as(&with_will(&server, four(MESSAGE_EXPIRY, 50), 0)).0.vanish();
    let message = watcher.expect_message("w", 0, "gone");
    assert_eq!(message.properties.number(MESSAGE_EXPIRY), Some(50));
}
