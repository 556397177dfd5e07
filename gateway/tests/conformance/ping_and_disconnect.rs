//! PINGREQ and DISCONNECT (3.1.1 §3.12 to §3.14, 5.0 §3.12 to §3.14).

use crate::client::{BROKEN, in_both};
use crate::octets::Will;

#[test]
fn a_pingreq_is_answered() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.send(&[0xC0, 0]);
        client.expect(&[0xD0, 0]);
    });
}

#[test]
fn a_pingreq_with_a_body_ends_the_connection() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.send(&[0xC0, 1, 0]);
        client.expect_end_for_one_of(BROKEN);
    });
}

#[test]
fn a_disconnect_with_reserved_bits_ends_the_connection_and_is_none() {
    in_both(|server| {
        let mut watcher = server.connect("watcher");
        watcher.subscribe("w", 0);
        for bit in [1, 2, 4, 8] {
            let (mut client, _) = server.connect_as(&server.clean("client").will(Will::new("w", "gone")));
            client.send(&[0xE0 | bit, 0]);
            client.expect_end(0x81);
            watcher.expect_message("w", 0, "gone");
        }
    });
}

#[test]
fn after_disconnect_the_server_closes_and_hears_nothing_more() {
    in_both(|server| {
        let mut watcher = server.connect("watcher");
        watcher.subscribe("#", 0);
        let mut client = server.connect("client");
        client.send(&[&[0xE0, 0][..], &[0xC0, 0]].concat());
        client.expect_close();
        watcher.expect_nothing();
    });
}
