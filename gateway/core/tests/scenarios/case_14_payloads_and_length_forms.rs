//! Payloads arrive as they were sent, whatever they look like, and messages above 255 octets work both ways.

use crate::common::sn::{connect, hex, octets, publish, register, sleep, subscribe};
use crate::common::{Rig, port};
use gateway_core::{DropReason, RejectReason};
use sn_codec::Qos;
use sn_types::{LinkProfile, PeerAddr};

const NODE: PeerAddr = port(1);

/// `node` is subscribed to its own topic, id 1.
fn echoing(topic: &str) -> Rig {
    let mut rig = Rig::new();
    rig.send(NODE, connect("node"));
    rig.send(NODE, subscribe(Qos::Zero, 1, topic));
    rig.heard(NODE);
    rig
}

#[test]
fn payloads_come_back_octet_by_octet() {
    let mut rig = echoing("t");
    let lengths = [0, 1, 247, 248, 249, 250, 255, 256, 1_000];
    let blanks = [" x", "x ", " ", "", "\0", "a\0b"].map(String::from);
    for payload in lengths.map(|len| "y".repeat(len)).into_iter().chain(blanks) {
        let sent = octets(&publish(Qos::Zero, 1, 0, &payload));
        assert_eq!(rig.ask_octets(NODE, &sent), [sent]);
    }
}

#[test]
fn a_payload_need_not_be_text() {
    let mut rig = echoing("t");
    let sent = hex("09 0C 00 00 01 00 00 FF 80");
    assert_eq!(rig.ask_octets(NODE, &sent), [sent]);
}

#[test]
fn the_long_form_of_a_short_message_is_understood_and_answered_in_the_short_one() {
    let mut rig = echoing("t");
    assert_eq!(rig.ask_octets(NODE, &hex("01 00 04 16")), [hex("02 17")]);
    assert_eq!(rig.ask_octets(NODE, &hex("01 00 0A 0C 20 00 01 00 02 78")).last(), Some(&hex("07 0D 00 01 00 02 00")));
}

#[test]
fn the_longest_short_form_and_the_shortest_long_form() {
    let mut rig = echoing("t");
    for (length, payload) in [("FF", 248), ("01 01 02", 249)] {
        let sent = hex(&format!("{length} 0C 00 00 01 00 00 {}", "78".repeat(payload)));
        assert_eq!(rig.ask_octets(NODE, &sent), [sent]);
    }
}

#[test]
fn a_topic_of_more_than_255_octets_is_registered_and_subscribed() {
    let topic = "t".repeat(1_000);
    let mut rig = Rig::new();
    rig.send(NODE, connect("node"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, register(1, &topic)), ["REGACK id=1 mid=1 00"]);
    assert_eq!(rig.ask(NODE, subscribe(Qos::One, 2, "#")), ["SUBACK q1 id=0 mid=2 00"]);
    let other = "o".repeat(1_000);
    rig.publish(1, &other, "x");
    assert_eq!(rig.heard(NODE), [format!("REGISTER id=2 mid=1 '{other}'")]);
}

#[test]
fn what_does_not_fit_the_link_is_dropped_counted_and_does_not_block_the_rest() {
    let mut rig = Rig::new();
    rig.link(LinkProfile { mtu: 60, broadcast: false, ..LinkProfile::UDP });
    rig.send(NODE, connect("node"));
    rig.send(NODE, subscribe(Qos::One, 1, "t"));
    rig.send(NODE, subscribe(Qos::One, 2, "long/+"));
    rig.heard(NODE);
    rig.publish(1, "t", &"x".repeat(54));
    rig.publish(1, &format!("long/{}", "t".repeat(50)), "x");
    rig.publish(1, "t", &"x".repeat(53));
    assert_eq!(rig.heard_octets(NODE).iter().map(Vec::len).collect::<Vec<_>>(), [60]);
    assert_eq!(rig.drops(DropReason::TooLong), 2);
}

#[test]
fn what_is_no_message_is_dropped_without_an_answer() {
    let mut rig = echoing("t");
    for damaged in ["", "02", "00 16", "05 16", "02 16 00 00", "02 03", "05 04 04 01 00"] {
        assert_eq!(rig.ask_octets(NODE, &hex(damaged)), Vec::<Vec<u8>>::new(), "{damaged}");
    }
    let malformed =
        |(reason, count): (&RejectReason, &u64)| matches!(reason, RejectReason::Malformed(_)).then_some(*count);
    assert_eq!(rig.core.stats().rejects.iter().filter_map(malformed).sum::<u64>(), 7);
}

#[test]
fn a_message_that_does_not_fit_its_link_takes_no_place_in_a_sleepers_mailbox() {
    let mut rig = Rig::new();
    rig.link(LinkProfile { mtu: 100, ..LinkProfile::UDP });
    assert_eq!(rig.ask(NODE, connect("node")), ["CONNACK 00"]);
    assert_eq!(rig.ask(NODE, subscribe(Qos::One, 1, "a/b")), ["SUBACK q1 id=1 mid=1 00"]);
    rig.send(NODE, sleep(60));
    rig.publish(1, "a/b", &"x".repeat(94));
    assert_eq!((rig.waiting("node"), rig.drops(DropReason::TooLong)), (0, 1));
    rig.publish(1, "a/b", &"x".repeat(93));
    assert_eq!((rig.waiting("node"), rig.drops(DropReason::TooLong)), (1, 1));
}
