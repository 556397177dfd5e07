//! `mosquitto_pub` and `mosquitto_sub`, the command-line clients of Eclipse Mosquitto.

use crate::{Gateway, Process};
use std::net::SocketAddr;
use std::process::Command;

/// Starts a subscriber. It prints a message as `got TOPIC QOS RETAIN PAYLOAD`, and "Subscribed" when the gateway has
/// acknowledged the subscription.
#[must_use]
pub fn mosquitto_sub(gateway: &Gateway, args: &[&str]) -> Process {
    mosquitto_sub_at(gateway.mqtt, args)
}

/// The same at another listener.
#[must_use]
pub fn mosquitto_sub_at(listener: SocketAddr, args: &[&str]) -> Process {
    // Its notices are buffered when nobody looks at a terminal.
    let mut command = Command::new("stdbuf");
    command.args(["-oL", "mosquitto_sub", "-d", "-F", "got %t %q %r %p"]);
    Process::start(at(command, listener, args))
}

/// Publishes; comes back when all is acknowledged.
///
/// # Panics
/// If it fails.
pub fn mosquitto_pub(gateway: &Gateway, args: &[&str]) {
    mosquitto_pub_at(gateway.mqtt, args).succeed();
}

/// Starts to publish at another listener; it ends when all is acknowledged.
#[must_use]
pub fn mosquitto_pub_at(listener: SocketAddr, args: &[&str]) -> Process {
    Process::start(at(Command::new("mosquitto_pub"), listener, args))
}

fn at(mut command: Command, listener: SocketAddr, args: &[&str]) -> Command {
    let (host, port) = (listener.ip().to_string(), listener.port().to_string());
    command.args(["-h", &host, "-p", &port]).args(args);
    command
}
