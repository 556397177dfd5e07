//! `sn-sim swarm`: many small random worlds.

use crate::Verdict;
use crate::plans::report;
use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use simulator::swarm::{self, generate, judge, shrink};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

/// Runs many small random worlds, and judges each.
///
/// A plan that breaks a promise is made as small as it goes and kept in a file, for `sn-sim replay`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many.
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Where plans that fail are kept.
    #[arg(long, value_name = "DIR", default_value = "swarm-failures")]
    keep: PathBuf,
    /// Threads; 0: as many as there are processors.
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

/// What the swarm came to.
#[derive(Debug, Default)]
struct Tally {
    happenings: u64,
    messages: u64,
    /// Seeds that failed.
    failed: Vec<u64>,
}

pub(crate) fn run(options: &Options) -> Result<Verdict> {
    // A panic of the code under test is a failure like others, and is told with them.
    std::panic::set_hook(Box::new(|_| {}));
    #[expect(clippy::disallowed_methods, reason = "the command may know what time it is")]
    let begun = Instant::now();
    let tally = run_all(options);
    let _ = std::panic::take_hook();
    let took = begun.elapsed().as_secs_f64();
    println!(
        "{} seeds from {} on in {took:.1} s, {:.0} a second: {} happenings, {} messages, {} failed",
        options.seeds,
        options.first,
        options.seeds as f64 / took,
        tally.happenings,
        tally.messages,
        tally.failed.len()
    );
    tally.failed.iter().take(10).try_for_each(|seed| keep(*seed, &options.keep))?;
    Ok(if tally.failed.is_empty() { Verdict::Kept } else { Verdict::Broken })
}

fn run_all(options: &Options) -> Tally {
    let threads = match options.threads {
        0 => thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {per_sec}, {eta} left");
    let progress = ProgressBar::new(options.seeds).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let next = AtomicU64::new(options.first);
    let end = options.first.saturating_add(options.seeds);
    let tallies = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&next, end, &progress))).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect::<Vec<_>>()
    });
    progress.finish_and_clear();
    let mut total = Tally::default();
    for tally in tallies {
        total.happenings += tally.happenings;
        total.messages += tally.messages;
        total.failed.extend(tally.failed);
    }
    total.failed.sort_unstable();
    total
}

/// Takes one seed after the other.
fn work(next: &AtomicU64, end: u64, progress: &ProgressBar) -> Tally {
    let mut tally = Tally::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return tally;
        }
        match judge(&generate(seed)) {
            swarm::Verdict::Good(outcome) => {
                tally.happenings += outcome.happenings;
                tally.messages += outcome.summary.offered as u64;
            }
            swarm::Verdict::Broken(_) | swarm::Verdict::Panicked(_) => tally.failed.push(seed),
        }
        progress.inc(1);
    }
}

/// Makes a plan that fails small, tells what it shows, and writes it.
fn keep(seed: u64, dir: &Path) -> Result<()> {
    let plan = shrink(&generate(seed));
    let file = dir.join(format!("seed-{seed}.toml"));
    fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    fs::write(&file, plan.to_toml()).with_context(|| format!("writing {}", file.display()))?;
    println!("\n{} ({} things):", file.display(), plan.size());
    report(&judge(&plan));
    Ok(())
}
