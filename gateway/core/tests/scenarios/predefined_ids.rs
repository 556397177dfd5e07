//! Predefined topic ids that change, over a restart and while the gateway runs.

use crate::common::sn::{pingreq, predefined, puback, publish_to, regack, resume, sleep, subscribe_to};
use crate::common::{Rig, port};
use gateway_core::mqtt::{Packet, PacketId, Subscribe};
use gateway_core::{Config, ConnId};
use sn_codec::{Qos, TopicFilter};
use sn_types::{PeerAddr, TopicId};

const NODE: PeerAddr = port(1);
const WATCHER: ConnId = ConnId(9);
/// The record that says how to read the others, and that of the predefined ids.
const SCHEMA: &[u8] = b"!schema";
const PREDEFINED: &[u8] = b"p";

fn set(config: &mut Config, names: &[(u16, &str)]) {
    config.predefined = names.iter().map(|(id, name)| (TopicId(*id), (*name).to_owned())).collect();
}

/// A node sleeps that has subscribed by predefined id 16, "old", and a message waits for it.
fn rig() -> Rig {
    let mut rig = Rig::with(|config| {
        config.durable = true;
        set(config, &[(16, "old"), (17, "same"), (18, "gone")]);
    });
    rig.restart(|_| {});
    rig.send(NODE, resume("node"));
    rig.send(NODE, subscribe_to(Qos::One, 1, TopicFilter::Predefined(TopicId(16))));
    rig.send(NODE, sleep(600));
    rig.publish(1, "old", "x");
    rig.heard(NODE);
    rig.events();
    rig
}

fn another(config: &mut Config) {
    set(config, &[(16, "new"), (17, "same"), (19, "added")]);
}

const WARNINGS: [&str; 2] = ["16 was 'old', is 'new'", "18 was 'gone', is ''"];

/// The one message that a node was told, and its MsgId, which after a restart is beyond those used before.
#[track_caller]
fn without_mid(told: &[String]) -> (String, u16) {
    let [line] = told else { panic!("one message: {told:?}") };
    let (before, after) = line.split_once("mid=").expect("a MsgId");
    let (mid, rest) = after.split_once(' ').expect("more");
    (format!("{before}{rest}"), mid.parse().expect("a number"))
}

/// The node's subscription and its message stay with the topic, and the id means what it means now.
fn assert_by_name(rig: &mut Rig) {
    let (told, mid) = without_mid(&rig.ask(NODE, pingreq("node")));
    assert_eq!(told, "REGISTER id=1 'old'");
    let (told, mid) = without_mid(&rig.ask(NODE, regack(1, mid)));
    assert_eq!(told, "PUBLISH q1 id=1 'x'");
    assert_eq!(rig.ask(NODE, puback(1, mid)), ["PINGRESP"]);
    rig.mqtt_connect(WATCHER, "watcher");
    let filters = vec![("#".into(), gateway_core::Qos::AtMostOnce.into())];
    rig.mqtt_from(
        WATCHER,
        Packet::Subscribe(Box::new(Subscribe { id: PacketId::MIN, subscription_id: None, filters })),
    );
    rig.send(NODE, resume("node"));
    rig.send(NODE, publish_to(Qos::Zero, predefined(16), 0, "up"));
    assert_eq!(rig.watched(), ["q0 new 'up'"]);
    assert_eq!(rig.heard(NODE), ["CONNACK 00"], "what it publishes to the new topic is not what it subscribed to");
    rig.events();
}

#[test]
fn after_a_restart_ids_that_mean_something_else_are_told_and_subscriptions_stay_with_their_topic() {
    let mut rig = rig();
    rig.restart(another);
    assert_eq!(rig.events(), WARNINGS);
    assert_by_name(&mut rig);
    rig.restart(|_| {});
    assert_eq!(rig.events(), [""; 0], "it is told once");
}

#[test]
fn the_same_holds_while_the_gateway_runs() {
    let mut rig = rig();
    rig.configure(another);
    assert_eq!(rig.events(), WARNINGS);
    assert_by_name(&mut rig);
    rig.restart(|_| {});
    assert_eq!(rig.events(), [""; 0], "the store knows it");
}

#[test]
fn what_has_not_changed_is_neither_told_nor_written_again() {
    let mut rig = rig();
    let before = rig.commits;
    rig.restart(|config| config.predefined.reverse());
    rig.configure(|config| config.predefined.reverse());
    assert_eq!((rig.events(), rig.commits), (Vec::<String>::new(), before + 1), "the MQTT session has lost its link");
    assert_eq!(without_mid(&rig.ask(NODE, pingreq("node"))).0, "PUBLISH q1 pre=16 'x'");
}

#[test]
fn an_id_that_is_new_needs_no_warning() {
    let mut rig = rig();
    rig.restart(|config| config.predefined.push((TopicId(20), "new".into())));
    assert_eq!(rig.events(), [""; 0]);
}

#[test]
fn without_any_id_there_is_no_record() {
    let mut rig = rig();
    assert!(rig.store.contains_key(PREDEFINED));
    rig.restart(|config| config.predefined.clear());
    assert_eq!(rig.events().len(), 3);
    assert!(!rig.store.contains_key(PREDEFINED));
}

/// Layout 1 had no record of the ids: nothing can be told, but nobody is told a topic by the id of another.
#[test]
fn a_store_of_the_layout_before_is_read_and_brought_up_to_date() {
    let mut rig = rig();
    rig.store.remove(PREDEFINED);
    rig.store.insert(SCHEMA.into(), vec![1]);
    rig.restart(another);
    assert_eq!(rig.events(), [""; 0]);
    assert_eq!(rig.store[SCHEMA], [6]);
    assert_by_name(&mut rig);
    rig.restart(|config| set(config, &[(17, "same"), (19, "added")]));
    assert_eq!(rig.events(), ["16 was 'new', is ''"]);
}
