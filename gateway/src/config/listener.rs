//! `[[listener]]`: where MQTT comes in.

use super::addr::{DEFAULT_PORT, ListenAddr, PortlessAddr};
use super::number::within;
use crate::auth::MethodName;
use crate::mqtt::{ClientCertificates, MqttLimits, Policy, TlsFiles, UserFrom, WebSocketOptions};
use serde::{Deserialize, Deserializer, de};
use sn_config::{At, Claim, Contradiction};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;

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
    /// How MQTT is in frames, if it is WebSocket.
    pub web_socket: Option<WebSocketOptions>,
    /// What its connections may take.
    pub limits: MqttLimits,
    /// Who comes in.
    pub policy: Policy,
    /// Where `listen` stands.
    listen_at: At,
    /// Where `auth_methods` stands, if there are any.
    methods_at: At,
}

/// The values of `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Tcp,
    Tls,
    Ws,
    Wss,
}

impl Kind {
    const fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    const fn is_web_socket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// WebSocket has no port for MQTT.
    const fn default_port(self) -> Option<u16> {
        match self {
            Self::Tcp => Some(DEFAULT_PORT),
            Self::Tls => Some(TLS_PORT),
            Self::Ws | Self::Wss => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
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
    listen: Option<Spanned<PortlessAddr>>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    anonymous: Option<bool>,
    auth_methods: Option<Spanned<Vec<MethodName>>>,
    client_ca: Option<PathBuf>,
    client_certificates: Option<ClientCertificatesKey>,
    user_from: Option<UserFromKey>,
    #[serde(deserialize_with = "path")]
    path: Option<String>,
    origins: Option<Vec<String>>,
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    max_connections: usize,
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    connects_per_s: u32,
    #[serde(deserialize_with = "within::<128, 268_435_455, _, _>")]
    max_packet_bytes: usize,
    topic_aliases: u16,
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
            anonymous: None,
            auth_methods: None,
            client_ca: None,
            client_certificates: None,
            user_from: None,
            path: None,
            origins: None,
            max_connections: limits.max_connections,
            connects_per_s: limits.connects_per_s,
            max_packet_bytes: limits.max_packet,
            topic_aliases: limits.topic_aliases,
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
        let listen_at = At::from(&keys.listen);
        let addr = keys.listen.as_ref().map(|listen| *listen.get_ref()).ok_or("`listen` is missing")?;
        let port = addr.port.or(kind.default_port()).ok_or("`listen` has no port; write IP:PORT")?;
        Ok(Self {
            listen: ListenAddr(SocketAddr::new(addr.ip, port)),
            limits: keys.limits(),
            policy: keys.policy(addr.ip)?,
            web_socket: kind.is_web_socket().then(|| keys.web_socket()),
            tls: kind.is_tls().then(|| keys.tls()).transpose()?,
            listen_at,
            methods_at: At::from(&keys.auth_methods.filter(|methods| !methods.get_ref().is_empty())),
        })
    }
}

impl Keys {
    /// A key that is there and means nothing.
    fn foreign_to(&self, kind: Kind) -> Option<&'static str> {
        let (of_tls, of_web_socket) = (!kind.is_tls(), !kind.is_web_socket());
        let foreign = [
            ("certificate", of_tls && self.certificate.is_some()),
            ("key", of_tls && self.key.is_some()),
            ("client_ca", of_tls && self.client_ca.is_some()),
            ("client_certificates", of_tls && self.client_certificates.is_some()),
            ("user_from", of_tls && self.user_from.is_some()),
            ("path", of_web_socket && self.path.is_some()),
            ("origins", of_web_socket && self.origins.is_some()),
        ];
        foreign.iter().find_map(|(key, is_foreign)| is_foreign.then_some(*key))
    }

    fn web_socket(&self) -> WebSocketOptions {
        WebSocketOptions { path: self.path.clone().unwrap_or("/mqtt".into()), origins: self.origins.clone() }
    }

    fn tls(&self) -> Result<TlsFiles, String> {
        let client_certificates = match self.client_certificates.unwrap_or(ClientCertificatesKey::None) {
            ClientCertificatesKey::None => ClientCertificates::None,
            ClientCertificatesKey::Optional => ClientCertificates::Optional(self.ca()?),
            ClientCertificatesKey::Required => ClientCertificates::Required(self.ca()?),
        };
        Ok(TlsFiles {
            certificate: self.certificate.clone().ok_or("`certificate` is missing")?,
            key: self.key.clone().ok_or("`key` is missing")?,
            client_certificates,
        })
    }

    fn ca(&self) -> Result<PathBuf, String> {
        self.client_ca.clone().ok_or("`client_ca` is missing: it says whose client certificates are good".into())
    }

    fn policy(&self, ip: IpAddr) -> Result<Policy, String> {
        let asks = !matches!(self.client_certificates, None | Some(ClientCertificatesKey::None));
        let useless = [("user_from", self.user_from.is_some()), ("client_ca", self.client_ca.is_some())];
        if let Some((key, _)) = useless.iter().find(|(_, is_there)| *is_there && !asks) {
            return Err(format!("`{key}` needs `client_certificates` to be \"optional\" or \"required\""));
        }
        let is_known = ip.is_loopback() || self.client_certificates == Some(ClientCertificatesKey::Required);
        Ok(Policy {
            anonymous: self.anonymous.unwrap_or(is_known),
            user_from: self.user_from.map(|key| match key {
                UserFromKey::Cn => UserFrom::CommonName,
            }),
            methods: self.auth_methods.as_ref().map_or_else(Vec::new, |methods| methods.get_ref().clone()),
        })
    }

    fn limits(&self) -> MqttLimits {
        MqttLimits {
            max_connections: self.max_connections,
            connects_per_s: self.connects_per_s,
            max_packet: self.max_packet_bytes,
            topic_aliases: self.topic_aliases,
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
        let policy = Policy { anonymous: listen.0.ip().is_loopback(), ..Policy::default() };
        let (limits, at) = (MqttLimits::default(), At::default());
        Self { listen, tls: None, web_socket: None, limits, policy, listen_at: at.clone(), methods_at: at }
    }

    /// How clients name it if it listens at `addr`.
    #[must_use]
    pub fn url(&self, addr: SocketAddr) -> String {
        match (&self.web_socket, &self.tls) {
            (None, None) => format!("mqtt://{addr}"),
            (None, Some(_)) => format!("mqtts://{addr}"),
            (Some(options), None) => format!("ws://{addr}{}", options.path),
            (Some(options), Some(_)) => format!("wss://{addr}{}", options.path),
        }
    }
}

/// What listeners say against each other, or against other tables.
pub(super) fn contradiction(
    tables: &[ListenerTable],
    has_passwords: bool,
    metrics: Option<&Spanned<SocketAddr>>,
) -> Option<Contradiction> {
    let all: Vec<SocketAddr> = tables.iter().map(|table| table.listen.0).collect();
    let of_listeners =
        tables.iter().filter_map(|table| Some((Claim::among(table.listen.0, &all)?, table.listen_at.clone())));
    let of_metrics = metrics.and_then(|listen| Some((Claim::of(*listen.get_ref())?, At::from(listen))));
    let collision = Contradiction::of_pair(of_listeners.chain(of_metrics), Claim::collision);
    let of_methods = || {
        let at = tables.iter().filter(|_| !has_passwords).find_map(|table| table.methods_at.span())?;
        Some((at, "`auth_methods` needs `password_file` of `[security]`: nobody could log in".into()).into())
    };
    collision.or_else(of_methods)
}

/// Reads the path of a URL.
fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let path = String::deserialize(deserializer)?;
    let is_path = path.starts_with('/') && path.bytes().all(|c| c.is_ascii_graphic() && !b"?#".contains(&c));
    let wrong = || de::Error::custom(format_args!("`{path}` is no path of a URL; for example /mqtt"));
    if is_path { Ok(Some(path)) } else { Err(wrong()) }
}
