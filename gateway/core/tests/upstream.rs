//! Transparent mode in virtual time: sessions of nodes live at another broker, which a second core plays.

#[path = "common/cluster.rs"]
mod cluster;
#[path = "common/habits.rs"]
mod habits;
#[path = "common/records.rs"]
mod records;
#[path = "common/text.rs"]
#[allow(dead_code, reason = "only a part of it is needed here")]
mod text;
#[path = "common/transparent.rs"]
mod transparent;

use cluster::Cluster;
use gateway_core::mqtt::Version;
use gateway_core::{ClientState, Core, Input, Output, Qos, RejectReason, UpstreamState};
use sn_client::{Config, Event, Qos as NodeQos, State, Topic, Will};
use sn_types::{Instant, LinkAddr, PeerAddr, TransportId};
use std::num::NonZeroU16;
use transparent::transparent;

const HOUR: NonZeroU16 = NonZeroU16::new(3_600).unwrap();
const WILL: Will<'static> = Will { topic: "will", message: b"gone", qos: NodeQos::One, retain: false };
const BOTH: [Version; 2] = [Version::V3, Version::V5];

fn node() -> Config<'static> {
    Config { keep_alive_s: 600, ..Config::new("node") }
}

/// A cluster whose node is connected, with a session that is kept, and subscribed to `down/+` at QoS 2.
fn subscribed(version: Version) -> Cluster {
    let mut cluster = Cluster::new(version, Config { will: Some(WILL), ..node() });
    cluster.node.connect(false);
    cluster.until_told(&Event::Connected);
    cluster.node.subscribe(Topic::Name("down/+"), NodeQos::Two).unwrap();
    cluster.until_told(&Event::Subscribed { granted: NodeQos::Two });
    cluster
}

fn publish_down(cluster: &mut Cluster, name: &str) {
    for (qos, payload) in [(Qos::AtLeastOnce, "1"), (Qos::ExactlyOnce, "2")] {
        cluster.publish(qos, &format!("down/{name}"), payload, false);
    }
}

fn publish_up(cluster: &mut Cluster) {
    for (qos, payload) in [(NodeQos::Zero, b"0"), (NodeQos::One, b"1"), (NodeQos::Two, b"2")] {
        cluster.node.publish(Topic::Name("up"), payload, qos, false).unwrap();
        cluster.until("the PUBLISH is done", |cluster| !cluster.node.is_busy());
    }
    cluster.told.clear();
}

/// A node's life with everything in it.
fn live(version: Version, copies: impl FnMut(usize) -> usize + 'static) -> Cluster {
    let mut cluster = Cluster::new(version, Config { will: Some(WILL), ..node() }).lossy(copies);
    cluster.node.connect(true);
    cluster.until_told(&Event::Connected);
    publish_up(&mut cluster);
    cluster.node.subscribe(Topic::Name("down/+"), NodeQos::Two).unwrap();
    cluster.until_told(&Event::Subscribed { granted: NodeQos::Two });
    publish_down(&mut cluster, "active");
    cluster.until("delivered", |cluster| cluster.times("down/active '2'") == 1);
    cluster.node.sleep(HOUR).unwrap();
    cluster.until_told(&Event::Asleep { drained: true });
    cluster.wait_s(1_800);
    publish_down(&mut cluster, "asleep");
    cluster.node.wake().unwrap();
    cluster.until_told(&Event::Asleep { drained: true });
    cluster.wait_s(1_800);
    cluster.node.wake().unwrap();
    cluster.until_told(&Event::Asleep { drained: true });
    cluster.node.connect(false);
    cluster.until_told(&Event::Connected);
    publish_down(&mut cluster, "back");
    cluster.until("delivered", |cluster| cluster.times("down/back '2'") == 1);
    cluster.node.unsubscribe(Topic::Name("down/+")).unwrap();
    cluster.until_told(&Event::Unsubscribed);
    cluster.node.disconnect();
    cluster.until_told(&Event::Disconnected);
    cluster
}

fn check(cluster: &Cluster, lost: &str) {
    assert_eq!(cluster.node.state(), State::Disconnected, "{lost}");
    for name in ["active", "asleep", "back"] {
        let missing = || format!("{lost}: QoS 1 {name}: {:?} {:?}", cluster.messages, cluster.events);
        assert!(cluster.times(&format!("down/{name} '1'")) >= 1, "{}", missing());
        assert_eq!(cluster.times(&format!("down/{name} '2'")), 1, "{lost}: QoS 2 {name}");
    }
    assert!(cluster.seen("q1 up '1'") >= 1, "{lost}: {:?}", cluster.watched);
    assert_eq!(cluster.seen("q2 up '2'"), 1, "{lost}: {:?}", cluster.watched);
    assert_eq!(cluster.seen("q1 will 'gone'"), 0, "{lost}: no will was due");
    assert_eq!(cluster.habits.repeated, 0, "{lost}: a PUBLISH went up twice over one connection");
}

#[test]
fn a_nodes_life() {
    for version in BOTH {
        check(&live(version, |_| 1), "nothing");
    }
}

#[test]
fn one_lost_or_doubled_datagram_anywhere_changes_nothing() {
    for version in BOTH {
        for number in 0..live(version, |_| 1).crossed() {
            check(
                &live(version, move |crossed| usize::from(crossed != number)),
                &format!("{version:?}, lost {number}"),
            );
            let doubled = move |crossed| 1 + usize::from(crossed == number);
            check(&live(version, doubled), &format!("{version:?}, doubled {number}"));
        }
    }
}

#[test]
fn the_broker_sees_the_node_itself() {
    let cluster = subscribed(Version::V5);
    let seen = cluster.broker_knows("node").expect("a session of its own");
    assert_eq!(seen.info.state, ClientState::Active);
    assert_eq!(seen.will_topic.as_deref(), Some("will"));
    assert_eq!(seen.subscriptions, [("down/+".into(), Qos::ExactlyOnce)]);
    assert!(!seen.clean);
    let here = cluster.gateways[0].core.client("node").expect("its side here");
    assert_eq!(here.info.upstream, Some(UpstreamState::Connected));
    assert_eq!(cluster.gateways[0].core.gauges().subscriptions, 0, "nothing is routed here");
}

#[test]
fn a_retained_message_comes_with_the_subscription() {
    let mut cluster = Cluster::new(Version::V3, node());
    cluster.publish(Qos::AtLeastOnce, "down/kept", "x", true);
    cluster.node.connect(true);
    cluster.until_told(&Event::Connected);
    cluster.node.subscribe(Topic::Name("down/+"), NodeQos::One).unwrap();
    cluster.until("delivered", |cluster| cluster.times("down/kept 'x'") == 1);
}

#[test]
fn a_backup_has_nothing_of_what_the_broker_keeps() {
    let mut cluster = subscribed(Version::V5);
    cluster.node.sleep(HOUR).unwrap();
    cluster.until_told(&Event::Asleep { drained: true });
    publish_down(&mut cluster, "asleep");
    cluster.wait_s(5);
    let gateway = &cluster.gateways[0].core;
    assert_eq!(gateway.client("node").map(|node| node.in_flight), Some(2));
    let messages = gateway.snapshot().into_iter().filter(|record| b"fq".contains(&record.key[0]));
    assert_eq!(messages.count(), 0);
}

#[test]
fn a_lost_nodes_will_is_published_by_the_broker_and_one_of_who_says_good_bye_is_not() {
    for version in BOTH {
        let mut cluster = subscribed(version);
        cluster.is_silent = true;
        cluster.until("the will", |cluster| cluster.seen("q1 will 'gone'") == 1);
        assert_eq!(cluster.broker_knows("node").expect("kept").info.state, ClientState::Disconnected);
        assert_eq!(cluster.gateways[0].core.client("node").expect("kept").info.state, ClientState::Lost);

        let mut cluster = subscribed(version);
        cluster.node.disconnect();
        cluster.until_told(&Event::Disconnected);
        cluster.wait_s(3_600);
        assert_eq!(cluster.seen("q1 will 'gone'"), 0);
    }
}

#[test]
fn a_changed_will_is_the_brokers_too() {
    for version in BOTH {
        let mut cluster = subscribed(version);
        cluster.node.update_will_message(b"left").unwrap();
        cluster.until_told(&Event::WillUpdated);
        cluster.wait_s(10);
        assert_eq!(cluster.seen("q1 will 'gone'"), 0, "a change is no loss");
        publish_down(&mut cluster, "after");
        cluster.until("delivered", |cluster| cluster.times("down/after '2'") == 1);
        cluster.is_silent = true;
        cluster.until("the will", |cluster| cluster.seen("q1 will 'left'") == 1);
    }
}

/// Case 13: messages wait at the broker and, as many as it sends at once, at the first gateway; the node wakes at the
/// second one.
fn sleeper_moves(version: Version) -> Cluster {
    let mut cluster = subscribed(version);
    cluster.node.sleep(HOUR).unwrap();
    cluster.until_told(&Event::Asleep { drained: true });
    for number in 0..50 {
        publish_down(&mut cluster, &number.to_string());
    }
    let waiting = cluster.gateways[0].core.client("node").expect("it sleeps here").info.waiting;
    assert!(waiting > 0, "some of it is here");
    cluster.move_to(1);
    cluster.wait_s(60);
    cluster.node.connect(false);
    cluster.until_told(&Event::Connected);
    cluster.until("everything", |cluster| cluster.messages.len() >= 100);
    cluster.wait_s(60);
    cluster
}

#[test]
fn case_13_a_sleeper_wakes_at_another_gateway() {
    for version in BOTH {
        let cluster = sleeper_moves(version);
        for number in 0..50 {
            assert!(cluster.times(&format!("down/{number} '1'")) >= 1, "{number}");
            assert_eq!(cluster.times(&format!("down/{number} '2'")), 1, "{number}");
        }
        assert_eq!(cluster.seen("q1 will 'gone'"), 0, "it is not lost");
        assert_eq!(cluster.broker_knows("node").expect("there").info.waiting, 0);
        let here = cluster.gateways[1].core.client("node").expect("it is here");
        assert_eq!((here.info.waiting, here.info.upstream), (0, Some(UpstreamState::Connected)));
        if version == Version::V5 {
            assert!(cluster.gateways[0].core.client("node").is_none(), "the first one has forgotten it");
            assert_eq!(cluster.gateways[0].core.stats().upstream_moved, 1);
        } else {
            let there = cluster.gateways[0].core.client("node").expect("it cannot know").info;
            assert_eq!((there.waiting, there.upstream), (0, Some(UpstreamState::Parted)));
        }
    }
}

#[test]
fn a_node_that_has_moved_is_told_to_connect_where_it_was() {
    let mut cluster = sleeper_moves(Version::V5);
    cluster.move_to(0);
    cluster.node.publish(Topic::Name("up"), b"1", NodeQos::One, false).unwrap();
    cluster.until("back", |cluster| cluster.told.iter().any(|event| matches!(event, Event::Lost(_))));
}

#[test]
fn an_exchange_may_end_at_another_gateway() {
    // The node moves with every datagram in turn in the middle of the exchanges, and comes back by itself.
    for version in BOTH {
        for number in 1..12 {
            let mut cluster = subscribed(version);
            let silent_from = cluster.crossed() + number;
            cluster = cluster.lossy(move |crossed| usize::from(crossed < silent_from || crossed > silent_from + 3));
            publish_down(&mut cluster, "x");
            cluster.move_to(1);
            cluster.node.connect(false);
            cluster.until("QoS 2", |cluster| cluster.times("down/x '2'") >= 1);
            cluster.until("QoS 1", |cluster| cluster.times("down/x '1'") >= 1);
            cluster.wait_s(120);
            assert_eq!(cluster.times("down/x '2'"), 1, "{version:?} {number}");
        }
    }
}

/// The last datagram of the node's QoS 2 exchange that is lost, and then it goes on at another gateway.
#[test]
fn a_nodes_exchange_may_end_at_another_gateway() {
    for version in BOTH {
        for number in 0..4 {
            let mut cluster = subscribed(version);
            let silent_from = cluster.crossed() + number;
            cluster = cluster.lossy(move |crossed| usize::from(crossed < silent_from || crossed > silent_from + 2));
            cluster.node.publish(Topic::Name("up"), b"2", NodeQos::Two, false).unwrap();
            cluster.wait_s(1);
            cluster.move_to(1);
            cluster.node.connect(false);
            cluster.until("published", |cluster| !cluster.node.is_busy());
            assert_eq!(cluster.seen("q2 up '2'"), 1, "{version:?} {number} {:?}", cluster.told);
        }
    }
}

/// QoS 1 and 2 in both directions, and the lines break when so many packets have crossed them.
fn live_with_a_break(version: Version, cut_from: usize) -> Cluster {
    let mut cluster = subscribed(version);
    cluster.cut_from = cluster.packets + cut_from;
    for (qos, payload) in [(NodeQos::One, b"1"), (NodeQos::Two, b"2")] {
        cluster.node.publish(Topic::Name("up"), payload, qos, false).unwrap();
        cluster.until("the PUBLISH is done", |cluster| !cluster.node.is_busy());
    }
    for name in ["a", "b"] {
        publish_down(&mut cluster, name);
    }
    cluster.until("QoS 1", |cluster| cluster.times("down/b '1'") >= 1 && cluster.times("down/b '2'") >= 1);
    cluster.wait_s(600);
    cluster
}

#[test]
fn lines_that_break_with_all_that_is_on_them_change_nothing() {
    for version in BOTH {
        let before = subscribed(version).packets;
        let all = live_with_a_break(version, usize::MAX / 2).packets - before;
        for cut_from in 0..all.min(80) {
            let cluster = live_with_a_break(version, cut_from);
            let why = format!("{version:?}, {cut_from}: {:?} {:?}", cluster.messages, cluster.events);
            for name in ["a", "b"] {
                assert!(cluster.times(&format!("down/{name} '1'")) >= 1, "{why}");
                assert_eq!(cluster.times(&format!("down/{name} '2'")), 1, "{why}");
            }
            assert!(cluster.seen("q1 up '1'") >= 1, "{why}");
            assert_eq!(cluster.seen("q2 up '2'"), 1, "{why}");
            assert_eq!(cluster.habits.repeated, 0, "{why}");
            let is_rejected = cluster.told.iter().any(|event| matches!(event, Event::Rejected(_)));
            assert!(!is_rejected, "{why}: it was published");
        }
    }
}

#[test]
fn a_message_that_may_be_published_is_not_refused_with_congestion() {
    for version in BOTH {
        let mut cluster = subscribed(version);
        // The topic id, and the PUBLISH arrives.
        publish_up(&mut cluster);
        cluster.cut_from = cluster.packets + 1;
        cluster.node.publish(Topic::Name("up"), b"new", NodeQos::Two, false).unwrap();
        cluster.settle();
        cluster.broker_is_down = true;
        cluster.break_lines();
        cluster.wait_s(20);
        assert_eq!(cluster.told, [], "{version:?}");
        cluster.broker_is_down = false;
        cluster.until_told(&Event::Published);
        cluster.wait_s(60);
        assert_eq!(cluster.seen("q2 up 'new'"), 1);
    }
}

#[test]
fn a_message_that_was_one_too_many_for_the_broker_is_sent_again() {
    let mut cluster = subscribed(Version::V5);
    publish_up(&mut cluster);
    cluster.habits.is_full = true;
    cluster.node.publish(Topic::Name("up"), b"new", NodeQos::Two, false).unwrap();
    cluster.until_told(&Event::Congested);
    cluster.until_told(&Event::Published);
    assert_eq!(cluster.seen("q2 up 'new'"), 1);
}

#[test]
fn a_late_acknowledgement_is_not_taken_for_one_of_the_next_message_under_its_id() {
    const PUBACK: [u8; 7] = [7, 0x0D, 0, 1, 0, 1, 0];
    const REFUSAL: [u8; 7] = [7, 0x0D, 0, 1, 0, 1, 3];
    const PUBREC: [u8; 4] = [4, 0x0F, 0, 1];
    let late: [(Qos, &[u8]); 3] =
        [(Qos::AtLeastOnce, &PUBACK), (Qos::AtLeastOnce, &REFUSAL), (Qos::ExactlyOnce, &PUBREC)];
    for (qos, acknowledgement) in late {
        let mut cluster = subscribed(Version::V5);
        cluster.publish(qos, "down/first", "x", false);
        cluster.until("delivered", |cluster| cluster.times("down/first 'x'") == 1);
        // REGISTER of the second one's topic is lost.
        cluster.is_silent = true;
        cluster.publish(qos, "down/second", "x", false);
        cluster.say_late(acknowledgement);
        cluster.is_silent = false;
        cluster.wait_s(300);
        assert_eq!(cluster.times("down/second 'x'"), 1, "{acknowledgement:?}: {:?}", cluster.events);
    }
}

#[test]
fn a_killed_gateway_goes_on_for_nodes_that_say_nothing() {
    for version in BOTH {
        let mut cluster = subscribed(version);
        cluster.restart_gateway(0);
        publish_down(&mut cluster, "active");
        cluster.until("delivered", |cluster| cluster.times("down/active '2'") == 1);
        cluster.node.sleep(HOUR).unwrap();
        cluster.until_told(&Event::Asleep { drained: true });
        publish_down(&mut cluster, "asleep");
        cluster.restart_gateway(0);
        cluster.node.wake().unwrap();
        cluster.until_told(&Event::Asleep { drained: true });
        assert_eq!(cluster.times("down/asleep '2'"), 1);
        let clean = cluster.connects.iter().filter(|(_, _, clean)| *clean).count();
        assert_eq!(clean, 0, "no session was begun anew");
        assert_eq!(cluster.events.iter().filter(|event| event.contains("lost")).count(), 0);
    }
}

#[test]
fn subscriptions_that_the_broker_has_forgotten_are_made_again() {
    for version in BOTH {
        let mut cluster = subscribed(version);
        cluster.restart_broker(true);
        cluster.node.publish(Topic::Name("up"), b"1", NodeQos::Zero, false).unwrap();
        cluster.until("subscribed", |cluster| {
            cluster.broker_knows("node").is_some_and(|node| !node.subscriptions.is_empty())
        });
        publish_down(&mut cluster, "again");
        cluster.until("delivered", |cluster| cluster.times("down/again '2'") == 1);
    }
}

#[test]
fn while_the_broker_is_away_nodes_hear_congestion_and_stay() {
    let mut cluster = subscribed(Version::V5);
    publish_up(&mut cluster);
    cluster.broker_is_down = true;
    cluster.restart_broker(false);
    cluster.node.publish(Topic::Name("up"), b"1", NodeQos::One, false).unwrap();
    cluster.until_told(&Event::Congested);
    cluster.broker_is_down = false;
    publish_down(&mut cluster, "later");
    cluster.until("delivered", |cluster| cluster.times("down/later '2'") == 1);
    cluster.until("published", |cluster| cluster.seen("q1 up '1'") == 2);
    assert_eq!(cluster.events.iter().filter(|event| event.contains("lost")).count(), 0);
}

#[test]
fn a_request_while_a_line_is_made_waits_for_t_retry_and_not_for_t_wait() {
    for version in BOTH {
        let mut cluster = subscribed(version);
        publish_up(&mut cluster);
        cluster.restart_broker(false);
        cluster.node.publish(Topic::Name("up"), b"soon", NodeQos::One, false).unwrap();
        cluster.until_told(&Event::Published);
        cluster.restart_broker(false);
        cluster.node.subscribe(Topic::Name("more/+"), NodeQos::One).unwrap();
        cluster.until_told(&Event::Subscribed { granted: NodeQos::One });
        assert!(!cluster.told.contains(&Event::Congested), "{version:?}: {:?}", cluster.told);
        assert_eq!(cluster.seen("q1 up 'soon'"), 1, "{version:?}");
    }
}

#[test]
fn connections_are_made_no_faster_than_the_limit_says() {
    let per_s = |config: &mut gateway_core::Config| {
        config.transparent = Some(transparent(Version::V5));
        config.limits.upstream_connects_per_s = 2;
    };
    let mut cluster = Cluster::with(node(), &mut { per_s });
    for number in 0..10 {
        cluster.connect_another(number);
    }
    cluster.wait_s(20);
    let times: Vec<_> = cluster.connects.iter().map(|(at, ..)| at.as_micros() / 1_000).collect();
    assert_eq!(times.len(), 10);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 500), "{times:?}");
}

#[test]
fn a_sleeper_is_sent_no_more_than_the_limit_says() {
    let few = |config: &mut gateway_core::Config| {
        config.transparent = Some(transparent(Version::V5));
        config.limits.upstream_inflight = 3;
    };
    let mut cluster = Cluster::with(node(), &mut { few });
    cluster.node.connect(false);
    cluster.until_told(&Event::Connected);
    cluster.node.subscribe(Topic::Name("down/+"), NodeQos::Two).unwrap();
    cluster.until_told(&Event::Subscribed { granted: NodeQos::Two });
    cluster.node.sleep(HOUR).unwrap();
    cluster.until_told(&Event::Asleep { drained: true });
    (0..10).for_each(|number| publish_down(&mut cluster, &number.to_string()));
    assert_eq!(cluster.gateways[0].core.client("node").expect("it sleeps here").info.waiting, 3);
    cluster.node.wake().unwrap();
    cluster.until_told(&Event::Asleep { drained: true });
    assert_eq!(cluster.messages.len(), 20, "one wake brings all, however few of them are here at once");
}

#[test]
fn a_wake_after_the_broker_has_hung_up_brings_what_waits() {
    let mut cluster = subscribed(Version::V3);
    cluster.node.sleep(HOUR).unwrap();
    cluster.until_told(&Event::Asleep { drained: true });
    cluster.restart_broker(false);
    publish_down(&mut cluster, "x");
    let here = cluster.gateways[0].core.client("node").expect("it sleeps here").info;
    assert_eq!(here.upstream, Some(UpstreamState::Parted));
    cluster.node.wake().unwrap();
    cluster.until_told(&Event::Asleep { drained: true });
    assert_eq!((cluster.times("down/x '1'"), cluster.times("down/x '2'")), (1, 1));
}

#[test]
fn a_refusal_is_the_nodes_answer() {
    // No broker takes such an id from others than its own bridges.
    let prefix = |config: &mut gateway_core::Config| {
        let settings = transparent(Version::V5);
        config.transparent = Some(gateway_core::Transparent { client_id_prefix: "bridge/".into(), ..settings });
    };
    let mut cluster = Cluster::with(node(), &mut { prefix });
    cluster.node.connect(true);
    cluster.until("refused", |cluster| cluster.told.iter().any(|event| matches!(event, Event::Refused(_))));
    assert_eq!(cluster.gateways[0].core.stats().upstream_refusals, 1);
    assert!(cluster.gateways[0].core.client("node").is_none(), "nothing of it stays");
}

#[test]
fn a_table_that_is_removed_ends_the_sessions_that_lived_upstream() {
    let mut cluster = subscribed(Version::V5);
    cluster.gateways[0].configure(|config| config.transparent = None);
    cluster.restart_gateway(0);
    assert!(cluster.gateways[0].core.client("node").is_none());
    cluster.node.publish(Topic::Name("up"), b"1", NodeQos::One, false).unwrap();
    cluster.until("told to connect", |cluster| cluster.told.iter().any(|event| matches!(event, Event::Lost(_))));
}

/// A gateway whose broker never answers, and what it sends nodes.
struct Unanswered(Core);

impl Unanswered {
    fn new() -> Self {
        let transparent = Some(transparent(Version::V5));
        Self(Core::new(gateway_core::Config { transparent, ..gateway_core::Config::default() }))
    }

    fn hear(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let from = PeerAddr::direct(TransportId(0), LinkAddr::Line);
        self.0.handle_input(Instant::ZERO, Input::Datagram { from, bytes });
        self.sent()
    }

    fn sent(&mut self) -> Vec<Vec<u8>> {
        let outputs = std::iter::from_fn(|| self.0.poll_output());
        outputs
            .filter_map(|output| if let Output::Send { datagram, .. } = output { Some(datagram) } else { None })
            .collect()
    }
}

const CONNECT: &[u8] = b"\x0A\x04\x00\x01\x00\x3Cnode";

#[test]
fn before_connack_only_connect_and_disconnect_are_heard() {
    let mut gateway = Unanswered::new();
    let nothing: [Vec<u8>; 0] = [];
    assert_eq!(gateway.hear(CONNECT), nothing);
    assert_eq!(gateway.hear(CONNECT), nothing, "repeated, it asks upstream once");
    for early in [&b"\x08\x0C\x22ab\x00\x01x"[..], b"\x02\x16", b"\x07\x12\x20\x00\x01ab", b"\x06\x09will"] {
        assert_eq!(gateway.hear(early), nothing, "{early:02X?}");
    }
    assert_eq!(gateway.0.stats().rejects.get(&RejectReason::WrongState), Some(&4));
    assert_eq!(gateway.hear(b"\x02\x18"), [b"\x02\x18"]);
    assert_eq!(gateway.0.client("node").expect("kept").info.upstream, None);
}

#[test]
fn a_connect_that_upstream_does_not_answer_ends_with_congestion() {
    let mut gateway = Unanswered::new();
    gateway.hear(CONNECT);
    while let Some(next) = gateway.0.poll_timeout().filter(|next| *next <= Instant::from_secs(20)) {
        assert!(gateway.sent().is_empty());
        gateway.0.handle_timeout(next);
    }
    assert_eq!(gateway.sent(), [b"\x03\x05\x01"]);
}
