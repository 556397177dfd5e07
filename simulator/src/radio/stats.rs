//! What is counted.

use super::plan::Station;
use crate::energy::Spent;
use serde::Serialize;

/// All figures of a network up to now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RadioStats {
    /// Nodes, then routers, then gateways.
    pub stations: Vec<StationStats>,
    /// In the order of their numbers.
    pub channels: Vec<ChannelStats>,
    /// Every direction in which frames can be received.
    pub links: Vec<LinkStats>,
}

/// A station's figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StationStats {
    /// Whose.
    pub station: Station,
    /// Its channel.
    pub channel: u8,
    /// What it counted.
    pub counters: Counters,
    /// Its time in each state.
    pub energy: Spent,
    /// Its average current in nanoamperes.
    pub average_na: u64,
    /// How long its battery would last, in days; `None`: for ever.
    pub lifetime_days: Option<u64>,
    /// Its way to each gateway that it can reach.
    pub routes: Vec<RouteStats>,
}

/// A station's way to a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RouteStats {
    /// Which one.
    pub gateway: usize,
    /// To whom it sends what is for the gateway.
    pub next_hop: Station,
    /// How often it is sent until it is there.
    pub hops: u32,
}

/// A channel's figures: the sums over its stations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChannelStats {
    /// Its number.
    pub channel: u8,
    /// The sums.
    pub counters: Counters,
}

/// A direction between two stations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LinkStats {
    /// Who sends.
    pub from: Station,
    /// Who receives.
    pub to: Station,
    /// In tenths of a dBm.
    pub rssi_tenths: i32,
    /// Frames for the receiver, retries and acknowledgements included, and broadcasts while it was listening.
    pub frames: u64,
    /// Those of them that did not come through, whatever the reason.
    pub failed: u64,
}

/// What a station counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Datagrams that came from above.
    pub datagrams: u64,
    /// Datagrams that did not fit a frame.
    pub too_long: u64,
    /// Datagrams and frames for somebody to whom there is no way.
    pub no_route: u64,
    /// Data frames sent, retries included.
    pub sent: u64,
    /// Those of them that were retries.
    pub retries: u64,
    /// Acknowledgements sent.
    pub acks_sent: u64,
    /// Frames given up because the channel was always busy.
    pub channel_access_failures: u64,
    /// Frames given up because no acknowledgement came.
    pub ack_failures: u64,
    /// Frames dropped because the queue was full.
    pub queue_drops: u64,
    /// Frames and acknowledgements not sent because of the duty cycle.
    pub duty_cycle_drops: u64,
    /// Frames that waited because of the duty cycle.
    pub duty_cycle_waits: u64,
    /// Time on the air, in microseconds.
    pub airtime_us: u64,
    /// Frames for this station that it received, acknowledgements included.
    pub received: u64,
    /// Those of them that were dropped because it had them already.
    pub repeated: u64,
    /// Frames for this station that others on the air spoiled.
    pub collided: u64,
    /// Frames for this station that the link lost.
    pub lost: u64,
    /// Frames for this station that came while it was off or sending.
    pub deaf: u64,
}

impl Counters {
    /// Adds another station's figures.
    pub fn add(&mut self, other: &Self) {
        // Written out, so that a new counter cannot be forgotten.
        let Self {
            datagrams,
            too_long,
            no_route,
            sent,
            retries,
            acks_sent,
            channel_access_failures,
            ack_failures,
            queue_drops,
            duty_cycle_drops,
            duty_cycle_waits,
            airtime_us,
            received,
            repeated,
            collided,
            lost,
            deaf,
        } = other;
        self.datagrams += datagrams;
        self.too_long += too_long;
        self.no_route += no_route;
        self.sent += sent;
        self.retries += retries;
        self.acks_sent += acks_sent;
        self.channel_access_failures += channel_access_failures;
        self.ack_failures += ack_failures;
        self.queue_drops += queue_drops;
        self.duty_cycle_drops += duty_cycle_drops;
        self.duty_cycle_waits += duty_cycle_waits;
        self.airtime_us += airtime_us;
        self.received += received;
        self.repeated += repeated;
        self.collided += collided;
        self.lost += lost;
        self.deaf += deaf;
    }
}
