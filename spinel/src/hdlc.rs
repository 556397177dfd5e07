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
/// The length of the checksum.
pub const SUM_LEN: usize = 2;

/// Octets that may not be on the line for themselves: beside HDLC's own XON and XOFF, which the line may use, and F8, which
/// Spinel reserves.
const fn is_escaped(octet: u8) -> bool {
    matches!(octet, FLAG | ESCAPE | 0x11 | 0x13 | 0xF8)
}

/// Appends a frame with these octets to `line`.
pub fn encode(octets: impl IntoIterator<Item = u8>, line: &mut impl Extend<u8>) {
    let mut sum = X25.digest();
    line.extend([FLAG]);
    for octet in octets {
        sum.update(&[octet]);
        put(octet, line);
    }
    sum.finalize().to_le_bytes().into_iter().for_each(|octet| put(octet, line));
    line.extend([FLAG]);
}

fn put(octet: u8, line: &mut impl Extend<u8>) {
    if is_escaped(octet) {
        line.extend([ESCAPE, octet ^ FLIPPED]);
    } else {
        line.extend([octet]);
    }
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

/// Finds the frames on a line. `S` is its memory, an array or on the heap, with room for the longest frame and its checksum,
/// [`SUM_LEN`] octets.
#[derive(Debug)]
pub struct Decoder<S> {
    /// Of the frame under way, and its checksum.
    octets: S,
    len: usize,
    is_overfull: bool,
    is_escaped: bool,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Decoder<S> {
    /// For frames of up to [`SUM_LEN`] octets less than `memory` has.
    #[must_use]
    pub const fn new(memory: S) -> Self {
        Self { octets: memory, len: 0, is_overfull: false, is_escaped: false }
    }

    /// Takes in octets, and hands `each` what they complete. All octets may be escaped, whoever does not have to.
    pub fn take(&mut self, octets: &[u8], mut each: impl FnMut(Decoded<'_>)) {
        for octet in octets {
            match *octet {
                // An escape before a flag takes the frame back.
                FLAG if self.is_escaped => self.reset(),
                FLAG => self.finish(&mut each),
                ESCAPE => self.is_escaped = true,
                octet if core::mem::take(&mut self.is_escaped) => self.push(octet ^ FLIPPED),
                octet => self.push(octet),
            }
        }
    }

    /// The line was opened anew: what was half a frame is none.
    pub const fn reset(&mut self) {
        self.len = 0;
        self.is_overfull = false;
        self.is_escaped = false;
    }

    fn push(&mut self, octet: u8) {
        match self.octets.as_mut().get_mut(self.len) {
            Some(place) => {
                *place = octet;
                self.len += 1;
            }
            None => self.is_overfull = true,
        }
    }

    fn finish(&mut self, each: &mut impl FnMut(Decoded<'_>)) {
        let octets = self.octets.as_ref().get(..self.len).unwrap_or_default();
        if self.is_overfull {
            each(Decoded::TooLong);
        } else if !octets.is_empty() {
            each(match octets.split_last_chunk::<SUM_LEN>() {
                Some((octets, sum)) if !octets.is_empty() && X25.checksum(octets).to_le_bytes() == *sum => {
                    Decoded::Frame(octets)
                }
                Some(_) | None => Decoded::Damaged,
            });
        }
        self.reset();
    }
}
