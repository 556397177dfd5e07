//! Datagrams in UDP and IPv6, compressed (RFC 4944, RFC 6282), and the one question of neighbour discovery that a
//! gateway has to answer (RFC 4861).
//!
//! Addresses are link-local and made from extended addresses, so no header carries them, nobody has to find them out and
//! there is no table of neighbours. What we send has therefore always the same few octets of headers, which are written
//! here. What others send has any form, and is read with smoltcp. What that misreads is refused: UDP ports 0xF000..=0xF0FF
//! as receiver's, and both of 0xF0B0..=0xF0BF.

use crate::address::{link_local, solicited_node};
use crate::carriage::{Carriage, Direction, Head, Meaning, Way};
use crate::{Eui64, Reason};
use core::net::Ipv6Addr;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    Ieee802154Address, IpAddress, IpProtocol, Ipv6Packet, Ipv6Repr, SixlowpanIphcPacket, SixlowpanIphcRepr,
    SixlowpanNextHeader, SixlowpanUdpNhcPacket, UdpPacket, UdpRepr,
};

#[cfg(feature = "hub")]
use smoltcp::wire::{Icmpv6Packet, Icmpv6Repr, NdiscNeighborFlags, NdiscRepr, RawHardwareAddress};

/// ff02::1, all nodes on the link.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 1);
/// An IPv6 header that is not compressed follows (RFC 4944 §5.1).
const UNCOMPRESSED: u8 = 0x41;
/// 011xxxxx: a compressed IPv6 header (RFC 6282 §3.1).
const IPHC: u8 = 0x03;
/// What our IPv6 headers become (RFC 6282 §3.1.1): no traffic class, no flow label, the next header compressed, 64 hops,
/// and the addresses that the frame says.
const IPHC_TO_ONE: [u8; 2] = [0b0111_1110, 0b0011_0011];
/// The same to [`ALL_NODES`], of which the last octet is said.
const IPHC_TO_ALL: [u8; 3] = [0b0111_1110, 0b0011_1011, 0x01];
/// The same for a neighbour advertisement: ICMPv6 follows, and 255 hops say that no router has passed it on (RFC 4861 §7.1.2).
#[cfg(feature = "hub")]
const IPHC_ADVERTISEMENT: [u8; 3] = [0b0111_1011, 0b0011_0011, 58];
/// 11110xxx: a compressed UDP header (RFC 6282 §4.3).
const NHC_UDP: u8 = 0x1E;
/// What our UDP headers begin with: both ports and the checksum follow whole. Not everybody reads short ports.
const NHC_WHOLE: u8 = NHC_UDP << 3;
const NHC_WHOLE_LEN: usize = 1 + 2 + 2 + 2;
/// In a compressed UDP header: the checksum is left out.
const NHC_NO_CHECKSUM: u8 = 0x04;
/// In a compressed UDP header: the receiver's port is among 0xF000..=0xF0FF.
const NHC_RECEIVER_PORT: u8 = 0x01;
const IPV6_LEN: usize = 40;
const UDP_LEN: usize = 8;
/// What the headers of a datagram between two stations become.
pub(crate) const UDP_HEAD: Head =
    Head { compressed: (IPHC_TO_ONE.len() + NHC_WHOLE_LEN) as u8, full: (IPV6_LEN + UDP_LEN) as u8 };
#[cfg(feature = "hub")]
/// What neighbour discovery asks for: no router has passed it on (RFC 4861 §7.1.1).
const ND_HOP_LIMIT: u8 = 255;
/// How many octets the headers of one frame can become.
pub(crate) const MAX_GROWTH: usize = IPV6_LEN + UDP_LEN;
#[cfg(feature = "hub")]
/// A neighbour advertisement: ICMPv6 header, target, option with an extended address (RFC 4944 §8).
const ADVERTISEMENT_LEN: usize = 8 + 16 + 16;

/// UDP ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) from: u16,
    pub(crate) to: u16,
}

/// Whether a UDP port can be used: not 0, and none of those that compression shortens.
pub(crate) const fn is_usable(port: u16) -> bool {
    port != 0 && !matches!(port, 0xF000..=0xF0FF)
}

/// Writes a datagram as a compressed packet, and says how long that is; `None` if there is no room for it.
pub(crate) fn compress(way: Way, ports: Ports, datagram: &[u8], out: &mut [u8]) -> Option<(Head, usize)> {
    let (ip, to): (&[u8], _) = if way.to_all { (&IPHC_TO_ALL, ALL_NODES) } else { (&IPHC_TO_ONE, link_local(way.to)) };
    let head_len = ip.len() + NHC_WHOLE_LEN;
    let len = head_len + datagram.len();
    let out = out.get_mut(..len)?;
    // Where it ends, UDP's header is the same in both forms: checksum, datagram. So it is written whole and shortened.
    UdpRepr { src_port: ports.from, dst_port: ports.to }.emit(
        &mut UdpPacket::new_unchecked(&mut out[head_len - UDP_LEN..]),
        &link_local(way.from).into(),
        &to.into(),
        datagram.len(),
        |payload| payload.copy_from_slice(datagram),
        &ChecksumCapabilities::default(),
    );
    let (head, nhc) = out.split_at_mut(ip.len());
    head.copy_from_slice(ip);
    nhc[0] = NHC_WHOLE;
    nhc[1..3].copy_from_slice(&ports.from.to_be_bytes());
    nhc[3..5].copy_from_slice(&ports.to.to_be_bytes());
    Some((Head { compressed: head_len as u8, full: UDP_HEAD.full }, len))
}

#[cfg(feature = "hub")]
/// Writes the answer to [`Meaning::Solicitation`]: `from` has its link-local address (RFC 4861 §4.4).
pub(crate) fn advertise(way: Way, out: &mut [u8]) -> Option<(Head, usize)> {
    let advertisement = Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
        flags: NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE,
        target_addr: link_local(way.from),
        lladdr: Some(RawHardwareAddress::from_bytes(&way.from.0)),
    });
    let len = IPHC_ADVERTISEMENT.len() + ADVERTISEMENT_LEN;
    let (head, body) = out.get_mut(..len)?.split_at_mut(IPHC_ADVERTISEMENT.len());
    head.copy_from_slice(&IPHC_ADVERTISEMENT);
    // It is written field by field into what is there.
    body.fill(0);
    let mut packet = Icmpv6Packet::new_unchecked(body);
    let (from, to) = (link_local(way.from), link_local(way.to));
    advertisement.emit(&from, &to, &mut packet, &ChecksumCapabilities::default());
    Some((Head { compressed: IPHC_ADVERTISEMENT.len() as u8, full: IPV6_LEN as u8 }, len))
}

fn extended(address: Eui64) -> Ieee802154Address {
    Ieee802154Address::Extended(address.0)
}

/// Writes a packet, or its first fragment, with its headers as they were before compression, and says how long that is.
///
/// `size` is that of the whole packet if this is a first fragment. Lengths are left out by compression, and filled in.
pub(crate) fn expand(payload: &[u8], way: Way, size: Option<u16>, out: &mut [u8]) -> Result<usize, Reason> {
    let (dispatch, rest) = payload.split_first().ok_or(Reason::Empty)?;
    match dispatch {
        &UNCOMPRESSED => {
            out.get_mut(..rest.len()).ok_or(Reason::TooLong)?.copy_from_slice(rest);
            Ok(rest.len())
        }
        iphc if iphc >> 5 == IPHC => expand_iphc(payload, way, size, out),
        _ => Err(Reason::Dispatch),
    }
}

fn expand_iphc(payload: &[u8], way: Way, size: Option<u16>, out: &mut [u8]) -> Result<usize, Reason> {
    let packet = SixlowpanIphcPacket::new_checked(payload).map_err(|_| Reason::Lowpan)?;
    let receiver = if way.to_all { Ieee802154Address::BROADCAST } else { extended(way.to) };
    let iphc =
        SixlowpanIphcRepr::parse(&packet, Some(extended(way.from)), Some(receiver), &[]).map_err(|_| Reason::Lowpan)?;
    let rest = packet.payload();
    let (next_header, udp, rest) = match iphc.next_header {
        SixlowpanNextHeader::Uncompressed(protocol) => (protocol, None, rest),
        SixlowpanNextHeader::Compressed => {
            let udp = parse_nhc(rest)?;
            let payload = udp.payload();
            (IpProtocol::Udp, Some(udp), payload)
        }
    };
    let head_len = IPV6_LEN + if udp.is_some() { UDP_LEN } else { 0 };
    let len = head_len + rest.len();
    let total = size.map_or(len, usize::from);
    let payload_len = total.checked_sub(IPV6_LEN).ok_or(Reason::Lowpan)?;
    let out = out.get_mut(..len).ok_or(Reason::TooLong)?;
    let (head, body) = out.split_at_mut(head_len);
    let (ip, transport) = head.split_at_mut(IPV6_LEN);
    let repr = Ipv6Repr {
        src_addr: iphc.src_addr,
        dst_addr: iphc.dst_addr,
        next_header,
        payload_len,
        hop_limit: iphc.hop_limit,
    };
    repr.emit(&mut Ipv6Packet::new_unchecked(ip));
    if let Some(udp) = udp {
        expand_udp(&udp, payload_len as u16, transport)?;
    }
    body.copy_from_slice(rest);
    Ok(len)
}

fn expand_udp(udp: &Nhc<'_>, len: u16, out: &mut [u8]) -> Result<(), Reason> {
    let mut header = UdpPacket::new_unchecked(out);
    header.set_src_port(udp.src_port());
    header.set_dst_port(udp.dst_port());
    header.set_len(len);
    header.set_checksum(udp.checksum().ok_or(Reason::Checksum)?);
    Ok(())
}

/// A compressed UDP header with its checksum and ports that smoltcp reads right.
fn parse_nhc(octets: &[u8]) -> Result<Nhc<'_>, Reason> {
    let dispatch = *octets.first().ok_or(Reason::Lowpan)?;
    if dispatch >> 3 != NHC_UDP {
        return Err(Reason::Protocol);
    }
    if dispatch & NHC_RECEIVER_PORT != 0 {
        return Err(Reason::Port);
    }
    if dispatch & NHC_NO_CHECKSUM != 0 {
        return Err(Reason::Checksum);
    }
    SixlowpanUdpNhcPacket::new_checked(octets).map_err(|_| Reason::Lowpan)
}

type Nhc<'a> = SixlowpanUdpNhcPacket<&'a [u8]>;

/// Reads a whole packet with whole headers.
pub(crate) fn interpret(packet: &[u8], way: Way) -> Result<Meaning, Reason> {
    let ip = Ipv6Packet::new_checked(packet).map_err(|_| Reason::Ip)?;
    let repr = Ipv6Repr::parse(&ip).map_err(|_| Reason::Ip)?;
    if usize::from(ip.payload_len()) + IPV6_LEN != packet.len() {
        return Err(Reason::Ip);
    }
    let to = repr.dst_addr;
    let is_ours = to == link_local(way.to) || to == ALL_NODES || to == solicited_node(way.to);
    if repr.src_addr != link_local(way.from) || !is_ours {
        return Err(Reason::IpAddress);
    }
    match repr.next_header {
        IpProtocol::Udp => interpret_udp(&repr, ip.payload(), way.direction),
        #[cfg(feature = "hub")]
        IpProtocol::Icmpv6 => interpret_icmp(&repr, ip.payload(), way.to),
        // Extension headers and other transports: a datagram needs none of them.
        _ => Err(Reason::Protocol),
    }
}

fn interpret_udp(ip: &Ipv6Repr, payload: &[u8], direction: Direction) -> Result<Meaning, Reason> {
    let packet = UdpPacket::new_checked(payload).map_err(|_| Reason::Ip)?;
    let (from, to) = (IpAddress::Ipv6(ip.src_addr), IpAddress::Ipv6(ip.dst_addr));
    // Over IPv6 there is no "no checksum" (RFC 8200 §8.1).
    if packet.checksum() == 0 || !packet.verify_checksum(&from, &to) {
        return Err(Reason::Checksum);
    }
    if usize::from(packet.len()) != payload.len() {
        return Err(Reason::Ip);
    }
    let carriage = match direction {
        Direction::Up => Carriage::Udp { node: packet.src_port(), gateway: packet.dst_port() },
        Direction::Down => Carriage::Udp { node: packet.dst_port(), gateway: packet.src_port() },
    };
    Ok(Meaning::Datagram { carriage, at: IPV6_LEN + UDP_LEN })
}

/// A neighbour solicitation for our address; everything else is no concern of ours. Nobody needs to ask a node.
#[cfg(feature = "hub")]
fn interpret_icmp(ip: &Ipv6Repr, payload: &[u8], ours: Eui64) -> Result<Meaning, Reason> {
    let packet = Icmpv6Packet::new_checked(payload).map_err(|_| Reason::Ip)?;
    let message = Icmpv6Repr::parse(&ip.src_addr, &ip.dst_addr, &packet, &ChecksumCapabilities::default())
        .map_err(|_| Reason::Protocol)?;
    match message {
        Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { target_addr, .. })
            if target_addr == link_local(ours) && ip.hop_limit == ND_HOP_LIMIT =>
        {
            Ok(Meaning::Solicitation)
        }
        _ => Err(Reason::Protocol),
    }
}
