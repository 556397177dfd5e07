//! Where another machine is, by name or address.

use serde::{Deserialize, Deserializer, de};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name, or an IP address without brackets.
    pub host: String,
    /// The port; 1883 where none is said.
    pub port: u16,
}

/// The port of MQTT-SN where the operator names none.
const DEFAULT_PORT: u16 = 1883;

/// Not a host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoHost(String);

impl fmt::Display for NoHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no host; write HOST or HOST:PORT, for example gateway.local, 10.0.0.1:1883 or [fd00::1]:1883",
            self.0
        )
    }
}

impl std::error::Error for NoHost {}

impl FromStr for HostPort {
    type Err = NoHost;

    fn from_str(text: &str) -> Result<Self, NoHost> {
        let wrong = || NoHost(text.into());
        if let Ok(addr) = text.parse::<SocketAddr>() {
            return Ok(Self { host: addr.ip().to_string(), port: addr.port() });
        }
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(Self { host: ip.to_string(), port: DEFAULT_PORT });
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?),
            None => (text, DEFAULT_PORT),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if host.is_empty() || !host.chars().all(is_name) {
            return Err(wrong());
        }
        Ok(Self { host: host.into(), port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl<'de> Deserialize<'de> for HostPort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_with_and_without_a_port() {
        for (text, told) in [
            ("gateway.local", "gateway.local:1883"),
            ("gateway:1884", "gateway:1884"),
            ("10.0.0.1", "10.0.0.1:1883"),
            ("10.0.0.1:9", "10.0.0.1:9"),
            ("fd00::1", "[fd00::1]:1883"),
            ("[fd00::1]:9", "[fd00::1]:9"),
        ] {
            assert_eq!(text.parse::<HostPort>().map(|host| host.to_string()), Ok(told.to_owned()));
        }
        for wrong in ["", ":1", "a:b", "a:0", "a b", "udp://a", "a:1:2"] {
            assert_eq!(wrong.parse::<HostPort>(), Err(NoHost(wrong.into())));
        }
    }
}
