//! `[[listener]]`: where MQTT comes in.

use super::addr::ListenAddr;
use super::number::within;
use crate::mqtt::MqttLimits;
use serde::Deserialize;
use std::time::Duration;

/// A table: one address, by one kind of stream, with limits of its own.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct ListenerTable {
    /// The address to listen on.
    pub listen: ListenAddr,
    /// What its connections may take.
    pub limits: MqttLimits,
}

/// The values of `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Tcp,
}

/// The values of `slow_consumer`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SlowConsumer {
    Queue,
    Disconnect,
}

/// The keys of all kinds, as they are in the file. A tagged enum would lose the places of errors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table [[listener]]")]
struct Keys {
    kind: Option<Kind>,
    listen: Option<ListenAddr>,
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    max_connections: usize,
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    connects_per_s: u32,
    #[serde(deserialize_with = "within::<128, 268_435_455, _, _>")]
    max_packet_bytes: usize,
    #[serde(deserialize_with = "within::<1, 300, _, _>")]
    connect_timeout_s: u64,
    slow_consumer: SlowConsumer,
    #[serde(deserialize_with = "within::<1, 3_600, _, _>")]
    slow_consumer_timeout_s: u64,
}

impl Default for Keys {
    fn default() -> Self {
        let limits = MqttLimits::default();
        Self {
            kind: None,
            listen: None,
            max_connections: limits.max_connections,
            connects_per_s: limits.connects_per_s,
            max_packet_bytes: limits.max_packet,
            connect_timeout_s: limits.connect_timeout.as_secs(),
            slow_consumer: SlowConsumer::Queue,
            slow_consumer_timeout_s: 10,
        }
    }
}

impl TryFrom<Keys> for ListenerTable {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let limits = keys.limits();
        match keys.kind.ok_or("`kind` is missing")? {
            Kind::Tcp => Ok(Self { listen: keys.listen.ok_or("`listen` is missing")?, limits }),
        }
    }
}

impl Keys {
    fn limits(&self) -> MqttLimits {
        MqttLimits {
            max_connections: self.max_connections,
            connects_per_s: self.connects_per_s,
            max_packet: self.max_packet_bytes,
            connect_timeout: Duration::from_secs(self.connect_timeout_s),
            slow_consumer: match self.slow_consumer {
                SlowConsumer::Queue => None,
                SlowConsumer::Disconnect => Some(Duration::from_secs(self.slow_consumer_timeout_s)),
            },
        }
    }
}

impl ListenerTable {
    /// TCP on `listen`, with the defaults.
    #[must_use]
    pub fn tcp(listen: ListenAddr) -> Self {
        Self { listen, limits: MqttLimits::default() }
    }
}
