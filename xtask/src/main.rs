//! `cargo xtask`: the project's chores, in Rust so that they need nothing but cargo.
//!
//! Owns: the order of the checks (`test`), what they need from the machine (`tools`), the rules that no compiler checks
//! (`tidy`), the tables of MQTT's statements (`conformance`), the firmware's size and
//! images (`firmware`), and which campaigns are
//! run (`campaign`). Must not know: what the tests test.

mod beside;
mod campaign;
mod conformance;
mod exec;
mod firmware;
mod steps;
mod test;
mod tidy;
mod tools;
mod workspace;

use clap::Parser;
use std::process::ExitCode;

/// Project chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Chore {
    /// The whole check: finds or installs what it needs, then runs every step, and says at the end how each went.
    ///
    /// As root on a Debian machine it installs missing packages; otherwise it names them and stops.
    Test(test::Options),
    /// Cheap rules about the tree that no compiler checks. Also a step of `test`.
    Tidy,
    /// Every numbered statement of the MQTT standards is accounted for. Also a step of `test`.
    Conformance,
    /// Builds firmware and writes it as ELF, Intel HEX, UF2 or Nordic's DFU package. docs/flashing.md says what to do with it.
    Firmware(firmware::Options),
    /// Makes pages of flash of a node's settings, as Intel HEX and UF2. docs/firmware.md says what can be set.
    Provision(firmware::Provision),
    /// Kills the gateway again and again, and breaks its disk. A short run is also a step of `test`.
    Campaign(campaign::Options),
}

fn main() -> ExitCode {
    let outcome = match Chore::parse() {
        Chore::Test(options) => test::run(&options),
        Chore::Tidy => tidy::run(),
        Chore::Conformance => conformance::run(),
        Chore::Firmware(options) => firmware::build(&options),
        Chore::Provision(options) => firmware::provision(&options),
        Chore::Campaign(options) => campaign::run_all(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
