//! The facts of a run: plain data, integers only, so that equal runs make equal reports.
//!
//! Times are virtual and in microseconds since the start of the run. A station is named by its place in
//! [`Report::stations`], a channel by its place in [`Report::channels`].

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A finished run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What was run.
    pub scenario: Scenario,
    /// How much virtual time has passed, in microseconds.
    pub duration_us: u64,
    /// What the gateway did, and what was done to it.
    pub gateway: GatewayFacts,
    /// Everybody who took part: nodes, routers, gateways, MQTT clients.
    pub stations: Vec<Station>,
    /// Who tried to reach whom over the radio. Empty without a radio.
    pub links: Vec<Link>,
    /// Walls of the floor plan. They are drawn, and mean nothing else here.
    pub walls: Vec<Wall>,
    /// At most one entry for each direction and QoS.
    pub deliveries: Vec<Delivery>,
    /// From a node's PUBLISH being due to its arrival at the MQTT subscriber.
    pub latency_up: Latency,
    /// From an MQTT client's PUBLISH to its arrival at the node, with the time that the node slept.
    pub latency_down: Latency,
    /// How things developed.
    pub series: Series,
    /// The radio channels in use. Empty without a radio.
    pub channels: Vec<Channel>,
    /// Broken promises, one sentence each. Empty if all were kept.
    pub violations: Vec<String>,
}

/// What was run, so that it can be run again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// A short name.
    pub name: String,
    /// One or two sentences.
    pub description: String,
    /// Of all randomness.
    pub seed: u64,
}

/// The gateway's account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayFacts {
    /// When it crashed, in order.
    pub outages: Vec<Outage>,
    /// Crashes of the plan that did not come about: they wait for a commit, and there was none before the next or the end.
    pub crashes_missed: u64,
    /// Messages that it dropped, as its stated policy says, by reason.
    pub drops: BTreeMap<String, u64>,
    /// Datagrams and requests that it rejected, by reason.
    pub rejects: BTreeMap<String, u64>,
    /// MQTT-SN messages that it sent once more because no answer came.
    pub retransmissions: u64,
}

/// A time without gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// When it crashed.
    pub crashed_us: u64,
    /// When it was back. `None`: not until the end of the run.
    pub restarted_us: Option<u64>,
}

/// Somebody who took part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Station {
    /// The client id, or what the floor plan calls it.
    pub name: String,
    /// What it is.
    pub kind: StationKind,
    /// Where it is on the floor plan.
    pub position: Option<Position>,
    /// It sleeps between its messages.
    pub is_sleeper: bool,
    /// The messages of its application.
    pub traffic: Traffic,
    /// What its radio did. `None`: it has none.
    pub radio: Option<Radio>,
    /// What it draws. `None`: not known, or of no interest.
    pub power: Option<Power>,
    /// The station to which it last sent what was for the gateway, by its place in [`Report::stations`].
    pub next_hop: Option<usize>,
}

/// What a station is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StationKind {
    /// An MQTT-SN client that sends only what is its own.
    Node,
    /// Forwards frames of others. It may be an MQTT-SN client as well.
    Router,
    /// Speaks MQTT-SN on one side and MQTT on the other.
    Gateway,
    /// An ordinary MQTT client, beyond the radio.
    MqttClient,
}

/// A place on the floor plan, in tenths of a metre: x to the right, y downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Decimetres to the right.
    pub x_dm: i32,
    /// Decimetres downwards.
    pub y_dm: i32,
}

/// A straight wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wall {
    /// One end.
    pub from: Position,
    /// The other.
    pub to: Position,
}

/// The messages of one station's application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Messages that its application wanted to publish.
    pub offered: u64,
    /// Those of them that were acknowledged to it. At QoS 0 and -1 nothing is.
    pub acknowledged: u64,
    /// Messages of others that reached its application, without repetitions.
    pub delivered: u64,
    /// Messages that reached its application once more.
    pub repeated: u64,
}

/// What a station's radio did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Radio {
    /// Frames that it sent, each counted once however often it was tried.
    pub frames_sent: u64,
    /// Tries beyond each frame's first.
    pub retries: u64,
    /// Frames that it gave up: no acknowledgement, or never a clear channel.
    pub failures: u64,
    /// How long it was sending or listening, in microseconds.
    pub on_us: u64,
}

/// What a station draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Power {
    /// On average over the run, in nanoamperes.
    pub average_current_na: u64,
    /// How long its battery lasts at that current, in days. `None`: it has no battery.
    pub battery_life_days: Option<u32>,
}

/// What one station sent directly to another. The other direction is another link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The sender, by its place in [`Report::stations`].
    pub from: usize,
    /// The receiver, likewise.
    pub to: usize,
    /// Frames put on the air, each try counted.
    pub frames_tried: u64,
    /// Those of them that did not arrive.
    pub frames_lost: u64,
    /// Mean received signal strength, in tenths of a dBm. `None`: nothing was heard.
    pub rssi_tenth_dbm: Option<i32>,
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From a node to an MQTT client.
    Up,
    /// From an MQTT client to a node.
    Down,
}

/// What became of the messages of one direction and QoS. Where a message has several subscribers it counts once for
/// each of them, but for its acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Which way.
    pub direction: Direction,
    /// -1 to 2, as published; but 0 for deliveries to subscribers that asked for no more.
    pub qos: i8,
    /// Deliveries to which subscribers had a right.
    pub offered: u64,
    /// Messages that nobody had subscribed to when they were published.
    pub for_nobody: u64,
    /// Messages that were acknowledged to their publisher.
    pub acknowledged: u64,
    /// Deliveries that came, without repetitions.
    pub delivered: u64,
    /// Deliveries beyond the first.
    pub duplicates: u64,
    /// Deliveries that did not come and will not.
    pub lost: u64,
    /// Deliveries still under way, or in a mailbox, when the run ended.
    pub pending: u64,
}

/// How long messages took. What a [`LatencyRecorder`](super::LatencyRecorder) has recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Ten per decade, ascending, without gap from the first that has something in it to the last.
    pub buckets: Vec<LatencyBucket>,
    /// How many messages.
    pub count: u64,
    /// Half of the messages took no longer, in microseconds. As for the others, to three digits.
    pub p50_us: u64,
    /// 90% of the messages took no longer.
    pub p90_us: u64,
    /// 99% of the messages took no longer.
    pub p99_us: u64,
    /// No message took longer.
    pub max_us: u64,
}

/// Messages that took at least `from_us` and less than `to_us`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyBucket {
    /// The shortest, in microseconds.
    pub from_us: u64,
    /// One more than the longest, in microseconds.
    pub to_us: u64,
    /// How many.
    pub count: u64,
}

/// How things developed, in slices of equal length. What a [`Sampler`](super::Sampler) has sampled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// The length of a slice, in microseconds; the last one may be shorter.
    pub slice_us: u64,
    /// In order.
    pub slices: Vec<Slice>,
}

/// One slice of time. Delivered messages and airtime are those within the slice, the rest is how things stood.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// The end of the slice.
    pub at_us: u64,
    /// Messages in all mailboxes (the most, if the slice was looked at more than once).
    pub mailbox_messages: u64,
    /// Messages in the deepest mailbox (likewise).
    pub mailbox_deepest: u64,
    /// Deliveries from nodes to MQTT clients.
    pub delivered_up: u64,
    /// Deliveries from MQTT clients to nodes.
    pub delivered_down: u64,
    /// Nodes that are active or awake.
    pub nodes_connected: u64,
    /// Nodes that are asleep.
    pub nodes_asleep: u64,
    /// Nodes that are lost.
    pub nodes_lost: u64,
    /// How long each channel was busy, in microseconds, in the order of [`Report::channels`].
    pub airtime_us: Vec<u64>,
}

/// A radio channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its number: 11 to 26 in the 2.4 GHz band of 802.15.4.
    pub number: u8,
    /// How long it was busy, summed over all senders, in microseconds. Where senders do not hear each other it can be
    /// more than the run's duration.
    pub airtime_us: u64,
}
