//! Forwarder encapsulation (1.2 §5.5): nodes behind one forwarder are clients of their own, and are answered through it.

use crate::common::sn::{connect, hex, pingreq, puback, search_gw, sleep, subscribe};
use crate::common::{Rig, port};
use gateway_core::{DropReason, RejectReason};
use sn_codec::Qos;
use sn_types::{LinkProfile, NodeId, PeerAddr};

const FORWARDER: PeerAddr = port(1);

fn node(id: &[u8]) -> PeerAddr {
    FORWARDER.behind(NodeId::new(id).expect("a short node id"))
}

#[test]
fn two_nodes_behind_one_forwarder() {
    let mut rig = Rig::new();
    let (a, b) = (node(b"a"), node(&[0xBB; 8]));
    for (at, id) in [(a, "a"), (b, "b")] {
        assert_eq!(rig.ask(at, connect(id)), ["CONNACK 00"]);
        assert_eq!(rig.ask(at, subscribe(Qos::One, 1, id)), ["SUBACK q1 id=1 mid=1 00"]);
    }
    rig.publish(1, "a", "for a");
    rig.publish(1, "b", "for b");
    assert_eq!(rig.heard(a), ["PUBLISH q1 id=1 mid=1 'for a'"]);
    assert_eq!(rig.heard(b), ["PUBLISH q1 id=1 mid=1 'for b'"]);
    assert_eq!(rig.heard(FORWARDER), [""; 0]);
}

#[test]
fn the_forwarder_may_be_a_client_itself() {
    let mut rig = Rig::new();
    assert_eq!(rig.ask(FORWARDER, connect("forwarder")), ["CONNACK 00"]);
    assert_eq!(rig.ask(node(b"a"), connect("a")), ["CONNACK 00"]);
    assert_eq!(rig.core.clients().count(), 2);
}

#[test]
fn a_sleeper_behind_a_forwarder() {
    let mut rig = Rig::new();
    let a = node(&[0xAA, 0xBB]);
    rig.send(a, connect("node7"));
    rig.send(a, subscribe(Qos::One, 1, "t"));
    rig.send(a, sleep(600));
    rig.publish(1, "t", "x");
    rig.heard(a);
    assert_eq!(rig.ask(a, pingreq("node7")), ["PUBLISH q1 id=1 mid=1 'x'"]);
    assert_eq!(rig.ask(a, puback(1, 1)), ["PINGRESP"]);
}

#[test]
fn the_octets_of_an_exchange() {
    let mut rig = Rig::new();
    let a = node(b"node2");
    rig.send_octets(FORWARDER, &hex("08 FE 00 6E 6F 64 65 32 0B 04 04 01 00 0A 6E 6F 64 65 37"));
    assert_eq!(rig.heard_octets(a), [hex("03 05 00")], "unpacked by the forwarder whose node id was echoed");
}

#[test]
fn radius_bits_from_the_forwarder_are_ignored_and_not_sent_back() {
    let mut rig = Rig::new();
    rig.send_octets(FORWARDER, &hex("05 FE 03 AA BB 03 01 00"));
    assert_eq!(rig.heard(node(&[0xAA, 0xBB])), ["GWINFO gw=1"]);
}

#[test]
fn a_search_through_a_forwarder_is_answered_through_it() {
    let mut rig = Rig::new();
    rig.link(LinkProfile::UDP);
    rig.wait_s(1);
    rig.broadcasts();
    assert_eq!(rig.ask(node(b"a"), search_gw(1)), ["GWINFO gw=1"]);
    assert_eq!(rig.broadcasts(), [(1, "GWINFO gw=1".to_owned())]);
}

#[test]
fn a_message_too_long_for_the_forwarders_link_does_not_stand_in_the_way_of_the_rest() {
    let mut rig = Rig::new();
    rig.link(LinkProfile { mtu_behind_forwarders: 100, broadcast: false, ..LinkProfile::UDP });
    let a = node(&[0xAA; 8]);
    rig.send(a, connect("node7"));
    rig.send(a, subscribe(Qos::One, 1, "t"));
    rig.send(a, sleep(600));
    rig.heard(a);
    rig.publish(1, "t", &"x".repeat(94));
    rig.publish(1, "t", &"x".repeat(93));
    assert_eq!((rig.waiting("node7"), rig.drops(DropReason::TooLong)), (1, 1));
    assert_eq!(rig.ask(a, pingreq("node7")), [format!("PUBLISH q1 id=1 mid=1 '{}'", "x".repeat(93))]);
    assert_eq!(rig.ask(a, puback(1, 1)), ["PINGRESP"]);
}

#[test]
fn what_a_forwarders_link_carries_is_known_without_settings() {
    let mut rig = Rig::new();
    let a = node(&[0xAA; 8]);
    rig.send(a, connect("a"));
    rig.send(a, subscribe(Qos::One, 1, "t"));
    rig.heard(a);
    rig.publish(1, "t", &"x".repeat(2_000));
    assert_eq!((rig.heard(a).len(), rig.drops(DropReason::TooLong)), (0, 1));
}

#[test]
fn nested_encapsulation_is_refused() {
    let mut rig = Rig::new();
    rig.send_octets(FORWARDER, &hex("05 FE 00 AA BB 05 FE 00 01 02 02 16"));
    assert_eq!(rig.heard(node(&[0xAA, 0xBB])), [""; 0]);
    assert_eq!(rig.rejects(RejectReason::Malformed("nested-encapsulation")), 1);
}

#[test]
fn a_damaged_message_inside_is_counted() {
    let mut rig = Rig::new();
    rig.send_octets(FORWARDER, &hex("05 FE 00 AA BB 05 16"));
    rig.send_octets(FORWARDER, &hex("05 FE 00 AA BB"));
    assert_eq!(rig.rejects(RejectReason::Malformed("truncated")), 1);
    assert_eq!(rig.rejects(RejectReason::Malformed("no-inner-message")), 1);
}

#[test]
fn a_node_id_may_be_empty_but_not_longer_than_a_session_is_kept_for() {
    let mut rig = Rig::new();
    rig.send_octets(FORWARDER, &hex("03 FE 00 02 16"));
    assert_eq!(rig.heard(node(b"")), ["DISCONNECT"], "legal by the letter, and another peer than the forwarder");
    rig.send_octets(FORWARDER, &[&hex("1C FE 00")[..], &[0xAA; 25], &hex("02 16")].concat());
    assert_eq!(rig.rejects(RejectReason::NodeId), 1);
    let longest = node(&[0xAA; 24]);
    assert_eq!(rig.ask(longest, connect("longest")), ["CONNACK 00"]);
}

#[test]
fn the_encapsulation_counts_towards_the_links_mtu() {
    let mut rig = Rig::new();
    rig.link(LinkProfile { mtu: 60, broadcast: false, ..LinkProfile::UDP });
    let a = node(&[0xAA; 8]);
    rig.send(a, connect("a"));
    rig.send(a, subscribe(Qos::Zero, 1, "t"));
    rig.heard(a);
    rig.publish(0, "t", &"x".repeat(60 - 7 - 11));
    assert_eq!(rig.heard(a).len(), 1);
    rig.publish(0, "t", &"x".repeat(60 - 7 - 11 + 1));
    assert_eq!(rig.heard(a), [""; 0]);
    assert_eq!(rig.drops(DropReason::TooLong), 1);
}
