//! What the gateway sends again, when, and how often (1.2 §6.13, §7.2), and the pause after "congestion".

use crate::common::sn::{
    PINGREQ, connect_with_will, keep_alive, puback, puback_with, pubcomp, pubrec, regack, resume, subscribe, will_msg,
    will_topic,
};
use crate::common::{Rig, port};
use gateway_core::{ClientState, RejectReason};
use sn_codec::{Qos, ReturnCode};
use sn_types::PeerAddr;
use std::time::Duration;

const NODE: PeerAddr = port(1);

/// `node` is subscribed to `t` (id 1), and to `w/+`.
fn subscribed() -> Rig {
    let mut rig = Rig::new();
    rig.send(NODE, keep_alive(resume("node"), 3_600));
    rig.send(NODE, subscribe(Qos::Two, 1, "t"));
    rig.send(NODE, subscribe(Qos::Two, 2, "w/+"));
    rig.heard(NODE);
    rig
}

/// What is heard until the gateway gives up: `again` at 10, 20, 30, 40 and 50 s, then DISCONNECT.
fn repeated_and_given_up(mut rig: Rig, again: &str) {
    rig.wait_s(3_000);
    let mut expected: Vec<_> = (1..=5).map(|n| (n * 10, again.to_owned())).collect();
    expected.push((60, "DISCONNECT".into()));
    assert_eq!(rig.heard_at(NODE), expected);
    assert_eq!(rig.events().last().map(String::as_str), Some("node lost: Retries"));
    assert_eq!(rig.core.stats().retransmissions, 5);
    assert_eq!(rig.waiting("node"), 1, "the message is kept");
}

#[test]
fn publish_qos_1() {
    let mut rig = subscribed();
    rig.publish(1, "t", "x");
    assert_eq!(rig.heard(NODE), ["PUBLISH q1 id=1 mid=1 'x'"]);
    repeated_and_given_up(rig, "PUBLISH q1 dup id=1 mid=1 'x'");
}

#[test]
fn publish_qos_2() {
    let mut rig = subscribed();
    rig.publish(2, "t", "x");
    assert_eq!(rig.heard(NODE), ["PUBLISH q2 id=1 mid=1 'x'"]);
    repeated_and_given_up(rig, "PUBLISH q2 dup id=1 mid=1 'x'");
}

#[test]
fn pubrel() {
    let mut rig = subscribed();
    rig.publish(2, "t", "x");
    rig.send(NODE, pubrec(1));
    rig.heard(NODE);
    repeated_and_given_up(rig, "PUBREL mid=1");
}

#[test]
fn register() {
    let mut rig = subscribed();
    rig.publish(1, "w/1", "x");
    assert_eq!(rig.heard(NODE), ["REGISTER id=2 mid=1 'w/1'"]);
    repeated_and_given_up(rig, "REGISTER id=2 mid=1 'w/1'");
}

#[test]
fn qos_0_is_sent_once() {
    let mut rig = subscribed();
    rig.publish(0, "t", "x");
    rig.wait_s(3_000);
    assert_eq!(rig.heard(NODE), ["PUBLISH q0 id=1 'x'"]);
    assert_eq!(rig.state("node"), ClientState::Active);
}

#[test]
fn each_message_has_its_own_repetitions() {
    let mut rig = subscribed();
    rig.publish(1, "t", "x");
    rig.publish(1, "t", "y");
    rig.wait_s(55);
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, puback(1, 1)), ["PUBLISH q1 id=1 mid=2 'y'"]);
    rig.wait_s(55);
    assert_eq!(rig.heard_at(NODE).iter().map(|(at, _)| *at).collect::<Vec<_>>(), [65, 75, 85, 95, 105]);
    assert_eq!(rig.ask(NODE, puback(1, 2)), [""; 0]);
}

#[test]
fn timers_and_counts_are_configured() {
    let mut rig = Rig::with(|config| {
        config.timing.t_retry = Duration::from_secs(3);
        config.timing.n_retry = 1;
    });
    rig.send(NODE, resume("node"));
    rig.send(NODE, subscribe(Qos::One, 1, "t"));
    rig.heard(NODE);
    rig.publish(1, "t", "x");
    rig.wait_s(60);
    let at = |(at, message): (u64, String)| (at, message.split(' ').next().unwrap_or_default().to_owned());
    let heard: Vec<_> = rig.heard_at(NODE).into_iter().map(at).collect();
    assert_eq!(heard, [(0, "PUBLISH".into()), (3, "PUBLISH".into()), (6, "DISCONNECT".into())]);
}

#[test]
fn giving_up_publishes_the_will() {
    let mut rig = Rig::new();
    rig.watch("will");
    rig.send(NODE, keep_alive(connect_with_will("node"), 3_600));
    rig.send(NODE, will_topic("will"));
    rig.send(NODE, will_msg("gone"));
    rig.send(NODE, subscribe(Qos::One, 1, "t"));
    rig.publish(1, "t", "x");
    rig.wait_s(60);
    assert_eq!(rig.watched(), ["q1 will 'gone'"]);
}

#[test]
fn after_a_reconnect_the_message_comes_again_with_dup() {
    let mut rig = subscribed();
    rig.publish(2, "t", "x");
    rig.wait_s(60);
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00", "REGISTER id=1 mid=2 't'"]);
    assert_eq!(rig.ask(NODE, regack(1, 2)), ["PUBLISH q2 dup id=1 mid=1 'x'"]);
    assert_eq!(rig.ask(NODE, pubrec(1)), ["PUBREL mid=1"]);
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00", "PUBREL mid=1"], "released: only PUBREL is repeated");
    assert_eq!(rig.ask(NODE, pubcomp(1)), [""; 0]);
}

#[test]
fn congestion_holds_everything_back_for_t_wait() {
    let mut rig = subscribed();
    rig.publish(1, "t", "x");
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, puback_with(1, 1, ReturnCode::Congestion)), [""; 0]);
    rig.publish(0, "t", "y");
    rig.wait_ms(299_999);
    assert_eq!(rig.heard(NODE), [""; 0]);
    rig.wait_ms(1);
    assert_eq!(rig.heard(NODE), ["PUBLISH q1 dup id=1 mid=1 'x'"]);
    assert_eq!(rig.ask(NODE, puback(1, 1)), ["PUBLISH q0 id=1 'y'"]);
}

#[test]
fn congestion_can_be_said_of_a_qos_0_message() {
    let mut rig = subscribed();
    rig.publish(0, "t", "x");
    rig.heard(NODE);
    rig.send(NODE, puback_with(1, 0, ReturnCode::Congestion));
    rig.publish(0, "t", "y");
    assert_eq!(rig.heard(NODE), [""; 0]);
    rig.wait_s(300);
    assert_eq!(rig.heard(NODE), ["PUBLISH q0 id=1 'y'"]);
}

#[test]
fn congestion_said_of_nothing_is_counted_and_ignored() {
    let mut rig = subscribed();
    assert_eq!(rig.ask(NODE, puback_with(1, 77, ReturnCode::Congestion)), [""; 0]);
    assert_eq!(rig.rejects(RejectReason::UnmatchedAck), 1);
    rig.publish(0, "t", "y");
    assert_eq!(rig.heard(NODE), ["PUBLISH q0 id=1 'y'"]);
}

#[test]
fn a_new_connection_ends_the_pause() {
    let mut rig = subscribed();
    rig.publish(1, "t", "x");
    rig.send(NODE, puback_with(1, 1, ReturnCode::Congestion));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00", "REGISTER id=1 mid=2 't'"]);
}

#[test]
fn a_refused_message_is_dropped_and_the_next_one_sent() {
    let mut rig = subscribed();
    rig.publish(1, "t", "x");
    rig.publish(1, "t", "y");
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, puback_with(1, 1, ReturnCode::NotSupported)), ["PUBLISH q1 id=1 mid=2 'y'"]);
    assert_eq!(rig.drops(gateway_core::DropReason::Refused), 1);
}

#[test]
fn a_qos_2_message_can_be_refused_by_puback() {
    let mut rig = subscribed();
    rig.publish(2, "t", "x");
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, puback_with(1, 1, ReturnCode::NotSupported)), [""; 0]);
    assert_eq!(rig.waiting("node"), 0);
}

#[test]
fn an_acknowledgement_of_the_wrong_kind_is_counted_and_ignored() {
    let mut rig = subscribed();
    rig.publish(2, "t", "x");
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, puback(1, 1)), [""; 0], "PUBACK for QoS 2");
    assert_eq!(rig.ask(NODE, pubcomp(1)), [""; 0], "PUBCOMP before PUBREC");
    assert_eq!(rig.rejects(RejectReason::UnmatchedAck), 2);
    assert_eq!(rig.waiting("node"), 1);
    assert_eq!(rig.ask(NODE, PINGREQ), ["PINGRESP"]);
}

/// The receiving side: what a client repeats is answered again and published once.
#[test]
fn a_repeated_qos_2_publish_is_published_once() {
    use crate::common::sn::{dup, publish, pubrel, register};
    let mut rig = subscribed();
    rig.watch("up");
    rig.send(NODE, register(9, "up"));
    rig.heard(NODE);
    let message = publish(Qos::Two, 2, 9, "x");
    assert_eq!(rig.ask(NODE, message), ["PUBREC mid=9"]);
    assert_eq!(rig.ask(NODE, dup(message)), ["PUBREC mid=9"]);
    assert_eq!(rig.ask(NODE, message), ["PUBREC mid=9"], "with or without DUP");
    assert_eq!(rig.ask(NODE, pubrel(9)), ["PUBCOMP mid=9"]);
    assert_eq!(rig.ask(NODE, pubrel(9)), ["PUBCOMP mid=9"]);
    assert_eq!(rig.ask(NODE, publish(Qos::Two, 2, 9, "y")), ["PUBREC mid=9"], "the id is free again");
    assert_eq!(rig.watched(), ["q2 up 'x'", "q2 up 'y'"]);
}

/// A copy that the link delivers after PUBREL is no new message.
#[test]
fn a_late_copy_of_a_qos_2_publish_is_published_once() {
    use crate::common::sn::{publish, pubrel, register};
    let mut rig = subscribed();
    rig.watch("up");
    rig.send(NODE, register(9, "up"));
    rig.send(NODE, publish(Qos::Two, 2, 9, "x"));
    rig.send(NODE, pubrel(9));
    rig.heard(NODE);
    rig.wait_s(4);
    assert_eq!(rig.ask(NODE, publish(Qos::Two, 2, 9, "x")), ["PUBREC mid=9"]);
    assert_eq!(rig.ask(NODE, pubrel(9)), ["PUBCOMP mid=9"]);
    assert_eq!(rig.watched(), ["q2 up 'x'"]);
}
