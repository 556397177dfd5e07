//! The will (1.2 §6.3, §6.4): what is published when a client is lost, after it was set, updated, deleted, or kept from
//! an earlier session.

use crate::common::sn::{
    DISCONNECT, connect, connect_with_will, resume, resume_with_will, subscribe, will_msg, will_msg_upd, will_topic,
    will_topic_upd,
};
use crate::common::{Rig, port};
use sn_codec::{Message, Qos, WillTopic};
use sn_types::PeerAddr;

const NODE: PeerAddr = port(1);
const LOST_AFTER_S: u64 = 90;

/// A viewer of everything below `w`.
fn watched() -> Rig {
    let mut rig = Rig::new();
    rig.watch("w/#");
    rig
}

/// `connecting` is a CONNECT with a will: topic `w/1`, message `gone`.
fn with_will(connecting: Message<'_>) -> Rig {
    let mut rig = watched();
    set_will(&mut rig, connecting);
    rig
}

fn set_will(rig: &mut Rig, connecting: Message<'_>) {
    assert_eq!(rig.ask(NODE, connecting), ["WILLTOPICREQ"]);
    assert_eq!(rig.ask(NODE, will_topic("w/1")), ["WILLMSGREQ"]);
    assert_eq!(rig.ask(NODE, will_msg("gone")), ["CONNACK 00"]);
}

fn published_when_lost(mut rig: Rig) -> Vec<String> {
    rig.wait_s(LOST_AFTER_S);
    assert_eq!(rig.events().last().map(String::as_str), Some("node lost: KeepAlive"));
    rig.watched()
}

#[test]
fn the_message_is_updated() {
    let mut rig = with_will(connect_with_will("node"));
    assert_eq!(rig.ask(NODE, will_msg_upd("left")), ["WILLMSGRESP 00"]);
    assert_eq!(published_when_lost(rig), ["q1 w/1 'left'"]);
}

#[test]
fn the_topic_is_updated_and_the_message_stays() {
    let mut rig = with_will(connect_with_will("node"));
    let retained = WillTopic { qos: Qos::Two, retain: true, topic: "w/2" };
    assert_eq!(rig.ask(NODE, Message::WillTopicUpd(Some(retained))), ["WILLTOPICRESP 00"]);
    let mut rig = {
        rig.wait_s(LOST_AFTER_S);
        assert_eq!(rig.watched(), ["q2 w/2 'gone'"]);
        rig
    };
    rig.watch("w/2");
    assert_eq!(rig.watched(), ["q2 retain w/2 'gone'"], "it was retained");
}

#[test]
fn both_are_updated() {
    let mut rig = with_will(connect_with_will("node"));
    rig.send(NODE, will_topic_upd("w/2"));
    rig.send(NODE, will_msg_upd("left"));
    assert_eq!(published_when_lost(rig), ["q1 w/2 'left'"]);
}

#[test]
fn an_empty_update_deletes_the_will() {
    let mut rig = with_will(connect_with_will("node"));
    assert_eq!(rig.ask(NODE, Message::WillTopicUpd(None)), ["WILLTOPICRESP 00"]);
    assert_eq!(published_when_lost(rig), [""; 0]);
}

#[test]
fn a_refused_update_leaves_the_will_as_it_is() {
    let mut rig = with_will(connect_with_will("node"));
    assert_eq!(rig.ask(NODE, will_topic_upd("w/#")), ["WILLTOPICRESP 03"]);
    assert_eq!(published_when_lost(rig), ["q1 w/1 'gone'"]);
}

#[test]
fn disconnect_publishes_no_will() {
    let mut rig = with_will(connect_with_will("node"));
    rig.send(NODE, DISCONNECT);
    rig.wait_s(LOST_AFTER_S);
    assert_eq!(rig.watched(), [""; 0]);
}

/// CleanSession 0, Will 0: everything is kept, the will too, over DISCONNECT.
#[test]
fn a_kept_session_keeps_its_will() {
    let mut rig = with_will(resume_with_will("node"));
    rig.send(NODE, DISCONNECT);
    rig.send(NODE, resume("node"));
    assert_eq!(published_when_lost(rig), ["q1 w/1 'gone'"]);
}

/// CleanSession 0, Will 1: subscriptions are kept, the new will replaces the old one.
#[test]
fn a_new_will_replaces_the_kept_one() {
    let mut rig = with_will(resume_with_will("node"));
    rig.send(NODE, subscribe(Qos::One, 1, "t"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, resume_with_will("node")), ["WILLTOPICREQ"]);
    rig.send(NODE, will_topic("w/2"));
    rig.send(NODE, will_msg("new"));
    rig.publish(1, "t", "x");
    assert_eq!(rig.heard(NODE), ["WILLMSGREQ", "CONNACK 00", "REGISTER id=1 mid=1 't'"]);
    rig.send(NODE, crate::common::sn::regack(1, 1));
    rig.send(NODE, crate::common::sn::puback(1, 2));
    assert_eq!(published_when_lost(rig), ["q1 w/2 'new'"]);
}

/// CleanSession 0, Will 1, empty WILLTOPIC: only the will goes.
#[test]
fn an_empty_willtopic_deletes_the_kept_will_only() {
    let mut rig = with_will(resume_with_will("node"));
    rig.send(NODE, subscribe(Qos::One, 1, "t"));
    rig.send(NODE, resume_with_will("node"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, Message::WillTopic(None)), ["CONNACK 00"]);
    rig.wait_s(LOST_AFTER_S);
    assert_eq!(rig.watched(), [""; 0]);
    rig.publish(1, "t", "x");
    assert_eq!(rig.waiting("node"), 1);
}

/// CleanSession 1, Will 0: subscriptions and will are deleted.
#[test]
fn clean_session_deletes_subscriptions_and_will() {
    let mut rig = with_will(resume_with_will("node"));
    rig.send(NODE, subscribe(Qos::One, 1, "t"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, connect("node")), ["CONNACK 00"]);
    rig.publish(1, "t", "x");
    assert_eq!(rig.heard(NODE), [""; 0]);
    assert_eq!(published_when_lost(rig), [""; 0]);
}

/// CleanSession 1, Will 1: subscriptions and will are deleted, and there is a new will.
#[test]
fn clean_session_with_will_deletes_subscriptions_and_sets_the_will() {
    let mut rig = with_will(resume_with_will("node"));
    rig.send(NODE, subscribe(Qos::One, 1, "t"));
    rig.heard(NODE);
    rig.send(NODE, connect_with_will("node"));
    rig.send(NODE, will_topic("w/2"));
    rig.send(NODE, will_msg("new"));
    rig.publish(1, "t", "x");
    assert_eq!(rig.heard(NODE), ["WILLTOPICREQ", "WILLMSGREQ", "CONNACK 00"]);
    assert_eq!(published_when_lost(rig), ["q1 w/2 'new'"]);
}

/// A will is published each time the client is lost: in MQTT-SN it survives with its session.
#[test]
fn a_kept_will_is_published_again_at_the_next_loss() {
    let mut rig = with_will(resume_with_will("node"));
    rig.wait_s(LOST_AFTER_S);
    rig.send(NODE, resume("node"));
    rig.wait_s(LOST_AFTER_S);
    assert_eq!(rig.watched(), ["q1 w/1 'gone'"; 2]);
}

#[test]
fn a_lost_client_is_not_sent_its_own_will() {
    let mut rig = with_will(resume_with_will("node"));
    rig.send(NODE, subscribe(Qos::One, 1, "w/1"));
    rig.heard(NODE);
    rig.wait_s(LOST_AFTER_S);
    assert_eq!(rig.heard(NODE), [""; 0], "nobody is there");
    assert_eq!(rig.waiting("node"), 1, "but it finds it when it comes back");
}

#[test]
fn an_empty_will_message_is_a_will() {
    let mut rig = watched();
    rig.send(NODE, connect_with_will("node"));
    rig.send(NODE, will_topic("w/1"));
    assert_eq!(rig.ask(NODE, will_msg("")), ["WILLTOPICREQ", "WILLMSGREQ", "CONNACK 00"]);
    assert_eq!(published_when_lost(rig), ["q1 w/1 ''"]);
}
