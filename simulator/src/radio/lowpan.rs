//! 6LoWPAN: how an MQTT-SN datagram travels in a frame (RFC 4944, RFC 6282).
//!
//! Both addresses of a datagram are link-local and made from 64-bit addresses, so the compressed IPv6 header leaves them out:
//! they are those of the frame, or, if it has one, of the mesh header.

use super::frame::Eui64;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    Ieee802154Address, Ipv6Address, SixlowpanIphcPacket, SixlowpanIphcRepr, SixlowpanNextHeader, SixlowpanUdpNhcPacket,
    SixlowpanUdpNhcRepr, UdpRepr,
};

/// MQTT-SN's port, of both ends.
const PORT: u16 = 1883;
/// ff02::1, all nodes on the link.
const ALL_NODES: Ipv6Address = Ipv6Address::new(0xFF02, 0, 0, 0, 0, 0, 0, 1);
/// IPv6's hop limit; the mesh header counts the hops.
const HOP_LIMIT: u8 = 64;
/// The compressed IPv6 header to one, and the UDP header: dispatch, two ports, checksum.
pub(super) const UNICAST_HEADERS: usize = 2 + 7;
/// The same to all: one octet of the group.
pub(super) const MULTICAST_HEADERS: usize = 3 + 7;
/// The mesh header between two 64-bit addresses, up to 14 hops.
pub(super) const UNICAST_MESH: usize = 1 + 8 + 8;
/// The mesh header to a group with more than 14 hops, and the broadcast header.
pub(super) const MULTICAST_MESH: usize = 2 + 8 + 2 + 2;

/// ff02::1 as a 16-bit multicast address (RFC 4944 §9): 100, then the group's last 13 bits.
const ALL_NODES_SHORT: [u8; 2] = [0x80, 0x01];
/// "Not the last hop": the number of hops needs an octet of its own (RFC 4944 §5.2).
const DEEP_HOPS: u8 = 0x0F;
/// LOWPAN_BC0 (RFC 4944 §11.1).
const BC0: u8 = 0x50;

/// A mesh header: a frame's way beyond its next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mesh {
    /// How often it may still be sent.
    pub(super) hops_left: u8,
    /// Who sent it first.
    pub(super) originator: Eui64,
    /// For whom it is.
    pub(super) target: Target,
}

/// Who gets a frame in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// This one.
    One(Eui64),
    /// All nodes; who has already passed on this originator's broadcast with this number does not do it again.
    All {
        /// Of the originator's broadcast.
        sequence: u8,
    },
}

impl Mesh {
    /// Puts the header in front of a packet.
    pub(super) fn emit(&self, packet: &[u8]) -> Vec<u8> {
        let mut octets = Vec::with_capacity(UNICAST_MESH + 1 + packet.len());
        // 10, "originator is short", "target is short", four bits of hops.
        let target_is_short = matches!(self.target, Target::All { .. });
        let dispatch = 0x80 | (u8::from(target_is_short) << 4);
        if self.hops_left < DEEP_HOPS {
            octets.push(dispatch | self.hops_left);
        } else {
            octets.extend_from_slice(&[dispatch | DEEP_HOPS, self.hops_left]);
        }
        octets.extend_from_slice(&self.originator);
        match self.target {
            Target::One(target) => octets.extend_from_slice(&target),
            Target::All { sequence } => {
                octets.extend_from_slice(&ALL_NODES_SHORT);
                octets.extend_from_slice(&[BC0, sequence]);
            }
        }
        octets.extend_from_slice(packet);
        octets
    }

    /// The header before a packet, and the packet; `None` if it has none, or not one of ours.
    pub(super) fn parse(payload: &[u8]) -> Option<(Self, &[u8])> {
        let (&dispatch, rest) = payload.split_first()?;
        let (hops_left, rest) = match dispatch & DEEP_HOPS {
            DEEP_HOPS => rest.split_first().map(|(hops, rest)| (*hops, rest))?,
            hops => (hops, rest),
        };
        let (&originator, rest) = rest.split_first_chunk::<8>()?;
        match dispatch & 0xF0 {
            0x80 => {
                let (&target, packet) = rest.split_first_chunk::<8>()?;
                Some((Self { hops_left, originator, target: Target::One(target) }, packet))
            }
            0x90 => {
                let (&[_, _, BC0, sequence], packet) = rest.split_first_chunk::<4>()? else { return None };
                Some((Self { hops_left, originator, target: Target::All { sequence } }, packet))
            }
            _ => None,
        }
    }
}

/// A datagram as a compressed IPv6 and UDP packet; to all if `to` is `None`.
pub(super) fn compress(from: Eui64, to: Option<Eui64>, datagram: &[u8]) -> Vec<u8> {
    let iphc = headers(from, to);
    let udp = SixlowpanUdpNhcRepr(UdpRepr { src_port: PORT, dst_port: PORT });
    let (ip_len, udp_len) = (iphc.buffer_len(), udp.header_len());
    let mut octets = vec![0; ip_len + udp_len + datagram.len()];
    iphc.emit(&mut SixlowpanIphcPacket::new_unchecked(&mut octets[..ip_len]));
    udp.emit(
        &mut SixlowpanUdpNhcPacket::new_unchecked(&mut octets[ip_len..]),
        &iphc.src_addr,
        &iphc.dst_addr,
        datagram.len(),
        |payload| payload.copy_from_slice(datagram),
        &ChecksumCapabilities::default(),
    );
    // UDP has no checksum of 0: it is sent as FFFF (RFC 8200 §8.1), which smoltcp leaves to its caller.
    if let [0, 0] = octets[ip_len + udp_len - 2..ip_len + udp_len] {
        octets[ip_len + udp_len - 2..ip_len + udp_len].fill(0xFF);
    }
    octets
}

/// The datagram in a packet; `None` if it is damaged or not for MQTT-SN.
pub(super) fn decompress(from: Eui64, to: Option<Eui64>, packet: &[u8]) -> Option<&[u8]> {
    let expected = headers(from, to);
    let iphc = SixlowpanIphcPacket::new_checked(packet).ok()?;
    let repr = SixlowpanIphcRepr::parse(&iphc, expected.ll_src_addr, expected.ll_dst_addr, &[]).ok()?;
    let is_compressed = matches!(repr.next_header, SixlowpanNextHeader::Compressed);
    if !is_compressed || (repr.src_addr, repr.dst_addr) != (expected.src_addr, expected.dst_addr) {
        return None;
    }
    let udp = SixlowpanUdpNhcPacket::new_checked(iphc.payload()).ok()?;
    let ignored = ChecksumCapabilities::ignored();
    let ports = SixlowpanUdpNhcRepr::parse(&udp, &repr.src_addr, &repr.dst_addr, &ignored).ok()?;
    (ports.dst_port == PORT).then(|| udp.payload())
}

fn headers(from: Eui64, to: Option<Eui64>) -> SixlowpanIphcRepr {
    SixlowpanIphcRepr {
        src_addr: link_local(from),
        ll_src_addr: Some(Ieee802154Address::Extended(from)),
        dst_addr: to.map_or(ALL_NODES, link_local),
        ll_dst_addr: Some(to.map_or(Ieee802154Address::BROADCAST, Ieee802154Address::Extended)),
        next_header: SixlowpanNextHeader::Compressed,
        hop_limit: HOP_LIMIT,
        ecn: None,
        dscp: None,
        flow_label: None,
    }
}

/// fe80::/64 and the 64-bit address with its universal/local bit inverted (RFC 4944 §6).
fn link_local(eui64: Eui64) -> Ipv6Address {
    let mut octets = [0; 16];
    octets[..2].copy_from_slice(&[0xFE, 0x80]);
    octets[8..].copy_from_slice(&eui64);
    octets[8] ^= 0x02;
    Ipv6Address::from(octets)
}

#[cfg(test)]
mod tests {
    use super::super::frame::eui64;
    use super::super::plan::Station;
    use super::*;

    const NODE: Eui64 = eui64(Station::Node(1));
    const GATEWAY: Eui64 = eui64(Station::Gateway(0));

    #[test]
    fn headers_are_as_long_as_announced() {
        let unicast = compress(NODE, Some(GATEWAY), b"ping");
        // IPHC 7e 33: UDP compressed, hop limit 64, both addresses from the frame; NHC f0: UDP, both ports whole.
        assert_eq!(unicast[..UNICAST_HEADERS - 2], *b"\x7e\x33\xf0\x07\x5b\x07\x5b");
        assert_eq!(unicast[UNICAST_HEADERS..], *b"ping");
        let multicast = compress(NODE, None, b"ping");
        assert_eq!(multicast[..3], *b"\x7e\x3b\x01");
        assert_eq!(multicast[MULTICAST_HEADERS..], *b"ping");
        let mesh = Mesh { hops_left: 2, originator: NODE, target: Target::One(GATEWAY) };
        assert_eq!(mesh.emit(b"").len(), UNICAST_MESH);
        let mesh = Mesh { hops_left: 255, originator: NODE, target: Target::All { sequence: 1 } };
        assert_eq!(mesh.emit(b"").len(), MULTICAST_MESH);
    }

    #[test]
    fn what_is_compressed_comes_out_again() {
        for to in [Some(GATEWAY), None] {
            let packet = compress(NODE, to, b"datagram");
            assert_eq!(decompress(NODE, to, &packet), Some(&b"datagram"[..]));
        }
        assert_eq!(decompress(NODE, Some(GATEWAY), b"\x7e\x33\xf0"), None);
    }

    #[test]
    fn a_mesh_header_comes_out_again() {
        for (hops_left, target) in
            [(3, Target::One(GATEWAY)), (15, Target::One(NODE)), (9, Target::All { sequence: 8 })]
        {
            let mesh = Mesh { hops_left, originator: NODE, target };
            assert_eq!(Mesh::parse(&mesh.emit(b"packet")), Some((mesh, &b"packet"[..])));
        }
        assert_eq!(Mesh::parse(&compress(NODE, Some(GATEWAY), b"")), None);
    }

    #[test]
    fn a_checksum_of_zero_is_sent_as_all_ones() {
        let zero = (0..=u16::MAX).map(u16::to_be_bytes).find(|datagram| {
            let packet = compress(NODE, Some(GATEWAY), datagram);
            packet[7..9] == [0xFF, 0xFF]
        });
        assert!(zero.is_some(), "one of 65,536 datagrams sums up to zero");
    }
}
