//! `$SYS/broker`: what the gateway tells about itself, and to whom.

use crate::common::sn::{connect, pingreq, resume, sleep, subscribe};
use crate::common::{Rig, port};
use gateway_core::{ConnId, StorageState};
use sn_codec::Qos;
use sn_types::PeerAddr;
use std::time::Duration;

const NODE: PeerAddr = port(1);

/// The topics below `$SYS/broker/` that the MQTT client was sent, with their values.
fn told(rig: &mut Rig) -> Vec<String> {
    let line = |line: String| line.replace("$SYS/broker/", "").replace("q0 ", "");
    rig.watched().into_iter().map(line).collect()
}

#[track_caller]
fn assert_told(told: &[String], expected: &[&str]) {
    for line in expected {
        assert!(told.iter().any(|told| told == line), "{line} is missing in {told:#?}");
    }
}

#[test]
fn a_subscriber_gets_every_value_at_once_as_a_retained_message() {
    let mut rig = Rig::new();
    rig.send(NODE, connect("node"));
    rig.wait_s(30);
    rig.publish_retained(0, "a", "x");
    rig.watch("$SYS/#");
    let version = format!("retain version 'sn-gateway version {}'", env!("CARGO_PKG_VERSION"));
    let told = told(&mut rig);
    assert_told(
        &told,
        &[
            &version,
            "retain uptime '30 seconds'",
            "retain clients/total '2'",
            "retain clients/connected '2'",
            "retain clients/maximum '2'",
            "retain sn/clients/active '1'",
            "retain retained messages/count '1'",
            "retain subscriptions/count '1'",
            "retain publish/messages/received '1'",
            "retain store/state 'ok'",
        ],
    );
    // It is no message that a client has retained.
    assert_eq!(rig.gauges().retained, 1);
}

#[test]
fn later_only_what_has_changed_comes_once_per_interval() {
    let mut rig = Rig::with(|config| config.sys_interval = Some(Duration::from_secs(7)));
    rig.watch("$SYS/broker/clients/#");
    rig.watch("$SYS/broker/version");
    rig.watched();
    rig.wait_s(20);
    assert_eq!(told(&mut rig), [""; 0]);
    rig.send(NODE, connect("node"));
    rig.wait_ms(999);
    assert_eq!(told(&mut rig), [""; 0]);
    rig.wait_ms(1);
    assert_eq!(told(&mut rig), ["clients/connected '2'", "clients/maximum '2'", "clients/total '2'"]);
}

/// Else a value that has come back to what it was at the last interval would be wrong for the new subscriber for ever.
#[test]
fn who_subscribes_between_two_intervals_is_told_when_a_value_goes_back() {
    let mut rig = Rig::new();
    rig.watch("$SYS/broker/clients/connected");
    rig.wait_s(1);
    rig.send(NODE, connect("node"));
    rig.watch("$SYS/broker/clients/+");
    assert_told(&told(&mut rig), &["retain clients/connected '2'"]);
    rig.send(NODE, crate::common::sn::DISCONNECT);
    rig.wait_s(10);
    assert_told(&told(&mut rig), &["clients/connected '1'"]);
}

#[test]
fn who_subscribes_over_and_over_is_told_the_same_for_a_second() {
    let mut rig = Rig::new();
    rig.watch("$SYS/broker/clients/connected");
    rig.send(NODE, connect("node"));
    rig.watch("$SYS/broker/clients/connected");
    assert_eq!(told(&mut rig), ["retain clients/connected '1'"; 2]);
    rig.wait_s(1);
    rig.watch("$SYS/broker/clients/connected");
    assert_eq!(told(&mut rig), ["retain clients/connected '2'"]);
}

#[test]
fn a_wildcard_at_the_start_of_a_filter_does_not_select_it() {
    let mut rig = Rig::new();
    rig.watch("#");
    rig.watch("+/broker/#");
    rig.disk(StorageState::Full);
    rig.disk(StorageState::Ok);
    rig.wait_s(60);
    assert_eq!(told(&mut rig), [""; 0]);
}

#[test]
fn the_store_s_state_does_not_wait_for_the_interval() {
    let mut rig = Rig::new();
    rig.watch("$SYS/broker/store/state");
    assert_eq!(told(&mut rig), ["retain store/state 'ok'"]);
    for (state, name) in [(StorageState::Full, "full"), (StorageState::Ok, "ok"), (StorageState::Failed, "failed")] {
        rig.disk(state);
        assert_eq!(told(&mut rig), [format!("store/state '{name}'")]);
    }
    rig.wait_s(60);
    assert_eq!(told(&mut rig), [""; 0]);
}

#[test]
fn a_node_gets_it_like_any_topic_but_never_in_its_mailbox() {
    let mut rig = Rig::new();
    rig.ask(NODE, resume("node"));
    let heard = rig.ask(NODE, subscribe(Qos::One, 1, "$SYS/broker/store/state"));
    assert_eq!(heard, ["SUBACK q1 id=1 mid=1 00", "PUBLISH q0 retain id=1 'ok'"]);
    rig.send(NODE, sleep(600));
    rig.heard(NODE);
    rig.disk(StorageState::Full);
    assert_eq!(rig.waiting("node"), 0);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PINGRESP"]);
    assert!(rig.core.stats().drops.is_empty());
}

#[test]
fn a_sleeper_s_mailbox_is_told_while_something_waits_and_once_when_it_is_empty() {
    let mut rig = Rig::new();
    rig.send(NODE, resume("node/1"));
    rig.send(NODE, subscribe(Qos::Zero, 1, "a"));
    rig.send(NODE, sleep(600));
    rig.watch("$SYS/broker/clients/node/1/mailbox");
    rig.wait_s(10);
    assert_eq!(told(&mut rig), [""; 0]);
    rig.publish(0, "a", "x");
    rig.publish(0, "a", "y");
    rig.wait_s(10);
    assert_eq!(told(&mut rig), ["clients/node/1/mailbox '2'"]);
    rig.send(NODE, pingreq("node/1"));
    rig.wait_s(20);
    assert_eq!(told(&mut rig), ["clients/node/1/mailbox '0'"]);
}

#[test]
fn who_subscribes_between_two_intervals_is_told_when_a_mailbox_is_emptied_before_the_second() {
    let mut rig = Rig::new();
    rig.send(NODE, resume("node"));
    rig.send(NODE, subscribe(Qos::Zero, 1, "a"));
    rig.send(NODE, sleep(600));
    rig.watch("$SYS/broker/version");
    rig.publish(0, "a", "x");
    rig.watched();
    rig.wait_s(1);
    rig.watch("$SYS/broker/clients/node/mailbox");
    assert_eq!(told(&mut rig), ["retain clients/node/mailbox '1'"]);
    rig.send(NODE, pingreq("node"));
    rig.wait_s(10);
    assert_eq!(told(&mut rig), ["clients/node/mailbox '0'"]);
}

#[test]
fn only_the_hundred_fullest_mailboxes_are_told() {
    let mut rig = Rig::new();
    for number in 1..=105_u16 {
        let client_id = format!("node{number}");
        rig.send(port(number), resume(&client_id));
        rig.send(port(number), subscribe(Qos::Zero, 1, if number <= 100 { "both/#" } else { "both/1" }));
        rig.send(port(number), sleep(600));
    }
    rig.publish(0, "both/1", "x");
    rig.publish(0, "both/2", "x");
    rig.watch("$SYS/broker/clients/+/mailbox");
    let told = told(&mut rig);
    assert_eq!(told.len(), 100);
    assert!(told.iter().all(|line| line.ends_with(" '2'")), "{told:#?}");
}

#[test]
fn a_mailbox_that_others_push_out_of_the_hundred_is_not_told_to_be_empty() {
    let mut rig = Rig::new();
    for number in 1..=101_u16 {
        let client_id = format!("node{number}");
        rig.send(port(number), resume(&client_id));
        rig.send(port(number), subscribe(Qos::Zero, 1, if number == 1 { "first" } else { "others" }));
        rig.send(port(number), sleep(600));
    }
    rig.publish(0, "first", "x");
    rig.watch("$SYS/broker/clients/node1/mailbox");
    assert_eq!(told(&mut rig), ["retain clients/node1/mailbox '1'"]);
    rig.publish(0, "first", "x");
    for _ in 0..3 {
        rig.publish(0, "others", "x");
    }
    rig.wait_s(60);
    assert_eq!(told(&mut rig), ["clients/node1/mailbox '2'"]);
}

#[test]
fn without_an_interval_nothing_is_told_until_the_configuration_changes() {
    let mut rig = Rig::with(|config| config.sys_interval = None);
    rig.watch("$SYS/#");
    rig.disk(StorageState::Full);
    rig.disk(StorageState::Ok);
    rig.wait_s(60);
    assert_eq!(told(&mut rig), [""; 0]);
    rig.configure(|config| config.sys_interval = Some(Duration::from_secs(1)));
    rig.wait_s(11);
    assert_told(&told(&mut rig), &["store/state 'ok'"]);
}

#[test]
fn nobody_who_subscribes_costs_no_timer_and_no_one_left_ends_it() {
    let mut rig = Rig::with(|config| config.session_expiry = None);
    rig.mqtt_connect(ConnId(7), "other");
    assert_eq!(rig.core.poll_timeout(), None);
    rig.watch("$SYS/#");
    assert!(rig.core.poll_timeout().is_some());
    assert!(rig.core.drop_session(rig.now, "mqtt"));
    rig.wait_s(20);
    assert_eq!(rig.core.poll_timeout(), None);
}

#[test]
fn nothing_of_it_is_written_to_the_disk() {
    let mut rig = Rig::with(|config| config.durable = true);
    rig.watch("$SYS/#");
    let commits = rig.commits;
    rig.wait_s(60);
    assert!(told(&mut rig).iter().any(|line| line == "uptime '60 seconds'"));
    assert_eq!(rig.commits, commits);
}

#[test]
fn a_subscription_of_before_the_restart_goes_on() {
    let mut rig = Rig::with(|config| config.durable = true);
    rig.restart(|_| {});
    rig.send(NODE, resume("node"));
    rig.ask(NODE, subscribe(Qos::Zero, 1, "$SYS/broker/uptime"));
    rig.wait_s(25);
    rig.heard(NODE);
    rig.restart(|_| {});
    rig.wait_s(10);
    assert_eq!(rig.heard(NODE), ["PUBLISH q0 id=1 '10 seconds'"]);
}
