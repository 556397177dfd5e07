//! The gateway as an MQTT server, beside mosquitto: MQTT 3.1.1 clients on both sides, each server by turns.
//!
//! All get the same load from the same thread. A publisher has [`Load::window`] messages that are not both acknowledged and
//! delivered, a subscriber gets up to as many before it acknowledges: no server has a reason to drop any. Subscribers have
//! kept sessions, so with a disk each message must be there before it is acknowledged. mosquitto keeps nothing on disk.

mod client;
mod idle;
mod load;
mod mosquitto;

use std::path::Path;

use anyhow::Result;

use crate::report::{Goal, Outcome, middle};
use crate::settings::Settings;
use crate::stage::cpu_us_each;
use crate::target::{Gateway, Limits, Storage};
use load::Traffic;
use mosquitto::Mosquitto;

pub(crate) use idle::run_idle;

/// [`Load::window`], unless the command line says otherwise.
pub(crate) const WINDOW: u64 = 100;
/// Turns of each server.
const ROUNDS: usize = 3;

/// What is published to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) name: &'static str,
    pub(crate) qos: u8,
    pub(crate) publishers: usize,
    pub(crate) subscribers_each: usize,
    /// Messages of a publisher that are under way, and messages that a subscriber may leave unacknowledged.
    pub(crate) window: u64,
    /// The rate in memory as a multiple of mosquitto's.
    pub(crate) goal: f64,
    /// The same with a disk.
    pub(crate) disk_goal: Option<f64>,
}

/// From each of ten publishers to a subscriber of its own.
pub(crate) const QOS_0: Load =
    Load { name: "mqtt qos0", qos: 0, publishers: 10, subscribers_each: 1, window: WINDOW, goal: 1.0, disk_goal: None };
/// The same at QoS 1.
pub(crate) const QOS_1: Load = Load { name: "mqtt qos1", qos: 1, goal: 3.0, disk_goal: Some(1.0), ..QOS_0 };
/// The same at QoS 2.
pub(crate) const QOS_2: Load = Load { name: "mqtt qos2", qos: 2, ..QOS_1 };
/// From one publisher to a hundred subscribers.
pub(crate) const FANOUT: Load = Load { name: "mqtt fanout", publishers: 1, subscribers_each: 100, ..QOS_0 };
/// The same at QoS 1.
pub(crate) const FANOUT_QOS_1: Load = Load { name: "mqtt fanout qos1", qos: 1, ..FANOUT };

/// Who serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    Mosquitto,
    Memory,
    Disk,
}

/// A server that runs, for as long as this is kept.
struct Running {
    gateway: Gateway,
    _mosquitto: Option<Mosquitto>,
}

impl Server {
    fn start(self, settings: &Settings, mosquitto: &Path, window: u64) -> Result<Running> {
        let limits = Limits { mqtt_inflight: Some(window), ..Limits::default() };
        let started =
            |storage| anyhow::Ok(Running { gateway: settings.target.start(storage, limits)?, _mosquitto: None });
        match self {
            Self::Mosquitto => {
                let (mosquitto, gateway) = Mosquitto::start(mosquitto, window)?;
                Ok(Running { gateway, _mosquitto: Some(mosquitto) })
            }
            Self::Memory => started(Storage::Memory),
            Self::Disk => started(Storage::Disk),
        }
    }
}

/// Rates and processor times of one server's turns.
#[derive(Default)]
struct Turns {
    rate_hz: Vec<f64>,
    cpu_us: Vec<f64>,
}

impl Turns {
    fn rate(&self) -> f64 {
        middle(self.rate_hz.iter().copied()).unwrap_or(f64::NAN)
    }

    fn figures(&self, outcome: Outcome, names: [&'static str; 2]) -> Outcome {
        let cpu = middle(self.cpu_us.iter().copied()).unwrap_or(f64::NAN);
        outcome.figure(names[0], self.rate(), "/s").figure(names[1], cpu, "us/delivery")
    }

    fn add(&mut self, server: Server, settings: &Settings, mosquitto: &Path, load: Load) -> Result<()> {
        let running = server.start(settings, mosquitto, load.window)?;
        let mut traffic = Traffic::connect(running.gateway.mqtt, load)?;
        let before = running.gateway.cpu_s();
        self.rate_hz.push(traffic.drive(settings.load, settings.bounds.limit)?);
        self.cpu_us.extend(cpu_us_each(before, running.gateway.cpu_s(), traffic.deliveries));
        Ok(())
    }
}

/// Runs one load on every server, by turns.
///
/// # Errors
/// When a server does not start, or does not carry everything, once and in order.
pub(crate) fn run(settings: &Settings, mosquitto: &Path, load: Load) -> Result<Outcome> {
    let [mut other, mut memory, mut disk] = [Turns::default(), Turns::default(), Turns::default()];
    for _ in 0..ROUNDS {
        other.add(Server::Mosquitto, settings, mosquitto, load)?;
        memory.add(Server::Memory, settings, mosquitto, load)?;
        if load.disk_goal.is_some() {
            disk.add(Server::Disk, settings, mosquitto, load)?;
        }
    }
    let mut outcome = Outcome::new(load.name).goal(
        "in memory, of mosquitto's rate",
        memory.rate() / other.rate(),
        "",
        Goal::AtLeast(load.goal),
    );
    if let Some(goal) = load.disk_goal {
        outcome = outcome.goal("on disk, of mosquitto's rate", disk.rate() / other.rate(), "", Goal::AtLeast(goal));
        outcome = disk.figures(outcome, ["on disk", "CPU"]);
    }
    let outcome = memory.figures(outcome, ["in memory", "CPU"]);
    Ok(other.figures(outcome, ["mosquitto", "CPU"]))
}
