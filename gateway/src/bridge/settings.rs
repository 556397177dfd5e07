//! What a bridge is told by the configuration.

use super::topics::Rule;
use crate::upstream::{BrokerAddr, Secret, TlsFiles};
use gateway_core::mqtt::Version;
use std::num::NonZeroU16;
use std::time::Duration;

/// A bridge to another broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Its name here: in the log, in metrics, below `$SYS` and in its client id `bridge/NAME`.
    pub name: String,
    /// Where the other broker is.
    pub address: BrokerAddr,
    /// How to speak TLS, if the address says so.
    pub tls: TlsFiles,
    /// What to speak there.
    pub version: Version,
    /// The client id there. Nobody else may have it.
    pub client_id: String,
    /// The user there.
    pub user: Option<String>,
    /// The password there.
    pub password: Option<Secret>,
    /// After which silence to ask whether the other broker is there; zero is never.
    pub keep_alive: Duration,
    /// QoS 1 and 2 messages to the other broker before it has acknowledged one.
    pub max_inflight: NonZeroU16,
    /// QoS 1 and 2 messages that the other broker may send before one is acknowledged; MQTT 5 only.
    pub receive_maximum: Option<NonZeroU16>,
    /// How long the other broker is to keep the session while it has no connection, in seconds; MQTT 5 only.
    pub session_expiry_s: u32,
    /// The longest pause between two attempts to connect.
    pub reconnect_max: Duration,
    /// Tell the other broker that a bridge connects; MQTT 3.1.1 only. See `docs/bridge.md`.
    pub announce: bool,
    /// The longest packet taken in, in octets after the fixed header.
    pub max_packet: usize,
    /// Which topics go over it.
    pub topics: Vec<Rule>,
}
