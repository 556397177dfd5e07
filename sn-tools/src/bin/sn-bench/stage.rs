//! What the publishing scenarios share: a gateway, connected clients with registered topics, one MQTT subscriber.

use std::time::Duration;

use anyhow::Result;

use crate::clock::{Deadline, now_ns};
use crate::closed_loop::MESSAGES_MAX;
use crate::fleet::{Fleet, TICK};
use crate::payload::{Stamp, Tally};
use crate::settings::Settings;
use crate::subscriber::Subscriber;
use crate::target::{Gateway, Limits, Storage};

/// How long a scenario waits for messages that are under way once nothing arrives any more.
pub(crate) const QUIET: Duration = Duration::from_secs(1);

/// Everybody in their places.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    pub(crate) fleet: Fleet,
    pub(crate) subscriber: Subscriber,
}

/// A [`Stage`] on which what the subscriber misses must be kept.
pub(crate) struct LastingStage {
    pub(crate) gateway: Gateway,
    pub(crate) fleet: Fleet,
    subscriber_id: String,
}

impl LastingStage {
    /// A fresh gateway with `storage`, `clients` publishers, and a subscriber with a persistent session of QoS 1 that
    /// has subscribed to all their topics and gone.
    ///
    /// # Errors
    /// When the gateway does not start, answer, or accept.
    pub(crate) fn set(settings: &Settings, name: &str, clients: usize, storage: Storage) -> Result<Self> {
        let limits = Limits { queue_messages: Some(MESSAGES_MAX), ..Limits::default() };
        let gateway = settings.target.start(storage, limits)?;
        let fleet = publishers(settings, &gateway, name, clients)?;
        let subscriber_id = format!("{name}-sub");
        Subscriber::connect(gateway.mqtt, &subscriber_id, false, &format!("bench/{name}/+"), 1)?;
        Ok(Self { gateway, fleet, subscriber_id })
    }

    /// The subscriber comes back, and is watched by the fleet's poll.
    ///
    /// # Errors
    /// When the gateway does not accept it.
    pub(crate) fn resume(&self) -> Result<Subscriber> {
        let mut subscriber = Subscriber::resume(self.gateway.mqtt, &self.subscriber_id)?;
        subscriber.watch(self.fleet.poll.registry())?;
        Ok(subscriber)
    }

    /// The subscriber comes back and takes what was kept for it: `expected` messages, or what comes until nothing
    /// more does.
    ///
    /// # Errors
    /// When the gateway closes the connection or never stops sending.
    pub(crate) fn collect_kept(&mut self, settings: &Settings, tally: &mut Tally, expected: u64) -> Result<()> {
        let (mut subscriber, since_ns, deadline) = (self.resume()?, now_ns(), limit(settings));
        while may_still_arrive(tally, expected, since_ns) {
            self.fleet.poll.poll(&mut self.fleet.events, Some(TICK))?;
            collect(&mut subscriber, tally)?;
            deadline.check(|| format!("{} of {expected} kept messages collected", tally.delivered))?;
        }
        Ok(())
    }
}

fn publishers(settings: &Settings, gateway: &Gateway, name: &str, clients: usize) -> Result<Fleet> {
    let mut fleet = Fleet::open(gateway.udp, name, clients, settings.bounds)?;
    fleet.connect_all()?;
    fleet.register(fleet.all())?;
    Ok(fleet)
}

impl Stage {
    /// `clients` publishers, and one subscriber to all their topics at `sub_qos`.
    ///
    /// # Errors
    /// When the gateway does not start, answer, or accept.
    pub(crate) fn set(settings: &Settings, name: &str, clients: usize, sub_qos: u8) -> Result<Self> {
        let gateway = settings.target.open()?;
        let fleet = publishers(settings, &gateway, name, clients)?;
        let filter = format!("bench/{name}/+");
        let mut subscriber = Subscriber::connect(gateway.mqtt, &format!("{name}-sub"), true, &filter, sub_qos)?;
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
