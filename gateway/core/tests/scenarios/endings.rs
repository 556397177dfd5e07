//! What a session still has when it ends is counted, message by message, unless its client wanted it to end.

use crate::common::sn::{DISCONNECT, connect, pingreq, pubrec, regack, resume, sleep, subscribe};
use crate::common::{Rig, port};
use gateway_core::{ConnId, DropReason, Event};
use sn_codec::{Message, Qos};
use sn_types::PeerAddr;
use std::time::Duration;

const NODE: PeerAddr = port(1);

/// A node that has connected so, sleeps for ten minutes, and has three messages waiting: of QoS 0, 1 and 2.
fn mailbox_of(connected: Message<'_>) -> Rig {
    let mut rig = Rig::with(|config| config.session_expiry = Some(Duration::from_secs(3_600)));
    rig.send(NODE, connected);
    rig.send(NODE, subscribe(Qos::Two, 1, "t/#"));
    rig.send(NODE, sleep(600));
    rig.heard(NODE);
    for (qos, topic) in [(0, "t/0"), (1, "t/1"), (2, "t/2")] {
        rig.publish(qos, topic, "x");
    }
    assert_eq!(rig.waiting("node"), 3);
    rig
}

/// All that was dropped, by reason.
fn dropped(rig: &Rig) -> Vec<(DropReason, u64)> {
    rig.core.stats().drops.clone().into_iter().collect()
}

#[test]
fn what_waits_in_a_session_that_expires() {
    let mut rig = mailbox_of(resume("node"));
    rig.wait_s(3_600);
    assert_eq!(dropped(&rig), [], "it is lost, and may come back");
    rig.watch("$SYS/broker/drops/#");
    rig.wait_s(3_600);
    assert_eq!(rig.client("node"), None);
    assert_eq!(dropped(&rig), [(DropReason::SessionExpired, 3)]);
    assert_eq!(rig.watched(), ["q0 $SYS/broker/drops/session-expired '3'"]);
}

#[test]
fn what_waits_for_a_node_that_is_lost_with_its_session() {
    let mut rig = mailbox_of(connect("node"));
    rig.wait_s(3_600);
    assert_eq!(rig.client("node"), None);
    assert_eq!(dropped(&rig), [(DropReason::SessionExpired, 3)]);
}

#[test]
fn what_waits_in_a_session_that_the_operator_drops() {
    let mut rig = mailbox_of(resume("node"));
    assert!(rig.operate(|now, core| core.drop_session(now, "node")));
    assert_eq!(dropped(&rig), [(DropReason::SessionDropped, 3)]);
}

#[test]
fn what_waits_in_a_session_in_whose_place_the_client_begins_a_new_one() {
    let mut rig = mailbox_of(resume("node"));
    rig.send(NODE, connect("node"));
    assert_eq!(rig.waiting("node"), 0);
    assert_eq!(dropped(&rig), [(DropReason::SessionReplaced, 3)]);
}

/// Over the other protocol, too.
#[test]
fn what_waits_in_a_session_that_ends_when_it_is_taken_over() {
    let mut rig = mailbox_of(connect("node"));
    rig.mqtt_connect(ConnId(2), "node");
    assert_eq!(dropped(&rig), [(DropReason::SessionReplaced, 3)]);
}

/// However many they are.
#[test]
fn what_waits_is_one_event_with_how_many_of_each_topic() {
    let mut rig = mailbox_of(resume("node"));
    (0..1_000).for_each(|_| rig.publish(1, "t/1", "x"));
    rig.operate(|now, core| core.drop_session(now, "node"));
    let messages = [("t/0", 1), ("t/1", 1_001), ("t/2", 1)].map(|(topic, count)| (topic.into(), count)).into();
    assert_eq!(
        rig.drop_events(),
        [Event::LeftOver { client_id: "node".into(), reason: DropReason::SessionDropped, messages }]
    );
    assert_eq!(dropped(&rig), [(DropReason::SessionDropped, 1_003)]);
}

#[test]
fn what_its_client_wanted_to_end_is_not_counted() {
    let mut rig = mailbox_of(connect("node"));
    rig.send(NODE, DISCONNECT);
    assert_eq!(rig.client("node"), None);
    assert_eq!(dropped(&rig), []);
}

#[test]
fn what_the_client_has_is_not_counted_and_what_it_has_not_acknowledged_is() {
    let mut rig = mailbox_of(resume("node"));
    rig.send(NODE, pingreq("node"));
    rig.send(NODE, regack(1, 1));
    let heard = rig.ask(NODE, regack(2, 2));
    assert_eq!(heard[1], "PUBLISH q0 id=1 'x'");
    assert_eq!(heard.last().map(String::as_str), Some("PUBLISH q1 id=2 mid=3 'x'"), "{heard:?}");
    rig.operate(|now, core| core.drop_session(now, "node"));
    assert_eq!(dropped(&rig), [(DropReason::SessionDropped, 2)]);

    let mut rig = Rig::new();
    rig.send(NODE, resume("node"));
    rig.send(NODE, subscribe(Qos::Two, 1, "t"));
    rig.heard(NODE);
    rig.publish(2, "t", "x");
    assert_eq!(rig.ask(NODE, pubrec(1)), ["PUBLISH q2 id=1 mid=1 'x'", "PUBREL mid=1"]);
    rig.operate(|now, core| core.drop_session(now, "node"));
    assert_eq!(dropped(&rig), []);
}
