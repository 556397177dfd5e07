//! SUBSCRIBE and UNSUBSCRIBE by name, wildcard, short name and predefined id (1.2 §6.9): the form in which messages
//! arrive is the one in which the client subscribed.

use crate::common::sn::{
    connect, predefined, puback, publish, publish_to, regack, register, resume, retained, short, subscribe,
    subscribe_to, unsubscribe,
};
use crate::common::{Rig, port};
use gateway_core::RejectReason;
use sn_codec::{Message, MsgId, Qos, ShortName, TopicFilter, TopicId, Unsubscribe};
use sn_types::PeerAddr;

const NODE: PeerAddr = port(1);

const SHORT_TT: TopicFilter<'static> = TopicFilter::Short(ShortName(*b"tt"));
const PREDEFINED_7: TopicFilter<'static> = TopicFilter::Predefined(TopicId(7));

/// `node` is connected; predefined are 1 (`pre/1`) and 7 (`pre/7`).
fn connected() -> Rig {
    let mut rig = Rig::with(|config| {
        config.predefined = vec![(TopicId(1), "pre/1".into()), (TopicId(7), "pre/7".into())];
    });
    rig.send(NODE, connect("node"));
    rig.heard(NODE);
    rig
}

#[test]
fn by_name() {
    let mut rig = connected();
    assert_eq!(rig.ask(NODE, subscribe(Qos::One, 5, "a/b")), ["SUBACK q1 id=2 mid=5 00"]);
    rig.publish(2, "a/b", "x");
    assert_eq!(rig.heard(NODE), ["PUBLISH q1 id=2 mid=1 'x'"], "at the QoS granted, and without REGISTER");
}

#[test]
fn by_wildcard() {
    let mut rig = connected();
    assert_eq!(rig.ask(NODE, subscribe(Qos::Zero, 5, "s/+/t")), ["SUBACK q0 id=0 mid=5 00"]);
    rig.publish(1, "s/1/t", "x");
    rig.publish(1, "s/1/u", "x");
    assert_eq!(rig.heard(NODE), ["REGISTER id=2 mid=1 's/1/t'"]);
    assert_eq!(rig.ask(NODE, regack(2, 1)), ["PUBLISH q0 id=2 'x'"]);
}

#[test]
fn by_short_name() {
    let mut rig = connected();
    assert_eq!(rig.ask(NODE, subscribe_to(Qos::Two, 5, SHORT_TT)), ["SUBACK q2 id=0 mid=5 00"]);
    rig.publish(0, "tt", "x");
    assert_eq!(rig.heard(NODE), ["PUBLISH q0 short=tt 'x'"]);
}

#[test]
fn by_predefined_id() {
    let mut rig = connected();
    assert_eq!(rig.ask(NODE, subscribe_to(Qos::One, 5, PREDEFINED_7)), ["SUBACK q1 id=7 mid=5 00"]);
    rig.publish(1, "pre/7", "x");
    assert_eq!(rig.heard(NODE), ["PUBLISH q1 pre=7 mid=1 'x'"]);
}

#[test]
fn a_two_character_topic_by_name_or_wildcard_arrives_under_a_normal_id() {
    let mut rig = connected();
    rig.send(NODE, subscribe(Qos::Zero, 5, "tt"));
    rig.send(NODE, subscribe(Qos::Zero, 6, "u+/#"));
    rig.heard(NODE);
    rig.publish(0, "tt", "x");
    assert_eq!(rig.heard(NODE), ["PUBLISH q0 id=2 'x'"]);
    let mut rig = connected();
    rig.send(NODE, subscribe(Qos::Zero, 5, "+"));
    rig.heard(NODE);
    rig.publish(0, "tt", "x");
    assert_eq!(rig.heard(NODE), ["REGISTER id=2 mid=1 'tt'"]);
}

#[test]
fn a_one_character_topic() {
    let mut rig = connected();
    assert_eq!(rig.ask(NODE, subscribe(Qos::Zero, 5, "z")), ["SUBACK q0 id=2 mid=5 00"]);
    rig.publish(0, "z", "x");
    assert_eq!(rig.heard(NODE), ["PUBLISH q0 id=2 'x'"]);
}

#[test]
fn ids_skip_the_predefined_ones_and_stay_the_same() {
    let mut rig = connected();
    assert_eq!(rig.ask(NODE, register(1, "a")), ["REGACK id=2 mid=1 00"]);
    assert_eq!(rig.ask(NODE, register(2, "a")), ["REGACK id=2 mid=2 00"]);
    assert_eq!(rig.ask(NODE, subscribe(Qos::One, 3, "a")), ["SUBACK q1 id=2 mid=3 00"]);
    assert_eq!(rig.ask(NODE, subscribe(Qos::Zero, 4, "a")), ["SUBACK q0 id=2 mid=4 00"]);
    rig.publish(1, "a", "x");
    assert_eq!(rig.heard(NODE), ["PUBLISH q0 id=2 'x'"], "the second SUBSCRIBE has replaced the QoS");
}

#[test]
fn normal_and_predefined_ids_are_two_number_spaces() {
    let mut rig = connected();
    rig.watch("#");
    assert_eq!(rig.ask(NODE, publish(Qos::One, 7, 1, "x")), ["PUBACK id=7 mid=1 02"]);
    assert_eq!(rig.ask(NODE, publish_to(Qos::One, predefined(7), 2, "y")), ["PUBACK id=7 mid=2 00"]);
    assert_eq!(rig.watched(), ["q1 pre/7 'y'"]);
}

#[test]
fn ids_belong_to_one_client() {
    let mut rig = connected();
    rig.send(NODE, register(1, "a"));
    rig.send(port(2), connect("other"));
    rig.heard(port(2));
    assert_eq!(rig.ask(port(2), publish(Qos::One, 2, 1, "x")), ["PUBACK id=2 mid=1 02"]);
    assert_eq!(rig.ask(port(2), register(2, "b")), ["REGACK id=2 mid=2 00"]);
}

#[test]
fn overlapping_subscriptions_bring_one_copy_at_the_highest_qos() {
    let mut rig = connected();
    rig.send(NODE, subscribe(Qos::Zero, 1, "a/#"));
    rig.send(NODE, subscribe(Qos::Two, 2, "a/+"));
    rig.send(NODE, subscribe(Qos::One, 3, "a/b"));
    rig.heard(NODE);
    rig.publish(2, "a/b", "x");
    assert_eq!(rig.heard(NODE), ["PUBLISH q2 id=2 mid=1 'x'"]);
    assert_eq!(rig.waiting("node"), 1);
}

#[test]
fn one_of_two_overlapping_subscriptions_can_go() {
    let mut rig = connected();
    rig.send(NODE, subscribe(Qos::Two, 1, "a/+"));
    rig.send(NODE, subscribe(Qos::Zero, 2, "a/b"));
    assert_eq!(rig.ask(NODE, unsubscribe(3, "a/+")).last().map(String::as_str), Some("UNSUBACK mid=3"));
    rig.publish(2, "a/b", "x");
    assert_eq!(rig.heard(NODE), ["PUBLISH q0 id=2 'x'"]);
}

#[test]
fn unsubscribe_by_each_form() {
    let mut rig = connected();
    let by = |mid, topic| Message::Unsubscribe(Unsubscribe { msg_id: MsgId(mid), topic });
    for (mid, topic, name) in [(1, SHORT_TT, "tt"), (2, PREDEFINED_7, "pre/7"), (3, TopicFilter::Name("a"), "a")] {
        rig.send(NODE, subscribe_to(Qos::Zero, mid, topic));
        rig.heard(NODE);
        assert_eq!(rig.ask(NODE, by(mid, topic)), [format!("UNSUBACK mid={mid}")]);
        rig.publish(0, name, "x");
        assert_eq!(rig.heard(NODE), [""; 0]);
    }
}

#[test]
fn a_form_goes_with_its_subscription() {
    let mut rig = connected();
    rig.send(NODE, subscribe_to(Qos::Zero, 1, SHORT_TT));
    rig.send(NODE, subscribe(Qos::Zero, 2, "#"));
    rig.heard(NODE);
    rig.publish(0, "tt", "x");
    assert_eq!(rig.heard(NODE), ["PUBLISH q0 short=tt 'x'"]);
    let by_short = Message::Unsubscribe(Unsubscribe { msg_id: MsgId(3), topic: SHORT_TT });
    assert_eq!(rig.ask(NODE, by_short), ["UNSUBACK mid=3"]);
    rig.publish(0, "tt", "y");
    assert_eq!(rig.heard(NODE), ["REGISTER id=2 mid=1 'tt'"], "the wildcard knows no short names");
}

#[test]
fn unsubscribe_is_always_acknowledged() {
    let mut rig = connected();
    let by = |topic| Message::Unsubscribe(Unsubscribe { msg_id: MsgId(9), topic });
    let strange = [
        TopicFilter::Name("never/subscribed"),
        TopicFilter::Name("a/#/b"),
        TopicFilter::Predefined(TopicId(99)),
        TopicFilter::Short(ShortName(*b"+a")),
        TopicFilter::Reserved,
    ];
    for topic in strange {
        assert_eq!(rig.ask(NODE, by(topic)), ["UNSUBACK mid=9"], "{topic:?}");
    }
}

#[test]
fn what_cannot_be_subscribed_to() {
    let mut rig = connected();
    let refused = [
        (TopicFilter::Name("a/#/b"), 3),
        (TopicFilter::Name("a+"), 3),
        (TopicFilter::Name("a\0"), 3),
        (TopicFilter::Short(ShortName(*b"#x")), 3),
        (TopicFilter::Short(ShortName([0xFF, 0xFE])), 3),
        (TopicFilter::Predefined(TopicId(99)), 2),
        (TopicFilter::Predefined(TopicId(0)), 2),
        (TopicFilter::Reserved, 3),
    ];
    for (topic, code) in refused {
        let answer = format!("SUBACK q0 id=0 mid=5 0{code}");
        assert_eq!(rig.ask(NODE, subscribe_to(Qos::One, 5, topic)), [answer], "{topic:?}");
    }
    assert_eq!(rig.ask(NODE, subscribe(Qos::MinusOne, 5, "a")), ["SUBACK q0 id=0 mid=5 03"]);
    assert_eq!(rig.rejects(RejectReason::TopicFilter), 5);
    assert_eq!(rig.rejects(RejectReason::TopicId), 2);
    assert_eq!(rig.rejects(RejectReason::TopicIdType), 1);
    assert_eq!(rig.rejects(RejectReason::Qos), 1);
}

#[test]
fn retained_messages_follow_the_suback() {
    let mut rig = connected();
    rig.publish_retained(1, "r", "kept");
    rig.publish_retained(1, "tt", "short");
    rig.publish_retained(1, "pre/7", "predefined");
    let told = rig.ask(NODE, subscribe(Qos::One, 1, "r"));
    assert_eq!(told, ["SUBACK q1 id=2 mid=1 00", "PUBLISH q1 retain id=2 mid=1 'kept'"]);
    rig.send(NODE, puback(2, 1));
    let told = rig.ask(NODE, subscribe_to(Qos::Zero, 2, SHORT_TT));
    assert_eq!(told, ["SUBACK q0 id=0 mid=2 00", "PUBLISH q0 retain short=tt 'short'"]);
    let told = rig.ask(NODE, subscribe_to(Qos::Zero, 3, PREDEFINED_7));
    assert_eq!(told, ["SUBACK q0 id=7 mid=3 00", "PUBLISH q0 retain pre=7 'predefined'"]);
    rig.publish_retained(0, "r", "live");
    assert_eq!(rig.heard(NODE), ["PUBLISH q0 id=2 'live'"], "a live message does not carry Retain");
}

#[test]
fn a_node_keeps_and_clears_a_retained_message() {
    let mut rig = connected();
    rig.send(NODE, register(1, "r"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, retained(publish(Qos::One, 2, 2, "kept"))), ["PUBACK id=2 mid=2 00"]);
    rig.watch("r");
    assert_eq!(rig.watched(), ["q1 retain r 'kept'"]);
    assert_eq!(rig.ask(NODE, retained(publish(Qos::One, 2, 3, ""))), ["PUBACK id=2 mid=3 00"]);
    assert_eq!(rig.watched(), ["q1 r ''"]);
    rig.watch("r");
    assert_eq!(rig.watched(), [""; 0]);
}

#[test]
fn names_that_cannot_be_registered() {
    let mut rig = connected();
    for name in ["a/+", "#", "a\0b", "$SYS/broker"] {
        assert_eq!(rig.ask(NODE, register(1, name)), ["REGACK id=0 mid=1 03"], "{name:?}");
    }
    assert_eq!(rig.rejects(RejectReason::TopicName), 4);
}

#[test]
fn topics_that_start_with_a_dollar_sign_are_not_for_wildcards() {
    let mut rig = connected();
    rig.send(NODE, subscribe(Qos::Zero, 1, "#"));
    rig.send(NODE, subscribe(Qos::Zero, 2, "$app/#"));
    rig.heard(NODE);
    rig.publish(0, "$other/x", "not for #");
    assert_eq!(rig.heard(NODE), [""; 0]);
    rig.publish(0, "$app/x", "x");
    assert_eq!(rig.heard(NODE), ["REGISTER id=2 mid=1 '$app/x'"]);
}

#[test]
fn subscriptions_and_their_forms_survive_a_disconnect() {
    let mut rig = Rig::with(|config| config.predefined = vec![(TopicId(7), "pre/7".into())]);
    rig.send(NODE, resume("node"));
    rig.send(NODE, subscribe_to(Qos::One, 1, SHORT_TT));
    rig.send(NODE, subscribe_to(Qos::One, 2, PREDEFINED_7));
    rig.send(NODE, crate::common::sn::DISCONNECT);
    rig.publish(1, "tt", "x");
    rig.publish(1, "pre/7", "y");
    rig.publish(0, "tt", "QoS 0 is not kept for who is not there");
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00", "PUBLISH q1 short=tt mid=1 'x'"]);
    assert_eq!(rig.ask(NODE, puback(0, 1)), ["PUBLISH q1 pre=7 mid=2 'y'"]);
    assert_eq!(rig.ask(NODE, puback(0, 2)), [""; 0]);
}

#[test]
fn a_node_publishes_by_short_name_and_predefined_id_without_register() {
    let mut rig = connected();
    rig.watch("#");
    assert_eq!(rig.ask(NODE, publish_to(Qos::One, short("tt"), 1, "x")), ["PUBACK id=29812 mid=1 00"]);
    assert_eq!(rig.ask(NODE, publish_to(Qos::Two, predefined(7), 2, "y")), ["PUBREC mid=2"]);
    assert_eq!(rig.watched(), ["q1 tt 'x'", "q2 pre/7 'y'"]);
}
