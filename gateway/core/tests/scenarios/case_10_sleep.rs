//! Sleeping clients (1.2 §6.14): everything waits until PINGREQ, is sent one message at a time, and PINGRESP comes
//! after the last acknowledgement. The sleep is supervised with the spec's tolerance.

use crate::common::sn::{
    DISCONNECT, PINGREQ, connect, connect_with_will, pingreq, puback, puback_with, pubcomp, publish, pubrec, regack,
    register, resume, sleep, subscribe, will_msg, will_topic,
};
use crate::common::{Rig, port};
use gateway_core::ClientState;
use sn_codec::{Qos, ReturnCode};
use sn_types::PeerAddr;

const NODE: PeerAddr = port(1);

/// `node` is subscribed to `t` and asleep for `duration_s`.
fn asleep_for(duration_s: u16) -> Rig {
    let mut rig = Rig::new();
    rig.send(NODE, resume("node"));
    rig.send(NODE, subscribe(Qos::Two, 1, "t"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, sleep(duration_s)), ["DISCONNECT"]);
    assert_eq!(rig.state("node"), ClientState::Asleep);
    rig.events();
    rig
}

#[test]
fn nothing_is_sent_to_a_sleeper_and_everything_when_it_wakes() {
    let mut rig = asleep_for(600);
    for (qos, payload) in [(0, "a"), (1, "b"), (2, "c"), (0, "d")] {
        rig.publish(qos, "t", payload);
    }
    rig.wait_s(300);
    assert_eq!(rig.heard(NODE), [""; 0]);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PUBLISH q0 id=1 'a'", "PUBLISH q1 id=1 mid=1 'b'"]);
    assert_eq!(rig.state("node"), ClientState::Awake);
    assert_eq!(rig.ask(NODE, puback(1, 1)), ["PUBLISH q2 id=1 mid=2 'c'"]);
    rig.wait_ms(70);
    assert_eq!(rig.ask(NODE, pubrec(2)), ["PUBREL mid=2"]);
    rig.wait_ms(30);
    assert_eq!(rig.ask(NODE, pubcomp(2)), ["PUBLISH q0 id=1 'd'", "PINGRESP"]);
    assert_eq!(rig.state("node"), ClientState::Asleep);
    assert_eq!(rig.events(), ["mqtt connected", "node awake, 4 waiting", "node drained after 100 ms"]);
}

#[test]
fn nothing_waits_pingresp_at_once() {
    let mut rig = asleep_for(600);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PINGRESP"]);
    assert_eq!(rig.ask(NODE, PINGREQ), ["PINGRESP"], "its address says who it is");
    assert_eq!(rig.state("node"), ClientState::Asleep);
}

#[test]
fn a_second_wake_brings_only_what_is_new() {
    let mut rig = asleep_for(600);
    rig.publish(1, "t", "a");
    rig.send(NODE, pingreq("node"));
    rig.send(NODE, puback(1, 1));
    rig.heard(NODE);
    rig.publish(1, "t", "b");
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PUBLISH q1 id=1 mid=2 'b'"]);
    assert_eq!(rig.ask(NODE, puback(1, 2)), ["PINGRESP"]);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PINGRESP"]);
}

#[test]
fn what_comes_while_it_is_awake_goes_along() {
    let mut rig = asleep_for(600);
    rig.publish(1, "t", "a");
    rig.send(NODE, pingreq("node"));
    rig.publish(1, "t", "b");
    assert_eq!(rig.heard(NODE), ["PUBLISH q1 id=1 mid=1 'a'"]);
    assert_eq!(rig.ask(NODE, puback(1, 1)), ["PUBLISH q1 id=1 mid=2 'b'"]);
    assert_eq!(rig.ask(NODE, puback(1, 2)), ["PINGRESP"]);
}

#[test]
fn a_wildcards_topic_is_registered_during_the_wake() {
    let mut rig = asleep_for(600);
    rig.send(NODE, subscribe(Qos::One, 2, "w/+"));
    rig.publish(1, "w/1", "a");
    assert_eq!(rig.heard(NODE), ["SUBACK q1 id=0 mid=2 00"]);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["REGISTER id=2 mid=1 'w/1'"]);
    assert_eq!(rig.ask(NODE, regack(2, 1)), ["PUBLISH q1 id=2 mid=2 'a'"]);
    assert_eq!(rig.ask(NODE, puback(2, 2)), ["PINGRESP"]);
}

#[test]
fn an_awake_client_that_does_not_answer_gets_its_message_at_the_next_wake() {
    let mut rig = asleep_for(600);
    rig.publish(1, "t", "a");
    rig.send(NODE, pingreq("node"));
    rig.heard(NODE);
    rig.wait_s(59);
    assert_eq!(rig.heard(NODE), ["PUBLISH q1 dup id=1 mid=1 'a'"; 5]);
    assert_eq!(rig.state("node"), ClientState::Awake);
    rig.wait_s(1);
    assert_eq!(rig.state("node"), ClientState::Asleep);
    assert_eq!(rig.heard(NODE), [""; 0]);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PUBLISH q1 dup id=1 mid=1 'a'"]);
    assert_eq!(rig.ask(NODE, puback(1, 1)), ["PINGRESP"]);
}

#[test]
fn how_long_a_mailbox_has_had_something_is_told_until_all_is_acknowledged() {
    let mut rig = asleep_for(600);
    let age_s = |rig: &Rig| rig.core.census().oldest_mailbox.map(|filled| rig.now.since(filled).as_secs());
    assert_eq!(age_s(&rig), None);
    rig.wait_s(100);
    rig.publish(1, "t", "a");
    rig.wait_s(20);
    rig.publish(1, "t", "b");
    rig.wait_s(10);
    assert_eq!(age_s(&rig), Some(30));
    rig.send(NODE, pingreq("node"));
    rig.send(NODE, puback(1, 1));
    assert_eq!(age_s(&rig), Some(30), "there has always been something");
    rig.send(NODE, puback(1, 2));
    assert_eq!(age_s(&rig), None);
}

#[test]
fn pingreq_while_awake_starts_over() {
    let mut rig = asleep_for(600);
    rig.publish(2, "t", "a");
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PUBLISH q2 id=1 mid=1 'a'"]);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PUBLISH q2 dup id=1 mid=1 'a'"]);
    assert_eq!(rig.ask(NODE, pubrec(1)), ["PUBREL mid=1"]);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PUBREL mid=1"]);
    assert_eq!(rig.ask(NODE, pubcomp(1)), ["PINGRESP"]);
    let events = ["mqtt connected", "node awake, 1 waiting", "node drained after 0 ms"];
    assert_eq!(rig.events(), events, "it was awake all the time");
}

#[test]
fn a_congested_client_goes_back_to_sleep_with_its_messages_kept() {
    let mut rig = asleep_for(600);
    rig.publish(1, "t", "a");
    rig.send(NODE, pingreq("node"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, puback_with(1, 1, ReturnCode::Congestion)), ["PINGRESP"]);
    rig.wait_ms(299_999);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PINGRESP"], "not before T_WAIT is over");
    rig.wait_ms(1);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PUBLISH q1 dup id=1 mid=1 'a'"]);
}

#[test]
fn what_is_in_flight_when_it_falls_asleep_comes_again_with_dup() {
    let mut rig = Rig::new();
    rig.send(NODE, connect("node"));
    rig.send(NODE, subscribe(Qos::One, 1, "t"));
    rig.publish(1, "t", "a");
    rig.send(NODE, sleep(600));
    rig.heard(NODE);
    rig.wait_s(300);
    assert_eq!(rig.heard(NODE), [""; 0], "and not before it wakes");
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PUBLISH q1 dup id=1 mid=1 'a'"]);
}

#[test]
fn an_acknowledgement_that_comes_when_it_is_asleep_counts() {
    let mut rig = Rig::new();
    rig.send(NODE, connect("node"));
    rig.send(NODE, subscribe(Qos::One, 1, "t"));
    rig.publish(1, "t", "a");
    rig.send(NODE, sleep(600));
    rig.send(NODE, puback(1, 1));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PINGRESP"]);
}

#[test]
fn sleep_time_out_with_the_tolerance_of_the_spec() {
    for (duration_s, lost_after_ms) in [(60, 90_000), (61, 67_100), (600, 660_000), (1, 1_500)] {
        let mut rig = Rig::new();
        rig.watch("w");
        rig.send(NODE, connect_with_will("node"));
        rig.send(NODE, will_topic("w"));
        rig.send(NODE, will_msg("gone"));
        rig.send(NODE, sleep(duration_s));
        rig.wait_ms(lost_after_ms - 1);
        assert_eq!(rig.watched(), [""; 0], "{duration_s} s");
        rig.wait_ms(1);
        assert_eq!(rig.watched(), ["q1 w 'gone'"], "{duration_s} s");
    }
}

#[test]
fn the_sleep_timer_starts_again_at_pingresp() {
    let mut rig = asleep_for(60);
    rig.wait_s(80);
    rig.publish(1, "t", "a");
    rig.send(NODE, pingreq("node"));
    rig.wait_s(9);
    assert_eq!(rig.ask(NODE, puback(1, 1)).last().map(String::as_str), Some("PINGRESP"));
    rig.wait_ms(89_999);
    assert_eq!(rig.state("node"), ClientState::Asleep);
    rig.wait_ms(1);
    assert_eq!(rig.state("node"), ClientState::Lost);
}

#[test]
fn a_lost_sleeper_keeps_its_queue_if_its_session_is_kept() {
    let mut rig = asleep_for(60);
    rig.publish(1, "t", "a");
    rig.wait_s(90);
    assert_eq!(rig.state("node"), ClientState::Lost);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["DISCONNECT"]);
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00", "REGISTER id=1 mid=1 't'"]);
    assert_eq!(rig.ask(NODE, regack(1, 1)), ["PUBLISH q1 id=1 mid=2 'a'"]);
}

#[test]
fn asleep_to_connected_delivers_after_connack() {
    let mut rig = asleep_for(600);
    rig.publish(0, "t", "a");
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00", "REGISTER id=1 mid=1 't'"]);
    assert_eq!(rig.ask(NODE, regack(1, 1)), ["PUBLISH q0 id=1 'a'"]);
    assert_eq!(rig.state("node"), ClientState::Active);
}

#[test]
fn awake_to_connected() {
    let mut rig = asleep_for(600);
    rig.publish(1, "t", "a");
    rig.send(NODE, pingreq("node"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00", "REGISTER id=1 mid=2 't'"]);
    assert_eq!(rig.ask(NODE, regack(1, 2)), ["PUBLISH q1 dup id=1 mid=1 'a'"]);
    assert_eq!(rig.ask(NODE, puback(1, 1)), [""; 0], "an active client gets no PINGRESP");
}

#[test]
fn asleep_to_connected_with_clean_session_drops_the_queue() {
    let mut rig = asleep_for(600);
    rig.publish(1, "t", "a");
    assert_eq!(rig.ask(NODE, connect("node")), ["CONNACK 00"]);
    assert_eq!(rig.waiting("node"), 0);
}

#[test]
fn asleep_and_awake_to_disconnected() {
    for wake in [false, true] {
        let mut rig = asleep_for(600);
        rig.publish(1, "t", "a");
        if wake {
            rig.send(NODE, pingreq("node"));
        }
        rig.heard(NODE);
        assert_eq!(rig.ask(NODE, DISCONNECT), ["DISCONNECT"]);
        assert_eq!(rig.state("node"), ClientState::Disconnected);
        rig.wait_s(10_000);
        assert_eq!(rig.state("node"), ClientState::Disconnected, "not supervised any more");
        assert_eq!(rig.waiting("node"), 1);
    }
}

#[test]
fn asleep_with_a_new_duration() {
    let mut rig = asleep_for(60);
    rig.wait_s(30);
    assert_eq!(rig.ask(NODE, sleep(600)), ["DISCONNECT"]);
    rig.wait_s(659);
    assert_eq!(rig.state("node"), ClientState::Asleep);
    rig.wait_s(1);
    assert_eq!(rig.state("node"), ClientState::Lost);
}

#[test]
fn a_shorter_duration_counts_at_once() {
    let mut rig = asleep_for(600);
    rig.send(NODE, sleep(10));
    rig.wait_ms(14_999);
    assert_eq!(rig.state("node"), ClientState::Asleep);
    rig.wait_ms(1);
    assert_eq!(rig.state("node"), ClientState::Lost);
}

#[test]
fn awake_with_a_new_duration() {
    let mut rig = asleep_for(600);
    rig.publish(1, "t", "a");
    rig.send(NODE, pingreq("node"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, sleep(10)), ["DISCONNECT"]);
    assert_eq!(rig.state("node"), ClientState::Asleep);
    rig.wait_s(14);
    assert_eq!(rig.heard(NODE), [""; 0], "its radio is off");
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PUBLISH q1 dup id=1 mid=1 'a'"]);
}

#[test]
fn a_duration_of_zero_is_a_plain_disconnect() {
    let mut rig = asleep_for(600);
    assert_eq!(rig.ask(NODE, sleep(0)), ["DISCONNECT"]);
    assert_eq!(rig.state("node"), ClientState::Disconnected);
}

#[test]
fn a_sleeper_may_publish_and_register_and_stays_asleep() {
    let mut rig = asleep_for(600);
    assert_eq!(rig.ask(NODE, register(1, "up")), ["REGACK id=2 mid=1 00"]);
    assert_eq!(rig.ask(NODE, publish(Qos::One, 2, 2, "x")), ["PUBACK id=2 mid=2 00"]);
    assert_eq!(rig.state("node"), ClientState::Asleep);
}

#[test]
fn a_message_to_itself_waits_for_the_next_wake() {
    let mut rig = asleep_for(600);
    assert_eq!(rig.ask(NODE, publish(Qos::One, 1, 2, "x")), ["PUBACK id=1 mid=2 00"]);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PUBLISH q1 id=1 mid=1 'x'"]);
}

#[test]
fn retained_messages_wait_for_a_sleeper_too() {
    let mut rig = asleep_for(600);
    rig.publish_retained(1, "r/1", "one");
    rig.publish_retained(0, "r/2", "two");
    assert_eq!(rig.ask(NODE, subscribe(Qos::Two, 2, "r/#")), ["SUBACK q2 id=0 mid=2 00"]);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["REGISTER id=2 mid=1 'r/1'"]);
    assert_eq!(rig.ask(NODE, regack(2, 1)), ["PUBLISH q1 retain id=2 mid=2 'one'"]);
    assert_eq!(rig.ask(NODE, puback(2, 2)), ["REGISTER id=3 mid=3 'r/2'"]);
    assert_eq!(rig.ask(NODE, regack(3, 3)), ["PUBLISH q0 retain id=3 'two'", "PINGRESP"]);
}

#[test]
fn a_lost_disconnect_ack_does_not_strand_the_node() {
    let mut rig = asleep_for(600);
    assert_eq!(rig.ask(NODE, sleep(600)), ["DISCONNECT"]);
    assert_eq!(rig.ask(NODE, pingreq("node")), ["PINGRESP"]);
}
