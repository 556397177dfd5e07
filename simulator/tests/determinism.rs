//! The same plan gives the same run, to the last octet and microsecond.

mod support;

use simulator::swarm::{generate, judge};
use simulator::{Link, Plan, World};
use sn_client::Qos;
use sn_types::Instant;
use support::fleet;

fn trace(seed: u64) -> (u64, u64) {
    let plan =
        fleet(seed, Link { duplicate_ppm: 10_000, ..Link::losing(10) }, 12, 20, &[Qos::Zero, Qos::One, Qos::Two]);
    let mut world = World::new(&plan);
    world.run_until(Instant::from_secs(4 * 3_600));
    (world.happenings(), world.trace())
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_gives_another() {
    let first = trace(1);
    assert!(first.0 > 10_000, "{} happenings are too few to mean anything", first.0);
    assert_eq!(first, trace(1));
    assert_ne!(first, trace(2));
}

#[test]
fn a_plan_with_all_its_faults_gives_the_same_run_and_so_does_its_file() {
    for seed in 0..300 {
        let plan = generate(seed);
        let first = judge(&plan);
        assert_eq!(first, judge(&plan), "seed {seed}");
        let from_file = Plan::from_toml(&plan.to_toml()).expect("what is written is legible");
        assert_eq!(first, judge(&from_file), "seed {seed}");
    }
}
