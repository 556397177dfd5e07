//! The daemon as a process: started, killed, started again on the same directory and ports.

use crate::cast::{Addresses, PREDEFINED, PREDEFINED_ID};
use anyhow::{Context, Result, bail, ensure};
use std::fs::{self, OpenOptions};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long it may take to start, to end, or to answer, on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// T_retry as short as it gets: what was in flight when the gateway was killed is to be sent again soon. The log is as short
/// as it gets, too: it goes into the tables all the time, and without space it is full soon.
const CONFIG: &str = "[timing]\nt_retry_s = 1\nn_retry = 255\n\n[store]\nlog_bytes = 65536\n";
/// It prints this with each address on which it listens for MQTT, the last thing before it serves.
const LISTENS: &str = "MQTT on mqtt://";

/// Where the daemon keeps its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// In this directory.
    Directory(PathBuf),
    /// Nowhere: it must not be killed.
    InMemory,
}

/// How the daemon is to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    program: PathBuf,
    data: Data,
    addresses: Addresses,
    /// For the configuration and the daemon's output.
    dir: PathBuf,
}

/// A daemon that runs.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    output: PathBuf,
    /// The length of the output before this process.
    output_start: u64,
    started: Instant,
}

impl Plan {
    /// Chooses free ports, and writes the configuration into `dir`.
    ///
    /// # Errors
    /// `program` is missing, `dir` cannot be written, or there is no free port.
    pub fn new(program: &Path, data: Data, dir: &Path) -> Result<Self> {
        ensure!(program.exists(), "there is no {}; `cargo build --release -p sn-gateway` makes it", program.display());
        fs::write(dir.join("gateway.toml"), CONFIG)?;
        Ok(Self { program: program.to_owned(), data, addresses: free_addresses()?, dir: dir.to_owned() })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The file with everything the daemons have printed.
    #[must_use]
    pub fn output(&self) -> PathBuf {
        self.dir.join("gateway.log")
    }

    /// Starts a daemon. It need not be ready yet.
    ///
    /// # Errors
    /// It cannot be executed.
    pub fn start(&self) -> Result<Gateway> {
        let output = self.output();
        let log = OpenOptions::new().create(true).append(true).open(&output)?;
        let output_start = log.metadata()?.len();
        let mut command = Command::new(&self.program);
        command.arg("run").arg("--config").arg(self.dir.join("gateway.toml"));
        match &self.data {
            Data::Directory(path) => command.arg("--data").arg(path),
            Data::InMemory => command.arg("--in-memory"),
        };
        command.args(["--udp", &self.addresses.udp.to_string(), "--mqtt", &self.addresses.mqtt.to_string()]);
        command.arg("--predefined").arg(format!("{}={PREDEFINED}", PREDEFINED_ID.0));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("cannot start {}", self.program.display()))?;
        Ok(Gateway { child, output, output_start, started: Instant::now() })
    }
}

impl Gateway {
    /// Waits until it serves; how long that took since its start.
    ///
    /// # Errors
    /// It ends, or takes too long.
    pub fn wait_until_ready(&mut self) -> Result<Duration> {
        loop {
            if self.printed().contains(LISTENS) {
                return Ok(self.started.elapsed());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the gateway ended when it was started, with {status}:\n{}", self.printed());
            }
            ensure!(self.started.elapsed() < PATIENCE, "the gateway does not start:\n{}", self.printed());
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// It has ended by itself before.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the gateway ended by itself, with {status}:\n{}", self.printed());
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// How it has ended, if it has.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// What it has printed so far.
    #[must_use]
    pub fn printed(&self) -> String {
        let all = fs::read(&self.output).unwrap_or_default();
        String::from_utf8_lossy(all.get(self.output_start as usize..).unwrap_or_default()).into_owned()
    }

    /// Resident memory in octets, while it runs.
    #[must_use]
    pub fn resident(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let kb: u64 =
            status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kb * 1_024)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A free UDP and a free TCP port. Below the ports that the system hands out: nobody else takes them while the daemon is
/// down, least of all a client that connects to itself.
fn free_addresses() -> Result<Addresses> {
    let ports = 20_000 + (std::process::id() % 10_000) as u16..32_000;
    let localhost = |port| (Ipv4Addr::LOCALHOST, port).into();
    let udp = ports.clone().find(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    let mqtt = ports.clone().find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    match (udp, mqtt) {
        (Some(udp), Some(mqtt)) => Ok(Addresses { udp: localhost(udp), mqtt: localhost(mqtt) }),
        _ => bail!("there is no free port from {} to {}", ports.start, ports.end),
    }
}
