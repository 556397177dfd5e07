//! A real mosquitto.

use super::{own_port, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use tempfile::TempDir;

/// A mosquitto that keeps its sessions on the disk, as far as it can: it writes them when it ends.
pub(crate) struct Mosquitto {
    dir: TempDir,
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    child: Child,
}

impl Mosquitto {
    /// Starts it and waits until it listens.
    pub(crate) fn start() -> Self {
        Self::start_with(true)
    }

    /// One that keeps nothing.
    pub(crate) fn start_forgetful() -> Self {
        Self::start_with(false)
    }

    fn start_with(persistence: bool) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, own_port()));
        let config = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\npersistence {persistence}\npersistence_location {}/\n\
             autosave_interval 0\nmax_queued_messages 0\nuser root\nlog_type error\nlog_type warning\nlog_type notice\n",
            addr.port(),
            dir.path().display()
        );
        std::fs::write(dir.path().join("conf"), config).expect("a file");
        let child = spawn(&dir, addr);
        Self { dir, addr, child }
    }

    /// Ends it as an operator does, and starts it again.
    pub(crate) fn restart(&mut self) {
        self.end(Signal::SIGTERM);
    }

    /// Kills it (kill -9), and starts it again: it has forgotten all then.
    pub(crate) fn kill(&mut self) {
        self.end(Signal::SIGKILL);
    }

    fn end(&mut self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("it runs");
        self.child.wait().expect("a child");
        self.child = spawn(&self.dir, self.addr);
    }
}

fn spawn(dir: &TempDir, addr: SocketAddr) -> Child {
    let path = ["/usr/sbin/mosquitto", "mosquitto"].into_iter().find(|path| std::path::Path::new(path).exists());
    let log = std::fs::File::options().create(true).append(true).open(dir.path().join("log")).expect("a file");
    let child = Command::new(path.unwrap_or("mosquitto"))
        .arg("-c")
        .arg(dir.path().join("conf"))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("mosquitto is installed");
    wait_until("mosquitto", || TcpStream::connect(addr).is_ok());
    child
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- mosquitto's log, its end\n{}", lines[lines.len().saturating_sub(60)..].join("\n"));
        }
    }
}
