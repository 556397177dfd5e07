//! IPv6, UDP and ICMPv6 as others may send them, made with smoltcp's formats.

mod support;

use lowpan::{Carriages, Config, Eui64, Hub, NoKeys, Reason, Received, Signal, link_local};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    Icmpv6Packet, Icmpv6Repr, IpProtocol, Ipv6Packet, Ipv6Repr, NdiscNeighborFlags, NdiscRepr, RawHardwareAddress,
    SixlowpanIphcPacket, SixlowpanIphcRepr, UdpPacket,
};
use sn_types::Instant;
use support::{GATEWAY, NODE, PAN, UDP, config, frames_of_hub, frames_of_leaf, hub, leaf};

const NOW: Instant = Instant::ZERO;

/// A frame from the node to the gateway, with an uncompressed packet.
fn frame(next_header: IpProtocol, hop_limit: u8, payload: &[u8]) -> Vec<u8> {
    let reversed = |address: Eui64| address.0.into_iter().rev().collect::<Vec<_>>();
    let header = [&[0x61, 0xCC, 0][..], &PAN.to_le_bytes(), &reversed(GATEWAY), &reversed(NODE)].concat();
    let ip = Ipv6Repr {
        src_addr: link_local(NODE),
        dst_addr: link_local(GATEWAY),
        next_header,
        payload_len: payload.len(),
        hop_limit,
    };
    let mut head = [0; 40];
    ip.emit(&mut Ipv6Packet::new_unchecked(&mut head[..]));
    [&header[..], &[0x41], &head, payload].concat()
}

fn solicitation(target: Eui64) -> Vec<u8> {
    let lladdr = Some(RawHardwareAddress::from_bytes(&NODE.0));
    let repr = Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { target_addr: link_local(target), lladdr });
    let mut octets = vec![0; repr.buffer_len()];
    let mut packet = Icmpv6Packet::new_unchecked(&mut octets);
    repr.emit(&link_local(NODE), &link_local(GATEWAY), &mut packet, &ChecksumCapabilities::default());
    octets
}

#[test]
fn a_question_for_our_address_is_answered() {
    let mut hub = hub(None);
    let question = frame(IpProtocol::Icmpv6, 255, &solicitation(GATEWAY));
    assert_eq!(hub.handle_frame(NOW, &question, Signal::default()), Received::Solicitation { from: NODE });
    let answer = frames_of_hub(&mut hub).remove(0);
    let packet = SixlowpanIphcPacket::new_checked(&answer.as_bytes()[21..]).unwrap();
    let ll = |address: Eui64| Some(smoltcp::wire::Ieee802154Address::Extended(address.0));
    let ip = SixlowpanIphcRepr::parse(&packet, ll(GATEWAY), ll(NODE), &[]).unwrap();
    assert_eq!((ip.src_addr, ip.dst_addr, ip.hop_limit), (link_local(GATEWAY), link_local(NODE), 255));
    let icmp = Icmpv6Packet::new_checked(packet.payload()).unwrap();
    let checksums = ChecksumCapabilities::default();
    let message = Icmpv6Repr::parse(&ip.src_addr, &ip.dst_addr, &icmp, &checksums).unwrap();
    let expected = NdiscRepr::NeighborAdvert {
        flags: NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE,
        target_addr: link_local(GATEWAY),
        lladdr: Some(RawHardwareAddress::from_bytes(&GATEWAY.0)),
    };
    assert_eq!(message, Icmpv6Repr::Ndisc(expected));
}

#[test]
fn questions_from_afar_and_for_others_are_not_answered() {
    for (hop_limit, target) in [(254, GATEWAY), (64, GATEWAY), (255, NODE)] {
        let mut hub = hub(None);
        let question = frame(IpProtocol::Icmpv6, hop_limit, &solicitation(target));
        let rejected = Received::Rejected { from: Some(NODE), reason: Reason::Protocol };
        assert_eq!(hub.handle_frame(NOW, &question, Signal::default()), rejected);
        assert!(frames_of_hub(&mut hub).is_empty());
    }
}

#[test]
fn without_udp_nobody_is_told_our_address() {
    let config = Config { carriages: Carriages::Bare, ..config(None) };
    let mut hub = Hub::new(config, NoKeys, 0).unwrap();
    let question = frame(IpProtocol::Icmpv6, 255, &solicitation(GATEWAY));
    let rejected = Received::Rejected { from: Some(NODE), reason: Reason::Carriage };
    assert_eq!(hub.handle_frame(NOW, &question, Signal::default()), rejected);
    assert!(frames_of_hub(&mut hub).is_empty());
}

#[test]
fn a_udp_length_that_is_not_the_packets_is_refused() {
    for (len, reason) in [(10, None), (9, Some(Reason::Ip)), (8, Some(Reason::Ip))] {
        let mut octets = [0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x16];
        let mut packet = UdpPacket::new_unchecked(&mut octets[..]);
        packet.set_src_port(10_000);
        packet.set_dst_port(1883);
        packet.set_len(len);
        packet.fill_checksum(&link_local(NODE).into(), &link_local(GATEWAY).into());
        let mut hub = hub(None);
        let frame = frame(IpProtocol::Udp, 64, &octets);
        let heard = match hub.handle_frame(NOW, &frame, Signal::default()) {
            Received::Rejected { reason, .. } => Some(reason),
            Received::Datagram { .. } => None,
            other @ (Received::Fragment { .. }
            | Received::DataRequest { .. }
            | Received::Solicitation { .. }
            | Received::Neighbour { .. }) => {
                panic!("{other:?}")
            }
        };
        assert_eq!(heard, reason, "{len}");
    }
}

/// UDP has no checksum of 0: what sums up to it goes as FFFF (RFC 8200 §8.1), in one of 65,536 datagrams of two octets.
#[test]
fn every_datagram_of_two_octets_arrives() {
    let (mut hub, mut leaf) = (hub(None), leaf(UDP, None));
    let mut all_ones = 0;
    for datagram in (0..=u16::MAX).map(u16::to_be_bytes) {
        leaf.send(false, &datagram).unwrap();
        let frame = frames_of_leaf(&mut leaf).remove(0);
        all_ones += usize::from(frame.as_bytes()[28..30] == [0xFF, 0xFF]);
        let received = hub.handle_frame(NOW, frame.as_bytes(), Signal::default());
        assert!(matches!(received, Received::Datagram { octets, .. } if octets == datagram), "{received:?}");
    }
    assert_eq!(all_ones, 1);
}
