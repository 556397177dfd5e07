//! Session expiry and DISCONNECT (5.0 §3.1.2.11.2, §3.14 and §4.1).

use crate::client::{BROKEN, Client, Server, start_v5};
use crate::octets::packet;
use crate::property::*;
use std::thread;
use std::time::Duration;

const PROTOCOL_ERROR: u8 = 0x82;

/// Connects, subscribes and lets `end` end the connection. Whether there is a session afterwards.
fn session_outlives(server: &Server, expiry: Option<u32>, end: impl FnOnce(Client)) -> bool {
    let mut connect = server.clean("client");
    if let Some(seconds) = expiry {
        connect = connect.property(four(SESSION_EXPIRY, seconds));
    }
    let (mut client, _) = server.connect_as(&connect);
    client.subscribe("t", 1);
    end(client);
    let (client, session_present) = server.connect_as(&server.keep("client"));
    client.vanish();
    session_present
}

fn leave_with(code: u8, given: &[u8]) -> impl FnOnce(Client) {
    let octets = packet(0xE0, &[&[code, given.len() as u8], given]);
    move |mut client| {
        client.send(&octets);
        client.expect_close();
    }
}

#[test]
fn a_session_without_expiry_ends_with_its_connection() {
    let server = start_v5();
    assert!(!session_outlives(&server, None, Client::vanish));
    assert!(!session_outlives(&server, Some(0), Client::vanish));
    assert!(!session_outlives(&server, Some(0), Client::leave));
}

#[test]
fn a_session_with_an_expiry_outlives_its_connection_even_after_a_clean_start() {
    let server = start_v5();
    assert!(session_outlives(&server, Some(100), Client::vanish));
    assert!(session_outlives(&server, Some(100), Client::leave));
    assert!(session_outlives(&server, Some(u32::MAX), Client::vanish));
}

#[test]
fn a_session_ends_when_its_time_is_over() {
    let server = start_v5();
    let wait = |client: Client| {
        client.vanish();
        thread::sleep(Duration::from_millis(1_100));
    };
    assert!(!session_outlives(&server, Some(1), wait));
}

#[test]
fn disconnect_may_change_the_expiry() {
    let server = start_v5();
    assert!(!session_outlives(&server, Some(100), leave_with(0, &four(SESSION_EXPIRY, 0))));
    let wait = |client: Client| {
        leave_with(0, &four(SESSION_EXPIRY, 100))(client);
        thread::sleep(Duration::from_millis(1_100));
    };
    assert!(session_outlives(&server, Some(1), wait));
}

#[test]
fn disconnect_may_not_bring_an_expiry_where_there_was_none() {
    let server = start_v5();
    let mut client = server.connect("client");
    client.send(&packet(0xE0, &[&[0, 5], &four(SESSION_EXPIRY, 9)]));
    client.expect_end(PROTOCOL_ERROR);
}

#[test]
fn a_connection_to_the_session_stops_its_time() {
    let server = start_v5();
    let connect = server.keep("client");
    server.connect_as(&connect).0.leave();
    for _ in 0..3 {
        let (client, session_present) = server.connect_as(&connect);
        assert!(session_present);
        client.vanish();
    }
}

#[test]
fn a_disconnect_with_a_code_that_there_is_not_ends_the_connection() {
    let server = start_v5();
    for code in [0x01, 0x03, 0x7F, 0x8C, 0xFF] {
        let mut client = server.connect("client");
        client.send(&packet(0xE0, &[&[code]]));
        client.expect_end_for_one_of(BROKEN);
    }
}

#[test]
fn a_disconnect_may_say_why() {
    let server = start_v5();
    for code in [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99] {
        leave_with(code, &[text(REASON_STRING, "had enough"), pair("a", "b")].concat())(server.connect("client"));
    }
}
