//! The mesh addressing header (RFC 4944 §5.2), which takes a frame over several hops, and the broadcast header behind it
//! (§11.1).
//!
//! A frame over several hops is the frame that its originator would send to its receiver if that were in reach, with these
//! headers in the place of its MAC header, behind a MAC header for each hop. Link security stays as it is: what is sealed
//! is that frame, and a router neither opens nor makes anything.

use crate::mac::{Address, BROADCAST, Header, Kind};
use crate::{Eui64, Psdu, Reason};

/// How many hops a frame of ours may take: what the header's first octet holds.
pub const MAX_HOPS: u8 = 14;
/// 10xxxxxx: a mesh header.
const DISPATCH: u8 = 0x80;
const DISPATCH_MASK: u8 = 0xC0;
/// "V": the originator's address has 16 bits.
const SHORT_ORIGINATOR: u8 = 0x20;
/// "F": the receiver's address has 16 bits.
const SHORT_TARGET: u8 = 0x10;
/// In the place of the hops that are left: there is an octet of its own for them.
const DEEP_HOPS: u8 = 0x0F;
/// LOWPAN_BC0: a number follows by which copies of a broadcast are known.
const BC0: u8 = 0x50;
/// ff02::1, all nodes, as a 16-bit multicast address (§9): 100, then the group's last 13 bits.
const ALL_NODES: u16 = 0x8001;
/// An auxiliary security header begins with at most this: level, key id mode, three bits that are 0. Payloads that are not
/// sealed begin with more.
const MAX_SECURITY_CONTROL: u8 = 0x1F;

/// A frame's way beyond its next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeshHeader {
    /// How often it may still be sent.
    pub hops_left: u8,
    /// Who sent it first.
    pub originator: Address,
    /// For whom it is; the short address [`BROADCAST`] is everybody.
    pub target: Address,
    /// The originator's number for what goes to all: who has passed it on does not do it again.
    pub broadcast: Option<u8>,
}

/// Whether a payload begins with a mesh header.
pub(crate) const fn is_mesh(payload: &[u8]) -> bool {
    matches!(payload, [first, ..] if *first & DISPATCH_MASK == DISPATCH)
}

/// How a frame gets to whom it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// In one hop.
    Direct,
    /// Over this router.
    Via(Eui64),
    /// To all, and all routers pass it on: the sender's number for it.
    Flood(u8),
}

impl MeshHeader {
    /// The header of a frame that sets out on this route.
    pub(crate) fn new(originator: Address, target: Address, route: Route) -> Self {
        let broadcast = match route {
            Route::Flood(number) => Some(number),
            Route::Direct | Route::Via(_) => None,
        };
        Self { hops_left: MAX_HOPS, originator, target, broadcast }
    }

    /// The length of a header between these addresses, with up to [`MAX_HOPS`] hops.
    pub(crate) const fn size(target: Address, originator: Address, route: Route) -> usize {
        let broadcast = match route {
            Route::Flood(_) => 2,
            Route::Direct | Route::Via(_) => 0,
        };
        1 + originator.size() + target.size() + broadcast
    }

    /// Reads the headers at the start of a payload, and says how long they are.
    ///
    /// # Errors
    /// [`Reason::Mesh`] if they end early, no hop is left, or there is a broadcast header for a frame to one, or none for
    /// a frame to all.
    pub fn decode(payload: &[u8]) -> Result<(Self, usize), Reason> {
        Self::read(payload).ok_or(Reason::Mesh)
    }

    fn read(payload: &[u8]) -> Option<(Self, usize)> {
        let mut rest = Rest(payload);
        let first = rest.octet().filter(|first| first & DISPATCH_MASK == DISPATCH)?;
        let hops_left = match first & DEEP_HOPS {
            DEEP_HOPS => rest.octet()?,
            hops => hops,
        };
        let originator = rest.address(first & SHORT_ORIGINATOR != 0)?;
        let target = rest.target(first & SHORT_TARGET != 0)?;
        let broadcast = if target == Address::ALL {
            rest.octet().filter(|dispatch| *dispatch == BC0)?;
            Some(rest.octet()?)
        } else {
            None
        };
        let is_one = originator != Address::ALL;
        (is_one && hops_left > 0)
            .then_some((Self { hops_left, originator, target, broadcast }, payload.len() - rest.0.len()))
    }

    /// Appends the headers to a frame; `None` if there is no room.
    pub(crate) fn push_to(&self, psdu: &mut Psdu) -> Option<()> {
        let short = |address, bit| if matches!(address, Address::Short(_)) { bit } else { 0 };
        let dispatch = DISPATCH | short(self.originator, SHORT_ORIGINATOR) | short(self.target, SHORT_TARGET);
        match self.hops_left {
            hops @ ..DEEP_HOPS => psdu.push(&[dispatch | hops])?,
            hops => psdu.push(&[dispatch | DEEP_HOPS, hops])?,
        }
        push_address(psdu, self.originator)?;
        let target = if self.target == Address::ALL { Address::Short(ALL_NODES) } else { self.target };
        push_address(psdu, target)?;
        self.broadcast.map_or(Some(()), |number| psdu.push(&[BC0, number]))
    }

    /// The frame that the originator would have sent to its receiver in one hop, and how long its header is. `None` if
    /// that is too long for a frame, and nobody can have sent it.
    pub(crate) fn unwrap(&self, pan: u16, body: &[u8]) -> Option<(Header, usize, Psdu)> {
        let header = Header {
            kind: Kind::Data,
            secured: body.first().is_some_and(|first| *first <= MAX_SECURITY_CONTROL),
            frame_pending: false,
            ack_request: self.target != Address::ALL,
            sequence: self.broadcast.unwrap_or_default(),
            pan,
            to: self.target,
            from: self.originator,
        };
        let mut psdu = header.encode(body.len());
        let header_len = psdu.len();
        psdu.push(body)?;
        Some((header, header_len, psdu))
    }
}

fn push_address(psdu: &mut Psdu, address: Address) -> Option<()> {
    match address {
        Address::Short(short) => psdu.push(&short.to_be_bytes()),
        Address::Extended(Eui64(octets)) => psdu.push(&octets),
    }
}

/// What of a payload has not been read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn octet(&mut self) -> Option<u8> {
        self.take().map(|[octet]| octet)
    }

    fn address(&mut self, is_short: bool) -> Option<Address> {
        if is_short {
            self.take().map(|octets| Address::Short(u16::from_be_bytes(octets)))
        } else {
            self.take().map(|octets| Address::Extended(Eui64(octets)))
        }
    }

    /// The same; all nodes may be named as such, or as IPv6 has them.
    fn target(&mut self, is_short: bool) -> Option<Address> {
        Some(match self.address(is_short)? {
            Address::Short(BROADCAST | ALL_NODES) => Address::ALL,
            one @ (Address::Short(_) | Address::Extended(_)) => one,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: Eui64 = Eui64([0x00, 0x12, 0x4B, 0, 0, 0, 0, 0x07]);
    const GATEWAY: Eui64 = Eui64([0x02, 0x12, 0x4B, 0, 0, 0, 0, 0x01]);

    #[test]
    fn a_header_is_read_as_it_was_written() {
        for originator in [Address::Extended(NODE), Address::Short(7)] {
            for (target, broadcast) in
                [(Address::Extended(GATEWAY), None), (Address::Short(1), None), (Address::ALL, Some(9))]
            {
                for hops_left in [1, 14, 15, 255] {
                    let header = MeshHeader { hops_left, originator, target, broadcast };
                    let mut psdu = Psdu::EMPTY;
                    header.push_to(&mut psdu).unwrap();
                    let len = psdu.len();
                    psdu.push(b"\x33datagram").unwrap();
                    assert!(is_mesh(psdu.as_bytes()));
                    assert_eq!(MeshHeader::decode(psdu.as_bytes()), Ok((header, len)));
                    let route = broadcast.map_or(Route::Via(NODE), Route::Flood);
                    let deep = usize::from(hops_left > MAX_HOPS);
                    assert_eq!(MeshHeader::size(target, originator, route) + deep, len);
                    for end in 0..len {
                        assert_eq!(MeshHeader::decode(&psdu.as_bytes()[..end]), Err(Reason::Mesh), "{end}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_octets_are_those_of_the_rfc() {
        let header = MeshHeader {
            hops_left: 14,
            originator: Address::Extended(NODE),
            target: Address::Short(0x0102),
            broadcast: None,
        };
        let mut psdu = Psdu::EMPTY;
        header.push_to(&mut psdu).unwrap();
        assert_eq!(psdu.as_bytes(), b"\x9E\x00\x12\x4B\x00\x00\x00\x00\x07\x01\x02");
        let to_all = MeshHeader { target: Address::ALL, broadcast: Some(5), ..header };
        let mut psdu = Psdu::EMPTY;
        to_all.push_to(&mut psdu).unwrap();
        assert_eq!(psdu.as_bytes(), b"\x9E\x00\x12\x4B\x00\x00\x00\x00\x07\x80\x01\x50\x05");
    }
}
