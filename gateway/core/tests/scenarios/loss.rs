//! A link that loses datagrams at random, in both directions: with a session that is kept and a node that reconnects,
//! QoS 1 and 2 arrive in the end, QoS 2 once and both in order.

use crate::common::Rig;
use crate::common::node::Wire;
use sn_client::{Config, Event, Qos, Topic};

/// Messages each way at each QoS.
const MESSAGES: usize = 100;
const SEEDS: u64 = 10;

/// Loses `percent` of the datagrams; the same ones for the same seed (xorshift64).
fn lossy(seed: u64, percent: u64) -> impl FnMut(usize) -> usize {
    let mut random = seed;
    move |_| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::from(random % 100 >= percent)
    }
}

fn connected(seed: u64, percent: u64) -> Wire<impl FnMut(usize) -> usize> {
    let mut rig = Rig::with(|config| config.limits.mqtt_inflight = 10 * MESSAGES);
    rig.watch("up");
    let config = Config { auto_reconnect: true, seed: seed as u32, ..Config::new("node") };
    let mut wire = Wire::new(rig, config, lossy(seed, percent));
    wire.node.connect(false);
    wire.until_told(Event::Connected);
    wire.node.subscribe(Topic::Name("down/#"), Qos::Two).unwrap();
    wire.until_told(Event::Subscribed { granted: Qos::Two });
    wire
}

/// Publishes everything both ways and answers with how often a side gave the other up.
fn exchange(seed: u64, percent: u64) -> usize {
    let mut wire = connected(seed, percent);
    for n in 0..MESSAGES {
        for qos in [1, 2] {
            wire.rig.publish(qos, &format!("down/{}", n % 3), &format!("{qos}/{n}"));
        }
        let payload = n.to_string();
        for qos in [Qos::One, Qos::Two] {
            wire.node.publish(Topic::Name("up"), payload.as_bytes(), qos, false).unwrap();
            wire.until("published", |wire| !wire.node.is_busy());
        }
    }
    wire.until("delivered", |wire| wire.rig.waiting("node") == 0);
    check_down(&wire, seed);
    check_up(&wire.rig.watched(), seed);
    let lost_by_gateway = wire.rig.events().iter().filter(|event| event.contains("lost")).count();
    wire.losses + lost_by_gateway
}

fn check_down<L: FnMut(usize) -> usize>(wire: &Wire<L>, seed: u64) {
    for n in 0..MESSAGES {
        assert!(wire.times(&format!("down/{} '1/{n}'", n % 3)) >= 1, "seed {seed}: QoS 1 {n} down");
        assert_eq!(wire.times(&format!("down/{} '2/{n}'", n % 3)), 1, "seed {seed}: QoS 2 {n} down");
    }
    let first_times = wire.messages.iter().filter(|message| message.contains("'2/"));
    let numbers = first_times.map(|message| message.split(['/', '\'']).nth(3).unwrap().parse::<usize>().unwrap());
    assert!(numbers.is_sorted(), "seed {seed}: order");
}

fn check_up(up: &[String], seed: u64) {
    let times = |message: String| up.iter().filter(|known| **known == message).count();
    for n in 0..MESSAGES {
        assert!(times(format!("q1 up '{n}'")) >= 1, "seed {seed}: QoS 1 {n} up");
        assert_eq!(times(format!("q2 up '{n}'")), 1, "seed {seed}: QoS 2 {n} up");
    }
}

#[test]
fn at_5_percent_everything_arrives_without_a_reconnect() {
    for seed in 1..=SEEDS {
        assert_eq!(exchange(seed, 5), 0, "seed {seed}");
    }
}

#[test]
fn at_20_percent_everything_arrives_in_the_end() {
    for seed in 1..=SEEDS {
        exchange(seed, 20);
    }
}

#[test]
fn at_50_percent_everything_arrives_in_the_end_although_connections_break() {
    let losses: usize = (1..=SEEDS).map(|seed| exchange(seed, 50)).sum();
    assert!(losses > 0, "else this shows no more than the others");
}
