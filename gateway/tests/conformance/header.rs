//! The first octet and the packet identifier (3.1.1 §2, 5.0 §2).

use crate::client::{BROKEN, PUBACK, PUBCOMP, PUBREC, PUBREL, Server, in_both};
use crate::octets::{Publish, ack, packet, properties, subscribe, unsubscribe};

const MALFORMED_PACKET: u8 = 0x81;

/// One good packet of each type that a client sends after CONNECT; PUBLISH has no reserved flags.
fn good_packets(server: &Server) -> Vec<Vec<u8>> {
    let version = server.version;
    let acks = [PUBACK, PUBREC, PUBREL, PUBCOMP].map(|first| ack(first, 1));
    let rest = [subscribe(version, 1, &[("t", 0)]), unsubscribe(version, 1, &["t"]), vec![0xC0, 0], vec![0xE0, 0]];
    acks.into_iter().chain(rest).collect()
}

#[test]
fn flags_that_a_type_does_not_have_end_the_connection() {
    in_both(|server| {
        for good in good_packets(server) {
            for bit in [1, 2, 4, 8] {
                let mut bad = good.clone();
                bad[0] ^= bit;
                let mut client = server.connect("client");
                client.send(&bad);
                client.expect_end(MALFORMED_PACKET);
            }
        }
        for bit in [1, 2, 4, 8] {
            let mut connect = server.clean("client").octets();
            connect[0] |= bit;
            let mut client = server.open();
            client.send(&connect);
            client.expect_close();
        }
    });
}

#[test]
fn reserved_flags_are_sent_as_the_table_has_them() {
    in_both(|server| {
        let (mut client, _) = server.connack(&server.clean("client").octets());
        client.subscribe("t", 2);
        client.publish("elsewhere", 1, "PUBACK");
        client.publish("elsewhere", 2, "PUBREC and PUBCOMP");
        server.connect("publisher").publish("t", 2, "PUBLISH and PUBREL, whose flags are 0010");
        let message = client.receive_message();
        client.acknowledge(&message);
        client.unsubscribe("t");
        client.expect_nothing();
    });
}

#[test]
fn types_that_only_servers_send_or_nobody_end_the_connection() {
    in_both(|server| {
        let none = properties(server.version, &[]);
        let connack = packet(0x20, &[&[0, 0], &none]);
        let suback = packet(0x90, &[&[0, 1], &none, &[0]]);
        let unsuback = packet(0xB0, &[&[0, 1], &none]);
        for octets in [connack, suback, unsuback, vec![0xD0, 0], vec![0x00, 0]] {
            let mut client = server.connect("client");
            client.send(&octets);
            client.expect_end_for_one_of(BROKEN);
        }
    });
}

#[test]
fn a_packet_identifier_of_zero_ends_the_connection() {
    in_both(|server| {
        let version = server.version;
        let publish = |flags| Publish { flags, topic: "t", id: Some(0), ..Publish::default() }.octets(version);
        let packets = [subscribe(version, 0, &[("t", 0)]), unsubscribe(version, 0, &["t"]), publish(2), publish(4)];
        for octets in packets {
            let mut client = server.connect("client");
            client.send(&octets);
            client.expect_end_for_one_of(BROKEN);
        }
    });
}

#[test]
fn a_packet_identifier_in_flight_is_not_used_for_another_message() {
    in_both(|server| {
        let mut subscriber = server.connect("subscriber");
        subscriber.subscribe("t", 2);
        let mut publisher = server.connect("publisher");
        let mut ids = Vec::new();
        for qos in [1, 2, 1, 2, 1, 2] {
            publisher.publish("t", qos, "x");
            let message = subscriber.receive_message();
            assert_eq!(message.qos, qos);
            ids.extend(message.id);
        }
        assert!(!ids.contains(&0), "{ids:?}");
        // What is acknowledged is free again, what is not is not.
        subscriber.send(&ack(PUBACK, ids[0]));
        subscriber.send(&ack(PUBREC, ids[1]));
        subscriber.expect_ack(PUBREL, ids[1]);
        for _ in 0..20 {
            publisher.publish("t", 1, "x");
            let message = subscriber.receive_message();
            assert!(!ids[1..].contains(&message.id.expect("QoS 1")), "{message:?}");
            subscriber.acknowledge(&message);
        }
    });
}

#[test]
fn a_message_of_qos_0_has_no_packet_identifier() {
    in_both(|server| {
        let mut client = server.connect("client");
        client.subscribe("t", 2);
        let publish = Publish { topic: "t", payload: b"ab", ..Publish::default() };
        client.send_publish(&publish);
        client.expect(&publish.octets(server.version));
    });
}

#[test]
fn acknowledgements_carry_the_identifier_of_what_they_acknowledge() {
    in_both(|server| {
        let version = server.version;
        let mut client = server.connect("client");
        for id in [1, 2, 0x1234, 0xFFFF] {
            client.send_publish(&Publish { flags: 2, topic: "t", id: Some(id), ..Publish::default() });
            client.expect_ack(PUBACK, id);
            client.send_publish(&Publish { flags: 4, topic: "t", id: Some(id), ..Publish::default() });
            client.expect_ack(PUBREC, id);
            client.send(&ack(PUBREL, id));
            client.expect_ack(PUBCOMP, id);
            client.send(&subscribe(version, id, &[("s", 1)]));
            client.expect_suback(id, &[1]);
            client.send(&unsubscribe(version, id, &["s"]));
            client.expect_unsuback(id, &[0]);
        }
    });
}
