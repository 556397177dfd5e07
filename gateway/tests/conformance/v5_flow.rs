//! Receive Maximum and Maximum Packet Size (5.0 §3.1.2.11.3, §3.1.2.11.4 and §4.9).

use crate::client::{Client, PUBACK, PUBCOMP, PUBREC, PUBREL, Server, start_v5};
use crate::octets::{Publish, Version, ack, packet, subscribe, unsubscribe};
use crate::property::*;

/// A client that takes `maximum` messages at once and has subscribed to "t" at QoS 2, and a publisher.
fn with_receive_maximum(server: &Server, maximum: u16) -> (Client, Client) {
    let (mut client, _) = server.connect_as(&server.clean("client").property(two(RECEIVE_MAXIMUM, maximum)));
    client.subscribe("t", 2);
    (client, server.connect("publisher"))
}

#[test]
fn no_more_messages_are_in_flight_than_the_client_takes() {
    let server = start_v5();
    let (mut client, mut publisher) = with_receive_maximum(&server, 2);
    for (qos, payload) in [(1, "1"), (2, "2"), (1, "3"), (2, "4")] {
        publisher.publish("t", qos, payload);
    }
    let one = client.receive_message();
    let two = client.receive_message();
    assert_eq!((one.text(), two.text()), ("1", "2"));
    client.expect_nothing();
    client.send(&ack(PUBACK, one.id.expect("QoS 1")));
    let three = client.receive_message();
    assert_eq!(three.text(), "3");
    // PUBREC frees nothing, PUBCOMP does.
    let id = two.id.expect("QoS 2");
    client.send(&ack(PUBREC, id));
    client.expect_ack(PUBREL, id);
    client.expect_nothing();
    client.send(&ack(PUBCOMP, id));
    assert_eq!(client.receive_message().text(), "4");
}

#[test]
fn a_refusal_in_pubrec_makes_room() {
    let server = start_v5();
    let (mut client, mut publisher) = with_receive_maximum(&server, 1);
    publisher.publish("t", 2, "1");
    publisher.publish("t", 2, "2");
    let id = client.receive_message().id.expect("QoS 2");
    client.send(&packet(PUBREC, &[&id.to_be_bytes(), &[0x97]]));
    assert_eq!(client.receive_message().text(), "2");
}

#[test]
fn other_packets_do_not_wait_for_acknowledgements() {
    let server = start_v5();
    let (mut client, mut publisher) = with_receive_maximum(&server, 1);
    publisher.publish("t", 1, "1");
    publisher.publish("t", 1, "2");
    let _unacknowledged = client.receive_message();
    client.expect_nothing();
    client.send(&subscribe(Version::V5, 50, &[("s", 0)]));
    client.expect_suback(50, &[0]);
    client.send(&unsubscribe(Version::V5, 51, &["s"]));
    client.expect_unsuback(51, &[0]);
    client.publish("elsewhere", 1, "x");
    client.publish("elsewhere", 2, "x");
}

#[test]
fn who_sends_more_than_the_server_takes_is_cut_off() {
    let server = Server::start_with(Version::V5, "[limits]\nincoming_qos2 = 3\n");
    let (mut client, answer) = server.connack(&server.clean("client").octets());
    assert_eq!(answer.properties.number(RECEIVE_MAXIMUM), Some(3));
    for id in 1..=3 {
        client.send_publish(&Publish { flags: 4, topic: "t", id: Some(id), ..Publish::default() });
        client.expect_ack(PUBREC, id);
    }
    client.send_publish(&Publish { flags: 4, topic: "t", id: Some(4), ..Publish::default() });
    client.expect_end(0x93);
}

#[test]
fn a_packet_larger_than_the_client_takes_is_not_sent_and_counts_as_delivered() {
    let server = start_v5();
    let limits = [four(MAXIMUM_PACKET_SIZE, 40), two(RECEIVE_MAXIMUM, 1)].concat();
    let (mut client, _) = server.connect_as(&server.clean("client").property(limits));
    client.subscribe("t", 1);
    let mut other = server.connect("other");
    other.subscribe("t", 1);
    let mut publisher = server.connect("publisher");
    let long = "x".repeat(40);
    // Of a message of QoS 1 to "t", 2 + 3 + 2 + 1 octets are not payload.
    for payload in [&long[..32], &long[..33], &long, "short"] {
        publisher.publish("t", 1, payload);
        other.expect_message("t", 1, payload);
    }
    client.expect_message("t", 1, &long[..32]);
    client.expect_message("t", 1, "short");
    client.expect_nothing();
}

#[test]
fn a_packet_larger_than_the_server_takes_ends_the_connection() {
    let config = "[[listener]]\nkind = \"tcp\"\nlisten = \"127.0.0.1:0\"\nmax_packet_bytes = 1000\n";
    let server = Server::start_with(Version::V5, config);
    let (mut client, answer) = server.connack(&server.clean("client").octets());
    let maximum = answer.properties.number(MAXIMUM_PACKET_SIZE).expect("it says so");
    let payload = vec![b'x'; maximum as usize];
    client.send_publish(&Publish { topic: "t", payload: &payload, ..Publish::default() });
    client.expect_end(0x95);
}

#[test]
fn answers_fit_what_the_client_takes() {
    let server = start_v5();
    let small = 24;
    let (mut client, _) = server.connect_as(&server.clean("client").property(four(MAXIMUM_PACKET_SIZE, small)));
    let mut expect = |octets: &[u8], first: u8| {
        client.send(octets);
        let (got, body) = client.receive();
        assert_eq!(got, first);
        assert!(body.len() + 2 <= small as usize, "{body:02x?}");
    };
    let refused = |flags| Publish { flags, topic: "$SYS/x", id: Some(1), ..Publish::default() }.octets(Version::V5);
    expect(&refused(2), PUBACK);
    expect(&refused(4), PUBREC);
    expect(&ack(PUBREL, 7), PUBCOMP);
    expect(&ack(PUBREC, 7), PUBREL);
    expect(&subscribe(Version::V5, 2, &[("#/x", 0)]), 0x90);
    expect(&unsubscribe(Version::V5, 3, &["x"]), 0xB0);
    expect(&[0x00, 0], 0xE0);
}

#[test]
fn a_refusal_of_connect_fits_what_the_client_takes() {
    let server = start_v5();
    let connect =
        server.clean("client").property(four(MAXIMUM_PACKET_SIZE, 16)).property(text(AUTHENTICATION_METHOD, "ROT13"));
    let mut client = server.open();
    client.send(&connect.octets());
    let (first, body) = client.receive();
    assert_eq!((first, body[1]), (0x20, 0x8C));
    assert!(body.len() + 2 <= 16, "{body:02x?}");
}
