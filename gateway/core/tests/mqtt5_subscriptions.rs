//! Subscriptions in MQTT 5: their options, their identifiers, and those that are shared.

#[path = "common/mqtt.rs"]
mod mqtt;

use gateway_core::mqtt::{
    Connect, Disconnect, Packet, Publish, ReasonCode, RetainHandling, Subscribe, SubscribeOptions,
};
use gateway_core::{CloseReason, Config, DropReason, Event, Input, Keep, Limits, Qos, QueueRule, RejectReason};
use mqtt::{Gateway, five, id, lasting, payloads, publishes, qos0, qos1, qos2, retained};
use std::num::NonZeroU32;
use std::time::Duration;

const QOS1: SubscribeOptions = SubscribeOptions {
    qos: Qos::AtLeastOnce,
    no_local: false,
    retain_as_published: false,
    retain_handling: RetainHandling::Send,
};

fn subscribe(filter: &str, options: SubscribeOptions, subscription_id: u32) -> Packet {
    let subscription_id = NonZeroU32::new(subscription_id);
    Packet::Subscribe(Box::new(Subscribe { id: id(1), subscription_id, filters: vec![(filter.into(), options)] }))
}

/// The codes of the SUBACK; what follows it is answered too.
fn granted(gateway: &mut Gateway, conn: u64, packet: Packet) -> (Vec<ReasonCode>, Vec<Packet>) {
    let mut packets = gateway.exchange(conn, packet);
    match packets.remove(0) {
        Packet::SubAck(_, codes) => (codes, packets),
        other => panic!("not a SUBACK: {other:?}"),
    }
}

/// A publisher on 1, a subscriber on 2.
fn pair() -> Gateway {
    let mut gateway = Gateway::default();
    gateway.connect(1, five("publisher"));
    gateway.connect(2, five("subscriber"));
    gateway
}

#[test]
fn no_local_keeps_a_client_s_own_messages_from_it() {
    let mut gateway = pair();
    let others = SubscribeOptions { no_local: true, ..QOS1 };
    granted(&mut gateway, 2, subscribe("t", others, 0));
    gateway.send(2, qos0("t", "mine"));
    gateway.send(1, qos0("t", "yours"));
    assert_eq!(payloads(&gateway.received(2)), ["yours"]);
    granted(&mut gateway, 2, subscribe("+", QOS1, 0));
    gateway.send(2, qos0("t", "mine"));
    assert_eq!(payloads(&gateway.received(2)), ["mine"], "by the other subscription");
}

#[test]
fn retain_comes_as_it_was_published_if_that_is_asked() {
    let mut gateway = pair();
    granted(&mut gateway, 2, subscribe("plain", QOS1, 0));
    granted(&mut gateway, 2, subscribe("kept", SubscribeOptions { retain_as_published: true, ..QOS1 }, 0));
    for topic in ["plain", "kept"] {
        gateway.send(1, retained(qos0(topic, "x")));
    }
    let flags: Vec<_> = publishes(gateway.received(2)).into_iter().map(|publish| publish.retain).collect();
    assert_eq!(flags, [false, true]);
}

#[test]
fn retained_messages_come_when_they_are_asked_for() {
    let mut gateway = pair();
    gateway.send(1, retained(qos0("t", "kept")));
    let handling = |retain_handling| SubscribeOptions { retain_handling, ..QOS1 };
    for (asked, expected) in [
        (RetainHandling::DoNotSend, &[][..]),
        (RetainHandling::SendIfNew, &[]),
        (RetainHandling::Send, &["kept"]),
        (RetainHandling::SendIfNew, &[]),
    ] {
        let (_, packets) = granted(&mut gateway, 2, subscribe("t", handling(asked), 0));
        assert_eq!(payloads(&packets), expected, "{asked:?}");
    }
    let (_, packets) = granted(&mut gateway, 2, subscribe("+", handling(RetainHandling::SendIfNew), 0));
    assert_eq!(payloads(&packets), ["kept"], "that one is new");
}

#[test]
fn one_copy_comes_with_all_identifiers_that_match() {
    let mut gateway = pair();
    let low = SubscribeOptions { qos: Qos::AtMostOnce, ..QOS1 };
    for (filter, options, subscription_id) in
        [("a/#", QOS1, 1), ("a/+", low, 268_435_455), ("+/b", low, 0), ("other", low, 3)]
    {
        granted(&mut gateway, 2, subscribe(filter, options, subscription_id));
    }
    gateway.send(1, qos2("a/b", "x", 1));
    let copies = publishes(gateway.received(2));
    let [copy] = &copies[..] else { panic!("{copies:?}") };
    let mut ids: Vec<_> = copy.subscription_ids.iter().map(|id| id.get()).collect();
    ids.sort_unstable();
    assert_eq!((copy.qos, &ids[..], &*copy.payload), (Qos::AtLeastOnce, &[1, 268_435_455][..], &b"x"[..]));
}

#[test]
fn an_identifier_is_replaced_with_its_subscription() {
    let mut gateway = pair();
    gateway.send(1, retained(qos0("t", "kept")));
    for subscription_id in [7, 0] {
        let (_, packets) = granted(&mut gateway, 2, subscribe("t", QOS1, subscription_id));
        let ids: Vec<_> = NonZeroU32::new(subscription_id).into_iter().collect();
        assert_eq!(publishes(packets)[0].subscription_ids, ids, "also with a retained message");
        gateway.send(1, qos0("t", "live"));
        assert_eq!(publishes(gateway.received(2))[0].subscription_ids, ids);
    }
}

#[test]
fn who_asks_for_an_answer_that_is_too_long_for_it_is_told() {
    let mut connect = five("subscriber");
    // A SUBACK with two codes takes seven octets.
    connect.properties.maximum_packet_size = NonZeroU32::new(7);
    let mut gateway = Gateway::default();
    gateway.connect(1, connect);
    let answer = gateway.exchange(1, mqtt::subscribe(1, &[("a", Qos::AtMostOnce); 2]));
    assert_eq!(answer, [Packet::SubAck(id(1), vec![ReasonCode::Success; 2])]);
    let answer = gateway.exchange(1, mqtt::subscribe(1, &[("a", Qos::AtMostOnce); 3]));
    let too_long = Disconnect { code: ReasonCode::PacketTooLarge, session_expiry_s: None };
    assert_eq!(answer, [Packet::Disconnect(too_long)]);
}

/// Members of a group on connections 2 and 3.
fn group(first: Connect, second: Connect) -> Gateway {
    group_with(Config::default(), first, second)
}

fn group_with(config: Config, first: Connect, second: Connect) -> Gateway {
    let mut gateway = Gateway::new(config);
    gateway.restart();
    gateway.connect(1, five("publisher"));
    for (conn, connect) in [(2, first), (3, second)] {
        gateway.connect(conn, connect);
        let (codes, _) = granted(&mut gateway, conn, subscribe("$share/group/t/+", QOS1, 0));
        assert_eq!(codes, [ReasonCode::GrantedQos1]);
    }
    gateway
}

fn publish_all(gateway: &mut Gateway, all: &[&str]) {
    all.iter().for_each(|payload| gateway.send(1, qos1("t/x", payload, 1)));
}

fn acknowledge_all(gateway: &mut Gateway, conn: u64) -> Vec<String> {
    let publishes = publishes(gateway.received(conn));
    let payload = |publish: Publish| {
        publish.id.into_iter().for_each(|id| gateway.send(conn, Packet::PubAck(id.into())));
        String::from_utf8(publish.payload.to_vec()).unwrap()
    };
    publishes.into_iter().map(payload).collect()
}

#[test]
fn the_members_of_a_group_take_turns() {
    let mut gateway = group(five("b"), five("c"));
    gateway.connect(4, five("alone"));
    granted(&mut gateway, 4, subscribe("t/#", QOS1, 0));
    granted(&mut gateway, 4, subscribe("$share/other/t/x", QOS1, 0));
    publish_all(&mut gateway, &["1", "2", "3", "4"]);
    assert_eq!(acknowledge_all(&mut gateway, 2), ["1", "3"]);
    assert_eq!(acknowledge_all(&mut gateway, 3), ["2", "4"]);
    assert_eq!(gateway.received(4).len(), 8, "its own subscription and another group");
    assert_eq!(gateway.core.gauges().subscriptions, 4);
}

#[test]
fn who_is_away_takes_nothing_while_others_are_there() {
    let mut gateway = group(lasting("b"), lasting("c"));
    gateway.lose(2);
    publish_all(&mut gateway, &["1", "2"]);
    assert_eq!(acknowledge_all(&mut gateway, 3), ["1", "2"]);
    gateway.lose(3);
    publish_all(&mut gateway, &["3", "4"]);
    gateway.connect(4, lasting("b"));
    gateway.connect(5, lasting("c"));
    assert_eq!(payloads(&gateway.received(4)).len(), 1, "nobody was there: each is kept for one of them");
    assert_eq!(payloads(&gateway.received(5)).len(), 1);
}

#[test]
fn a_member_whose_mailbox_is_full_is_passed_over() {
    let limits = Limits { queue_messages: 2, ..Limits::default() };
    let mut gateway = group_with(Config { limits, ..Config::default() }, lasting("b"), lasting("c"));
    gateway.lose(2);
    gateway.lose(3);
    // What is for one of the two alone fills its mailbox.
    gateway.connect(2, lasting("b"));
    granted(&mut gateway, 2, subscribe("own", QOS1, 0));
    gateway.lose(2);
    (0..2).for_each(|_| gateway.send(1, qos1("own", "own", 1)));
    publish_all(&mut gateway, &["1", "2"]);
    gateway.connect(5, lasting("c"));
    assert_eq!(payloads(&gateway.received(5)), ["1", "2"]);
}

#[test]
fn what_a_member_did_not_acknowledge_goes_to_another_when_its_session_ends() {
    let mut gateway = group(five("b"), five("c"));
    publish_all(&mut gateway, &["1", "2"]);
    assert_eq!(payloads(&gateway.received(2)), ["1"]);
    assert_eq!(acknowledge_all(&mut gateway, 3), ["2"]);
    gateway.lose(2);
    assert_eq!(acknowledge_all(&mut gateway, 3), ["1"]);
    publish_all(&mut gateway, &["3"]);
    assert_eq!(acknowledge_all(&mut gateway, 3), ["3"]);
}

/// What was dropped with sessions: whose, why, and how many messages.
fn dropped(gateway: &mut Gateway) -> Vec<(String, DropReason, u64)> {
    let dropped = gateway.events().into_iter().filter_map(|event| match event {
        Event::LeftOver { client_id, reason, messages } => {
            Some((client_id.to_string(), reason, messages.values().sum()))
        }
        _ => None,
    });
    dropped.collect()
}

#[test]
fn what_no_member_takes_when_a_session_ends_is_counted() {
    let mut gateway = group(five("b"), five("c"));
    publish_all(&mut gateway, &["1", "2"]);
    gateway.lose(2);
    assert_eq!(dropped(&mut gateway), []);
    gateway.lose(3);
    assert_eq!(dropped(&mut gateway), [("c".into(), DropReason::NoMember, 2)]);
    assert_eq!(gateway.core.stats().drops[&DropReason::NoMember], 2);
}

#[test]
fn what_was_sent_at_qos_2_goes_to_nobody_else_and_is_counted() {
    let mut gateway = group(five("b"), five("c"));
    gateway.subscribe(2, "$share/group/t/+", Qos::ExactlyOnce);
    gateway.exchange(1, qos2("t/x", "1", 1));
    assert_eq!(payloads(&gateway.received(2)), ["1"]);
    gateway.lose(2);
    assert_eq!(gateway.received(3), []);
    assert_eq!(dropped(&mut gateway), [("b".into(), DropReason::NoMember, 1)]);
}

#[test]
fn what_comes_too_late_for_another_member_is_counted() {
    let mut gateway = group(five("b"), five("c"));
    let mut message = qos1("t/x", "1", 1);
    if let Packet::Publish(publish) = &mut message {
        publish.message_expiry_s = Some(60);
    }
    gateway.send(1, message);
    gateway.wait(Duration::from_secs(60));
    gateway.lose(2);
    assert_eq!(dropped(&mut gateway), [("b".into(), DropReason::Expired, 1)]);
}

#[test]
fn a_member_that_would_miss_a_message_does_not_get_it_while_another_keeps_it() {
    let mut gateway = group(lasting("b"), lasting("c"));
    gateway.subscribe(2, "$share/group/t/+", Qos::AtMostOnce);
    gateway.lose(2);
    gateway.lose(3);
    publish_all(&mut gateway, &["1", "2"]);
    gateway.connect(4, lasting("c"));
    assert_eq!(payloads(&gateway.received(4)), ["1", "2"]);
    gateway.core.drop_session(gateway.now, "c");
    gateway.carry_out();
    assert_eq!(dropped(&mut gateway), [("c".into(), DropReason::NoMember, 2)], "only who is away is left");
}

#[test]
fn what_goes_to_another_member_expires_no_later_for_that() {
    let minute = QueueRule {
        filter: "t/x".into(),
        keep: Keep::All,
        time_to_live: Some(Duration::from_secs(60)),
        when_full: None,
        priority: 0,
        keep_qos0: true,
    };
    let mut gateway = group_with(Config { queue_rules: vec![minute], ..Config::default() }, five("b"), lasting("c"));
    gateway.lose(3);
    publish_all(&mut gateway, &["1"]);
    gateway.wait(Duration::from_secs(59));
    gateway.lose(2);
    gateway.wait(Duration::from_secs(2));
    gateway.connect(3, lasting("c"));
    assert_eq!(payloads(&gateway.received(3)), [""; 0]);
}

#[test]
fn at_the_end_of_the_process_what_clean_members_did_not_acknowledge_goes_to_one_that_is_kept() {
    let config = Config { durable: true, ..Config::default() };
    let mut gateway = group_with(config, five("b"), lasting("c"));
    gateway.connect(4, five("d"));
    granted(&mut gateway, 4, subscribe("$share/group/t/+", QOS1, 0));
    publish_all(&mut gateway, &["1", "2", "3"]);
    assert_eq!(acknowledge_all(&mut gateway, 3), ["2"]);
    gateway.input(Input::Shutdown);
    gateway.restart();
    gateway.connect(5, lasting("c"));
    let mut kept = acknowledge_all(&mut gateway, 5);
    kept.sort();
    assert_eq!(kept, ["1", "3"]);
}

#[test]
fn a_member_that_refuses_a_message_is_the_last_to_get_it() {
    let mut gateway = group(five("b"), five("c"));
    publish_all(&mut gateway, &["1"]);
    let refused = gateway_core::mqtt::Ack { id: id(1), code: ReasonCode::UnspecifiedError };
    gateway.send(2, Packet::PubAck(refused));
    gateway.lose(2);
    assert_eq!(gateway.received(3), []);
}

#[test]
fn a_group_ends_with_its_last_member() {
    let mut gateway = group(five("b"), five("c"));
    let unsubscribe = Packet::Unsubscribe(id(2), vec!["$share/group/t/+".into()]);
    assert_eq!(gateway.exchange(2, unsubscribe), [Packet::UnsubAck(id(2), vec![ReasonCode::Success])]);
    gateway.send(3, Packet::Disconnect(Disconnect::default()));
    assert_eq!(gateway.core.gauges().subscriptions, 0);
    let nobody = gateway_core::mqtt::Ack { id: id(1), code: ReasonCode::NoMatchingSubscribers };
    assert_eq!(gateway.exchange(1, qos1("t/x", "x", 1)), [Packet::PubAck(nobody)]);
}

#[test]
fn a_group_gets_no_retained_messages_and_must_have_a_name() {
    let mut gateway = pair();
    gateway.send(1, retained(qos0("t", "kept")));
    let (_, packets) = granted(&mut gateway, 2, subscribe("$share/group/t", QOS1, 0));
    assert_eq!(packets, []);
    for malformed in ["$share/group", "$share//t", "$share/+/t", "$share/group/t#", "$share/group/"] {
        let (codes, _) = granted(&mut gateway, 2, subscribe(malformed, QOS1, 0));
        assert_eq!(codes, [ReasonCode::TopicFilterInvalid], "{malformed}");
    }
}

#[test]
fn no_local_and_shared_is_a_protocol_error() {
    let mut gateway = pair();
    gateway.send(2, subscribe("$share/group/t", SubscribeOptions { no_local: true, ..QOS1 }, 0));
    assert!(matches!(gateway.closed(2), Some(CloseReason::Protocol { .. })));
}

#[test]
fn an_mqtt_sn_client_cannot_join_a_group() {
    let mut gateway = Gateway::default();
    gateway.datagram(b"\x0a\x04\x04\x01\x00\x3cnode");
    let answers = gateway.datagram(b"\x0f\x12\x20\x00\x07$share/g/t");
    assert_eq!(answers.last().map(Vec::as_slice), Some(&b"\x08\x13\x00\x00\x00\x00\x07\x03"[..]));
    assert_eq!(gateway.rejects(RejectReason::TopicFilter), 1);
}
