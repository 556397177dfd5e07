//! HDLC-lite: flags around a frame, escapes within, a checksum at its end (as RFC 1662 has it, without its header).
//!
//! One flag may end a frame and begin the next; frames without octets are none.

/// Begins and ends a frame.
pub const FLAG: u8 = 0x7E;
/// The next octet is flipped.
pub const ESCAPE: u8 = 0x7D;
const FLIPPED: u8 = 0x20;
/// CRC-16/X-25.
const X25: crc::Crc<u16> = crc::Crc::<u16>::new(&crc::CRC_16_IBM_SDLC);

/// Octets that may not be on the line for themselves: beside HDLC's own XON and XOFF, which the line may use, and F8, which
/// Spinel reserves.
const fn is_escaped(octet: u8) -> bool {
    matches!(octet, FLAG | ESCAPE | 0x11 | 0x13 | 0xF8)
}

/// Appends a frame with these octets to `line`.
pub fn encode(octets: &[u8], line: &mut Vec<u8>) {
    line.push(FLAG);
    for octet in octets.iter().copied().chain(X25.checksum(octets).to_le_bytes()) {
        if is_escaped(octet) {
            line.extend([ESCAPE, octet ^ FLIPPED]);
        } else {
            line.push(octet);
        }
    }
    line.push(FLAG);
}

/// What a line has brought between two flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A frame's octets, at least one, without the checksum.
    Frame(&'a [u8]),
    /// The checksum is wrong.
    Damaged,
    /// More octets than a frame may have.
    TooLong,
}

/// Finds the frames on a line. Its memory is bounded by the longest frame.
#[derive(Debug)]
pub struct Decoder {
    /// Of the frame under way, and its checksum.
    octets: Vec<u8>,
    limit: usize,
    is_overfull: bool,
    is_escaped: bool,
}

impl Decoder {
    /// For frames of up to `longest` octets.
    #[must_use]
    pub const fn new(longest: usize) -> Self {
        Self { octets: Vec::new(), limit: longest + 2, is_overfull: false, is_escaped: false }
    }

    /// Takes in octets, and hands `each` what they complete. All octets may be escaped, whoever does not have to.
    pub fn take(&mut self, octets: &[u8], mut each: impl FnMut(Decoded<'_>)) {
        for octet in octets {
            match *octet {
                // An escape before a flag takes the frame back.
                FLAG if self.is_escaped => self.reset(),
                FLAG => self.finish(&mut each),
                ESCAPE => self.is_escaped = true,
                octet if std::mem::take(&mut self.is_escaped) => self.push(octet ^ FLIPPED),
                octet => self.push(octet),
            }
        }
    }

    /// The line was opened anew: what was half a frame is none.
    pub fn reset(&mut self) {
        self.octets.clear();
        self.is_overfull = false;
        self.is_escaped = false;
    }

    fn push(&mut self, octet: u8) {
        if self.octets.len() < self.limit {
            self.octets.push(octet);
        } else {
            self.is_overfull = true;
        }
    }

    fn finish(&mut self, each: &mut impl FnMut(Decoded<'_>)) {
        if self.is_overfull {
            each(Decoded::TooLong);
        } else if !self.octets.is_empty() {
            each(match self.octets.split_last_chunk::<2>() {
                Some((octets, sum)) if !octets.is_empty() && X25.checksum(octets).to_le_bytes() == *sum => {
                    Decoded::Frame(octets)
                }
                Some(_) | None => Decoded::Damaged,
            });
        }
        self.reset();
    }
}
