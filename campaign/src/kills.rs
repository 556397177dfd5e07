//! The campaign of kills: start, kill at a random moment, start again.

use crate::gateway::Gateway;
use crate::ledger::Ledger;
pub use crate::stage::DiskKind;
use crate::stage::Stage;
use crate::verdict::Verdict;
use anyhow::Result;
use oorandom::Rand32;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The daemon.
    pub program: PathBuf,
    /// Where directories may be made.
    pub parent: PathBuf,
    /// Under the daemon.
    pub disk: DiskKind,
    /// How often it is killed.
    pub kills: u32,
    /// Of the moments and of what a torn disk keeps.
    pub seed: u64,
}

/// When the gateway is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// So long after its start: perhaps it is still reading its data.
    Starting(Duration),
    /// As soon as it has made so many promises: what was not on the disk by then is missed.
    Promises(u64),
    /// So long after it was ready.
    Serving(Duration),
}

/// When nobody promises anything for so long, the kill does not wait for it.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// Kills the gateway again and again; stops early when a promise is broken.
///
/// # Errors
/// The gateway does not start, or ends by itself; or this machine lacks something.
pub fn run(options: &Options) -> Result<Verdict> {
    let mut stage = Stage::set_up(&options.program, &options.parent, options.disk, options.seed)?;
    let mut rng = Rand32::new(options.seed);
    let mut starts = Vec::new();
    let mut kills = 0;
    while kills < options.kills && !stage.ledger.wait_for_breach(Duration::ZERO) {
        let mut gateway = stage.plan.start()?;
        let moment = Moment::next(&mut rng);
        starts.extend(moment.await_in(&mut gateway, &stage.ledger)?);
        gateway.kill()?;
        kills += 1;
        stage.ledger.event(format!("kill {kills}, {moment:?}"));
        stage.crash_disk()?;
        if kills % 25 == 0 {
            eprintln!("{kills} kills");
        }
    }
    let mut gateway = stage.plan.start()?;
    starts.push(gateway.wait_until_ready()?);
    if options.kills == 0 {
        stage.ledger.wait_for_breach(LONGEST_WAIT);
    }
    stage.drain(&mut gateway)?;
    let resident = gateway.resident();
    // Before its disk goes.
    drop(gateway);
    let syncs = stage.disk.as_ref().and_then(crate::disk::Disk::syncs);
    Ok(Verdict { kills, starts, resident, syncs, ..stage.close()? })
}

impl Moment {
    fn next(rng: &mut Rand32) -> Self {
        let ms = |rng: &mut Rand32, range| Duration::from_micros(u64::from(rng.rand_range(range)) * 100);
        match rng.rand_range(0..10) {
            0 | 1 => Self::Starting(ms(rng, 0..600)),
            2..=5 => Self::Promises(u64::from(rng.rand_range(1..80))),
            _ => Self::Serving(ms(rng, 0..8_000)),
        }
    }

    /// Waits for it; how long the start took, if that was waited for.
    fn await_in(self, gateway: &mut Gateway, ledger: &Ledger) -> Result<Option<Duration>> {
        if let Self::Starting(how_long) = self {
            thread::sleep(how_long);
            return Ok(None);
        }
        let start = gateway.wait_until_ready()?;
        match self {
            Self::Promises(count) => ledger.wait_for_promises(count, LONGEST_WAIT),
            Self::Serving(how_long) | Self::Starting(how_long) => drop(ledger.wait_for_breach(how_long)),
        }
        Ok(Some(start))
    }
}
