//! The command line of the campaign.

use anyhow::Result;
use campaign::disk::{Crash, Faults};
use campaign::kills::{self, DiskKind};
use campaign::outages;
use campaign::verdict::Verdict;
use clap::{Parser, ValueEnum};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Kills the gateway again and again while clients talk through it, and checks that nothing acknowledged is lost, that
/// nothing comes twice at QoS 2, that order, sessions and topic ids hold, and that no will is published.
#[derive(Debug, Parser)]
#[command(name = "campaign", version)]
struct Cli {
    /// How often to kill it; with --disk failing, how many outages
    #[arg(long, default_value_t = 200)]
    kills: u32,

    /// Where the random moments come from
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Under the gateway's data
    #[arg(long, value_enum, default_value_t = DiskName::Real)]
    disk: DiskName,

    /// The daemon; without it the sn-gateway beside this program
    #[arg(long, value_name = "FILE")]
    gateway: Option<PathBuf>,

    /// Where to make temporary directories; for --disk real on a real disk
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir())]
    dir: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DiskName {
    /// This machine's own: it keeps what a killed process has written
    Real,
    /// At each kill, everything not yet synced is thrown away
    PowerLoss,
    /// At each kill, of everything not yet synced each sector, length and directory is kept or not, by chance
    Torn,
    /// As power-loss, and every sync is swallowed: the campaign succeeds if it notices
    Lying,
    /// Not killed: writes come out short, space runs out, writing, syncing and renaming fail, by turns
    Failing,
    /// None: the gateway works in memory and is not killed, which tests the campaign itself
    None,
}

impl DiskName {
    fn kind(self) -> DiskKind {
        let sound = Faults::default();
        match self {
            Self::Real => DiskKind::Real,
            Self::PowerLoss | Self::Failing => DiskKind::Simulated(Crash::DropUnsynced, sound),
            Self::Torn => DiskKind::Simulated(Crash::Tear, sound),
            Self::Lying => DiskKind::Simulated(Crash::DropUnsynced, Faults { sync_lies: true, ..sound }),
            Self::None => DiskKind::None,
        }
    }
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether it went as it should.
fn run(cli: &Cli) -> Result<bool> {
    let program = match &cli.gateway {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("sn-gateway"),
    };
    let kills = if cli.disk == DiskName::None { 0 } else { cli.kills };
    println!("campaign: seed {}, {kills} kills, disk {:?}", cli.seed, cli.disk);
    let options = kills::Options { program, parent: cli.dir.clone(), disk: cli.disk.kind(), kills, seed: cli.seed };
    let verdict = if cli.disk == DiskName::Failing { outages::run(&options)? } else { kills::run(&options)? };
    if cli.disk == DiskName::Lying {
        return Ok(is_noticed(&verdict));
    }
    println!("\n{verdict}");
    Ok(verdict.is_clean())
}

/// Whether a campaign without syncs has found out, as it must. Its log explains nothing and is removed.
fn is_noticed(verdict: &Verdict) -> bool {
    if let Some(dir) = verdict.log.as_deref().and_then(Path::parent) {
        let _ = std::fs::remove_dir_all(dir);
    }
    match verdict.books.breaches.first() {
        Some(breach) => println!("After {} kills without syncs, as it must be: {}", verdict.kills, breach.what),
        None => println!("The syncs were swallowed, and the campaign has not noticed."),
    }
    !verdict.is_clean()
}
