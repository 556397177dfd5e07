//! A frame as its link layer has it.
//!
//! * UDP is shown as Ethernet, IP and UDP. The addresses and ports are the real ones, the hardware addresses are not
//!   known and those of the documentation (RFC 7042): the gateway's ends in 01, all others' in 02.
//! * Datagrams without addresses, those of serial lines, are shown the same way, with IPv6 addresses of the
//!   documentation (RFC 3849) and port 1883 at both ends: the gateway is 2001:db8::1, the node on a line 2001:db8::2, a radio
//!   node 2001:db8:: with its EUI-64, and all of them together ff02::1. So one rule, that UDP port 1883 is MQTT-SN, is
//!   all that Wireshark must be told for every transport; a link type for private use would want a table for each.
//! * IEEE 802.15.4 is shown as it is, after the pseudo-header "TAP" that carries channel, RSSI and LQI.

use etherparse::PacketBuilder;
use etherparse::err::packet::BuildWriteError;
use pcap_file::DataLink;
use sn_types::LinkAddr;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use transports::tap::{Content, Direction, Layer};

/// Hardware addresses of the documentation.
const GATEWAY_MAC: [u8; 6] = [0, 0, 0x5E, 0, 0x53, 1];
const OTHER_MAC: [u8; 6] = [0, 0, 0x5E, 0, 0x53, 2];
/// Addresses of the documentation.
const GATEWAY: Ipv6Addr = Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 1);
const LINE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 2);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 1);
/// MQTT-SN's, as the operator tells Wireshark.
const PORT: u16 = 1883;
/// What is written as the TTL or hop limit, which a socket does not say.
const HOPS: u8 = 64;

/// The types of what the pseudo-header carries.
const FCS_TYPE: u16 = 0;
const RSS: u16 = 1;
const CHANNEL_ASSIGNMENT: u16 = 3;
const LQI: u16 = 10;

/// The link type of a layer's frames.
pub(super) fn link_type(layer: Layer) -> DataLink {
    match layer {
        Layer::Udp | Layer::Datagram => DataLink::ETHERNET,
        Layer::Ieee802154 => DataLink::IEEE802_15_4_TAP,
    }
}

/// The frame, from its link layer on.
///
/// # Errors
/// It is too long for IP; no link of ours has such frames.
pub(super) fn octets(direction: Direction, content: &Content) -> Result<Vec<u8>, BuildWriteError> {
    match content {
        Content::Udp { from, to, payload } => udp(direction, *from, *to, payload),
        Content::Datagram { peer, payload } => {
            let (gateway, other) = (GATEWAY.into(), stand_in(*peer));
            let (from, to) = match direction {
                Direction::Received => (other, gateway),
                Direction::Sent => (gateway, other),
            };
            udp(direction, SocketAddr::new(from, PORT), SocketAddr::new(to, PORT), payload)
        }
        Content::Frame { psdu, channel, rssi_dbm, lqi } => Ok(tap(psdu, *channel, *rssi_dbm, *lqi)),
    }
}

/// The address that stands for a peer.
fn stand_in(peer: Option<LinkAddr>) -> IpAddr {
    match peer {
        None => ALL_NODES.into(),
        Some(LinkAddr::Line) => LINE.into(),
        Some(LinkAddr::Eui64(octets)) => {
            let prefix = GATEWAY.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(prefix | u128::from(u64::from_be_bytes(octets))).into()
        }
        // A simulated node may have one; it is not a real one.
        Some(LinkAddr::Udp(addr)) => match addr.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().into(),
            IpAddr::V6(ip) => ip.into(),
        },
    }
}

fn udp(direction: Direction, from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Result<Vec<u8>, BuildWriteError> {
    let ethernet = match direction {
        Direction::Received => PacketBuilder::ethernet2(OTHER_MAC, GATEWAY_MAC),
        Direction::Sent => PacketBuilder::ethernet2(GATEWAY_MAC, OTHER_MAC),
    };
    let ip = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => ethernet.ipv4(from.octets(), to.octets(), HOPS),
        (from, to) => ethernet.ipv6(v6(from).octets(), v6(to).octets(), HOPS),
    };
    let packet = ip.udp(from.port(), to.port());
    let mut octets = Vec::with_capacity(packet.size(payload.len()));
    packet.write(&mut octets, payload)?;
    Ok(octets)
}

fn v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

/// The pseudo-header "IEEE 802.15.4 TAP" (version 0, little endian, each field padded to four octets) and the frame.
fn tap(psdu: &[u8], channel: Option<u8>, rssi_dbm: Option<i8>, lqi: Option<u8>) -> Vec<u8> {
    let mut fields = Vec::new();
    // There is no check sequence in the frame.
    field(&mut fields, FCS_TYPE, &[0]);
    channel.into_iter().for_each(|channel| field(&mut fields, CHANNEL_ASSIGNMENT, &[channel, 0, 0]));
    rssi_dbm.into_iter().for_each(|dbm| field(&mut fields, RSS, &f32::from(dbm).to_le_bytes()));
    lqi.into_iter().for_each(|lqi| field(&mut fields, LQI, &[lqi]));
    let len = (4 + fields.len()) as u16;
    [&[0, 0], &len.to_le_bytes()[..], &fields, psdu].concat()
}

fn field(fields: &mut Vec<u8>, kind: u16, value: &[u8]) {
    fields.extend(kind.to_le_bytes());
    fields.extend((value.len() as u16).to_le_bytes());
    fields.extend(value);
    fields.resize(fields.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_radio_frame_comes_after_what_the_radio_says_of_it() {
        let content = Content::Frame { psdu: vec![2, 0, 9], channel: Some(15), rssi_dbm: Some(-60), lqi: Some(200) };
        let expected: &[u8] = &[
            &[0, 0, 36, 0][..],
            &[0, 0, 1, 0, 0, 0, 0, 0],
            &[3, 0, 3, 0, 15, 0, 0, 0],
            &[1, 0, 4, 0, 0, 0, 0x70, 0xC2],
            &[10, 0, 1, 0, 200, 0, 0, 0],
            &[2, 0, 9],
        ]
        .concat();
        assert_eq!(octets(Direction::Received, &content).expect("it is short"), expected);
    }

    #[test]
    fn a_radio_node_on_a_line_is_shown_with_its_eui_64() {
        let peer = Some(LinkAddr::Eui64([0, 0x13, 0xA2, 0, 0x40, 0xA1, 0xB2, 0xC3]));
        let expected: IpAddr = "2001:db8::13:a200:40a1:b2c3".parse().expect("an address");
        assert_eq!(stand_in(peer), expected);
    }
}
