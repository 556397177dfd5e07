//! How a gateway is set up.

use super::seconds;
use gateway_core::{Config, Limits, Timing};
use serde::{Deserialize, Serialize};
use sn_types::TopicId;
use std::time::Duration;

/// A gateway, its configuration and its disk. What is not said is as in the daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayPlan {
    /// It has a disk: acknowledgements wait for it.
    pub durable: bool,
    /// How long a commit takes: shortest and longest, in microseconds.
    pub commit_us: (u64, u64),
    /// T_retry.
    #[serde(with = "seconds::duration")]
    pub t_retry: Duration,
    /// N_retry.
    pub n_retry: u8,
    /// Sessions.
    pub clients: usize,
    /// Octets in a client id.
    pub client_id_len: usize,
    /// Octets in a topic name or filter.
    pub topic_name_len: usize,
    /// Messages that wait for one client.
    pub queue_messages: usize,
    /// Topic ids of one client.
    pub topic_ids_per_client: usize,
    /// Subscriptions of one client.
    pub subscriptions_per_client: usize,
    /// QoS 2 messages from one client that wait for its PUBREL.
    pub incoming_qos2: usize,
    /// Unacknowledged messages to one MQTT client.
    pub mqtt_inflight: usize,
    /// Predefined topic ids.
    pub predefined: Vec<(u16, String)>,
    /// A bug that is switched on.
    #[cfg(feature = "planted-bugs")]
    #[serde(skip)]
    pub planted: Option<gateway_core::PlantedBug>,
}

impl Default for GatewayPlan {
    fn default() -> Self {
        let (limits, timing) = (Limits::default(), Timing::default());
        Self {
            durable: false,
            commit_us: (2_000, 10_000),
            t_retry: timing.t_retry,
            n_retry: timing.n_retry,
            clients: limits.clients,
            client_id_len: limits.client_id_len,
            topic_name_len: limits.topic_name_len,
            queue_messages: limits.queue_messages,
            topic_ids_per_client: limits.topic_ids_per_client,
            subscriptions_per_client: limits.subscriptions_per_client,
            incoming_qos2: limits.incoming_qos2,
            mqtt_inflight: limits.mqtt_inflight,
            predefined: Vec::new(),
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }
}

impl GatewayPlan {
    /// The limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            clients: self.clients,
            client_id_len: self.client_id_len,
            topic_name_len: self.topic_name_len,
            queue_messages: self.queue_messages,
            topic_ids_per_client: self.topic_ids_per_client,
            subscriptions_per_client: self.subscriptions_per_client,
            incoming_qos2: self.incoming_qos2,
            mqtt_inflight: self.mqtt_inflight,
            ..Limits::default()
        }
    }

    /// What the core is told.
    pub(crate) fn config(&self, hash_seed: u64) -> Config {
        let predefined = self.predefined.iter().map(|(id, name)| (TopicId(*id), name.clone())).collect();
        let timing = Timing { t_retry: self.t_retry, n_retry: self.n_retry, ..Timing::default() };
        Config {
            timing,
            limits: self.limits(),
            predefined,
            durable: self.durable,
            hash_seed,
            #[cfg(feature = "planted-bugs")]
            planted: self.planted,
            ..Config::default()
        }
    }
}
