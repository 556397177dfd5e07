//! The fields of a packet, one after another (MQTT 5 §1.5).

use super::Malformed;
use gateway_core::mqtt::{PacketId, variable_len};

/// What is left of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Everything that is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { Err(Malformed::Length) }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed::Length)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn octet(&mut self) -> Result<u8, Malformed> {
        self.take().map(|[octet]| octet)
    }

    pub(super) fn two(&mut self) -> Result<u16, Malformed> {
        self.take().map(u16::from_be_bytes)
    }

    pub(super) fn four(&mut self) -> Result<u32, Malformed> {
        self.take().map(u32::from_be_bytes)
    }

    /// A variable byte integer: at most four octets, and no more than it needs (MQTT-1.5.5-1).
    pub(super) fn variable(&mut self) -> Result<u32, Malformed> {
        let (value, octets) = variable_byte_integer(self.0).ok_or(Malformed::Length)?;
        if octets > variable_len(value) {
            return Err(Malformed::Length);
        }
        self.0 = &self.0[octets..];
        // Four octets have 28 bits.
        Ok(value as u32)
    }

    pub(super) fn packet_id(&mut self) -> Result<PacketId, Malformed> {
        PacketId::new(self.two()?).ok_or(Malformed::PacketId)
    }

    /// Octets with their length before them.
    pub(super) fn binary(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.two()?;
        self.split(len.into())
    }

    /// A string: UTF-8 without U+0000.
    pub(super) fn string(&mut self) -> Result<&'a str, Malformed> {
        let text = std::str::from_utf8(self.binary()?).map_err(|_| Malformed::Utf8)?;
        if text.as_bytes().contains(&0) { Err(Malformed::Nul) } else { Ok(text) }
    }

    /// A packet's properties, without their length.
    pub(super) fn properties(&mut self) -> Result<Fields<'a>, Malformed> {
        let len = self.variable()?;
        self.split(len as usize).map(Fields)
    }

    fn split(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed::Length)?;
        self.0 = rest;
        Ok(taken)
    }
}

/// The variable byte integer at the start of `octets`, and how many of them it took. `None`: it does not end there, or
/// not after four (MQTT 5 §1.5.5).
pub(crate) fn variable_byte_integer(octets: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (i, octet) in octets.iter().take(4).enumerate() {
        value |= usize::from(octet & 0x7F) << (7 * i);
        if octet & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}
