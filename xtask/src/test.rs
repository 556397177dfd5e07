//! `cargo xtask test`: every step in order, with a heading each and a summary at the end.

use crate::beside::{self, Beside};
use crate::steps::Step;
use crate::tools;
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use std::time::{Duration, Instant};

#[derive(Args)]
pub(crate) struct Options {
    /// Run only these steps (and fetch only what they need).
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STEP")]
    only: Vec<Step>,
    /// Take an hour instead of minutes: 50 times the cases of every property test, the tests marked `ignore`, and
    /// a flow of Node-RED.
    #[arg(long)]
    nightly_size: bool,
}

impl Options {
    fn steps(&self) -> Vec<Step> {
        let all = Step::value_variants().iter().copied();
        all.filter(|step| self.only.is_empty() || self.only.contains(step)).collect()
    }
}

/// A step that has run.
struct Report {
    name: &'static str,
    purpose: &'static str,
    took: Duration,
    outcome: Result<()>,
}

/// Runs the steps. A failed one does not stop the others, so that one run shows everything; missing tools do.
pub(crate) fn run(options: &Options) -> Result<()> {
    let steps = options.steps();
    println!("\n=== tools");
    let more = |step: &Step| if options.nightly_size { step.needs_at_nightly_size() } else { &[] };
    tools::provide(steps.iter().flat_map(|step| step.needs().iter().chain(more(step))))?;
    summarise(&run_all(steps, options)?)
}

/// In a whole run some of the steps run [beside](Beside) the others, from when there are binaries to test.
fn run_all(steps: Vec<Step>, options: &Options) -> Result<Vec<Report>> {
    let (aside, steps): (Vec<Step>, Vec<Step>) =
        steps.into_iter().partition(|step| options.only.is_empty() && beside::STEPS.contains(step));
    let (mut reports, mut others) = (Vec::new(), None);
    for step in steps {
        if step == Step::Test && !aside.is_empty() {
            others = Some(Beside::start(&aside, options.nightly_size)?);
        }
        reports.push(run_step(step, options));
    }
    if let Some(others) = others {
        let (took, outcome) = others.finish();
        reports.push(Report { name: "beside", purpose: "the steps of the summary before this one", took, outcome });
    }
    Ok(reports)
}

fn run_step(step: Step, options: &Options) -> Report {
    println!("\n=== {}: {}", step.name(), step.purpose());
    let start = Instant::now();
    let outcome = step.run(options.nightly_size);
    if let Err(error) = &outcome {
        println!("FAILED {}: {error:#}", step.name());
    }
    Report { name: step.name(), purpose: step.purpose(), took: start.elapsed(), outcome }
}

fn summarise(reports: &[Report]) -> Result<()> {
    println!("\n=== summary");
    for Report { name, purpose, took, outcome } in reports {
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        println!("{name:<11} {verdict:<7} {:>6.1} s   {purpose}", took.as_secs_f32());
    }
    let failed: Vec<&str> = reports.iter().filter(|r| r.outcome.is_err()).map(|r| r.name).collect();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    println!("all passed");
    Ok(())
}
