//! `[transparent]`: the other broker where the sessions of MQTT-SN clients live.

use super::number::within;
use super::transport::TransportTable;
use super::upstream::{VersionKey, address, check_password, read_password, tls_files};
use crate::transparent::Settings;
use crate::upstream::{BrokerAddr, Secret, TlsFiles};
use anyhow::Context;
use gateway_core::Transparent;
use serde::Deserialize;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;

/// The table.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct TransparentTable {
    core: Transparent,
    settings: Settings,
    password_file: Option<PathBuf>,
    transports: Option<Vec<Spanned<String>>>,
}

/// The keys, as they are in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "the table [transparent]")]
struct Keys {
    #[serde(deserialize_with = "address")]
    address: BrokerAddr,
    #[serde(default)]
    version: VersionKey,
    user: Option<String>,
    password: Option<String>,
    password_file: Option<PathBuf>,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    #[serde(default)]
    client_id_prefix: String,
    transports: Option<Vec<Spanned<String>>>,
    #[serde(default = "default_keep_alive_s", deserialize_with = "within::<1, 65_535, _, _>")]
    keep_alive_s: u16,
    #[serde(default = "default_session_expiry_s", deserialize_with = "within::<0, 4_294_967_295, _, _>")]
    session_expiry_s: u32,
    #[serde(default = "default_will_delay_s", deserialize_with = "within::<0, 4_294_967_295, _, _>")]
    will_delay_s: u32,
    #[serde(default = "default_reconnect_max_s", deserialize_with = "within::<1, 3_600, _, _>")]
    reconnect_max_s: u64,
    #[serde(default = "default_max_packet_bytes", deserialize_with = "within::<128, 268_435_455, _, _>")]
    max_packet_bytes: usize,
}

fn default_keep_alive_s() -> u16 {
    60
}

fn default_session_expiry_s() -> u32 {
    7 * 86_400
}

fn default_will_delay_s() -> u32 {
    5
}

fn default_reconnect_max_s() -> u64 {
    60
}

fn default_max_packet_bytes() -> usize {
    1 << 20
}

impl TryFrom<Keys> for TransparentTable {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let tls = tls_files(&keys.address, keys.ca, keys.certificate, keys.key)?;
        check_password(keys.user.as_ref(), keys.password.as_ref(), keys.password_file.as_ref())?;
        if keys.client_id_prefix.contains('\0') {
            return Err("`client_id_prefix` has a character that no client id may have".into());
        }
        if keys.transports.as_ref().is_some_and(Vec::is_empty) {
            return Err("`transports` is empty, so no client would be seen there; leave it out for all".into());
        }
        let core = Transparent {
            transports: keys.transports.as_ref().map(|_| Vec::new()),
            version: keys.version.into(),
            client_id_prefix: keys.client_id_prefix,
            keep_alive_s: keys.keep_alive_s,
            session_expiry_s: keys.session_expiry_s,
            will_delay_s: keys.will_delay_s,
            reconnect_max: Duration::from_secs(keys.reconnect_max_s),
        };
        let settings = Settings {
            address: keys.address,
            tls,
            version: keys.version.into(),
            user: keys.user,
            password: keys.password.map(Secret::new),
            max_packet: keys.max_packet_bytes,
        };
        Ok(Self { core, settings, password_file: keys.password_file, transports: keys.transports })
    }
}

impl TransparentTable {
    /// What the core is told. Transports are added as they are bound.
    pub(super) fn core(&self) -> Transparent {
        self.core.clone()
    }

    /// Whether it names transports, and this one is among them.
    #[must_use]
    pub fn names(&self, transport: &str) -> bool {
        self.transports.iter().flatten().any(|name| name.get_ref() == transport)
    }

    /// The files for TLS with the broker.
    pub(super) fn tls(&self) -> &TlsFiles {
        &self.settings.tls
    }

    /// What connections are told. Reads the password's file, and looks whether TLS's can be read.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = self.settings.clone();
        if let Some(path) = &self.password_file {
            settings.password = Some(read_password(path).context("transparent mode")?);
        }
        if settings.address.tls {
            settings.tls.load().context("transparent mode")?;
        }
        Ok(settings)
    }
}

/// A transport that there is not.
pub(super) fn contradiction(table: &TransparentTable, transports: &[TransportTable]) -> Option<(Range<usize>, String)> {
    let known: Vec<String> = transports.iter().enumerate().map(|(place, table)| table.name(place)).collect();
    let unknown = table.transports.iter().flatten().find(|name| !known.contains(name.get_ref()))?;
    let message = format!("there is no transport `{}`; there are {}", unknown.get_ref(), known.join(", "));
    Some((unknown.span(), message))
}
