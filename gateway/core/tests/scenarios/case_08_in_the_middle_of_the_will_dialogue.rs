//! What does not belong into the will dialogue, comes too early, or never: stated answers, and a client that was
//! connected before goes on when its dialogue fails.

use crate::common::sn::{
    DISCONNECT, PINGREQ, connect, connect_with_will, keep_alive, publish, register, resume, resume_with_will, sleep,
    subscribe, will_msg, will_msg_upd, will_topic, will_topic_upd,
};
use crate::common::{Rig, port};
use gateway_core::{ClientState, RejectReason};
use sn_codec::{Message, Qos, WillTopic};
use sn_types::PeerAddr;

const NODE: PeerAddr = port(1);
const NO_WILL: Message<'static> = Message::WillTopic(None);

fn asked_for_topic() -> Rig {
    let mut rig = Rig::new();
    assert_eq!(rig.ask(NODE, connect_with_will("node")), ["WILLTOPICREQ"]);
    rig
}

fn asked_for_message() -> Rig {
    let mut rig = asked_for_topic();
    assert_eq!(rig.ask(NODE, will_topic("w")), ["WILLMSGREQ"]);
    rig
}

#[test]
fn the_whole_dialogue() {
    let mut rig = asked_for_message();
    rig.watch("w");
    assert_eq!(rig.ask(NODE, will_msg("gone")), ["CONNACK 00"]);
    rig.wait_s(90);
    assert_eq!(rig.watched(), ["q1 w 'gone'"]);
}

#[test]
fn everything_else_is_ignored_and_counted() {
    let others =
        [register(1, "t"), publish(Qos::One, 1, 2, "x"), subscribe(Qos::One, 3, "t"), PINGREQ, will_topic_upd("w")];
    for mut rig in [asked_for_topic(), asked_for_message()] {
        for other in others {
            assert_eq!(rig.ask(NODE, other), [""; 0], "{other:?}");
        }
        assert_eq!(rig.rejects(RejectReason::WrongState), others.len() as u64);
    }
}

#[test]
fn disconnect_ends_it() {
    for goodbye in [DISCONNECT, sleep(60)] {
        for mut rig in [asked_for_topic(), asked_for_message()] {
            assert_eq!(rig.ask(NODE, goodbye), ["DISCONNECT"]);
            assert!(rig.client("node").is_none());
            assert_eq!(rig.ask(NODE, will_msg("x")), ["DISCONNECT"], "and it is over");
        }
    }
}

#[test]
fn willmsg_before_willtopic_is_ignored() {
    let mut rig = asked_for_topic();
    assert_eq!(rig.ask(NODE, will_msg("too early")), [""; 0]);
    assert_eq!(rig.ask(NODE, will_topic("w")), ["WILLMSGREQ"]);
    assert_eq!(rig.ask(NODE, will_msg("x")), ["CONNACK 00"]);
}

#[test]
fn a_repeated_step_gets_the_same_answer_again() {
    let mut rig = asked_for_topic();
    assert_eq!(rig.ask(NODE, connect_with_will("node")), ["WILLTOPICREQ"]);
    assert_eq!(rig.ask(NODE, will_topic("w")), ["WILLMSGREQ"]);
    assert_eq!(rig.ask(NODE, will_topic("w")), ["WILLMSGREQ"]);
    assert_eq!(rig.ask(NODE, will_msg("x")), ["CONNACK 00"]);
    assert_eq!(rig.ask(NODE, will_msg("x")), ["CONNACK 00"]);
    assert_eq!(rig.events(), ["node connected"], "once");
    rig.send(NODE, register(1, "t"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, will_msg("x")), [""; 0], "after another message it is out of place");
}

#[test]
fn an_empty_willtopic_means_no_will() {
    let mut rig = asked_for_topic();
    rig.watch("#");
    assert_eq!(rig.ask(NODE, NO_WILL), ["CONNACK 00"]);
    assert_eq!(rig.ask(NODE, NO_WILL), ["CONNACK 00"], "also when CONNACK was lost");
    rig.wait_s(90);
    assert_eq!(rig.events(), ["mqtt connected", "node connected", "node lost: KeepAlive"]);
    assert_eq!(rig.watched(), [""; 0]);
}

#[test]
fn an_unacceptable_will_refuses_the_connection() {
    let bad = [
        Message::WillTopic(Some(WillTopic { qos: Qos::One, retain: false, topic: "a/+" })),
        Message::WillTopic(Some(WillTopic { qos: Qos::One, retain: false, topic: "$SYS/x" })),
        Message::WillTopic(Some(WillTopic { qos: Qos::MinusOne, retain: false, topic: "w" })),
    ];
    for will in bad {
        let mut rig = asked_for_topic();
        assert_eq!(rig.ask(NODE, will), ["CONNACK 03"]);
        assert!(rig.client("node").is_none());
    }
}

#[test]
fn an_unanswered_question_is_repeated_and_then_forgotten() {
    let mut rig = asked_for_topic();
    rig.wait_s(600);
    let asked = rig.heard_at(NODE);
    assert_eq!(asked.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [10, 20, 30, 40, 50]);
    assert!(asked.iter().all(|(_, message)| message == "WILLTOPICREQ"));
    assert_eq!(rig.ask(NODE, will_topic("w")), ["DISCONNECT"]);
    assert_eq!(rig.core.clients().count(), 0);
}

#[test]
fn the_second_question_has_its_own_repetitions() {
    let mut rig = asked_for_topic();
    rig.wait_s(45);
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, will_topic("w")), ["WILLMSGREQ"]);
    rig.wait_s(600);
    assert_eq!(rig.heard_at(NODE).iter().map(|(at, _)| *at).collect::<Vec<_>>(), [55, 65, 75, 85, 95]);
}

#[test]
fn a_plain_connect_ends_the_dialogue() {
    let mut rig = asked_for_message();
    assert_eq!(rig.ask(NODE, connect("node")), ["CONNACK 00"]);
    assert_eq!(rig.ask(NODE, PINGREQ), ["PINGRESP"]);
}

#[test]
fn will_updates_without_a_will() {
    let mut rig = Rig::new();
    rig.send(NODE, connect("node"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, will_msg_upd("x")), ["WILLMSGRESP 03"]);
    assert_eq!(rig.ask(NODE, Message::WillTopicUpd(None)), ["WILLTOPICRESP 00"]);
    assert_eq!(rig.ask(NODE, will_topic_upd("w")), ["WILLTOPICRESP 00"]);
    assert_eq!(rig.ask(NODE, will_msg_upd("x")), ["WILLMSGRESP 00"]);
}

/// A connected client starts the dialogue and does not finish it: what came for it meanwhile is not lost.
#[test]
fn a_connected_client_gets_its_messages_when_its_dialogue_fails() {
    let mut rig = Rig::new();
    rig.send(NODE, keep_alive(resume("node"), 600));
    rig.send(NODE, subscribe(Qos::One, 1, "t"));
    rig.send(NODE, resume_with_will("node"));
    rig.publish(1, "t", "x");
    rig.heard(NODE);
    rig.wait_s(59);
    assert!(rig.heard(NODE).iter().all(|message| message == "WILLTOPICREQ"), "it is silent in the dialogue");
    rig.wait_s(1);
    assert_eq!(rig.heard(NODE), ["PUBLISH q1 id=1 mid=1 'x'"]);
    assert_eq!(rig.state("node"), ClientState::Active);
}

#[test]
fn retransmission_goes_on_when_the_dialogue_is_refused() {
    let mut rig = Rig::new();
    rig.send(NODE, keep_alive(resume("node"), 600));
    rig.send(NODE, subscribe(Qos::One, 1, "t"));
    rig.publish(1, "t", "x");
    rig.send(NODE, resume_with_will("node"));
    rig.send(NODE, will_topic("a/+"));
    rig.heard(NODE);
    rig.wait_s(10);
    assert_eq!(rig.heard(NODE), ["PUBLISH q1 dup id=1 mid=1 'x'"]);
}
