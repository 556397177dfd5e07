//! Sleeping (1.2 §6.14).

mod node;

use node::{CONNACK, DISCONNECT, Node, T_RETRY, puback, publish};
use sn_client::{Cause, Config, Event, Qos, RequestError, ReturnCode, State, Topic, TopicId};
use sn_codec::{Advertise, Disconnect, GwId, GwInfo, Message, MsgId, PingReq, Register, SearchGw, Topic as WireTopic};
use std::time::Duration;

const WAKE: Message<'static> = Message::PingReq(PingReq { client_id: Some("node7") });

fn asleep() -> Node {
    let mut node = Node::with_session(Config::new("node7"));
    node.subscribes("a", 5);
    node.falls_asleep(600);
    node
}

fn sleep(duration_s: u16) -> Message<'static> {
    Message::Disconnect(Disconnect { duration_s: Some(duration_s) })
}

#[test]
fn an_asleep_client_is_silent() {
    let mut node = asleep();
    assert_eq!(node.client.state(), State::Asleep);
    assert_eq!(node.client.poll_timeout(), None, "no keep-alive, no timer");
    node.passes(Duration::from_secs(100_000));
    assert!(node.is_silent());
}

#[test]
fn waking_collects_messages_until_pingresp() {
    let mut node = asleep();
    node.client.wake().unwrap();
    assert_eq!(node.sends(), WAKE);
    assert_eq!(node.client.state(), State::Awake);
    assert!(node.hears(publish(Qos::Zero, 5, 0, b"0")).is_some());
    assert!(node.hears(publish(Qos::One, 5, 1, b"1")).is_some());
    assert_eq!(node.sends(), puback(5, 1, ReturnCode::Accepted));
    node.hears(Message::Register(Register { topic_id: TopicId(6), msg_id: MsgId(2), topic_name: "b" }));
    assert!(matches!(node.sends(), Message::RegAck(_)));
    assert!(node.hears(publish(Qos::Two, 6, 3, b"2")).is_some());
    assert_eq!(node.sends(), Message::PubRec(MsgId(3)));
    node.hears(Message::PubRel(MsgId(3)));
    assert_eq!(node.sends(), Message::PubComp(MsgId(3)));
    assert_eq!(node.hears(Message::PingResp), Some(Event::Asleep { drained: true }));
    assert_eq!((node.client.state(), node.client.poll_timeout()), (State::Asleep, None));
}

#[test]
fn nothing_kept_is_one_exchange() {
    let mut node = asleep();
    for _ in 0..3 {
        node.client.wake().unwrap();
        assert_eq!(node.sends(), WAKE);
        assert_eq!(node.hears(Message::PingResp), Some(Event::Asleep { drained: true }));
    }
}

#[test]
fn every_message_restarts_the_wait_for_pingresp() {
    let mut node = asleep();
    node.client.wake().unwrap();
    node.sends();
    for round in 0..20 {
        node.passes(T_RETRY - Duration::from_secs(1));
        assert!(node.hears(publish(Qos::Zero, 5, 0, b"m")).is_some(), "message {round}");
        assert!(node.is_silent());
    }
    // Paho forgets the PINGRESP after messages that needed no REGISTER; the repeated PINGREQ gets it.
    assert_eq!(node.waits(), None);
    assert_eq!(node.sends(), WAKE);
    assert_eq!(node.hears(Message::PingResp), Some(Event::Asleep { drained: true }));
}

#[test]
fn what_anybody_says_to_all_keeps_nobody_awake() {
    let heard = [
        Message::Advertise(Advertise { gw_id: GwId(1), duration_s: 900 }),
        Message::SearchGw(SearchGw { radius: 1 }),
        Message::GwInfo(GwInfo { gw_id: GwId(1), gw_add: &[] }),
    ];
    for message in heard {
        let mut node = asleep();
        node.client.wake().unwrap();
        node.sends();
        let due = node.client.poll_timeout();
        node.passes(T_RETRY - Duration::from_secs(1));
        node.hears(message);
        assert_eq!(node.client.poll_timeout(), due, "after {message:?}");
    }
}

#[test]
fn a_gateway_that_stays_silent_is_left_alone_until_the_next_wake() {
    let mut node = asleep();
    node.client.wake().unwrap();
    node.sends();
    let end = node.repeats_then_gives_up(5, |message| *message == WAKE);
    assert_eq!(end, Event::Asleep { drained: false });
    node.client.wake().unwrap();
    assert_eq!(node.sends(), WAKE);
}

#[test]
fn a_gateway_that_forgot_the_sleeper_says_disconnect() {
    let mut node = asleep();
    node.client.wake().unwrap();
    node.sends();
    assert_eq!(node.hears(DISCONNECT), Some(Event::Lost(Cause::ByGateway)));
    assert_eq!(node.client.state(), State::Disconnected);
}

#[test]
fn going_to_sleep_is_repeated_and_the_second_answer_does_no_harm() {
    let mut node = Node::connected();
    node.client.sleep(600.try_into().unwrap()).unwrap();
    assert_eq!(node.sends(), sleep(600));
    node.waits();
    assert_eq!(node.sends(), sleep(600));
    assert_eq!(node.hears(DISCONNECT), Some(Event::Asleep { drained: true }));
    assert_eq!(node.hears(DISCONNECT), None);
    assert_eq!(node.client.state(), State::Asleep);
}

#[test]
fn a_sleep_that_is_never_answered_is_a_loss_and_happens_after_reconnecting() {
    let mut node = Node::connected_with(Config { auto_reconnect: true, ..Config::new("node7") });
    node.client.sleep(600.try_into().unwrap()).unwrap();
    node.sends();
    assert_eq!(node.repeats_then_gives_up(5, |message| *message == sleep(600)), Event::Lost(Cause::NoAnswer));
    assert!(matches!(node.sends(), Message::Connect(connect) if !connect.clean_session));
    node.hears(CONNACK);
    assert_eq!(node.sends(), sleep(600));
    assert_eq!(node.hears(DISCONNECT), Some(Event::Asleep { drained: true }));
}

#[test]
fn a_message_that_crosses_the_disconnect_is_delivered() {
    let mut node = Node::connected();
    node.subscribes("a", 5);
    node.client.sleep(600.try_into().unwrap()).unwrap();
    node.sends();
    assert!(node.hears(publish(Qos::One, 5, 1, b"m")).is_some());
    assert_eq!(node.sends(), puback(5, 1, ReturnCode::Accepted));
    assert_eq!(node.hears(DISCONNECT), Some(Event::Asleep { drained: true }));
}

#[test]
fn a_new_duration_while_asleep() {
    let mut node = asleep();
    node.falls_asleep(1_200);
    assert_eq!(node.client.state(), State::Asleep);
}

#[test]
fn connecting_ends_the_sleep() {
    let mut node = asleep();
    assert_eq!(node.client.publish(Topic::Name("a"), b"", Qos::One, false), Err(RequestError::NotConnected));
    node.client.connect(false);
    assert!(matches!(node.sends(), Message::Connect(connect) if !connect.clean_session));
    assert_eq!(node.hears(CONNACK), Some(Event::Connected));
    assert!(node.hears(publish(Qos::Zero, 5, 0, b"kept")).is_some(), "ids survive the sleep");
}

/// Has published to `a` under the id 3, and is asleep.
fn publisher_asleep(reuse_topic_ids: bool) -> Node {
    let mut node = Node::with_session(Config { reuse_topic_ids, ..Config::new("node7") });
    node.client.publish(Topic::Name("a"), b"1", Qos::Zero, false).unwrap();
    node.registers("a", 3);
    node.sends();
    node.falls_asleep(600);
    node
}

/// Publishes to `a` in a new connection; whether it has to register `a` again.
fn registers_again(node: &mut Node) -> bool {
    node.client.connect(false);
    node.sends();
    node.hears(CONNACK);
    node.client.publish(Topic::Name("a"), b"2", Qos::Zero, false).unwrap();
    matches!(node.sends(), Message::Register(_))
}

fn wake_answered(node: &mut Node) {
    node.client.wake().unwrap();
    node.sends();
    node.hears(Message::PingResp);
}

#[test]
fn topic_ids_are_used_again_after_a_sleep_whose_last_wake_was_answered() {
    for (reuse_topic_ids, is_answered) in [(true, true), (true, false), (false, true)] {
        let mut node = publisher_asleep(reuse_topic_ids);
        if is_answered {
            wake_answered(&mut node);
        }
        assert_eq!(registers_again(&mut node), !(reuse_topic_ids && is_answered));
    }
}

#[test]
fn a_wake_that_is_not_answered_ends_the_trust_in_topic_ids() {
    let mut node = publisher_asleep(true);
    wake_answered(&mut node);
    node.client.wake().unwrap();
    node.sends();
    node.repeats_then_gives_up(5, |message| *message == WAKE);
    assert!(registers_again(&mut node));
}

#[test]
fn an_id_that_now_means_something_else_is_not_used_again() {
    let mut node = publisher_asleep(true);
    wake_answered(&mut node);
    node.client.connect(false);
    node.sends();
    node.hears(CONNACK);
    let (topic_id, msg_id) = (sn_client::TopicId(3), sn_codec::MsgId(1));
    node.hears(Message::Register(sn_codec::Register { topic_id, msg_id, topic_name: "b" }));
    node.sends();
    node.client.publish(Topic::Name("a"), b"2", Qos::Zero, false).unwrap();
    assert!(matches!(node.sends(), Message::Register(_)));
}

#[test]
fn disconnecting_while_asleep_or_awake() {
    let mut node = asleep();
    node.client.disconnect();
    assert_eq!(node.sends(), DISCONNECT);
    assert_eq!(node.hears(DISCONNECT), Some(Event::Disconnected));

    let mut node = asleep();
    node.client.wake().unwrap();
    node.sends();
    node.client.disconnect();
    assert_eq!(node.sends(), DISCONNECT);
    assert_eq!(node.hears(DISCONNECT), Some(Event::Disconnected));
}

/// Asleep, with a topic registered, at a gateway that takes what sleeping clients publish.
fn asleep_and_talkative(auto_reconnect: bool) -> Node {
    let mut node =
        Node::with_session(Config { publishes_asleep: true, auto_reconnect, n_retry: 1, ..Config::new("node7") });
    node.client.publish(Topic::Name("t"), b"0", Qos::One, false).unwrap();
    node.registers("t", 3);
    let msg_id = node.sends_publish(false, Qos::One, WireTopic::Normal(TopicId(3)), b"0");
    node.hears_puback(3, msg_id, ReturnCode::Accepted);
    node.falls_asleep(600);
    node
}

#[test]
fn a_publish_without_waking_is_one_exchange() {
    let mut node = asleep_and_talkative(false);
    for payload in [b"1", b"2"] {
        node.client.publish(Topic::Name("t"), payload, Qos::One, false).unwrap();
        let msg_id = node.sends_publish(false, Qos::One, WireTopic::Normal(TopicId(3)), payload);
        assert_eq!(node.hears_puback(3, msg_id, ReturnCode::Accepted), Some(Event::Published));
        assert_eq!((node.client.state(), node.client.poll_timeout()), (State::Asleep, None));
    }
}

#[test]
fn a_qos_2_publish_without_waking_goes_all_the_way() {
    let mut node = asleep_and_talkative(false);
    node.client.publish(Topic::Name("t"), b"1", Qos::Two, false).unwrap();
    let msg_id = node.sends_publish(false, Qos::Two, WireTopic::Normal(TopicId(3)), b"1");
    node.hears(Message::PubRec(msg_id));
    assert_eq!(node.sends(), Message::PubRel(msg_id));
    assert_eq!(node.hears(Message::PubComp(msg_id)), Some(Event::Published));
    assert_eq!(node.client.state(), State::Asleep);
}

#[test]
fn a_gateway_that_wants_a_connect_first_gets_one_and_the_message_after_it() {
    let mut node = asleep_and_talkative(true);
    node.client.publish(Topic::Name("t"), b"1", Qos::One, false).unwrap();
    node.sends_publish(false, Qos::One, WireTopic::Normal(TopicId(3)), b"1");
    assert_eq!(node.hears(DISCONNECT), Some(Event::Lost(Cause::ByGateway)));
    assert!(matches!(node.sends(), Message::Connect(connect) if !connect.clean_session));
    assert_eq!(node.hears(CONNACK), Some(Event::Connected));
    node.registers("t", 4);
    let msg_id = node.sends_publish(true, Qos::One, WireTopic::Normal(TopicId(4)), b"1");
    assert_eq!(node.hears_puback(4, msg_id, ReturnCode::Accepted), Some(Event::Published));
}

#[test]
fn a_publish_without_waking_is_repeated_and_given_up() {
    let mut node = asleep_and_talkative(false);
    node.client.publish(Topic::Name("t"), b"1", Qos::One, false).unwrap();
    node.sends_publish(false, Qos::One, WireTopic::Normal(TopicId(3)), b"1");
    let is_copy = |message: &Message<'_>| matches!(message, Message::Publish(publish) if publish.dup);
    assert_eq!(node.repeats_then_gives_up(1, is_copy), Event::Lost(Cause::NoAnswer));
}

#[test]
fn nothing_is_published_asleep_unless_that_is_configured() {
    let mut node = asleep();
    assert_eq!(node.client.publish(Topic::Name("t"), b"1", Qos::One, false), Err(RequestError::NotConnected));
}
