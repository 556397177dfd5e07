//! `[[bridge]]`: to which other brokers messages go, and from where they come.

use super::name::read_name;
use super::number::within;
use super::upstream::{VersionKey, address, check_password, read_password, tls_files};
use crate::bridge::{Direction, Rule, Settings};
use crate::upstream::{BrokerAddr, Secret, TlsFiles};
use anyhow::Context;
use gateway_core::{Qos, validate_filter};
use serde::{Deserialize, Deserializer, de};
use sn_config::{At, Contradiction};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;

/// A bridge.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct BridgeTable {
    name: Spanned<String>,
    settings: Settings,
    password_file: Option<PathBuf>,
}

/// The keys, as they are in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [[bridge]]")]
struct Keys {
    #[serde(deserialize_with = "name")]
    name: Spanned<String>,
    #[serde(deserialize_with = "address")]
    address: BrokerAddr,
    #[serde(deserialize_with = "client_id")]
    client_id: String,
    #[serde(default)]
    version: VersionKey,
    user: Option<String>,
    password: Option<String>,
    password_file: Option<PathBuf>,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    #[serde(default = "default_keep_alive_s", deserialize_with = "within::<0, 65_535, _, _>")]
    keep_alive_s: u64,
    #[serde(default = "default_max_inflight", deserialize_with = "within::<1, 60_000, _, _>")]
    max_inflight: u16,
    #[serde(default = "default_session_expiry_s", deserialize_with = "within::<0, 4_294_967_295, _, _>")]
    session_expiry_s: u32,
    #[serde(default = "default_reconnect_max_s", deserialize_with = "within::<1, 3_600, _, _>")]
    reconnect_max_s: u64,
    #[serde(default = "yes")]
    announce: bool,
    #[serde(default = "default_max_packet_bytes", deserialize_with = "within::<128, 268_435_455, _, _>")]
    max_packet_bytes: usize,
    topics: Vec<TopicTable>,
}

/// The values of `direction`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DirectionKey {
    In,
    Out,
    Both,
}

/// One of `topics`.
#[derive(Deserialize)]
#[serde(try_from = "TopicKeys")]
struct TopicTable(Rule);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a topic of a bridge")]
struct TopicKeys {
    pattern: String,
    direction: DirectionKey,
    #[serde(default = "at_least_once", deserialize_with = "within::<0, 2, _, _>")]
    qos: u8,
    #[serde(default)]
    local_prefix: String,
    #[serde(default)]
    remote_prefix: String,
}

fn default_keep_alive_s() -> u64 {
    60
}

/// What mosquitto takes from a client before it hangs up, where nobody has said otherwise.
fn default_max_inflight() -> u16 {
    20
}

fn default_session_expiry_s() -> u32 {
    7 * 86_400
}

fn default_reconnect_max_s() -> u64 {
    60
}

fn default_max_packet_bytes() -> usize {
    1 << 20
}

fn at_least_once() -> u8 {
    1
}

fn yes() -> bool {
    true
}

/// Reads a name that can stand in a topic, between two slashes.
fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Spanned<String>, D::Error> {
    read_name(deserializer, "a bridge's name", "cloud")
}

fn client_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;
    let wrong = "the session at the other broker goes by the client id: give one that is nobody else's there";
    if id.is_empty() || id.contains('\0') { Err(de::Error::custom(wrong)) } else { Ok(id) }
}

impl TryFrom<TopicKeys> for TopicTable {
    type Error = String;

    fn try_from(keys: TopicKeys) -> Result<Self, String> {
        let TopicKeys { pattern, direction, qos, local_prefix, remote_prefix } = keys;
        for (key, prefix) in [("local_prefix", &local_prefix), ("remote_prefix", &remote_prefix)] {
            if prefix.contains(['+', '#']) {
                return Err(format!("`{key}` has a wildcard; wildcards belong into `pattern`"));
            }
            let filter = [prefix, &*pattern].concat();
            validate_filter(&filter)
                .map_err(|error| format!("`{key}` and `pattern` give `{filter}`, which is no topic filter: {error}"))?;
        }
        let direction = match direction {
            DirectionKey::In => Direction::In,
            DirectionKey::Out => Direction::Out,
            DirectionKey::Both => Direction::Both,
        };
        let qos = match qos {
            0 => Qos::AtMostOnce,
            1 => Qos::AtLeastOnce,
            _ => Qos::ExactlyOnce,
        };
        Ok(Self(Rule { pattern, direction, qos, local_prefix, remote_prefix }))
    }
}

impl TryFrom<Keys> for BridgeTable {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        if keys.topics.is_empty() {
            let example = "for example topics = [{ pattern = \"#\", direction = \"out\" }]";
            return Err(format!("`topics` is empty, so nothing would go over the bridge; {example}"));
        }
        let tls = tls_files(&keys.address, keys.ca, keys.certificate, keys.key)?;
        check_password(keys.user.as_ref(), keys.password.as_ref(), keys.password_file.as_ref())?;
        let settings = Settings {
            name: keys.name.get_ref().clone(),
            address: keys.address,
            tls,
            version: keys.version.into(),
            client_id: keys.client_id,
            user: keys.user,
            password: keys.password.map(Secret::new),
            keep_alive: Duration::from_secs(keys.keep_alive_s),
            max_inflight: NonZeroU16::new(keys.max_inflight).unwrap_or(NonZeroU16::MIN),
            receive_maximum: None,
            session_expiry_s: keys.session_expiry_s,
            reconnect_max: Duration::from_secs(keys.reconnect_max_s),
            announce: keys.announce,
            max_packet: keys.max_packet_bytes,
            topics: keys.topics.into_iter().map(|TopicTable(rule)| rule).collect(),
        };
        Ok(Self { name: keys.name, settings, password_file: keys.password_file })
    }
}

impl BridgeTable {
    /// What the bridge is told. Reads the password's file, and looks whether TLS's can be read. `incoming_qos2`: the
    /// core's limit, which the other broker is told.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn settings(&self, incoming_qos2: usize) -> anyhow::Result<Settings> {
        let mut settings = self.settings.clone();
        let what = || format!("the bridge {}", settings.name);
        if let Some(path) = &self.password_file {
            settings.password = Some(read_password(path).with_context(what)?);
        }
        if settings.address.tls {
            settings.tls.load().with_context(what)?;
        }
        settings.receive_maximum = NonZeroU16::new(u16::try_from(incoming_qos2).unwrap_or(u16::MAX));
        Ok(settings)
    }

    /// The files for TLS with the broker.
    pub(super) fn tls(&self) -> &TlsFiles {
        &self.settings.tls
    }

    /// The bridge's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.get_ref()
    }
}

/// Two bridges of one name.
pub(super) fn contradiction(bridges: &[BridgeTable]) -> Option<Contradiction> {
    let names = bridges.iter().map(|table| (table.name(), At::from(&table.name)));
    Contradiction::of_repeated(names, |name| format!("there are two bridges `{name}`; each has a name of its own"))
}
