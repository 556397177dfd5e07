//! `sn-sim`: simulations from the command line.
//!
//! One file for each subcommand. Files, clocks, threads and the terminal are here and nowhere else in this crate: what the
//! library does is a pure function of what it is given.

mod dongle;
mod live;
mod plans;
mod run;
mod swarm;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// MQTT-SN nodes and gateways in virtual time.
#[derive(Debug, Parser)]
#[command(name = "sn-sim", version, arg_required_else_help = true, after_long_help = EXIT_STATUS)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Options),
    Live(live::Options),
    Dongle(dongle::Options),
    Swarm(swarm::Options),
    Replay(plans::Replay),
    Shrink(plans::Shrink),
}

/// What a subcommand came to; that nothing came of it is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Every promise was kept; of a real gateway: it was there for everybody.
    Kept,
    /// Some were broken; of a real gateway: it was not.
    Broken,
}

const EXIT_STATUS: &str = "\
Exit status:
  0 if every promise was kept, 1 if one was broken, 2 if a file, a flag or the
  machine did not let it come to that. `live --duration`: 1 if a node has never
  connected, nothing was acknowledged or the gateway was gone at the end, 2 if
  it was never there.";

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Live(options) => live::run(&options),
        Command::Dongle(options) => dongle::run(&options),
        Command::Swarm(options) => swarm::run(&options),
        Command::Replay(options) => plans::replay(&options),
        Command::Shrink(options) => plans::shrink_file(&options),
    };
    match outcome {
        Ok(Verdict::Kept) => ExitCode::SUCCESS,
        Ok(Verdict::Broken) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
