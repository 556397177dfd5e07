//! The Python package mqtt-sn-12: its commands `mqtt_sn_pub` and `mqtt_sn_sub`, and the library under them.
//!
//! It never sends a packet again, waits for ever for an answer, has no QoS 2 as a subscriber, does not acknowledge QoS 1,
//! and drops what comes by a short name unless SUBACK said topic id 0 (1.2 §5.4.16 calls that id not relevant).

use crate::{Gateway, Process, python_program, venv_bin};
use std::process::Command;

/// Starts its publisher. Prints every packet.
#[must_use]
pub fn mqtt_sn_pub(gateway: &Gateway, args: &[&str]) -> Process {
    Process::start(at("mqtt_sn_pub", gateway, args))
}

/// Starts its subscriber, which prints payloads, and "SUBACK return code: 0" when it is subscribed.
#[must_use]
pub fn mqtt_sn_sub(gateway: &Gateway, args: &[&str]) -> Process {
    Process::start(at("mqtt_sn_sub", gateway, args))
}

fn at(name: &str, gateway: &Gateway, args: &[&str]) -> Command {
    let (host, port) = (gateway.udp.ip().to_string(), gateway.udp.port().to_string());
    let mut command = Command::new(venv_bin(name));
    command.args(["-d", "-h", &host, "-p", &port]).args(args).env("PYTHONUNBUFFERED", "1");
    command
}

/// A client made with the library, which can do what the commands cannot: stay, sleep and wake. It takes a command per
/// line, listed in `clients/sn_client.py`, and prints what it receives.
#[derive(Debug)]
pub struct SnPyClient(Process);

impl SnPyClient {
    /// Connects; `args` are those of the script after host, port and client id.
    #[must_use]
    pub fn connect(gateway: &Gateway, client_id: &str, args: &[&str]) -> Self {
        let mut python = python_program("sn_client.py");
        python.args([gateway.udp.ip().to_string(), gateway.udp.port().to_string(), client_id.to_owned()]).args(args);
        let mut process = Process::start(python);
        process.expect("connected");
        Self(process)
    }

    /// Gives a command and waits for what it prints at its end.
    pub fn command(&mut self, command: &str, done: &str) {
        self.0.type_line(command);
        self.0.expect(done);
    }

    /// The process.
    pub const fn process(&mut self) -> &mut Process {
        &mut self.0
    }

    /// Ends it without a goodbye.
    pub fn kill(self) {
        self.0.kill();
    }
}
