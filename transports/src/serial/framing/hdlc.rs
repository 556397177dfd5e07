//! [HDLC-lite](spinel::hdlc) with a datagram in each frame.

use super::{Framing, Incoming, Recipient, Unsendable, only_peer};
use sn_types::{Instant, LinkAddr, Signal};
use spinel::hdlc::{Decoded, Decoder, SUM_LEN, encode};

/// Flags, escapes, CRC-16/X-25 (little-endian).
#[derive(Debug)]
pub(crate) struct Hdlc {
    mtu: usize,
    decoder: Decoder<Box<[u8]>>,
}

impl Hdlc {
    /// For datagrams of up to `mtu` octets.
    pub(crate) fn new(mtu: usize) -> Self {
        Self { mtu, decoder: Decoder::new(vec![0; mtu + SUM_LEN].into()) }
    }
}

impl Framing for Hdlc {
    fn take(&mut self, _now: Instant, octets: &[u8], each: &mut dyn FnMut(Incoming<'_>)) {
        self.decoder.take(octets, |decoded| {
            each(match decoded {
                Decoded::Frame(octets) => {
                    Incoming::Datagram { from: LinkAddr::Line, octets, signal: Signal::default() }
                }
                Decoded::Damaged => Incoming::Malformed,
                Decoded::TooLong => Incoming::Oversize,
            });
        });
    }

    fn put(&mut self, to: Recipient, datagram: &[u8], line: &mut Vec<u8>) -> Result<Option<u8>, Unsendable> {
        only_peer(to, datagram, self.mtu)?;
        encode(datagram.iter().copied(), line);
        Ok(None)
    }

    fn reset(&mut self) {
        self.decoder.reset();
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
        assert_eq!(taken(&mut hdlc, &[0x7E, 1, 2, 3, 0x7D, 0x7E]), [""; 0]);
        assert_eq!(taken(&mut hdlc, &[&[7; 11][..], &[0x7E]].concat()), ["oversize"]);
    }
}
