//! What MQTT-SN clients may do: who they are, and the rules. Denials are "not supported", and counted.

use crate::common::access::{allow, deny, peer};
use crate::common::sn::{
    connect, connect_with_will, pingreq, predefined, puback, publish, publish_to, regack, register, resume, short,
    sleep, subscribe, subscribe_to, will_msg, will_topic, will_topic_upd,
};
use crate::common::{Rig, TRANSPORT, port};
use gateway_core::{AccessRule, Action, Actions, AddressMoves, Admission, ClientState, DropReason, RejectReason};
use sn_codec::{Qos, Topic, TopicFilter, TopicId};
use sn_types::PeerAddr;

const NODE: PeerAddr = port(1);

/// The MQTT client may do everything, nodes what `rules` say; they are the user `nodes`.
fn rig(rules: &[AccessRule]) -> Rig {
    let mut rig = unwatched(rules);
    rig.watch("#");
    rig
}

fn unwatched(rules: &[AccessRule]) -> Rig {
    let everything = AccessRule { client: "mqtt".parse().ok(), ..allow("", Actions::ALL, &["#"]) };
    Rig::with(|config| {
        config.access = rules.to_vec();
        config.access.push(everything);
        config.peers = vec![peer("", "", "nodes")];
        config.predefined = vec![(TopicId(16), "pre".into())];
    })
}

fn connected(rules: &[AccessRule]) -> Rig {
    let mut rig = rig(rules);
    assert_eq!(rig.ask(NODE, connect("node")), ["CONNACK 00"]);
    rig
}

/// Denied as often over all senders as of this client.
#[track_caller]
fn counted(rig: &Rig, times: u32) {
    assert_eq!(rig.rejects(RejectReason::NotAllowed), times.into());
    let of_client = rig.client("node").and_then(|client| client.rejects.get(&RejectReason::NotAllowed).copied());
    assert_eq!(of_client, Some(times), "at the client");
}

#[test]
fn a_topic_that_may_not_be_published_to_is_not_registered() {
    let mut rig = connected(&[allow("nodes", Action::Publish, &["up/%c"])]);
    assert_eq!(rig.ask(NODE, register(1, "up/node")), ["REGACK id=1 mid=1 00"]);
    assert_eq!(rig.ask(NODE, register(2, "up/other")), ["REGACK id=0 mid=2 03"]);
    counted(&rig, 1);
}

#[test]
fn a_publish_that_is_denied_is_answered_by_its_qos() {
    let mut rig = connected(&[allow("nodes", Action::Subscribe, &["t"])]);
    assert_eq!(rig.ask(NODE, subscribe(Qos::One, 1, "t")), ["SUBACK q1 id=1 mid=1 00"]);
    assert_eq!(rig.ask(NODE, publish(Qos::Zero, 1, 0, "x")), [""; 0], "QoS 0 is not answered");
    assert_eq!(rig.ask(NODE, publish(Qos::One, 1, 2, "x")), ["PUBACK id=1 mid=2 03"]);
    assert_eq!(rig.ask(NODE, publish(Qos::Two, 1, 3, "x")), ["PUBACK id=1 mid=3 03"]);
    assert_eq!(rig.ask(NODE, publish_to(Qos::One, predefined(16), 4, "x")), ["PUBACK id=16 mid=4 03"]);
    assert_eq!(rig.ask(NODE, publish_to(Qos::One, short("ab"), 5, "x")), ["PUBACK id=24930 mid=5 03"]);
    counted(&rig, 5);
    assert_eq!(rig.watched(), [""; 0]);
}

#[test]
fn a_subscription_is_denied_if_nothing_of_it_is_allowed() {
    let mut rig = connected(&[allow("nodes", Actions::READ, &["down/%c/#"])]);
    assert_eq!(rig.ask(NODE, subscribe(Qos::One, 1, "down/node/+")), ["SUBACK q1 id=0 mid=1 00"]);
    assert_eq!(rig.ask(NODE, subscribe(Qos::One, 2, "#")), ["SUBACK q1 id=0 mid=2 00"]);
    assert_eq!(rig.ask(NODE, subscribe(Qos::One, 3, "down/other/x")), ["SUBACK q0 id=0 mid=3 03"]);
    let predefined = TopicFilter::Predefined(TopicId(16));
    assert_eq!(rig.ask(NODE, subscribe_to(Qos::One, 4, predefined)), ["SUBACK q0 id=0 mid=4 03"]);
    counted(&rig, 2);
    rig.publish(0, "up/x", "no");
    rig.publish(0, "down/node/x", "yes");
    assert_eq!(rig.heard(NODE), ["REGISTER id=1 mid=1 'down/node/x'"]);
    assert_eq!(rig.ask(NODE, regack(1, 1)), ["PUBLISH q0 id=1 'yes'"]);
}

#[test]
fn a_sleepers_mailbox_takes_only_what_it_may_receive() {
    let rules = [deny("nodes", Actions::READ, &["t/2"]), allow("nodes", Actions::READ, &["t/+"])];
    let mut rig = connected(&rules);
    rig.send(NODE, subscribe(Qos::One, 1, "t/+"));
    rig.send(NODE, sleep(600));
    rig.publish(1, "t/1", "1");
    rig.publish(1, "t/2", "2");
    assert_eq!(rig.waiting("node"), 1);
    assert_eq!(rig.core.stats().withheld, 1);
}

#[test]
fn new_rules_hold_for_a_mailbox_that_was_filled_before() {
    let mut rig = connected(&[allow("nodes", Actions::READ, &["t/+"])]);
    rig.send(NODE, subscribe(Qos::One, 1, "t/+"));
    rig.send(NODE, sleep(600));
    rig.publish(1, "t/1", "1");
    rig.publish(1, "t/2", "2");
    rig.heard(NODE);
    rig.configure(|config| config.access.insert(0, deny("nodes", Action::Receive, &["t/1"])));
    assert_eq!(rig.drops(DropReason::NotAllowed), 1);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["REGISTER id=1 mid=1 't/2'"]);
    assert_eq!(rig.ask(NODE, regack(1, 1)), ["PUBLISH q1 id=1 mid=2 '2'"]);
    assert_eq!(rig.ask(NODE, puback(1, 2)), ["PINGRESP"]);
}

#[test]
fn a_will_needs_permission_at_every_step() {
    let mut rig = rig(&[allow("nodes", Action::Will, &["will/%c"])]);
    assert_eq!(rig.ask(NODE, connect_with_will("node")), ["WILLTOPICREQ"]);
    assert_eq!(rig.ask(NODE, will_topic("will/other")), ["CONNACK 03"]);
    rig.send(NODE, connect_with_will("node"));
    assert_eq!(rig.ask(NODE, will_topic("will/node")), ["WILLTOPICREQ", "WILLMSGREQ"]);
    assert_eq!(rig.ask(NODE, will_msg("gone")), ["CONNACK 00"]);
    assert_eq!(rig.ask(NODE, will_topic_upd("will/other")), ["WILLTOPICRESP 03"]);
    rig.wait_s(120);
    assert_eq!(rig.watched(), ["q1 will/node 'gone'"]);
    assert_eq!(rig.rejects(RejectReason::NotAllowed), 2);
}

#[test]
fn a_will_that_is_forbidden_meanwhile_is_not_published() {
    let mut rig = rig(&[allow("nodes", Action::Will, &["will/%c"])]);
    rig.send(NODE, connect_with_will("node"));
    rig.send(NODE, will_topic("will/node"));
    rig.send(NODE, will_msg("gone"));
    rig.configure(|config| config.access.truncate(0));
    rig.configure(|config| config.access.push(allow("", Actions::READ, &["#"])));
    rig.wait_s(120);
    assert_eq!(rig.watched(), [""; 0]);
    assert_eq!(rig.rejects(RejectReason::NotAllowed), 1);
}

/// Cases 9 and 12 of the black-box cases: QoS -1 in each form passes the rules.
#[test]
fn qos_minus_one_has_an_action_of_its_own() {
    let mut rig = rig(&[allow("nodes", Action::QosMinusOne, &["ab", "pre"]), allow("nodes", Action::Publish, &["cd"])]);
    for (topic, passes) in
        [(short("ab"), true), (predefined(16), true), (short("cd"), false), (Topic::Name("a/b"), false)]
    {
        let denied = rig.rejects(RejectReason::NotAllowed);
        assert_eq!(rig.ask(NODE, publish_to(Qos::MinusOne, topic, 0, "x")), [""; 0], "never answered");
        assert_eq!(rig.watched().len(), usize::from(passes), "{topic:?}");
        assert_eq!(rig.rejects(RejectReason::NotAllowed) - denied, u64::from(!passes), "{topic:?}");
    }
}

#[test]
fn qos_minus_one_of_a_client_is_the_clients() {
    let mut rig = rig(&[allow("nodes", Actions::WRITE, &["a%c"])]);
    rig.send(NODE, connect("b"));
    rig.send(NODE, publish_to(Qos::MinusOne, short("ab"), 0, "x"));
    assert_eq!(rig.watched(), ["q0 ab 'x'"]);
    rig.send(port(2), publish_to(Qos::MinusOne, short("ab"), 0, "x"));
    assert_eq!(rig.watched(), [""; 0], "a sender without a session has no client id");
}

// Who a node is

#[test]
fn a_node_is_the_user_of_the_first_rule_that_fits() {
    let mut rig = Rig::with(|config| {
        config.peers = vec![
            peer("pump-*", "192.0.2.0/24", "pumps"),
            peer("", "198.51.100.0/24", "elsewhere"),
            peer("", "", "node-%c"),
        ];
    });
    for (from, id, user) in [(port(1), "pump-1", "pumps"), (port(2), "valve", "node-valve")] {
        rig.send(from, connect(id));
        assert_eq!(rig.core.client(id).unwrap().user.as_deref(), Some(user));
    }
}

#[test]
fn a_node_that_is_nobody_comes_in_only_where_that_is_allowed() {
    let mut rig = Rig::with(|config| config.peers = vec![peer("known", "", "alice")]);
    rig.watch("#");
    let closed = Admission { user: None, anonymous: false };
    rig.core.set_admission(rig.now, TRANSPORT, closed);
    assert_eq!(rig.ask(NODE, connect("stranger")), ["CONNACK 03"]);
    assert_eq!(rig.ask(NODE, connect_with_will("stranger")), ["CONNACK 03"]);
    assert_eq!(rig.ask(NODE, publish_to(Qos::MinusOne, short("ab"), 0, "x")), [""; 0]);
    assert_eq!((rig.rejects(RejectReason::Anonymous), rig.watched().len()), (3, 0));
    assert_eq!(rig.ask(NODE, connect("known")), ["CONNACK 00"]);

    let guests = Admission { user: Some("guests".into()), anonymous: false };
    rig.core.set_admission(rig.now, TRANSPORT, guests);
    assert_eq!(rig.ask(port(2), connect("stranger")), ["CONNACK 00"]);
    assert_eq!(rig.core.client("stranger").unwrap().user.as_deref(), Some("guests"));
    assert_eq!(rig.core.client("known").unwrap().user.as_deref(), Some("alice"));
}

#[test]
fn a_users_session_is_not_for_a_node_that_is_somebody_else() {
    let mut rig = Rig::with(|config| config.peers = vec![peer("", "", "nodes")]);
    rig.mqtt_connect_as("alice", "laptop");
    assert_eq!(rig.ask(NODE, connect("laptop")), ["CONNACK 03"]);
    assert_eq!(rig.ask(NODE, resume("laptop")), ["CONNACK 03"]);
    assert_eq!(rig.rejects(RejectReason::OtherUser), 2);
    assert_eq!(rig.state("laptop"), ClientState::Active);
}

#[test]
fn a_session_that_somebody_else_opens_during_the_will_dialogue_is_not_for_the_node() {
    let mut rig = Rig::with(|config| config.peers = vec![peer("", "", "nodes")]);
    assert_eq!(rig.ask(NODE, connect_with_will("laptop")), ["WILLTOPICREQ"]);
    assert_eq!(rig.ask(NODE, will_topic("w")), ["WILLMSGREQ"]);
    rig.mqtt_connect_as("alice", "laptop");
    assert_eq!(rig.ask(NODE, will_msg("gone")), ["CONNACK 03"]);
    assert_eq!(rig.rejects(RejectReason::OtherUser), 1);
    assert_eq!(rig.core.client("laptop").unwrap().user.as_deref(), Some("alice"));
}

#[test]
fn a_session_does_not_move_to_an_address_of_somebody_else() {
    let mut rig = Rig::with(|config| {
        config.address_moves = AddressMoves::Always;
        config.peers = vec![peer("", "192.0.2.1", "%c"), peer("", "192.0.2.2", "other")];
    });
    rig.send(NODE, resume("node"));
    rig.send(NODE, sleep(600));
    assert_eq!(rig.ask(crate::common::host(2, 1), pingreq("node")), ["DISCONNECT"]);
    assert_eq!(rig.ask(port(2), pingreq("node")), ["PINGRESP"], "another port of the same host");
}

#[test]
fn who_a_client_is_changes_with_the_configuration() {
    let mut rig = Rig::with(|config| config.peers = vec![peer("", "", "nodes")]);
    rig.send(NODE, resume("node"));
    rig.heard(NODE);
    rig.configure(|config| config.peers = vec![peer("", "", "sensors")]);
    assert_eq!(rig.core.client("node").unwrap().user.as_deref(), Some("sensors"));
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00"], "its session is its own still");

    rig.core.set_admission(rig.now, TRANSPORT, Admission { user: None, anonymous: false });
    rig.configure(|config| config.peers.clear());
    assert_eq!(rig.heard(NODE), ["DISCONNECT"]);
    assert_eq!(rig.state("node"), ClientState::Lost);
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 03"]);
}

#[test]
fn whose_a_session_is_survives_a_restart_and_what_waits_is_held_against_the_rules() {
    if !crate::common::has_store() {
        return;
    }
    let mut rig = unwatched(&[allow("nodes", Actions::READ, &["t/+"])]);
    rig.restart(|_| {});
    rig.send(NODE, resume("node"));
    rig.send(NODE, subscribe(Qos::One, 1, "t/+"));
    rig.send(NODE, sleep(600));
    rig.mqtt_connect_as("alice", "laptop");
    rig.publish(1, "t/1", "1");
    rig.publish(1, "t/2", "2");
    rig.restart(|config| config.access.insert(0, deny("", Action::Receive, &["t/1"])));
    assert_eq!((rig.waiting("node"), rig.drops(DropReason::NotAllowed)), (1, 1));
    let user = |id: &str| rig.core.client(id).unwrap().user;
    assert_eq!((user("node").as_deref(), user("laptop").as_deref()), (Some("nodes"), Some("alice")));
}
