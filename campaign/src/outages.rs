//! The campaign of a disk that fails: writes come out short, space runs out, writing, syncing and renaming fail.
//!
//! What the gateway must do: lose nothing that it has acknowledged; without space, acknowledge nothing, refuse new
//! clients, serve QoS 0, and go on when there is space again; after a failed write or sync, of which nobody knows what is
//! on the disk, say so and end with an error. After each outage the power fails, too.

use crate::disk::{Crash, Disk, Faults};
use crate::gateway::Gateway;
use crate::kills::Options;
use crate::mqtt::{Probe, connack_code};
use crate::node::Node;
use crate::stage::{DiskKind, Stage};
use crate::verdict::Verdict;
use anyhow::{Context, Result};
use oorandom::Rand32;
use sn_codec::ReturnCode;
use std::time::{Duration, Instant};

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outage {
    ShortWrites,
    NoSpace,
    SyncFails,
    WriteFails,
    RenameFails,
}

const ALL: [Outage; 5] =
    [Outage::ShortWrites, Outage::NoSpace, Outage::SyncFails, Outage::WriteFails, Outage::RenameFails];

/// MQTT 3.1.1 §3.2.2.3: what the server lacks for now.
const SERVER_UNAVAILABLE: u8 = 3;
/// How long the gateway has to do what it must.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the gateway says when there is no space.
const IS_FULL: &str = "nothing is acknowledged until there is space";
/// No acknowledgement for so long: there will be none. Longer than any commit, and than what was promised before takes.
const SILENCE: Duration = Duration::from_secs(2);

/// As many outages as `options` has kills, of all kinds by turns.
///
/// # Errors
/// The gateway does not start; or this machine lacks something.
pub fn run(options: &Options) -> Result<Verdict> {
    let kind = DiskKind::Simulated(Crash::DropUnsynced, Faults::default());
    let mut stage = Stage::set_up(&options.program, &options.parent, kind, options.seed)?;
    let mut rng = Rand32::new(options.seed);
    let mut starts = Vec::new();
    let mut outages = 0;
    while outages < options.kills && !stage.ledger.wait_for_breach(Duration::ZERO) {
        let outage = ALL[outages as usize % ALL.len()];
        let mut gateway = stage.plan.start()?;
        starts.push(gateway.wait_until_ready()?);
        stage.ledger.wait_for_breach(Duration::from_millis(u64::from(rng.rand_range(100..700))));
        stage.ledger.event(format!("{outage:?} begins"));
        outage.play(&stage, &mut gateway, &mut rng)?;
        drop(gateway);
        outages += 1;
        stage.ledger.event(format!("{outage:?} is over, and so is this gateway"));
        simulated(&stage)?.set_faults(Faults::default());
        stage.crash_disk()?;
    }
    let mut gateway = stage.plan.start()?;
    starts.push(gateway.wait_until_ready()?);
    stage.drain(&mut gateway)?;
    let resident = gateway.resident();
    // Before its disk goes.
    drop(gateway);
    Ok(Verdict { kills: outages, starts, resident, ..stage.close()? })
}

fn simulated(stage: &Stage) -> Result<&Disk> {
    stage.disk.as_ref().context("outages need a simulated disk")
}

impl Outage {
    fn play(self, stage: &Stage, gateway: &mut Gateway, rng: &mut Rand32) -> Result<()> {
        let sound = Faults::default();
        match self {
            Self::ShortWrites => goes_on(stage, gateway, Faults { short_writes: true, ..sound }),
            Self::NoSpace => waits_for_space(stage, gateway, rng),
            Self::SyncFails => ends(stage, gateway, Faults { sync_fails: true, ..sound }),
            Self::WriteFails => ends(stage, gateway, Faults { write_fails: true, ..sound }),
            Self::RenameFails => goes_on_or_ends(stage, gateway, Faults { rename_fails: true, ..sound }),
        }
    }
}

/// A fault that nobody notices.
fn goes_on(stage: &Stage, gateway: &mut Gateway, faults: Faults) -> Result<()> {
    simulated(stage)?.set_faults(faults);
    stage.ledger.wait_for_breach(Duration::from_millis(500));
    demand(stage, gateway, stage.ledger.is_promised_anything_within(PATIENCE), "no promises any more");
    demand_alive(stage, gateway)
}

fn waits_for_space(stage: &Stage, gateway: &mut Gateway, rng: &mut Rand32) -> Result<()> {
    let addresses = stage.plan.addresses();
    let mut probe = Probe::connect(addresses.mqtt, PATIENCE);
    demand(stage, gateway, probe.is_some(), "no connection for QoS 0");
    simulated(stage)?.set_room(Some(u64::from(rng.rand_range(0..300_000))));
    let start = Instant::now();
    // Silence may be a busy machine's, too.
    while !gateway.printed().contains(IS_FULL) && start.elapsed() < PATIENCE {
        stage.ledger.wait_for_breach(Duration::from_millis(20));
    }
    while stage.ledger.is_promised_anything_within(SILENCE) && start.elapsed() < PATIENCE {}
    demand(stage, gateway, start.elapsed() < PATIENCE, "it goes on promising without space");
    demand_alive(stage, gateway)?;

    let echo = probe.as_mut().is_some_and(|probe| probe.echo(PATIENCE));
    demand(stage, gateway, echo, "QoS 0 is not served without space");
    let code = connack_code(addresses.mqtt, "newcomer", PATIENCE);
    demand(stage, gateway, code == Some(SERVER_UNAVAILABLE), &format!("CONNACK {code:?} without space"));
    let mut newcomer = Node::new("newcomer-sn", addresses.udp, stage.ledger.clone(), None, 0)?;
    let code = newcomer.try_connect(PATIENCE);
    demand(stage, gateway, code == Some(ReturnCode::Congestion), &format!("MQTT-SN CONNACK {code:?} without space"));

    simulated(stage)?.set_room(None);
    demand(stage, gateway, stage.ledger.is_promised_anything_within(PATIENCE), "no promises though there is space");
    demand_alive(stage, gateway)
}

/// A fault after which nobody knows what is on the disk.
fn ends(stage: &Stage, gateway: &mut Gateway, faults: Faults) -> Result<()> {
    simulated(stage)?.set_faults(faults);
    let start = Instant::now();
    while gateway.ended()?.is_none() && start.elapsed() < PATIENCE {
        stage.ledger.wait_for_breach(Duration::from_millis(20));
    }
    demand_loud_end(stage, gateway)
}

/// A fault that may concern nobody for a while.
fn goes_on_or_ends(stage: &Stage, gateway: &mut Gateway, faults: Faults) -> Result<()> {
    simulated(stage)?.set_faults(faults);
    let start = Instant::now();
    while gateway.ended()?.is_none() && start.elapsed() < SILENCE {
        stage.ledger.wait_for_breach(Duration::from_millis(20));
    }
    if gateway.ended()?.is_some() { demand_loud_end(stage, gateway) } else { Ok(()) }
}

fn demand_loud_end(stage: &Stage, gateway: &mut Gateway) -> Result<()> {
    let status = gateway.ended()?;
    demand(stage, gateway, status.is_some_and(|status| !status.success()), &format!("its end is {status:?}"));
    let said = gateway.printed().contains("ERROR");
    demand(stage, gateway, said, "it says nothing about the disk in its log");
    Ok(())
}

fn demand_alive(stage: &Stage, gateway: &mut Gateway) -> Result<()> {
    let status = gateway.ended()?;
    demand(stage, gateway, status.is_none(), &format!("it ended with {status:?}"));
    Ok(())
}

fn demand(stage: &Stage, gateway: &Gateway, holds: bool, otherwise: &str) {
    if !holds {
        let printed = gateway.printed();
        let lines: Vec<&str> = printed.lines().collect();
        let tail = lines[lines.len().saturating_sub(10)..].join("\n  ");
        stage.ledger.breach(format!("the gateway: {otherwise}; its log ends:\n  {tail}"));
    }
}
