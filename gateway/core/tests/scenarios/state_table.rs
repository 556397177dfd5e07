//! Every state x message cell, driven for real: the snapshot is the table that a reviewer reads.
//!
//! The node has a kept session with a will, knows topic id 1 (`up`), is subscribed to `down` (id 2), and predefined id 7
//! and the short name `tt` exist. When it is awake, message 1 on `down` is in flight. The node in the will dialogue and
//! the unknown one have no session yet.

use crate::common::sn::{
    DISCONNECT, PINGREQ, connect, connect_with_will, pingreq, predefined, puback, puback_with, pubcomp, publish,
    publish_to, pubrec, pubrel, regack, register, resume, resume_with_will, search_gw, short, sleep, subscribe,
    subscribe_to, unsubscribe, will_msg, will_msg_upd, will_topic, will_topic_upd,
};
use crate::common::{Rig, port};
use gateway_core::{ClientState, RejectReason};
use sn_codec::{
    Advertise, ConnAck, GwId, GwInfo, Message, MsgId, Qos, ReturnCode, SubAck, Topic, TopicFilter, TopicId,
};
use sn_types::PeerAddr;
use std::fmt::Write as _;

const NODE: PeerAddr = port(1);

const STATES: [&str; 8] =
    ["unknown", "await-will-topic", "await-will-msg", "active", "asleep", "awake", "disconnected", "lost"];

/// The gateway with the node in one of the [`STATES`].
fn rig_in(state: &str) -> Rig {
    let mut rig = Rig::with(|config| config.predefined = vec![(TopicId(7), "pre".into())]);
    match state {
        "unknown" => {}
        "await-will-topic" => rig.send(NODE, resume_with_will("node")),
        "await-will-msg" => {
            rig.send(NODE, resume_with_will("node"));
            rig.send(NODE, will_topic("w"));
        }
        _ => connect_and_leave(&mut rig, state),
    }
    rig.heard(NODE);
    rig
}

fn connect_and_leave(rig: &mut Rig, state: &str) {
    rig.send(NODE, resume_with_will("node"));
    rig.send(NODE, will_topic("w"));
    rig.send(NODE, will_msg("gone"));
    rig.send(NODE, register(101, "up"));
    rig.send(NODE, subscribe(Qos::Two, 102, "down"));
    match state {
        "asleep" => rig.send(NODE, sleep(600)),
        "awake" => {
            rig.send(NODE, sleep(600));
            rig.publish(1, "down", "x");
            rig.send(NODE, pingreq("node"));
        }
        "disconnected" => rig.send(NODE, DISCONNECT),
        "lost" => rig.wait_s(90),
        _ => {}
    }
}

/// The node's state: who is in the will dialogue is asked again after T_retry, everybody else is on the list.
fn state_of(rig: &mut Rig) -> &'static str {
    let listed = match rig.client("node").map(|client| client.state) {
        None => "unknown",
        Some(ClientState::Active) => "active",
        Some(ClientState::Asleep) => "asleep",
        Some(ClientState::Awake) => "awake",
        Some(ClientState::Disconnected) => "disconnected",
        Some(ClientState::Lost) => "lost",
    };
    rig.wait_s(10);
    match rig.heard(NODE).last().map(String::as_str) {
        Some("WILLTOPICREQ") => "await-will-topic",
        Some("WILLMSGREQ") => "await-will-msg",
        Some(_) | None => listed,
    }
}

/// Every message of 1.2, those of gateways included, and its variants that differ in the answer.
fn messages() -> Vec<(&'static str, Message<'static>)> {
    let long_name = Topic::Name("a/b");
    vec![
        ("ADVERTISE", Message::Advertise(Advertise { gw_id: GwId(9), duration_s: 900 })),
        ("SEARCHGW", search_gw(1)),
        ("GWINFO", Message::GwInfo(GwInfo { gw_id: GwId(9), gw_add: &[] })),
        ("CONNECT", resume("node")),
        ("CONNECT clean", connect("node")),
        ("CONNECT will", resume_with_will("node")),
        ("CONNECT clean will", connect_with_will("node")),
        ("CONNECT other id", connect("other")),
        ("CONNACK", Message::ConnAck(ConnAck { return_code: ReturnCode::Accepted })),
        ("WILLTOPICREQ", Message::WillTopicReq),
        ("WILLTOPIC", will_topic("w/2")),
        ("WILLTOPIC empty", Message::WillTopic(None)),
        ("WILLMSGREQ", Message::WillMsgReq),
        ("WILLMSG", will_msg("x")),
        ("REGISTER", register(1, "new")),
        ("REGACK", regack(2, 1)),
        ("PUBLISH q-1 predefined", publish_to(Qos::MinusOne, predefined(7), 0, "x")),
        ("PUBLISH q-1 short", publish_to(Qos::MinusOne, short("tt"), 0, "x")),
        ("PUBLISH q-1 name", publish_to(Qos::MinusOne, long_name, 0, "x")),
        ("PUBLISH q0", publish(Qos::Zero, 1, 0, "x")),
        ("PUBLISH q1", publish(Qos::One, 1, 5, "x")),
        ("PUBLISH q2", publish(Qos::Two, 1, 5, "x")),
        ("PUBLISH q1 unknown id", publish(Qos::One, 99, 5, "x")),
        ("PUBACK", puback(2, 1)),
        ("PUBACK invalid topic id", puback_with(2, 1, ReturnCode::InvalidTopicId)),
        ("PUBCOMP", pubcomp(1)),
        ("PUBREC", pubrec(1)),
        ("PUBREL", pubrel(5)),
        ("SUBSCRIBE", subscribe(Qos::One, 5, "a/+")),
        ("SUBSCRIBE predefined", subscribe_to(Qos::One, 5, TopicFilter::Predefined(TopicId(7)))),
        ("SUBACK", Message::SubAck(suback())),
        ("UNSUBSCRIBE", unsubscribe(5, "down")),
        ("UNSUBACK", Message::UnsubAck(MsgId(5))),
        ("PINGREQ", PINGREQ),
        ("PINGREQ node", pingreq("node")),
        ("PINGREQ other id", pingreq("other")),
        ("PINGRESP", Message::PingResp),
        ("DISCONNECT", DISCONNECT),
        ("DISCONNECT 60 s", sleep(60)),
        ("DISCONNECT 0 s", sleep(0)),
        ("WILLTOPICUPD", will_topic_upd("w/2")),
        ("WILLTOPICUPD empty", Message::WillTopicUpd(None)),
        ("WILLTOPICRESP", Message::WillTopicResp(ReturnCode::Accepted)),
        ("WILLMSGUPD", will_msg_upd("x")),
        ("WILLMSGRESP", Message::WillMsgResp(ReturnCode::Accepted)),
    ]
}

fn suback() -> SubAck {
    SubAck { qos: Qos::One, topic_id: TopicId(1), msg_id: MsgId(5), return_code: ReturnCode::Accepted }
}

/// What happens when `message` comes in `state`: answers, state afterwards, why it was refused.
fn cell(state: &'static str, message: Message<'_>) -> [String; 3] {
    let mut rig = rig_in(state);
    let rejects = |rig: &Rig| rig.core.stats().rejects.clone();
    let before = rejects(&rig);
    let answers = rig.ask(NODE, message).join(", ");
    let refused: Vec<_> = rejects(&rig)
        .iter()
        .filter(|(reason, count)| before.get(reason) != Some(*count))
        .map(|(reason, _)| RejectReason::name(*reason))
        .collect();
    let after = state_of(&mut rig);
    let changed = if after == state { String::new() } else { after.to_owned() };
    [answers, changed, refused.join(", ")]
}

#[test]
fn every_cell() {
    let mut table = String::new();
    for state in STATES {
        _ = writeln!(table, "## {state}\n");
        _ = writeln!(table, "| {:23} | {:53} | {:16} | {:15} |", "message", "answer", "then", "refused as");
        _ = writeln!(table, "|{:-<25}|{:-<55}|{:-<18}|{:-<17}|", "", "", "", "");
        for (name, message) in messages() {
            let [answers, then, refused] = cell(state, message);
            _ = writeln!(table, "| {name:23} | {answers:53} | {then:16} | {refused:15} |");
        }
        table.push('\n');
    }
    insta::with_settings!({prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("state_table", table);
    });
}
