//! SLIP (RFC 1055), bare, or with a checksum.

use super::{Collected, Framing, Incoming, Recipient, Unsendable, checked, only_peer};
use sn_types::Instant;

const END: u8 = 0xC0;
const ESC: u8 = 0xDB;
const ESC_END: u8 = 0xDC;
const ESC_ESC: u8 = 0xDD;

/// CRC-16/XMODEM, little-endian on the line, as bridges for MQTT-SN use it.
const XMODEM: crc::Crc<u16> = crc::Crc::<u16>::new(&crc::CRC_16_XMODEM);

/// END, the datagram with escapes, perhaps its CRC, END.
#[derive(Debug)]
pub(crate) struct Slip {
    mtu: usize,
    with_crc: bool,
    collected: Collected,
    escaped: bool,
    /// An escape that there is not: the frame is broken.
    broken: bool,
}

impl Slip {
    /// For datagrams of up to `mtu` octets.
    pub(crate) fn new(mtu: usize, with_crc: bool) -> Self {
        let longest = mtu + if with_crc { 2 } else { 0 };
        Self { mtu, with_crc, collected: Collected::new(longest), escaped: false, broken: false }
    }

    fn end(&mut self, each: &mut dyn FnMut(Incoming<'_>)) {
        if self.broken || self.escaped {
            each(Incoming::Malformed);
            return self.reset();
        }
        let with_crc = self.with_crc;
        self.collected.finish(each, |octets| if with_crc { checked(octets, &XMODEM) } else { Some(octets) });
    }

    fn unescape(&mut self, octet: u8) {
        self.escaped = false;
        match octet {
            ESC_END => self.collected.push(END),
            ESC_ESC => self.collected.push(ESC),
            _ => self.broken = true,
        }
    }
}

impl Framing for Slip {
    fn take(&mut self, _now: Instant, octets: &[u8], each: &mut dyn FnMut(Incoming<'_>)) {
        for octet in octets {
            match *octet {
                END => self.end(each),
                octet if self.escaped => self.unescape(octet),
                ESC => self.escaped = true,
                octet => self.collected.push(octet),
            }
        }
    }

    fn put(&mut self, to: Recipient, datagram: &[u8], line: &mut Vec<u8>) -> Result<Option<u8>, Unsendable> {
        only_peer(to, datagram, self.mtu)?;
        let sum = XMODEM.checksum(datagram).to_le_bytes();
        line.push(END);
        for octet in datagram.iter().chain(sum.iter().filter(|_| self.with_crc)) {
            match *octet {
                END => line.extend([ESC, ESC_END]),
                ESC => line.extend([ESC, ESC_ESC]),
                octet => line.push(octet),
            }
        }
        line.push(END);
        Ok(None)
    }

    fn reset(&mut self) {
        self.collected.clear();
        self.escaped = false;
        self.broken = false;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{comes_back, datagrams, put, survives_noise, taken};
    use super::*;

    #[test]
    fn the_octets_are_those_of_rfc_1055() {
        let mut slip = Slip::new(64, false);
        assert_eq!(put(&mut slip, &[1, END, ESC, 2]), [END, 1, ESC, ESC_END, ESC, ESC_ESC, 2, END]);
    }

    #[test]
    fn the_checksum_is_little_endian() {
        // "123456789" has CRC-16/XMODEM 31C3.
        let line = [&[END][..], b"123456789", &[0xC3, 0x31, END]].concat();
        let mut slip = Slip::new(64, true);
        assert_eq!(taken(&mut slip, &line), ["313233343536373839"]);
        assert_eq!(put(&mut slip, b"123456789"), line);
    }

    #[test]
    fn every_datagram_comes_back() {
        comes_back(Slip::new(300, false), datagrams());
        comes_back(Slip::new(300, true), datagrams());
        survives_noise(Slip::new(64, true));
    }

    #[test]
    fn what_is_damaged_or_too_long_is_no_datagram() {
        let mut slip = Slip::new(8, true);
        assert_eq!(taken(&mut slip, &[END, 1, 2, 3, END]), ["malformed"]);
        assert_eq!(taken(&mut slip, &[1, ESC, 7, 3, END]), ["malformed"]);
        assert_eq!(taken(&mut slip, &[1, 2, ESC, END]), ["malformed"]);
        assert_eq!(taken(&mut slip, &[&[7; 11][..], &[END]].concat()), ["oversize"]);
        let good = put(&mut slip, b"good");
        assert_eq!(taken(&mut slip, &good), ["676f6f64"]);
    }
}
