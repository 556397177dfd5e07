//! `sn-sim replay` and `sn-sim shrink`: plans in files.

use crate::Verdict;
use anyhow::{Context, Result};
use clap::Args;
use simulator::Plan;
use simulator::swarm::{self, judge, shrink};
use std::fs;
use std::path::{Path, PathBuf};

/// Runs plans again, as they are.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// Files with plans, as the swarm keeps them.
    #[arg(required = true, value_name = "FILE")]
    plans: Vec<PathBuf>,
}

/// Makes a plan that fails as small as it goes, and writes it to standard output.
#[derive(Debug, Args)]
pub(crate) struct Shrink {
    /// A file with a plan.
    #[arg(value_name = "FILE")]
    plan: PathBuf,
}

pub(crate) fn replay(options: &Replay) -> Result<Verdict> {
    let mut verdict = Verdict::Kept;
    for path in &options.plans {
        println!("{}:", path.display());
        let judged = judge(&read(path)?);
        report(&judged);
        if judged.failure().is_some() {
            verdict = Verdict::Broken;
        }
    }
    Ok(verdict)
}

pub(crate) fn shrink_file(options: &Shrink) -> Result<Verdict> {
    let plan = read(&options.plan)?;
    if judge(&plan).failure().is_none() {
        eprintln!("{}: every promise is kept: there is nothing to look for", options.plan.display());
        return Ok(Verdict::Kept);
    }
    print!("{}", shrink(&plan).to_toml());
    Ok(Verdict::Broken)
}

fn read(path: &Path) -> Result<Plan> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Plan::from_toml(&text).with_context(|| format!("{} is no plan", path.display()))
}

/// Says what a run came to.
pub(crate) fn report(verdict: &swarm::Verdict) {
    match verdict {
        swarm::Verdict::Good(outcome) => println!(
            "  every promise kept: {} messages, {} deliveries, {} happenings, fingerprint {:016x}",
            outcome.summary.offered, outcome.summary.delivered, outcome.happenings, outcome.trace
        ),
        swarm::Verdict::Broken(outcome) => outcome.violations.iter().for_each(|violation| println!("  {violation}")),
        swarm::Verdict::Panicked(message) => println!("  panicked: {message}"),
    }
}
