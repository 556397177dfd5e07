//! What a frame brings, and how its payload is unfolded: the same for gateways and nodes.

use crate::carriage::{Carriage, Way, expand};
use crate::fragment::{Fragment, is_fragment};
use crate::sixlowpan::MAX_GROWTH;
use crate::{MAX_PSDU, Reason};
use sn_types::Eui64;

/// What a frame brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// A datagram, whole.
    Datagram {
        /// The node that sent it. With link security that is proven.
        from: Eui64,
        /// In which form.
        carriage: Carriage,
        /// It went to all stations, not only to this one.
        to_all: bool,
        /// The MQTT-SN message.
        octets: &'a [u8],
    },
    /// A part of a datagram; more is to come.
    Fragment {
        /// The node that sent it.
        from: Eui64,
    },
    /// A node listens for what waits for it.
    DataRequest {
        /// The node that sent it.
        from: Eui64,
    },
    /// A node asked for our IPv6 address, and will be answered.
    Solicitation {
        /// The node that sent it.
        from: Eui64,
    },
    /// A station looks for one that takes its frames towards the gateway, or is one.
    Neighbour {
        /// Who says to be it.
        from: Eui64,
    },
    /// Nothing, and why. It has been counted.
    Rejected {
        /// Who says to have sent it, if that can be read.
        from: Option<Eui64>,
        /// Why.
        reason: Reason,
    },
}

/// Room for a frame's packet with its headers whole.
pub(crate) type Unfolded = [u8; MAX_PSDU + MAX_GROWTH];
/// Nothing in it yet.
pub(crate) const UNFOLDED: Unfolded = [0; MAX_PSDU + MAX_GROWTH];

/// What the payload of a data frame is, with headers whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A packet.
    Whole(&'a [u8]),
    /// A part of one of this size.
    Part { size: u16, tag: u16, offset: usize, octets: &'a [u8] },
}

/// Reads the payload of a data frame.
pub(crate) fn unfold<'a>(payload: &'a [u8], way: Way, room: &'a mut Unfolded) -> Result<Piece<'a>, Reason> {
    if !is_fragment(payload) {
        let len = expand(payload, way, None, room)?;
        return Ok(Piece::Whole(&room[..len]));
    }
    let Fragment { size, tag, offset, octets } = Fragment::parse(payload)?;
    match offset {
        Some(offset) => Ok(Piece::Part { size, tag, offset, octets }),
        None => {
            let len = expand(octets, way, Some(size), room)?;
            Ok(Piece::Part { size, tag, offset: 0, octets: &room[..len] })
        }
    }
}
