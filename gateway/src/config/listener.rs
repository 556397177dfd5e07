//! `[[listener]]`: where MQTT comes in.

use super::addr::{DEFAULT_PORT, ListenAddr, PortlessAddr};
use super::number::within;
use crate::mqtt::{ClientCertificates, MqttLimits, Policy, TlsFiles, UserFrom};
use serde::Deserialize;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The port of MQTT over TLS, where the operator names none.
const TLS_PORT: u16 = 8883;

/// A table: one address, by one kind of stream, with limits of its own.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct ListenerTable {
    /// The address to listen on.
    pub listen: ListenAddr,
    /// Where the certificates are, if it is TLS.
    pub tls: Option<TlsFiles>,
    /// What its connections may take.
    pub limits: MqttLimits,
    /// Who comes in.
    pub policy: Policy,
}

/// The values of `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Tcp,
    Tls,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        })
    }
}

/// The values of `client_certificates`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ClientCertificatesKey {
    None,
    Optional,
    Required,
}

/// The values of `user_from`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum UserFromKey {
    Cn,
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
    listen: Option<PortlessAddr>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
    client_certificates: Option<ClientCertificatesKey>,
    user_from: Option<UserFromKey>,
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
            certificate: None,
            key: None,
            client_ca: None,
            client_certificates: None,
            user_from: None,
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
        let kind = keys.kind.ok_or("`kind` is missing")?;
        if let Some(key) = keys.foreign_to(kind) {
            return Err(format!("`{key}` is no key of a listener of kind `{kind}`"));
        }
        let (limits, policy) = (keys.limits(), keys.policy()?);
        let addr = keys.listen.ok_or("`listen` is missing")?;
        let (port, tls) = match kind {
            Kind::Tcp => (DEFAULT_PORT, None),
            Kind::Tls => (TLS_PORT, Some(keys.tls()?)),
        };
        let listen = ListenAddr(SocketAddr::new(addr.ip, addr.port.unwrap_or(port)));
        Ok(Self { listen, tls, limits, policy })
    }
}

impl Keys {
    /// A key that is there and means nothing.
    fn foreign_to(&self, kind: Kind) -> Option<&'static str> {
        let of_tls = [
            ("certificate", self.certificate.is_some()),
            ("key", self.key.is_some()),
            ("client_ca", self.client_ca.is_some()),
            ("client_certificates", self.client_certificates.is_some()),
            ("user_from", self.user_from.is_some()),
        ];
        match kind {
            Kind::Tcp => of_tls.iter().find_map(|(key, is_there)| is_there.then_some(*key)),
            Kind::Tls => None,
        }
    }

    fn tls(self) -> Result<TlsFiles, String> {
        let client_certificates = match self.client_certificates.unwrap_or(ClientCertificatesKey::None) {
            ClientCertificatesKey::None => ClientCertificates::None,
            ClientCertificatesKey::Optional => ClientCertificates::Optional(self.ca()?),
            ClientCertificatesKey::Required => ClientCertificates::Required(self.ca()?),
        };
        Ok(TlsFiles {
            certificate: self.certificate.ok_or("`certificate` is missing")?,
            key: self.key.ok_or("`key` is missing")?,
            client_certificates,
        })
    }

    fn ca(&self) -> Result<PathBuf, String> {
        self.client_ca.clone().ok_or("`client_ca` is missing: it says whose client certificates are good".into())
    }

    fn policy(&self) -> Result<Policy, String> {
        let asks = !matches!(self.client_certificates, None | Some(ClientCertificatesKey::None));
        let useless = [("user_from", self.user_from.is_some()), ("client_ca", self.client_ca.is_some())];
        if let Some((key, _)) = useless.iter().find(|(_, is_there)| *is_there && !asks) {
            return Err(format!("`{key}` needs `client_certificates` to be \"optional\" or \"required\""));
        }
        Ok(Policy {
            user_from: self.user_from.map(|key| match key {
                UserFromKey::Cn => UserFrom::CommonName,
            }),
        })
    }

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
        Self { listen, tls: None, limits: MqttLimits::default(), policy: Policy::default() }
    }

    /// How an address of this kind begins as a URL.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        match self.tls {
            None => "mqtt",
            Some(_) => "mqtts",
        }
    }
}
