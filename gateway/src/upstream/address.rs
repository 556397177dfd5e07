//! Where another broker is, as an operator writes it.

use std::fmt;
use std::str::FromStr;

/// The port of MQTT over TCP.
const MQTT: u16 = 1883;
/// The port of MQTT over TLS.
const MQTTS: u16 = 8883;

/// A broker's host and port, and whether TLS leads there: `mqtt://HOST:PORT` or `mqtts://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAddr {
    /// A name or an IP address, IPv6 without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether to speak TLS.
    pub tls: bool,
}

/// Not an address.
#[derive(Debug)]
pub struct NoBrokerAddr(String);

impl fmt::Display for NoBrokerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let example = "for example mqtt://broker.example.org:1883, mqtts://broker.example.org or mqtt://[2001:db8::1]";
        write!(f, "`{}` is no broker's address; write mqtt://HOST:PORT or mqtts://HOST:PORT, {example}", self.0)
    }
}

impl std::error::Error for NoBrokerAddr {}

impl FromStr for BrokerAddr {
    type Err = NoBrokerAddr;

    fn from_str(text: &str) -> Result<Self, NoBrokerAddr> {
        parse(text).ok_or_else(|| NoBrokerAddr(text.into()))
    }
}

fn parse(text: &str) -> Option<BrokerAddr> {
    let (tls, rest) = match text.split_once("://") {
        Some(("mqtt", rest)) => (false, rest),
        Some(("mqtts", rest)) => (true, rest),
        Some(_) => return None,
        None => (false, text),
    };
    let (host, port) = match rest.strip_prefix('[') {
        Some(v6) => {
            let (host, port) = v6.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        None if tls => MQTTS,
        None => MQTT,
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    (!host.is_empty() && host.chars().all(is_host)).then(|| BrokerAddr { host: host.into(), port, tls })
}

impl fmt::Display for BrokerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, tls } = self;
        let scheme = if *tls { "mqtts" } else { "mqtt" };
        if host.contains(':') { write!(f, "{scheme}://[{host}]:{port}") } else { write!(f, "{scheme}://{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_tls_follow_from_the_scheme() {
        for (text, meant) in [
            ("broker", "mqtt://broker:1883"),
            ("broker:1884", "mqtt://broker:1884"),
            ("mqtt://10.0.0.1", "mqtt://10.0.0.1:1883"),
            ("mqtts://broker.example.org", "mqtts://broker.example.org:8883"),
            ("mqtts://[::1]:8884", "mqtts://[::1]:8884"),
            ("[2001:db8::1]", "mqtt://[2001:db8::1]:1883"),
        ] {
            assert_eq!(text.parse::<BrokerAddr>().unwrap().to_string(), meant);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_an_example() {
        for text in
            ["", "http://broker", "mqtt://", "broker:", "broker:0", "broker:65536", "[::1", "[x]", "a b", "mqtt://u@h"]
        {
            let error = text.parse::<BrokerAddr>().unwrap_err().to_string();
            assert!(error.contains("mqtts://broker.example.org"), "{text}: {error}");
        }
    }
}
