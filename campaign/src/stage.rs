//! Everything that a campaign needs, put up and taken down.

use crate::cast;
use crate::disk::{Crash, Disk, Faults};
use crate::gateway::{Data, Gateway, Plan};
use crate::ledger::{Ledger, Phase};
use crate::mqtt;
use crate::verdict::Verdict;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Nothing has arrived anywhere for so long: what is missing now will not come. Longer than any retry.
const QUIET: Duration = Duration::from_secs(10);

/// Under what the gateway's data are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskKind {
    /// This machine's own disk: it keeps what a killed process has written, synced or not.
    Real,
    /// A simulated one.
    Simulated(Crash, Faults),
    /// None: the gateway keeps everything in memory, and must not be killed.
    None,
}

/// The gateway's surroundings, and its clients.
pub(crate) struct Stage {
    pub(crate) plan: Plan,
    pub(crate) disk: Option<Disk>,
    pub(crate) ledger: Arc<Ledger>,
    clients: Vec<JoinHandle<()>>,
    start: Instant,
    dir: TempDir,
}

impl Stage {
    /// Everybody begins to knock at the gateway's door; it is not started yet.
    pub(crate) fn set_up(program: &Path, parent: &Path, kind: DiskKind, seed: u64) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("campaign-").tempdir_in(parent)?;
        let disk = match kind {
            DiskKind::Real => Some(Disk::real(parent)?),
            DiskKind::Simulated(crash, faults) => Some(Disk::simulated(parent, crash, faults, seed)?),
            DiskKind::None => None,
        };
        let data = disk.as_ref().map_or(Data::InMemory, |disk| Data::Directory(disk.path().to_owned()));
        let plan = Plan::new(program, data, dir.path())?;
        let ledger = Arc::new(cast::ledger());
        let clients = cast::start(plan.addresses(), &ledger, seed)?;
        Ok(Self { plan, disk, ledger, clients, start: Instant::now(), dir })
    }

    /// The power fails under a gateway that has ended.
    pub(crate) fn crash_disk(&mut self) -> Result<()> {
        self.disk.as_mut().map_or(Ok(()), Disk::crash)
    }

    /// Publishers stop, readers take what is left from this gateway.
    pub(crate) fn drain(&self, gateway: &mut Gateway) -> Result<()> {
        self.wait_for_messages();
        self.ledger.event("nothing is published any more".into());
        self.ledger.set_phase(Phase::Draining);
        let start = Instant::now();
        while !self.ledger.books().is_drained() {
            let quiet = self.ledger.books().quiet_for().min(start.elapsed());
            if quiet > QUIET {
                self.ledger.event(format!("nothing has arrived for {QUIET:?}"));
                break;
            }
            if let Some(status) = gateway.ended()? {
                self.ledger.breach(format!("the gateway ended by itself, with {status}"));
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.check_kept();
        Ok(())
    }

    /// A short run may come here before everybody has subscribed.
    fn wait_for_messages(&self) {
        let start = Instant::now();
        while self.ledger.books().topics.iter().any(|topic| topic.acknowledged == 0) && start.elapsed() < QUIET {
            self.ledger.wait_for_promises(1, QUIET);
        }
    }

    /// The last retained messages that were acknowledged are there, or the ones after them, whose acknowledgements may
    /// be on their way.
    fn check_kept(&self) {
        let kept = self.ledger.books().kept.clone();
        let filter = format!("{}#", cast::KEPT);
        let found = mqtt::retained(self.plan.addresses().mqtt, &filter, kept.len(), QUIET);
        for (topic, n) in kept {
            let text = found.get(&topic).map(|payload| String::from_utf8_lossy(payload).into_owned());
            if !text.as_ref().is_some_and(|text| text.parse::<u64>().is_ok_and(|found| found >= n)) {
                self.ledger.breach(format!("{n} was kept on {topic}, and found there was {text:?}"));
            }
        }
    }

    /// Everybody stops; the books are closed.
    pub(crate) fn close(self) -> Result<Verdict> {
        self.ledger.set_phase(Phase::Over);
        if self.ledger.books().topics.iter().any(|topic| topic.published == 0) {
            self.ledger.breach("there are topics without messages: not every reader has got its SUBACKs".into());
        }
        for client in self.clients {
            client.join().map_err(|_| anyhow::anyhow!("a client of the campaign has panicked"))?;
        }
        let mut books = self.ledger.books().clone();
        books.close();
        let kept = if books.breaches.is_empty() { None } else { Some(keep(&self.plan.output(), self.dir)?) };
        Ok(Verdict::new(books, self.start.elapsed(), kept))
    }
}

/// The log is worth keeping when something was wrong.
fn keep(output: &Path, dir: TempDir) -> Result<PathBuf> {
    let kept = dir.keep();
    let name = output.file_name().context("the log has a name")?;
    Ok(kept.join(name))
}
