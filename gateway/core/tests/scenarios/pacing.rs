//! A link that is spared: wakes in turn, and no more on the air than it may have.

use crate::common::sn::{PINGREQ, connect, pingreq, puback, publish_to, register, resume, short, sleep, subscribe_to};
use crate::common::{Rig, TRANSPORT, port};
use gateway_core::{Airtime, ClientState, Pacing};
use sn_codec::{Qos, ShortName, TopicFilter};
use std::time::Duration;

const TOPIC: TopicFilter<'static> = TopicFilter::Short(ShortName(*b"aa"));

fn rig(pacing: Pacing) -> Rig {
    let mut rig = Rig::new();
    rig.operate(|_, core| core.set_pacing(TRANSPORT, pacing));
    rig
}

/// A gateway that serves so many wakes at once, and sleepers on the ports 1 to `sleepers` for which a message waits.
fn with_sleepers(wakes: u16, sleepers: u16) -> Rig {
    let mut rig = rig(Pacing { wakes: Some(wakes), airtime: None });
    for number in 1..=sleepers {
        let id = number.to_string();
        assert_eq!(rig.ask(port(number), resume(&id)), ["CONNACK 00"]);
        assert_eq!(rig.ask(port(number), subscribe_to(Qos::One, 1, TOPIC)), ["SUBACK q1 id=0 mid=1 00"]);
        assert_eq!(rig.ask(port(number), sleep(600)), ["DISCONNECT"]);
    }
    rig.publish(1, "aa", "x");
    rig
}

fn wake(rig: &mut Rig, number: u16) -> Vec<String> {
    rig.ask(port(number), pingreq(&number.to_string()))
}

fn message(id: u16) -> [String; 1] {
    [format!("PUBLISH q1 short=aa mid={id} 'x'")]
}

const NOTHING: [&str; 0] = [];

#[test]
fn of_many_that_wake_at_once_some_are_served_and_the_others_in_turn() {
    let mut rig = with_sleepers(2, 4);
    assert_eq!(wake(&mut rig, 1), message(1));
    assert_eq!(wake(&mut rig, 2), message(1));
    for waits in [3, 4, 3] {
        assert_eq!(wake(&mut rig, waits), NOTHING, "its PINGREQ, and the one that it repeats");
    }
    assert_eq!(rig.ask(port(2), puback(0, 1)), ["PINGRESP"]);
    assert_eq!((rig.heard(port(3)), rig.heard(port(4))), (message(1).to_vec(), vec![]));
    assert_eq!(rig.ask(port(3), puback(0, 1)), ["PINGRESP"]);
    assert_eq!(rig.heard(port(4)), message(1));
    assert_eq!(rig.ask(port(1), puback(0, 1)), ["PINGRESP"]);
    assert_eq!(rig.ask(port(4), puback(0, 1)), ["PINGRESP"]);
}

#[test]
fn a_wake_for_nothing_needs_no_turn() {
    let mut rig = with_sleepers(1, 2);
    assert_eq!(wake(&mut rig, 1), message(1));
    rig.send(port(3), connect("3"));
    assert_eq!(rig.ask(port(3), sleep(600)), ["CONNACK 00", "DISCONNECT"]);
    assert_eq!(wake(&mut rig, 3), ["PINGRESP"]);
}

#[test]
fn who_does_not_answer_loses_its_turn() {
    let mut rig = with_sleepers(1, 2);
    assert_eq!(wake(&mut rig, 1), message(1));
    assert_eq!(wake(&mut rig, 2), NOTHING);
    rig.wait_s(10);
    assert_eq!(rig.heard(port(1)), ["PUBLISH q1 dup short=aa mid=1 'x'"], "it is sent again all the same");
    assert_eq!(rig.heard(port(2)), message(1));
}

#[test]
fn who_is_gone_loses_its_turn() {
    let mut rig = with_sleepers(1, 2);
    assert_eq!(wake(&mut rig, 1), message(1));
    assert_eq!(wake(&mut rig, 2), NOTHING);
    rig.operate(|now, core| core.drop_session(now, "1"));
    rig.wait_s(1);
    assert_eq!(rig.ask(port(7), PINGREQ), ["DISCONNECT"], "anything that happens");
    assert_eq!(rig.heard(port(2)), message(1));
}

#[test]
fn who_waits_for_too_long_sleeps_on_and_keeps_its_messages() {
    let mut rig = with_sleepers(1, 2);
    (0..4).for_each(|_| rig.publish(1, "aa", "x"));
    assert_eq!(wake(&mut rig, 1), message(1));
    assert_eq!(wake(&mut rig, 2), NOTHING);
    // A slow one, which answers just in time.
    for id in 1..=2 {
        rig.wait_s(9);
        assert_eq!(rig.ask(port(1), puback(0, id)), message(id + 1));
    }
    assert_eq!(wake(&mut rig, 2), NOTHING);
    rig.wait_s(2);
    assert_eq!(rig.heard(port(2)), ["PINGRESP"], "20 s after its first PINGREQ");
    assert_eq!((rig.state("2"), rig.waiting("2")), (ClientState::Asleep, 5));
    for id in 3..=5 {
        rig.send(port(1), puback(0, id));
    }
    assert_eq!(rig.heard(port(1)).last().map(String::as_str), Some("PINGRESP"));
    assert_eq!(rig.heard(port(2)), NOTHING, "it sleeps");
    assert_eq!(wake(&mut rig, 2), message(1));
}

#[test]
fn who_has_waited_in_an_earlier_wake_too_is_not_kept_waiting_longer() {
    let mut rig = with_sleepers(1, 2);
    (0..4).for_each(|_| rig.publish(1, "aa", "x"));
    assert_eq!(wake(&mut rig, 1), message(1));
    assert_eq!(wake(&mut rig, 2), NOTHING);
    assert_eq!(rig.ask(port(2), sleep(600)), ["DISCONNECT"], "it does not wait for the end");
    assert_eq!(wake(&mut rig, 2), NOTHING);
    for id in 1..=2 {
        rig.wait_s(9);
        assert_eq!(rig.ask(port(1), puback(0, id)), message(id + 1));
    }
    rig.wait_s(3);
    assert_eq!(rig.heard(port(2)), ["PINGRESP"]);
}

/// A tenth of a minute, 6 s, and 100 octets take a second.
fn slow() -> Pacing {
    let (limit_ppm, window) = (100_000, Duration::from_secs(60));
    Pacing { airtime: Some(Airtime { limit_ppm, window, bits_per_s: 800, overhead: 0 }), wakes: None }
}

/// A PUBLISH of it has 100 octets.
fn second() -> String {
    "x".repeat(93)
}

fn received(rig: &mut Rig) -> usize {
    received_by(rig, 1)
}

fn received_by(rig: &mut Rig, number: u16) -> usize {
    rig.heard(port(number)).iter().filter(|sent| sent.starts_with("PUBLISH")).count()
}

#[test]
fn messages_wait_for_airtime_and_answers_do_not() {
    let mut rig = rig(slow());
    assert_eq!(rig.ask(port(1), connect("1")), ["CONNACK 00"]);
    assert_eq!(rig.ask(port(1), subscribe_to(Qos::Zero, 1, TOPIC)), ["SUBACK q0 id=0 mid=1 00"]);
    rig.heard(port(1));
    (0..12).for_each(|_| rig.publish(0, "aa", &second()));
    assert_eq!((received(&mut rig), rig.waiting("1")), (3, 9), "beyond half of 6 s they wait");
    assert_eq!(rig.ask(port(1), register(2, "a")), ["REGACK id=1 mid=2 00"]);
    rig.wait_s(59);
    assert_eq!(rig.ask(port(1), PINGREQ), ["PINGRESP"]);
    assert_eq!(received(&mut rig), 0, "the minute is not over");
    rig.wait_s(3);
    assert_eq!((received(&mut rig), rig.waiting("1")), (3, 6));
    rig.wait_s(62);
    assert_eq!((received(&mut rig), rig.waiting("1")), (4, 2));
}

/// An active client for which always more waits than there is airtime for.
fn backlogged(rig: &mut Rig, number: u16) {
    let topic = TopicFilter::Short(ShortName(*b"bb"));
    assert_eq!(rig.ask(port(number), connect(&number.to_string())), ["CONNACK 00"]);
    assert_eq!(rig.ask(port(number), subscribe_to(Qos::Zero, 1, topic)), ["SUBACK q0 id=0 mid=1 00"]);
}

#[test]
fn active_clients_share_the_airtime() {
    let mut rig = rig(slow());
    for number in 1..=3 {
        backlogged(&mut rig, number);
    }
    (0..40).for_each(|_| rig.publish(0, "bb", &second()));
    for number in 1..=3 {
        rig.heard(port(number));
    }
    let mut all = [0; 3];
    for _ in 0..12 {
        for (number, all) in (1..).zip(&mut all) {
            rig.send(port(number), PINGREQ);
            *all += received_by(&mut rig, number);
        }
        rig.wait_s(62);
    }
    assert!(all.iter().all(|all| (8..=20).contains(all)), "{all:?}");
}

#[test]
fn a_sleeper_is_served_beside_an_active_client_that_takes_all_it_gets() {
    let mut rig = rig(slow());
    assert_eq!(rig.ask(port(2), resume("2")), ["CONNACK 00"]);
    assert_eq!(rig.ask(port(2), subscribe_to(Qos::One, 1, TOPIC)), ["SUBACK q1 id=0 mid=1 00"]);
    assert_eq!(rig.ask(port(2), sleep(600)), ["DISCONNECT"]);
    rig.publish(1, "aa", "x");
    backlogged(&mut rig, 1);
    (0..40).for_each(|_| rig.publish(0, "bb", &second()));
    rig.wait_s(62);
    assert!(received(&mut rig) > 3 && rig.waiting("1") > 20);
    assert_eq!(rig.ask(port(2), pingreq("2")), message(1));
}

#[test]
fn without_any_airtime_nothing_is_sent_and_that_is_counted() {
    let mut rig = rig(slow());
    assert_eq!(rig.ask(port(1), connect("1")), ["CONNACK 00"]);
    let mut answers = 0;
    while rig.ask(port(1), PINGREQ) == ["PINGRESP"] {
        answers += 1;
    }
    // 3 octets of the 600 for the CONNACK, 2 for each PINGRESP.
    assert_eq!((answers, rig.core.stats().airtime_unsent), (298, 1));
    let used: Vec<_> = rig.core.airtime_used().map(|(_, used)| (used * 1_000.0).round()).collect();
    assert_eq!(used, [998.0]);
    rig.wait_s(61);
    assert_eq!(rig.ask(port(1), PINGREQ), ["PINGRESP"]);
}

#[test]
fn who_wakes_while_there_is_no_airtime_sleeps_on_and_keeps_its_messages() {
    let mut rig = rig(slow());
    assert_eq!(rig.ask(port(1), resume("1")), ["CONNACK 00"]);
    assert_eq!(rig.ask(port(1), subscribe_to(Qos::One, 1, TOPIC)), ["SUBACK q1 id=0 mid=1 00"]);
    assert_eq!(rig.ask(port(1), sleep(600)), ["DISCONNECT"]);
    rig.publish(1, "aa", "x");
    let mut other = 0;
    rig.send(port(2), connect("2"));
    rig.heard(port(2));
    while rig.core.airtime_used().all(|(_, used)| used < 0.8) {
        assert_eq!(rig.ask(port(2), PINGREQ), ["PINGRESP"]);
        other += 1;
    }
    assert!(other > 100);
    assert_eq!(rig.ask(port(1), pingreq("1")), ["PINGRESP"]);
    assert_eq!((rig.state("1"), rig.waiting("1")), (ClientState::Asleep, 1));
    rig.wait_s(62);
    assert_eq!(rig.ask(port(1), pingreq("1")), message(1));
}

#[test]
fn an_active_client_is_not_lost_for_want_of_airtime() {
    let mut rig = rig(slow());
    assert_eq!(rig.ask(port(1), connect("1")), ["CONNACK 00"]);
    assert_eq!(rig.ask(port(1), subscribe_to(Qos::One, 1, TOPIC)), ["SUBACK q1 id=0 mid=1 00"]);
    rig.publish(1, "aa", "x");
    assert_eq!(rig.heard(port(1)), message(1));
    rig.send(port(2), connect("2"));
    for _ in 0..12 {
        while rig.core.airtime_used().all(|(_, used)| used < 0.8) {
            rig.send(port(2), PINGREQ);
        }
        rig.wait_s(10);
        rig.send(port(1), publish_to(Qos::Zero, short("bb"), 0, "alive"));
    }
    assert_eq!(rig.state("1"), ClientState::Active, "after two minutes, longer than N_retry times T_retry");
}
