//! `sn-pub` and `sn-sub`, this project's command-line clients.

use crate::{Gateway, Process, release_dir};
use std::process::Command;

/// Starts a subscriber. It prints a message as `TOPIC PAYLOAD`, and every packet it sends or receives.
#[must_use]
pub fn sn_sub(gateway: &Gateway, args: &[&str]) -> Process {
    Process::start(at("sn-sub", gateway, &[&["-v", "-d"], args].concat()))
}

/// Publishes; comes back when all is acknowledged. Returns what it printed, every packet among it.
///
/// # Panics
/// If it fails.
pub fn sn_pub(gateway: &Gateway, args: &[&str]) -> Vec<String> {
    Process::start(at("sn-pub", gateway, &[&["-d"], args].concat())).succeed()
}

fn at(name: &str, gateway: &Gateway, args: &[&str]) -> Command {
    let (host, port) = (gateway.udp.ip().to_string(), gateway.udp.port().to_string());
    let mut command = Command::new(release_dir().join(name));
    command.args(["-h", &host, "-p", &port]).args(args);
    command
}
