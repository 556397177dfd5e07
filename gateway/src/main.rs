//! The MQTT-SN gateway. `sn-gateway --help` tells what it does.

use clap::Parser;
use sn_gateway::cli::{Cli, Command};
use sn_gateway::{config, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::CheckConfig { file } => config::load(&file).map_err(Into::into).map(|_| {
            println!("{}: all right", file.display());
        }),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sn-gateway: {error:#}");
            ExitCode::FAILURE
        }
    }
}
