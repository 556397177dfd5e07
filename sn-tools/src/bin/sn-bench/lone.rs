//! One client that waits for each PUBACK of a message that must be on disk: beside the machine's UDP round trip and its
//! disk's barest commit, which together are the least that such a PUBACK can take.

use anyhow::Result;
use hdrhistogram::Histogram;
use sn_codec::Qos;

use crate::closed_loop::Traffic;
use crate::echo::Echo;
use crate::payload::{PAYLOAD_LEN, latencies};
use crate::report::{Goal, Outcome, quantile_us};
use crate::settings::Settings;
use crate::stage::{LastingStage, percent};
use crate::target::Storage;

/// How often the three take turns, so that a drift of the machine's speed meets all.
const ROUNDS: u32 = 5;

/// Runs the scenario.
///
/// # Errors
/// When the gateway does not start or stops answering, or the disk fails.
pub(crate) fn run(settings: &Settings) -> Result<Outcome> {
    let disk = &settings.target.program()?.disk;
    let mut stage = LastingStage::set(settings, "lone", 1, Storage::Disk)?;
    let mut traffic = Traffic::new(Qos::One, 1, PAYLOAD_LEN)?;
    let (mut echo, mut commit): (Histogram<u64>, Histogram<u64>) = (latencies()?, latencies()?);
    for _ in 0..ROUNDS {
        echo.add(Echo::lone(settings.yardstick / ROUNDS)?.latency)?;
        commit.add(disk.bare_commits(settings.load / ROUNDS)?)?;
        traffic.drive(settings, settings.load / ROUNDS, &mut stage.fleet, None)?;
    }
    stage.collect_kept(settings, &mut traffic.tally, traffic.sent)?;
    let least_us = quantile_us(&echo, 0.5) + quantile_us(&commit, 0.5);
    Ok(Outcome::new("lone")
        .goal("PUBACK p50", quantile_us(&traffic.acks, 0.5), "us", Goal::AtMost(2.0 * least_us))
        .goal("stored, then delivered", percent(traffic.tally.delivered, traffic.sent), "%", Goal::AtLeast(100.0))
        .figure("of echo and commit", quantile_us(&traffic.acks, 0.5) / least_us, "")
        .quantiles(["PUBACK p50", "p99", "p99.9"], &traffic.acks)
        .quantiles(["echo p50", "p99", "p99.9"], &echo)
        .quantiles(["bare commit p50", "p99", "p99.9"], &commit)
        .figure("messages", traffic.sent as f64, "")
        .figure("retransmissions", traffic.retries() as f64, ""))
}
