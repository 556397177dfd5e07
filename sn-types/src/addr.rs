//! Who is at the other end of a datagram.

use crate::Eui64;
use core::fmt;
use core::net::SocketAddr;

/// Which of the daemon's transports: its place in the configuration. Two transports never mix clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TransportId(pub u8);

/// An address on one link.
///
/// There is no bare 16-bit short address: it is reassigned at will, and a session must not follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum LinkAddr {
    /// UDP over IPv4 or IPv6.
    Udp(SocketAddr),
    /// The 64-bit address of an IEEE 802.15.4 or XBee radio, most significant octet first.
    Eui64([u8; 8]),
    /// The one peer at the other end of a serial line.
    Line,
}

/// A wireless node id behind a forwarder (1.2 §5.5): opaque octets.
///
/// The protocol allows 252 octets, we keep [`NodeId::MAX_LEN`]: enough for an EUI-64, an IPv6 address or a short
/// text, and an address stays a small plain value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NodeId {
    len: u8,
    octets: [u8; Self::MAX_LEN],
}

impl NodeId {
    /// The longest node id that a session is kept for, in octets.
    pub const MAX_LEN: usize = 24;

    /// The node id with these octets.
    ///
    /// # Errors
    /// [`NodeIdTooLong`] beyond [`NodeId::MAX_LEN`] octets.
    pub fn new(id: &[u8]) -> Result<Self, NodeIdTooLong> {
        let mut octets = [0; Self::MAX_LEN];
        octets.get_mut(..id.len()).ok_or(NodeIdTooLong)?.copy_from_slice(id);
        Ok(Self { len: id.len() as u8, octets })
    }

    /// The octets as they travelled.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        // A length beyond the array can only come from a damaged store.
        self.octets.get(..usize::from(self.len)).unwrap_or(&self.octets)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// The node id is longer than [`NodeId::MAX_LEN`] octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeIdTooLong;

impl fmt::Display for NodeIdTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wireless node id longer than {} octets", NodeId::MAX_LEN)
    }
}

impl core::error::Error for NodeIdTooLong {}

/// The sender or receiver of a datagram: what a session is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PeerAddr {
    /// The transport it was heard on.
    pub transport: TransportId,
    /// Its address there, or its forwarder's.
    pub link: LinkAddr,
    /// The node behind the forwarder, if the datagram came encapsulated (1.2 §5.5).
    pub node: Option<NodeId>,
}

impl PeerAddr {
    /// A peer that is reached directly.
    #[must_use]
    pub const fn direct(transport: TransportId, link: LinkAddr) -> Self {
        Self { transport, link, node: None }
    }

    /// The forwarder that this peer is behind, if it is.
    #[must_use]
    pub const fn forwarder(self) -> Option<Self> {
        match self.node {
            Some(_) => Some(Self { node: None, ..self }),
            None => None,
        }
    }

    /// The node `node` behind the forwarder at this address.
    #[must_use]
    pub const fn behind(self, node: NodeId) -> Self {
        Self { node: Some(node), ..self }
    }
}

impl LinkAddr {
    /// The address of a radio, if it is one.
    #[must_use]
    pub const fn eui64(self) -> Option<Eui64> {
        match self {
            Self::Eui64(octets) => Some(Eui64(octets)),
            Self::Udp(_) | Self::Line => None,
        }
    }
}

impl fmt::Display for LinkAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(addr) => addr.fmt(f),
            Self::Eui64(octets) => Eui64(*octets).fmt(f),
            Self::Line => f.write_str("line"),
        }
    }
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.link.fmt(f)?;
        match self.node {
            Some(node) => write!(f, "/{node:?}"),
            None => Ok(()),
        }
    }
}
