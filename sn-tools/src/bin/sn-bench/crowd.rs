//! Many clients that do nothing but connect: how fast, and what each costs in memory.

use anyhow::{Context, Result};

use crate::echo;
use crate::fleet::Fleet;
use crate::report::{Goal, Outcome};
use crate::settings::Settings;

/// Who connects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    pub(crate) clients: usize,
    /// CONNECTs without an answer at any time.
    pub(crate) window: usize,
}

/// Connects as fast as the gateway answers.
///
/// # Errors
/// When the gateway does not start or leaves a client unanswered.
pub(crate) fn run_connect(settings: &Settings, crowd: &Crowd) -> Result<Outcome> {
    let (echo_hz, connects) = echo::beside(settings, || {
        let gateway = settings.target.open()?;
        let mut fleet = Fleet::open(gateway.udp, "connect", crowd.clients, settings.bounds)?;
        let connects = fleet.connect(crowd.window)?;
        fleet.disconnect(fleet.all(), None)?;
        Ok(connects)
    })?;
    let rate_hz = crowd.clients as f64 / connects.elapsed.as_secs_f64();
    Ok(Outcome::new("connect")
        .goal("connects", rate_hz, "/s", Goal::AtLeast(10_000.0))
        .goal("refused", connects.refused as f64, "", Goal::AtMost(0.0))
        .figure("clients", crowd.clients as f64, "")
        .figure("of the echo rate", rate_hz / echo_hz, "")
        .quantiles(["CONNACK p50", "p99", "p99.9"], &connects.latency)
        .figure("retransmissions", connects.retries as f64, ""))
}

/// Connects clients that stay idle and reads the gateway's resident memory.
///
/// # Errors
/// As [`run_connect`]; also when the gateway's process is not known.
pub(crate) fn run_memory(settings: &Settings, crowd: &Crowd) -> Result<Outcome> {
    const UNKNOWN: &str = "memory is read from /proc: give the gateway's --pid";
    let gateway = settings.target.open()?;
    let idle = gateway.rss_octets()?.context(UNKNOWN)?;
    let mut fleet = Fleet::open(gateway.udp, "memory", crowd.clients, settings.bounds)?;
    let connects = fleet.connect(crowd.window)?;
    let full = gateway.rss_octets()?.context(UNKNOWN)?;
    fleet.disconnect(fleet.all(), None)?;
    let each = (full - idle) / (crowd.clients as f64 - connects.refused as f64).max(1.0);
    Ok(Outcome::new("memory")
        .goal("RSS before the first client", idle / 1e6, "MB", Goal::AtMost(10.0))
        .goal("more RSS per idle client", each, "octets", Goal::AtMost(1_500.0))
        .goal("refused", connects.refused as f64, "", Goal::AtMost(0.0))
        .figure("clients", crowd.clients as f64, "")
        .figure("RSS with all of them", full / 1e6, "MB"))
}
