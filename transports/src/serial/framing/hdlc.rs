//! HDLC-lite: flags around a frame, escapes within, a checksum at its end (as RFC 1662 has it, without its header).

use super::{Collected, Framing, Incoming, Recipient, Unsendable, X25, checked, only_peer};
use sn_types::Instant;

const FLAG: u8 = 0x7E;
const ESCAPE: u8 = 0x7D;
const FLIPPED: u8 = 0x20;

/// Flags, escapes, CRC-16/X-25 (little-endian).
#[derive(Debug)]
pub(crate) struct Hdlc {
    mtu: usize,
    collected: Collected,
    escaped: bool,
}

impl Hdlc {
    /// For datagrams of up to `mtu` octets.
    pub(crate) fn new(mtu: usize) -> Self {
        Self { mtu, collected: Collected::new(mtu + 2), escaped: false }
    }
}

impl Framing for Hdlc {
    fn take(&mut self, _now: Instant, octets: &[u8], each: &mut dyn FnMut(Incoming<'_>)) {
        for octet in octets {
            match *octet {
                // An escape before a flag takes the frame back.
                FLAG if self.escaped => self.reset(),
                FLAG => self.collected.finish(each, |octets| checked(octets, &X25)),
                ESCAPE => self.escaped = true,
                octet if self.escaped => {
                    self.escaped = false;
                    self.collected.push(octet ^ FLIPPED);
                }
                octet => self.collected.push(octet),
            }
        }
    }

    fn put(&mut self, to: Recipient, datagram: &[u8], line: &mut Vec<u8>) -> Result<Option<u8>, Unsendable> {
        only_peer(to, datagram, self.mtu)?;
        line.push(FLAG);
        for octet in datagram.iter().copied().chain(X25.checksum(datagram).to_le_bytes()) {
            // XON and XOFF too: the line may use them.
            if matches!(octet, FLAG | ESCAPE | 0x11 | 0x13) {
                line.extend([ESCAPE, octet ^ FLIPPED]);
            } else {
                line.push(octet);
            }
        }
        line.push(FLAG);
        Ok(None)
    }

    fn reset(&mut self) {
        self.collected.clear();
        self.escaped = false;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{comes_back, datagrams, put, survives_noise, taken};
    use super::*;

    #[test]
    fn the_checksum_is_that_of_x_25() {
        // A Spinel frame as an OpenThread radio sends it.
        let frame = [0x7E, 0x83, 0x02, 0x02, 0xE6, 0x35, 0x7E];
        let mut hdlc = Hdlc::new(64);
        assert_eq!(taken(&mut hdlc, &frame), ["830202"]);
        assert_eq!(put(&mut hdlc, &[0x83, 0x02, 0x02]), frame);
    }

    #[test]
    fn every_datagram_comes_back() {
        comes_back(Hdlc::new(300), datagrams());
        survives_noise(Hdlc::new(64));
    }

    #[test]
    fn one_flag_may_end_a_frame_and_begin_the_next() {
        let mut hdlc = Hdlc::new(64);
        let (one, two) = (put(&mut hdlc, b"1"), put(&mut hdlc, b"2"));
        let joined = [&one[..], &two[1..]].concat();
        assert_eq!(taken(&mut hdlc, &joined), ["31", "32"]);
    }

    #[test]
    fn what_is_damaged_taken_back_or_too_long_is_no_datagram() {
        let mut hdlc = Hdlc::new(8);
        let mut line = put(&mut hdlc, b"datagram");
        line[3] ^= 1;
        assert_eq!(taken(&mut hdlc, &line), ["malformed"]);
        assert_eq!(taken(&mut hdlc, &[FLAG, 1, 2, 3, ESCAPE, FLAG]), [""; 0]);
        assert_eq!(taken(&mut hdlc, &[&[7; 11][..], &[FLAG]].concat()), ["oversize"]);
    }
}
