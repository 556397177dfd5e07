//! Every limit is reached, answered as stated, and counted: at the gateway and at the client.

use crate::common::sn::{
    DISCONNECT, PINGREQ, connect, connect_with_will, pingreq, predefined, publish, publish_to, pubrel, register,
    resume, search_gw, sleep, subscribe, will_msg, will_topic,
};
use crate::common::{Rig, port};
use gateway_core::{AddressMoves, ClientState, Config, DropReason, Limits, RejectReason, WhenFull};
use sn_codec::{Qos, Topic};
use sn_types::{NodeId, PeerAddr};

const NODE: PeerAddr = port(1);

fn limited(change: impl FnOnce(&mut Limits)) -> Rig {
    Rig::with(|config| change(&mut config.limits))
}

fn connected(change: impl FnOnce(&mut Limits)) -> Rig {
    let mut rig = limited(change);
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00"]);
    rig
}

/// Rejected as often over all senders as of this client.
#[track_caller]
fn counted(rig: &Rig, reason: RejectReason, times: u64) {
    assert_eq!(rig.rejects(reason), times);
    let of_client = rig.client("node").and_then(|client| client.rejects.get(&reason).copied());
    assert_eq!(of_client.map(u64::from), Some(times), "at the client");
}

/// A new limit does not compile here until it is named, and should then have its test below.
#[test]
fn the_defaults() {
    let Limits {
        clients,
        nodes_per_forwarder,
        client_id_len,
        topic_name_len,
        topic_ids_per_client,
        subscriptions_per_client,
        queue_messages,
        queue_bytes,
        total_queue_messages,
        total_queue_bytes,
        retained_messages,
        retained_bytes,
        mqtt_inflight,
        incoming_qos2,
        uncommitted_bytes,
        nodes,
        unknown_sender_answers_per_s,
        search_answers_per_s,
        upstream_connects_per_s,
        upstream_inflight,
    } = Config::default().limits;
    assert_eq!((clients, nodes_per_forwarder, client_id_len, topic_name_len), (100_000, 1_000, 128, 1_024));
    assert_eq!((topic_ids_per_client, subscriptions_per_client), (1_024, 1_024));
    assert_eq!((queue_messages, queue_bytes), (10_000, 16 << 20));
    assert_eq!((total_queue_messages, total_queue_bytes), (10_000_000, 1 << 30));
    assert_eq!((retained_messages, retained_bytes), (1_000_000, 256 << 20));
    assert_eq!((mqtt_inflight, incoming_qos2, uncommitted_bytes), (1_000, 1_000, 256 << 20));
    assert_eq!((nodes, unknown_sender_answers_per_s, search_answers_per_s), (10_000, 1, 10));
    // See upstream.rs.
    assert_eq!((upstream_connects_per_s, upstream_inflight), (100, 20));
}

#[test]
fn clients_connected_or_kept() {
    let mut rig = limited(|limits| limits.clients = 2);
    rig.send(port(1), connect("a"));
    rig.send(port(2), resume("b"));
    rig.send(port(2), DISCONNECT);
    rig.heard(port(1));
    rig.heard(port(2));
    assert_eq!(rig.ask(port(3), connect("c")), ["CONNACK 01"]);
    assert_eq!(rig.ask(port(3), connect_with_will("c")), ["CONNACK 01"]);
    assert_eq!(rig.rejects(RejectReason::ClientLimit), 2);
    assert_eq!(rig.ask(port(2), resume("b")), ["CONNACK 00"], "who has a session may come back");
    assert_eq!(rig.ask(port(1), connect("a")), ["CONNACK 00"], "or start anew");
    rig.send(port(1), DISCONNECT);
    assert_eq!(rig.ask(port(3), connect("c")), ["CONNACK 00"], "a place is free again");
}

#[test]
fn clients_in_the_will_dialogue_count_too() {
    let mut rig = limited(|limits| limits.clients = 2);
    rig.send(port(1), connect("a"));
    assert_eq!(rig.ask(port(2), connect_with_will("b")), ["WILLTOPICREQ"]);
    assert_eq!(rig.ask(port(2), connect_with_will("b")), ["WILLTOPICREQ"], "once");
    assert_eq!(rig.ask(port(3), connect("c")), ["CONNACK 01"]);
    assert_eq!(rig.ask(port(2), will_topic("w")), ["WILLMSGREQ"]);
    assert_eq!(rig.ask(port(2), will_msg("x")), ["CONNACK 00"]);
    assert_eq!(rig.core.clients().count(), 2);
}

#[test]
fn dialogues_of_one_known_client_from_many_addresses_are_bounded() {
    let mut rig = limited(|limits| limits.clients = 10);
    rig.send(port(1), resume("a"));
    let answers = (2..100).map(|n| rig.ask(port(n), connect_with_will("a")).join(""));
    assert_eq!(answers.filter(|answer| answer == "WILLTOPICREQ").count(), 10);
}

#[test]
fn client_id_length() {
    let mut rig = Rig::new();
    assert_eq!(rig.ask(NODE, connect(&"x".repeat(128))), ["CONNACK 00"]);
    assert_eq!(rig.ask(NODE, connect(&"x".repeat(129))), ["CONNACK 03"]);
    assert_eq!(rig.ask(NODE, connect("")), ["CONNACK 03"]);
    assert_eq!(rig.rejects(RejectReason::ClientId), 2);
    assert_eq!(rig.core.clients().count(), 1);
}

#[test]
fn an_empty_client_id_may_be_replaced_by_a_generated_one_for_one_connection() {
    let mut rig = Rig::with(|config| config.generate_client_ids = true);
    assert_eq!(rig.ask(port(1), resume("")), ["CONNACK 00"]);
    assert_eq!(rig.ask(port(2), connect("")), ["CONNACK 00"]);
    assert_eq!(rig.core.clients().count(), 2);
    rig.send(port(1), DISCONNECT);
    rig.send(port(2), DISCONNECT);
    assert_eq!(rig.core.clients().count(), 0, "nobody could come back to such a session");
}

#[test]
fn topic_name_length() {
    let mut rig = connected(|_| {});
    let (longest, too_long) = ("t".repeat(1_024), "t".repeat(1_025));
    assert_eq!(rig.ask(NODE, register(1, &longest)), ["REGACK id=1 mid=1 00"]);
    assert_eq!(rig.ask(NODE, register(2, &too_long)), ["REGACK id=0 mid=2 03"]);
    assert_eq!(rig.ask(NODE, subscribe(Qos::One, 3, &longest)), ["SUBACK q1 id=1 mid=3 00"]);
    assert_eq!(rig.ask(NODE, subscribe(Qos::One, 4, &too_long)), ["SUBACK q0 id=0 mid=4 03"]);
    assert_eq!(rig.ask(NODE, publish_to(Qos::MinusOne, Topic::Name(&too_long), 0, "x")), [""; 0]);
    counted(&rig, RejectReason::TopicName, 2);
    counted(&rig, RejectReason::TopicFilter, 1);
}

#[test]
fn topic_name_length_of_a_will() {
    let mut rig = limited(|limits| limits.topic_name_len = 4);
    rig.send(NODE, connect_with_will("node"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, will_topic("will5")), ["CONNACK 03"]);
    assert_eq!(rig.rejects(RejectReason::TopicName), 1);
}

#[test]
fn topic_ids_per_client() {
    let mut rig = connected(|_| {});
    for n in 1..=1_024 {
        assert_eq!(rig.ask(NODE, register(n, &format!("t/{n}"))), [format!("REGACK id={n} mid={n} 00")]);
    }
    assert_eq!(rig.ask(NODE, register(2_000, "one/more")), ["REGACK id=0 mid=2000 01"]);
    assert_eq!(rig.ask(NODE, register(2_001, "t/7")), ["REGACK id=7 mid=2001 00"], "a known name has its id");
    assert_eq!(rig.ask(NODE, subscribe(Qos::One, 2_002, "one/more")), ["SUBACK q0 id=0 mid=2002 01"]);
    assert_eq!(rig.ask(NODE, subscribe(Qos::One, 2_003, "#")), ["SUBACK q1 id=0 mid=2003 00"]);
    counted(&rig, RejectReason::TopicIdLimit, 2);
    rig.publish(1, "yet/another", "x");
    rig.publish(1, "t/1024", "y");
    assert_eq!(rig.heard(NODE), ["PUBLISH q1 id=1024 mid=1 'y'"], "no id is left for the first");
    assert_eq!(rig.drops(DropReason::TopicIdLimit), 1);
}

#[test]
fn a_refused_subscription_is_none() {
    let mut rig = connected(|limits| limits.topic_ids_per_client = 0);
    assert_eq!(rig.ask(NODE, subscribe(Qos::One, 1, "t")), ["SUBACK q0 id=0 mid=1 01"]);
    rig.publish(1, "t", "x");
    assert_eq!(rig.waiting("node"), 0);
}

#[test]
fn subscriptions_per_client() {
    let mut rig = connected(|limits| limits.subscriptions_per_client = 2);
    rig.send(NODE, subscribe(Qos::One, 1, "a"));
    rig.send(NODE, subscribe(Qos::One, 2, "b/+"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, subscribe(Qos::One, 3, "c")), ["SUBACK q0 id=0 mid=3 01"]);
    assert_eq!(rig.ask(NODE, subscribe(Qos::Zero, 4, "a")), ["SUBACK q0 id=1 mid=4 00"], "a known one changes");
    counted(&rig, RejectReason::SubscriptionLimit, 1);
}

/// `node` sleeps, subscribed to `t`; its queue is full by `policy`.
fn full_queue(policy: WhenFull, change: impl FnOnce(&mut Limits), payloads: &[&str]) -> Rig {
    let mut rig = Rig::with(|config| {
        config.when_full = policy;
        change(&mut config.limits);
    });
    rig.send(NODE, resume("node"));
    rig.send(NODE, subscribe(Qos::One, 1, "t"));
    rig.send(NODE, sleep(600));
    rig.heard(NODE);
    for payload in payloads {
        rig.publish(1, "t", payload);
    }
    rig
}

/// Wakes the node and acknowledges all it gets.
fn collected(rig: &mut Rig) -> Vec<String> {
    let mut payloads = Vec::new();
    let mut told = rig.ask(NODE, PINGREQ);
    while let [publish] = &told[..] {
        let Some((head, payload)) = publish.split_once(" '") else { break };
        payloads.push(payload.trim_end_matches('\'').to_owned());
        let mid = head.rsplit('=').next().unwrap_or_default().parse().expect("a MsgId");
        told = rig.ask(NODE, crate::common::sn::puback(1, mid));
    }
    assert_eq!(told, ["PINGRESP"]);
    payloads
}

#[test]
fn queue_messages() {
    let three = |limits: &mut Limits| limits.queue_messages = 3;
    for (policy, kept) in [(WhenFull::DropNewest, ["1", "2", "3"]), (WhenFull::DropOldest, ["3", "4", "5"])] {
        let mut rig = full_queue(policy, three, &["1", "2", "3", "4", "5"]);
        assert_eq!(rig.drops(DropReason::QueueFull), 2);
        assert_eq!(rig.client("node").unwrap().drops[&DropReason::QueueFull], 2);
        assert_eq!(collected(&mut rig), kept);
    }
}

#[test]
fn queue_bytes() {
    let ten = |limits: &mut Limits| limits.queue_bytes = 10;
    for (policy, kept) in [(WhenFull::DropNewest, ["1234", "5678"]), (WhenFull::DropOldest, ["5678", "90ab"])] {
        let mut rig = full_queue(policy, ten, &["1234", "5678", "90ab"]);
        assert_eq!(rig.drops(DropReason::QueueFull), 1);
        assert_eq!(collected(&mut rig), kept, "topic and payload are 5 octets each");
    }
}

#[test]
fn a_message_that_never_fits_drops_nothing_else() {
    let mut rig =
        full_queue(WhenFull::DropOldest, |limits| limits.queue_bytes = 10, &["1", "far too long for this queue"]);
    assert_eq!(rig.drops(DropReason::QueueFull), 1);
    assert_eq!(collected(&mut rig), ["1"]);
}

#[test]
fn room_is_free_again_after_a_wake() {
    let mut rig = full_queue(WhenFull::DropNewest, |limits| limits.queue_messages = 1, &["1", "2"]);
    assert_eq!(collected(&mut rig), ["1"]);
    rig.publish(1, "t", "3");
    assert_eq!(collected(&mut rig), ["3"]);
}

#[test]
fn incoming_qos_2() {
    let mut rig = connected(|limits| limits.incoming_qos2 = 2);
    rig.send(NODE, register(1, "t"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, publish(Qos::Two, 1, 1, "x")), ["PUBREC mid=1"]);
    assert_eq!(rig.ask(NODE, publish(Qos::Two, 1, 2, "x")), ["PUBREC mid=2"]);
    assert_eq!(rig.ask(NODE, publish(Qos::Two, 1, 3, "x")), ["PUBACK id=1 mid=3 01"]);
    assert_eq!(rig.ask(NODE, publish(Qos::Two, 1, 2, "x")), ["PUBREC mid=2"], "a repetition is no new one");
    counted(&rig, RejectReason::IncomingQos2Limit, 1);
    rig.send(NODE, pubrel(1));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, publish(Qos::Two, 1, 3, "x")), ["PUBREC mid=3"]);
}

#[test]
fn answers_to_unknown_senders() {
    let mut rig = Rig::new();
    for second in 0..3 {
        for _ in 0..5 {
            rig.send(NODE, PINGREQ);
        }
        assert_eq!(rig.heard(NODE), ["DISCONNECT"], "second {second}");
        rig.wait_s(1);
    }
    assert_eq!(rig.rejects(RejectReason::UnknownSender), 15);
    let mut rig = limited(|limits| limits.unknown_sender_answers_per_s = 0);
    assert_eq!(rig.ask(NODE, publish_to(Qos::One, predefined(1), 1, "x")), [""; 0]);
}

#[test]
fn answers_to_searches() {
    let mut rig = limited(|limits| limits.search_answers_per_s = 2);
    for second in 0..3 {
        for _ in 0..5 {
            rig.send(NODE, search_gw(1));
        }
        assert_eq!(rig.heard(NODE), ["GWINFO gw=1", "GWINFO gw=1"], "second {second}");
        assert_eq!(rig.ask(port(2), search_gw(1)), ["GWINFO gw=1"], "another sender has its own");
        rig.wait_s(1);
    }
    assert_eq!(rig.rejects(RejectReason::SearchLimit), 9);
}

#[test]
fn nodes_behind_one_forwarder() {
    let mut rig = limited(|limits| limits.nodes_per_forwarder = 2);
    let behind = |forwarder: u16, id: &[u8]| port(forwarder).behind(NodeId::new(id).expect("a short node id"));
    for (node, id) in [(b"1", "one"), (b"2", "two")] {
        assert_eq!(rig.ask(behind(1, node), resume(id)), ["CONNACK 00"]);
    }
    let third = behind(1, b"3");
    assert_eq!(rig.ask(third, resume("three")), ["CONNACK 01"]);
    assert_eq!(rig.ask(third, connect_with_will("three")), ["CONNACK 01"]);
    assert_eq!(rig.rejects(RejectReason::ForwarderLimit), 2);
    // Those who are there may come again, and others elsewhere: behind another forwarder, or the forwarder itself.
    assert_eq!(rig.ask(behind(1, b"1"), resume("one")), ["CONNACK 00"]);
    assert_eq!(rig.ask(behind(2, b"3"), resume("elsewhere")), ["CONNACK 00"]);
    assert_eq!(rig.ask(port(1), resume("forwarder")), ["CONNACK 00"]);
    // A client that comes under another node id takes its place along, and leaves none to others.
    assert_eq!(rig.ask(third, resume("one")), ["CONNACK 00"]);
    assert_eq!(rig.ask(behind(1, b"1"), resume("three")), ["CONNACK 01"]);
    assert_eq!(rig.ask(behind(1, b"1"), resume("one")), ["CONNACK 00"]);
    // A node in the will dialogue has its place already. When a session is gone, so is its place.
    assert_eq!(rig.ask(behind(2, b"4"), connect_with_will("four")), ["WILLTOPICREQ"]);
    assert_eq!(rig.ask(behind(2, b"5"), resume("five")), ["CONNACK 01"]);
    assert!(rig.core.drop_session(rig.now, "two"));
    assert_eq!(rig.ask(third, resume("three")), ["CONNACK 00"]);
}

#[test]
fn nodes_that_move_behind_one_forwarder_by_pingreq() {
    let mut rig = Rig::with(|config| {
        config.limits.nodes_per_forwarder = 1;
        config.address_moves = AddressMoves::Always;
    });
    let behind = |id: &[u8]| port(9).behind(NodeId::new(id).expect("a short node id"));
    for (at, id) in [(port(1), "one"), (port(2), "two")] {
        assert_eq!(rig.ask(at, resume(id)), ["CONNACK 00"]);
    }
    assert_eq!(rig.ask(behind(b"1"), pingreq("one")), ["PINGRESP"]);
    assert_eq!(rig.ask(behind(b"2"), pingreq("two")), ["DISCONNECT"], "and its CONNECT is refused");
    assert_eq!(rig.rejects(RejectReason::ForwarderLimit), 1);
    assert_eq!(rig.ask(behind(b"2"), pingreq("one")), ["PINGRESP"], "who is there may come under another node id");
    assert_eq!(rig.ask(port(2), pingreq("two")), ["PINGRESP"]);
}

#[test]
fn unacknowledged_messages_to_an_mqtt_client() {
    let mut rig = limited(|limits| limits.mqtt_inflight = 2);
    rig.watch("t");
    for payload in ["1", "2", "3"] {
        rig.publish(1, "t", payload);
    }
    assert_eq!(rig.watched(), ["q1 t '1'", "q1 t '2'"]);
    assert_eq!(rig.waiting("mqtt"), 3, "the third waits");
    assert_eq!(rig.state("mqtt"), ClientState::Active);
}
