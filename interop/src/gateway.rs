//! The gateway under test.

use crate::{Process, release_dir};
use nix::sys::signal::Signal;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use test_pki::{Pair, Pki};

/// A gateway of its own for one test, on ports that the system chose. It ends when this value is dropped.
#[derive(Debug)]
pub struct Gateway {
    process: Process,
    /// Where MQTT-SN clients find it.
    pub udp: SocketAddr,
    /// Where MQTT clients find it.
    pub mqtt: SocketAddr,
    is_killed: bool,
}

impl Gateway {
    /// Starts it and waits until it listens.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts it with more flags. The addresses are given already, unless there is a configuration that does so.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_with(flags: &[&str]) -> Self {
        let mut command = Self::command();
        command.arg("--in-memory").args(flags);
        if !flags.contains(&"--config") {
            command.args(["--udp", "127.0.0.1:0"]);
        }
        Self::started(command)
    }

    /// Starts it with a data directory, and more flags. The addresses are given as for [`Gateway::start_with`].
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_durable(data: &Path, flags: &[&str]) -> Self {
        let mut command = Self::command();
        command.arg("--data").arg(data).args(flags);
        if !flags.contains(&"--config") {
            command.args(["--udp", "127.0.0.1:0"]);
        }
        Self::started(command)
    }

    /// Starts it with a configuration that says all; the first addresses of each kind are [`Gateway::udp`] and
    /// [`Gateway::mqtt`].
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_configured(config: &Path) -> Self {
        let mut command = Command::new(release_dir().join("sn-gateway"));
        command.args(["run", "--log", "debug", "--in-memory", "--config"]).arg(config);
        Self::started(command)
    }

    /// The same with a data directory: it knows what the one before knew.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_durable_configured(data: &Path, config: &Path) -> Self {
        let mut command = Command::new(release_dir().join("sn-gateway"));
        command.args(["run", "--log", "debug", "--data"]).arg(data).arg("--config").arg(config);
        Self::started(command)
    }

    /// Starts it with an MQTT listener of each kind: bare TCP, `mqtts`, `ws` and `wss`, and `mqtts` again for clients
    /// that have certificates. All certificates are of `pki`.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_secured(pki: &Pki) -> Self {
        let Pair { certificate, key } = pki.server();
        let files = format!("certificate = \"{}\"\nkey = \"{}\"\n", certificate.display(), key.display());
        let ca = pki.ca();
        let clients =
            format!("client_ca = \"{}\"\nclient_certificates = \"required\"\nuser_from = \"cn\"\n", ca.display());
        let listeners = [
            ("tcp", String::new()),
            ("tls", files.clone()),
            ("ws", String::new()),
            ("wss", files.clone()),
            ("tls", files + &clients),
        ];
        let table = |(kind, keys)| format!("[[listener]]\nkind = \"{kind}\"\nlisten = \"127.0.0.1:0\"\n{keys}");
        let udp = "[[transport]]\nkind = \"udp\"\nlisten = \"127.0.0.1:0\"\n";
        let config = pki.dir().join("gateway.toml");
        fs::write(&config, format!("{udp}{}", listeners.map(table).concat())).expect("there is room for a file");
        let mut gateway = Self::start_configured(&config);
        gateway.process.expect("To publish one");
        gateway
    }

    /// Where its listeners of this scheme are, such as `wss`, in their order.
    #[must_use]
    pub fn listeners(&self, scheme: &str) -> Vec<SocketAddr> {
        let prefix = format!("MQTT on {scheme}://");
        let lines = self.process.lines();
        lines.iter().filter_map(|line| line.strip_prefix(&prefix)).map(address).collect()
    }

    fn command() -> Command {
        let mut command = Command::new(release_dir().join("sn-gateway"));
        command.args(["run", "--log", "debug", "--mqtt", "127.0.0.1:0"]);
        command
    }

    fn started(command: Command) -> Self {
        let mut process = Process::start(command);
        let udp = address(&process.expect("MQTT-SN on udp://"));
        let mqtt = address(&process.expect("MQTT on mqtt://"));
        Self { process, udp, mqtt, is_killed: false }
    }

    /// Ends it with kill -9.
    pub fn kill(mut self) {
        self.process.signal(Signal::SIGKILL);
        self.is_killed = true;
    }

    /// The process.
    pub const fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// The address at the end of a start-up line.
fn address(line: &str) -> SocketAddr {
    let text = line.rsplit("://").next().unwrap_or_default().split('/').next().unwrap_or_default();
    text.parse().unwrap_or_else(|error| panic!("no address in {line:?}: {error}"))
}

impl Drop for Gateway {
    /// A test passes only if the gateway has survived it; one that fails shows what the gateway said.
    fn drop(&mut self) {
        let is_running = self.process.is_running();
        if thread::panicking() {
            eprintln!("The gateway printed:\n{}", self.process.lines().join("\n"));
        } else {
            assert!(is_running || self.is_killed, "the gateway ended by itself:\n{}", self.process.lines().join("\n"));
        }
    }
}
