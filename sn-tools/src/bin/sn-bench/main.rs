//! `sn-bench`: load for an MQTT-SN gateway over loopback, bounded in count and time.
//!
//! Owns: the scenarios, what they measure, and the table of figures beside their goals. Every rate stands beside that
//! of the same machine's UDP echo, taken just before and after, because absolute numbers say little elsewhere.
//!
//! Must not know: the gateway's inside. It speaks MQTT-SN through `sn-codec` and MQTT through a parser of its own, and
//! loads nothing but loopback. It shares the machine with the gateway, so it is one thread, one epoll loop, and
//! allocates nothing per message.
//!
//! Order: `cli` decides on scenarios and [`settings::Settings`]; each scenario opens its [`target::Target`], drives its
//! load, and returns a [`report::Outcome`].

mod brokers;
mod cli;
mod clock;
mod closed_loop;
mod crowd;
mod disk;
mod durable;
mod echo;
mod exchange;
mod fanout;
mod feeder;
mod fleet;
mod herd;
mod lone;
mod mqtt;
mod node;
mod open_loop;
mod payload;
mod publisher;
mod receiver;
mod report;
mod scale;
mod settings;
mod sleepers;
mod stage;
mod subscriber;
mod target;
mod wear;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let outcomes = match cli.run() {
        Ok(outcomes) => outcomes,
        Err(e) => {
            eprintln!("sn-bench: {e:#}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}\n\n{}", cli::machine(), report::table(&outcomes));
    let broken = outcomes.iter().any(report::Outcome::is_broken);
    let missed = outcomes.iter().any(|outcome| !outcome.passed());
    match (broken, missed && cli.check) {
        (true, _) => ExitCode::FAILURE,
        (false, true) => ExitCode::from(2),
        (false, false) => ExitCode::SUCCESS,
    }
}
