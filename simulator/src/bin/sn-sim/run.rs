//! `sn-sim run`: from a file to a verdict.

use crate::Verdict;
use anyhow::Context;
use clap::Args;
use simulator::{Plan, swarm};
use std::fs;
use std::path::PathBuf;

/// Run what a file describes, and judge it
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The file, in TOML
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Verdict> {
    let name = options.file.display();
    let text = fs::read_to_string(&options.file).with_context(|| format!("cannot read {name}"))?;
    let plan = Plan::from_toml(&text).with_context(|| name.to_string())?;
    let verdict = swarm::judge(&plan);
    println!("{verdict:#?}");
    Ok(if verdict.failure().is_none() { Verdict::Kept } else { Verdict::Broken })
}
