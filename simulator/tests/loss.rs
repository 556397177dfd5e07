//! Persistent sessions over a link that loses, repeats and delays datagrams: everything at QoS 1 and 2 arrives in the
//! end, at QoS 2 once, and in order.

mod support;

use simulator::{Link, Plan, Summary, World};
use sn_client::Qos;
use sn_types::Instant;
use support::{fleet, owed};

const NODES: usize = 20;
const MESSAGES: u32 = 200;
/// A subscriber to everything gets thousands of messages one after the other, each repeated only after 10 s.
const DEADLINE: Instant = Instant::from_secs(4 * 24 * 3_600);

fn plan(seed: u64, link: Link) -> Plan {
    fleet(seed, link, NODES, MESSAGES, &[Qos::One, Qos::Two])
}

/// Runs until nothing is left to do, and sees to it that every promise was kept.
fn run(plan: &Plan) -> (World<'_>, Summary) {
    let mut world = World::new(plan);
    assert!(world.run_until_settled(DEADLINE), "seed {}: still not settled at {DEADLINE}", plan.seed);
    let summary = match world.ledger().verdict() {
        Ok(summary) => summary,
        Err(broken) => panic!("seed {}: {} broken promises, the first: {:?}", plan.seed, broken.len(), broken[0]),
    };
    let offered = plan.nodes.iter().flat_map(|node| &node.feeds).map(|feed| feed.count as usize).sum();
    assert_eq!((summary.offered, summary.owed), (offered, owed(plan)), "seed {}", plan.seed);
    assert!(
        world.gateway(0).expect("is on").stats().drops.is_empty(),
        "seed {}: the gateway dropped messages",
        plan.seed
    );
    assert_eq!(world.ledger().refusals(), 0, "seed {}", plan.seed);
    (world, summary)
}

#[test]
fn at_5_percent_everything_arrives_without_any_reconnect() {
    for seed in [1, 3] {
        let plan = plan(seed, Link::losing(5));
        let (world, summary) = run(&plan);
        assert_eq!(world.ledger().losses(), 0, "seed {seed}");
        assert!(summary.repeated > 0, "seed {seed}: no PUBACK was ever lost");
    }
}

#[test]
fn at_20_percent_everything_arrives_because_nodes_given_up_connect_again() {
    for seed in [3, 4] {
        let plan = plan(seed, Link::losing(20));
        let (world, _) = run(&plan);
        assert!(world.ledger().losses() > 0, "seed {seed}: nobody was given up");
    }
}

/// Copies that come after their exchange has ended must not count as new messages. The node remembers eight exchanges,
/// which on this link take half a second, the gateway more.
#[test]
fn copies_on_a_link_that_repeats_are_told_from_new_messages() {
    let link = Link { duplicate_ppm: 50_000, duplicate_delay_us: 5_000..=500_000, ..Link::losing(5) };
    run(&plan(5, link));
}

/// Answers come after T_retry, so that most messages are under way twice.
#[test]
fn answers_slower_than_the_retries_do_no_harm() {
    for seed in [7, 8] {
        let link = Link { delay_us: 5_000..=15_000_000, ..Link::losing(5) };
        run(&fleet(seed, link, 10, 20, &[Qos::One, Qos::Two]));
    }
}
