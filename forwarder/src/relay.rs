//! Which node is meant by which wireless node id, and the encapsulation around its messages.
//!
//! The gateway takes the forwarder's address and a node id for the node's address, so a node must always have the same id, and
//! two nodes never. There is no table to be lost: an id says by itself where the node is.
//!
//! * A line has one node, whose id is configured.
//! * The id of a radio node is its EUI-64, 8 octets, most significant first. There is one radio per forwarder at most.
//! * The id of a node that comes over UDP is its address and port, 6 or 18 octets, most significant first; 4 more are the
//!   scope of a link-local address, if it has one.
//! * An id of only FF octets is everybody, as far as the radius says.
//!
//! A node whose id would lead to another one is refused: a line may be named as a node over UDP is.

use sn_codec::{FrwdEncap, Message, decode};
use sn_types::{LinkAddr, NodeId, PeerAddr, TransportId};
use std::net::{SocketAddr, SocketAddrV6};

/// How the nodes of a transport are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// One node, of this id.
    Line(NodeId),
    /// By EUI-64.
    Radio,
    /// By address and port.
    Udp,
}

/// Datagrams since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// From nodes, encapsulated.
    pub up: u64,
    /// From the gateway, for a node.
    pub down: u64,
    /// From the gateway, for all nodes.
    pub broadcast: u64,
    /// From nodes: empty, encapsulated already, which may not be done again, or under an id that is another node's.
    pub refused: u64,
    /// From the gateway: no encapsulation.
    pub malformed: u64,
    /// From the gateway: for a node that cannot be here.
    pub unknown_node: u64,
}

/// What the gateway wants passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down<'a> {
    /// To one node.
    To(PeerAddr, &'a [u8]),
    /// To every node, this many hops far; 0 is the whole network.
    All(u8, &'a [u8]),
}

/// The forwarder's decisions.
#[derive(Debug)]
pub struct Relay {
    namings: Vec<Naming>,
    counters: Counters,
}

impl Relay {
    /// A relay between a gateway and transports whose nodes are named so, in the order of their numbers.
    #[must_use]
    pub const fn new(namings: Vec<Naming>) -> Self {
        Self { namings, counters: Counters { up: 0, down: 0, broadcast: 0, refused: 0, malformed: 0, unknown_node: 0 } }
    }

    /// What to send to the gateway when a node has said `message`; `None`: nothing.
    pub fn up(&mut self, from: PeerAddr, message: &[u8]) -> Option<Vec<u8>> {
        let id = self.id(from).filter(|id| self.find(id.as_bytes()) == Some(from));
        let encapsulated = id.and_then(|id| encapsulate(id, message));
        match encapsulated {
            Some(_) => self.counters.up += 1,
            None => self.counters.refused += 1,
        }
        encapsulated
    }

    /// What to pass on when the gateway has said `datagram`; `None`: nothing.
    pub fn down<'a>(&mut self, datagram: &'a [u8]) -> Option<Down<'a>> {
        let Ok(Message::FrwdEncap(FrwdEncap { radius, node_id, inner })) = decode(datagram) else {
            self.counters.malformed += 1;
            return None;
        };
        if is_everybody(node_id) {
            self.counters.broadcast += 1;
            return Some(Down::All(radius, inner));
        }
        if let Some(peer) = self.find(node_id) {
            self.counters.down += 1;
            return Some(Down::To(peer, inner));
        }
        self.counters.unknown_node += 1;
        None
    }

    /// What has passed.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    fn id(&self, from: PeerAddr) -> Option<NodeId> {
        match (self.namings.get(usize::from(from.transport.0))?, from.link) {
            (Naming::Line(id), LinkAddr::Line) => Some(*id),
            (Naming::Radio, LinkAddr::Eui64(octets)) => NodeId::new(&octets).ok(),
            (Naming::Udp, LinkAddr::Udp(addr)) => NodeId::new(&udp_id(addr)).ok(),
            (Naming::Line(_) | Naming::Radio | Naming::Udp, _) => None,
        }
    }

    /// Who has this id, if anybody here can have it.
    fn find(&self, id: &[u8]) -> Option<PeerAddr> {
        if is_everybody(id) {
            return None;
        }
        let all = || (0..).map(TransportId).zip(&self.namings);
        let line = all().find(|(_, naming)| matches!(naming, Naming::Line(of_line) if of_line.as_bytes() == id));
        let peer = |(transport, _), link| PeerAddr::direct(transport, link);
        if let Some(line) = line {
            return Some(peer(line, LinkAddr::Line));
        }
        if let Ok(octets) = <[u8; 8]>::try_from(id) {
            return all()
                .find(|(_, naming)| **naming == Naming::Radio)
                .map(|radio| peer(radio, LinkAddr::Eui64(octets)));
        }
        let addr = udp_addr(id)?;
        all().find(|(_, naming)| **naming == Naming::Udp).map(|udp| peer(udp, LinkAddr::Udp(addr)))
    }
}

fn is_everybody(id: &[u8]) -> bool {
    !id.is_empty() && id.iter().all(|octet| *octet == 0xFF)
}

fn encapsulate(id: NodeId, message: &[u8]) -> Option<Vec<u8>> {
    let encapsulation = Message::FrwdEncap(FrwdEncap { radius: 0, node_id: id.as_bytes(), inner: message });
    let mut datagram = vec![0; encapsulation.encoded_len().ok()?];
    encapsulation.encode(&mut datagram).ok()?;
    Some(datagram)
}

fn udp_id(addr: SocketAddr) -> Vec<u8> {
    let (ip, scope) = match addr {
        SocketAddr::V4(addr) => (addr.ip().octets().to_vec(), 0),
        SocketAddr::V6(addr) => (addr.ip().octets().to_vec(), addr.scope_id()),
    };
    let scope = if scope == 0 { Vec::new() } else { scope.to_be_bytes().to_vec() };
    [ip, addr.port().to_be_bytes().to_vec(), scope].concat()
}

fn udp_addr(id: &[u8]) -> Option<SocketAddr> {
    let (place, scope) = match id.len() {
        6 | 18 => (id, 0),
        // Without a scope there are fewer octets.
        22 => id.split_last_chunk().map(|(place, scope)| (place, u32::from_be_bytes(*scope))).filter(|of| of.1 != 0)?,
        _ => return None,
    };
    let (ip, port) = place.split_last_chunk::<2>()?;
    let port = u16::from_be_bytes(*port);
    let addr = match <[u8; 4]>::try_from(ip) {
        Ok(ip) => SocketAddr::new(ip.into(), port),
        Err(_) => SocketAddrV6::new(<[u8; 16]>::try_from(ip).ok()?.into(), port, 0, scope).into(),
    };
    (port != 0 && !addr.ip().is_multicast()).then_some(addr)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: PeerAddr = PeerAddr::direct(TransportId(0), LinkAddr::Line);
    const NODE: PeerAddr = PeerAddr::direct(TransportId(1), LinkAddr::Eui64([1, 2, 3, 4, 5, 6, 7, 8]));

    fn relay() -> Relay {
        let line = NodeId::new(b"pump").expect("it is short");
        Relay::new(vec![Naming::Line(line), Naming::Radio, Naming::Udp])
    }

    #[test]
    fn what_a_node_says_is_encapsulated_and_its_answer_finds_it() {
        let udp = |addr: &str| PeerAddr::direct(TransportId(2), LinkAddr::Udp(addr.parse().expect("an address")));
        for (peer, id) in [
            (LINE, &b"pump"[..]),
            (NODE, &[1, 2, 3, 4, 5, 6, 7, 8]),
            (udp("10.0.0.1:258"), &[10, 0, 0, 1, 1, 2]),
            (udp("[::1]:258"), &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2]),
            (udp("[fe80::1%7]:258"), &[0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 7]),
        ] {
            let mut relay = relay();
            let up = relay.up(peer, &[2, 0x16]).expect("a datagram");
            assert_eq!(up, [&[3 + id.len() as u8, 0xFE, 0], id, &[2, 0x16]].concat());
            let down = [&[3 + id.len() as u8, 0xFE, 0], id, &[2, 0x17]].concat();
            assert_eq!(relay.down(&down), Some(Down::To(peer, &[2, 0x17])));
            assert_eq!(relay.counters(), Counters { up: 1, down: 1, ..Counters::default() });
        }
    }

    #[test]
    fn an_id_of_all_ones_is_everybody_within_the_radius() {
        for (ones, radius) in [(1, 0), (2, 1), (6, 1), (8, 2), (18, 1), (22, 1), (24, 3)] {
            let advertise = [5, 0, 8, 3, 0x84];
            let datagram = [&[3 + ones as u8, 0xFE, radius], &[0xFF; 24][..ones], &advertise].concat();
            assert_eq!(relay().down(&datagram), Some(Down::All(radius, &advertise)));
        }
    }

    #[test]
    fn who_would_have_the_id_of_another_node_is_refused() {
        let line = NodeId::new(b"line-0").expect("it is short");
        let mut relay = Relay::new(vec![Naming::Line(line), Naming::Radio, Naming::Udp]);
        let namesake = "108.105.110.101:11568".parse().expect("an address");
        assert_eq!(udp_id(namesake), b"line-0");
        for (from, is_let_in) in [
            (LINE, true),
            (PeerAddr::direct(TransportId(2), LinkAddr::Udp(namesake)), false),
            (PeerAddr::direct(TransportId(1), LinkAddr::Eui64([0xFF; 8])), false),
        ] {
            assert_eq!(relay.up(from, &[2, 0x16]).is_some(), is_let_in, "{from:?}");
        }
        assert_eq!(relay.counters(), Counters { up: 1, refused: 2, ..Counters::default() });
    }

    #[test]
    fn what_makes_no_sense_is_counted_and_goes_nowhere() {
        let mut relay = relay();
        let nested = [5, 0xFE, 0, 0xAA, 0xBB, 2, 0x16];
        for junk in [&[][..], &nested] {
            assert_eq!(relay.up(LINE, junk), None);
        }
        for junk in
            [&b""[..], &[2, 0x16], &[0xFE], &[5, 0xFE, 0, 0xAA, 0xBB], &[5, 0xFE, 0, 1, 2, 5, 0xFE, 0, 1, 2, 2, 0x16]]
        {
            assert_eq!(relay.down(junk), None, "{junk:02x?}");
        }
        for id in [&b""[..], b"pumq", &[0; 6], &[0xE0, 0, 0, 1, 0, 1]] {
            let datagram = [&[3 + id.len() as u8, 0xFE, 0], id, &[2, 0x17]].concat();
            assert_eq!(relay.down(&datagram), None, "{id:02x?}");
        }
        assert_eq!(relay.counters(), Counters { refused: 2, malformed: 5, unknown_node: 4, ..Counters::default() });
    }

    #[test]
    fn any_octets_are_survived() {
        let mut relay = relay();
        let mut octet = 7_u8;
        for len in 0..600 {
            let junk: Vec<u8> = (0..len)
                .map(|_| {
                    octet = octet.wrapping_mul(37).wrapping_add(11);
                    octet
                })
                .collect();
            relay.up(NODE, &junk);
            relay.down(&junk);
            relay.down(&[&[3 + 8, 0xFE][..], &junk].concat());
        }
    }
}
