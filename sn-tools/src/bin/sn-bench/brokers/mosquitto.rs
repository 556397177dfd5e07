//! mosquitto, started for a scenario as the gateway is: on loopback, everything in memory.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::target::{Gateway, Target, free_addresses};

const START_TIMEOUT: Duration = Duration::from_secs(5);

/// A mosquitto that runs. It ends with the value.
pub(super) struct Mosquitto {
    child: Child,
    /// Where its configuration is.
    _dir: TempDir,
}

impl Mosquitto {
    /// Starts it with the limits that the gateway gets, too. The other value is for talking to it.
    ///
    /// # Errors
    /// When it is not there or does not listen within five seconds.
    pub(super) fn start(program: &Path, window: u64) -> Result<(Self, Gateway)> {
        let (udp, mqtt) = free_addresses()?;
        let dir = tempfile::tempdir()?;
        let config = dir.path().join("mosquitto.conf");
        let text = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\nsys_interval 0\n\
             max_inflight_messages {window}\nmax_queued_messages 1000000\nlog_dest none\n",
            mqtt.port()
        );
        fs::write(&config, text)?;
        let mut command = Command::new(program);
        command.arg("-c").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child =
            command.spawn().with_context(|| format!("starting {}; --mosquitto says where it is", program.display()))?;
        let mut server = Target::Running { udp, mqtt, pid: Some(child.id()) }.open()?;
        let started = Self { child, _dir: dir };
        server.wait_until_it_listens(START_TIMEOUT)?;
        Ok((started, server))
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}
