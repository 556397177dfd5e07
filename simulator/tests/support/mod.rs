//! Fleets that several test files put into a world.

#![allow(dead_code, reason = "each test file uses its own part")]

use simulator::plan::{Feed, NodePlan, Sleep};
use simulator::{Link, Plan};
use sn_client::Qos;
use sn_types::Instant;
use std::num::NonZeroU16;
use std::time::Duration;

/// By then, all nodes have subscribed.
const PUBLISHING_STARTS: Instant = Instant::from_secs(1_200);

/// Every fourth node sleeps, every tenth subscribes to everything, the others to two of their neighbours.
pub(crate) fn fleet(seed: u64, link: Link, size: usize, messages: u32, qos: &[Qos]) -> Plan {
    named_fleet("home", seed, link, size, messages, qos)
}

/// A fleet whose client ids and topics begin with `name`.
pub(crate) fn named_fleet(name: &str, seed: u64, link: Link, size: usize, messages: u32, qos: &[Qos]) -> Plan {
    let nodes = (0..size).map(|number| node(name, number, size, messages, qos)).collect();
    Plan { nodes, ..Plan::new(seed, link) }
}

fn node(name: &str, number: usize, size: usize, messages: u32, qos: &[Qos]) -> NodePlan {
    let is_sleeper = number % 4 == 3;
    let qos_of = |number: usize| qos[number % qos.len()];
    let topic = |number: usize| format!("{name}/{number:02}/reading");
    let neighbour = |by: usize| topic((number + by) % size);
    let subscriptions = if number.is_multiple_of(10) {
        vec![(format!("{name}/+/reading"), qos_of(number / 10))]
    } else {
        vec![(neighbour(1), qos_of(number + 1)), (neighbour(2), Qos::Two)]
    };
    let feed = Feed {
        topic: topic(number),
        qos: qos_of(number),
        count: messages,
        start: PUBLISHING_STARTS,
        period: Duration::from_secs(if is_sleeper { 120 } else { 20 }),
        jitter: Duration::ZERO,
    };
    let sleep = Sleep { duration_s: NonZeroU16::MIN.saturating_add(899), wake_every: Duration::from_secs(150) };
    NodePlan {
        start: Instant::from_millis(number as u64 * 300),
        subscriptions,
        feeds: vec![feed],
        sleep: is_sleeper.then_some(sleep),
        ..NodePlan::new(format!("{name}-{number:02}"))
    }
}

/// Deliveries at QoS 1 or 2 that the subscribers of a fleet have a right to, counted from the plan.
pub(crate) fn owed(plan: &Plan) -> usize {
    let feeds = || plan.nodes.iter().flat_map(|node| &node.feeds).filter(|feed| feed.qos != Qos::Zero);
    let of_filter = |filter: &str| -> usize {
        let selected = feeds().filter(|feed| filter.contains('+') || feed.topic == filter);
        selected.map(|feed| feed.count as usize).sum()
    };
    let subscriptions = plan.nodes.iter().flat_map(|node| &node.subscriptions);
    subscriptions.filter(|(_, qos)| *qos != Qos::Zero).map(|(filter, _)| of_filter(filter)).sum()
}
