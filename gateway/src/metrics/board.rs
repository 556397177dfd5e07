//! The values as they are at a scrape.

use super::names;
use crate::bridge::Counts;
use crate::mqtt::Tally;
use gateway_core::{Census, Core, DropReason, StorageState};
use metrics::{Histogram, counter, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};
use sn_types::{Heard, Instant};
use std::time::Duration;
use transports::Counters;

/// Bounds of the commits' times, in seconds: from a fast disk's fsync to a worn SD card's.
const COMMIT_BUCKETS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0];

/// Bounds of the wakes' times, in seconds: from nothing waiting to many messages over a slow radio.
const WAKE_BUCKETS: [f64; 12] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// How many radio nodes have metrics of their own: the first of the list, by their addresses.
const NODES: usize = 100;

/// All metrics of one gateway.
pub(crate) struct Board {
    recorder: PrometheusRecorder,
    commits: Histogram,
    wakes: Histogram,
}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}

/// Where the values come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) core: &'a Core,
    /// In the core's time.
    pub(crate) now: Instant,
    pub(crate) uptime: Duration,
    pub(crate) connections: usize,
    /// Their names, and what they count.
    pub(crate) transports: &'a [(&'a str, Counters)],
    /// In the order of the configuration.
    pub(crate) listeners: &'a [Tally],
    /// Their names, and what they have done.
    pub(crate) bridges: &'a [(String, Counts)],
}

impl Board {
    /// Without values.
    pub(crate) fn new() -> Self {
        let mut builder = PrometheusBuilder::new();
        for (name, buckets) in [(names::COMMIT_SECONDS, &COMMIT_BUCKETS[..]), (names::WAKE_SECONDS, &WAKE_BUCKETS)] {
            let name = Matcher::Full(name.into());
            builder = builder.set_buckets_for_metric(name, buckets).expect("there are buckets");
        }
        let recorder = builder.build_recorder();
        let (commits, wakes) = with_local_recorder(&recorder, || {
            names::describe();
            gauge!(names::INFO, "version" => env!("CARGO_PKG_VERSION")).set(1);
            (histogram!(names::COMMIT_SECONDS), histogram!(names::WAKE_SECONDS))
        });
        Self { recorder, commits, wakes }
    }

    /// A commit has reached the disk.
    pub(crate) fn committed(&self, took: Duration) {
        self.commits.record(took);
    }

    /// A sleeping client has been sent all there was.
    pub(crate) fn drained(&self, took: Duration) {
        self.wakes.record(took);
    }

    /// All values of now, as Prometheus reads them.
    pub(crate) fn text(&self, seen: Seen<'_>) -> String {
        with_local_recorder(&self.recorder, || {
            gauge!(names::UPTIME).set(seen.uptime);
            gauge!(names::CONNECTIONS).set(seen.connections as f64);
            clients(seen.now, &seen.core.census());
            messages(seen.core);
            waiting(seen.core);
            upstream(seen.core);
            reasons(seen.core);
            nodes(seen.now, seen.core);
            seen.transports.iter().for_each(|(name, counters)| transport(name, counters));
            airtime(&seen);
            seen.listeners.iter().enumerate().for_each(|(number, tally)| listener(number, tally));
            seen.bridges.iter().for_each(|(name, counts)| bridge(name, *counts));
        });
        let handle = self.recorder.handle();
        // What was recorded of commits since the last time is added up now.
        handle.run_upkeep();
        handle.render()
    }
}

fn clients(now: Instant, census: &Census) {
    for (state, count) in [
        ("active", census.sn_active),
        ("asleep", census.sn_asleep),
        ("awake", census.sn_awake),
        ("lost", census.sn_lost),
    ] {
        gauge!(names::SN_CLIENTS, "state" => state).set(count as f64);
    }
    gauge!(names::MQTT_CLIENTS).set(census.mqtt as f64);
    gauge!(names::SESSIONS).set(census.total() as f64);
    gauge!(names::DISCONNECTED).set((census.total() - census.connected()) as f64);
    let oldest = census.oldest_mailbox.map_or(Duration::ZERO, |filled| now.since(filled));
    gauge!(names::MAILBOX_OLDEST).set(oldest);
    gauge!(names::MAILBOX_DEEPEST).set(census.deepest_mailbox as f64);
}

fn messages(core: &Core) {
    let stats = core.stats();
    for (protocol, received, sent) in
        [("mqtt-sn", stats.sn_received, stats.sn_sent), ("mqtt", stats.mqtt_received, stats.mqtt_sent)]
    {
        counter!(names::RECEIVED, "protocol" => protocol).absolute(received);
        counter!(names::SENT, "protocol" => protocol).absolute(sent);
    }
    for (name, by_qos) in [
        (names::PUBLISH_RECEIVED, stats.published),
        (names::PUBLISH_SENT, stats.sent),
        (names::PUBLISH_RECEIVED_BYTES, stats.published_bytes),
        (names::PUBLISH_SENT_BYTES, stats.sent_bytes),
    ] {
        for (qos, count) in ["0", "1", "2"].into_iter().zip(by_qos) {
            counter!(name, "qos" => qos).absolute(count);
        }
    }
    counter!(names::CONNECTS).absolute(stats.connects);
    counter!(names::ROUTED).absolute(stats.routed);
    counter!(names::WITHHELD).absolute(stats.withheld);
    counter!(names::RETRANSMISSIONS).absolute(stats.retransmissions);
    counter!(names::EXPIRED).absolute(stats.expired);
}

fn waiting(core: &Core) {
    let (gauges, stats) = (core.gauges(), core.stats());
    gauge!(names::SUBSCRIPTIONS).set(gauges.subscriptions as f64);
    gauge!(names::RETAINED).set(gauges.retained as f64);
    gauge!(names::MAILBOX_MESSAGES).set(gauges.waiting_messages as f64);
    gauge!(names::MAILBOX_BYTES).set(gauges.waiting_bytes as f64);
    gauge!(names::HELD).set(gauges.held as f64);
    gauge!(names::UNCOMMITTED).set(gauges.uncommitted_bytes as f64);
    counter!(names::UNSENT).absolute(stats.unsent);
    counter!(names::AIRTIME_UNSENT).absolute(stats.airtime_unsent);
    counter!(names::HELD_BACK).absolute(stats.held_back);
    for state in [StorageState::Ok, StorageState::Full, StorageState::Failed] {
        gauge!(names::STORE_STATE, "state" => state.name()).set(f64::from(u8::from(core.storage() == state)));
    }
}

fn upstream(core: &Core) {
    for (state, count) in core.upstream_census() {
        gauge!(names::UPSTREAM_CLIENTS, "state" => state.name()).set(count as f64);
    }
    let stats = core.stats();
    for (outcome, count) in [
        ("connected", stats.upstream_connects),
        ("lost", stats.upstream_losses),
        ("refused", stats.upstream_refusals),
        ("moved", stats.upstream_moved),
    ] {
        counter!(names::UPSTREAM_CONNECTIONS, "outcome" => outcome).absolute(count);
    }
}

fn reasons(core: &Core) {
    // Those that have not occurred, too: Prometheus' increase() does not see a counter that begins with its first event.
    for reason in DropReason::ALL {
        let count = core.stats().drops.get(&reason).copied().unwrap_or_default();
        counter!(names::DROPS, "reason" => reason.name()).absolute(count);
    }
    for (reason, count) in core.stats().rejects_by_name() {
        counter!(names::REJECTS, "reason" => reason).absolute(count);
    }
}

/// The metrics of a node that has left the list stay as they were until the process ends: there is no way to forget them.
fn nodes(now: Instant, core: &Core) {
    let (listed, revoked, strangers) = core.node_counts();
    for (state, count) in [("listed", listed - revoked), ("revoked", revoked), ("stranger", strangers)] {
        gauge!(names::NODES, "state" => state).set(count as f64);
    }
    for (name, seen, Heard { signal, retries, failures, .. }) in core.heard_nodes(NODES) {
        let known = [
            (names::NODE_RSSI, signal.rssi_dbm.map(f64::from)),
            (names::NODE_LQI, signal.lqi.map(f64::from)),
            (names::NODE_SEEN, seen.map(|seen| now.since(seen).as_secs_f64())),
        ];
        for (metric, value) in known {
            value.into_iter().for_each(|value| gauge!(metric, "node" => name.to_string()).set(value));
        }
        counter!(names::NODE_RETRIES, "node" => name.to_string()).absolute(retries);
        counter!(names::NODE_FAILURES, "node" => name.to_string()).absolute(failures);
    }
}

fn airtime(seen: &Seen<'_>) {
    for (transport, used) in seen.core.airtime_used() {
        if let Some((name, _)) = seen.transports.get(usize::from(transport.0)) {
            gauge!(names::AIRTIME_USED, "transport" => (*name).to_owned()).set(used);
        }
    }
}

fn transport(name: &str, counters: &Counters) {
    for (what, count) in counters.named() {
        counter!(names::TRANSPORT, "transport" => name.to_owned(), "outcome" => what).absolute(count);
    }
}

fn bridge(name: &str, counts: Counts) {
    let Counts { joined, joins, out, inward, refused, unmapped } = counts;
    gauge!(names::BRIDGE_CONNECTED, "bridge" => name.to_owned()).set(f64::from(u8::from(joined)));
    counter!(names::BRIDGE_CONNECTS, "bridge" => name.to_owned()).absolute(joins);
    for (what, count) in [("out", out), ("in", inward), ("refused", refused), ("unmapped", unmapped)] {
        counter!(names::BRIDGE, "bridge" => name.to_owned(), "outcome" => what).absolute(count);
    }
}

fn listener(number: usize, tally: &Tally) {
    for (what, count) in tally.counts() {
        counter!(names::LISTENER, "listener" => number.to_string(), "outcome" => what).absolute(count);
    }
}
