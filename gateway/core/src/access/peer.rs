//! Which user an MQTT-SN peer is. MQTT-SN 1.2 has no password: what is known of a peer is its address, the client id that
//! it claims, and what its transport vouches for.

use super::NamePattern;
use crate::{Core, RejectReason};
use ipnet::IpNet;
use sn_types::{Eui64, Instant, LinkAddr, PeerAddr, TransportId};
use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

/// Says which user some peers are. It fits if all that is given fits; the first that fits counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRule {
    /// Where the peer is; `None`: anywhere.
    pub from: Option<Origin>,
    /// What the list of radio nodes calls it; `None`: anything, and it need not be on the list.
    pub name: Option<NamePattern>,
    /// Its client id; `None`: any. Only rules without one fit a sender that has no session (QoS -1).
    pub client: Option<NamePattern>,
    /// Who it is.
    pub user: UserTemplate,
}

/// Where peers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In this IP network.
    Network(IpNet),
    /// At the radio with this address, most significant octet first.
    Eui64([u8; 8]),
}

/// Not a place where peers can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoOrigin;

impl fmt::Display for NoOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write a network, as 10.1.0.0/16, an IP address, or a radio's address, as 00:12:4b:00:01:02:03:04")
    }
}

impl Error for NoOrigin {}

impl FromStr for Origin {
    type Err = NoOrigin;

    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        // Eight times two digits could be an address of IPv6, too; but nobody writes that so.
        let octets: Option<Vec<u8>> = text.split(':').map(octet).collect();
        if let Some(octets) = octets.and_then(|octets| octets.try_into().ok()) {
            return Ok(Self::Eui64(octets));
        }
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self::Network).map_err(|_| NoOrigin)
    }
}

/// Two hexadecimal digits.
fn octet(text: &str) -> Option<u8> {
    let is_octet = text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    u8::from_str_radix(text, 16).ok().filter(|_| is_octet)
}

impl Origin {
    fn is_of(self, addr: LinkAddr) -> bool {
        match (self, addr) {
            // An IPv4 peer of a socket for both has an address of IPv6's form.
            (Self::Network(network), LinkAddr::Udp(addr)) => network.contains(&addr.ip().to_canonical()),
            (Self::Eui64(wanted), LinkAddr::Eui64(octets)) => wanted == octets,
            (Self::Network(_), LinkAddr::Eui64(_) | LinkAddr::Line) => false,
            (Self::Eui64(_), LinkAddr::Udp(_) | LinkAddr::Line) => false,
        }
    }
}

/// A user's name, in which `%c` stands for the client id and `%n` for the name that the list of radio nodes has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserTemplate(Arc<str>);

impl From<&str> for UserTemplate {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl UserTemplate {
    /// The name for a client id and a node; none if it needs one of them and that is empty.
    fn user(&self, client_id: &str, node: &str) -> Option<Arc<str>> {
        if !self.0.contains('%') {
            return Some(self.0.clone());
        }
        let lacks = |placeholder, value: &str| self.0.contains(placeholder) && value.is_empty();
        if lacks("%c", client_id) || lacks("%n", node) {
            return None;
        }
        // In one pass: a client id may have a placeholder's letters in it.
        let mut user = String::new();
        let mut rest = &*self.0;
        while let Some(place) = rest.find('%') {
            user += &rest[..place];
            let (value, len) = match rest.as_bytes().get(place + 1) {
                Some(b'c') => (client_id, 2),
                Some(b'n') => (node, 2),
                Some(_) | None => ("%", 1),
            };
            user += value;
            rest = &rest[place + len..];
        }
        Some((user + rest).into())
    }
}

/// Whom a transport lets in, of those whom no [`PeerRule`] names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// They are this user.
    pub user: Option<Arc<str>>,
    /// They may come in without being anybody.
    pub anonymous: bool,
}

impl Default for Admission {
    /// Everybody, as nobody.
    fn default() -> Self {
        Self { user: None, anonymous: true }
    }
}

impl Core {
    /// Says whom a transport lets in. Without it, that is everybody. Clients from before a restart are asked anew who
    /// they are.
    pub fn set_admission(&mut self, now: Instant, transport: TransportId, admission: Admission) {
        self.sn.set_admission(transport, admission);
        self.identify_again(now, |addr| addr.transport == transport);
    }

    /// Which user a peer is, if it is any, that claims this client id; an empty one if it claims none.
    ///
    /// # Errors
    /// It may not come in without being somebody.
    pub(crate) fn identify(&self, from: PeerAddr, client_id: &str) -> Result<Option<Arc<str>>, RejectReason> {
        let name = self.nodes.name_at(from);
        let fits = |rule: &&PeerRule| {
            rule.from.is_none_or(|origin| origin.is_of(from.link))
                && rule.name.as_ref().is_none_or(|pattern| name.is_some_and(|name| pattern.matches(name)))
                && rule.client.as_ref().is_none_or(|client| client.matches(client_id))
        };
        if let Some(user) = self
            .config
            .peers
            .iter()
            .filter(fits)
            .find_map(|rule| rule.user.user(client_id, name.map_or("", |name| name)))
        {
            return Ok(Some(user));
        }
        if let Some(user) = name.filter(|_| self.sn.profile(from.transport).authenticated) {
            return Ok(Some(user.clone()));
        }
        let admission = self.sn.admission(from.transport);
        match (admission.user, admission.anonymous) {
            (Some(user), _) => Ok(Some(user)),
            (None, true) => Ok(None),
            (None, false) => Err(RejectReason::Anonymous),
        }
    }

    /// Whether a peer that is on no list of nodes, and not at this node, may be this user: by a rule, or since its transport
    /// says so.
    pub(crate) fn may_be_unlisted(&self, node: Eui64, client_id: &str, user: &str) -> bool {
        let by_rule = self.config.peers.iter().any(|rule| {
            rule.name.is_none()
                && rule.from != Some(Origin::Eui64(node.0))
                && rule.client.as_ref().is_none_or(|client| client.matches(client_id))
                && rule.user.user(client_id, "").as_deref() == Some(user)
        });
        by_rule || self.sn.users().any(|admitted| **admitted == *user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn udp(addr: &str) -> LinkAddr {
        LinkAddr::Udp(addr.parse().unwrap())
    }

    #[test]
    fn an_origin_is_a_network_an_address_or_a_radio() {
        let radio = LinkAddr::Eui64([0, 0x12, 0x4b, 0, 1, 2, 3, 4]);
        for (text, addr, fits) in [
            ("10.1.0.0/16", udp("10.1.2.3:99"), true),
            ("10.1.0.0/16", udp("10.2.2.3:99"), false),
            ("10.1.0.0/16", udp("[::ffff:10.1.2.3]:99"), true),
            ("10.1.2.3", udp("10.1.2.3:99"), true),
            ("10.1.2.3", udp("10.1.2.4:99"), false),
            ("fd00::/8", udp("[fd12::1]:99"), true),
            ("::/0", udp("10.1.2.3:99"), false),
            ("00:12:4b:00:01:02:03:04", radio, true),
            ("00:12:4B:00:01:02:03:05", radio, false),
            ("0.0.0.0/0", radio, false),
            ("00:12:4b:00:01:02:03:04", LinkAddr::Line, false),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().is_of(addr), fits, "{text} and {addr}");
        }
        for text in ["", "10.1.0.0/33", "example.org", "00:12:4b:00:01:02:03", "+1:12:4b:00:01:02:03:04"] {
            assert_eq!(text.parse::<Origin>(), Err(NoOrigin), "{text}");
        }
    }

    #[test]
    fn a_template_that_needs_a_client_id_names_nobody_without_one() {
        assert_eq!(UserTemplate::from("node-%c").user("7", "").as_deref(), Some("node-7"));
        assert_eq!(UserTemplate::from("node-%c").user("", "n"), None);
        assert_eq!(UserTemplate::from("nodes").user("", "").as_deref(), Some("nodes"));
        assert_eq!(UserTemplate::from("%n/%c%").user("%n", "pump").as_deref(), Some("pump/%n%"));
        assert_eq!(UserTemplate::from("%n").user("7", ""), None);
    }
}
