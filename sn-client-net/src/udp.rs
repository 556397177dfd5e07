//! UDP over the operating system's sockets, for blocking programs.

use crate::DatagramLink;
use sn_client::{Instant, Recipient};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::Duration;

/// A UDP socket whose futures block, and are done when they return: for [`crate::block_on`].
#[derive(Debug)]
pub struct UdpLink {
    socket: UdpSocket,
    everyone: Option<SocketAddr>,
    is_refused: bool,
    started: std::time::Instant,
}

impl UdpLink {
    /// A link from this address; `0.0.0.0:0` leaves the choice to the system.
    ///
    /// # Errors
    /// There is no such socket to be had.
    pub fn bind(local: impl ToSocketAddrs) -> io::Result<Self> {
        let socket = UdpSocket::bind(local)?;
        socket.set_broadcast(true)?;
        Ok(Self { socket, everyone: None, is_refused: false, started: std::time::Instant::now() })
    }

    /// A link to one gateway only, which therefore learns when nobody listens there: [`UdpLink::is_refused`].
    ///
    /// # Errors
    /// There is no socket to be had, or no way to the gateway.
    pub fn to(gateway: SocketAddr) -> io::Result<Self> {
        let link = match gateway {
            SocketAddr::V4(_) => Self::bind((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => Self::bind((Ipv6Addr::UNSPECIFIED, 0)),
        }?;
        link.socket.connect(gateway)?;
        Ok(link)
    }

    /// Whether the gateway's machine has said that nobody listens there, since this was asked last.
    pub const fn is_refused(&mut self) -> bool {
        core::mem::replace(&mut self.is_refused, false)
    }

    /// Where searches for gateways go: a broadcast address or a multicast group.
    #[must_use]
    pub fn with_everyone(self, group: SocketAddr) -> Self {
        Self { everyone: Some(group), ..self }
    }

    /// Only errors that are not about one datagram: nobody listens at its destination, or there is no way to it now.
    fn unless_lost(&mut self, error: io::Error) -> io::Result<()> {
        use ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable};
        self.is_refused |= error.kind() == ConnectionRefused;
        match error.kind() {
            ConnectionRefused | ConnectionReset | HostUnreachable | Interrupted | NetworkUnreachable => Ok(()),
            _ => Err(error),
        }
    }
}

impl DatagramLink for UdpLink {
    type Address = SocketAddr;
    type Error = io::Error;

    fn now(&self) -> Instant {
        Instant::ZERO + self.started.elapsed()
    }

    async fn send(&mut self, to: Recipient<SocketAddr>, datagram: &[u8]) -> io::Result<()> {
        let to = match to {
            Recipient::Gateway(address) => Some(address),
            Recipient::Everyone { .. } => self.everyone,
        };
        let Some(to) = to else { return Ok(()) };
        match self.socket.send_to(datagram, to) {
            Ok(_) => Ok(()),
            Err(error) => self.unless_lost(error),
        }
    }

    async fn receive(&mut self, buffer: &mut [u8], until: Instant) -> io::Result<Option<(usize, SocketAddr)>> {
        let wait = until.since(self.now());
        // The longest that every system takes; a socket takes zero for no limit at all.
        let wait = wait.clamp(Duration::from_millis(1), Duration::from_secs(3_600));
        self.socket.set_read_timeout(Some(wait))?;
        match self.socket.recv_from(buffer) {
            Ok(received) => Ok(Some(received)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
            Err(error) => self.unless_lost(error).map(|()| None),
        }
    }

    async fn sleep(&mut self, until: Instant) {
        std::thread::sleep(until.since(self.now()));
    }
}
