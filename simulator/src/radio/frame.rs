//! IEEE 802.15.4 frames, octet by octet.

use super::plan::Station;
use crc::{CRC_16_KERMIT, Crc};
use lowpan::{Address, Header, Kind};
use smoltcp::wire::{
    Ieee802154Address, Ieee802154Frame, Ieee802154FrameType, Ieee802154FrameVersion, Ieee802154Pan, Ieee802154Repr,
};

/// The frame check sequence (IEEE 802.15.4-2020 §7.2): x^16 + x^12 + x^5 + 1, least significant bit first.
const FCS: Crc<u16> = Crc::<u16>::new(&CRC_16_KERMIT);
/// The length of the frame check sequence, in octets.
pub(super) const FCS_LEN: usize = 2;
/// The identifier of the command with which a node asks for what waits.
const DATA_REQUEST: u8 = 4;
/// In the first octet of a frame.
pub(super) const FRAME_PENDING: u8 = 1 << 4;
/// Frame control, sequence number, PAN id, two 64-bit addresses.
pub(super) const UNICAST_HEADER: usize = 2 + 1 + 2 + 8 + 8;
/// Frame control, sequence number, PAN id, the broadcast address, a 64-bit address.
pub(super) const BROADCAST_HEADER: usize = 2 + 1 + 2 + 2 + 8;

/// A 64-bit address, most significant octet first.
pub(super) type Eui64 = [u8; 8];

/// The address of a station: locally administered, with what it is and its number.
pub(super) const fn eui64(station: Station) -> Eui64 {
    let (kind, index) = match station {
        Station::Node(index) => (1, index),
        Station::Router(index) => (2, index),
        Station::Gateway(index) => (3, index),
    };
    let [a, b, c, d] = (index as u32).to_be_bytes();
    [0x02, 0, 0, kind, a, b, c, d]
}

/// Whose address it is.
pub(super) fn station_of(address: Eui64) -> Option<Station> {
    let [0x02, 0, 0, kind, a, b, c, d] = address else { return None };
    let index = u32::from_be_bytes([a, b, c, d]) as usize;
    match kind {
        1 => Some(Station::Node(index)),
        2 => Some(Station::Router(index)),
        3 => Some(Station::Gateway(index)),
        _ => None,
    }
}

/// A data frame with 64-bit addresses in one PAN; to all if `to` is `None`. Asks for an acknowledgement if it is for one.
pub(super) fn data(pan: u16, sequence: u8, from: Eui64, to: Option<Eui64>, payload: &[u8]) -> Vec<u8> {
    let repr = Ieee802154Repr {
        frame_type: Ieee802154FrameType::Data,
        security_enabled: false,
        frame_pending: false,
        ack_request: to.is_some(),
        sequence_number: Some(sequence),
        pan_id_compression: true,
        frame_version: Ieee802154FrameVersion::Ieee802154_2003,
        dst_pan_id: Some(Ieee802154Pan(pan)),
        dst_addr: Some(to.map_or(Ieee802154Address::BROADCAST, Ieee802154Address::Extended)),
        src_pan_id: Some(Ieee802154Pan(pan)),
        src_addr: Some(Ieee802154Address::Extended(from)),
    };
    let header = if to.is_some() { UNICAST_HEADER } else { BROADCAST_HEADER };
    let mut octets = Vec::with_capacity(header + payload.len() + FCS_LEN);
    octets.resize(header, 0);
    repr.emit(&mut Ieee802154Frame::new_unchecked(&mut octets));
    octets.extend_from_slice(payload);
    with_fcs(octets)
}

/// An acknowledgement (§7.3.3). `frame_pending`: something waits for whom it goes to.
pub(super) fn ack(sequence: u8, frame_pending: bool) -> Vec<u8> {
    with_fcs(vec![0x02 | u8::from(frame_pending) << 4, 0x00, sequence])
}

pub(super) fn with_fcs(mut octets: Vec<u8>) -> Vec<u8> {
    let fcs = FCS.checksum(&octets);
    octets.extend_from_slice(&fcs.to_le_bytes());
    octets
}

/// Who sent a data frame of ours, and what it carries.
pub(super) fn payload(psdu: &[u8]) -> Option<(Eui64, &[u8])> {
    let (octets, _fcs) = psdu.split_last_chunk::<FCS_LEN>()?;
    let frame = Ieee802154Frame::new_checked(octets).ok()?;
    match frame.src_addr()? {
        Ieee802154Address::Extended(from) => Some((from, frame.payload()?)),
        Ieee802154Address::Absent | Ieee802154Address::Short(_) => None,
    }
}

/// For whom a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiver {
    All,
    One(Eui64),
    /// By its short address.
    Named(u16),
}

/// For whom a frame without check sequence is.
pub(super) fn receiver(octets: &[u8]) -> Option<Receiver> {
    match Ieee802154Frame::new_checked(octets).ok()?.dst_addr()? {
        Ieee802154Address::BROADCAST => Some(Receiver::All),
        Ieee802154Address::Extended(to) => Some(Receiver::One(to)),
        Ieee802154Address::Short(short) => Some(Receiver::Named(u16::from_be_bytes(short))),
        Ieee802154Address::Absent => None,
    }
}

/// The 64-bit address of whoever sent a frame.
pub(super) fn sender(psdu: &[u8]) -> Option<Eui64> {
    match Header::decode(psdu).ok()?.0.from {
        Address::Extended(from) => Some(from.0),
        Address::Short(_) => None,
    }
}

/// The PAN to which a frame without check sequence goes.
pub(super) fn pan(octets: &[u8]) -> Option<u16> {
    Ieee802154Frame::new_checked(octets).ok()?.dst_pan_id().map(|Ieee802154Pan(pan)| pan)
}

/// Who asks for what waits, if the frame is a data request (§7.5.5). The command's identifier is readable under link
/// security, too.
pub(super) fn data_request(octets: &[u8]) -> Option<Eui64> {
    let (header, len) = Header::decode(octets).ok()?;
    let payload = octets.get(len..)?;
    let (Kind::Command, Address::Extended(from)) = (header.kind, header.from) else { return None };
    let security = if header.secured { security_header_len(*payload.first()?) } else { 0 };
    (payload.get(security) == Some(&DATA_REQUEST)).then_some(from.0)
}

/// Security control, frame counter and key identifier (§9.4).
const fn security_header_len(control: u8) -> usize {
    1 + 4 + [0, 1, 5, 9][(control >> 3 & 3) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_to_one_is_as_the_standard_has_it() {
        let frame = data(0xABCD, 7, eui64(Station::Node(1)), Some(eui64(Station::Gateway(0))), b"hi");
        let expected = b"\x61\xcc\x07\xcd\xab\x00\x00\x00\x00\x03\x00\x00\x02\x01\x00\x00\x00\x01\x00\x00\x02hi";
        assert_eq!(&frame[..frame.len() - FCS_LEN], expected);
        assert_eq!(payload(&frame), Some((eui64(Station::Node(1)), &b"hi"[..])));
    }

    #[test]
    fn a_frame_to_all_asks_for_no_acknowledgement() {
        let frame = data(0xABCD, 7, eui64(Station::Node(1)), None, b"hi");
        let expected = b"\x41\xc8\x07\xcd\xab\xff\xff\x01\x00\x00\x00\x01\x00\x00\x02hi";
        assert_eq!(&frame[..frame.len() - FCS_LEN], expected);
    }

    #[test]
    fn an_acknowledgement_has_the_check_sequence_of_the_standards_example() {
        // The standard's example: header 0100 0000 0000 0000 0101 0110, check sequence 0010 0111 1001 1110, as sent, lowest bit first.
        assert_eq!(ack(0x6A, false), [0x02, 0x00, 0x6A, 0xE4, 0x79]);
    }

    #[test]
    fn addresses_tell_their_station() {
        for station in [Station::Node(9_999), Station::Router(3), Station::Gateway(0)] {
            assert_eq!(station_of(eui64(station)), Some(station));
        }
        assert_eq!(station_of([0; 8]), None);
    }
}
