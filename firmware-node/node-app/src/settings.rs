//! What differs between nodes.

use core::num::NonZeroU16;
use sn_client::Config;

/// A node's settings. A topic and what is published on it have to fit into 192 octets together.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The connection. The node always reconnects by itself, whatever this says about it.
    pub client: Config<'a>,
    /// Where the node publishes its reports.
    pub report_topic: &'a str,
    /// Where it receives commands.
    pub command_topic: &'a str,
    /// Where it publishes each command again.
    pub echo_topic: &'a str,
    /// Seconds from falling asleep to the next wake.
    pub sleep_s: NonZeroU16,
    /// Every so many wakes the node connects to report, if it has not done so in between.
    pub wakes_per_report: NonZeroU16,
}

impl Settings<'_> {
    /// How long a sleep the gateway is told of, in seconds: time for all repetitions of the PINGREQ comes on top.
    pub(crate) fn announced_sleep_s(&self) -> NonZeroU16 {
        let repeating_ms = u64::from(self.client.t_retry_ms) * (u64::from(self.client.n_retry) + 1);
        let repeating_s = u16::try_from(repeating_ms.div_ceil(1_000)).unwrap_or(u16::MAX);
        self.sleep_s.saturating_add(repeating_s)
    }
}
