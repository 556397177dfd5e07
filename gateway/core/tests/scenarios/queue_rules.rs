//! How messages wait, by the operator's rules; and how long a session does.

use crate::common::sn::{connect, pingreq, puback, resume, sleep, subscribe};
use crate::common::{MQTT, Rig, has_store, port};
use gateway_core::mqtt::{Packet, PacketId};
use gateway_core::{ClientState, DropReason, Keep, QueueRule, WhenFull};
use sn_codec::Qos;
use sn_types::PeerAddr;
use std::time::Duration;

const NODE: PeerAddr = port(1);

/// A rule that changes nothing.
fn rule(filter: &str) -> QueueRule {
    let filter = filter.into();
    QueueRule { filter, keep: Keep::All, time_to_live: None, when_full: None, priority: 0, keep_qos0: true }
}

/// `node` is subscribed to `t/1`, `t/2` and `t/3` and asleep for an hour; `rules` are in force.
fn asleep_under(rules: &[QueueRule], queue_messages: usize) -> Rig {
    let mut rig = Rig::with(|config| {
        config.queue_rules = rules.into();
        config.limits.queue_messages = queue_messages;
    });
    // Only what a start has found empty can be read at the next one.
    rig.restart(|_| {});
    rig.send(NODE, resume("node"));
    for n in 1..=3 {
        rig.send(NODE, subscribe(Qos::One, n, &format!("t/{n}")));
    }
    rig.send(NODE, sleep(3_600));
    rig.heard(NODE);
    rig
}

/// What the node gets when it wakes and acknowledges everything.
fn fetched(rig: &mut Rig) -> Vec<String> {
    let mut all = Vec::new();
    let mut heard = rig.ask(NODE, pingreq("node"));
    for mid in 1.. {
        all.append(&mut heard);
        if all.last().is_some_and(|last| last == "PINGRESP") {
            all.pop();
            break;
        }
        heard = rig.ask(NODE, puback(1, mid));
    }
    let payload = |message: &String| message.split('\'').nth(1).unwrap_or_default().to_owned();
    all.iter().map(payload).collect()
}

#[test]
fn keep_latest_leaves_one_message_of_each_topic() {
    let latest = QueueRule { keep: Keep::Latest, ..rule("t/1") };
    let mut rig = asleep_under(&[latest], 100);
    for (topic, payload) in [("t/1", "old"), ("t/2", "a"), ("t/1", "new"), ("t/2", "b")] {
        rig.publish(1, topic, payload);
    }
    assert_eq!(rig.drops(DropReason::Superseded), 1);
    assert_eq!(rig.client("node").map(|node| node.drops[&DropReason::Superseded]), Some(1));
    assert_eq!(fetched(&mut rig), ["a", "new", "b"]);
}

/// It may be lost, and what was acknowledged would be with it.
#[test]
fn a_message_of_qos_0_takes_the_place_of_such_only() {
    let latest = QueueRule { keep: Keep::Latest, ..rule("t/1") };
    let mut rig = asleep_under(std::slice::from_ref(&latest), 100);
    for (qos, payload) in [(0, "a"), (1, "b"), (0, "c"), (0, "d")] {
        rig.publish(qos, "t/1", payload);
    }
    assert_eq!(rig.drops(DropReason::Superseded), 2);
    assert_eq!(fetched(&mut rig), ["b", "d"]);
    let mut rig = asleep_under(&[latest], 100);
    for (qos, payload) in [(1, "a"), (0, "b"), (1, "c")] {
        rig.publish(qos, "t/1", payload);
    }
    assert_eq!(rig.drops(DropReason::Superseded), 2);
    assert_eq!(fetched(&mut rig), ["c"]);
}

#[test]
fn what_gave_way_to_a_message_of_qos_0_does_not_come_back_after_a_restart() {
    let oldest = QueueRule { when_full: Some(WhenFull::DropOldest), ..rule("t/1") };
    let mut rig = asleep_under(&[oldest], 1);
    rig.publish(1, "t/1", "off");
    rig.publish(0, "t/1", "on");
    assert_eq!(rig.drops(DropReason::QueueFull), 1);
    if has_store() {
        rig.restart(|_| {});
        assert_eq!(fetched(&mut rig), [""; 0]);
    } else {
        assert_eq!(fetched(&mut rig), ["on"]);
    }
}

#[test]
fn a_message_that_waited_too_long_is_dropped_at_the_wake() {
    let minute = QueueRule { time_to_live: Some(Duration::from_secs(60)), ..rule("t/1") };
    let mut rig = asleep_under(&[minute], 100);
    rig.publish(1, "t/1", "stale");
    rig.publish(1, "t/2", "kept");
    rig.wait_s(59);
    rig.publish(1, "t/1", "fresh");
    rig.wait_s(2);
    assert_eq!(fetched(&mut rig), ["kept", "fresh"]);
    assert_eq!(rig.drops(DropReason::Expired), 1);
}

#[test]
fn a_higher_priority_is_fetched_first_and_each_topic_stays_in_order() {
    let alarm = QueueRule { priority: 9, ..rule("t/3") };
    let mut rig = asleep_under(&[alarm], 100);
    for (topic, payload) in [("t/1", "a"), ("t/3", "alarm 1"), ("t/2", "b"), ("t/3", "alarm 2")] {
        rig.publish(1, topic, payload);
    }
    assert_eq!(fetched(&mut rig), ["alarm 1", "alarm 2", "a", "b"]);
}

#[test]
fn a_full_queue_drops_as_its_rule_says_and_the_least_important_first() {
    let rules = [
        QueueRule { priority: 9, when_full: Some(WhenFull::DropOldest), ..rule("t/3") },
        QueueRule { when_full: Some(WhenFull::DropOldest), ..rule("t/1") },
    ];
    let mut rig = asleep_under(&rules, 3);
    for (topic, payload) in [("t/3", "alarm"), ("t/1", "1"), ("t/1", "2"), ("t/1", "3"), ("t/2", "refused")] {
        rig.publish(1, topic, payload);
    }
    assert_eq!(rig.drops(DropReason::QueueFull), 2);
    assert_eq!(fetched(&mut rig), ["alarm", "2", "3"]);
}

#[test]
fn qos_0_is_kept_for_a_sleeper_unless_its_rule_says_otherwise() {
    let not_kept = QueueRule { keep_qos0: false, ..rule("t/1") };
    let mut rig = asleep_under(&[not_kept], 100);
    rig.publish(0, "t/1", "gone");
    rig.publish(0, "t/2", "kept");
    rig.publish(1, "t/1", "promised");
    assert_eq!(rig.drops(DropReason::Qos0), 1);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PUBLISH q0 id=2 'kept'", "PUBLISH q1 id=1 mid=1 'promised'"]);
}

#[test]
fn all_queues_together_have_a_limit() {
    let mut rig = asleep_under(&[], 100);
    rig.send(port(2), resume("other"));
    rig.send(port(2), subscribe(Qos::One, 1, "t/#"));
    rig.send(port(2), sleep(3_600));
    rig.publish(1, "t/1", "first");
    let waiting = rig.gauges().waiting_messages;
    assert_eq!((waiting, rig.gauges().waiting_bytes), (2, 2 * "t/1first".len()));
    rig.configure(|config| config.limits.total_queue_messages = waiting);
    rig.publish(1, "t/1", "second");
    assert_eq!(rig.drops(DropReason::TotalQueueFull), 2);
    assert_eq!(fetched(&mut rig), ["first"]);
    rig.publish(1, "t/2", "there is room again");
    assert_eq!(rig.waiting("node"), 1);
}

#[test]
fn octets_in_all_queues_together_have_a_limit() {
    let mut rig = asleep_under(&[], 100);
    rig.configure(|config| config.limits.total_queue_bytes = "t/1first".len() + "t/2".len());
    rig.publish(1, "t/1", "first");
    rig.publish(1, "t/2", "x");
    assert_eq!((rig.waiting("node"), rig.drops(DropReason::TotalQueueFull)), (1, 1));
    rig.publish(1, "t/2", "");
    assert_eq!(rig.waiting("node"), 2, "just enough room");
}

#[test]
fn a_session_whose_client_is_away_expires() {
    let mut rig = Rig::with(|config| config.session_expiry = Some(Duration::from_secs(1_000)));
    rig.send(NODE, resume("node"));
    rig.send(NODE, subscribe(Qos::One, 1, "t/1"));
    rig.send(NODE, crate::common::sn::DISCONNECT);
    rig.wait_s(999);
    assert_eq!(rig.state("node"), ClientState::Disconnected);
    rig.wait_s(1);
    assert_eq!(rig.client("node"), None);
    assert!(rig.events().contains(&"node expired".to_owned()));
}

#[test]
fn a_client_that_comes_back_in_time_keeps_its_session() {
    let mut rig = Rig::with(|config| config.session_expiry = Some(Duration::from_secs(1_000)));
    for _ in 0..3 {
        rig.send(NODE, resume("node"));
        rig.wait_s(50);
        rig.send(NODE, crate::common::sn::DISCONNECT);
        rig.wait_s(900);
    }
    assert!(rig.client("node").is_some());
    rig.wait_s(100);
    assert_eq!(rig.client("node"), None);
}

#[test]
fn a_sleeper_does_not_expire() {
    let mut rig = Rig::with(|config| config.session_expiry = Some(Duration::from_secs(10)));
    rig.send(NODE, connect("node"));
    rig.send(NODE, sleep(3_600));
    rig.wait_s(3_500);
    assert_eq!(rig.state("node"), ClientState::Asleep);
}

#[test]
fn retained_messages_have_a_limit() {
    let mut rig = Rig::with(|config| {
        config.limits.retained_messages = 2;
        config.limits.retained_bytes = 20;
    });
    rig.watch("#");
    for (topic, payload) in [("a", "1"), ("b", "1"), ("c", "1"), ("b", "another"), ("a", "much longer than 20 octets")]
    {
        rig.publish_retained(1, topic, payload);
    }
    assert_eq!(rig.watched().len(), 5, "whoever is there gets them all");
    assert_eq!(rig.drops(DropReason::RetainedLimit), 3, "two that came, and one in whose place one of them came");
    assert_eq!(rig.gauges().retained, 1);
    rig.publish_retained(1, "c", "1");
    assert_eq!((rig.drops(DropReason::RetainedLimit), rig.gauges().retained), (3, 2), "there is room again");
}

/// It would be taken for the last one.
#[test]
fn a_retained_message_without_room_leaves_no_older_one_in_its_place() {
    let mut rig = Rig::with(|config| config.limits.retained_bytes = 20);
    rig.restart(|_| {});
    rig.publish_retained(1, "door", "open");
    rig.publish_retained(1, "door", "closed, and locked, and bolted");
    assert_eq!(rig.drops(DropReason::RetainedLimit), 2);
    if has_store() {
        rig.restart(|_| {});
    }
    rig.watch("door");
    assert_eq!(rig.watched(), [""; 0]);
}

#[test]
fn a_topic_with_which_a_key_of_the_store_would_be_too_long_has_no_retained_message() {
    let mut rig = Rig::with(|config| {
        config.durable = true;
        config.limits.topic_name_len = 65_535;
    });
    rig.watch("#");
    let topics = [65_534, 65_535].map(|len| "t".repeat(len));
    for (topic, payload) in topics.iter().zip(["kept", "not kept"]).chain([(&topics[1], "")]) {
        rig.publish_retained(1, topic, payload);
    }
    assert_eq!((rig.watched().len(), rig.gauges().retained), (3, 1));
    assert_eq!(rig.drops(DropReason::RetainedLimit), 1, "an empty one only removes");
    assert_eq!(rig.store.keys().map(Vec::len).max(), Some(65_535));
}

#[test]
fn an_alarm_does_not_give_way_to_what_is_less_important() {
    let rules = [
        QueueRule { priority: 9, when_full: Some(WhenFull::DropOldest), ..rule("t/3") },
        QueueRule { when_full: Some(WhenFull::DropOldest), ..rule("t/1") },
    ];
    let mut rig = asleep_under(&rules, 3);
    for (topic, payload) in [("t/1", "1"), ("t/3", "alarm 1"), ("t/3", "alarm 2"), ("t/3", "alarm 3"), ("t/1", "2")] {
        rig.publish(1, topic, payload);
    }
    assert_eq!(rig.drops(DropReason::QueueFull), 2);
    assert_eq!(fetched(&mut rig), ["alarm 1", "alarm 2", "alarm 3"]);
}

#[test]
fn a_long_message_takes_no_room_in_vain_from_those_that_may_give_way() {
    let rules =
        [QueueRule { priority: 9, ..rule("t/3") }, QueueRule { when_full: Some(WhenFull::DropOldest), ..rule("t/1") }];
    let mut rig = asleep_under(&rules, 100);
    rig.configure(|config| config.limits.queue_bytes = 30);
    for (topic, payload) in [("t/3", "alarm"), ("t/1", "short"), ("t/1", "longer than that one")] {
        rig.publish(1, topic, payload);
    }
    assert_eq!(rig.drops(DropReason::QueueFull), 1);
    assert_eq!(fetched(&mut rig), ["alarm", "short"]);
}

#[test]
fn the_last_state_of_a_topic_stays_if_the_next_has_no_room() {
    let latest = QueueRule { keep: Keep::Latest, ..rule("t/1") };
    let mut rig = asleep_under(&[latest], 100);
    rig.configure(|config| config.limits.queue_bytes = "t/1on".len() + "t/2x".len());
    for (topic, payload) in [("t/1", "on"), ("t/2", "x"), ("t/1", "off")] {
        rig.publish(1, topic, payload);
    }
    assert_eq!((rig.drops(DropReason::QueueFull), rig.drops(DropReason::Superseded)), (1, 0));
    rig.publish(1, "t/1", "ON");
    assert_eq!(rig.drops(DropReason::Superseded), 1, "it has the room of the one before");
    assert_eq!(fetched(&mut rig), ["x", "ON"]);
}

#[test]
fn what_has_expired_for_others_takes_no_room_of_all() {
    let minute = QueueRule { time_to_live: Some(Duration::from_secs(60)), ..rule("t/1") };
    let mut rig = asleep_under(&[minute], 100);
    rig.send(port(2), resume("other"));
    rig.send(port(2), subscribe(Qos::One, 1, "t/2"));
    rig.send(port(2), sleep(3_600));
    rig.publish(1, "t/1", "stale");
    rig.configure(|config| config.limits.total_queue_messages = 2);
    rig.wait_s(60);
    rig.publish(1, "t/2", "fresh");
    assert_eq!((rig.drops(DropReason::Expired), rig.drops(DropReason::TotalQueueFull)), (1, 0));
    assert_eq!((rig.waiting("node"), rig.waiting("other")), (1, 1));
}

/// With each message it would cost more the more there is.
#[test]
fn while_all_queues_together_are_full_they_are_looked_through_once_a_second() {
    let minute = QueueRule { time_to_live: Some(Duration::from_secs(60)), ..rule("t/1") };
    let mut rig = asleep_under(&[minute], 100);
    rig.configure(|config| config.limits.total_queue_messages = 2);
    rig.publish(1, "t/1", "stale");
    rig.wait_ms(500);
    rig.publish(1, "t/1", "stale soon");
    rig.wait_ms(59_500);
    let counts = |rig: &Rig| (rig.drops(DropReason::Expired), rig.drops(DropReason::TotalQueueFull));
    for (payload, expected) in [("a", (1, 0)), ("b", (1, 1)), ("c", (2, 1))] {
        rig.publish(1, "t/2", payload);
        assert_eq!(counts(&rig), expected, "{payload}");
        rig.wait_ms(500);
    }
    assert_eq!(fetched(&mut rig), ["a", "c"]);
}

#[test]
fn messages_in_flight_count_among_all() {
    let mut rig = asleep_under(&[], 100);
    rig.watch("m");
    rig.publish(1, "m", "never acknowledged");
    assert_eq!(rig.watched(), ["q1 m 'never acknowledged'"]);
    assert_eq!((rig.gauges().waiting_messages, rig.gauges().waiting_bytes), (1, "mnever acknowledged".len()));
    rig.configure(|config| config.limits.total_queue_messages = 2);
    rig.publish(1, "t/1", "first");
    rig.publish(1, "t/1", "second");
    assert_eq!((rig.waiting("node"), rig.drops(DropReason::TotalQueueFull)), (1, 1));
    rig.mqtt_from(MQTT, Packet::PubAck(PacketId::new(1).expect("not 0").into()));
    assert_eq!(rig.gauges().waiting_messages, 1);
    rig.publish(1, "t/1", "third");
    assert_eq!(fetched(&mut rig), ["first", "third"]);
    assert_eq!((rig.gauges().waiting_messages, rig.gauges().waiting_bytes), (0, 0));
}

#[test]
fn messages_in_flight_count_after_a_restart_and_until_their_session_ends() {
    let mut rig = Rig::with(|config| config.durable = true);
    rig.restart(|_| {});
    rig.watch("m");
    rig.publish(1, "m", "x");
    rig.restart(|_| {});
    assert_eq!((rig.gauges().waiting_messages, rig.gauges().waiting_bytes), (1, 2));
    rig.operate(|now, core| core.drop_session(now, "mqtt"));
    assert_eq!((rig.gauges().waiting_messages, rig.gauges().waiting_bytes), (0, 0));
}
