//! XBee radios in API mode: frames with 64-bit addresses, and a status for each that was sent.
//!
//! Both families of frames: those of ZigBee and DigiMesh firmware (10, 90, 8B) and those of 802.15.4 firmware (00, 80, 81,
//! 89); both modes: 1, bare, and 2, with escapes. A node that sends with its 16-bit address (81) is not heard: such
//! addresses are given anew at will. Its MY must be FFFF, and it sends with 64 bits.

use super::{Collected, Framing, Incoming, Recipient, Unsendable};
use sn_types::{Instant, LinkAddr, Signal};

const START: u8 = 0x7E;
const ESCAPE: u8 = 0x7D;
const FLIPPED: u8 = 0x20;
const EVERYBODY: [u8; 8] = [0, 0, 0, 0, 0, 0, 0xFF, 0xFF];
/// "Not known", as a 16-bit address.
const UNKNOWN: [u8; 2] = [0xFF, 0xFE];
/// Before the data of a frame: its length. After it: the checksum.
const HEAD: usize = 2;
/// The fields of the longest frame that carries a datagram.
const LONGEST_FIELDS: usize = 14;

/// Which firmware the radio has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// ZigBee or DigiMesh.
    DigiMesh,
    /// 802.15.4.
    Ieee802154,
}

/// API frames.
#[derive(Debug)]
pub(crate) struct XBee {
    mtu: usize,
    family: Family,
    with_escapes: bool,
    /// Since the last start: length, data, checksum.
    collected: Collected,
    begun: bool,
    escaped: bool,
    last_number: u8,
}

impl XBee {
    /// For datagrams of up to `mtu` octets; `with_escapes` is API mode 2.
    pub(crate) fn new(mtu: usize, family: Family, with_escapes: bool) -> Self {
        let collected = Collected::new(HEAD + LONGEST_FIELDS + mtu + 1);
        Self { mtu, family, with_escapes, collected, begun: false, escaped: false, last_number: 0 }
    }

    fn push(&mut self, octet: u8, each: &mut dyn FnMut(Incoming<'_>)) {
        self.collected.push(octet);
        let octets = &self.collected.octets;
        let Some((len, rest)) = octets.split_first_chunk::<HEAD>() else { return };
        let len = usize::from(u16::from_be_bytes(*len));
        if HEAD + len + 1 > self.collected.limit {
            each(Incoming::Oversize);
        } else if rest.len() == len + 1 {
            let good = rest.iter().fold(0_u8, |sum, octet| sum.wrapping_add(*octet)) == 0xFF;
            let incoming = if good { meaning(&rest[..len], self.mtu) } else { Some(Incoming::Malformed) };
            incoming.into_iter().for_each(each);
        } else {
            return;
        }
        self.reset();
    }

    fn next_number(&mut self) -> u8 {
        self.last_number = self.last_number.checked_add(1).unwrap_or(1);
        self.last_number
    }

    /// The data of a frame that sends to an address.
    fn request(&mut self, to: [u8; 8], radius: u8, number: u8, datagram: &[u8]) -> Vec<u8> {
        let fields = match self.family {
            Family::DigiMesh => [&[0x10, number][..], &to, &UNKNOWN, &[radius, 0]].concat(),
            Family::Ieee802154 => [&[0x00, number][..], &to, &[0]].concat(),
        };
        [&fields, datagram].concat()
    }

    fn write(&self, data: &[u8], line: &mut Vec<u8>) -> Result<(), Unsendable> {
        let len = u16::try_from(data.len()).map_err(|_| Unsendable)?.to_be_bytes();
        let sum = 0xFF - data.iter().fold(0_u8, |sum, octet| sum.wrapping_add(*octet));
        line.push(START);
        for octet in len.iter().chain(data).chain([&sum]) {
            if self.with_escapes && matches!(*octet, START | ESCAPE | 0x11 | 0x13) {
                line.extend([ESCAPE, *octet ^ FLIPPED]);
            } else {
                line.push(*octet);
            }
        }
        Ok(())
    }
}

/// What the data of a frame with a good checksum mean; `None` is of no interest.
fn meaning(data: &[u8], mtu: usize) -> Option<Incoming<'_>> {
    match *data {
        // Receive: address of 64 and of 16 bits, options, datagram.
        [0x90, ref rest @ ..] => Some(datagram(rest, 3, Signal::default(), mtu)),
        // Receive: address, RSSI in -dBm, options, datagram.
        [0x80, ref rest @ ..] => Some(datagram(rest, 2, signal(rest), mtu)),
        // The same with a 16-bit address.
        [0x81, ..] => Some(Incoming::Malformed),
        // Transmit status: number, 16-bit address, retries, delivery, discovery.
        [0x8B, number, _, _, retries, delivery, _] => {
            Some(Incoming::Status { number, delivered: delivery == 0, retries })
        }
        // Transmit status: number, status.
        [0x89, number, status] => Some(Incoming::Status { number, delivered: status == 0, retries: 0 }),
        // Modem status: hardware and watchdog reset.
        [0x8A, 0 | 1] => Some(Incoming::Reset),
        // Modem status, answers to commands that somebody else has given.
        [0x8A | 0x88, ..] => None,
        [_, ..] | [] => Some(Incoming::Malformed),
    }
}

/// How well a datagram was heard: the octet behind its sender's address.
fn signal(rest: &[u8]) -> Signal {
    let rssi_dbm = rest.get(8).and_then(|minus_dbm| i8::try_from(-i16::from(*minus_dbm)).ok());
    Signal { rssi_dbm, lqi: None }
}

/// A datagram behind its sender's address and some other fields.
fn datagram(rest: &[u8], other_fields: usize, signal: Signal, mtu: usize) -> Incoming<'_> {
    let Some((addr, rest)) = rest.split_first_chunk::<8>() else { return Incoming::Malformed };
    match rest.get(other_fields..) {
        None | Some([]) => Incoming::Malformed,
        Some(octets) if octets.len() > mtu => Incoming::Oversize,
        Some(octets) => Incoming::Datagram { from: LinkAddr::Eui64(*addr), signal, octets },
    }
}

impl Framing for XBee {
    fn take(&mut self, _now: Instant, octets: &[u8], each: &mut dyn FnMut(Incoming<'_>)) {
        for octet in octets {
            let starts = *octet == START && (self.with_escapes || !self.begun);
            if starts {
                if self.begun {
                    each(Incoming::Malformed);
                }
                self.reset();
                self.begun = true;
            } else if !self.begun {
                // Noise between frames.
            } else if self.with_escapes && *octet == ESCAPE {
                self.escaped = true;
            } else {
                let flipped = if std::mem::take(&mut self.escaped) { FLIPPED } else { 0 };
                self.push(*octet ^ flipped, each);
            }
        }
    }

    fn put(&mut self, to: Recipient, datagram: &[u8], line: &mut Vec<u8>) -> Result<Option<u8>, Unsendable> {
        let (addr, radius) = match to {
            Recipient::One(LinkAddr::Eui64(addr)) => (addr, 0),
            Recipient::All { radius } => (EVERYBODY, radius),
            Recipient::One(LinkAddr::Udp(_) | LinkAddr::Line) => return Err(Unsendable),
        };
        if datagram.is_empty() || datagram.len() > self.mtu {
            return Err(Unsendable);
        }
        let number = self.next_number();
        let data = self.request(addr, radius, number, datagram);
        self.write(&data, line)?;
        Ok(Some(number))
    }

    fn reset(&mut self) {
        self.collected.clear();
        self.begun = false;
        self.escaped = false;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::taken;
    use super::*;

    const NODE: [u8; 8] = [0x00, 0x13, 0xA2, 0x00, 0x40, 0xA1, 0xB2, 0xC3];

    fn hex(text: &str) -> Vec<u8> {
        text.split_whitespace().map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect()
    }

    fn digimesh(with_escapes: bool) -> XBee {
        XBee::new(100, Family::DigiMesh, with_escapes)
    }

    fn put(framing: &mut XBee, to: Recipient, datagram: &[u8]) -> Vec<u8> {
        let mut line = Vec::new();
        framing.put(to, datagram, &mut line).unwrap();
        line
    }

    #[test]
    fn pingreq_to_a_node_in_both_modes() {
        let node = Recipient::One(LinkAddr::Eui64(NODE));
        let bare = hex("7E 00 10 10 01 00 13 A2 00 40 A1 B2 C3 FF FE 00 00 02 16 CE");
        assert_eq!(put(&mut digimesh(false), node, &[2, 0x16]), bare);
        let escaped = hex("7E 00 10 10 01 00 7D 33 A2 00 40 A1 B2 C3 FF FE 00 00 02 16 CE");
        assert_eq!(put(&mut digimesh(true), node, &[2, 0x16]), escaped);
    }

    #[test]
    fn pingresp_from_a_node() {
        let line = hex("7E 00 0E 90 00 7D 33 A2 00 40 A1 B2 C3 12 34 01 02 17 04");
        assert_eq!(taken(&mut digimesh(true), &line), ["00:13:a2:00:40:a1:b2:c3 0217"]);
        let bare = hex("7E 00 0E 90 00 13 A2 00 40 A1 B2 C3 12 34 01 02 17 04");
        assert_eq!(taken(&mut digimesh(false), &bare), ["00:13:a2:00:40:a1:b2:c3 0217"]);
    }

    #[test]
    fn frames_of_802_15_4_firmware() {
        let mut radio = XBee::new(100, Family::Ieee802154, false);
        let to = put(&mut radio, Recipient::One(LinkAddr::Eui64(NODE)), b"hi");
        assert_eq!(to, hex("7E 00 0D 00 01 00 13 A2 00 40 A1 B2 C3 00 68 69 22"));
        let from = hex("7E 00 0D 80 00 13 A2 00 40 A1 B2 C3 28 00 68 69 7B");
        assert_eq!(taken(&mut radio, &from), ["00:13:a2:00:40:a1:b2:c3 6869 at -40 dBm"]);
        assert_eq!(taken(&mut radio, &hex("7E 00 07 81 50 01 28 00 68 69 34")), ["malformed"], "a 16-bit address");
    }

    #[test]
    fn statuses_resets_and_what_is_of_no_interest() {
        let line = hex("7E 00 07 8B 05 12 34 00 00 00 29 7E 00 07 8B 06 12 34 02 21 00 05 7E 00 03 89 07 01 6E");
        assert_eq!(taken(&mut digimesh(false), &line), ["status 5 true 0", "status 6 false 2", "status 7 false 0"]);
        assert_eq!(taken(&mut digimesh(false), &hex("7E 00 02 8A 06 6F 7E 00 02 8A 00 75")), ["reset"]);
    }

    #[test]
    fn broadcast_has_a_radius() {
        let line = put(&mut digimesh(false), Recipient::All { radius: 3 }, &[2, 0x16]);
        assert_eq!(line[5..17], [0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFE, 3, 0]);
    }

    #[test]
    fn numbers_are_never_zero() {
        let mut radio = digimesh(false);
        let numbers = (0..600).map(|_| put(&mut radio, Recipient::All { radius: 0 }, &[2, 0x16])[4]);
        assert!(numbers.collect::<Vec<_>>().windows(2).all(|pair| pair[1] == pair[0].checked_add(1).unwrap_or(1)));
    }

    #[test]
    fn what_is_damaged_cut_short_or_too_long_is_no_datagram() {
        let good = hex("7E 00 0E 90 00 7D 33 A2 00 40 A1 B2 C3 12 34 01 02 17 04");
        let mut radio = digimesh(true);
        let mut damaged = good.clone();
        damaged[16] ^= 1;
        assert_eq!(taken(&mut radio, &damaged), ["malformed"]);
        let cut = [&good[..9], &good].concat();
        assert_eq!(taken(&mut radio, &cut), ["malformed", "00:13:a2:00:40:a1:b2:c3 0217"]);
        assert_eq!(taken(&mut radio, &[&hex("7E 03 00")[..], &[7; 60]].concat()), ["oversize"]);
        assert_eq!(taken(&mut radio, &hex("7E 00 00 FF")), ["malformed"]);
        assert_eq!(radio.put(Recipient::All { radius: 0 }, &[7; 101], &mut Vec::new()), Err(Unsendable));
        assert_eq!(radio.put(Recipient::One(LinkAddr::Line), &[7], &mut Vec::new()), Err(Unsendable));
    }

    #[test]
    fn any_octets_do_no_harm_and_a_good_frame_is_understood_afterwards() {
        let mut noise = oorandom::Rand32::new(7);
        let good = hex("7E 00 0E 90 00 7D 33 A2 00 40 A1 B2 C3 12 34 01 02 17 04");
        let mut radio = digimesh(true);
        for _ in 0..2_000 {
            let octets: Vec<u8> = (0..noise.rand_range(0..600)).map(|_| noise.rand_u32() as u8).collect();
            taken(&mut radio, &octets);
            let heard = taken(&mut radio, &good);
            assert_eq!(heard.last().map(String::as_str), Some("00:13:a2:00:40:a1:b2:c3 0217"));
        }
    }
}
