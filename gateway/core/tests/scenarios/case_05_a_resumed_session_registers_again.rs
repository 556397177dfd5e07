//! A client comes back to its session and may have forgotten its topic ids: every topic is registered again before
//! its first message. A topic that it rejects is skipped; a REGISTER that it does not answer is repeated, then it is
//! told DISCONNECT.

use crate::common::sn::{
    DISCONNECT, PINGREQ, puback, publish, regack, regack_with, register, resume, subscribe, unsubscribe,
};
use crate::common::{Rig, port};
use gateway_core::{ClientState, DropReason};
use sn_codec::{Qos, ReturnCode};
use sn_types::PeerAddr;

const NODE: PeerAddr = port(1);

/// `node` has a subscription to `a/+`, knows `a/1` and `a/2`, and was away while a message came on each, and on `a/3`.
fn resumed() -> Rig {
    let mut rig = Rig::new();
    rig.send(NODE, resume("node"));
    rig.send(NODE, register(1, "a/1"));
    rig.send(NODE, register(2, "a/2"));
    rig.send(NODE, subscribe(Qos::One, 3, "a/+"));
    rig.send(NODE, DISCONNECT);
    for topic in ["a/1", "a/2", "a/3"] {
        rig.publish(1, topic, "x");
    }
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00", "REGISTER id=1 mid=1 'a/1'"]);
    rig
}

#[test]
fn every_topic_is_registered_before_use() {
    let mut rig = resumed();
    assert_eq!(rig.ask(NODE, regack(1, 1)), ["PUBLISH q1 id=1 mid=2 'x'"]);
    assert_eq!(rig.ask(NODE, puback(1, 2)), ["REGISTER id=2 mid=3 'a/2'"]);
    assert_eq!(rig.ask(NODE, regack(2, 3)), ["PUBLISH q1 id=2 mid=4 'x'"]);
    assert_eq!(rig.ask(NODE, puback(2, 4)), ["REGISTER id=3 mid=5 'a/3'"]);
    assert_eq!(rig.ask(NODE, regack(3, 5)), ["PUBLISH q1 id=3 mid=6 'x'"]);
    assert_eq!(rig.ask(NODE, puback(3, 6)), [""; 0]);
    rig.publish(1, "a/1", "y");
    assert_eq!(rig.heard(NODE), ["PUBLISH q1 id=1 mid=7 'y'"], "once per connection");
}

#[test]
fn the_old_ids_stay_valid_for_publishing() {
    let mut rig = resumed();
    assert_eq!(rig.ask(NODE, publish(Qos::One, 2, 9, "up")), ["PUBACK id=2 mid=9 00"]);
}

#[test]
fn a_topic_that_the_client_registers_itself_needs_no_register() {
    let mut rig = resumed();
    assert_eq!(rig.ask(NODE, register(9, "a/2")), ["REGACK id=2 mid=9 00"]);
    rig.send(NODE, regack(1, 1));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, puback(1, 2)), ["PUBLISH q1 id=2 mid=3 'x'"]);
}

#[test]
fn a_rejected_topic_is_skipped_and_stays_unwanted() {
    let mut rig = resumed();
    rig.publish(1, "a/1", "another on the rejected topic");
    let next = rig.ask(NODE, regack_with(1, 1, ReturnCode::NotSupported));
    assert_eq!(next, ["REGISTER id=2 mid=2 'a/2'"]);
    assert_eq!(rig.drops(DropReason::Unwanted), 2);
    rig.publish(1, "a/1", "and another");
    assert_eq!(rig.drops(DropReason::Unwanted), 2, "queued behind the others");
    rig.send(NODE, regack(2, 2));
    rig.send(NODE, puback(2, 3));
    rig.send(NODE, regack(3, 4));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, puback(3, 5)), [""; 0]);
    assert_eq!(rig.drops(DropReason::Unwanted), 3);
}

#[test]
fn a_rejected_topic_comes_back_with_a_subscription() {
    let mut rig = resumed();
    for (id, mid) in [(1, 1), (2, 2), (3, 3)] {
        rig.send(NODE, regack_with(id, mid, ReturnCode::InvalidTopicId));
    }
    assert_eq!(rig.waiting("node"), 0);
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, unsubscribe(4, "a/+")), ["UNSUBACK mid=4"]);
    assert_eq!(rig.ask(NODE, subscribe(Qos::One, 5, "a/+")), ["SUBACK q1 id=0 mid=5 00"]);
    rig.publish(1, "a/2", "y");
    assert_eq!(rig.heard(NODE), ["REGISTER id=2 mid=4 'a/2'"]);
}

#[test]
fn an_unanswered_register_is_repeated_while_pings_are_answered_then_comes_disconnect() {
    let mut rig = resumed();
    for _ in 0..5 {
        rig.wait_s(10);
        assert_eq!(rig.ask(NODE, PINGREQ), ["REGISTER id=1 mid=1 'a/1'", "PINGRESP"]);
    }
    rig.events();
    rig.wait_s(10);
    assert_eq!(rig.heard(NODE), ["DISCONNECT"]);
    assert_eq!(rig.events(), ["node lost: Retries"]);
    assert_eq!(rig.state("node"), ClientState::Lost);
    assert_eq!(rig.waiting("node"), 3, "nothing is lost but the connection");
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00", "REGISTER id=1 mid=2 'a/1'"]);
}

#[test]
fn congestion_makes_the_gateway_wait_and_register_again() {
    let mut rig = resumed();
    assert_eq!(rig.ask(NODE, regack_with(1, 1, ReturnCode::Congestion)), [""; 0]);
    for _ in 0..5 {
        rig.wait_s(59);
        assert_eq!(rig.ask(NODE, PINGREQ), ["PINGRESP"]);
    }
    rig.wait_ms(4_999);
    assert_eq!(rig.heard(NODE), [""; 0]);
    rig.wait_ms(1);
    assert_eq!(rig.heard(NODE), ["REGISTER id=1 mid=2 'a/1'"]);
}
