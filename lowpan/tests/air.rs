//! What a publish takes on the air. `docs/radio.md` shows the table that is made here.

mod support;

use lowpan::{Carriage, FCS_LEN, Header, Level, Received, Signal, link_local};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpProtocol, Ipv6Packet, Ipv6Repr, UdpPacket, UdpRepr};
use sn_types::Instant;
use support::{GATEWAY, NODE, PAN, UDP, config, frames_of_hub, frames_of_leaf, hub, leaf_config};

const NOW: Instant = Instant::ZERO;
/// Length, type, flags, topic id, message id, ten octets of payload.
const PUBLISH: &[u8] = b"\x11\x0C\x20\x00\x01\x00\x07temp=21.50";
/// Length, type, topic id, message id, return code.
const PUBACK: &[u8] = b"\x07\x0D\x00\x01\x00\x07\x00";
/// What one octet takes at 250 kbit/s.
const OCTET_US: usize = 32;
/// Preamble, start of frame, length: before each frame.
const PHY_HEADER: usize = 6;

const ROUTER: lowpan::Eui64 = lowpan::Eui64([0x02, 0x12, 0x4B, 0, 0, 0, 0, 0x21]);
const ROUTER_CONFIG: lowpan::RouterConfig =
    lowpan::RouterConfig { eui64: ROUTER, pan: PAN, gateway: GATEWAY, gateway_short: Some(support::GATEWAY_SHORT) };

/// Octets from the MAC header to the check sequence of the frames of one publish.
struct Cost {
    publish: usize,
    puback: usize,
}

impl Cost {
    fn sum(&self) -> usize {
        self.publish + self.puback
    }
}

/// A node publishes to a gateway with or without short address, and is answered.
fn exchange(carriage: Carriage, short: Option<u16>, security: Option<Level>) -> Cost {
    let mut gateway = config(security);
    gateway.station.short = short;
    let mut hub = lowpan::Hub::new(gateway, support::TestKeys::shared_with(NODE), 0).unwrap();
    let node = lowpan::LeafConfig { gateway_short: short, ..leaf_config(carriage, security) };
    let mut leaf = lowpan::Leaf::<_, 1280>::new(node, support::TestKeys::shared_with(GATEWAY), 0).unwrap();
    leaf.send(false, PUBLISH).unwrap();
    let up = frames_of_leaf(&mut leaf);
    let received = hub.handle_frame(NOW, up[0].as_bytes(), Signal::default());
    assert!(matches!(received, Received::Datagram { octets: PUBLISH, .. }), "{received:?}");
    hub.send(NOW, NODE, PUBACK).unwrap();
    let down = frames_of_hub(&mut hub);
    let received = leaf.handle_frame(NOW, down[0].as_bytes());
    assert!(matches!(received, Received::Datagram { octets: PUBACK, .. }), "{received:?}");
    assert_eq!((up.len(), down.len()), (1, 1));
    Cost { publish: up[0].as_bytes().len() + FCS_LEN, puback: down[0].as_bytes().len() + FCS_LEN }
}

/// The same on each hop over routers: what the node sends to one, and what it gets from there.
fn over_a_router(carriage: Carriage, security: Option<Level>) -> Cost {
    let mut leaf = support::leaf(carriage, security);
    leaf.set_parent(Some(ROUTER));
    leaf.send(false, PUBLISH).unwrap();
    let mut router = lowpan::Router::<4, 4>::new(ROUTER_CONFIG, 0).unwrap();
    router.handle_timeout(NOW);
    let offer = [&header(ROUTER, GATEWAY)[..], b"\x37\x01", &GATEWAY.0, &[0, 0x7F]].concat();
    router.handle_frame(NOW, &offer, Signal::default());
    let later = Instant::from_secs(1);
    router.handle_timeout(later);
    let up = frames_of_leaf(&mut leaf).remove(0);
    router.handle_frame(later, up.as_bytes(), Signal::default());
    let mut hub = hub(security);
    for frame in frames_of_router(&mut router, later) {
        hub.handle_frame(later, frame.as_bytes(), Signal::default());
    }
    hub.send(later, NODE, PUBACK).unwrap();
    for frame in frames_of_hub(&mut hub) {
        router.handle_frame(later, frame.as_bytes(), Signal::default());
    }
    let down = frames_of_router(&mut router, later).remove(0);
    let received = leaf.handle_frame(later, down.as_bytes());
    assert!(matches!(received, Received::Datagram { octets: PUBACK, .. }), "{received:?}");
    Cost { publish: up.as_bytes().len() + FCS_LEN, puback: down.as_bytes().len() + FCS_LEN }
}

fn frames_of_router(router: &mut lowpan::Router<4, 4>, now: Instant) -> Vec<lowpan::Psdu> {
    let mut frames = Vec::new();
    while let Some(transmit) = router.poll_transmit() {
        router.handle_transmitted(now, transmit.id, Ok(lowpan::Ack::default()));
        frames.push(transmit.psdu);
    }
    frames
}

/// The same without compression: the payload 41, an IPv6 and a UDP header. We send no such frames, but take them.
fn uncompressed(security: Option<Level>) -> Cost {
    let payload = whole_packet(PUBLISH);
    let header = header(GATEWAY, NODE);
    let frame = [&header[..], &payload].concat();
    let received = hub(None).handle_frame(NOW, &frame, Signal::default()).to_owned_octets();
    assert_eq!(received.as_deref(), Some(PUBLISH));
    let of = |datagram| header.len() + whole_packet(datagram).len() + security.map_or(0, Level::overhead) + FCS_LEN;
    Cost { publish: of(PUBLISH), puback: of(PUBACK) }
}

fn whole_packet(datagram: &[u8]) -> Vec<u8> {
    let (from, to) = (link_local(NODE), link_local(GATEWAY));
    let udp = UdpRepr { src_port: 10_000, dst_port: 1883 };
    let payload_len = 8 + datagram.len();
    let ip = Ipv6Repr { src_addr: from, dst_addr: to, next_header: IpProtocol::Udp, payload_len, hop_limit: 64 };
    let mut packet = vec![0; 1 + 40 + payload_len];
    packet[0] = 0x41;
    ip.emit(&mut Ipv6Packet::new_unchecked(&mut packet[1..]));
    udp.emit(
        &mut UdpPacket::new_unchecked(&mut packet[41..]),
        &from.into(),
        &to.into(),
        datagram.len(),
        |payload| payload.copy_from_slice(datagram),
        &ChecksumCapabilities::default(),
    );
    packet
}

/// Between two extended addresses, least significant octets first.
fn header(to: lowpan::Eui64, from: lowpan::Eui64) -> Vec<u8> {
    let reversed = |address: lowpan::Eui64| address.0.into_iter().rev().collect::<Vec<_>>();
    let header = [&[0x61, 0xCC, 0][..], &PAN.to_le_bytes(), &reversed(to), &reversed(from)].concat();
    assert_eq!(Header::decode(&header).unwrap().1, 21);
    header
}

trait OwnedOctets {
    fn to_owned_octets(&self) -> Option<Vec<u8>>;
}

impl OwnedOctets for Received<'_> {
    fn to_owned_octets(&self) -> Option<Vec<u8>> {
        match self {
            Received::Datagram { octets, .. } => Some(octets.to_vec()),
            Received::Fragment { .. }
            | Received::DataRequest { .. }
            | Received::Solicitation { .. }
            | Received::Neighbour { .. }
            | Received::Rejected { .. } => None,
        }
    }
}

fn row(name: &str, open: &Cost, secured: &Cost) -> String {
    let of = |cost: &Cost| {
        let time_us = (cost.sum() + 2 * PHY_HEADER) * OCTET_US;
        format!("{} + {} = {} | {:.1} ms", cost.publish, cost.puback, cost.sum(), time_us as f64 / 1000.0)
    };
    format!("| {name} | {} | {} |\n", of(open), of(secured))
}

fn table() -> String {
    let security = Some(Level::Mic32);
    let both = |carriage, short| (exchange(carriage, short, None), exchange(carriage, short, security));
    let mut table = "| | open | on the air | level 5 | on the air |\n|---|---|---|---|---|\n".to_owned();
    table += &row("UDP, IPv6, uncompressed", &uncompressed(None), &uncompressed(security));
    let (open, secured) = both(UDP, None);
    table += &row("6LoWPAN: UDP, IPv6, compressed", &open, &secured);
    let (open, secured) = both(Carriage::Bare, None);
    table += &row("bare, gateway by extended address", &open, &secured);
    let (open, secured) = both(Carriage::Bare, Some(support::GATEWAY_SHORT));
    table += &row("bare, gateway by short address", &open, &secured);
    for (name, carriage) in [("6LoWPAN over routers, each hop", UDP), ("bare over routers, each hop", Carriage::Bare)] {
        table += &row(name, &over_a_router(carriage, None), &over_a_router(carriage, security));
    }
    table
}

#[test]
fn the_documentation_shows_what_a_publish_takes() {
    let table = table();
    assert!(include_str!("../../docs/radio.md").contains(&table), "docs/radio.md is to have:\n{table}");
}

#[test]
fn a_secured_publish_of_ten_octets_fits_in_45() {
    let cost = exchange(Carriage::Bare, Some(support::GATEWAY_SHORT), Some(Level::Mic32));
    assert!(cost.publish <= 45, "{}", cost.publish);
}
