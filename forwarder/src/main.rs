//! The MQTT-SN forwarder. `sn-forwarder --help` tells what it does.

use clap::Parser;
use sn_forwarder::cli::Cli;
use sn_forwarder::run;
use std::process::ExitCode;

fn main() -> ExitCode {
    match Cli::parse().file().and_then(|(file, is_check)| if is_check { Ok(()) } else { run::run(&file) }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sn-forwarder: {error:#}");
            ExitCode::FAILURE
        }
    }
}
