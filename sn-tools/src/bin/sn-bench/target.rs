//! The gateway under load: one that is started for the scenario, or one that runs already. Loopback only.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};

use crate::clock::Deadline;

const START_TIMEOUT: Duration = Duration::from_secs(5);
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Which gateway a scenario gets.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A fresh one each time.
    Start { program: PathBuf, args: Vec<String>, log: Option<PathBuf> },
    /// One that runs already.
    Running { udp: SocketAddr, mqtt: SocketAddr, pid: Option<u32> },
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
    child: Option<Child>,
}

impl Target {
    /// The gateway, listening.
    ///
    /// # Errors
    /// When it does not start, or does not listen within five seconds.
    pub(crate) fn open(&self) -> Result<Gateway> {
        match self {
            Self::Running { udp, mqtt, pid } => Ok(Gateway { udp: *udp, mqtt: *mqtt, pid: *pid, child: None }),
            Self::Start { program, args, log } => Gateway::start(program, args, log.as_deref()),
        }
    }
}

impl Gateway {
    fn start(program: &Path, args: &[String], log: Option<&Path>) -> Result<Self> {
        let (udp, mqtt) = free_addresses()?;
        let mut command = Command::new(program);
        command.arg("run").args(["--udp", &udp.to_string(), "--mqtt", &mqtt.to_string()]).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log_file(log)?);
        let child = command.spawn().with_context(|| format!("starting {}", program.display()))?;
        let mut gateway = Self { udp, mqtt, pid: Some(child.id()), child: Some(child) };
        gateway.wait_until_it_listens().with_context(|| format!("{} did not start", program.display()))?;
        Ok(gateway)
    }

    fn wait_until_it_listens(&mut self) -> Result<()> {
        let deadline = Deadline::after(START_TIMEOUT);
        while TcpStream::connect(self.mqtt).is_err() {
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().transpose()) {
                bail!("it ended with {}; --gateway-log FILE keeps what it says", status?);
            }
            deadline.check(|| format!("nothing listens on {}", self.mqtt))?;
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
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
        let Some(child) = self.child.as_mut() else { return };
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

fn log_file(log: Option<&Path>) -> Result<Stdio> {
    let Some(path) = log else { return Ok(Stdio::null()) };
    let file = File::options().create(true).append(true).open(path);
    Ok(file.with_context(|| format!("opening {}", path.display()))?.into())
}

/// A UDP and a TCP port that were free a moment ago.
fn free_addresses() -> Result<(SocketAddr, SocketAddr)> {
    let any = (Ipv4Addr::LOCALHOST, 0);
    Ok((UdpSocket::bind(any)?.local_addr()?, TcpListener::bind(any)?.local_addr()?))
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
        let target = Target::Start { program: "/bin/false".into(), args: vec![], log: None };
        let error = target.open().err().unwrap();
        assert!(format!("{error:#}").contains("it ended with"), "{error:#}");
    }

    #[test]
    fn memory_and_processor_time_of_a_known_process_are_read() {
        let addr = (Ipv4Addr::LOCALHOST, 1).into();
        let this = Gateway { udp: addr, mqtt: addr, pid: Some(std::process::id()), child: None };
        assert!(this.rss_octets().unwrap().unwrap() > 100_000.0);
        assert!(this.cpu_s().unwrap() >= 0.0);
    }
}
