//! Connection set-up, will, keep-alive and the end of a connection (1.2 §6.2-§6.4, §6.11, §6.12).

mod node;

use node::{CONNACK, DISCONNECT, Node, PINGREQ, T_RETRY};
use sn_client::{Cause, Config, Event, Qos, RequestError, ReturnCode, State, Topic, Will};
use sn_codec::{ConnAck, Connect, Message, WillMsg, WillTopic};
use std::time::Duration;

const WILL: Will<'static> = Will { topic: "w/node7", message: b"offline", qos: Qos::One, retain: true };

fn with_will() -> Config<'static> {
    Config { will: Some(WILL), ..Config::new("node7") }
}

fn refusal(return_code: ReturnCode) -> Message<'static> {
    Message::ConnAck(ConnAck { return_code })
}

#[test]
fn connect_carries_the_settings() {
    for clean_session in [true, false] {
        let mut node = Node::new(Config { keep_alive_s: 300, ..Config::new("node7") });
        assert!(node.is_silent());
        node.client.connect(clean_session);
        let expected = Connect { will: false, clean_session, protocol_id: 1, duration_s: 300, client_id: "node7" };
        assert_eq!(node.sends(), Message::Connect(expected));
        assert_eq!(node.hears(CONNACK), Some(Event::Connected));
        assert_eq!(node.client.state(), State::Active);
    }
}

#[test]
fn connect_is_repeated_and_given_up() {
    let mut node = Node::new(Config::new("node7"));
    node.client.connect(true);
    node.sends();
    let end = node.repeats_then_gives_up(5, |message| matches!(message, Message::Connect(_)));
    assert_eq!(end, Event::Lost(Cause::NoAnswer));
    assert_eq!((node.client.state(), node.client.poll_timeout()), (State::Disconnected, None));
}

#[test]
fn will_dialogue() {
    let mut node = Node::new(with_will());
    node.client.connect(true);
    assert_eq!(node.sends_octets(), b"\x0B\x04\x0C\x01\x00\x3Cnode7");
    assert_eq!(node.hears(Message::WillTopicReq), None);
    assert_eq!(node.sends_octets(), b"\x0A\x07\x30w/node7");
    assert_eq!(node.hears(Message::WillMsgReq), None);
    assert_eq!(node.sends_octets(), b"\x09\x09offline");
    assert_eq!(node.hears(CONNACK), Some(Event::Connected));
}

#[test]
fn each_step_of_the_will_dialogue_is_repeated_and_given_up() {
    let mut node = Node::new(with_will());
    node.client.connect(true);
    node.sends();
    node.hears(Message::WillTopicReq);
    node.sends();
    let end = node.repeats_then_gives_up(5, |message| matches!(message, Message::WillTopic(Some(_))));
    assert_eq!(end, Event::Lost(Cause::NoAnswer));

    node.client.connect(true);
    node.sends();
    node.hears(Message::WillTopicReq);
    node.sends();
    node.hears(Message::WillMsgReq);
    node.sends();
    let end = node.repeats_then_gives_up(5, |message| matches!(message, Message::WillMsg(_)));
    assert_eq!(end, Event::Lost(Cause::NoAnswer));
}

#[test]
fn a_gateway_that_asks_again_is_answered_again() {
    let mut node = Node::new(with_will());
    node.client.connect(true);
    node.sends();
    node.hears(Message::WillTopicReq);
    node.sends();
    node.hears(Message::WillTopicReq);
    assert!(matches!(node.sends(), Message::WillTopic(Some(_))));
    node.hears(Message::WillMsgReq);
    node.sends();
    node.hears(Message::WillTopicReq);
    assert!(matches!(node.sends(), Message::WillTopic(Some(_))));
}

#[test]
fn an_empty_will_topic_deletes_the_will() {
    let mut node = Node::new(Config { will: Some(Will { topic: "", ..WILL }), ..Config::new("node7") });
    node.client.connect(false);
    assert_eq!(node.sends_octets(), b"\x0B\x04\x08\x01\x00\x3Cnode7");
    node.hears(Message::WillTopicReq);
    assert_eq!(node.sends_octets(), [2, 7]);
    assert_eq!(node.hears(CONNACK), Some(Event::Connected));
}

#[test]
fn a_gateway_that_breaks_off_the_will_dialogue_is_lost_at_once() {
    let mut node = Node::new(with_will());
    node.client.connect(true);
    node.sends();
    node.hears(Message::WillTopicReq);
    node.sends();
    assert_eq!(node.hears(DISCONNECT), Some(Event::Lost(Cause::ByGateway)));
    assert_eq!(node.client.state(), State::Disconnected);
}

#[test]
fn a_disconnect_that_answers_something_older_does_not_stop_a_connect() {
    let mut node = Node::new(Config::new("node7"));
    node.client.connect(true);
    node.sends();
    assert_eq!(node.hears(DISCONNECT), None);
    assert_eq!(node.hears(CONNACK), Some(Event::Connected));
}

#[test]
fn refusals() {
    for code in [ReturnCode::Congestion, ReturnCode::NotSupported, ReturnCode::Reserved(0x80)] {
        let mut node = Node::new(Config::new("node7"));
        node.client.connect(true);
        node.sends();
        assert_eq!(node.hears(refusal(code)), Some(Event::Refused(code)));
        assert_eq!(node.client.state(), State::Disconnected);
        assert!(node.is_silent());
    }
}

#[test]
fn a_congested_gateway_is_asked_again_after_t_wait() {
    let mut node = Node::new(Config { auto_reconnect: true, ..Config::new("node7") });
    node.client.connect(true);
    node.sends();
    assert_eq!(node.hears(refusal(ReturnCode::Congestion)), Some(Event::Refused(ReturnCode::Congestion)));
    node.passes(Duration::from_secs(299));
    assert!(node.is_silent());
    assert_eq!(node.waits(), None);
    let Message::Connect(connect) = node.sends() else { panic!("a CONNECT") };
    assert!(connect.clean_session, "the first connection is still to come");
}

#[test]
fn connack_out_of_turn_is_ignored() {
    let mut node = Node::new(Config::new("node7"));
    assert_eq!(node.hears(CONNACK), None);
    let mut node = Node::connected();
    assert_eq!(node.hears(refusal(ReturnCode::NotSupported)), None);
    assert_eq!(node.hears(Message::WillTopicReq), None);
    assert!(node.is_silent());
    assert_eq!(node.client.state(), State::Active);
}

#[test]
fn an_idle_client_pings_before_the_keep_alive_is_over() {
    let mut node = Node::connected();
    node.passes(Duration::from_millis(44_999));
    assert!(node.is_silent());
    assert_eq!(node.waits(), None);
    assert_eq!(node.sends(), PINGREQ);
    assert_eq!(node.hears(Message::PingResp), None);
    let ponged = node.now;
    node.waits();
    assert_eq!(node.now - ponged, Duration::from_secs(45));
    assert_eq!(node.sends(), PINGREQ);
}

#[test]
fn messages_that_nobody_confirms_do_not_replace_the_ping() {
    let mut node = Node::connected();
    node.passes(Duration::from_secs(30));
    node.client.publish(Topic::Predefined(sn_client::TopicId(1)), b"", Qos::Zero, false).unwrap();
    assert!(matches!(node.sends(), Message::Publish(_)));
    node.waits();
    assert_eq!(node.now, sn_types::Instant::from_secs(45));
    assert_eq!(node.sends(), PINGREQ);
}

#[test]
fn a_long_keep_alive_is_used_but_for_the_time_that_losses_take() {
    let mut node = Node::connected_with(Config { keep_alive_s: 3_600, ..Config::new("node7") });
    node.waits();
    assert_eq!(node.now, sn_types::Instant::from_secs(3_570));
}

#[test]
fn an_unanswered_ping_is_repeated_and_then_the_gateway_is_lost() {
    let mut node = Node::connected();
    node.waits();
    node.sends();
    let end = node.repeats_then_gives_up(5, |message| *message == PINGREQ);
    assert_eq!(end, Event::Lost(Cause::NoAnswer));
}

#[test]
fn keep_alive_zero_never_pings() {
    let node = Node::connected_with(Config { keep_alive_s: 0, ..Config::new("node7") });
    assert_eq!(node.client.poll_timeout(), None);
}

#[test]
fn the_gateways_ping_is_answered_only_while_connected() {
    let mut node = Node::connected();
    node.hears(PINGREQ);
    assert_eq!(node.sends(), Message::PingResp);
    let mut node = Node::new(Config::new("node7"));
    node.hears(PINGREQ);
    assert!(node.is_silent());
}

#[test]
fn disconnect() {
    let mut node = Node::connected();
    node.client.disconnect();
    assert_eq!(node.sends(), DISCONNECT);
    assert_eq!(node.hears(DISCONNECT), Some(Event::Disconnected));
    assert_eq!(node.client.state(), State::Disconnected);
    assert_eq!(node.hears(DISCONNECT), None, "the answer to a repeated one");
    assert!(node.is_silent());
}

#[test]
fn an_unanswered_disconnect_ends_without_reconnecting() {
    let mut node = Node::connected_with(Config { auto_reconnect: true, ..Config::new("node7") });
    node.client.disconnect();
    node.sends();
    let end = node.repeats_then_gives_up(5, |message| *message == DISCONNECT);
    assert_eq!(end, Event::Lost(Cause::NoAnswer));
    assert_eq!(node.client.state(), State::Disconnected);
    assert!(node.is_silent() && !node.client.is_busy());
}

#[test]
fn a_gateway_that_disconnects_is_not_answered() {
    let mut node = Node::connected();
    assert_eq!(node.hears(DISCONNECT), Some(Event::Lost(Cause::ByGateway)));
    assert!(node.is_silent());
    assert_eq!(node.client.state(), State::Disconnected);
}

#[test]
fn reconnecting_by_itself_resumes_and_slows_down() {
    let mut node = Node::connected_with(Config { auto_reconnect: true, ..Config::new("node7") });
    let mut pauses = Vec::new();
    for _ in 0..8 {
        assert_eq!(node.hears(DISCONNECT), Some(Event::Lost(Cause::ByGateway)));
        let lost = node.now;
        node.waits();
        pauses.push((node.now - lost).as_secs());
        let Message::Connect(connect) = node.sends() else { panic!("a CONNECT") };
        assert!(!connect.clean_session);
        assert_eq!(node.hears(CONNACK), Some(Event::Connected));
    }
    assert_eq!(pauses[0], 0);
    for (pause, least) in pauses[1..].iter().zip([10, 20, 40, 80, 160, 320, 640]) {
        assert!((least..=least * 5 / 4).contains(pause), "{pauses:?}");
    }
    node.waits();
    assert_eq!(node.sends(), PINGREQ);
    node.hears(Message::PingResp);
    node.hears(DISCONNECT);
    assert!(matches!(node.sends(), Message::Connect(_)), "an answered ping ends the series");
}

#[test]
fn requests_need_a_connection_except_qos_minus_one() {
    let mut node = Node::new(Config::new("node7"));
    let topic = Topic::Name("a");
    assert_eq!(node.client.publish(topic, b"", Qos::Zero, false), Err(RequestError::NotConnected));
    assert_eq!(node.client.subscribe(topic, Qos::Zero), Err(RequestError::NotConnected));
    assert_eq!(node.client.unsubscribe(topic), Err(RequestError::NotConnected));
    assert_eq!(node.client.update_will_message(b""), Err(RequestError::NotConnected));
    assert_eq!(node.client.wake(), Err(RequestError::NotConnected));
    assert_eq!(node.client.sleep(1.try_into().unwrap()), Err(RequestError::NotConnected));
    assert!(node.is_silent());
}

#[test]
fn will_updates() {
    let mut node = Node::connected();
    node.client.update_will_topic("w/new", Qos::Zero, false).unwrap();
    assert_eq!(node.sends_octets(), b"\x08\x1A\x00w/new");
    assert_eq!(node.hears(Message::WillMsgResp(ReturnCode::Accepted)), None, "not the answer to this");
    assert_eq!(node.hears(Message::WillTopicResp(ReturnCode::Accepted)), Some(Event::WillUpdated));

    node.client.update_will_topic("", Qos::Zero, false).unwrap();
    assert_eq!(node.sends_octets(), [2, 0x1A]);
    // RSMB's answer has an octet too many.
    assert_eq!(node.hears_octets(&[4, 0x1B, 0, 0]), Some(Event::WillUpdated));

    node.client.update_will_message(b"bye").unwrap();
    assert_eq!(node.sends(), Message::WillMsgUpd(WillMsg { message: b"bye" }));
    assert_eq!(
        node.hears(Message::WillMsgResp(ReturnCode::NotSupported)),
        Some(Event::Rejected(ReturnCode::NotSupported))
    );
    assert!(!node.client.is_busy());
}

#[test]
fn will_updates_are_repeated_and_given_up() {
    let mut node = Node::connected();
    node.client.update_will_topic("w", Qos::Two, true).unwrap();
    node.sends();
    let expected = Message::WillTopicUpd(Some(WillTopic { qos: Qos::Two, retain: true, topic: "w" }));
    assert_eq!(node.repeats_then_gives_up(5, |message| *message == expected), Event::Lost(Cause::NoAnswer));

    let mut node = Node::connected();
    node.client.update_will_message(b"m").unwrap();
    node.sends();
    let end = node.repeats_then_gives_up(5, |message| matches!(message, Message::WillMsgUpd(_)));
    assert_eq!(end, Event::Lost(Cause::NoAnswer));
}

#[test]
fn retries_are_spread_by_the_seed() {
    let retry_of = |seed| {
        let mut node = Node::new(Config { seed, ..Config::new("node7") });
        node.client.connect(true);
        node.sends();
        node.waits();
        node.now
    };
    let retries: std::collections::BTreeSet<_> = (0..50).map(retry_of).collect();
    assert!(retries.len() > 45, "{} different times of 50", retries.len());
    assert!(retries.iter().all(|retry| (T_RETRY..=T_RETRY * 5 / 4).contains(&(*retry - sn_types::Instant::ZERO))));
}
