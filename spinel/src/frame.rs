//! A Spinel frame: header, command, property, value (Spinel §2.1, §4).

use super::names::Property;
use super::pack::{Fields, packed};

/// The longest frame that a radio sends, without its HDLC-lite.
pub const LONGEST: usize = 1_300;

/// A frame, whoever sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Which of the radio's interfaces, 0..=3; ours is 0.
    pub interface: u8,
    /// Tells which request an answer is for, 1..=15; 0: nobody has asked.
    pub transaction: u8,
    /// What it says.
    pub message: Message<'a>,
}

/// Commands. What a host sends comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Nothing.
    Noop,
    /// Start anew.
    Reset(Reset),
    /// Ask for a value.
    Get(Property),
    /// Change a value.
    Set(Property, &'a [u8]),
    /// Add to a list.
    Insert(Property, &'a [u8]),
    /// Take out of a list.
    Remove(Property, &'a [u8]),
    /// This is the value.
    Is(Property, &'a [u8]),
    /// This is in the list now.
    Inserted(Property, &'a [u8]),
    /// This is out of the list now.
    Removed(Property, &'a [u8]),
}

/// What is to start anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// The chip; USB devices are gone for a moment. Also what devices do that know no other.
    Platform,
    /// The software on it.
    Stack,
    /// Into the bootloader.
    Bootloader,
}

/// Bits 7 and 6 of the header are 1 and 0.
const MARK: u8 = 0x80;
const MARK_BITS: u8 = 0xC0;

impl<'a> Frame<'a> {
    /// A frame of interface 0.
    #[must_use]
    pub const fn new(transaction: u8, message: Message<'a>) -> Self {
        Self { interface: 0, transaction, message }
    }

    /// Its octets, without HDLC-lite.
    pub fn octets(self) -> impl Iterator<Item = u8> + Clone + 'a {
        let header = MARK | (self.interface & 3) << 4 | self.transaction & 15;
        let (command, argument, value) = match self.message {
            Message::Noop => (0, None, &[][..]),
            Message::Reset(reset) => (1, Some(reset.number()), &[][..]),
            Message::Get(property) => (2, Some(property.0), &[][..]),
            Message::Set(property, value) => (3, Some(property.0), value),
            Message::Insert(property, value) => (4, Some(property.0), value),
            Message::Remove(property, value) => (5, Some(property.0), value),
            Message::Is(property, value) => (6, Some(property.0), value),
            Message::Inserted(property, value) => (7, Some(property.0), value),
            Message::Removed(property, value) => (8, Some(property.0), value),
        };
        let argument = argument.into_iter().flat_map(packed);
        core::iter::once(header).chain(packed(command)).chain(argument).chain(value.iter().copied())
    }

    /// Reads a frame; `None` if it is none, or has a command that is not for us.
    #[must_use]
    pub fn decode(octets: &'a [u8]) -> Option<Self> {
        let mut fields = Fields::new(octets);
        let header = fields.octet().filter(|header| header & MARK_BITS == MARK)?;
        let command = fields.packed()?;
        let message = match command {
            0 => Message::Noop,
            // Old hosts send no argument.
            1 => Message::Reset(fields.packed().map_or(Some(Reset::Platform), Reset::from_number)?),
            2..=8 => {
                let property = Property(fields.packed()?);
                property_message(command, property, fields.rest())?
            }
            _ => return None,
        };
        Some(Self { interface: header >> 4 & 3, transaction: header & 15, message })
    }
}

fn property_message(command: u32, property: Property, value: &[u8]) -> Option<Message<'_>> {
    Some(match command {
        2 => Message::Get(property),
        3 => Message::Set(property, value),
        4 => Message::Insert(property, value),
        5 => Message::Remove(property, value),
        6 => Message::Is(property, value),
        7 => Message::Inserted(property, value),
        8 => Message::Removed(property, value),
        _ => return None,
    })
}

impl Reset {
    const fn number(self) -> u32 {
        match self {
            Self::Platform => 1,
            Self::Stack => 2,
            Self::Bootloader => 3,
        }
    }

    const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Platform),
            2 => Some(Self::Stack),
            3 => Some(Self::Bootloader),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hdlc;
    use alloc::vec::Vec;

    fn on_the_line(transaction: u8, message: Message<'_>) -> Vec<u8> {
        let mut line = Vec::new();
        hdlc::encode(Frame::new(transaction, message).octets(), &mut line);
        line
    }

    #[test]
    fn frames_are_those_that_others_send() {
        // The first as universal-silabs-flasher sends it to find an RCP.
        assert_eq!(on_the_line(3, Message::Get(Property::NCP_VERSION)), *b"\x7e\x83\x02\x02\xe6\x35\x7e");
        assert_eq!(on_the_line(2, Message::Set(Property::PHY_CHAN, &[15])), *b"\x7e\x82\x03\x21\x0f\xbe\xc5\x7e");
        assert_eq!(on_the_line(0, Message::Reset(Reset::Stack)), *b"\x7e\x80\x01\x02\xea\xf0\x7e");
    }

    #[test]
    fn every_frame_comes_back() {
        let (property, value) = (Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES, &[0xF8, 0x7E][..]);
        for message in [
            Message::Noop,
            Message::Reset(Reset::Platform),
            Message::Reset(Reset::Stack),
            Message::Reset(Reset::Bootloader),
            Message::Get(property),
            Message::Set(property, value),
            Message::Insert(property, value),
            Message::Remove(property, value),
            Message::Is(property, value),
            Message::Inserted(property, value),
            Message::Removed(property, value),
        ] {
            let frame = Frame { interface: 2, transaction: 15, message };
            let octets: Vec<u8> = frame.octets().collect();
            assert_eq!(Frame::decode(&octets), Some(frame));
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for octets in [&[][..], &[0x80], &[0x40, 0], &[0x80, 9], &[0x80, 6], &[0x80, 6, 0x80], &[0x80, 1, 9]] {
            assert_eq!(Frame::decode(octets), None, "{octets:02x?}");
        }
    }
}
