//! The gateway under load: one that is started for the scenario, and perhaps killed in it, or one that runs already.
//! Loopback only.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};
use tempfile::TempDir;

use crate::clock::Deadline;
use crate::disk::{Disk, octets_in};

const START_TIMEOUT: Duration = Duration::from_secs(5);
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Which gateway a scenario gets.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A fresh one each time.
    Start(Program),
    /// One that runs already.
    Running { udp: SocketAddr, mqtt: SocketAddr, pid: Option<u32> },
}

/// A gateway to start.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    /// More arguments for its `run`.
    pub(crate) args: Vec<String>,
    /// What its log is appended to.
    pub(crate) log: Option<PathBuf>,
    /// Where it keeps its data, if it keeps any.
    pub(crate) disk: Disk,
}

/// Where a gateway has its sessions and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    Memory,
    /// In a new directory, which goes with the gateway.
    Disk,
}

/// How much a gateway takes, where a scenario needs more than its defaults.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// Sessions, all of them behind one forwarder if need be.
    pub(crate) clients: Option<u64>,
    /// Messages that wait, for one client or all; their octets are not limited further.
    pub(crate) queue_messages: Option<u64>,
    /// Messages to an MQTT client that it has not acknowledged.
    pub(crate) mqtt_inflight: Option<u64>,
}

impl Limits {
    fn is_default(self) -> bool {
        self.clients.is_none() && self.queue_messages.is_none() && self.mqtt_inflight.is_none()
    }

    /// The gateway's configuration file with these limits.
    fn to_toml(self) -> String {
        const OCTETS_MAX: u64 = 1 << 40;
        let mut toml = String::from("[limits]\n");
        let mut limit = |name, value: u64| toml.push_str(&format!("{name} = {value}\n"));
        if let Some(clients) = self.clients {
            limit("clients", clients);
            limit("nodes_per_forwarder", clients);
        }
        if let Some(messages) = self.mqtt_inflight {
            limit("mqtt_inflight", messages);
        }
        if let Some(messages) = self.queue_messages {
            limit("queue_messages", messages);
            limit("queue_bytes", OCTETS_MAX);
            limit("total_queue_messages", messages);
            limit("total_queue_bytes", OCTETS_MAX);
        }
        toml
    }
}

/// Parses a socket address, and refuses what is not on this machine.
///
/// # Errors
/// With the text for the command line.
pub(crate) fn loopback(text: &str) -> Result<SocketAddr, String> {
    let addr: SocketAddr = text.parse().map_err(|_| format!("`{text}` is not ADDRESS:PORT, as in 127.0.0.1:1883"))?;
    if addr.ip().is_loopback() {
        return Ok(addr);
    }
    Err(format!("{} is not loopback: sn-bench loads only the machine it runs on", addr.ip()))
}

/// A gateway that listens.
pub(crate) struct Gateway {
    /// Where it takes MQTT-SN.
    pub(crate) udp: SocketAddr,
    /// Where it takes MQTT.
    pub(crate) mqtt: SocketAddr,
    pid: Option<u32>,
    started: Option<Started>,
}

/// A gateway of ours.
struct Started {
    program: Program,
    args: Vec<String>,
    child: Child,
    /// Where its configuration and its data are.
    dir: Option<TempDir>,
}

impl Target {
    /// The gateway, listening; one that is started keeps everything in memory, within its default limits.
    ///
    /// # Errors
    /// When it does not start, or does not listen within five seconds.
    pub(crate) fn open(&self) -> Result<Gateway> {
        match self {
            Self::Running { udp, mqtt, pid } => Ok(Gateway { udp: *udp, mqtt: *mqtt, pid: *pid, started: None }),
            Self::Start(program) => Gateway::start(program, Storage::Memory, Limits::default()),
        }
    }

    /// A fresh gateway, listening, that a scenario may kill.
    ///
    /// # Errors
    /// As [`Target::open`]; also for a gateway that runs already.
    pub(crate) fn start(&self, storage: Storage, limits: Limits) -> Result<Gateway> {
        Gateway::start(self.program()?, storage, limits)
    }

    /// The gateway that is started.
    ///
    /// # Errors
    /// For one that runs already.
    pub(crate) fn program(&self) -> Result<&Program> {
        match self {
            Self::Start(program) => Ok(program),
            Self::Running { .. } => bail!("this scenario starts its gateway itself: leave out --udp and --mqtt"),
        }
    }
}

impl Gateway {
    fn start(program: &Program, storage: Storage, limits: Limits) -> Result<Self> {
        let (udp, mqtt) = free_addresses()?;
        let (dir, more) = storage_args(program, storage, limits)?;
        let addresses = ["--udp".into(), udp.to_string(), "--mqtt".into(), mqtt.to_string()];
        let args = [&addresses[..], &more, &program.args].concat();
        let child = spawn(program, &args)?;
        let (pid, started) = (child.id(), Started { program: program.clone(), args, child, dir });
        let mut gateway = Self { udp, mqtt, pid: Some(pid), started: Some(started) };
        gateway.wait_until_it_listens(START_TIMEOUT)?;
        Ok(gateway)
    }

    /// Kills it as `kill -9` does; what it has not stored is gone.
    ///
    /// # Errors
    /// When it is not ours.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let child = &mut self.started.as_mut().context("only a gateway that was started here is killed")?.child;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Starts it again after [`Gateway::kill`], with the same addresses and data, and does not wait for it.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start_again(&mut self) -> Result<()> {
        let started = self.started.as_mut().context("only a gateway that was started here is started again")?;
        started.child = spawn(&started.program, &started.args)?;
        self.pid = Some(started.child.id());
        Ok(())
    }

    /// Waits until its MQTT address takes connections.
    ///
    /// # Errors
    /// When it ends instead, or after `timeout`.
    pub(crate) fn wait_until_it_listens(&mut self, timeout: Duration) -> Result<()> {
        let deadline = Deadline::after(timeout);
        while TcpStream::connect(self.mqtt).is_err() {
            self.still_runs()?;
            deadline.check(|| format!("nothing listens on {}", self.mqtt))?;
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Octets of its data; `None` when it keeps none.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) fn octets_on_disk(&self) -> Result<Option<u64>> {
        let dir = self.started.as_ref().and_then(|started| started.dir.as_ref());
        dir.map(|dir| octets_in(dir.path())).transpose()
    }

    /// # Errors
    /// When it has ended.
    pub(crate) fn still_runs(&mut self) -> Result<()> {
        match self.started.as_mut().and_then(|started| started.child.try_wait().transpose()) {
            Some(status) => bail!("the gateway ended with {}; --gateway-log FILE keeps what it says", status?),
            None => Ok(()),
        }
    }

    /// Octets that it has caused to be written to storage so far, in whole pages; what the file system adds for
    /// itself is not in it (proc_pid_io(5), `write_bytes`).
    ///
    /// # Errors
    /// When the process has gone or is not known.
    pub(crate) fn written_octets(&self) -> Result<u64> {
        let pid = self.pid.context("what is written is read from /proc: give the gateway's --pid")?;
        let io = fs::read_to_string(format!("/proc/{pid}/io")).context("the gateway has gone")?;
        let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok());
        written.context("no write_bytes in /proc")
    }

    /// Resident memory in octets; `None` when the process is not known.
    ///
    /// # Errors
    /// When the process has gone.
    pub(crate) fn rss_octets(&self) -> Result<Option<f64>> {
        let Some(pid) = self.pid else { return Ok(None) };
        let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the gateway has gone")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
        Ok(Some(kib.context("no VmRSS in /proc")? * 1024.0))
    }

    /// Processor time used so far, in seconds; `None` when the process is not known.
    pub(crate) fn cpu_s(&self) -> Option<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid?)).ok()?;
        // After the command name, which ends with the last parenthesis: fields 3 and up of proc(5); utime is 14.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let ticks: f64 = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
        Some(ticks / sysconf(SysconfVar::CLK_TCK).ok()?? as f64)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let Some(Started { child, dir, .. }) = self.started.as_mut() else { return };
        if dir.is_some() {
            // Its directory goes with it: no reason to let it tidy up first.
            let _ = child.kill().and_then(|()| child.wait());
            return;
        }
        if let Ok(pid) = i32::try_from(child.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let deadline = Deadline::after(STOP_TIMEOUT);
        while matches!(child.try_wait(), Ok(None)) {
            if deadline.passed() {
                eprintln!("sn-bench: the gateway ignored SIGTERM for {STOP_TIMEOUT:?} and was killed");
                let _ = child.kill();
                let _ = child.wait();
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The arguments for this storage and these limits, and the directory that they speak of.
fn storage_args(program: &Program, storage: Storage, limits: Limits) -> Result<(Option<TempDir>, Vec<String>)> {
    if storage == Storage::Memory && limits.is_default() {
        return Ok((None, vec!["--in-memory".into()]));
    }
    let dir = program.disk.directory(storage == Storage::Disk)?;
    let (config, data) = (dir.path().join("gateway.toml"), dir.path().join("data"));
    fs::write(&config, limits.to_toml())?;
    let text = |path: &Path| anyhow::Ok(path.to_str().context("a path that is not UTF-8")?.to_owned());
    let mut args = vec!["--config".into(), text(&config)?];
    match storage {
        Storage::Memory => args.push("--in-memory".into()),
        Storage::Disk => args.extend(["--data".into(), text(&data)?]),
    }
    Ok((Some(dir), args))
}

fn spawn(program: &Program, args: &[String]) -> Result<Child> {
    let mut command = Command::new(&program.path);
    command.arg("run").args(args);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log_file(program.log.as_deref())?);
    command.spawn().with_context(|| format!("starting {}", program.path.display()))
}

fn log_file(log: Option<&Path>) -> Result<Stdio> {
    let Some(path) = log else { return Ok(Stdio::null()) };
    let file = File::options().create(true).append(true).open(path);
    Ok(file.with_context(|| format!("opening {}", path.display()))?.into())
}

/// A free UDP and a free TCP port, below those that the system hands out: nobody takes one while the gateway is restarted.
pub(crate) fn free_addresses() -> Result<(SocketAddr, SocketAddr)> {
    let first = 30_000 + (std::process::id().wrapping_mul(7) % 2_000) as u16;
    let addresses = (first..32_768).map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let udp = addresses.clone().find(|addr| UdpSocket::bind(addr).is_ok());
    let mqtt = addresses.clone().find(|addr| TcpListener::bind(addr).is_ok());
    udp.zip(mqtt).with_context(|| format!("there is no free port from {first} to 32767"))
}

/// Makes room for `sockets` sockets beside the few that every process has.
///
/// # Errors
/// When the hard limit of the shell is lower.
pub(crate) fn allow_sockets(sockets: usize) -> Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let wanted = sockets as u64 + 64;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    ensure!(hard >= wanted, "{sockets} clients need `ulimit -Hn {wanted}`, the limit here is {hard}");
    if soft < wanted {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_loaded() {
        assert!(loopback("127.0.0.1:1883").is_ok());
        assert!(loopback("[::1]:1883").is_ok());
        for elsewhere in ["192.0.2.1:1883", "0.0.0.0:1883", "[2001:db8::1]:1883"] {
            assert!(loopback(elsewhere).unwrap_err().contains("not loopback"));
        }
        assert!(loopback("localhost").unwrap_err().contains("ADDRESS:PORT"));
    }

    #[test]
    fn a_program_that_ends_is_not_waited_for() {
        let program = Program { path: "/bin/false".into(), args: vec![], log: None, disk: Disk::default() };
        let error = Target::Start(program).open().err().unwrap();
        assert!(format!("{error:#}").contains("the gateway ended with"), "{error:#}");
    }

    #[test]
    fn memory_and_processor_time_of_a_known_process_are_read() {
        let addr = (Ipv4Addr::LOCALHOST, 1).into();
        let this = Gateway { udp: addr, mqtt: addr, pid: Some(std::process::id()), started: None };
        assert!(this.rss_octets().unwrap().unwrap() > 100_000.0);
        assert!(this.cpu_s().unwrap() >= 0.0);
        assert!(this.written_octets().is_ok());
    }

    #[test]
    fn only_the_limits_that_matter_are_configured() {
        assert_eq!(
            Limits { clients: Some(7), ..Limits::default() }.to_toml(),
            "[limits]\nclients = 7\nnodes_per_forwarder = 7\n"
        );
        let messages = Limits { queue_messages: Some(9), ..Limits::default() }.to_toml();
        assert!(messages.contains("\nqueue_messages = 9\n") && !messages.contains("clients"), "{messages}");
    }
}
