//! The machine in virtual time, with a core and a broker that say what the test says.

use super::super::topics::{Direction, Rule};
use super::*;
use crate::upstream::TlsFiles;
use gateway_core::mqtt::{Ack, ConnAckProperties, Publish};
use std::num::NonZeroU16;

const NOW: Instant = Instant::from_secs(100);

fn rule(pattern: &str, direction: Direction, qos: Qos, remote_prefix: &str) -> Rule {
    let (local_prefix, remote_prefix) = (String::new(), remote_prefix.into());
    Rule { pattern: pattern.into(), direction, qos, local_prefix, remote_prefix }
}

fn settings(version: Version) -> Settings {
    Settings {
        name: "cloud".into(),
        address: "broker".parse().unwrap(),
        tls: TlsFiles::default(),
        version,
        client_id: "gateway-7".into(),
        user: None,
        password: None,
        keep_alive: Duration::from_secs(60),
        max_inflight: NonZeroU16::new(20).unwrap(),
        receive_maximum: NonZeroU16::new(1_000),
        session_expiry_s: 600,
        reconnect_max: Duration::from_secs(60),
        announce: true,
        max_packet: 1 << 20,
        topics: vec![
            rule("up/#", Direction::Out, Qos::ExactlyOnce, "site/"),
            rule("now/#", Direction::Out, Qos::AtMostOnce, "site/"),
            rule("down/#", Direction::In, Qos::ExactlyOnce, "site/"),
        ],
    }
}

fn effects(machine: &mut Machine) -> Vec<Effect> {
    std::iter::from_fn(|| machine.poll_effect()).collect()
}

fn after(machine: &mut Machine, now: Instant, input: Input) -> Vec<Effect> {
    machine.handle(now, input);
    effects(machine)
}

fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

fn publish(topic: &str, qos: Qos, packet_id: u16) -> Packet {
    Packet::Publish(Publish::new(topic.into(), "x".into(), qos, false, PacketId::new(packet_id)))
}

fn connack(session_present: bool) -> Packet {
    Packet::ConnAck(Box::new(ConnAck { session_present, ..ConnAck::default() }))
}

fn refusal(code: ReasonCode) -> Packet {
    Packet::ConnAck(Box::new(ConnAck { code, ..ConnAck::default() }))
}

/// A machine whose preparations are done and that is about to dial.
fn prepared(settings: Settings) -> Machine {
    let mut machine = Machine::new(Arc::new(settings), &[], 7);
    machine.handle(NOW, Input::FromCore(connack(false)));
    machine.handle(NOW, Input::FromCore(Packet::PingResp));
    effects(&mut machine);
    machine
}

/// A machine that has sent CONNECT to the other broker.
fn greeting(settings: Settings) -> Machine {
    let mut machine = prepared(settings);
    machine.handle_timeout(NOW);
    machine.handle(NOW, Input::Dialed);
    effects(&mut machine);
    machine
}

/// A machine that has joined both ends; with what the core was told.
fn joined(version: Version, session_present: bool) -> (Machine, Vec<Effect>) {
    let mut machine = greeting(settings(version));
    let effects = after(&mut machine, NOW, Input::FromBroker(connack(session_present)));
    (machine, effects)
}

fn connect_to_core(effects: &[Effect]) -> &Connect {
    let connect = effects.iter().find_map(|effect| match effect {
        Effect::ToCore(Packet::Connect(connect)) => Some(connect),
        _ => None,
    });
    connect.expect("a CONNECT to the core")
}

fn subscribe_to_core(effects: &[Effect]) -> Vec<(&str, RetainHandling)> {
    let subscribe = effects.iter().find_map(|effect| match effect {
        Effect::ToCore(Packet::Subscribe(subscribe)) => Some(subscribe),
        _ => None,
    });
    let filters = &subscribe.expect("a SUBSCRIBE to the core").filters;
    filters.iter().map(|(filter, asked)| (&**filter, asked.retain_handling)).collect()
}

#[test]
fn messages_wait_in_the_core_before_the_other_broker_is_reached_for() {
    let mut machine = Machine::new(Arc::new(settings(Version::V5)), &["up/#".into(), "old/#".into()], 7);
    let first = effects(&mut machine);
    assert_eq!(first[0], Effect::Enter);
    let connect = connect_to_core(&first);
    assert_eq!((&*connect.client_id, connect.clean_start), ("bridge/cloud", false));
    assert_eq!(connect.login, Login::Bridge { new_peer: false });
    assert_eq!(connect.properties.session_expiry_s, u32::MAX);
    assert!(first.contains(&Effect::ToCore(Packet::Unsubscribe(REQUEST, vec!["old/#".into()]))));
    let none = RetainHandling::DoNotSend;
    assert_eq!(subscribe_to_core(&first), [("up/#", none), ("now/#", none)]);
    assert_eq!(machine.poll_timeout(), None);

    // What is in flight already comes again later.
    assert_eq!(after(&mut machine, NOW, Input::FromCore(publish("up/1", Qos::AtLeastOnce, 1))), []);
    let last = after(&mut machine, NOW, Input::FromCore(Packet::PingResp));
    assert_eq!(last, [Effect::ToCore(Packet::Disconnect(Disconnect::default())), Effect::Leave]);
    machine.handle_timeout(NOW);
    assert_eq!(effects(&mut machine), [Effect::Dial { as_bridge: true }]);
}

#[test]
fn a_core_that_cannot_take_the_subscriptions_is_asked_again() {
    let mut machine = Machine::new(Arc::new(settings(Version::V5)), &["old/#".into()], 7);
    effects(&mut machine);
    assert_eq!(after(&mut machine, NOW, Input::CoreGone { stopping: false }), [Effect::Leave]);
    let due = machine.poll_timeout().unwrap();
    assert!(due > NOW);
    machine.handle_timeout(due);
    let again = effects(&mut machine);
    assert!(again.contains(&Effect::ToCore(Packet::Unsubscribe(REQUEST, vec!["old/#".into()]))));
}

#[test]
fn connect_asks_for_a_session_that_stays() {
    let mut machine = prepared(settings(Version::V5));
    machine.handle_timeout(NOW);
    effects(&mut machine);
    let sent = after(&mut machine, NOW, Input::Dialed);
    let [Effect::ToBroker(Packet::Connect(connect))] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((&*connect.client_id, connect.clean_start, connect.keep_alive_s), ("gateway-7", false, 60));
    assert_eq!(connect.properties.session_expiry_s, 600);
    // What the bridge cannot take the other broker must not try to send again and again.
    assert_eq!(connect.properties.maximum_packet_size.map(u32::from), Some((1 << 20) + 4));
}

#[test]
fn packet_ids_are_the_same_on_both_sides() {
    let (mut machine, _) = joined(Version::V3, true);
    let out = after(&mut machine, NOW, Input::FromCore(publish("up/1", Qos::ExactlyOnce, 9)));
    assert_eq!(out, [Effect::ToBroker(publish("site/up/1", Qos::ExactlyOnce, 9))]);
    let received = Packet::PubRec(id(9).into());
    assert_eq!(after(&mut machine, NOW, Input::FromBroker(received.clone())), [Effect::ToCore(received)]);
    let released = Packet::PubRel(id(9).into());
    assert_eq!(after(&mut machine, NOW, Input::FromCore(released.clone())), [Effect::ToBroker(released)]);
    let complete = Packet::PubComp(id(9).into());
    assert_eq!(after(&mut machine, NOW, Input::FromBroker(complete.clone())), [Effect::ToCore(complete)]);

    let inward = after(&mut machine, NOW, Input::FromBroker(publish("site/down/1", Qos::ExactlyOnce, 9)));
    assert_eq!(inward, [Effect::ToCore(publish("down/1", Qos::ExactlyOnce, 9))]);
    assert_eq!((machine.counts().out, machine.counts().inward), (1, 1));
}

#[test]
fn nothing_is_acknowledged_by_the_bridge_itself() {
    let (mut machine, _) = joined(Version::V5, true);
    let inward = after(&mut machine, NOW, Input::FromBroker(publish("site/down/1", Qos::AtLeastOnce, 3)));
    assert_eq!(inward, [Effect::ToCore(publish("down/1", Qos::AtLeastOnce, 3))]);
    let kept = Packet::PubAck(id(3).into());
    assert_eq!(after(&mut machine, NOW, Input::FromCore(kept.clone())), [Effect::ToBroker(kept)]);
}

#[test]
fn a_session_that_was_kept_goes_on_and_a_new_one_is_told_to_the_core() {
    for (session_present, handling) in [(true, RetainHandling::SendIfNew), (false, RetainHandling::Send)] {
        let (_, told) = joined(Version::V5, session_present);
        assert_eq!(told[0], Effect::Enter);
        assert_eq!(connect_to_core(&told).login, Login::Bridge { new_peer: !session_present });
        // A QoS 0 topic has no queue: what is retained is told at every connection.
        assert_eq!(subscribe_to_core(&told), [("up/#", handling), ("now/#", RetainHandling::Send)]);
    }
}

#[test]
fn the_window_is_the_smaller_of_both() {
    for (taken, window) in [(None, 20), (Some(5), 5), (Some(1_000), 20)] {
        let mut machine = greeting(settings(Version::V5));
        let mut answer = ConnAck { session_present: true, ..ConnAck::default() };
        answer.properties.receive_maximum = taken.and_then(NonZeroU16::new);
        let told = after(&mut machine, NOW, Input::FromBroker(Packet::ConnAck(Box::new(answer))));
        assert_eq!(connect_to_core(&told).properties.receive_maximum.map(u16::from), Some(window));
    }
}

#[test]
fn the_other_broker_is_asked_for_messages_when_the_core_has_forgotten_the_old_ones() {
    let (mut machine, told) = joined(Version::V5, false);
    assert!(!told.iter().any(|effect| matches!(effect, Effect::ToBroker(_))), "{told:?}");
    let asked = after(&mut machine, NOW, Input::FromCore(connack(true)));
    let [Effect::ToBroker(Packet::Subscribe(subscribe))] = &asked[..] else { panic!("{asked:?}") };
    let (filter, options) = &subscribe.filters[0];
    assert_eq!((&**filter, options.qos), ("site/down/#", Qos::ExactlyOnce));
    assert!(options.no_local && options.retain_as_published);
    assert!(subscribe.id.get() > LARGEST_MESSAGE_ID);
}

#[test]
fn many_filters_are_asked_for_eight_at_a_time_and_refusals_are_told() {
    let mut settings = settings(Version::V5);
    settings.topics = (0..10).map(|n| rule(&format!("t{n}"), Direction::In, Qos::AtLeastOnce, "")).collect();
    let mut machine = greeting(settings);
    machine.handle(NOW, Input::FromBroker(connack(true)));
    effects(&mut machine);
    let lens = |effects: &[Effect]| -> Vec<usize> {
        let subscribe = effects.iter().filter_map(|effect| match effect {
            Effect::ToBroker(Packet::Subscribe(subscribe)) => Some(subscribe.filters.len()),
            _ => None,
        });
        subscribe.collect()
    };
    assert_eq!(lens(&after(&mut machine, NOW, Input::FromCore(connack(true)))), [8]);
    let mut codes = vec![ReasonCode::GrantedQos1; 8];
    codes[1] = ReasonCode::NotAuthorized;
    let next = after(&mut machine, NOW, Input::FromBroker(Packet::SubAck(REQUEST, codes)));
    let refused = News::SubscriptionRefused { filter: "t1".into(), code: ReasonCode::NotAuthorized };
    assert_eq!(next[0], Effect::Tell(refused));
    assert_eq!(lens(&next), [2]);
    let granted = Packet::SubAck(REQUEST, vec![ReasonCode::GrantedQos1; 2]);
    let joined = [Effect::Tell(News::Joined { session_present: true })];
    assert_eq!(after(&mut machine, NOW, Input::FromBroker(granted)), joined);

    // What was refused is asked for again, with the others.
    machine.handle(NOW, Input::BrokerGone("cut".into()));
    reconnect(&mut machine, true);
    assert_eq!(lens(&after(&mut machine, NOW, Input::FromCore(connack(true)))), [8]);
    for len in [8, 2] {
        machine.handle(NOW, Input::FromBroker(Packet::SubAck(REQUEST, vec![ReasonCode::GrantedQos1; len])));
    }
    effects(&mut machine);
    // They are there now, as long as the session is.
    machine.handle(NOW, Input::BrokerGone("cut".into()));
    reconnect(&mut machine, true);
    assert_eq!(after(&mut machine, NOW, Input::FromCore(connack(true))), joined);
    machine.handle(NOW, Input::BrokerGone("cut".into()));
    reconnect(&mut machine, false);
    assert_eq!(lens(&after(&mut machine, NOW, Input::FromCore(connack(true)))), [8]);
}

fn reconnect(machine: &mut Machine, session_present: bool) {
    let due = machine.poll_timeout().unwrap();
    machine.handle_timeout(due);
    machine.handle(due, Input::Dialed);
    machine.handle(due, Input::FromBroker(connack(session_present)));
    effects(machine);
}

#[test]
fn a_connection_that_breaks_ends_at_both_sides_and_is_tried_again() {
    let (mut machine, _) = joined(Version::V5, true);
    assert!(machine.counts().joined);
    let ended = after(&mut machine, NOW, Input::BrokerGone("cut".into()));
    let [Effect::HangUp, Effect::Leave, Effect::Tell(News::Lost { why, pause })] = &ended[..] else {
        panic!("{ended:?}")
    };
    assert_eq!(why, "cut");
    assert_eq!(machine.poll_timeout(), Some(NOW + *pause));
    assert!(!machine.counts().joined);
    machine.handle_timeout(NOW + *pause);
    assert_eq!(effects(&mut machine), [Effect::Dial { as_bridge: true }]);
}

#[test]
fn a_broker_that_never_answers_is_given_up() {
    let mut machine = greeting(settings(Version::V5));
    let due = machine.poll_timeout().unwrap();
    assert_eq!(due, NOW + GREETING);
    machine.handle_timeout(due);
    assert!(matches!(&effects(&mut machine)[..], [Effect::HangUp, Effect::Tell(News::Lost { .. })]));
}

#[test]
fn a_silent_broker_is_asked_and_then_given_up() {
    let (mut machine, _) = joined(Version::V5, true);
    let ping = machine.poll_timeout().unwrap();
    machine.handle_timeout(ping);
    assert_eq!(effects(&mut machine), [Effect::ToBroker(Packet::PingReq)]);
    let dead = machine.poll_timeout().unwrap();
    machine.handle_timeout(dead);
    assert_eq!(effects(&mut machine)[..2], [Effect::HangUp, Effect::Leave]);
}

#[test]
fn a_broker_that_does_not_know_bridges_sees_a_client() {
    let refused = Input::FromBroker(refusal(ReasonCode::UnsupportedProtocolVersion));
    for (input, for_ever) in [(refused, true), (Input::BrokerGone("closed".into()), false)] {
        let mut machine = greeting(settings(Version::V3));
        machine.handle(NOW, input);
        effects(&mut machine);
        let due = machine.poll_timeout().unwrap();
        machine.handle_timeout(due);
        assert_eq!(effects(&mut machine), [Effect::Dial { as_bridge: false }]);
        machine.handle(due, Input::Dialed);
        machine.handle(due, Input::FromBroker(connack(true)));
        machine.handle(due, Input::BrokerGone("cut".into()));
        effects(&mut machine);
        machine.handle_timeout(machine.poll_timeout().unwrap());
        // Who has only hung up may have had another reason.
        assert_eq!(effects(&mut machine), [Effect::Dial { as_bridge: !for_ever }]);
    }
}

#[test]
fn a_refusal_is_told_by_its_name() {
    let mut machine = greeting(settings(Version::V5));
    let told = after(&mut machine, NOW, Input::FromBroker(refusal(ReasonCode::NotAuthorized)));
    let [Effect::HangUp, Effect::Tell(News::Lost { why, .. })] = &told[..] else { panic!("{told:?}") };
    assert_eq!(why, "refused: NotAuthorized");
}

#[test]
fn messages_of_an_earlier_configuration_are_acknowledged_and_go_nowhere() {
    let (mut machine, _) = joined(Version::V5, true);
    for (qos, ack) in [
        (Qos::AtMostOnce, None),
        (Qos::AtLeastOnce, Some(Packet::PubAck(id(5).into()))),
        (Qos::ExactlyOnce, Some(Packet::PubRec(id(5).into()))),
    ] {
        let packet_id = if qos == Qos::AtMostOnce { 0 } else { 5 };
        let unmapped = |topic: &str| Effect::Tell(News::Unmapped { topic: topic.into() });
        let inward = after(&mut machine, NOW, Input::FromBroker(publish("other", qos, packet_id)));
        let expected: Vec<_> = ack.clone().map(Effect::ToBroker).into_iter().chain([unmapped("other")]).collect();
        assert_eq!(inward, expected);
        let out = after(&mut machine, NOW, Input::FromCore(publish("old/1", qos, packet_id)));
        let expected: Vec<_> = ack.map(Effect::ToCore).into_iter().chain([unmapped("old/1")]).collect();
        assert_eq!(out, expected);
    }
    assert_eq!(machine.counts().unmapped, 6);
}

#[test]
fn a_message_that_the_other_broker_refuses_is_done_and_told() {
    let (mut machine, _) = joined(Version::V5, true);
    let code = ReasonCode::QuotaExceeded;
    let ack = Packet::PubAck(gateway_core::mqtt::Ack { id: id(4), code });
    let told = after(&mut machine, NOW, Input::FromBroker(ack.clone()));
    assert_eq!(told, [Effect::Tell(News::MessageRefused { code }), Effect::ToCore(ack)]);
    assert_eq!(machine.counts().refused, 1);
}

/// A machine that has joined a broker which says this of itself.
fn joined_with(properties: ConnAckProperties) -> Machine {
    let mut machine = greeting(settings(Version::V5));
    let answer = ConnAck { session_present: true, properties, ..ConnAck::default() };
    machine.handle(NOW, Input::FromBroker(Packet::ConnAck(Box::new(answer))));
    machine.handle(NOW, Input::FromCore(connack(true)));
    effects(&mut machine);
    machine
}

#[test]
fn a_message_is_as_long_as_it_is_at_the_other_broker() {
    // "site/up/1" is longer than "up/1": 17 octets instead of 12.
    for (longest, fits) in [(16, false), (17, true)] {
        let maximum_packet_size = NonZeroU32::new(longest);
        let mut machine = joined_with(ConnAckProperties { maximum_packet_size, ..ConnAckProperties::default() });
        let told = after(&mut machine, NOW, Input::FromCore(publish("up/1", Qos::ExactlyOnce, 9)));
        assert_eq!(
            (told.len(), machine.counts().out, machine.counts().refused),
            if fits { (1, 1, 0) } else { (2, 0, 1) }
        );
        let code = ReasonCode::PacketTooLarge;
        let refusal = Effect::ToCore(Packet::PubRec(Ack { id: id(9), code }));
        assert_eq!(told.contains(&refusal), !fits, "{told:?}");
    }
}

#[test]
fn a_broker_without_qos_2_gets_qos_1_and_the_core_its_pubrec_and_pubcomp() {
    let maximum_qos = Some(Qos::AtLeastOnce);
    let mut machine = joined_with(ConnAckProperties { maximum_qos, ..ConnAckProperties::default() });
    let out = after(&mut machine, NOW, Input::FromCore(publish("up/1", Qos::ExactlyOnce, 9)));
    assert_eq!(out, [Effect::ToBroker(publish("site/up/1", Qos::AtLeastOnce, 9))]);
    let told = after(&mut machine, NOW, Input::FromBroker(Packet::PubAck(id(9).into())));
    assert_eq!(told, [Effect::ToCore(Packet::PubRec(id(9).into()))]);
    let told = after(&mut machine, NOW, Input::FromCore(Packet::PubRel(id(9).into())));
    assert_eq!(told, [Effect::ToCore(Packet::PubComp(id(9).into()))]);
    machine.handle(NOW, Input::FromCore(publish("up/1", Qos::AtLeastOnce, 10)));
    effects(&mut machine);
    let told = after(&mut machine, NOW, Input::FromBroker(Packet::PubAck(id(10).into())));
    assert_eq!(told, [Effect::ToCore(Packet::PubAck(id(10).into()))]);
}

#[test]
fn a_broker_with_qos_0_only_acknowledges_nothing() {
    let maximum_qos = Some(Qos::AtMostOnce);
    let mut machine = joined_with(ConnAckProperties { maximum_qos, ..ConnAckProperties::default() });
    for (qos, ack) in
        [(Qos::AtLeastOnce, Packet::PubAck(id(9).into())), (Qos::ExactlyOnce, Packet::PubRec(id(9).into()))]
    {
        let out = after(&mut machine, NOW, Input::FromCore(publish("up/1", qos, 9)));
        assert_eq!(out, [Effect::ToBroker(publish("site/up/1", Qos::AtMostOnce, 0)), Effect::ToCore(ack)]);
    }
}

#[test]
fn a_broker_without_retained_messages_is_not_asked_to_retain() {
    let mut machine = joined_with(ConnAckProperties { retain_unavailable: true, ..ConnAckProperties::default() });
    let retained = Publish::new("up/1".into(), "x".into(), Qos::AtMostOnce, true, None);
    let out = after(&mut machine, NOW, Input::FromCore(Packet::Publish(retained)));
    assert_eq!(out, [Effect::ToBroker(publish("site/up/1", Qos::AtMostOnce, 0))]);
}

#[test]
fn a_subscription_that_was_refused_is_asked_for_again_at_the_next_connection() {
    let (mut machine, _) = joined(Version::V5, true);
    for code in [ReasonCode::NotAuthorized, ReasonCode::GrantedQos2] {
        let asked = after(&mut machine, NOW, Input::FromCore(connack(true)));
        assert!(matches!(&asked[..], [Effect::ToBroker(Packet::Subscribe(_))]), "{asked:?}");
        machine.handle(NOW, Input::FromBroker(Packet::SubAck(REQUEST, vec![code])));
        machine.handle(NOW, Input::BrokerGone("cut".into()));
        effects(&mut machine);
        reconnect(&mut machine, true);
    }
    let asked = after(&mut machine, NOW, Input::FromCore(connack(true)));
    assert_eq!(asked, [Effect::Tell(News::Joined { session_present: true })]);
}

#[test]
fn a_suback_to_nothing_that_was_asked_ends_the_connection() {
    for (packet_id, codes) in [(id(7), 1), (REQUEST, 2), (REQUEST, 0)] {
        let (mut machine, _) = joined(Version::V5, true);
        machine.handle(NOW, Input::FromCore(connack(true)));
        effects(&mut machine);
        let suback = Packet::SubAck(packet_id, vec![ReasonCode::GrantedQos2; codes]);
        let told = after(&mut machine, NOW, Input::FromBroker(suback));
        assert_eq!(told[..2], [Effect::HangUp, Effect::Leave], "{packet_id} with {codes} codes");
    }
}

#[test]
fn a_session_that_was_dropped_here_is_forgotten_there() {
    let (mut machine, _) = joined(Version::V5, true);
    let told = after(&mut machine, NOW, Input::FromCore(connack(false)));
    assert_eq!(told[..2], [Effect::HangUp, Effect::Leave]);
    let clean_start = |machine: &mut Machine| {
        let due = machine.poll_timeout().unwrap();
        machine.handle_timeout(due);
        effects(machine);
        match &after(machine, due, Input::Dialed)[..] {
            [Effect::ToBroker(Packet::Connect(connect))] => connect.clean_start,
            other => panic!("{other:?}"),
        }
    };
    assert!(clean_start(&mut machine));
    machine.handle(NOW, Input::FromBroker(connack(false)));
    machine.handle(NOW, Input::FromCore(connack(true)));
    machine.handle(NOW, Input::BrokerGone("cut".into()));
    effects(&mut machine);
    assert!(!clean_start(&mut machine), "once");
}

/// Of MQTT 3.1.1 a session that began clean ends with its connection.
#[test]
fn over_3_1_1_a_connection_makes_the_other_broker_forget_and_the_next_one_stays() {
    let (mut machine, _) = joined(Version::V3, true);
    machine.handle(NOW, Input::FromCore(connack(false)));
    effects(&mut machine);
    let due = machine.poll_timeout().unwrap();
    machine.handle_timeout(due);
    effects(&mut machine);
    let clean_start = |effects: &[Effect]| match effects {
        [Effect::ToBroker(Packet::Connect(connect))] => connect.clean_start,
        other => panic!("{other:?}"),
    };
    assert!(clean_start(&after(&mut machine, due, Input::Dialed)));
    let told = after(&mut machine, due, Input::FromBroker(connack(false)));
    let goodbye = Effect::ToBroker(Packet::Disconnect(Disconnect::default()));
    assert_eq!(told, [goodbye, Effect::HangUp, Effect::Dial { as_bridge: true }]);
    assert!(!clean_start(&after(&mut machine, due, Input::Dialed)));
    let told = after(&mut machine, due, Input::FromBroker(connack(false)));
    assert_eq!(connect_to_core(&told).login, Login::Bridge { new_peer: true });
}

#[test]
fn what_is_retained_goes_again_at_qos_0_unless_it_may_be_newer_there() {
    let mut settings = settings(Version::V5);
    settings.topics.push(rule("both/#", Direction::Both, Qos::AtMostOnce, "site/"));
    let mut machine = greeting(settings);
    let told = after(&mut machine, NOW, Input::FromBroker(connack(true)));
    let (again, not) = (RetainHandling::Send, RetainHandling::SendIfNew);
    assert_eq!(subscribe_to_core(&told), [("up/#", not), ("now/#", again), ("both/#", not)]);
}

#[test]
fn when_the_gateway_stops_the_other_broker_hears_a_disconnect() {
    let (mut machine, _) = joined(Version::V5, true);
    let last = after(&mut machine, NOW, Input::CoreGone { stopping: true });
    let disconnect = Effect::ToBroker(Packet::Disconnect(Disconnect::default()));
    assert_eq!(last, [disconnect, Effect::HangUp, Effect::Leave, Effect::End]);
    assert_eq!(machine.poll_timeout(), None);
}
