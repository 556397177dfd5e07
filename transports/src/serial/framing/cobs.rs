//! COBS with a checksum: no octet of a frame is zero, and a zero ends it. For new designs this is the best: one octet
//! more per 254, whatever they are.

use super::{Collected, Framing, Incoming, Recipient, Unsendable, X25, checked, only_peer};
use sn_types::Instant;

const DELIMITER: u8 = 0;

/// COBS, CRC-16/X-25 (little-endian), zero.
#[derive(Debug)]
pub(crate) struct Cobs {
    mtu: usize,
    collected: Collected,
}

impl Cobs {
    /// For datagrams of up to `mtu` octets.
    pub(crate) fn new(mtu: usize) -> Self {
        Self { mtu, collected: Collected::new(cobs::max_encoding_length(mtu + 2)) }
    }
}

impl Framing for Cobs {
    fn take(&mut self, _now: Instant, octets: &[u8], each: &mut dyn FnMut(Incoming<'_>)) {
        for octet in octets {
            if *octet != DELIMITER {
                self.collected.push(*octet);
                continue;
            }
            let len = cobs::decode_in_place(&mut self.collected.octets).ok();
            self.collected.finish(each, |octets| checked(octets.get(..len?)?, &X25));
        }
    }

    fn put(&mut self, to: Recipient, datagram: &[u8], line: &mut Vec<u8>) -> Result<Option<u8>, Unsendable> {
        only_peer(to, datagram, self.mtu)?;
        let sum = X25.checksum(datagram).to_le_bytes();
        line.extend(cobs::encode_vec(&[datagram, &sum].concat()));
        line.push(DELIMITER);
        Ok(None)
    }

    fn reset(&mut self) {
        self.collected.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{comes_back, datagrams, put, survives_noise, taken};
    use super::*;

    #[test]
    fn the_octets_are_those_of_the_documentation() {
        let mut cobs = Cobs::new(64);
        assert_eq!(put(&mut cobs, &[2, 0, 0x16]), [2, 2, 4, 0x16, 0xC3, 0x06, 0]);
    }

    #[test]
    fn every_datagram_comes_back() {
        comes_back(Cobs::new(300), datagrams());
        survives_noise(Cobs::new(64));
    }

    #[test]
    fn what_is_damaged_or_too_long_is_told_and_what_is_empty_is_not() {
        let mut cobs = Cobs::new(8);
        let mut line = put(&mut cobs, b"datagram");
        line[3] ^= 0x10;
        assert_eq!(taken(&mut cobs, &line), ["malformed"]);
        assert_eq!(taken(&mut cobs, &[0, 0, 0]), [""; 0]);
        assert_eq!(taken(&mut cobs, &[9, 1, 0]), ["malformed"], "it ends too early");
        let long = put(&mut Cobs::new(99), &[7; 60]);
        assert_eq!(taken(&mut cobs, &long), ["oversize"]);
        assert_eq!(cobs.put(Recipient::All { radius: 0 }, &[7; 9], &mut line), Err(Unsendable));
    }
}
