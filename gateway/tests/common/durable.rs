//! A daemon on a data directory, and what its clients say.

use super::{Daemon, Mqtt, Sn, connect_packet, own_port};
use nix::sys::signal::Signal;
use std::path::Path;
use tempfile::TempDir;

/// A gateway on a data directory, which starts again on the same ports.
pub(crate) struct Durable {
    dir: TempDir,
    ports: [String; 2],
    /// More arguments, from the next start on.
    pub(crate) args: Vec<String>,
    daemon: Option<Daemon>,
}

impl Durable {
    /// Starts it on an empty directory.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more arguments.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let args: Vec<_> = args.iter().map(ToString::to_string).collect();
        let ports = [(); 2].map(|()| format!("127.0.0.1:{}", own_port()));
        let daemon = start(dir.path(), &ports.each_ref().map(String::as_str), &args);
        Self { dir, ports, args, daemon: Some(daemon) }
    }

    /// Starts it on an empty directory with transports and listeners from these arguments, and one for MQTT.
    pub(crate) fn start_from(args: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let args: Vec<_> = args.iter().map(ToString::to_string).collect();
        let ports = [String::new(), format!("127.0.0.1:{}", own_port())];
        let daemon = start(dir.path(), &ports.each_ref().map(String::as_str), &args);
        Self { dir, ports, args, daemon: Some(daemon) }
    }

    /// Its data directory.
    pub(crate) fn dir(&self) -> &str {
        self.dir.path().to_str().expect("a path in UTF-8")
    }

    /// The process.
    pub(crate) fn daemon(&mut self) -> &mut Daemon {
        self.daemon.as_mut().expect("it runs")
    }

    /// An MQTT-SN client.
    pub(crate) fn sn(&mut self) -> Sn {
        Sn::new(self.daemon().udp())
    }

    /// An MQTT client that has said CONNECT.
    pub(crate) fn mqtt(&mut self, client_id: &str, flags: u8) -> Mqtt {
        let mut client = Mqtt::new(self.daemon().mqtt());
        client.send(&connect_packet(client_id, flags, &[]));
        client
    }

    /// Ends it by a signal and starts it again.
    pub(crate) fn restart(&mut self, signal: Signal) {
        self.daemon().signal(signal);
        self.daemon().wait();
        self.start_again();
    }

    /// Starts it again.
    pub(crate) fn start_again(&mut self) {
        drop(self.daemon.take());
        let [udp, mqtt] = &self.ports;
        self.daemon = Some(start(self.dir.path(), &[udp, mqtt], &self.args));
    }

    /// Ends it by kill -9 and starts it again.
    pub(crate) fn kill(&mut self) {
        self.restart(Signal::SIGKILL);
    }

    /// Lets the disk fail in a way that `sn_gateway::store::faults` knows, or work again.
    pub(crate) fn disk(&mut self, fault: &str) {
        std::fs::write(self.dir.path().join("faults"), fault).expect("a file");
    }

    /// What it has said about its data.
    pub(crate) fn data_line(&mut self) -> String {
        self.daemon().lines.iter().find(|line| line.starts_with("Data in ")).expect("it says where").clone()
    }
}

fn start(dir: &Path, [udp, mqtt]: &[&str; 2], args: &[String]) -> Daemon {
    let dir = dir.to_str().expect("a path in UTF-8");
    let mut all = vec!["--mqtt", mqtt, "--log", "debug"];
    if !udp.is_empty() {
        all.extend(["--udp", udp]);
    }
    if !args.iter().any(|arg| arg == "--data") {
        all.extend(["--data", dir]);
    }
    all.extend(args.iter().map(String::as_str));
    Daemon::start_as_told(&all)
}

/// CONNECT without CleanSession, keep-alive a minute.
pub(crate) fn resume(client: &Sn, client_id: &str) {
    let len = 6 + client_id.len() as u8;
    client.send(&[&[len, 0x04, 0, 0x01, 0, 60], client_id.as_bytes()].concat());
    client.expect(&[3, 0x05, 0]);
}

pub(crate) fn fall_asleep(client: &Sn) {
    client.send(&[4, 0x18, 0x0E, 0x10]);
    client.expect(&[2, 0x18]);
}

pub(crate) fn wake(client: &Sn, client_id: &str) {
    client.send(&[&[2 + client_id.len() as u8, 0x16], client_id.as_bytes()].concat());
}

pub(crate) const PINGRESP: [u8; 2] = [2, 0x17];
