//! `cargo xtask campaign`: the gateway is killed, and its disk fails, while clients talk through it.

use crate::exec::{cargo, run};
use crate::workspace;
use anyhow::{Result, bail, ensure};
use clap::Args;
use std::path::Path;
use std::time::Instant;

#[derive(Args)]
pub(crate) struct Options {
    /// How often the gateway is killed on a sound disk; on others in proportion.
    #[arg(long, default_value_t = SHORT.kills)]
    kills: u32,
    /// Where the random moments come from.
    #[arg(long, default_value_t = SHORT.seed)]
    seed: u64,
}

/// What `cargo xtask test` runs, in about five minutes.
pub(crate) const SHORT: Options = Options { kills: 200, seed: 1 };

/// Runs every campaign, against the gateway that ships. A failed one does not stop the others.
pub(crate) fn run_all(options: &Options) -> Result<()> {
    // Not by its package: with other features most would be built once more.
    run(cargo(&["build", "--release", "--bin", "sn-gateway"])?)?;
    let Options { kills, seed } = *options;
    // A swallowed sync must be noticed at once; an outage takes seconds.
    let disks =
        [("real", kills), ("power-loss", kills / 2), ("torn", kills / 2), ("lying", 5), ("failing", kills / 20)];
    let mut failed = Vec::new();
    for (disk, kills) in disks {
        println!("\n--- disk {disk}");
        let start = Instant::now();
        if let Err(error) = run_one(disk, kills, seed) {
            println!("FAILED {disk}: {error:#}");
            failed.push(disk);
        }
        println!("{:.1} s", start.elapsed().as_secs_f32());
    }
    if !failed.is_empty() {
        bail!("failed on disk: {}", failed.join(", "));
    }
    Ok(())
}

fn run_one(disk: &str, kills: u32, seed: u64) -> Result<()> {
    ensure!(
        disk == "real" || Path::new("/dev/fuse").exists(),
        "there is no /dev/fuse, so a disk cannot be simulated here: `modprobe fuse`, or let the container have the device"
    );
    let mut campaign = cargo(&["run", "--quiet", "--package", "campaign", "--", "--disk", disk])?;
    campaign.args(["--kills", &kills.to_string(), "--seed", &seed.to_string()]);
    campaign.arg("--gateway").arg(workspace::target_dir()?.join("release/sn-gateway"));
    run(campaign)
}
