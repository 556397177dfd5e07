//! `cargo xtask campaign`: the gateway is killed, and its disk fails, while clients talk through it.

use crate::exec::{cargo, run};
use crate::workspace;
use anyhow::Result;
use clap::Args;

#[derive(Args)]
pub(crate) struct Options {
    /// How often the gateway is killed on a sound disk; on others in proportion.
    #[arg(long, default_value_t = SHORT.kills)]
    kills: u32,
    /// Where the random moments come from.
    #[arg(long, default_value_t = SHORT.seed)]
    seed: u64,
}

/// What `cargo xtask test` runs, in some minutes.
pub(crate) const SHORT: Options = Options { kills: 200, seed: 1 };

/// Runs every campaign, against the gateway that ships.
pub(crate) fn run_all(options: &Options) -> Result<()> {
    let Options { kills, seed } = *options;
    run(cargo(&["build", "--release", "--package", "sn-gateway"])?)?;
    let gateway = workspace::target_dir()?.join("release/sn-gateway");
    // A swallowed sync must be noticed at once; an outage takes seconds.
    let disks = [("real", kills), ("power-loss", kills), ("torn", kills / 4), ("lying", 5), ("failing", kills / 20)];
    for (disk, kills) in disks {
        let mut campaign = cargo(&["run", "--quiet", "--package", "campaign", "--", "--disk", disk])?;
        campaign.args(["--kills", &kills.to_string(), "--seed", &seed.to_string()]).arg("--gateway").arg(&gateway);
        run(campaign)?;
    }
    Ok(())
}
