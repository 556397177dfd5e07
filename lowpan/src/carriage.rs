//! The two forms in which a datagram travels, and how it is cut and told apart.
//!
//! *Bare* is one dispatch octet and the datagram. *UDP* is 6LoWPAN: compressed IPv6 and UDP headers and the datagram.
//! Both may be cut into the fragments of RFC 4944 §5.3.

use crate::sixlowpan::{self, Ports};
use crate::{Eui64, Reason};

/// The first octet of a frame's payload that is an MQTT-SN datagram.
///
/// RFC 4944 §5.1 sets 00xxxxxx aside for "not a LoWPAN frame": who speaks 6LoWPAN must discard it. Others that begin
/// there are Zigbee's frames, with two bits of frame type and four of protocol version, which is 2 (0x08 to 0x0B), and
/// TinyOS's active messages with 0x3F. This value would be a frame of Zigbee's protocol version 12.
pub const DISPATCH: u8 = 0x33;

/// The form in which a datagram travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carriage {
    /// [`DISPATCH`] and the datagram: one octet more.
    Bare,
    /// IPv6 and UDP, compressed (RFC 6282), between the stations' link-local addresses.
    Udp {
        /// The node's UDP port.
        node: u16,
        /// The gateway's UDP port.
        gateway: u16,
    },
}

/// What the start of a packet stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// How many octets of the packet it is.
    pub(crate) compressed: u8,
    /// How many octets it has before compression: fragments count those.
    pub(crate) full: u8,
}

/// What precedes a bare datagram.
pub(crate) const BARE: Head = Head { compressed: 1, full: 1 };

impl Carriage {
    /// What it adds to a datagram from one station to another in one frame, in octets.
    pub(crate) const fn overhead(self) -> usize {
        match self {
            Self::Bare => 1,
            Self::Udp { .. } => sixlowpan::UDP_HEAD.compressed as usize,
        }
    }

    /// What it adds to a datagram before compression, in octets.
    pub(crate) const fn full_overhead(self) -> usize {
        match self {
            Self::Bare => 1,
            Self::Udp { .. } => sixlowpan::UDP_HEAD.full as usize,
        }
    }

    /// Writes a datagram as a packet, and says how long that is; `None` if there is no room for it.
    pub(crate) fn pack(self, way: Way, datagram: &[u8], out: &mut [u8]) -> Option<(Head, usize)> {
        match self {
            Self::Bare => {
                let out = out.get_mut(..1 + datagram.len())?;
                let (dispatch, body) = out.split_first_mut()?;
                *dispatch = DISPATCH;
                body.copy_from_slice(datagram);
                Some((BARE, 1 + datagram.len()))
            }
            Self::Udp { node, gateway } => {
                let ports = match way.direction {
                    Direction::Up => Ports { from: node, to: gateway },
                    Direction::Down => Ports { from: gateway, to: node },
                };
                sixlowpan::compress(way, ports, datagram, out)
            }
        }
    }
}

/// From whom to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) from: Eui64,
    /// The station that is meant, or that has heard what is for all.
    pub(crate) to: Eui64,
    /// For all stations that hear it.
    pub(crate) to_all: bool,
    pub(crate) direction: Direction,
}

/// Whose UDP port is whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From a node to a gateway.
    Up,
    /// From a gateway to a node.
    Down,
}

/// What a whole packet brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The datagram begins at this octet of the packet and ends with it.
    Datagram { carriage: Carriage, at: usize },
    /// Somebody asks who has our IPv6 address.
    #[cfg_attr(not(feature = "hub"), allow(dead_code, reason = "nobody needs to ask a node"))]
    Solicitation,
}

/// Reads a packet whose headers are whole: a frame's after [`expand`], or one that was put together.
pub(crate) fn interpret(packet: &[u8], way: Way) -> Result<Meaning, Reason> {
    match packet.first() {
        None => Err(Reason::Empty),
        Some(&DISPATCH) => Ok(Meaning::Datagram { carriage: Carriage::Bare, at: 1 }),
        Some(_) => sixlowpan::interpret(packet, way),
    }
}

/// Writes a packet, or its first fragment, with its headers whole, and says how long that is.
///
/// `size` is the length of the whole packet if this is only its first fragment.
pub(crate) fn expand(payload: &[u8], way: Way, size: Option<u16>, out: &mut [u8]) -> Result<usize, Reason> {
    match payload.first() {
        None => Err(Reason::Empty),
        Some(&DISPATCH) => {
            out.get_mut(..payload.len()).ok_or(Reason::TooLong)?.copy_from_slice(payload);
            Ok(payload.len())
        }
        Some(_) => sixlowpan::expand(payload, way, size, out),
    }
}
