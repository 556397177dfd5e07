//! A whole life of a node, in which exactly one datagram is lost: every one in turn, and every pair; or one arrives
//! twice. Both sides always converge, nobody gives anybody up, QoS 1 arrives and QoS 2 arrives once.

use crate::common::Rig;
use crate::common::node::Wire;
use gateway_core::ClientState;
use sn_client::{Config, Event, Qos, State, Topic, Will};
use sn_codec::MsgType;
use std::collections::BTreeSet;
use std::num::NonZeroU16;

const HOUR: NonZeroU16 = NonZeroU16::new(3_600).unwrap();

/// The life: with a will; up and down at every QoS; a will update; sleep, twice awake, and back; good-bye.
fn live<L: FnMut(usize) -> usize>(copies: L) -> Wire<L> {
    let mut rig = Rig::new();
    rig.watch("#");
    let will = Will { topic: "will", message: b"gone", qos: Qos::One, retain: false };
    let config = Config { will: Some(will), keep_alive_s: 600, ..Config::new("node") };
    let mut wire = Wire::new(rig, config, copies);

    wire.node.connect(true);
    wire.until_told(Event::Connected);
    publish_up(&mut wire);
    wire.node.subscribe(Topic::Name("down/+"), Qos::Two).unwrap();
    wire.until_told(Event::Subscribed { granted: Qos::Two });
    publish_down(&mut wire, "active");
    wire.until("delivered", |wire| wire.rig.waiting("node") == 0);
    wire.node.update_will_message(b"left").unwrap();
    wire.until_told(Event::WillUpdated);
    wire.node.update_will_topic("will/2", Qos::Two, false).unwrap();
    wire.until_told(Event::WillUpdated);

    wire.node.sleep(HOUR).unwrap();
    wire.until_told(Event::Asleep { drained: true });
    wire.rig.wait_s(1_800);
    publish_down(&mut wire, "asleep");
    wire.node.wake().unwrap();
    wire.until_told(Event::Asleep { drained: true });
    wire.rig.wait_s(1_800);
    wire.node.wake().unwrap();
    wire.until_told(Event::Asleep { drained: true });

    wire.node.connect(false);
    wire.until_told(Event::Connected);
    publish_down(&mut wire, "back");
    wire.until("delivered", |wire| wire.rig.waiting("node") == 0);
    wire.node.unsubscribe(Topic::Name("down/+")).unwrap();
    wire.until_told(Event::Unsubscribed);
    wire.node.disconnect();
    wire.until_told(Event::Disconnected);
    wire
}

fn publish_up<L: FnMut(usize) -> usize>(wire: &mut Wire<L>) {
    for (qos, payload) in [(Qos::Zero, b"0"), (Qos::One, b"1"), (Qos::Two, b"2")] {
        wire.node.publish(Topic::Name("up"), payload, qos, false).unwrap();
        wire.until("the PUBLISH is done", |wire| !wire.node.is_busy());
    }
    wire.told.clear();
}

fn publish_down<L: FnMut(usize) -> usize>(wire: &mut Wire<L>, topic: &str) {
    for qos in [1, 2] {
        wire.rig.publish(qos, &format!("down/{topic}"), &qos.to_string());
    }
}

/// What has to be true afterwards, whatever was lost.
fn check<L: FnMut(usize) -> usize>(wire: &mut Wire<L>, lost: &str) {
    assert_eq!(wire.losses, 0, "{lost}: the node gave the gateway up");
    assert_eq!(wire.node.state(), State::Disconnected, "{lost}");
    assert_eq!(wire.rig.state("node"), ClientState::Disconnected, "{lost}");
    assert_eq!(wire.rig.waiting("node"), 0, "{lost}");
    for topic in ["active", "asleep", "back"] {
        assert!(wire.times(&format!("down/{topic} '1'")) >= 1, "{lost}: QoS 1 {topic}");
        assert_eq!(wire.times(&format!("down/{topic} '2'")), 1, "{lost}: QoS 2 {topic}");
    }
    let up = wire.rig.watched();
    let times = |message: &str| up.iter().filter(|known| *known == message).count();
    assert!(times("q1 up '1'") >= 1, "{lost}: {up:?}");
    assert_eq!(times("q2 up '2'"), 1, "{lost}: {up:?}");
    assert!(!up.iter().any(|message| message.contains("will")), "{lost}: no will was due");
    assert!(!wire.rig.events().iter().any(|event| event.contains("lost")), "{lost}: the gateway gave the node up");
}

#[test]
fn nothing_is_lost() {
    let mut wire = live(|_| 1);
    check(&mut wire, "nothing");
    assert_eq!(wire.rig.core.stats().retransmissions, 0);
    assert_eq!(wire.rig.core.stats().rejects.len(), 0);
}

#[test]
fn any_one_datagram_is_lost() {
    let all = live(|_| 1).crossed;
    for (lost, kind) in all.iter().enumerate() {
        let mut wire = live(|number| usize::from(number != lost));
        check(&mut wire, &format!("{kind} at {lost}"));
    }
    let kinds: BTreeSet<u8> = all.into_iter().map(u8::from).collect();
    let missing = [
        MsgType::Connect,
        MsgType::ConnAck,
        MsgType::WillTopicReq,
        MsgType::WillTopic,
        MsgType::WillMsgReq,
        MsgType::WillMsg,
        MsgType::Register,
        MsgType::RegAck,
        MsgType::Publish,
        MsgType::PubAck,
        MsgType::PubRec,
        MsgType::PubRel,
        MsgType::PubComp,
        MsgType::Subscribe,
        MsgType::SubAck,
        MsgType::Unsubscribe,
        MsgType::UnsubAck,
        MsgType::PingReq,
        MsgType::PingResp,
        MsgType::Disconnect,
        MsgType::WillTopicUpd,
        MsgType::WillTopicResp,
        MsgType::WillMsgUpd,
        MsgType::WillMsgResp,
    ]
    .into_iter()
    .filter(|kind| !kinds.contains(&u8::from(*kind)));
    assert_eq!(missing.collect::<Vec<_>>(), [], "messages that the life does not have");
}

#[test]
fn any_two_datagrams_are_lost() {
    let all = live(|_| 1).crossed.len();
    for first in 0..all {
        for second in first + 1..all {
            let mut wire = live(|number| usize::from(number != first && number != second));
            check(&mut wire, &format!("{first} and {second}"));
        }
    }
}

#[test]
fn any_one_datagram_arrives_twice() {
    let all = live(|_| 1).crossed;
    for (doubled, kind) in all.iter().enumerate() {
        let mut wire = live(|number| 1 + usize::from(number == doubled));
        check(&mut wire, &format!("{kind} twice at {doubled}"));
    }
}

#[test]
fn every_datagram_arrives_twice() {
    check(&mut live(|_| 2), "all twice");
}
