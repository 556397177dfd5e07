//! The disk is full: nothing is promised, QoS 0 goes on, and all is made good when there is space.

use crate::common::sn::{connect, dup, pingreq, publish, register, resume, subscribe};
use crate::common::{Rig, has_store, port};
use gateway_core::{ConnId, RejectReason, StorageState};
use sn_codec::Qos;
use sn_types::PeerAddr;

const NODE: PeerAddr = port(1);

/// A node that publishes to topic 1, "a/b".
fn rig() -> Rig {
    let mut rig = Rig::with(|config| config.durable = true);
    rig.watch("a/b");
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00"]);
    assert_eq!(rig.ask(NODE, register(1, "a/b")), ["REGACK id=1 mid=1 00"]);
    rig
}

/// New clients, and what a node with topic id 1 asks for, are refused with "congestion": six times.
pub(crate) fn assert_new_promises_are_refused(rig: &mut Rig, node: PeerAddr) {
    assert_eq!(rig.ask(port(2), connect("new")), ["CONNACK 01"]);
    assert_eq!(rig.ask(node, publish(Qos::One, 1, 7, "x")), ["PUBACK id=1 mid=7 01"]);
    assert_eq!(rig.ask(node, publish(Qos::Two, 1, 8, "x")), ["PUBACK id=1 mid=8 01"]);
    assert_eq!(rig.ask(node, register(9, "a/c")), ["REGACK id=0 mid=9 01"]);
    assert_eq!(rig.ask(node, subscribe(Qos::One, 10, "a/c")), ["SUBACK q0 id=0 mid=10 01"]);
    rig.mqtt_connect(ConnId(7), "new");
    assert!(rig.is_closed(ConnId(7)));
}

#[test]
fn new_clients_and_what_would_be_promised_are_refused_with_congestion() {
    let mut rig = rig();
    rig.disk(StorageState::Full);
    assert_new_promises_are_refused(&mut rig, NODE);
    assert_eq!(rig.watched(), [""; 0]);
    assert_eq!(rig.rejects(RejectReason::Storage), 6);
}

#[test]
fn qos_0_goes_on_whatever_waits() {
    let mut rig = rig();
    rig.disk(StorageState::Full);
    rig.publish(1, "a/b", "waits for its PUBACK, behind which nothing else may wait");
    rig.send(NODE, publish(Qos::Zero, 1, 0, "x"));
    let seen = rig.watched();
    assert!(seen.last().is_some_and(|line| line.contains("'x'")), "{seen:?}");
    assert_eq!(rig.core.gauges().held, 1);
}

#[test]
fn a_copy_of_a_qos_2_message_that_was_taken_is_not_refused() {
    let mut rig = rig();
    assert_eq!(rig.ask(NODE, publish(Qos::Two, 1, 7, "x")), ["PUBREC mid=7"]);
    rig.disk(StorageState::Full);
    assert_eq!(rig.ask(NODE, dup(publish(Qos::Two, 1, 7, "x"))), ["PUBREC mid=7"]);
    assert_eq!(rig.watched().len(), 1);
}

#[test]
fn what_was_promised_before_is_kept_when_there_is_space() {
    let mut rig = rig();
    rig.disk(StorageState::Full);
    rig.publish(1, "a/b", "1");
    assert!(rig.core.is_committing());
    rig.disk(StorageState::Ok);
    assert!(!rig.core.is_committing());
    assert_eq!(rig.core.gauges().held, 0);
    assert_eq!(rig.ask(NODE, publish(Qos::One, 1, 7, "x")), ["PUBACK id=1 mid=7 00"]);
    assert_eq!(rig.ask(port(2), connect("new")), ["CONNACK 00"]);
}

#[test]
fn a_configuration_that_is_read_again_does_not_take_the_store_away() {
    let mut rig = Rig::new();
    rig.core.reconfigure(rig.now, gateway_core::Config { durable: !has_store(), ..gateway_core::Config::default() });
    let before = rig.commits;
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00"]);
    assert_eq!(rig.commits > before, has_store());
}

#[test]
fn a_client_is_not_given_up_for_a_message_that_waits_for_the_disk() {
    let mut rig = rig();
    rig.send(NODE, subscribe(Qos::Two, 1, "a/b"));
    rig.heard(NODE);
    rig.disk(StorageState::Full);
    rig.publish(2, "a/b", "x");
    for _ in 0..10 {
        rig.wait_s(10);
        assert_eq!(rig.ask(NODE, pingreq("node")), ["PINGRESP"]);
    }
    rig.disk(StorageState::Ok);
    assert_eq!(rig.heard(NODE), ["PUBLISH q2 id=1 mid=1 'x'"], "once");
}
