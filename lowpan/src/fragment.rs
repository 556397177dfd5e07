//! Packets in several frames (RFC 4944 §5.3).
//!
//! A packet's size and offsets are counted before compression, in a first fragment's case with the headers that its
//! compressed ones stand for. Each fragment but the last covers a multiple of 8 octets.

use crate::carriage::Head;
use crate::{Psdu, Reason};
use smoltcp::wire::{SixlowpanFragPacket, SixlowpanFragRepr};

/// What a first fragment has before its part of the packet, in octets.
const FIRST_HEADER: usize = 4;
/// What another fragment has, in octets.
const NEXT_HEADER: usize = 5;
/// The longest packet that fragments can carry: its size has 11 bits.
pub(crate) const MAX_PACKET: usize = 0x7FF;
/// The unit of offsets, in octets.
pub(crate) const UNIT: usize = 8;

/// A fragment that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment<'a> {
    /// The length of the whole packet, before compression.
    pub(crate) size: u16,
    /// The sender's number for the packet.
    pub(crate) tag: u16,
    /// Where it begins, in octets; `None` is the first, with compressed headers.
    pub(crate) offset: Option<usize>,
    pub(crate) octets: &'a [u8],
}

/// Whether a payload is a fragment.
pub(crate) fn is_fragment(payload: &[u8]) -> bool {
    matches!(payload.first(), Some(0xC0..=0xC7 | 0xE0..=0xE7))
}

impl<'a> Fragment<'a> {
    pub(crate) fn parse(payload: &'a [u8]) -> Result<Self, Reason> {
        let packet = SixlowpanFragPacket::new_checked(payload).map_err(|_| Reason::Fragment)?;
        let repr = SixlowpanFragRepr::parse(&packet).map_err(|_| Reason::Fragment)?;
        let octets = packet.payload();
        match repr {
            SixlowpanFragRepr::FirstFragment { size, tag } => Ok(Self { size, tag, offset: None, octets }),
            // An offset of 0 belongs to a first fragment: this has no headers to read.
            SixlowpanFragRepr::Fragment { offset: 0, .. } => Err(Reason::Fragment),
            SixlowpanFragRepr::Fragment { size, tag, offset } => {
                Ok(Self { size, tag, offset: Some(usize::from(offset) * UNIT), octets })
            }
        }
    }
}

/// How far a packet has been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// What the packet begins with.
    pub(crate) head: Head,
    /// The packet's number, if it goes in fragments.
    pub(crate) tag: u16,
}

impl Cut {
    /// Writes the payload of the frame after `sent` octets of the packet, and says how many will be sent then.
    pub(crate) fn next(&self, packet: &[u8], sent: usize, room: usize) -> (Psdu, usize) {
        let mut payload = Psdu::EMPTY;
        if sent == 0 && packet.len() <= room {
            payload.push(packet);
            return (payload, packet.len());
        }
        let (compressed, full) = (usize::from(self.head.compressed), usize::from(self.head.full));
        let size = (packet.len() + full - compressed) as u16;
        let (repr, taken) = if sent == 0 {
            let covered = (room - FIRST_HEADER + full - compressed) / UNIT * UNIT;
            (SixlowpanFragRepr::FirstFragment { size, tag: self.tag }, covered + compressed - full)
        } else {
            let offset = ((sent + full - compressed) / UNIT) as u8;
            let left = packet.len() - sent;
            let taken = left.min((room - NEXT_HEADER) / UNIT * UNIT);
            (SixlowpanFragRepr::Fragment { size, tag: self.tag, offset }, taken)
        };
        let mut header = [0; NEXT_HEADER];
        let header = &mut header[..repr.buffer_len()];
        repr.emit(&mut SixlowpanFragPacket::new_unchecked(&mut *header));
        payload.push(header);
        payload.push(&packet[sent..sent + taken]);
        (payload, sent + taken)
    }
}

// An offset has 8 bits, so with this limit none is cut off.
const _: () = assert!(MAX_PACKET / UNIT <= u8::MAX as usize);
