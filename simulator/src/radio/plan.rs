//! All that a radio network depends on, as a configuration file says it.

use super::duty::{DutyCycle, Excess};
use super::leaves::LeafGroup;
use super::loss::Loss;
use super::phy::Phy;
use crate::energy::Supply;
use crate::link::is_late;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A radio network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RadioPlan {
    /// Of backoffs, shadowing and losses.
    pub seed: u64,
    /// The band and what follows from it. Default: 2.4 GHz.
    pub phy: Phy,
    /// How a frame gets onto the channel.
    pub mac: MacPlan,
    /// What a receiver can hear.
    pub receiver: Receiver,
    /// How stations hear each other.
    pub propagation: Propagation,
    /// Losses on every link that does not say otherwise. Default: none.
    pub loss: Loss,
    /// What befalls datagrams that have come through. Default: nothing.
    pub disturbance: Disturbance,
    /// The regulator's limit of transmission time. Default: none, as at 2.4 GHz.
    pub duty_cycle: Option<DutyCycle>,
    /// What the nodes draw, and from what battery.
    pub supply: Supply,
    /// The nodes: they do not forward.
    pub nodes: Vec<Site>,
    /// Always on; they forward frames.
    pub routers: Vec<Site>,
    /// Always on; each is the root of a tree of routes.
    pub gateways: Vec<Site>,
    /// Nodes with another stack than the rest, which speaks open 6LoWPAN. Only a real gateway understands them.
    pub leaves: Vec<LeafGroup>,
}

impl RadioPlan {
    /// Whether a datagram may come twice, and whether it may come so late that both ends have forgotten what it belongs to.
    pub(crate) fn repeats(&self) -> (bool, bool) {
        // A receiver knows a retry by the sequence number of the sender's last frame: another frame in between hides it.
        let repeats = true;
        let waits = self.duty_cycle.is_some_and(|duty_cycle| duty_cycle.excess == Excess::Wait);
        (repeats, waits || is_late(repeats, self.disturbance.delay_us))
    }
}

/// A station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Station {
    /// Its place in [`RadioPlan::nodes`].
    Node(usize),
    /// Its place in [`RadioPlan::routers`].
    Router(usize),
    /// Its place in [`RadioPlan::gateways`].
    Gateway(usize),
}

impl fmt::Display for Station {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(index) => write!(f, "node-{index}"),
            Self::Router(index) => write!(f, "router-{index}"),
            Self::Gateway(index) => write!(f, "gateway-{index}"),
        }
    }
}

/// Where a station is and how it is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Site {
    /// East, in decimetres.
    pub x_dm: i32,
    /// North, in decimetres.
    pub y_dm: i32,
    /// At the antenna, in dBm. Default: 0.
    pub tx_power_dbm: i8,
    /// Stations on different channels do not hear each other: each channel is a network of its own. Default: 15.
    pub channel: u8,
}

impl Default for Site {
    fn default() -> Self {
        Self { x_dm: 0, y_dm: 0, tx_power_dbm: 0, channel: 15 }
    }
}

impl Site {
    /// A site on the default channel, in metres.
    #[must_use]
    pub fn at_m(x_m: i32, y_m: i32) -> Self {
        Self { x_dm: x_m * 10, y_dm: y_m * 10, ..Self::default() }
    }
}

/// The unslotted CSMA-CA of IEEE 802.15.4-2020 §6.2.5.1 and its retries, §6.7.4. Defaults: those of the standard's MAC PIB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MacPlan {
    /// macMinBe: the first backoff is 0..2^3 unit periods.
    pub min_be: u8,
    /// macMaxBe.
    pub max_be: u8,
    /// macMaxCsmaBackoffs: so often the channel may be busy again before a frame is given up.
    pub max_csma_backoffs: u8,
    /// macMaxFrameRetries: so often a frame without acknowledgement is sent again.
    pub max_frame_retries: u8,
    /// Frames that may wait at a station; further ones are dropped. Ours: 8, as in Contiki-NG's queuebuf.
    pub queue_frames: usize,
    /// A receiver drops a frame with the sequence number of the sender's last one, as MACs do: a retry after a lost
    /// acknowledgement.
    pub drop_repeated: bool,
    /// A router waits up to so long before it passes a broadcast on, beside the backoff, in microseconds: neighbours that
    /// heard it at the same time would else speak at the same time. Ours: 20 ms.
    pub flood_jitter_us: u32,
}

impl Default for MacPlan {
    fn default() -> Self {
        Self {
            min_be: 3,
            max_be: 5,
            max_csma_backoffs: 4,
            max_frame_retries: 3,
            queue_frames: 8,
            drop_repeated: true,
            flood_jitter_us: 20_000,
        }
    }
}

/// What a receiver can hear. Defaults: an nRF52840 with IEEE 802.15.4 at 250 kb/s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Receiver {
    /// Weaker frames are not received, in dBm. Default: -100.
    pub sensitivity_dbm: i16,
    /// With that much power on the air, of one or several transmitters, the channel is busy, in dBm. Default: -75, the highest
    /// that the standard allows at 2.4 GHz: 10 dB above the sensitivity that it demands.
    pub cca_threshold_dbm: i16,
    /// The channel is busy while a frame is on the air that could be received, too, however weak (CCA mode 3: carrier or
    /// energy). Default: no (CCA mode 1: energy only).
    pub carrier_sense: bool,
    /// A frame is received if it is stronger than all others together by that much, in dB. Default: 3.
    pub capture_db: u8,
}

impl Default for Receiver {
    fn default() -> Self {
        Self { sensitivity_dbm: -100, cca_threshold_dbm: -75, carrier_sense: false, capture_db: 3 }
    }
}

/// How stations hear each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Propagation {
    /// By distance: loss = reference + 10 n log10(d / 1 m) + shadowing.
    LogDistance(LogDistance),
    /// As this table says; who is not in it does not hear each other.
    Table(Vec<LinkPlan>),
}

impl Default for Propagation {
    fn default() -> Self {
        Self::LogDistance(LogDistance::default())
    }
}

/// The log-distance path loss model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogDistance {
    /// Ten times the exponent n. Default: 30; free space: 20.
    pub exponent_tenths: u16,
    /// At 1 m, in dB. Default: 40, free space at 2.45 GHz. At 868 MHz: 31.
    pub reference_db: u8,
    /// Standard deviation of a pair's shadowing, cut off at three of them, in dB; the same in both directions. Default: 4.
    pub shadowing_db: u8,
}

impl Default for LogDistance {
    fn default() -> Self {
        Self { exponent_tenths: 30, reference_db: 40, shadowing_db: 4 }
    }
}

/// A pair of stations that hear each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkPlan {
    /// One of them.
    pub a: Station,
    /// The other.
    pub b: Station,
    /// The power with which each hears the other, in dBm.
    pub rssi_dbm: i16,
    /// Default: the plan's.
    pub loss: Option<Loss>,
}

/// What befalls a datagram that has come through, beside what the radio does to it: for tests of the sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disturbance {
    /// Comes later by up to so many microseconds, evenly spread: datagrams can overtake each other.
    pub delay_us: u64,
    /// Datagrams per million that come a second time.
    pub duplicate_ppm: u32,
}
