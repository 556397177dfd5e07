//! Publishing: every QoS and topic form, retransmission, refusals (1.2 §6.5-§6.8).

mod node;

use node::{CONNACK, DISCONNECT, Node, PINGREQ, puback};
use sn_client::{Cause, Config, Event, Qos, RequestError, ReturnCode, ShortName, State, Topic, TopicId};
use sn_codec::{Message, MsgId, RegAck, Topic as WireTopic};
use std::time::Duration;

const A: Topic<'static> = Topic::Name("a/b/c");
const PREDEFINED: Topic<'static> = Topic::Predefined(TopicId(16));
const SHORT: Topic<'static> = Topic::Short(ShortName(*b"tt"));

fn id(id: u16) -> WireTopic<'static> {
    WireTopic::Normal(TopicId(id))
}

/// Connected, "a/b/c" registered as 1.
fn registered() -> Node {
    registered_with(Config::new("node7"))
}

fn registered_with(config: Config<'static>) -> Node {
    let mut node = Node::connected_with(config);
    node.client.publish(A, b"", Qos::Zero, false).unwrap();
    node.registers("a/b/c", 1);
    node.sends();
    node
}

#[test]
fn qos_0_registers_once_and_is_done_when_sent() {
    let mut node = Node::connected();
    node.client.publish(A, b"21.5", Qos::Zero, false).unwrap();
    assert!(node.client.is_busy());
    node.registers("a/b/c", 1);
    assert_eq!(node.sends_octets(), b"\x0B\x0C\x00\x00\x01\x00\x0021.5");
    assert!(!node.client.is_busy());
    node.client.publish(A, b"22", Qos::Zero, true).unwrap();
    assert_eq!(node.sends_octets(), b"\x09\x0C\x10\x00\x01\x00\x0022");
    assert!(node.is_silent());
}

#[test]
fn qos_1() {
    let mut node = registered();
    node.client.publish(A, b"x", Qos::One, false).unwrap();
    let msg_id = node.sends_publish(false, Qos::One, id(1), b"x");
    assert_eq!(node.hears_puback(1, MsgId(msg_id.0 ^ 1), ReturnCode::Accepted), None, "of another message");
    // RSMB acknowledges with topic id 0.
    assert_eq!(node.hears_puback(0, msg_id, ReturnCode::Accepted), Some(Event::Published));
    assert_eq!(node.hears_puback(0, msg_id, ReturnCode::Accepted), None, "a second time");
}

#[test]
fn qos_1_is_repeated_with_dup_and_the_same_id() {
    let mut node = registered();
    node.client.publish(A, b"x", Qos::One, false).unwrap();
    let msg_id = node.sends_publish(false, Qos::One, id(1), b"x");
    node.waits();
    assert_eq!(node.sends_publish(true, Qos::One, id(1), b"x"), msg_id);
    assert_eq!(node.hears_puback(1, msg_id, ReturnCode::Accepted), Some(Event::Published));
}

#[test]
fn qos_1_is_given_up_after_n_retry() {
    let mut node = registered();
    node.client.publish(A, b"x", Qos::One, false).unwrap();
    node.sends();
    let is_dup = |message: &Message<'_>| matches!(message, Message::Publish(publish) if publish.dup);
    assert_eq!(node.repeats_then_gives_up(5, is_dup), Event::Lost(Cause::NoAnswer));
    assert!(node.client.is_busy(), "the request can go on after the next connect");
    node.client.connect(true);
    assert!(!node.client.is_busy(), "but not in a clean session");
}

#[test]
fn qos_2() {
    let mut node = registered();
    node.client.publish(A, b"x", Qos::Two, false).unwrap();
    let msg_id = node.sends_publish(false, Qos::Two, id(1), b"x");
    assert_eq!(node.hears(Message::PubComp(msg_id)), None, "too early");
    assert_eq!(node.hears_puback(1, msg_id, ReturnCode::Accepted), None, "not how QoS 2 is acknowledged");
    assert_eq!(node.hears(Message::PubRec(msg_id)), None);
    assert_eq!(node.sends(), Message::PubRel(msg_id));
    assert_eq!(node.hears(Message::PubComp(msg_id)), Some(Event::Published));
}

#[test]
fn qos_2_repeats_publish_then_pubrel() {
    let mut node = registered();
    node.client.publish(A, b"x", Qos::Two, false).unwrap();
    let msg_id = node.sends_publish(false, Qos::Two, id(1), b"x");
    node.waits();
    assert_eq!(node.sends_publish(true, Qos::Two, id(1), b"x"), msg_id);
    node.hears(Message::PubRec(msg_id));
    node.sends();
    assert_eq!(node.hears(Message::PubRec(msg_id)), None, "the second PUBREC changes nothing");
    assert!(node.is_silent());
    let end = node.repeats_then_gives_up(5, |message| *message == Message::PubRel(msg_id));
    assert_eq!(end, Event::Lost(Cause::NoAnswer));
}

#[test]
fn pubrec_of_a_finished_exchange_is_released() {
    let mut node = registered();
    assert_eq!(node.hears(Message::PubRec(MsgId(77))), None);
    assert_eq!(node.sends(), Message::PubRel(MsgId(77)));
}

#[test]
fn qos_2_refused_by_puback_ends() {
    let mut node = registered();
    node.client.publish(A, b"x", Qos::Two, false).unwrap();
    let msg_id = node.sends_publish(false, Qos::Two, id(1), b"x");
    let refused = node.hears_puback(1, msg_id, ReturnCode::NotSupported);
    assert_eq!(refused, Some(Event::Rejected(ReturnCode::NotSupported)));
    assert!(!node.client.is_busy());
}

#[test]
fn predefined_and_short_topics_need_no_registration() {
    let mut node = Node::connected();
    node.client.publish(PREDEFINED, b"hi", Qos::Zero, false).unwrap();
    assert_eq!(node.sends_octets(), b"\x09\x0C\x01\x00\x10\x00\x00hi");
    node.client.publish(SHORT, b"hi", Qos::One, false).unwrap();
    let msg_id = node.sends_publish(false, Qos::One, WireTopic::Short(ShortName(*b"tt")), b"hi");
    assert_eq!(node.hears_puback(0x7474, msg_id, ReturnCode::Accepted), Some(Event::Published));
}

#[test]
fn qos_minus_one_needs_no_connection() {
    let mut node = Node::new(Config::new("node7"));
    node.client.publish(PREDEFINED, b"hi", Qos::MinusOne, false).unwrap();
    assert_eq!(node.sends_octets(), b"\x09\x0C\x61\x00\x10\x00\x00hi");
    node.client.publish(SHORT, b"hi", Qos::MinusOne, false).unwrap();
    assert_eq!(node.sends_octets(), b"\x09\x0C\x62\x74\x74\x00\x00hi");
    node.client.publish(A, b"hi", Qos::MinusOne, false).unwrap();
    assert_eq!(node.sends_octets(), b"\x0E\x0C\x60\x00\x05\x00\x00a/b/chi");
    assert!(node.is_silent() && !node.client.is_busy());
    assert_eq!(node.client.state(), State::Disconnected);
}

#[test]
fn register_is_repeated_and_given_up() {
    let mut node = Node::connected();
    node.client.publish(A, b"x", Qos::Zero, false).unwrap();
    let Message::Register(first) = node.sends() else { panic!("a REGISTER") };
    let (msg_id, name) = (first.msg_id, first.topic_name.to_owned());
    let is_same = |message: &Message<'_>| matches!(message, Message::Register(register) if register.msg_id == msg_id && register.topic_name == name);
    assert_eq!(node.repeats_then_gives_up(5, is_same), Event::Lost(Cause::NoAnswer));
}

fn refuses_register(return_code: ReturnCode, topic_id: u16) -> (Node, Option<Event<'static>>) {
    let mut node = Node::connected();
    node.client.publish(A, b"x", Qos::One, false).unwrap();
    let Message::Register(register) = node.sends() else { panic!("a REGISTER") };
    let msg_id = register.msg_id;
    let ack = Message::RegAck(RegAck { topic_id: TopicId(topic_id), msg_id, return_code });
    let event = match node.hears(ack) {
        Some(Event::Rejected(code)) => Some(Event::Rejected(code)),
        Some(Event::Congested) => Some(Event::Congested),
        None => None,
        Some(other) => panic!("{other:?}"),
    };
    (node, event)
}

#[test]
fn a_refused_register_ends_the_publish() {
    for code in [ReturnCode::InvalidTopicId, ReturnCode::NotSupported, ReturnCode::Reserved(0x80)] {
        let (mut node, event) = refuses_register(code, 0);
        assert_eq!(event, Some(Event::Rejected(code)));
        assert!(node.is_silent() && !node.client.is_busy());
    }
}

#[test]
fn a_reserved_id_is_no_id() {
    for reserved in [0x0000, 0xFFFF] {
        let (_, event) = refuses_register(ReturnCode::Accepted, reserved);
        assert_eq!(event, Some(Event::Rejected(ReturnCode::InvalidTopicId)));
    }
}

#[test]
fn a_congested_register_goes_on_after_t_wait_and_pings_meanwhile() {
    let (mut node, event) = refuses_register(ReturnCode::Congestion, 0);
    assert_eq!(event, Some(Event::Congested));
    let congested = node.now;
    let mut pings = 0;
    loop {
        assert_eq!(node.waits(), None);
        if node.now - congested >= Duration::from_secs(300) {
            break;
        }
        assert_eq!(node.sends(), PINGREQ);
        node.hears(Message::PingResp);
        pings += 1;
    }
    assert_eq!(pings, 6);
    node.registers("a/b/c", 1);
    node.sends_publish(false, Qos::One, id(1), b"x");
}

#[test]
fn a_congested_publish_goes_on_after_t_wait() {
    let mut node = Node::connected_with(Config { keep_alive_s: 0, ..Config::new("node7") });
    node.client.publish(PREDEFINED, b"x", Qos::One, false).unwrap();
    let topic = WireTopic::Predefined(TopicId(16));
    let msg_id = node.sends_publish(false, Qos::One, topic, b"x");
    assert_eq!(node.hears_puback(16, msg_id, ReturnCode::Congestion), Some(Event::Congested));
    node.passes(Duration::from_millis(299_999));
    assert!(node.is_silent());
    node.waits();
    assert_eq!(node.sends_publish(true, Qos::One, topic, b"x"), msg_id);
    assert_eq!(node.hears_puback(16, msg_id, ReturnCode::Accepted), Some(Event::Published));
}

#[test]
fn a_forgotten_id_is_registered_again_and_the_message_is_new() {
    let mut node = registered();
    node.client.publish(A, b"x", Qos::One, false).unwrap();
    let first = node.sends_publish(false, Qos::One, id(1), b"x");
    assert_eq!(node.hears_puback(1, first, ReturnCode::InvalidTopicId), None);
    node.registers("a/b/c", 9);
    let second = node.sends_publish(false, Qos::One, id(9), b"x");
    assert_ne!(first, second);
    assert_eq!(node.hears_puback(9, second, ReturnCode::Accepted), Some(Event::Published));
}

#[test]
fn a_gateway_that_always_forgets_is_not_asked_for_ever() {
    let mut node = registered();
    node.client.publish(A, b"x", Qos::One, false).unwrap();
    for _ in 0..5 {
        let msg_id = node.sends_publish(false, Qos::One, id(1), b"x");
        assert_eq!(node.hears_puback(1, msg_id, ReturnCode::InvalidTopicId), None);
        node.registers("a/b/c", 1);
    }
    let msg_id = node.sends_publish(false, Qos::One, id(1), b"x");
    let end = node.hears_puback(1, msg_id, ReturnCode::InvalidTopicId);
    assert_eq!(end, Some(Event::Rejected(ReturnCode::InvalidTopicId)));
}

#[test]
fn an_unknown_predefined_id_is_final() {
    let mut node = Node::connected();
    node.client.publish(PREDEFINED, b"x", Qos::One, false).unwrap();
    let msg_id = node.sends_publish(false, Qos::One, WireTopic::Predefined(TopicId(16)), b"x");
    let end = node.hears_puback(16, msg_id, ReturnCode::InvalidTopicId);
    assert_eq!(end, Some(Event::Rejected(ReturnCode::InvalidTopicId)));
}

#[test]
fn a_forgotten_id_at_qos_0_is_registered_again_too() {
    let mut node = registered();
    node.client.publish(A, b"x", Qos::Zero, false).unwrap();
    node.sends_publish(false, Qos::Zero, id(1), b"x");
    assert_eq!(node.hears(puback(1, 0, ReturnCode::InvalidTopicId)), None);
    node.registers("a/b/c", 9);
    assert_eq!(node.sends_publish(false, Qos::Zero, id(9), b"x"), MsgId::NONE);
    assert!(!node.client.is_busy());
}

#[test]
fn a_late_refusal_at_qos_0_is_told_when_the_message_is_gone() {
    let mut node = registered();
    node.client.publish(A, b"x", Qos::Zero, false).unwrap();
    node.sends();
    node.client.publish(PREDEFINED, b"y", Qos::One, false).unwrap();
    node.sends();
    let told = node.hears(puback(1, 0, ReturnCode::InvalidTopicId));
    assert_eq!(told, Some(Event::Qos0Rejected(ReturnCode::InvalidTopicId)));
    assert!(node.client.is_busy(), "the request in progress is another");
}

#[test]
fn one_request_at_a_time() {
    let mut node = registered();
    node.client.publish(A, b"x", Qos::One, false).unwrap();
    assert_eq!(node.client.publish(A, b"y", Qos::Zero, false), Err(RequestError::Busy));
    assert_eq!(node.client.subscribe(A, Qos::Zero), Err(RequestError::Busy));
    node.client.cancel();
    assert_eq!(node.client.publish(A, b"y", Qos::Zero, false), Ok(()));
    node.sends_publish(false, Qos::Zero, id(1), b"y");
}

#[test]
fn impossible_requests_are_refused() {
    let mut node = Node::connected();
    let mut publish = |topic, payload| node.client.publish(topic, payload, Qos::Zero, false);
    assert_eq!(publish(Topic::Name(""), b""), Err(RequestError::InvalidTopic));
    assert_eq!(publish(Topic::Name("a/+"), b""), Err(RequestError::InvalidTopic));
    assert_eq!(publish(Topic::Name("#"), b""), Err(RequestError::InvalidTopic));
    assert_eq!(publish(Topic::Short(ShortName(*b"a#")), b""), Err(RequestError::InvalidTopic));
    assert_eq!(publish(A, &[0; 60]), Err(RequestError::TooLong));
    assert_eq!(publish(A, &[0; 59]), Ok(()));
}

#[test]
fn an_interrupted_publish_goes_on_with_its_id_after_registering_again() {
    let mut node = registered_with(Config { auto_reconnect: true, ..Config::new("node7") });
    node.client.publish(A, b"x", Qos::Two, false).unwrap();
    let msg_id = node.sends_publish(false, Qos::Two, id(1), b"x");
    assert_eq!(node.hears(DISCONNECT), Some(Event::Lost(Cause::ByGateway)));
    assert!(matches!(node.sends(), Message::Connect(connect) if !connect.clean_session));
    assert_eq!(node.hears(CONNACK), Some(Event::Connected));
    node.registers("a/b/c", 4);
    assert_eq!(node.sends_publish(true, Qos::Two, id(4), b"x"), msg_id);
    node.hears(Message::PubRec(msg_id));
    node.sends();

    assert_eq!(node.hears(DISCONNECT), Some(Event::Lost(Cause::ByGateway)));
    node.waits();
    node.sends();
    node.hears(CONNACK);
    assert_eq!(node.sends(), Message::PubRel(msg_id), "the message itself has arrived");
    assert_eq!(node.hears(Message::PubComp(msg_id)), Some(Event::Published));
}

#[test]
fn the_application_can_reconnect_and_go_on() {
    let mut node = registered();
    node.client.publish(A, b"x", Qos::One, false).unwrap();
    node.sends();
    node.hears(DISCONNECT);
    assert!(node.is_silent());
    node.client.connect(false);
    node.sends();
    node.hears(CONNACK);
    node.registers("a/b/c", 1);
    node.sends_publish(true, Qos::One, id(1), b"x");
}

#[test]
fn message_ids_differ_and_skip_zero() {
    let mut node = Node::connected();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..65_535 {
        node.client.publish(SHORT, b"", Qos::One, false).unwrap();
        let Message::Publish(publish) = node.sends() else { panic!("a PUBLISH") };
        let msg_id = publish.msg_id;
        assert_eq!(node.hears_puback(0, msg_id, ReturnCode::Accepted), Some(Event::Published));
        seen.insert(msg_id);
    }
    assert!(!seen.contains(&MsgId::NONE));
    assert_eq!(seen.len(), 65_535);
}

#[test]
fn a_restarted_node_begins_with_other_ids() {
    let first_id = |seed| {
        let mut node = Node::connected_with(Config { seed, ..Config::new("node7") });
        node.client.publish(SHORT, b"", Qos::One, false).unwrap();
        node.sends_publish(false, Qos::One, WireTopic::Short(ShortName(*b"tt")), b"")
    };
    let ids: std::collections::BTreeSet<_> = (0..100).map(first_id).collect();
    assert!(ids.len() > 95, "{} different ids of 100", ids.len());
}
