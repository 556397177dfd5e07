//! Messages that are well formed, or nearly, and refused: the answer to each, octet by octet, from a connected client
//! that knows topic id 1.

use crate::common::sn::{connect, hex, register};
use crate::common::{Rig, port};
use gateway_core::RejectReason;
use sn_types::PeerAddr;

const NODE: PeerAddr = port(1);

fn connected() -> Rig {
    let mut rig = Rig::new();
    rig.watch("#");
    rig.send(NODE, connect("p2"));
    rig.send(NODE, register(1, "a"));
    rig.heard(NODE);
    rig
}

/// Sends `octets`, expects `answer` (or silence) and that it was counted as `reason`; nothing is published.
#[track_caller]
fn refused(octets: &str, answer: &str, reason: RejectReason) {
    let mut rig = connected();
    let expected: Vec<_> = Some(hex(answer)).filter(|answer| !answer.is_empty()).into_iter().collect();
    assert_eq!(rig.ask_octets(NODE, &hex(octets)), expected);
    assert_eq!(rig.rejects(reason), 1, "{:?}", rig.core.stats().rejects);
    assert_eq!(rig.watched(), [""; 0]);
    assert_eq!(rig.ask_octets(NODE, &hex("02 16")), [hex("02 17")], "the session goes on");
}

#[test]
fn another_protocol_id() {
    refused("08 04 04 02 00 3C 70 32", "03 05 03", RejectReason::ProtocolId);
}

#[test]
fn the_reserved_topic_id_type() {
    refused("08 0C 23 00 01 00 0F 78", "07 0D 00 01 00 0F 03", RejectReason::TopicIdType);
    refused("08 0C 43 00 01 00 0F 78", "07 0D 00 01 00 0F 03", RejectReason::TopicIdType);
    refused("08 0C 03 00 01 00 00 78", "", RejectReason::TopicIdType);
    refused("08 0C 63 00 01 00 00 78", "", RejectReason::TopicIdType);
    refused("07 12 23 00 0F 00 01", "08 13 00 00 00 00 0F 03", RejectReason::TopicIdType);
}

#[test]
fn the_reserved_topic_ids() {
    refused("08 0C 20 00 00 00 01 78", "07 0D 00 00 00 01 02", RejectReason::TopicId);
    refused("08 0C 20 FF FF 00 01 78", "07 0D FF FF 00 01 02", RejectReason::TopicId);
    refused("08 0C 40 FF FF 00 01 78", "07 0D FF FF 00 01 02", RejectReason::TopicId);
    refused("08 0C 00 00 00 00 00 78", "07 0D 00 00 00 00 02", RejectReason::TopicId);
}

#[test]
fn qos_1_and_2_with_msg_id_0() {
    refused("08 0C 20 00 01 00 00 78", "", RejectReason::Qos);
    refused("08 0C 40 00 01 00 00 78", "", RejectReason::Qos);
}

#[test]
fn qos_0_with_a_msg_id_is_accepted() {
    let mut rig = connected();
    assert_eq!(rig.ask_octets(NODE, &hex("08 0C 00 00 01 00 07 78")), Vec::<Vec<u8>>::new());
    assert_eq!(rig.watched(), ["q0 a 'x'"]);
}

#[test]
fn subscribe_with_qos_bits_11() {
    refused("0A 12 60 00 1B 61 2F 62 2F 63", "08 13 00 00 00 00 1B 03", RejectReason::Qos);
}

#[test]
fn an_empty_client_id() {
    refused("06 04 04 01 00 3C", "03 05 03", RejectReason::ClientId);
}

#[test]
fn a_register_of_a_wildcard() {
    refused("09 0A 00 00 00 01 61 2F 2B", "07 0B 00 00 00 01 03", RejectReason::TopicName);
}

#[test]
fn what_only_gateways_send() {
    for octets in ["03 05 00", "02 06", "02 08", "08 13 20 00 01 00 05 00", "04 15 00 0A", "03 1B 00", "03 1D 03"] {
        refused(octets, "", RejectReason::WrongDirection);
    }
}

#[test]
fn malformed_messages_are_dropped_and_counted_by_what_is_wrong() {
    let faults = [
        ("", "no-header"),
        ("02", "no-header"),
        ("00 16", "invalid-length"),
        ("01 16", "no-header"),
        ("01 00 03 16", "invalid-length"),
        ("01 00 00 16", "invalid-length"),
        ("05 16", "truncated"),
        ("02 16 00 00", "trailing-octets"),
        ("02 03", "reserved-type"),
        ("02 11", "reserved-type"),
        ("02 19", "reserved-type"),
        ("02 1E", "reserved-type"),
        ("02 FF", "reserved-type"),
        ("05 04 04 01 00", "body-too-short"),
        ("06 0A 00 00 00 01", "empty-topic-name"),
        ("06 0C 00 00 01 00", "body-too-short"),
        ("06 12 21 00 07 00", "body-too-short"),
        ("08 12 42 00 08 74 74 74", "body-too-long"),
        ("03 07 30", "empty-topic-name"),
        ("03 18 00", "body-too-short"),
        ("05 FE 00 AA BB", "no-inner-message"),
        ("05 FE 00 AA BB 05 FE 00 01 02 02 16", "nested-encapsulation"),
    ];
    for (octets, what) in faults {
        refused(octets, "", RejectReason::Malformed(what));
    }
}
