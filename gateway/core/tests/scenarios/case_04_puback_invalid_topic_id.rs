//! A client answers a PUBLISH with PUBACK "invalid topic id": it has forgotten what the id means. The gateway sends
//! REGISTER, and then the same message again.

use crate::common::sn::{
    connect, puback, puback_with, pubcomp, publish_to, pubrec, regack, resume, short, subscribe, subscribe_to,
};
use crate::common::{Rig, port};
use gateway_core::{Config, DropReason, RejectReason};
use sn_codec::{Message, Qos, ReturnCode, ShortName, TopicFilter, TopicId};
use sn_types::PeerAddr;

const NODE: PeerAddr = port(1);

fn invalid_topic_id(id: u16, mid: u16) -> Message<'static> {
    puback_with(id, mid, ReturnCode::InvalidTopicId)
}

fn subscribed(qos: Qos) -> Rig {
    subscribed_with(qos, |_| {})
}

fn subscribed_with(qos: Qos, change: impl FnOnce(&mut Config)) -> Rig {
    let mut rig = Rig::with(change);
    rig.send(NODE, connect("node"));
    rig.send(NODE, subscribe(qos, 1, "a/b"));
    rig.heard(NODE);
    rig
}

#[test]
fn qos_1_register_and_the_same_publish_again() {
    let mut rig = subscribed(Qos::One);
    rig.publish(1, "a/b", "x");
    rig.publish(1, "a/b", "y");
    assert_eq!(rig.heard(NODE), ["PUBLISH q1 id=1 mid=1 'x'"]);
    assert_eq!(rig.ask(NODE, invalid_topic_id(1, 1)), ["REGISTER id=1 mid=2 'a/b'"]);
    assert_eq!(rig.ask(NODE, regack(1, 2)), ["PUBLISH q1 dup id=1 mid=1 'x'"]);
    assert_eq!(rig.ask(NODE, puback(1, 1)), ["PUBLISH q1 id=1 mid=3 'y'"], "and then the id is known");
}

#[test]
fn qos_2_likewise() {
    let mut rig = subscribed(Qos::Two);
    rig.publish(2, "a/b", "x");
    assert_eq!(rig.heard(NODE), ["PUBLISH q2 id=1 mid=1 'x'"]);
    assert_eq!(rig.ask(NODE, invalid_topic_id(1, 1)), ["REGISTER id=1 mid=2 'a/b'"]);
    assert_eq!(rig.ask(NODE, regack(1, 2)), ["PUBLISH q2 dup id=1 mid=1 'x'"]);
    assert_eq!(rig.ask(NODE, pubrec(1)), ["PUBREL mid=1"]);
    assert_eq!(rig.ask(NODE, pubcomp(1)), [""; 0]);
    assert_eq!(rig.waiting("node"), 0);
}

#[test]
fn qos_0_is_gone_but_the_next_one_is_preceded_by_register() {
    let mut rig = subscribed(Qos::Zero);
    rig.publish(0, "a/b", "x");
    assert_eq!(rig.heard(NODE), ["PUBLISH q0 id=1 'x'"]);
    assert_eq!(rig.ask(NODE, invalid_topic_id(1, 0)), [""; 0]);
    rig.publish(0, "a/b", "y");
    assert_eq!(rig.heard(NODE), ["REGISTER id=1 mid=1 'a/b'"]);
    assert_eq!(rig.ask(NODE, regack(1, 1)), ["PUBLISH q0 id=1 'y'"]);
}

#[test]
fn a_second_refusal_on_its_way_does_not_start_a_second_register() {
    let mut rig = subscribed(Qos::One);
    rig.publish(1, "a/b", "x");
    rig.wait_s(10);
    assert_eq!(rig.heard(NODE), ["PUBLISH q1 id=1 mid=1 'x'", "PUBLISH q1 dup id=1 mid=1 'x'"]);
    assert_eq!(rig.ask(NODE, invalid_topic_id(1, 1)), ["REGISTER id=1 mid=2 'a/b'"]);
    assert_eq!(rig.ask(NODE, invalid_topic_id(1, 1)), [""; 0]);
    assert_eq!(rig.ask(NODE, regack(1, 2)), ["PUBLISH q1 dup id=1 mid=1 'x'"]);
}

/// The node refuses the id of message `mid` and confirms the REGISTER that follows.
fn refuse_and_confirm(rig: &mut Rig, mid: u16, register_mid: u16) -> Vec<String> {
    rig.send(NODE, invalid_topic_id(1, mid));
    rig.send(NODE, regack(1, register_mid));
    rig.heard(NODE)
}

#[test]
fn a_client_that_never_learns_loses_the_message_and_not_the_next() {
    let mut rig = subscribed_with(Qos::One, |config| config.timing.n_retry = 2);
    rig.publish(1, "a/b", "x");
    rig.publish(1, "a/b", "y");
    rig.heard(NODE);
    refuse_and_confirm(&mut rig, 1, 2);
    refuse_and_confirm(&mut rig, 1, 3);
    assert_eq!(rig.drops(DropReason::Refused), 0);
    assert_eq!(rig.ask(NODE, invalid_topic_id(1, 1)), ["PUBLISH q1 id=1 mid=4 'y'"]);
    assert_eq!(rig.drops(DropReason::Refused), 1);
    refuse_and_confirm(&mut rig, 4, 5);
    let again = refuse_and_confirm(&mut rig, 4, 6);
    assert_eq!(again, ["REGISTER id=1 mid=6 'a/b'", "PUBLISH q1 dup id=1 mid=4 'y'"], "it has its own chances");
    assert_eq!(rig.drops(DropReason::Refused), 1);
}

#[test]
fn a_new_connection_has_its_own_chances_too() {
    let mut rig = Rig::with(|config| config.timing.n_retry = 1);
    rig.send(NODE, resume("node"));
    rig.send(NODE, subscribe(Qos::One, 1, "a/b"));
    rig.publish(1, "a/b", "x");
    refuse_and_confirm(&mut rig, 1, 2);
    rig.send(NODE, resume("node"));
    rig.send(NODE, regack(1, 3));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, invalid_topic_id(1, 1)), ["REGISTER id=1 mid=4 'a/b'"]);
}

#[test]
fn refusals_of_a_message_that_has_arrived_are_only_counted() {
    let mut rig = subscribed(Qos::Two);
    rig.publish(2, "a/b", "x");
    rig.send(NODE, pubrec(1));
    rig.heard(NODE);
    for _ in 0..300 {
        assert_eq!(rig.ask(NODE, invalid_topic_id(1, 1)), [""; 0]);
    }
    assert_eq!(rig.rejects(RejectReason::UnmatchedAck), 300);
    assert_eq!(rig.ask(NODE, pubcomp(1)), [""; 0]);
    assert_eq!(rig.waiting("node"), 0);
}

#[test]
fn a_refusal_of_nothing_is_counted() {
    let mut rig = subscribed(Qos::One);
    assert_eq!(rig.ask(NODE, invalid_topic_id(1, 77)), [""; 0]);
    assert_eq!(rig.rejects(RejectReason::UnmatchedAck), 1);
}

#[test]
fn no_register_helps_with_a_short_name_or_a_predefined_id() {
    let mut rig = Rig::with(|config| config.predefined = vec![(TopicId(7), "pre".into())]);
    rig.send(NODE, connect("node"));
    rig.send(NODE, subscribe_to(Qos::One, 1, TopicFilter::Short(ShortName(*b"tt"))));
    rig.send(NODE, subscribe_to(Qos::One, 2, TopicFilter::Predefined(TopicId(7))));
    rig.heard(NODE);
    rig.publish(1, "tt", "x");
    rig.publish(1, "pre", "y");
    assert_eq!(rig.heard(NODE), ["PUBLISH q1 short=tt mid=1 'x'"]);
    assert_eq!(rig.ask(NODE, invalid_topic_id(0x7474, 1)), ["PUBLISH q1 pre=7 mid=2 'y'"]);
    assert_eq!(rig.ask(NODE, invalid_topic_id(7, 2)), [""; 0]);
    assert_eq!(rig.drops(DropReason::Refused), 2);
}

/// The other way round: the gateway refuses an id, so that the client registers again.
#[test]
fn the_gateway_refuses_ids_that_it_does_not_know() {
    use crate::common::sn::{predefined, publish};
    let mut rig = Rig::new();
    rig.send(NODE, connect("node"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, publish(Qos::One, 9, 1, "x")), ["PUBACK id=9 mid=1 02"]);
    assert_eq!(rig.ask(NODE, publish(Qos::Two, 9, 2, "x")), ["PUBACK id=9 mid=2 02"]);
    assert_eq!(rig.ask(NODE, publish_to(Qos::One, predefined(9), 3, "x")), ["PUBACK id=9 mid=3 02"]);
    assert_eq!(rig.ask(NODE, publish(Qos::Zero, 9, 0, "x")), ["PUBACK id=9 mid=0 02"]);
    assert_eq!(rig.ask(NODE, publish(Qos::Zero, 9, 0, "x")), [""; 0], "once a second is enough at QoS 0");
    rig.wait_s(1);
    assert_eq!(rig.ask(NODE, publish(Qos::Zero, 9, 0, "x")), ["PUBACK id=9 mid=0 02"]);
    assert_eq!(rig.ask(NODE, publish_to(Qos::One, short("+a"), 4, "x")), ["PUBACK id=11105 mid=4 03"]);
    assert_eq!(rig.rejects(RejectReason::TopicId), 6);
}
