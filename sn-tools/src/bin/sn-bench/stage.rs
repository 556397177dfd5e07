//! What the publishing scenarios share: a gateway, connected clients with registered topics, one MQTT subscriber.

use std::time::Duration;

use anyhow::Result;

use crate::clock::{Deadline, now_ns};
use crate::fleet::Fleet;
use crate::payload::{Stamp, Tally};
use crate::settings::Settings;
use crate::subscriber::Subscriber;
use crate::target::Gateway;

/// How long a scenario waits for messages that are under way once nothing arrives any more.
pub(crate) const QUIET: Duration = Duration::from_secs(1);

/// Everybody in their places.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    pub(crate) fleet: Fleet,
    pub(crate) subscriber: Subscriber,
}

impl Stage {
    /// `clients` publishers, and one subscriber to all their topics at `sub_qos`.
    ///
    /// # Errors
    /// When the gateway does not start, answer, or accept.
    pub(crate) fn set(settings: &Settings, name: &str, clients: usize, sub_qos: u8) -> Result<Self> {
        let gateway = settings.target.open()?;
        let mut fleet = Fleet::open(gateway.udp, name, clients, settings.bounds)?;
        fleet.connect_all()?;
        fleet.register(fleet.all())?;
        let filter = format!("bench/{name}/+");
        let mut subscriber = Subscriber::connect(gateway.mqtt, &format!("{name}-sub"), &filter, sub_qos)?;
        subscriber.watch(fleet.poll.registry())?;
        Ok(Self { gateway, fleet, subscriber })
    }

    /// Ends the clients' connections, so that a gateway that runs on is left as it was.
    ///
    /// # Errors
    /// When the gateway does not answer.
    pub(crate) fn clear(mut self) -> Result<()> {
        self.fleet.disconnect(self.fleet.all(), None)
    }
}

/// Takes what has come to the subscriber into `tally`.
///
/// # Errors
/// As [`Subscriber::drain`]; also for messages that nobody here sent.
pub(crate) fn collect(subscriber: &mut Subscriber, tally: &mut Tally) -> Result<()> {
    let now_ns = now_ns();
    subscriber.drain(|payload| match Stamp::of(payload) {
        Some(stamp) => tally.arrived(stamp.seq, stamp.sent_ns, now_ns),
        None => Ok(()),
    })
}

/// Processor time per message in microseconds, between two readings of [`Gateway::cpu_s`].
pub(crate) fn cpu_us_each(before: Option<f64>, after: Option<f64>, messages: u64) -> Option<f64> {
    Some((after? - before?) * 1e6 / messages.max(1) as f64)
}

/// Whether deliveries may still be expected: some are missing, and the last came a moment ago.
pub(crate) fn may_still_arrive(tally: &Tally, expected: u64, offered_until_ns: u64) -> bool {
    let idle_ns = now_ns().saturating_sub(tally.last_ns.max(offered_until_ns));
    tally.delivered < expected && idle_ns < crate::clock::as_ns(QUIET)
}

/// `part` of `whole` in percent.
pub(crate) fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

/// The limit of one scenario's load loop.
pub(crate) fn limit(settings: &Settings) -> Deadline {
    Deadline::after(settings.load + settings.bounds.limit)
}
