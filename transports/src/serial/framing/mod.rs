//! Datagrams on a line of octets.
//!
//! No framing of MQTT-SN for serial lines is standardised, so there are several, and the configuration of both ends
//! says which. Each is one file, and one [`Framing`]: octets in, frames out, and the other way round. Nothing here
//! knows a port or a clock; the memory of each is bounded by the longest datagram.

mod cobs;
mod hdlc;
mod raw;
mod slip;
mod xbee;

pub(super) use cobs::Cobs;
pub(super) use hdlc::Hdlc;
pub(super) use raw::Raw;
pub(super) use slip::Slip;
pub(super) use xbee::XBee;

pub use xbee::Family;

use sn_types::{Eui64, Instant, LinkAddr, Signal};
use std::fmt;

/// What comes out of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A datagram.
    Datagram {
        /// Who sent it.
        from: LinkAddr,
        /// How well it was heard, if it came by radio.
        signal: Signal,
        /// At least one octet.
        octets: &'a [u8],
    },
    /// What became of the datagram that was put under this number.
    Status {
        /// The number.
        number: u8,
        /// The radio has it acknowledged, or has sent it to all.
        delivered: bool,
        /// How often the radio has sent it again, as far as it says so.
        retries: u8,
    },
    /// The radio has been reset: what it had is lost.
    Reset,
    /// Octets that are no frame, or none for us.
    Malformed,
    /// A frame that is longer than a datagram may be.
    Oversize,
}

/// To whom a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// One node.
    One(LinkAddr),
    /// Every node.
    All {
        /// This many hops far; 0 is the whole network.
        radius: u8,
    },
}

impl Recipient {
    /// The one radio node that it is.
    pub(crate) fn node(self) -> Option<Eui64> {
        match self {
            Self::One(addr) => addr.eui64(),
            Self::All { .. } => None,
        }
    }
}

/// The datagram cannot be sent in this framing: it is too long, or the address is of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsendable;

/// How datagrams are told apart on a line.
pub trait Framing: fmt::Debug + Send {
    /// Takes in octets that came at `now`, and hands `each` what they complete.
    fn take(&mut self, now: Instant, octets: &[u8], each: &mut dyn FnMut(Incoming<'_>));

    /// Appends the frame of a datagram to `line`. Its number, if an [`Incoming::Status`] will follow.
    ///
    /// # Errors
    /// [`Unsendable`]; `line` is as before.
    fn put(&mut self, to: Recipient, datagram: &[u8], line: &mut Vec<u8>) -> Result<Option<u8>, Unsendable>;

    /// The line was opened anew: what was half a frame is none.
    fn reset(&mut self);
}

/// The octets of a frame that is under way, up to a limit.
#[derive(Debug)]
struct Collected {
    octets: Vec<u8>,
    limit: usize,
    /// There were more.
    overflown: bool,
}

impl Collected {
    fn new(limit: usize) -> Self {
        Self { octets: Vec::new(), limit, overflown: false }
    }

    fn push(&mut self, octet: u8) {
        if self.octets.len() < self.limit {
            self.octets.push(octet);
        } else {
            self.overflown = true;
        }
    }

    fn clear(&mut self) {
        self.octets.clear();
        self.overflown = false;
    }

    /// Hands on what `content` finds in the collected octets as a datagram, and forgets them. No octets are no frame.
    fn finish<F>(&mut self, each: &mut dyn FnMut(Incoming<'_>), content: F)
    where
        F: for<'a> FnOnce(&'a [u8]) -> Option<&'a [u8]>,
    {
        if self.overflown {
            each(Incoming::Oversize);
        } else if !self.octets.is_empty() {
            each(match content(&self.octets) {
                Some(octets) if !octets.is_empty() => {
                    Incoming::Datagram { from: LinkAddr::Line, signal: Signal::default(), octets }
                }
                Some(_) | None => Incoming::Malformed,
            });
        }
        self.clear();
    }
}

/// Octets to the one peer of a line: broadcast is the same.
fn only_peer(to: Recipient, datagram: &[u8], limit: usize) -> Result<(), Unsendable> {
    let reachable = match to {
        Recipient::One(LinkAddr::Line) | Recipient::All { .. } => true,
        Recipient::One(LinkAddr::Udp(_) | LinkAddr::Eui64(_)) => false,
    };
    (reachable && !datagram.is_empty() && datagram.len() <= limit).then_some(()).ok_or(Unsendable)
}

/// CRC-16/X-25, as HDLC has it.
const X25: crc::Crc<u16> = crc::Crc::<u16>::new(&crc::CRC_16_IBM_SDLC);

/// Octets without the little-endian checksum at their end, if it is right.
fn checked<'a>(octets: &'a [u8], crc: &crc::Crc<u16>) -> Option<&'a [u8]> {
    let (octets, sum) = octets.split_last_chunk::<2>()?;
    (crc.checksum(octets).to_le_bytes() == *sum).then_some(octets)
}

#[cfg(test)]
mod testing {
    //! What the tests of all framings share.

    use super::{Framing, Incoming, Instant, LinkAddr, Recipient, Signal};

    /// What comes out of octets, as text.
    pub(super) fn taken(framing: &mut dyn Framing, octets: &[u8]) -> Vec<String> {
        taken_at(framing, 0, octets)
    }

    pub(super) fn taken_at(framing: &mut dyn Framing, at_ms: u64, octets: &[u8]) -> Vec<String> {
        let mut frames = Vec::new();
        framing.take(Instant::from_millis(at_ms), octets, &mut |incoming| frames.push(text(incoming)));
        frames
    }

    fn text(incoming: Incoming<'_>) -> String {
        let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        match incoming {
            Incoming::Datagram { from: LinkAddr::Line, octets, .. } => hex(octets),
            Incoming::Datagram { from, signal: Signal { rssi_dbm: None, .. }, octets } => {
                format!("{from} {}", hex(octets))
            }
            Incoming::Datagram { from, signal: Signal { rssi_dbm: Some(dbm), .. }, octets } => {
                format!("{from} {} at {dbm} dBm", hex(octets))
            }
            Incoming::Status { number, delivered, retries } => format!("status {number} {delivered} {retries}"),
            Incoming::Reset => "reset".into(),
            Incoming::Malformed => "malformed".into(),
            Incoming::Oversize => "oversize".into(),
        }
    }

    /// The frame of a datagram to the only peer.
    pub(super) fn put(framing: &mut dyn Framing, datagram: &[u8]) -> Vec<u8> {
        let mut line = Vec::new();
        assert_eq!(framing.put(Recipient::One(LinkAddr::Line), datagram, &mut line), Ok(None));
        line
    }

    /// Datagrams of all octets and of many lengths come back, whole, in pieces, and after noise.
    pub(super) fn comes_back(mut framing: impl Framing, datagrams: impl Iterator<Item = Vec<u8>>) {
        for datagram in datagrams {
            let line = put(&mut framing, &datagram);
            let whole = taken(&mut framing, &line);
            assert_eq!(whole, [datagram.iter().map(|octet| format!("{octet:02x}")).collect::<String>()]);
            let one_by_one = line.iter().flat_map(|octet| taken(&mut framing, &[*octet]));
            assert_eq!(one_by_one.collect::<Vec<_>>(), whole);
        }
    }

    /// Datagrams with every octet in every place near the ends, and of every length to 300.
    pub(super) fn datagrams() -> impl Iterator<Item = Vec<u8>> {
        let lengths = (1..300_u16).map(|len| (0..len).map(|i| (i * 7 + len) as u8).collect());
        lengths.chain((0..=255).map(|octet| vec![octet, octet, 0, octet]))
    }

    /// Any octets at all: no panic, and afterwards a good frame is understood, at the latest the second one.
    pub(super) fn survives_noise(mut framing: impl Framing) {
        let mut noise = oorandom::Rand32::new(7);
        for round in 0..2_000 {
            let octets: Vec<u8> = (0..noise.rand_range(0..600)).map(|_| noise.rand_u32() as u8).collect();
            taken_at(&mut framing, 1_000 * round, &octets);
            let line = put(&mut framing, b"good");
            let first = taken_at(&mut framing, 1_000 * round + 500, &line);
            let second = taken_at(&mut framing, 1_000 * round + 999, &line);
            assert_eq!(second.last().map(String::as_str), Some("676f6f64"), "after {first:?}");
        }
    }
}
