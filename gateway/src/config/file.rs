//! The file's tables and keys, each with its default and its range.

use super::access::{AccessTable, NodeTable};
use super::addr::{ListenAddr, metrics_addr};
use super::bridge::{self, BridgeTable};
use super::listener::{self, ListenerTable};
use super::number::within;
use super::predefined::Predefined;
use super::queue::QueueTable;
use super::store::{self, StoreTable};
use super::transparent::{self, TransparentTable};
use super::transport::{self, TransportTable};
use crate::auth::{PasswordFile, PasswordFileError};
use gateway_core::{AddressMoves, Config, Limits, Timing, TopicNameError, WhenFull, validate_topic_name};
use serde::{Deserialize, Deserializer, de};
use sn_config::{Contradiction, log_filter_key};
use sn_types::GwId;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;
use tracing::warn;

/// The whole file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// Who the gateway is and what it allows.
    pub gateway: GatewayTable,
    /// MQTT-SN timers and counters.
    pub timing: TimingTable,
    /// Every limit.
    pub limits: LimitsTable,
    /// Who may come in with which password.
    pub security: SecurityTable,
    /// Which user an MQTT-SN node is.
    pub node: Vec<NodeTable>,
    /// Who may do what.
    pub access: Vec<AccessTable>,
    /// How messages wait, by topic.
    pub queue: Vec<QueueTable>,
    /// Predefined topic ids.
    pub predefined: Predefined,
    /// Where MQTT-SN comes in.
    pub transport: Vec<TransportTable>,
    /// Where MQTT comes in.
    pub listener: Vec<ListenerTable>,
    /// To which other brokers messages go.
    pub bridge: Vec<BridgeTable>,
    /// Where the sessions of MQTT-SN clients live, if not here.
    pub transparent: Option<TransparentTable>,
    /// Where sessions and messages are kept.
    #[serde(deserialize_with = "store::table")]
    pub store: StoreTable,
    /// Where metrics are read.
    pub metrics: MetricsTable,
    /// What is logged and how.
    pub log: LogTable,
}

/// `[gateway]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [gateway]")]
pub struct GatewayTable {
    /// See [`Config::gw_id`].
    #[serde(deserialize_with = "within::<0, 255, _, _>")]
    pub gw_id: u8,
    /// See [`Config::qos_minus_one`].
    pub qos_minus_one: bool,
    /// See [`Config::generate_client_ids`].
    pub generate_client_ids: bool,
    /// See [`Config::address_moves`].
    pub address_moves: AddressMovesKey,
    /// See [`Config::when_full`].
    pub when_full: WhenFullKey,
    /// See [`Config::session_expiry`]; 0 is never.
    #[serde(deserialize_with = "within::<0, 315_360_000, _, _>")]
    pub session_expiry_s: u64,
    /// See [`Config::max_keep_alive_s`]; 0 is any.
    #[serde(deserialize_with = "within::<0, 65_535, _, _>")]
    pub max_keep_alive_s: u16,
    /// See [`Config::response_topics`]; empty is none.
    #[serde(deserialize_with = "prefix")]
    pub response_topics: String,
    /// See [`Config::check_payload_format`].
    pub check_payload_format: bool,
    /// See [`Config::say_not_authorized`].
    pub say_not_authorized: bool,
    /// See [`Config::sys_interval`]; 0 is never.
    #[serde(deserialize_with = "within::<0, 86_400, _, _>")]
    pub sys_interval_s: u64,
}

/// The values of `address_moves`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressMovesKey {
    /// See [`AddressMoves::Authenticated`].
    Authenticated,
    /// See [`AddressMoves::Always`].
    Always,
}

/// The values of `when_full`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFullKey {
    /// See [`WhenFull::DropNewest`].
    DropNewest,
    /// See [`WhenFull::DropOldest`].
    DropOldest,
}

impl From<WhenFullKey> for WhenFull {
    fn from(key: WhenFullKey) -> Self {
        match key {
            WhenFullKey::DropNewest => Self::DropNewest,
            WhenFullKey::DropOldest => Self::DropOldest,
        }
    }
}

/// `[timing]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [timing]")]
pub struct TimingTable {
    /// See [`Timing::t_retry`].
    #[serde(deserialize_with = "within::<1, 3_600, _, _>")]
    pub t_retry_s: u64,
    /// See [`Timing::n_retry`].
    #[serde(deserialize_with = "within::<0, 255, _, _>")]
    pub n_retry: u8,
    /// See [`Timing::t_wait`].
    #[serde(deserialize_with = "within::<1, 86_400, _, _>")]
    pub t_wait_s: u64,
    /// See [`Timing::t_adv`].
    #[serde(deserialize_with = "within::<1, 65_535, _, _>")]
    pub t_adv_s: u64,
}

/// `[limits]`, see [`Limits`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [limits]")]
#[allow(missing_docs, reason = "each is the field of that name in gateway_core::Limits")]
pub struct LimitsTable {
    #[serde(deserialize_with = "within::<1, 10_000_000, _, _>")]
    pub clients: usize,
    #[serde(deserialize_with = "within::<1, 10_000_000, _, _>")]
    pub nodes_per_forwarder: usize,
    #[serde(deserialize_with = "within::<23, 65_535, _, _>")]
    pub client_id_len: usize,
    #[serde(deserialize_with = "within::<1, 65_535, _, _>")]
    pub topic_name_len: usize,
    #[serde(deserialize_with = "within::<1, 65_534, _, _>")]
    pub topic_ids_per_client: usize,
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    pub subscriptions_per_client: usize,
    #[serde(deserialize_with = "within::<1, 10_000_000, _, _>")]
    pub queue_messages: usize,
    #[serde(deserialize_with = "within::<1_024, 1_099_511_627_776, _, _>")]
    pub queue_bytes: usize,
    #[serde(deserialize_with = "within::<1, 1_000_000_000, _, _>")]
    pub total_queue_messages: usize,
    #[serde(deserialize_with = "within::<1_024, 1_099_511_627_776, _, _>")]
    pub total_queue_bytes: usize,
    #[serde(deserialize_with = "within::<0, 100_000_000, _, _>")]
    pub retained_messages: usize,
    #[serde(deserialize_with = "within::<0, 1_099_511_627_776, _, _>")]
    pub retained_bytes: usize,
    #[serde(deserialize_with = "within::<1, 65_535, _, _>")]
    pub mqtt_inflight: usize,
    #[serde(deserialize_with = "within::<1, 65_535, _, _>")]
    pub incoming_qos2: usize,
    #[serde(deserialize_with = "within::<65_536, 1_099_511_627_776, _, _>")]
    pub uncommitted_bytes: usize,
    #[serde(deserialize_with = "within::<0, 1_000_000, _, _>")]
    pub nodes: usize,
    #[serde(deserialize_with = "within::<0, 1_000_000, _, _>")]
    pub unknown_sender_answers_per_s: u32,
    #[serde(deserialize_with = "within::<0, 1_000_000, _, _>")]
    pub search_answers_per_s: u32,
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    pub upstream_connects_per_s: u32,
    #[serde(deserialize_with = "within::<1, 65_535, _, _>")]
    pub upstream_inflight: u16,
}

/// `[security]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [security]")]
pub struct SecurityTable {
    /// Users and the hashes of their passwords; see [`crate::auth::PasswordFile`].
    pub password_file: Option<PathBuf>,
}

/// `[metrics]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [metrics]")]
pub struct MetricsTable {
    /// The address to listen on; without it nobody can read them.
    #[serde(deserialize_with = "metrics_addr")]
    pub listen: Option<Spanned<SocketAddr>>,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [log]")]
pub struct LogTable {
    /// Levels, as `info` or `info,sn_gateway=debug`.
    #[serde(deserialize_with = "log_filter_key")]
    pub filter: String,
    /// For people or for programs.
    pub format: LogFormat,
}

/// The values of the log's `format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// One readable line per event.
    Human,
    /// One JSON object per event.
    Json,
}

impl File {
    /// What the core takes; the seed of its hash maps is left to the daemon.
    #[must_use]
    pub fn core(&self) -> Config {
        Config {
            gw_id: GwId(self.gateway.gw_id),
            timing: self.timing.core(),
            limits: self.limits.core(),
            predefined: self.predefined.0.clone(),
            qos_minus_one: self.gateway.qos_minus_one,
            generate_client_ids: self.gateway.generate_client_ids,
            address_moves: match self.gateway.address_moves {
                AddressMovesKey::Authenticated => AddressMoves::Authenticated,
                AddressMovesKey::Always => AddressMoves::Always,
            },
            when_full: self.gateway.when_full.into(),
            access: self.access.iter().map(|AccessTable(rule)| rule.clone()).collect(),
            peers: self.node.iter().map(NodeTable::core).collect(),
            queue_rules: self.queue.iter().map(QueueTable::core).collect(),
            session_expiry: Some(self.gateway.session_expiry_s).filter(|s| *s > 0).map(Duration::from_secs),
            sys_interval: Some(self.gateway.sys_interval_s).filter(|s| *s > 0).map(Duration::from_secs),
            max_keep_alive_s: Some(self.gateway.max_keep_alive_s).filter(|s| *s > 0),
            response_topics: Some(self.gateway.response_topics.clone()).filter(|prefix| !prefix.is_empty()),
            check_payload_format: self.gateway.check_payload_format,
            say_not_authorized: self.gateway.say_not_authorized,
            transparent: self.transparent.as_ref().map(TransparentTable::core),
            durable: false,
            hash_seed: 0,
        }
    }

    /// What keys that are right each for itself say against each other.
    pub(super) fn contradiction(&self) -> Option<Contradiction> {
        let of_transports = transport::contradiction(&self.transport);
        let of_names = || transparent::contradiction(self.transparent.as_ref()?, &self.transport).map(Into::into);
        let has_passwords = self.security.password_file.is_some();
        let of_listeners = || listener::contradiction(&self.listener, has_passwords, self.metrics.listen.as_ref());
        of_transports.or_else(of_listeners).or_else(|| bridge::contradiction(&self.bridge)).or_else(of_names)
    }

    /// The directory of the data, `None` for in memory.
    ///
    /// # Errors
    /// As [`StoreTable::data_dir`] and [`File::check_store`].
    pub fn data_dir(&self) -> anyhow::Result<Option<PathBuf>> {
        self.check_store()?;
        self.store.data_dir()
    }

    /// Whether what must survive the process has a place to do so.
    ///
    /// # Errors
    /// All is in memory, and a radio secures frames with counters that must survive.
    pub fn check_store(&self) -> anyhow::Result<()> {
        let secured = self.transport.iter().enumerate().find(|(_, table)| table.is_secured());
        match secured {
            Some((place, table)) if self.store.in_memory => anyhow::bail!(
                "transport `{}` secures its frames with counters that must survive the gateway, and all is in memory; give \
                 --data DIR, or `security = \"none\"` for this transport",
                table.name(place)
            ),
            Some(_) | None => Ok(()),
        }
    }
}

impl SecurityTable {
    /// Reads the password file, if there is to be one.
    ///
    /// # Errors
    /// It cannot be read, or a line is wrong.
    pub fn load(&self) -> Result<Option<PasswordFile>, PasswordFileError> {
        let Some(path) = &self.password_file else { return Ok(None) };
        let file = PasswordFile::load(path)?;
        if file.is_open() {
            warn!(file = %path.display(), "the password file is open to others; chmod 640 or 600 helps");
        }
        Ok(Some(file))
    }
}

impl TimingTable {
    fn core(&self) -> Timing {
        Timing {
            t_retry: Duration::from_secs(self.t_retry_s),
            n_retry: self.n_retry,
            t_wait: Duration::from_secs(self.t_wait_s),
            t_adv: Duration::from_secs(self.t_adv_s),
        }
    }
}

impl LimitsTable {
    fn core(&self) -> Limits {
        Limits {
            clients: self.clients,
            nodes_per_forwarder: self.nodes_per_forwarder,
            client_id_len: self.client_id_len,
            topic_name_len: self.topic_name_len,
            topic_ids_per_client: self.topic_ids_per_client,
            subscriptions_per_client: self.subscriptions_per_client,
            queue_messages: self.queue_messages,
            queue_bytes: self.queue_bytes,
            total_queue_messages: self.total_queue_messages,
            total_queue_bytes: self.total_queue_bytes,
            retained_messages: self.retained_messages,
            retained_bytes: self.retained_bytes,
            mqtt_inflight: self.mqtt_inflight,
            incoming_qos2: self.incoming_qos2,
            uncommitted_bytes: self.uncommitted_bytes,
            nodes: self.nodes,
            unknown_sender_answers_per_s: self.unknown_sender_answers_per_s,
            search_answers_per_s: self.search_answers_per_s,
            upstream_connects_per_s: self.upstream_connects_per_s,
            upstream_inflight: self.upstream_inflight,
        }
    }
}

impl Default for File {
    fn default() -> Self {
        Self {
            gateway: GatewayTable::default(),
            timing: TimingTable::default(),
            limits: LimitsTable::default(),
            security: SecurityTable::default(),
            node: Vec::new(),
            access: Vec::new(),
            queue: Vec::new(),
            predefined: Predefined::default(),
            transport: ListenAddr::loopback().map(TransportTable::udp).into(),
            listener: ListenAddr::loopback().map(ListenerTable::tcp).into(),
            bridge: Vec::new(),
            transparent: None,
            store: StoreTable::default(),
            metrics: MetricsTable::default(),
            log: LogTable::default(),
        }
    }
}

impl Default for GatewayTable {
    fn default() -> Self {
        let core = Config::default();
        Self {
            gw_id: core.gw_id.0,
            qos_minus_one: core.qos_minus_one,
            generate_client_ids: core.generate_client_ids,
            address_moves: match core.address_moves {
                AddressMoves::Authenticated => AddressMovesKey::Authenticated,
                AddressMoves::Always => AddressMovesKey::Always,
            },
            when_full: match core.when_full {
                WhenFull::DropNewest => WhenFullKey::DropNewest,
                WhenFull::DropOldest => WhenFullKey::DropOldest,
            },
            session_expiry_s: core.session_expiry.map_or(0, |expiry| expiry.as_secs()),
            max_keep_alive_s: core.max_keep_alive_s.unwrap_or_default(),
            response_topics: core.response_topics.unwrap_or_default(),
            check_payload_format: core.check_payload_format,
            say_not_authorized: core.say_not_authorized,
            sys_interval_s: core.sys_interval.map_or(0, |interval| interval.as_secs()),
        }
    }
}

impl Default for TimingTable {
    fn default() -> Self {
        let core = Timing::default();
        Self {
            t_retry_s: core.t_retry.as_secs(),
            n_retry: core.n_retry,
            t_wait_s: core.t_wait.as_secs(),
            t_adv_s: core.t_adv.as_secs(),
        }
    }
}

impl Default for LimitsTable {
    fn default() -> Self {
        let core = Limits::default();
        Self {
            clients: core.clients,
            nodes_per_forwarder: core.nodes_per_forwarder,
            client_id_len: core.client_id_len,
            topic_name_len: core.topic_name_len,
            topic_ids_per_client: core.topic_ids_per_client,
            subscriptions_per_client: core.subscriptions_per_client,
            queue_messages: core.queue_messages,
            queue_bytes: core.queue_bytes,
            total_queue_messages: core.total_queue_messages,
            total_queue_bytes: core.total_queue_bytes,
            retained_messages: core.retained_messages,
            retained_bytes: core.retained_bytes,
            mqtt_inflight: core.mqtt_inflight,
            incoming_qos2: core.incoming_qos2,
            uncommitted_bytes: core.uncommitted_bytes,
            nodes: core.nodes,
            unknown_sender_answers_per_s: core.unknown_sender_answers_per_s,
            search_answers_per_s: core.search_answers_per_s,
            upstream_connects_per_s: core.upstream_connects_per_s,
            upstream_inflight: core.upstream_inflight,
        }
    }
}

impl Default for LogTable {
    fn default() -> Self {
        Self { filter: "info".into(), format: LogFormat::Human }
    }
}

/// The beginning of topic names, or nothing.
fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let prefix = String::deserialize(deserializer)?;
    match validate_topic_name(&prefix) {
        Ok(()) | Err(TopicNameError::Empty) => Ok(prefix),
        Err(error) => Err(de::Error::custom(error)),
    }
}
