//! Subscribing and receiving (1.2 §6.5, §6.6, §6.9, §6.10).

mod node;

use node::{CONNACK, DISCONNECT, Node, puback, publish};
use sn_client::{Cause, Client, Config, Event, Qos, Received, RequestError, ReturnCode, ShortName, Topic, TopicId};
use sn_codec::{Message, MsgId, RegAck, Register, SubAck, Subscribe, Topic as WireTopic, TopicFilter, Unsubscribe};
use std::time::Duration;

fn message<'a>(topic: Topic<'a>, payload: &'a [u8], qos: Qos) -> Option<Event<'a>> {
    Some(Event::Message(Received { topic, payload, qos, retain: false }))
}

fn regack(id: u16, msg_id: u16, return_code: ReturnCode) -> Message<'static> {
    Message::RegAck(RegAck { topic_id: TopicId(id), msg_id: MsgId(msg_id), return_code })
}

fn register(id: u16, msg_id: u16, topic_name: &str) -> Message<'_> {
    Message::Register(Register { topic_id: TopicId(id), msg_id: MsgId(msg_id), topic_name })
}

/// The answer to the client's SUBSCRIBE with this filter.
fn answers_subscribe(node: &mut Node, expected: TopicFilter<'_>, id: u16, code: ReturnCode) -> Option<Event<'static>> {
    let Message::Subscribe(Subscribe { qos, msg_id, topic }) = node.sends() else { panic!("a SUBSCRIBE is due") };
    assert_eq!(topic, expected);
    let ack = SubAck { qos, topic_id: TopicId(id), msg_id, return_code: code };
    match node.hears(Message::SubAck(ack)) {
        Some(Event::Subscribed { granted }) => Some(Event::Subscribed { granted }),
        Some(Event::Rejected(code)) => Some(Event::Rejected(code)),
        Some(Event::Congested) => Some(Event::Congested),
        None => None,
        Some(other) => panic!("{other:?}"),
    }
}

#[test]
fn by_name_at_qos_0_to_2() {
    let mut node = Node::connected();
    node.subscribes("a/b", 5);
    assert_eq!(node.hears(publish(Qos::Zero, 5, 0, b"m0")), message(Topic::Name("a/b"), b"m0", Qos::Zero));
    assert!(node.is_silent());
    assert_eq!(node.hears(publish(Qos::One, 5, 7, b"m1")), message(Topic::Name("a/b"), b"m1", Qos::One));
    assert_eq!(node.sends(), puback(5, 7, ReturnCode::Accepted));
    assert_eq!(node.hears(publish(Qos::Two, 5, 8, b"m2")), message(Topic::Name("a/b"), b"m2", Qos::Two));
    assert_eq!(node.sends(), Message::PubRec(MsgId(8)));
    assert_eq!(node.hears(Message::PubRel(MsgId(8))), None);
    assert_eq!(node.sends(), Message::PubComp(MsgId(8)));
}

#[test]
fn retain_is_passed_on_and_an_empty_payload_is_a_message() {
    let mut node = Node::connected();
    node.subscribes("a", 5);
    let got = node.hears_octets(&[7, 0x0C, 0x10, 0, 5, 0, 0]);
    let expected = Received { topic: Topic::Name("a"), payload: b"", qos: Qos::Zero, retain: true };
    assert_eq!(got, Some(Event::Message(expected)));
}

#[test]
fn a_wildcard_subscription_learns_its_topics_by_register() {
    let mut node = Node::connected();
    node.client.subscribe(Topic::Name("s/+"), Qos::One).unwrap();
    let filter = TopicFilter::Name("s/+");
    let granted = answers_subscribe(&mut node, filter, 0, ReturnCode::Accepted);
    assert_eq!(granted, Some(Event::Subscribed { granted: Qos::One }));
    assert_eq!(node.hears(register(3, 1, "s/x")), None);
    assert_eq!(node.sends(), regack(3, 1, ReturnCode::Accepted));
    // Bisquitt and Paho use the REGISTER's MsgId for the PUBLISH that follows.
    assert_eq!(node.hears(publish(Qos::One, 3, 1, b"1")), message(Topic::Name("s/x"), b"1", Qos::One));
    assert_eq!(node.sends(), puback(3, 1, ReturnCode::Accepted));
}

#[test]
fn an_id_beside_a_wildcard_means_nothing() {
    let mut node = Node::connected();
    node.client.subscribe(Topic::Name("s/#"), Qos::One).unwrap();
    answers_subscribe(&mut node, TopicFilter::Name("s/#"), 6, ReturnCode::Accepted);
    assert_eq!(node.hears(publish(Qos::One, 6, 1, b"")), None);
    assert_eq!(node.sends(), puback(6, 1, ReturnCode::InvalidTopicId));
}

#[test]
fn predefined_and_short_topics() {
    let mut node = Node::connected();
    node.client.subscribe(Topic::Predefined(TopicId(16)), Qos::One).unwrap();
    let filter = TopicFilter::Predefined(TopicId(16));
    assert!(answers_subscribe(&mut node, filter, 16, ReturnCode::Accepted).is_some());
    node.client.subscribe(Topic::Short(ShortName(*b"tt")), Qos::One).unwrap();
    // RSMB answers 0000, Paho the characters.
    let filter = TopicFilter::Short(ShortName(*b"tt"));
    assert!(answers_subscribe(&mut node, filter, 0, ReturnCode::Accepted).is_some());

    let got = node.hears_octets(b"\x09\x0C\x01\x00\x10\x00\x00hi");
    assert_eq!(got, message(Topic::Predefined(TopicId(16)), b"hi", Qos::Zero));
    let got = node.hears_octets(b"\x09\x0C\x22tt\x00\x03hi");
    assert_eq!(got, message(Topic::Short(ShortName(*b"tt")), b"hi", Qos::One));
    assert_eq!(node.sends(), puback(0x7474, 3, ReturnCode::Accepted), "both octets and id are copied");
}

#[test]
fn a_normal_id_with_a_predefined_ones_number_is_another_topic() {
    let mut node = Node::connected();
    node.client.subscribe(Topic::Predefined(TopicId(16)), Qos::One).unwrap();
    answers_subscribe(&mut node, TopicFilter::Predefined(TopicId(16)), 16, ReturnCode::Accepted);
    assert_eq!(node.hears(publish(Qos::Zero, 16, 0, b"")), None);
    assert_eq!(node.sends(), puback(16, 0, ReturnCode::InvalidTopicId));
}

#[test]
fn short_form_to_a_subscriber_by_name_reads_as_the_name() {
    let mut node = Node::connected();
    node.subscribes("tt", 1);
    let Some(Event::Message(got)) = node.hears_octets(b"\x08\x0C\x02tt\x00\x00x") else { panic!("a message") };
    assert_eq!(got.topic.name(), Some("tt"));
    let Some(Event::Message(got)) = node.hears_octets(b"\x08\x0C\x02z\x00\x00\x00x") else { panic!("a message") };
    assert_eq!(got.topic.name(), Some("z"));
}

#[test]
fn an_unknown_id_is_refused_at_every_qos_until_it_is_registered() {
    let mut node = Node::connected();
    for (qos, msg_id) in [(Qos::Zero, 0), (Qos::One, 4), (Qos::Two, 5)] {
        assert_eq!(node.hears(publish(qos, 9, msg_id, b"x")), None);
        assert_eq!(node.sends(), puback(9, msg_id, ReturnCode::InvalidTopicId));
    }
    node.hears(register(9, 6, "late"));
    assert_eq!(node.sends(), regack(9, 6, ReturnCode::Accepted));
    assert_eq!(node.hears(publish(Qos::Two, 9, 5, b"x")), message(Topic::Name("late"), b"x", Qos::Two));
}

#[test]
fn the_reserved_topic_id_type_is_refused() {
    let mut node = Node::connected();
    assert_eq!(node.hears_octets(&[8, 0x0C, 0x23, 0, 1, 0, 0x0F, 0x78]), None);
    assert_eq!(node.sends(), puback(1, 0x0F, ReturnCode::NotSupported));
}

#[test]
fn qos_minus_one_from_a_gateway_is_ignored() {
    let mut node = Node::connected();
    assert_eq!(node.hears_octets(b"\x09\x0C\x61\x00\x10\x00\x00hi"), None);
    assert!(node.is_silent());
}

#[test]
fn a_qos_2_message_is_reported_once_until_released() {
    let mut node = Node::connected();
    node.subscribes("a", 5);
    assert!(node.hears(publish(Qos::Two, 5, 8, b"x")).is_some());
    assert_eq!(node.sends(), Message::PubRec(MsgId(8)));
    assert_eq!(node.hears(publish(Qos::Two, 5, 8, b"x")), None);
    assert_eq!(node.sends(), Message::PubRec(MsgId(8)), "the first was lost");
    node.hears(Message::PubRel(MsgId(8)));
    node.sends();
    node.hears(Message::PubRel(MsgId(8)));
    assert_eq!(node.sends(), Message::PubComp(MsgId(8)), "the first was lost");
    assert!(node.hears(publish(Qos::Two, 5, 8, b"y")).is_some(), "the id is free again");
}

#[test]
fn pubrel_of_an_unknown_message_is_completed() {
    let mut node = Node::connected();
    node.hears(Message::PubRel(MsgId(42)));
    assert_eq!(node.sends(), Message::PubComp(MsgId(42)));
}

/// Whether a copy of a QoS 2 message that comes after PUBREL is reported.
fn late_copy_is_reported(link_may_duplicate: bool) -> bool {
    let mut node = Node::connected_with(Config { link_may_duplicate, ..Config::new("node7") });
    node.subscribes("a", 5);
    node.hears(publish(Qos::Two, 5, 8, b"x"));
    node.hears(Message::PubRel(MsgId(8)));
    node.hears(publish(Qos::Two, 5, 8, b"x")).is_some()
}

#[test]
fn a_late_copy_of_a_released_message_is_recognised_where_links_make_copies() {
    assert!(!late_copy_is_reported(true));
    assert!(late_copy_is_reported(false));
}

#[test]
fn a_gateway_that_forgot_the_client_may_use_the_same_id_for_the_same_content() {
    let mut node = Node::with_session(Config { auto_reconnect: true, ..Config::new("node7") });
    node.subscribes("a", 5);
    node.hears(publish(Qos::Two, 5, 1, b"on"));
    node.hears(Message::PubRel(MsgId(1)));
    node.sends();
    assert_eq!(node.hears(DISCONNECT), Some(Event::Lost(Cause::ByGateway)));
    node.sends();
    node.hears(CONNACK);
    assert!(node.hears(publish(Qos::Two, 5, 1, b"on")).is_some());
}

#[test]
fn a_copy_of_a_disconnect_leaves_the_memory_of_released_messages() {
    let mut node = Node::with_session(Config { auto_reconnect: true, ..Config::new("node7") });
    node.subscribes("a", 5);
    assert_eq!(node.hears(DISCONNECT), Some(Event::Lost(Cause::ByGateway)));
    node.sends();
    node.hears(CONNACK);
    node.hears(publish(Qos::Two, 5, 1, b"on"));
    node.hears(Message::PubRel(MsgId(1)));
    node.sends();
    node.passes(Duration::from_secs(10));
    assert_eq!(node.hears(DISCONNECT), Some(Event::Lost(Cause::ByGateway)));
    node.waits();
    node.sends();
    node.hears(CONNACK);
    assert_eq!(node.hears(publish(Qos::Two, 5, 1, b"on")), None, "a late copy");
}

#[test]
fn a_late_answer_to_the_own_disconnect_leaves_the_memory_of_released_messages() {
    let mut node = Node::with_session(Config { auto_reconnect: true, ..Config::new("node7") });
    node.subscribes("a", 5);
    node.hears(publish(Qos::Two, 5, 1, b"on"));
    node.hears(Message::PubRel(MsgId(1)));
    node.sends();
    node.falls_asleep(600);
    node.client.connect(false);
    node.sends();
    node.hears(CONNACK);
    assert_eq!(node.hears(DISCONNECT), Some(Event::Lost(Cause::ByGateway)));
    node.sends();
    node.hears(CONNACK);
    assert_eq!(node.hears(publish(Qos::Two, 5, 1, b"on")), None, "a late copy");
}

#[test]
fn as_many_released_messages_are_remembered_as_the_type_says() {
    let mut client: Client<'_, 16, 16, 2> = Client::new(Config::new("node7"));
    let now = sn_types::Instant::ZERO;
    client.connect(false);
    assert_eq!(client.handle_input(now, &[3, 5, 0]), None, "no CONNECT is under way");
    assert!(client.poll_output(now, &mut [0; 32]).is_some());
    assert_eq!(client.handle_input(now, &[3, 5, 0]), Some(Event::Connected));
    let mut is_reported = |msg_id: u8| {
        let datagram = [8, 0x0C, 0x42, b't', b't', 0, msg_id, b'x'];
        let is_new = client.handle_input(now, &datagram).is_some();
        client.handle_input(now, &[4, 0x10, 0, msg_id]);
        is_new
    };
    assert_eq!([1, 2, 2, 1].map(&mut is_reported), [true, true, false, false]);
    assert_eq!([3, 2, 1].map(&mut is_reported), [true, false, true], "the oldest has made room");
}

#[test]
fn unreleased_messages_are_still_known_after_a_resumed_connection() {
    let mut node = Node::with_session(Config { auto_reconnect: true, ..Config::new("node7") });
    node.subscribes("a", 5);
    node.hears(publish(Qos::Two, 5, 1, b"on"));
    node.sends();
    node.hears(DISCONNECT);
    node.sends();
    node.hears(CONNACK);
    // Paho repeats under the old id without REGISTER.
    assert_eq!(node.hears(publish(Qos::Two, 5, 1, b"on")), None);
    assert_eq!(node.sends(), Message::PubRec(MsgId(1)));
}

#[test]
fn old_ids_are_valid_for_arriving_messages_after_resuming_but_not_in_a_clean_session() {
    let mut node = Node::with_session(Config::new("node7"));
    node.subscribes("a", 5);
    node.client.connect(false);
    node.sends();
    node.hears(CONNACK);
    assert!(node.hears(publish(Qos::Zero, 5, 0, b"x")).is_some());
    node.client.connect(true);
    node.sends();
    node.hears(CONNACK);
    assert_eq!(node.hears(publish(Qos::Zero, 5, 0, b"x")), None);
}

#[test]
fn ids_of_a_clean_session_end_with_its_connection() {
    let mut node = Node::connected_with(Config { auto_reconnect: true, ..Config::new("node7") });
    node.subscribes("a", 5);
    node.hears(DISCONNECT);
    assert!(matches!(node.sends(), Message::Connect(connect) if !connect.clean_session));
    node.hears(CONNACK);
    assert_eq!(node.hears(publish(Qos::One, 5, 1, b"of another topic by now")), None);
    assert_eq!(node.sends(), puback(5, 1, ReturnCode::InvalidTopicId));
}

#[test]
fn a_name_that_does_not_fit_is_refused() {
    let mut node = Node::connected();
    let name = "n".repeat(60);
    node.hears(register(3, 1, &name));
    assert_eq!(node.sends(), regack(3, 1, ReturnCode::NotSupported));
    node.hears(register(0, 2, "a"));
    assert_eq!(node.sends(), regack(0, 2, ReturnCode::NotSupported));
}

#[test]
fn more_topics_than_fit_push_the_oldest_out_and_it_can_come_back() {
    let mut node = Node::connected();
    for id in 1..=20 {
        node.hears(register(id, id, &format!("topic/{id}")));
        assert_eq!(node.sends(), regack(id, id, ReturnCode::Accepted));
    }
    assert_eq!(node.hears(publish(Qos::One, 1, 1, b"x")), None);
    assert_eq!(node.sends(), puback(1, 1, ReturnCode::InvalidTopicId));
    node.hears(register(1, 30, "topic/1"));
    assert_eq!(node.hears(publish(Qos::One, 1, 1, b"x")), message(Topic::Name("topic/1"), b"x", Qos::One));
}

#[test]
fn a_subscription_can_be_refused() {
    for code in [ReturnCode::InvalidTopicId, ReturnCode::NotSupported, ReturnCode::Reserved(0x80)] {
        let mut node = Node::connected();
        node.client.subscribe(Topic::Name("a"), Qos::One).unwrap();
        let refused = answers_subscribe(&mut node, TopicFilter::Name("a"), 0, code);
        assert_eq!(refused, Some(Event::Rejected(code)));
        assert!(!node.client.is_busy());
    }
}

#[test]
fn a_congested_subscription_goes_on_after_t_wait() {
    let mut node = Node::connected_with(Config { keep_alive_s: 0, ..Config::new("node7") });
    node.client.subscribe(Topic::Name("a"), Qos::One).unwrap();
    let congested = answers_subscribe(&mut node, TopicFilter::Name("a"), 0, ReturnCode::Congestion);
    assert_eq!(congested, Some(Event::Congested));
    assert!(node.is_silent());
    node.waits();
    let paused_s = (node.now - sn_types::Instant::ZERO).as_secs();
    assert!((300..=375).contains(&paused_s), "asked again after {paused_s} s");
    assert!(answers_subscribe(&mut node, TopicFilter::Name("a"), 2, ReturnCode::Accepted).is_some());
}

#[test]
fn subscribe_and_unsubscribe_are_repeated_and_given_up() {
    let mut node = Node::connected();
    node.client.subscribe(Topic::Name("a"), Qos::One).unwrap();
    node.sends();
    let end = node.repeats_then_gives_up(5, |message| matches!(message, Message::Subscribe(_)));
    assert_eq!(end, Event::Lost(Cause::NoAnswer));

    let mut node = Node::connected();
    node.client.unsubscribe(Topic::Name("a")).unwrap();
    node.sends();
    let end = node.repeats_then_gives_up(5, |message| matches!(message, Message::Unsubscribe(_)));
    assert_eq!(end, Event::Lost(Cause::NoAnswer));
}

#[test]
fn unsubscribe_in_each_form() {
    let short = ShortName(*b"tt");
    let forms = [
        (Topic::Name("s/+"), TopicFilter::Name("s/+")),
        (Topic::Predefined(TopicId(16)), TopicFilter::Predefined(TopicId(16))),
        (Topic::Short(short), TopicFilter::Short(short)),
    ];
    let mut node = Node::connected();
    for (topic, expected) in forms {
        node.client.unsubscribe(topic).unwrap();
        let Message::Unsubscribe(Unsubscribe { msg_id, topic }) = node.sends() else { panic!("an UNSUBSCRIBE") };
        assert_eq!(topic, expected);
        assert_eq!(node.hears(Message::UnsubAck(MsgId(msg_id.0 ^ 1))), None);
        assert_eq!(node.hears(Message::UnsubAck(msg_id)), Some(Event::Unsubscribed));
    }
}

#[test]
fn impossible_subscriptions_are_refused() {
    let mut node = Node::connected();
    assert_eq!(node.client.subscribe(Topic::Name(""), Qos::One), Err(RequestError::InvalidTopic));
    assert_eq!(node.client.subscribe(Topic::Short(ShortName(*b"+a")), Qos::One), Err(RequestError::InvalidTopic));
    assert_eq!(node.client.subscribe(Topic::Name("a"), Qos::MinusOne), Err(RequestError::InvalidQos));
}

#[test]
fn an_arriving_message_does_not_disturb_the_request_in_progress() {
    let mut node = Node::connected();
    node.subscribes("a", 5);
    node.client.publish(Topic::Short(ShortName(*b"tt")), b"out", Qos::One, false).unwrap();
    let topic = WireTopic::Short(ShortName(*b"tt"));
    let msg_id = node.sends_publish(false, Qos::One, topic, b"out");
    // The two directions number their messages independently.
    assert!(node.hears(publish(Qos::One, 5, msg_id.0, b"in")).is_some());
    assert_eq!(node.sends(), puback(5, msg_id.0, ReturnCode::Accepted));
    node.waits();
    node.sends_publish(true, Qos::One, topic, b"out");
    assert_eq!(node.hears_puback(0, msg_id, ReturnCode::Accepted), Some(Event::Published));
}

#[test]
fn without_a_connection_nothing_is_delivered_or_answered() {
    let mut node = Node::new(Config::new("node7"));
    assert_eq!(node.hears_octets(b"\x09\x0C\x21\x00\x10\x00\x01hi"), None);
    assert_eq!(node.hears(register(1, 1, "a")), None);
    assert_eq!(node.hears(Message::PubRel(MsgId(1))), None);
    assert_eq!(node.hears(Message::PubRec(MsgId(1))), None);
    assert!(node.is_silent());
}

#[test]
fn malformed_datagrams_have_no_effect() {
    let mut node = Node::connected();
    let vectors: [&[u8]; 9] = [
        b"",
        &[2],
        &[0, 0x16],
        &[1, 0x16],
        &[1, 0, 3, 0x16],
        &[5, 0x16],
        &[2, 0x16, 0, 0],
        &[2, 3],
        &[6, 0x0C, 0, 0, 1, 0],
    ];
    for vector in vectors {
        assert_eq!(node.hears_octets(vector), None);
        assert!(node.is_silent());
    }
    assert_eq!(node.hears_octets(&[1, 0, 4, 0x16]), None);
    assert_eq!(node.sends(), Message::PingResp, "the long form of a short message is legal");
}
