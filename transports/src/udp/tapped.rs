//! What a listener hears of a UDP transport: whole datagrams, with the addresses at both ends.
//!
//! A socket on all addresses does not know at which one a datagram has come. So while somebody listens the system is
//! asked to say it with each datagram; and of what is sent the system says which address its route begins at.

use super::mmsg::{Receiver, socket_addr};
use crate::RecvBatch;
use crate::tap::{Content, Direction, Layer, TapPoint};
use nix::sys::socket::{SockaddrStorage, setsockopt, sockopt};
use sn_types::LinkAddr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::SystemTime;

/// The tap of a UDP transport.
#[derive(Debug)]
pub(super) struct UdpTap {
    pub(super) point: TapPoint,
    /// The address that the transport listens on.
    local: SocketAddr,
    /// The system says where datagrams were sent to.
    is_attentive: bool,
}

impl UdpTap {
    pub(super) fn new(local: SocketAddr) -> Self {
        Self { point: TapPoint::new(Layer::Udp), local, is_attentive: false }
    }

    /// Has the system say where datagrams were sent to, if somebody wants to know it, and else not.
    pub(super) fn attend(&mut self, socket: &UdpSocket, receiver: &mut Receiver) {
        let is_open = self.point.is_open();
        if is_open == self.is_attentive {
            return;
        }
        self.is_attentive = is_open;
        receiver.note_destinations(is_open);
        // Without it the listener is told the address that the transport listens on.
        let _ = match self.local {
            SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4PacketInfo, &is_open),
            SocketAddr::V6(_) => setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &is_open),
        };
    }

    /// Tells what has come, and to which of this machine's addresses.
    pub(super) fn received(&mut self, batch: &RecvBatch, destinations: &[Option<IpAddr>]) {
        let known = destinations.iter().copied().chain(std::iter::repeat(None));
        let local = self.local;
        self.tell(batch, known.map(|ip| SocketAddr::new(ip.unwrap_or(local.ip()), local.port())));
    }

    /// Tells what has come to the group.
    pub(super) fn received_in(&mut self, group: SocketAddr, batch: &RecvBatch) {
        self.tell(batch, std::iter::repeat(group));
    }

    fn tell(&mut self, batch: &RecvBatch, destinations: impl Iterator<Item = SocketAddr>) {
        if !self.point.is_open() {
            return;
        }
        let at = SystemTime::now();
        for ((peer, payload), to) in batch.iter().zip(destinations) {
            if let LinkAddr::Udp(from) = peer.link {
                self.point.tell(at, Direction::Received, Content::Udp { from, to, payload: payload.into() });
            }
        }
    }

    /// Tells what the system has taken.
    pub(super) fn sent<'a>(&mut self, datagrams: impl Iterator<Item = (&'a SockaddrStorage, &'a [u8])>) {
        if !self.point.is_open() {
            return;
        }
        let at = SystemTime::now();
        for (to, payload) in datagrams {
            let Some(to) = socket_addr(to) else { continue };
            let from = SocketAddr::new(self.source(to), self.local.port());
            self.point.tell(at, Direction::Sent, Content::Udp { from, to, payload: payload.into() });
        }
    }

    /// The address that a datagram to `to` leaves from.
    fn source(&self, to: SocketAddr) -> IpAddr {
        if !self.local.ip().is_unspecified() {
            return self.local.ip();
        }
        route_begins_at(to).unwrap_or(self.local.ip())
    }
}

/// The address at which the system lets the route to `to` begin. Nothing is sent.
fn route_begins_at(to: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(to).ok()?;
    socket.local_addr().ok().map(|local| local.ip())
}
