//! Steps that run beside others, as another `cargo xtask test --only …`: most steps wait for sockets, disks and emulated
//! machines most of the time, and the firmware is built in directories of its own.

use crate::steps::Step;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::env;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What runs beside the tests and what comes after them.
pub(crate) const STEPS: [Step; 4] = [Step::Firmware, Step::Scenarios, Step::Swarm, Step::Campaign];

/// The other program, while it runs.
pub(crate) struct Beside {
    child: Child,
    /// What it prints, until it is this program's turn to show it.
    log: PathBuf,
    start: Instant,
}

impl Beside {
    /// Starts the steps.
    pub(crate) fn start(steps: &[Step], nightly_size: bool) -> Result<Self> {
        let log = workspace::target_dir()?.join("beside.log");
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let names: Vec<&str> = steps.iter().map(|step| step.name()).collect();
        println!("\n=== beside: {} begin, and print to {} meanwhile", names.join(", "), log.display());
        let mut command = Command::new(env::current_exe()?);
        command.args(["test", "--only", &names.join(",")]).args(nightly_size.then_some("--nightly-size"));
        let child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn()?;
        Ok(Self { child, log, start: Instant::now() })
    }

    /// Waits for them and shows what they have printed. How long they took, and whether all passed.
    pub(crate) fn finish(mut self) -> (Duration, Result<()>) {
        println!("\n=== beside: what was begun before the tests");
        let outcome = self.wait();
        (self.start.elapsed(), outcome)
    }

    fn wait(&mut self) -> Result<()> {
        let status = self.child.wait()?;
        io::copy(&mut File::open(&self.log)?, &mut io::stdout())?;
        ensure!(status.success(), "one of the steps failed, see their own summary above");
        Ok(())
    }
}
