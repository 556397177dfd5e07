//! Spinel's data types ("packing", Spinel §3.2): little-endian, but EUI-64s, which come as they are printed.

/// A 64-bit address, most significant octet first.
pub type Eui64 = [u8; 8];

/// A packed unsigned integer ("i"): seven bits an octet, the lowest first, the high bit says that there are more.
pub fn packed(value: u32) -> impl Iterator<Item = u8> + Clone {
    let len = (u32::BITS - (value | 1).leading_zeros()).div_ceil(7);
    (0..len).map(move |at| {
        let more = if at + 1 < len { 0x80 } else { 0 };
        (value >> (7 * at)) as u8 & 0x7F | more
    })
}

/// Octets and before them their number ("d").
pub fn data(octets: &[u8]) -> impl Iterator<Item = u8> + Clone {
    // What goes to a radio has at most 1,300 octets.
    (octets.len() as u16).to_le_bytes().into_iter().chain(octets.iter().copied())
}

/// Reads one field after the other. `None`: there are too few octets left, or they mean nothing.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Of a value.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// What has not been read.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// "i": at most 32 bits.
    pub fn packed(&mut self) -> Option<u32> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let octet = self.octet()?;
            let bits = u32::from(octet & 0x7F);
            value |= bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits)?;
            if octet & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// "C".
    pub fn octet(&mut self) -> Option<u8> {
        self.array::<1>().map(|[octet]| octet)
    }

    /// "c".
    pub fn signed(&mut self) -> Option<i8> {
        self.octet().map(|octet| octet as i8)
    }

    /// "b".
    pub fn boolean(&mut self) -> Option<bool> {
        self.octet().map(|octet| octet != 0)
    }

    /// "S".
    pub fn short(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// "L".
    pub fn long(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// "X".
    pub fn longest(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// "E".
    pub fn eui64(&mut self) -> Option<Eui64> {
        self.array()
    }

    /// "d", and "t(...)" before anything else.
    pub fn data(&mut self) -> Option<&'a [u8]> {
        let len = self.short()?;
        let (data, rest) = self.0.split_at_checked(usize::from(len))?;
        self.0 = rest;
        Some(data)
    }

    /// "U", without the zero at its end.
    pub fn text(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|octet| *octet == 0)?;
        let (text, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        core::str::from_utf8(text).ok()
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn integers_are_packed_as_the_specification_shows() {
        // Spinel §3.2's own example is 1337.
        for (value, octets) in [(0, &[0][..]), (127, &[127]), (128, &[0x80, 1]), (1_337, &[0xB9, 0x0A])] {
            assert!(packed(value).eq(octets.iter().copied()));
        }
        for shift in 0..32 {
            for value in [1 << shift, (1 << shift) - 1, u32::MAX >> shift] {
                let octets: Vec<u8> = packed(value).collect();
                assert_eq!(Fields::new(&octets).packed(), Some(value));
            }
        }
    }

    #[test]
    fn more_than_32_bits_are_no_integer() {
        assert_eq!(Fields::new(&[0xFF, 0xFF, 0xFF, 0xFF, 0x1F]).packed(), None);
        assert_eq!(Fields::new(&[0x80, 0x80, 0x80, 0x80, 0x80, 0]).packed(), None);
        assert_eq!(Fields::new(&[0x80]).packed(), None);
    }

    #[test]
    fn fields_come_one_after_the_other_until_there_are_too_few_octets() {
        let mut fields = Fields::new(b"\x03\0abc\xCD\xABhi\0\xFF\x01\0");
        assert_eq!(fields.data(), Some(&b"abc"[..]));
        assert_eq!(fields.short(), Some(0xABCD));
        assert_eq!(fields.text(), Some("hi"));
        assert_eq!(fields.signed(), Some(-1));
        assert_eq!(fields.data(), None);
        assert_eq!(Fields::new(b"\x04\0abc").data(), None);
        assert_eq!(Fields::new(b"abc").text(), None);
    }
}
