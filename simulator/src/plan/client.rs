//! What nodes and MQTT clients do.

use super::seconds;
use oorandom::Rand64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sn_client::Qos;
use sn_types::Instant;
use std::num::NonZeroU16;
use std::time::Duration;

/// A node and what its application does: connects and stays connected, subscribes, then publishes and does what else is
/// planned, and sleeps in between if it is a sleeper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodePlan {
    /// Different for every client.
    pub client_id: String,
    /// The gateway it talks to, by its place in the plan.
    pub gateway: usize,
    /// When it is switched on.
    #[serde(with = "seconds::instant")]
    pub start: Instant,
    /// Its session ends with its connection.
    pub clean_session: bool,
    /// Connects again when the connection is lost.
    pub auto_reconnect: bool,
    /// In seconds; 0: not supervised.
    pub keep_alive_s: u16,
    /// What is published when it is lost.
    pub will: Option<WillPlan>,
    /// Octets of each payload; at least the 20 that say which message it is.
    pub payload_len: u16,
    /// `None`: always on.
    pub sleep: Option<Sleep>,
    /// Topic filters, and the QoS asked for.
    #[serde(with = "filters")]
    pub subscriptions: Vec<(String, Qos)>,
    /// What it publishes regularly.
    pub feeds: Vec<Feed>,
    /// What else it does, in the order of time.
    pub steps: Vec<Step>,
}

impl Default for NodePlan {
    fn default() -> Self {
        Self {
            client_id: String::new(),
            gateway: 0,
            start: Instant::ZERO,
            clean_session: false,
            auto_reconnect: true,
            keep_alive_s: 60,
            will: None,
            payload_len: 0,
            sleep: None,
            subscriptions: Vec::new(),
            feeds: Vec::new(),
            steps: Vec::new(),
        }
    }
}

impl NodePlan {
    /// An always-on node with a persistent session that is switched on at once, reconnects, and else does nothing.
    #[must_use]
    pub fn new(client_id: impl Into<String>) -> Self {
        Self { client_id: client_id.into(), ..Self::default() }
    }
}

/// An MQTT client: connects and stays connected, subscribes, publishes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MqttPlan {
    /// Different for every client.
    pub client_id: String,
    /// The gateway it talks to, by its place in the plan.
    pub gateway: usize,
    /// When it is switched on.
    #[serde(with = "seconds::instant")]
    pub start: Instant,
    /// Its session ends with its connection.
    pub clean_session: bool,
    /// Topic filters, and the QoS asked for.
    #[serde(with = "filters")]
    pub subscriptions: Vec<(String, Qos)>,
    /// What it publishes regularly.
    pub feeds: Vec<Feed>,
    /// What else it does, in the order of time.
    pub steps: Vec<Step>,
}

impl MqttPlan {
    /// A client with a persistent session that is switched on at once and else does nothing.
    #[must_use]
    pub fn new(client_id: impl Into<String>) -> Self {
        Self { client_id: client_id.into(), ..Self::default() }
    }
}

/// A will. Its payload is the client id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WillPlan {
    /// Where it is published.
    pub topic: String,
    /// 0 to 2.
    #[serde(with = "qos")]
    pub qos: Qos,
}

/// Messages published by a client on one topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// A topic name.
    pub topic: String,
    /// Of each message.
    #[serde(with = "qos")]
    pub qos: Qos,
    /// How many messages.
    pub count: u32,
    /// When the first is due.
    #[serde(with = "seconds::instant")]
    pub start: Instant,
    /// From one message to the next; a message waits until those before it are acknowledged.
    #[serde(with = "seconds::duration")]
    pub period: Duration,
    /// Each message is due later by up to so much, evenly spread; less than the period, or they get out of order.
    #[serde(default, with = "seconds::duration", skip_serializing_if = "Duration::is_zero")]
    pub jitter: Duration,
}

impl Feed {
    /// When a message is due. Feeds with different salts are not late together.
    pub(crate) fn due(&self, number: u32, salt: u64) -> Instant {
        let due = self.start + self.period * number;
        if self.jitter.is_zero() {
            return due;
        }
        let longest_us = u64::try_from(self.jitter.as_micros()).unwrap_or(u64::MAX - 1);
        let seed = (u128::from(salt) << 64) | u128::from(number);
        due + Duration::from_micros(Rand64::new(seed).rand_range(0..longest_us + 1))
    }
}

/// A node that sleeps between its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sleep {
    /// What it tells the gateway, in seconds.
    pub duration_s: NonZeroU16,
    /// How often it wakes to collect its messages: a careful node does so several times in `duration_s`.
    #[serde(with = "seconds::duration")]
    pub wake_every: Duration,
}

/// Something a client does once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// When it is due. It waits until what was due before is done.
    #[serde(with = "seconds::instant")]
    pub at: Instant,
    /// What.
    #[serde(rename = "do")]
    pub what: Do,
}

/// What a client can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Do {
    /// PUBLISH.
    Publish {
        /// A topic name.
        topic: String,
        /// -1 to 2.
        #[serde(with = "qos")]
        qos: Qos,
        /// Keep it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        retain: bool,
    },
    /// SUBSCRIBE.
    Subscribe {
        /// A topic filter.
        filter: String,
        /// The QoS asked for.
        #[serde(with = "qos")]
        qos: Qos,
    },
    /// UNSUBSCRIBE.
    Unsubscribe {
        /// A topic filter.
        filter: String,
    },
    /// DISCONNECT. What is due before the next `Connect` does not happen.
    Disconnect,
    /// CONNECT, going on with the session.
    Connect,
}

/// A QoS as its number.
mod qos {
    use super::{Deserialize, Deserializer, Qos, Serializer};
    use serde::de::Error;

    pub(super) fn serialize<S: Serializer>(qos: &Qos, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i8(number(*qos))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Qos, D::Error> {
        let number = i8::deserialize(deserializer)?;
        from_number(number).ok_or_else(|| D::Error::custom(format!("{number} is no QoS: -1 to 2 are")))
    }

    pub(super) const fn number(qos: Qos) -> i8 {
        match qos {
            Qos::MinusOne => -1,
            Qos::Zero => 0,
            Qos::One => 1,
            Qos::Two => 2,
        }
    }

    pub(super) const fn from_number(number: i8) -> Option<Qos> {
        match number {
            -1 => Some(Qos::MinusOne),
            0 => Some(Qos::Zero),
            1 => Some(Qos::One),
            2 => Some(Qos::Two),
            _ => None,
        }
    }
}

/// Filters with the QoS as a number: `[["a/+", 1]]`.
mod filters {
    use super::{Deserialize, Deserializer, Qos, Serialize, Serializer, qos};
    use serde::de::Error;

    pub(super) fn serialize<S: Serializer>(filters: &[(String, Qos)], serializer: S) -> Result<S::Ok, S::Error> {
        let numbered: Vec<(&str, i8)> = filters.iter().map(|(filter, of)| (&**filter, qos::number(*of))).collect();
        numbered.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Qos)>, D::Error> {
        let numbered = Vec::<(String, i8)>::deserialize(deserializer)?;
        let of = |(filter, number)| {
            let qos = qos::from_number(number).ok_or_else(|| D::Error::custom(format!("{number} is no QoS")))?;
            Ok((filter, qos))
        };
        numbered.into_iter().map(of).collect()
    }
}
