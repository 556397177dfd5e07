//! What MQTT clients may do: logins, rules, and whose a session is.

#[path = "common/access.rs"]
mod access;
#[path = "common/mqtt.rs"]
mod mqtt;

use access::{allow, deny};
use gateway_core::mqtt::{Ack, Connect, Disconnect, Login, LoginRefusal, Packet, ReasonCode, Version};
use gateway_core::{AccessRule, Action, Actions, CloseReason, Config, DropReason, Event, Qos, RejectReason};
use mqtt::{Gateway, clean, id, payloads, persistent, qos0, qos1, qos2, retained, subscribe, will};

fn gateway(rules: &[AccessRule]) -> Gateway {
    Gateway::new(config(rules))
}

fn config(rules: &[AccessRule]) -> Config {
    Config { access: rules.to_vec(), ..Config::default() }
}

fn reconfigure(gateway: &mut Gateway, rules: &[AccessRule]) {
    gateway.core.reconfigure(gateway.now, config(rules));
    gateway.carry_out();
}

fn by(user: &str, connect: Connect) -> Connect {
    Connect { login: Login::As(user.into()), ..connect }
}

fn code(gateway: &mut Gateway, conn: u64, connect: Connect) -> ReasonCode {
    match &gateway.exchange(conn, Packet::Connect(Box::new(connect)))[..] {
        [Packet::ConnAck(answer), ..] => answer.code,
        other => panic!("no CONNACK: {other:?}"),
    }
}

#[test]
fn who_cannot_log_in_is_told_why_and_counted() {
    let mut gateway = Gateway::default();
    for (conn, refusal, expected, reason) in [
        (1, LoginRefusal::BadPassword, ReasonCode::BadUserNameOrPassword, RejectReason::BadPassword),
        (2, LoginRefusal::Anonymous, ReasonCode::NotAuthorized, RejectReason::Anonymous),
    ] {
        let connect = Connect { login: Login::Refused(refusal), ..clean("a") };
        assert_eq!(code(&mut gateway, conn, connect), expected);
        assert_eq!(gateway.closed(conn), Some(CloseReason::Refused));
        assert_eq!(gateway.rejects(reason), 1);
    }
    assert_eq!(gateway.core.clients().count(), 0);
}

#[test]
fn a_client_id_may_be_for_one_user_only() {
    let own = AccessRule { client: "%u-*".parse().ok(), ..allow("", Action::Connect, &[]) };
    let mut gateway = gateway(&[own]);
    gateway.connect(1, by("alice", clean("alice-1")));
    for (conn, connect) in [(2, by("bob", clean("alice-2"))), (3, clean("alice-1")), (4, clean("-1"))] {
        assert_eq!(code(&mut gateway, conn, connect), ReasonCode::NotAuthorized);
    }
    assert_eq!(gateway.rejects(RejectReason::NotAllowed), 3);
    assert_eq!(gateway.closed(1), None, "alice stays");
}

#[test]
fn what_may_not_be_published_is_acknowledged_dropped_and_counted() {
    let mut gateway =
        gateway(&[allow("alice", Action::Publish, &["sensors/%c/#"]), allow("watcher", Actions::READ, &["#"])]);
    gateway.connect(1, by("watcher", clean("w")));
    gateway.subscribe(1, "#", Qos::AtLeastOnce);
    gateway.connect(2, by("alice", clean("node7")));
    assert_eq!(gateway.exchange(2, qos1("sensors/node7/temp", "yes", 1)).len(), 1);
    assert_eq!(gateway.exchange(2, qos1("sensors/node8/temp", "no", 2)).len(), 1, "acknowledged");
    assert_eq!(gateway.exchange(2, qos2("sensors/node8/temp", "no", 3)).len(), 1, "acknowledged");
    gateway.send(2, qos0("elsewhere", "no"));
    assert_eq!(payloads(&gateway.received(1)), ["yes"]);
    assert_eq!(gateway.rejects(RejectReason::NotAllowed), 3);
    let rejects = gateway.core.client("node7").unwrap().info.rejects;
    assert_eq!(rejects.get(&RejectReason::NotAllowed), Some(&3), "at the client");
}

#[test]
fn the_operator_is_told_who_may_not_do_what_to_which_topic() {
    let alices = AccessRule { client: "%u-*".parse().ok(), ..allow("alice", Action::Connect, &[]) };
    let mut gateway = gateway(&[allow("alice", Action::Publish, &["up/#"]), alices]);
    code(&mut gateway, 1, by("alice", clean("bob-1")));
    gateway.connect(2, by("alice", clean("alice-1")));
    gateway.exchange(2, qos1("up/a", "yes", 1));
    gateway.exchange(2, qos1("down/a", "no", 2));
    gateway.exchange(2, subscribe(3, &[("$share/group/up/#", Qos::AtMostOnce)]));
    // PUBLISH with QoS -1, to the short topic `ab`.
    gateway.datagram(&[8, 0x0C, 0x62, b'a', b'b', 0, 0, b'x']);
    let denied = gateway.events().into_iter().filter_map(|event| match event {
        Event::Denied { client_id, user, action, topic } => Some((client_id, user, action, topic)),
        _ => None,
    });
    let alice = Some("alice".into());
    let expected = [
        ("bob-1".into(), alice.clone(), Action::Connect, "".into()),
        ("alice-1".into(), alice.clone(), Action::Publish, "down/a".into()),
        ("alice-1".into(), alice, Action::Subscribe, "up/#".into()),
        ("".into(), None, Action::QosMinusOne, "ab".into()),
    ];
    assert_eq!(denied.collect::<Vec<_>>(), expected);
}

#[test]
fn a_subscription_is_granted_unless_nothing_of_it_is_allowed() {
    let mut gateway = gateway(&[
        deny("", Actions::READ, &["a/secret"]),
        allow("alice", Actions::READ, &["a/#"]),
        allow("publisher", Actions::WRITE, &["#"]),
    ]);
    gateway.connect(1, by("alice", clean("a")));
    let all = Qos::AtMostOnce;
    let filters = [("#", all), ("a/+", all), ("b/#", all), ("a/secret", all), ("$SYS/#", all)];
    let refused = ReasonCode::NotAuthorized;
    let codes = vec![ReasonCode::Success, ReasonCode::Success, refused, refused, refused];
    assert_eq!(gateway.exchange(1, subscribe(1, &filters)), [Packet::SubAck(id(1), codes)]);
    assert_eq!(gateway.rejects(RejectReason::NotAllowed), 3);
}

#[test]
fn of_what_a_subscription_selects_comes_what_may_be_received() {
    let mut gateway = gateway(&[
        deny("", Actions::READ, &["a/secret"]),
        allow("alice", Actions::READ, &["a/#"]),
        allow("publisher", Actions::WRITE, &["#"]),
    ]);
    gateway.connect(1, by("alice", clean("a")));
    gateway.connect(2, by("publisher", clean("p")));
    gateway.send(2, retained(qos0("a/kept", "kept")));
    gateway.send(2, retained(qos0("b/kept", "not for alice")));
    gateway.subscribe(1, "#", Qos::AtMostOnce);
    for topic in ["a/x", "a/secret", "b/x"] {
        gateway.send(2, qos0(topic, topic));
    }
    assert_eq!(payloads(&gateway.received(1)), ["kept", "a/x"]);
    assert_eq!(gateway.core.stats().withheld, 3);
}

#[test]
fn the_gateways_own_topics_need_a_rule_of_their_own() {
    let mut gateway = gateway(&[
        allow("operator", Actions::READ, &["$SYS/#"]),
        allow("alice", Actions::READ, &["#", "$SYS/broker/version"]),
    ]);
    for (conn, user, topics) in [(1, "operator", 10..), (2, "alice", 1..)] {
        gateway.connect(conn, by(user, clean(user)));
        gateway.subscribe(conn, "$SYS/broker/#", Qos::AtMostOnce);
        let told = payloads(&gateway.received(conn)).len();
        assert!(topics.contains(&told) && (user != "alice" || told == 1), "{user} is told {told}");
    }
}

#[test]
fn a_will_needs_permission_when_it_is_left_and_when_it_is_published() {
    let rules = [allow("alice", Action::Will, &["will/%u"]), allow("watcher", Actions::READ, &["#"])];
    let mut gateway = gateway(&rules);
    gateway.connect(1, by("watcher", clean("w")));
    gateway.subscribe(1, "#", Qos::AtMostOnce);
    let forbidden = by("alice", Connect { will: will("will/bob", "gone"), ..clean("a") });
    assert_eq!(code(&mut gateway, 2, forbidden), ReasonCode::NotAuthorized);
    let permitted = || by("alice", Connect { will: will("will/alice", "gone"), ..clean("a") });
    gateway.connect(3, permitted());
    gateway.lose(3);
    assert_eq!(payloads(&gateway.received(1)), ["gone"]);

    gateway.connect(4, permitted());
    reconfigure(&mut gateway, &rules[1..]);
    gateway.lose(4);
    assert_eq!(gateway.received(1), []);
    assert_eq!(gateway.rejects(RejectReason::NotAllowed), 2);
}

#[test]
fn new_rules_hold_for_sessions_that_are_there() {
    let publisher = allow("publisher", Actions::WRITE, &["#"]);
    let mut gateway = gateway(&[allow("alice", Actions::READ, &["a", "b"]), publisher.clone()]);
    gateway.connect(1, by("alice", persistent("a")));
    gateway.subscribe(1, "a", Qos::AtLeastOnce);
    gateway.subscribe(1, "b", Qos::AtLeastOnce);
    gateway.send(1, Packet::Disconnect(Disconnect::default()));
    gateway.connect(2, by("publisher", clean("p")));
    gateway.send(2, qos1("a", "a1", 1));
    gateway.send(2, qos1("b", "b1", 2));

    reconfigure(&mut gateway, &[allow("alice", Actions::READ, &["b"]), publisher]);
    assert_eq!(gateway.core.stats().drops.get(&DropReason::NotAllowed), Some(&1), "what waits is dropped");
    gateway.send(2, qos1("a", "a2", 3));
    gateway.send(2, qos1("b", "b2", 4));
    assert!(gateway.connect(3, by("alice", persistent("a"))));
    assert_eq!(payloads(&gateway.received(3)), ["b1", "b2"]);
}

#[test]
fn a_users_session_is_not_for_others() {
    let mut gateway = Gateway::default();
    gateway.connect(1, by("alice", persistent("a")));
    let others = [by("bob", clean("a")), by("bob", persistent("a")), clean("a"), persistent("a")];
    for (conn, connect) in (2..).zip(others) {
        assert_eq!(code(&mut gateway, conn, connect), ReasonCode::NotAuthorized);
        assert_eq!(gateway.closed(conn), Some(CloseReason::Refused));
    }
    assert_eq!(gateway.rejects(RejectReason::OtherUser), 4);
    assert_eq!(gateway.closed(1), None, "alice is not disturbed");
    assert!(gateway.connect(9, by("alice", persistent("a"))), "alice may take over from herself");
}

#[test]
fn a_session_of_nobody_is_for_whoever_logs_in() {
    let mut gateway = Gateway::default();
    gateway.connect(1, persistent("a"));
    assert!(gateway.connect(2, by("alice", persistent("a"))));
    assert_eq!(gateway.core.client("a").unwrap().user.as_deref(), Some("alice"));
}

#[test]
fn who_has_another_password_is_to_log_in_again() {
    let mut gateway = Gateway::default();
    for (conn, user) in [(1, "alice"), (2, "bob")] {
        gateway.connect(conn, by(user, persistent(user)));
    }
    gateway.connect(3, clean("nobody"));
    gateway.core.log_out(gateway.now, &["alice".into()]);
    gateway.carry_out();
    assert_eq!([1, 2, 3].map(|conn| gateway.closed(conn)), [Some(CloseReason::LoggedOut), None, None]);
    assert!(gateway.connect(4, by("alice", persistent("alice"))), "the session is still there");
}

#[test]
fn mqtt_5_says_why() {
    let mut gateway = gateway(&[allow("alice", Action::Publish, &["a"]), allow("watcher", Actions::READ, &["#"])]);
    gateway.connect(1, by("watcher", clean("w")));
    gateway.subscribe(1, "#", Qos::AtMostOnce);
    let alice = || by("alice", Connect { version: Version::V5, ..clean("a") });
    gateway.connect(2, alice());
    let refused = |packet_id| Ack { id: id(packet_id), code: ReasonCode::NotAuthorized };
    assert_eq!(gateway.exchange(2, qos1("b", "no", 1)), [Packet::PubAck(refused(1))]);
    assert_eq!(gateway.exchange(2, qos2("b", "no", 2)), [Packet::PubRec(refused(2))]);
    assert_eq!(gateway.exchange(2, qos2("a", "yes", 2)), [Packet::PubRec(id(2).into())], "the id is free again");
    let codes = vec![ReasonCode::NotAuthorized];
    assert_eq!(gateway.exchange(2, subscribe(3, &[("a", Qos::AtMostOnce)])), [Packet::SubAck(id(3), codes)]);
    let with_will = Connect { will: will("a", "gone"), ..alice() };
    assert_eq!(code(&mut gateway, 3, with_will), ReasonCode::NotAuthorized);
    assert_eq!(payloads(&gateway.received(1)), ["yes"]);
    assert_eq!(gateway.rejects(RejectReason::NotAllowed), 4);
}
