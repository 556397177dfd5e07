//! The MQTT-SN forwarder. `sn-forwarder --help` tells what it does.

use clap::Parser;
use sn_forwarder::cli::Cli;
use sn_forwarder::run;
use std::process::ExitCode;

fn main() -> ExitCode {
    let result = Cli::parse().file().and_then(|(file, is_check)| {
        if is_check {
            println!("all right");
            return Ok(());
        }
        run::run(&file)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sn-forwarder: {error:#}");
            ExitCode::FAILURE
        }
    }
}
