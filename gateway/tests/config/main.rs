//! The configuration file: its defaults, its sample, and what is said about every kind of mistake.

mod addresses;
mod brokers;
mod mistakes;
mod radio;
mod sample;
#[path = "../../../sn-config/tests/support/samples.rs"]
mod samples;
mod types;
mod values;

use sn_gateway::config::{ConfigError, File, parse};
use std::path::Path;

fn read(text: &str) -> Result<File, ConfigError> {
    parse(Path::new("gw.toml"), text)
}

/// What is said about `text`, without the lines that show the place.
fn complaint(text: &str) -> String {
    let error = read(text).expect_err(text).to_string();
    error.lines().next().unwrap_or_default().to_owned()
}

fn udp_admission(file: &File) -> (Option<&str>, bool) {
    let admission = &file.transport[0].as_udp().unwrap().admission;
    (admission.user.as_deref(), admission.anonymous)
}
