//! Are the tests any good? Bugs are planted in the gateway, and the swarm has to find each of them.

use super::{generate, judge, shrink};
use crate::Plan;
use gateway_core::PlantedBug;
use std::ops::Range;

/// How a planted bug was found.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// Which.
    pub bug: PlantedBug,
    /// One more than the seed that shows it.
    pub seeds: u64,
    /// The kind of the first violation.
    pub failure: &'static str,
    /// The plan that shows it, made small.
    pub plan: Plan,
}

/// Runs these seeds until one shows the bug. `None`: not one does.
#[must_use]
pub fn hunt(bug: PlantedBug, mut seeds: Range<u64>) -> Option<Hunt> {
    seeds.find_map(|seed| {
        let plan = with(generate(seed), Some(bug));
        let failure = judge(&plan).failure()?;
        // What fails without the bug shows something else.
        let is_the_bug = judge(&with(plan.clone(), None)).failure().is_none();
        is_the_bug.then(|| Hunt { bug, seeds: seed + 1, failure, plan: shrink(&plan) })
    })
}

fn with(mut plan: Plan, bug: Option<PlantedBug>) -> Plan {
    plan.gateways.iter_mut().for_each(|gateway| gateway.planted = bug);
    plan
}
