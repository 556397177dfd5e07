//! Radio nodes: the list, what a name is good for, and frame counters that never come twice.

use crate::common::access::allow;
use crate::common::sn::{
    DISCONNECT, PINGREQ, connect, connect_with_will, publish, register, resume, will_msg, will_topic,
};
use crate::common::{Rig, TRANSPORT, has_store, port};
use gateway_core::{
    Action, Actions, Admission, ClientState, ConnId, Input, NewNode, NodeError, NodeReport, Origin, PeerRule,
    RejectReason, StorageState, skip_counters,
};
use sn_codec::Qos;
use sn_types::{Eui64, Heard, LinkAddr, LinkKey, LinkProfile, PeerAddr, Relay, Signal, TransportId, Way};

const ADDR: Eui64 = Eui64([0, 0x12, 0x4B, 0, 0, 0, 0, 1]);
const OTHER: Eui64 = Eui64([0, 0x12, 0x4B, 0, 0, 0, 0, 2]);
const NODE: PeerAddr = PeerAddr::direct(TRANSPORT, LinkAddr::Eui64(ADDR.0));
/// A radio on which keys prove who a node is.
const SECURED: LinkProfile = LinkProfile { authenticated: true, broadcast: false, ..LinkProfile::UDP };

/// It is two hops away.
const RELAY: Relay = Relay { router: Eui64([9; 8]), hops: 2 };
const WAY: Way = Way { router: Some(RELAY.router), udp_port: Some(61_616) };

fn new(node: Eui64, name: &str) -> NewNode {
    NewNode { node, name: name.into(), key: Some(LinkKey([7; 16])), added_s: 1_800_000_000 }
}

/// A gateway with one listed node.
fn rig() -> Rig {
    let mut rig = Rig::new();
    // From an empty store.
    rig.restart(|_| {});
    rig.link(SECURED);
    add(&mut rig, ADDR, "pump");
    rig
}

fn add(rig: &mut Rig, node: Eui64, name: &str) {
    rig.operate(|now, core| core.add_node(now, new(node, name))).expect("a new node");
}

/// The transport has accepted a frame; its datagram comes next.
fn frame(rig: &mut Rig, counter: u32) {
    let (signal, relay) = (Signal { rssi_dbm: Some(-60), lqi: Some(200) }, Some(RELAY));
    let heard = Heard { signal, relay, frames: 1, ..Heard::default() };
    let report = NodeReport { node: ADDR, counter: Some(counter), spoke: true, heard, way: WAY };
    rig.input(Input::Node { transport: TRANSPORT, report });
}

fn stored_counter(rig: &mut Rig) -> Option<u32> {
    rig.restart(|_| {});
    rig.core.node_entry(ADDR).expect("it is on the list").counter
}

#[test]
fn what_comes_from_a_revoked_node_is_dropped_and_counted_and_its_session_is_gone() {
    let mut rig = rig();
    rig.watch("#");
    assert_eq!(rig.ask(NODE, connect_with_will("node")), ["WILLTOPICREQ"]);
    assert_eq!(rig.ask(NODE, will_topic("gone")), ["WILLMSGREQ"]);
    assert_eq!(rig.ask(NODE, will_msg("bye")), ["CONNACK 00"]);
    rig.operate(|now, core| core.revoke_node(now, ADDR)).expect("it is on the list");
    assert_eq!(rig.heard(NODE), [""; 0], "nothing is said to it");
    assert!(rig.client("node").is_none());
    assert_eq!(rig.watched(), ["q1 gone 'bye'"]);
    assert_eq!(rig.ask(NODE, connect("node")), [""; 0]);
    assert_eq!(rig.rejects(RejectReason::Revoked), 1);
    let [node] = &rig.core.nodes()[..] else { panic!("it stays on the list") };
    assert!(node.revoked && node.client.is_none());
    rig.operate(|now, core| core.remove_node(now, ADDR)).expect("it is on the list");
    assert_eq!(rig.ask(NODE, connect("node")), ["CONNACK 00"], "this gateway lets strangers in");
}

#[test]
fn a_session_that_is_kept_of_a_revoked_node_is_forgotten_too() {
    let mut rig = rig();
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00"]);
    rig.operate(|now, core| core.revoke_node(now, ADDR)).expect("it is on the list");
    assert!(rig.client("node").is_none());
    if has_store() {
        rig.restart(|_| {});
        assert!(rig.client("node").is_none() && rig.core.node_entry(ADDR).expect("it is on the list").revoked);
        assert_eq!(rig.ask(NODE, connect("node")), [""; 0]);
    }
}

/// Two nodes, each with a session "NAME-before" whose address its session "NAME-now" has taken.
fn with_displaced_sessions(rig: &mut Rig) {
    add(rig, OTHER, "valve");
    let other = PeerAddr::direct(TRANSPORT, LinkAddr::Eui64(OTHER.0));
    for (node, name) in [(NODE, "pump"), (other, "valve")] {
        assert_eq!(rig.ask(node, resume(&format!("{name}-before"))), ["CONNACK 00"]);
        assert_eq!(rig.ask(node, resume(&format!("{name}-now"))), ["CONNACK 00"]);
    }
}

fn has_sessions(rig: &Rig, clients: [&str; 4]) -> [bool; 4] {
    clients.map(|client| rig.core.client(client).is_some())
}

#[test]
fn a_session_whose_address_another_one_uses_is_forgotten_with_its_node() {
    let mut rig = rig();
    with_displaced_sessions(&mut rig);
    rig.operate(|now, core| core.revoke_node(now, ADDR)).expect("it is on the list");
    let clients = ["pump-before", "pump-now", "valve-before", "valve-now"];
    assert_eq!(has_sessions(&rig, clients), [false, false, true, true]);
}

#[test]
fn a_session_that_may_be_another_nodes_survives_the_end_of_a_node() {
    let mut rig = Rig::with(|config| {
        config.peers = vec![PeerRule { name: None, from: None, client: None, user: "field".into() }];
    });
    rig.link(SECURED);
    add(&mut rig, ADDR, "pump");
    with_displaced_sessions(&mut rig);
    rig.operate(|now, core| core.revoke_node(now, ADDR)).expect("it is on the list");
    let clients = ["pump-before", "pump-now", "valve-before", "valve-now"];
    assert_eq!(has_sessions(&rig, clients), [true, false, true, true]);
}

#[test]
fn a_session_that_may_be_of_somebody_on_no_radio_survives_the_end_of_a_node() {
    let mut rig = Rig::with(|config| {
        let rule = |from| PeerRule { name: None, from: Some(from), client: None, user: "field".into() };
        config.peers = vec![rule(Origin::Eui64(ADDR.0)), rule("192.0.2.0/24".parse().expect("a network"))];
    });
    rig.link(SECURED);
    add(&mut rig, ADDR, "pump");
    assert_eq!(rig.ask(port(1), resume("udp-before")), ["CONNACK 00"]);
    assert_eq!(rig.ask(port(1), resume("udp-now")), ["CONNACK 00"]);
    assert_eq!(rig.core.client("udp-before").expect("a session").user.as_deref(), Some("field"));
    rig.operate(|now, core| core.revoke_node(now, ADDR)).expect("it is on the list");
    assert!(rig.client("udp-before").is_some() && rig.client("udp-now").is_some());
}

#[test]
fn a_session_that_may_be_of_somebody_on_another_transport_survives_the_end_of_a_node() {
    let mut rig = rig();
    let elsewhere = TransportId(TRANSPORT.0 + 1);
    rig.core.add_transport(rig.now, elsewhere, LinkProfile::UDP);
    let admission = Admission { user: Some("pump".into()), anonymous: true };
    rig.core.set_admission(rig.now, elsewhere, admission);
    let line = PeerAddr::direct(elsewhere, LinkAddr::Line);
    assert_eq!(rig.ask(line, resume("line-before")), ["CONNACK 00"]);
    assert_eq!(rig.ask(line, resume("line-now")), ["CONNACK 00"]);
    rig.operate(|now, core| core.revoke_node(now, ADDR)).expect("it is on the list");
    assert!(rig.client("line-before").is_some() && rig.client("line-now").is_some());
}

#[test]
fn a_session_that_has_gone_over_to_mqtt_is_no_nodes_any_more() {
    let mut rig = Rig::new();
    add(&mut rig, ADDR, "pump");
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00"]);
    assert_eq!(rig.ask(NODE, DISCONNECT), ["DISCONNECT"]);
    rig.mqtt_connect(ConnId(7), "node");
    rig.operate(|now, core| core.revoke_node(now, ADDR)).expect("it is on the list");
    assert!(rig.core.client("node").is_some() && !rig.is_closed(ConnId(7)));
}

#[test]
fn on_a_secured_link_a_nodes_name_is_its_user_and_lets_it_in() {
    let everything = || allow("mqtt", Actions::ALL, &["#"]);
    let mut rig = Rig::with(|config| {
        config.access = vec![everything(), allow("pump", Action::Publish, &["pumps/#"])];
    });
    rig.link(SECURED);
    rig.core.set_admission(rig.now, TRANSPORT, Admission { user: None, anonymous: false });
    assert_eq!(rig.ask(NODE, connect("node")), ["CONNACK 03"], "a stranger");
    add(&mut rig, ADDR, "pump");
    assert_eq!(rig.ask(NODE, connect("node")), ["CONNACK 00"]);
    assert_eq!(rig.core.client("node").expect("a session").user.as_deref(), Some("pump"));
    assert_eq!(rig.ask(NODE, register(1, "pumps/a")), ["REGACK id=1 mid=1 00"]);
    // Another name is another user: who has that one may do nothing here.
    rig.operate(|now, core| core.rename_node(now, ADDR, "valve")).expect("a good name");
    assert_eq!(rig.ask(NODE, register(2, "pumps/b")), ["REGACK id=0 mid=2 03"]);
}

#[test]
fn a_session_whose_address_another_one_uses_goes_with_its_nodes_name() {
    let mut rig = rig();
    assert_eq!(rig.ask(NODE, resume("first")), ["CONNACK 00"]);
    assert_eq!(rig.ask(NODE, resume("second")), ["CONNACK 00"]);
    assert_eq!(rig.ask(port(1), resume("other")), ["CONNACK 00"]);
    rig.operate(|now, core| core.rename_node(now, ADDR, "valve")).expect("a good name");
    let user = |client: &str| rig.core.client(client).expect("a session").user;
    assert_eq!(user("first").as_deref(), Some("valve"));
    assert_eq!((user("second").as_deref(), user("other")), (Some("valve"), None));
    assert_eq!(rig.ask(NODE, resume("first")), ["CONNACK 00"]);
}

#[test]
fn a_table_about_names_says_who_a_listed_node_is_on_any_link() {
    let mut rig = Rig::with(|config| {
        config.peers = vec![PeerRule { name: "pump*".parse().ok(), from: None, client: None, user: "field/%n".into() }];
    });
    add(&mut rig, ADDR, "pump1");
    assert_eq!(rig.ask(NODE, connect("node")), ["CONNACK 00"]);
    assert_eq!(rig.core.client("node").expect("a session").user.as_deref(), Some("field/pump1"));
    assert_eq!(rig.ask(port(1), connect("other")), ["CONNACK 00"]);
    assert_eq!(rig.core.client("other").expect("a session").user, None, "it is not on the list");
}

#[test]
fn names_are_one_level_of_a_topic_and_nobodys_else() {
    let mut rig = rig();
    for name in ["", "a/b", "+", "#", "a*", "a\n", "00:12:4b:00:00:00:00:09", &"x".repeat(65)] {
        assert_eq!(rig.operate(|now, core| core.add_node(now, new(OTHER, name))), Err(NodeError::BadName), "{name}");
    }
    assert_eq!(rig.operate(|now, core| core.add_node(now, new(OTHER, "pump"))), Err(NodeError::NameTaken(ADDR)));
    assert_eq!(rig.operate(|now, core| core.add_node(now, new(ADDR, "valve"))), Err(NodeError::Listed("pump".into())));
    assert_eq!(rig.operate(|now, core| core.rename_node(now, OTHER, "valve")), Err(NodeError::Unknown));
    assert_eq!(rig.operate(|now, core| core.rename_node(now, ADDR, "pump")), Ok(()), "its own");
    assert_eq!((rig.core.find_node("pump"), rig.core.find_node("00124B0000000001")), (Some(ADDR), Some(ADDR)));
    assert_eq!(rig.core.find_node("valve"), None);
}

#[test]
fn listed_nodes_have_a_limit() {
    let mut rig = Rig::with(|config| config.limits.nodes = 1);
    add(&mut rig, ADDR, "pump");
    assert_eq!(rig.operate(|now, core| core.add_node(now, new(OTHER, "valve"))), Err(NodeError::Full(1)));
}

#[test]
fn the_list_tells_what_is_heard_and_who_is_there() {
    let mut rig = rig();
    rig.wait_s(5);
    frame(&mut rig, 1);
    rig.send(NODE, connect("node"));
    let [node] = &rig.core.nodes()[..] else { panic!("one node") };
    assert_eq!((node.name.as_deref(), node.has_key, node.added_s), (Some("pump"), true, Some(1_800_000_000)));
    assert_eq!(node.seen, Some(rig.now));
    assert_eq!(node.heard.map(|(_, heard)| (heard.signal.rssi_dbm, heard.relay)), Some((Some(-60), Some(RELAY))));
    assert_eq!(node.client, Some(("node".into(), ClientState::Active)));
    assert!(!format!("{:?}", rig.core).contains("7, 7, 7"), "the key is not shown");
}

#[test]
fn what_is_acknowledged_is_not_accepted_again_after_a_crash() {
    if !has_store() {
        return;
    }
    let mut rig = rig();
    frame(&mut rig, 1);
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00"]);
    frame(&mut rig, 2);
    assert_eq!(rig.ask(NODE, register(1, "a")), ["REGACK id=1 mid=1 00"]);
    // Nobody subscribes to it: without its counter there would be nothing to write.
    let commits = rig.commits;
    rig.disk_hangs();
    frame(&mut rig, 3);
    assert_eq!(rig.ask(NODE, publish(Qos::One, 1, 2, "x")), [""; 0], "the counter is not on the disk");
    rig.disk(StorageState::Ok);
    assert_eq!(rig.heard(NODE), ["PUBACK id=1 mid=2 00"]);
    assert_eq!(rig.commits, commits + 1);
    assert_eq!(stored_counter(&mut rig), Some(3));
}

#[test]
fn counters_that_nobody_waits_for_cost_one_commit_a_minute() {
    if !has_store() {
        return;
    }
    let mut rig = rig();
    frame(&mut rig, 1);
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00"]);
    let commits = rig.commits;
    for counter in 2..50 {
        frame(&mut rig, counter);
        assert_eq!(rig.ask(NODE, PINGREQ), ["PINGRESP"]);
        rig.wait_s(1);
    }
    assert_eq!(rig.commits, commits);
    rig.wait_s(60);
    assert_eq!(rig.commits, commits + 1);
    assert_eq!(stored_counter(&mut rig), Some(49));
}

#[test]
fn a_node_is_answered_after_a_restart_as_before() {
    if !has_store() {
        return;
    }
    let mut rig = rig();
    let way = |rig: &Rig| rig.core.node_entry(ADDR).expect("it is on the list").way;
    assert_eq!(way(&rig), Way::default(), "it was never heard");
    frame(&mut rig, 1);
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00"]);
    rig.restart(|_| {});
    assert_eq!(way(&rig), WAY);
    rig.link(SECURED);
    let report = NodeReport { node: ADDR, counter: Some(2), spoke: true, heard: Heard::default(), way: Way::default() };
    rig.input(Input::Node { transport: TRANSPORT, report });
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00"]);
    rig.restart(|_| {});
    assert_eq!(way(&rig), Way::default());
}

#[test]
fn whoever_invents_addresses_hides_no_node_that_speaks() {
    let mut rig = rig();
    let hear = |rig: &mut Rig, node| {
        rig.wait_ms(1);
        let report = NodeReport { node, counter: None, spoke: true, heard: Heard::default(), way: Way::default() };
        rig.input(Input::Node { transport: TRANSPORT, report });
    };
    hear(&mut rig, ADDR);
    for invented in 0..3_000_u64 {
        hear(&mut rig, Eui64((1 << 32 | invented).to_be_bytes()));
        if invented % 500 == 0 {
            hear(&mut rig, OTHER);
        }
    }
    let seen: Vec<_> = rig.core.nodes().into_iter().map(|node| node.node).collect();
    assert!(seen.contains(&ADDR) && seen.contains(&OTHER));
    assert_eq!((seen.len(), rig.core.node_counts()), (1 + 1_024, (1, 0, 1_024)));
}

#[test]
fn a_node_with_a_new_key_begins_with_any_counter() {
    if !has_store() {
        return;
    }
    let mut rig = rig();
    frame(&mut rig, 1_000);
    assert_eq!(rig.ask(NODE, connect("node")), ["CONNACK 00"]);
    rig.disk_hangs();
    rig.operate(|now, core| core.remove_node(now, ADDR)).expect("it is on the list");
    rig.operate(|now, core| core.add_node(now, new(ADDR, "pump"))).expect("it is not on the list any more");
    rig.disk(StorageState::Ok);
    assert_eq!(stored_counter(&mut rig), None);
}

#[test]
fn frame_counters_to_send_with_are_on_the_disk_before_they_are_used_and_never_come_twice() {
    let mut rig = rig();
    rig.disk_hangs();
    rig.input(Input::CountersWanted { transport: TRANSPORT });
    assert!(rig.counters.is_empty());
    rig.disk(StorageState::Ok);
    if !has_store() {
        return assert!(rig.counters.is_empty(), "they would come again after the next start");
    }
    rig.input(Input::CountersWanted { transport: TRANSPORT });
    assert_eq!(rig.counters, [0..4_096, 4_096..8_192]);
    // The process is killed while a block is being reserved; the disk may have that, and nobody was given it.
    rig.disk_hangs();
    rig.input(Input::CountersWanted { transport: TRANSPORT });
    rig.forget_unwritten();
    rig.restart(|_| {});
    rig.input(Input::CountersWanted { transport: TRANSPORT });
    assert_eq!(rig.counters.last(), Some(&(8_192..12_288)));
}

#[test]
fn a_restored_backup_goes_on_behind_the_counters_that_were_used_since() {
    if !has_store() {
        return;
    }
    let mut rig = rig();
    rig.input(Input::CountersWanted { transport: TRANSPORT });
    for (used, next) in [(0, 4_096 + (1 << 24)), (1 << 30, 4_096 + (1 << 24) + (1 << 30)), (u32::MAX, u32::MAX)] {
        let mut records = rig.core.snapshot();
        skip_counters(&mut records, used);
        let mut restored = Rig::new();
        restored.store = records.into_iter().map(|record| (record.key, record.value.expect("no deletion"))).collect();
        restored.restart(|_| {});
        restored.input(Input::CountersWanted { transport: TRANSPORT });
        let first = restored.counters.first().map(|block| block.start);
        assert_eq!(first, Some(next).filter(|next| *next < u32::MAX), "none are left behind the last");
    }
}
