//! `[[transport]]`: where MQTT-SN comes in.

use super::addr::{ListenAddr, group};
use super::number::within;
use serde::{Deserialize, Deserializer};
use sn_types::LinkProfile;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use toml::Spanned;
use transports::{Multicast, UdpConfig};

/// A table, by its `kind`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub enum TransportTable {
    /// UDP over IPv4 or IPv6.
    Udp(UdpTable),
    /// Simulated nodes, from a simulator that connects to a Unix socket.
    Sim(SimTable),
}

/// `kind = "udp"`
#[derive(Clone, Debug, PartialEq)]
pub struct UdpTable {
    /// The address to listen on.
    pub listen: ListenAddr,
    /// See [`LinkProfile::mtu`].
    pub mtu: u16,
    /// See [`Multicast::group`]; without it there is no discovery.
    pub multicast: Option<Spanned<SocketAddr>>,
    /// See [`Multicast::interface`].
    pub multicast_interface: Option<String>,
    /// See [`Multicast::hops`].
    pub multicast_hops: u8,
}

/// `kind = "sim"`
#[derive(Clone, Debug, PartialEq)]
pub struct SimTable {
    /// The Unix socket to listen at.
    pub path: PathBuf,
}

/// The values of `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Udp,
    Sim,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Sim => "sim",
        })
    }
}

/// The keys of all kinds, as they are in the file. A tagged enum would lose the places of errors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [[transport]]")]
struct Keys {
    kind: Kind,
    #[serde(default)]
    listen: Option<ListenAddr>,
    #[serde(default, deserialize_with = "mtu")]
    mtu: Option<u16>,
    #[serde(default, deserialize_with = "group")]
    multicast: Option<Spanned<SocketAddr>>,
    #[serde(default)]
    multicast_interface: Option<String>,
    #[serde(default, deserialize_with = "hops")]
    multicast_hops: Option<u8>,
    #[serde(default)]
    path: Option<PathBuf>,
}

fn mtu<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    within::<32, 65_250, _, _>(deserializer).map(Some)
}

fn hops<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    within::<0, 255, _, _>(deserializer).map(Some)
}

impl TryFrom<Keys> for TransportTable {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let kind = keys.kind;
        let Keys { listen, mtu, multicast, multicast_interface, multicast_hops, path, .. } = keys;
        let of_udp = [
            ("listen", listen.is_some()),
            ("mtu", mtu.is_some()),
            ("multicast", multicast.is_some()),
            ("multicast_interface", multicast_interface.is_some()),
            ("multicast_hops", multicast_hops.is_some()),
        ];
        let foreign = match kind {
            Kind::Udp => path.is_some().then_some("path"),
            Kind::Sim => of_udp.iter().find_map(|(key, is_there)| is_there.then_some(*key)),
        };
        if let Some(key) = foreign {
            return Err(format!("`{key}` is no key of a transport of kind `{kind}`"));
        }
        match kind {
            Kind::Udp => Ok(Self::Udp(UdpTable {
                mtu: mtu.unwrap_or(LinkProfile::UDP.mtu),
                multicast,
                multicast_interface,
                multicast_hops: multicast_hops.unwrap_or(Multicast::DEFAULT_HOPS),
                listen: listen.ok_or("`listen` is missing")?,
            })),
            Kind::Sim => Ok(Self::Sim(SimTable { path: path.ok_or("`path` is missing")? })),
        }
    }
}

impl TransportTable {
    /// UDP on `listen`, with the defaults.
    #[must_use]
    pub fn udp(listen: ListenAddr) -> Self {
        Self::Udp(UdpTable {
            listen,
            mtu: LinkProfile::UDP.mtu,
            multicast: None,
            multicast_interface: None,
            multicast_hops: Multicast::DEFAULT_HOPS,
        })
    }

    /// Its keys, if it is UDP.
    #[must_use]
    pub fn as_udp(&self) -> Option<&UdpTable> {
        match self {
            Self::Udp(table) => Some(table),
            Self::Sim(_) => None,
        }
    }

    /// What keys that are right each for itself say against each other.
    pub(super) fn contradiction(&self) -> Option<(Range<usize>, String)> {
        let UdpTable { multicast, listen: ListenAddr(listen), .. } = self.as_udp()?;
        let group = multicast.as_ref()?;
        let message = format!("the group {} and the address {listen} are of two families", group.get_ref());
        (group.get_ref().is_ipv4() != listen.is_ipv4()).then(|| (group.span(), message))
    }
}

impl UdpTable {
    /// What the transport takes. `only_v6`: see [`UdpConfig::only_v6`].
    #[must_use]
    pub fn transport(&self, only_v6: bool) -> UdpConfig {
        let multicast = self.multicast.as_ref().map(|group| Multicast {
            group: *group.get_ref(),
            interface: self.multicast_interface.clone(),
            hops: self.multicast_hops,
        });
        UdpConfig { listen: self.listen.0, only_v6, mtu: self.mtu, multicast }
    }
}
