//! UDP over IPv4 and IPv6.
//!
//! Batches go through `recvmmsg` and `sendmmsg`: one system call for up to [`BATCH`] datagrams with different peers.
//! `cargo bench -p transports` compares that with one call per datagram and with quinn-udp, whose generic
//! segmentation helps only a batch to one peer; its table is at the head of `benches/udp.rs`.

mod mmsg;
mod multicast;
mod socket;
mod tapped;

pub use multicast::Multicast;

use crate::tap::TapPoint;
use crate::{Counters, RecvBatch, Transport};
use mmsg::{Receiver, Sender};
use multicast::Group;
use nix::sys::socket::SockaddrStorage;
use sn_types::{LinkAddr, LinkProfile, PeerAddr, TransportId};
use socket::{bind, watch};
use std::net::{SocketAddr, UdpSocket};
use std::task::{Context, Poll, ready};
use std::{error, fmt, io};
use tapped::UdpTap;
use tokio::io::unix::AsyncFd;

/// Datagrams per system call.
const BATCH: usize = 64;
/// Octets that a forwarder's encapsulation may add to a message of the longest kind (1.2 §5.5).
const ENCAPSULATION: usize = 255;

/// How a UDP transport is set up.
#[derive(Clone, Debug)]
pub struct UdpConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// `[::]` shall not take IPv4 too, because somebody else listens on 0.0.0.0.
    pub only_v6: bool,
    /// The longest MQTT-SN message, in octets.
    pub mtu: u16,
    /// See [`LinkProfile::mtu_behind_forwarders`].
    pub mtu_behind_forwarders: u16,
    /// The multicast group for discovery. Without one the link has no broadcast: SEARCHGW is only heard when it is
    /// sent to the transport's own address. That is the default, as a group would reach beyond loopback.
    pub multicast: Option<Multicast>,
}

/// Why a UDP transport cannot be set up.
#[derive(Debug)]
pub enum BindError {
    /// Its address cannot be listened on: above all it is in use, or not this machine's.
    Address(io::Error),
    /// The multicast group cannot be joined: above all its interface is not there.
    Group(io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => write!(f, "the address cannot be used: {error}"),
            Self::Group(error) => write!(f, "the multicast group cannot be joined: {error}"),
        }
    }
}

impl error::Error for BindError {}

/// A UDP socket, and one more for its multicast group if that lives elsewhere.
#[derive(Debug)]
pub struct UdpTransport {
    id: TransportId,
    profile: LinkProfile,
    local: SocketAddr,
    socket: AsyncFd<UdpSocket>,
    group: Option<Group>,
    /// Poll the group's socket first next time, so that neither starves.
    group_first: bool,
    receiver: Receiver,
    batch: RecvBatch,
    sender: Sender,
    counters: Counters,
    tap: UdpTap,
}

impl UdpTransport {
    /// Binds the socket and joins the group. Must be called within a tokio runtime that has its I/O driver enabled.
    ///
    /// # Errors
    /// [`BindError`], which tells the address from the group.
    pub fn bind(id: TransportId, config: &UdpConfig) -> Result<Self, BindError> {
        let socket = bind(config.listen, config.only_v6, false).map_err(BindError::Address)?;
        let local = socket.local_addr().map_err(BindError::Address)?;
        let join = |multicast| Group::join(multicast, &socket, local).map_err(BindError::Group);
        let group = config.multicast.as_ref().map(join).transpose()?;
        Ok(Self {
            id,
            profile: LinkProfile {
                mtu: config.mtu,
                mtu_behind_forwarders: config.mtu_behind_forwarders,
                broadcast: group.is_some(),
                ..LinkProfile::UDP
            },
            local,
            socket: watch(socket).map_err(BindError::Address)?,
            group,
            group_first: false,
            receiver: Receiver::new(),
            batch: RecvBatch::new(BATCH, usize::from(config.mtu) + ENCAPSULATION),
            sender: Sender::new(local.is_ipv6()),
            counters: Counters::default(),
            tap: UdpTap::new(local),
        })
    }

    /// The address it listens on, with the real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Waits for the transport's own socket.
    fn poll_unicast(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(self.receiver.poll(cx, &self.socket, self.id, &mut self.batch, &mut self.counters));
        self.tap.received(&self.batch, self.receiver.destinations());
        Poll::Ready(result)
    }

    /// Waits for the group's socket, and leaves out what this transport has sent to the group itself.
    fn poll_group(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(group) = &self.group else { return Poll::Pending };
        let Some(socket) = group.socket() else { return Poll::Pending };
        let result = ready!(self.receiver.poll(cx, socket, self.id, &mut self.batch, &mut self.counters));
        self.batch.forget(PeerAddr::direct(self.id, LinkAddr::Udp(self.local)));
        self.tap.received_in(group.addr(), &self.batch);
        Poll::Ready(result)
    }
}

impl Transport for UdpTransport {
    fn profile(&self) -> LinkProfile {
        self.profile
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tap.attend(self.socket.get_ref(), &mut self.receiver);
        self.group_first = !self.group_first;
        if self.group_first {
            if let Poll::Ready(result) = self.poll_group(cx) {
                return Poll::Ready(result);
            }
            self.poll_unicast(cx)
        } else {
            if let Poll::Ready(result) = self.poll_unicast(cx) {
                return Poll::Ready(result);
            }
            self.poll_group(cx)
        }
    }

    fn received(&self) -> &RecvBatch {
        &self.batch
    }

    fn queue(&mut self, to: &PeerAddr, datagram: Vec<u8>) {
        match to.link {
            LinkAddr::Udp(addr) if self.sender.queue(addr, datagram) => {
                if self.sender.is_full() {
                    self.flush();
                }
            }
            LinkAddr::Udp(_) | LinkAddr::Eui64(_) | LinkAddr::Line => self.counters.send_refused += 1,
        }
    }

    fn flush(&mut self) {
        self.sender.flush(self.socket.get_ref(), &mut self.counters, &mut self.tap);
    }

    fn broadcast(&mut self, radius: u8, datagram: &[u8]) {
        let Some(group) = &self.group else { return };
        match group.send(self.socket.get_ref(), radius, datagram) {
            Ok(()) => {
                self.counters.sent += 1;
                self.tap.sent([(&SockaddrStorage::from(group.addr()), datagram)].into_iter());
            }
            Err(_) => self.counters.send_refused += 1,
        }
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    fn tap_point(&mut self) -> &mut TapPoint {
        &mut self.tap.point
    }
}
