//! `mosquitto_pub` and `mosquitto_sub`, the command-line clients of Eclipse Mosquitto.

use crate::{Gateway, Process};
use std::process::Command;

/// Starts a subscriber. It prints a message as `got TOPIC QOS RETAIN PAYLOAD`, and "Subscribed" when the gateway has
/// acknowledged the subscription.
#[must_use]
pub fn mosquitto_sub(gateway: &Gateway, args: &[&str]) -> Process {
    // Its notices are buffered when nobody looks at a terminal.
    let mut command = Command::new("stdbuf");
    command.args(["-oL", "mosquitto_sub", "-d", "-F", "got %t %q %r %p"]);
    Process::start(at(command, gateway, args))
}

/// Publishes; comes back when all is acknowledged.
///
/// # Panics
/// If it fails.
pub fn mosquitto_pub(gateway: &Gateway, args: &[&str]) {
    Process::start(at(Command::new("mosquitto_pub"), gateway, args)).succeed();
}

fn at(mut command: Command, gateway: &Gateway, args: &[&str]) -> Command {
    let (host, port) = (gateway.mqtt.ip().to_string(), gateway.mqtt.port().to_string());
    command.args(["-h", &host, "-p", &port]).args(args);
    command
}
