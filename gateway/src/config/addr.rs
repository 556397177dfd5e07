//! An address to listen on, as an operator writes it.

use serde::{Deserialize, Deserializer, de};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use toml::Spanned;

/// The port of MQTT, over UDP as over TCP, where the operator names none.
pub(super) const DEFAULT_PORT: u16 = 1883;

/// An IP address with or without a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddr(pub SocketAddr);

impl ListenAddr {
    /// Where the gateway listens unless told otherwise: reachable by programs on this machine only.
    #[must_use]
    pub fn loopback() -> [Self; 2] {
        [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)]
            .map(|ip| Self(SocketAddr::new(ip, DEFAULT_PORT)))
    }
}

/// Not an address.
#[derive(Debug)]
pub struct NoAddr(String);

impl fmt::Display for NoAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no address; write IP:PORT or IP, for example 0.0.0.0:1883, 127.0.0.1 or [::]:1883", self.0)
    }
}

impl std::error::Error for NoAddr {}

impl FromStr for ListenAddr {
    type Err = NoAddr;

    fn from_str(text: &str) -> Result<Self, NoAddr> {
        let PortlessAddr { ip, port } = text.parse()?;
        Ok(Self(SocketAddr::new(ip, port.unwrap_or(DEFAULT_PORT))))
    }
}

/// An address whose port may be left to something else.
#[derive(Clone, Copy, Debug)]
pub(super) struct PortlessAddr {
    pub(super) ip: IpAddr,
    pub(super) port: Option<u16>,
}

impl FromStr for PortlessAddr {
    type Err = NoAddr;

    fn from_str(text: &str) -> Result<Self, NoAddr> {
        if let Ok(addr) = text.parse::<SocketAddr>() {
            return Ok(Self { ip: addr.ip(), port: Some(addr.port()) });
        }
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        bare.parse().map(|ip| Self { ip, port: None }).map_err(|_| NoAddr(text.into()))
    }
}

impl<'de> Deserialize<'de> for PortlessAddr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ListenAddr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// An address for metrics. Its port is given: MQTT's would be a surprise.
pub(super) fn metrics_addr<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Spanned<SocketAddr>>, D::Error> {
    let text = Spanned::<String>::deserialize(deserializer)?;
    let (text, span) = (text.get_ref(), text.span());
    let wrong =
        |_| de::Error::custom(format_args!("`{text}` is no address; write IP:PORT, for example 127.0.0.1:9883"));
    text.parse().map(|addr| Some(Spanned::new(span, addr))).map_err(wrong)
}

/// A multicast group with or without a port.
pub(super) fn group<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Spanned<SocketAddr>>, D::Error> {
    let text = Spanned::<String>::deserialize(deserializer)?;
    let ListenAddr(group) = text.get_ref().parse().map_err(de::Error::custom)?;
    if !group.ip().is_multicast() {
        let example = transports::Multicast::DEFAULT_GROUP;
        return Err(de::Error::custom(format_args!("{group} is no multicast group; for example {example}")));
    }
    Ok(Some(Spanned::new(text.span(), group)))
}
