//! What durability costs in rate: QoS 1 to a gateway that keeps messages on disk, beside one that keeps them in memory.
//!
//! The messages are for a subscriber with a persistent MQTT session, so that each must be on disk before its PUBACK.
//! Fresh gateways of both kinds take turns, so that a drift of the machine's speed meets both.

use anyhow::Result;
use sn_codec::Qos;

use crate::clock::now_ns;
use crate::closed_loop::Traffic;
use crate::payload::PAYLOAD_LEN;
use crate::report::{Goal, Outcome, middle, quantile_us};
use crate::settings::Settings;
use crate::stage::{LastingStage, cpu_us_each, percent};
use crate::target::Storage;

/// Turns of each kind.
const ROUNDS: usize = 3;

/// Where the messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    /// To a subscriber that is away and comes back when all is published.
    Stored,
    /// To a subscriber that is connected and acknowledges.
    Delivered,
}

/// One turn.
struct Turn {
    rate_hz: f64,
    ack_p50_us: f64,
    delivered_percent: f64,
    /// Processor time per message, until it is stored or delivered.
    cpu_us: f64,
    written_each: f64,
}

/// Runs the scenario with so many publishing clients, each with one message under way.
///
/// # Errors
/// When the gateway does not start, stops answering, or closes the subscriber.
pub(crate) fn run(settings: &Settings, clients: usize) -> Result<Outcome> {
    let commits = settings.target.program()?.disk.bare_commits(settings.yardstick)?;
    let stored = Case::Stored.measure(settings, clients)?;
    let delivered = Case::Delivered.measure(settings, clients)?;
    let outcome = Outcome::new("durable")
        .goal("stored for an absent subscriber, of the in-memory rate", stored.ratio(), "", Goal::AtLeast(0.6))
        .goal("stored, then delivered", stored.delivered(), "%", Goal::AtLeast(100.0))
        .goal("delivered to a present subscriber, of the in-memory rate", delivered.ratio(), "", Goal::AtLeast(0.6))
        .goal("delivered", delivered.delivered(), "%", Goal::AtLeast(100.0));
    let names = ["stored", "in memory", "ack p50", "in memory", "gateway CPU", "in memory", "written"];
    let outcome = stored.figures(outcome, names);
    let names = ["delivered", "in memory", "ack p50", "in memory", "gateway CPU", "in memory", "written"];
    Ok(delivered.figures(outcome, names).quantiles(["bare commit p50", "p99", "p99.9"], &commits))
}

/// All turns of one case.
struct Turns {
    disk: Vec<Turn>,
    memory: Vec<Turn>,
}

impl Case {
    fn measure(self, settings: &Settings, clients: usize) -> Result<Turns> {
        let (mut disk, mut memory) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            memory.push(self.turn(settings, clients, Storage::Memory)?);
            disk.push(self.turn(settings, clients, Storage::Disk)?);
        }
        Ok(Turns { disk, memory })
    }

    fn turn(self, settings: &Settings, clients: usize, storage: Storage) -> Result<Turn> {
        let mut stage = LastingStage::set(settings, "durable", clients, storage)?;
        let mut subscriber = match self {
            Self::Stored => None,
            Self::Delivered => Some(stage.resume()?),
        };
        let mut traffic = Traffic::new(Qos::One, clients, PAYLOAD_LEN)?;
        let (written, cpu, start_ns) = (stage.gateway.written_octets()?, stage.gateway.cpu_s(), now_ns());
        traffic.drive(settings, settings.load, &mut stage.fleet, subscriber.as_mut())?;
        let written = stage.gateway.written_octets()? - written;
        let cpu_us = cpu_us_each(cpu, stage.gateway.cpu_s(), traffic.sent);
        let (count, until_ns) = match self {
            Self::Stored => (traffic.acks.len(), traffic.acked_until_ns),
            Self::Delivered => (traffic.tally.delivered, traffic.tally.last_ns),
        };
        if self == Self::Stored {
            stage.collect_kept(settings, &mut traffic.tally, traffic.sent)?;
        }
        Ok(Turn {
            rate_hz: count as f64 * 1e9 / until_ns.saturating_sub(start_ns).max(1) as f64,
            ack_p50_us: quantile_us(&traffic.acks, 0.5),
            delivered_percent: percent(traffic.tally.delivered, traffic.sent),
            cpu_us: cpu_us.unwrap_or(f64::NAN),
            written_each: written as f64 / traffic.sent.max(1) as f64,
        })
    }
}

impl Turns {
    /// The median rate on disk as a fraction of that in memory.
    fn ratio(&self) -> f64 {
        median(&self.disk, |turn| turn.rate_hz) / median(&self.memory, |turn| turn.rate_hz)
    }

    /// The worst turn on disk.
    fn delivered(&self) -> f64 {
        self.disk.iter().map(|turn| turn.delivered_percent).fold(100.0, f64::min)
    }

    fn figures(&self, outcome: Outcome, names: [&'static str; 7]) -> Outcome {
        outcome
            .figure(names[0], median(&self.disk, |turn| turn.rate_hz), "/s")
            .figure(names[1], median(&self.memory, |turn| turn.rate_hz), "/s")
            .figure(names[2], median(&self.disk, |turn| turn.ack_p50_us), "us")
            .figure(names[3], median(&self.memory, |turn| turn.ack_p50_us), "us")
            .figure(names[4], median(&self.disk, |turn| turn.cpu_us), "us/message")
            .figure(names[5], median(&self.memory, |turn| turn.cpu_us), "us/message")
            .figure(names[6], median(&self.disk, |turn| turn.written_each), "octets/message")
    }
}

fn median(turns: &[Turn], of: impl Fn(&Turn) -> f64) -> f64 {
    middle(turns.iter().map(of)).unwrap_or(f64::NAN)
}
