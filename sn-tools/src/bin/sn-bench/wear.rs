//! What a message costs the disk, which matters on an SD card: octets written for messages of 100 octets that must be on
//! disk, by how many clients publish at the same time and so share commits.

use anyhow::Result;
use sn_codec::Qos;

use crate::clock::now_ns;
use crate::closed_loop::Traffic;
use crate::payload::PAYLOAD_MAX;
use crate::report::{Goal, Outcome};
use crate::settings::Settings;
use crate::stage::{LastingStage, percent};
use crate::target::Storage;

/// What so many clients cost.
struct Wear {
    stored: u64,
    rate_hz: f64,
    delivered: u64,
    /// Octets per message until all are stored.
    until_stored: f64,
    /// Octets per message until all are delivered and forgotten.
    until_delivered: f64,
}

/// Runs the scenario.
///
/// # Errors
/// When the gateway does not start, stops answering, or closes the subscriber.
pub(crate) fn run(settings: &Settings) -> Result<Outcome> {
    let wears = [publish(settings, 1)?, publish(settings, 10)?, publish(settings, 100)?];
    let all = |of: fn(&Wear) -> u64| wears.iter().map(of).sum::<u64>();
    let delivered = percent(all(|wear| wear.delivered), all(|wear| wear.stored));
    let names = [
        ["1 client: stored", "and delivered", "messages", "at"],
        ["10 clients: stored", "and delivered", "messages", "at"],
        ["100 clients: stored", "and delivered", "messages", "at"],
    ];
    let outcome = Outcome::new("wear").goal("stored, then delivered", delivered, "%", Goal::AtLeast(100.0));
    Ok(wears.iter().zip(names).fold(outcome, |outcome, (wear, names)| {
        outcome
            .figure(names[0], wear.until_stored, "octets/message")
            .figure(names[1], wear.until_delivered, "octets/message")
            .figure(names[2], wear.stored as f64, "")
            .figure(names[3], wear.rate_hz, "/s")
    }))
}

fn publish(settings: &Settings, clients: usize) -> Result<Wear> {
    let mut stage = LastingStage::set(settings, "wear", clients, Storage::Disk)?;
    let mut traffic = Traffic::new(Qos::One, clients, PAYLOAD_MAX)?;
    let (before, start_ns) = (stage.gateway.written_octets()?, now_ns());
    traffic.drive(settings, settings.load, &mut stage.fleet, None)?;
    let stored = stage.gateway.written_octets()? - before;
    stage.collect_kept(settings, &mut traffic.tally, traffic.sent)?;
    let delivered = stage.gateway.written_octets()? - before;
    let each = |octets: u64| octets as f64 / traffic.sent.max(1) as f64;
    Ok(Wear {
        stored: traffic.sent,
        rate_hz: traffic.sent as f64 * 1e9 / traffic.acked_until_ns.saturating_sub(start_ns).max(1) as f64,
        delivered: traffic.tally.delivered,
        until_stored: each(stored),
        until_delivered: each(delivered),
    })
}
