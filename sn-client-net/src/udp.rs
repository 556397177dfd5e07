//! UDP over the operating system's sockets, for blocking programs.

use crate::DatagramLink;
use sn_client::{Instant, Recipient};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::Duration;

/// A UDP socket whose futures block, and are done when they return: for [`crate::block_on`].
#[derive(Debug)]
pub struct UdpLink {
    socket: UdpSocket,
    everyone: Option<SocketAddr>,
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
        Ok(Self { socket, everyone: None, started: std::time::Instant::now() })
    }

    /// Where searches for gateways go: a broadcast address or a multicast group.
    #[must_use]
    pub fn with_everyone(self, group: SocketAddr) -> Self {
        Self { everyone: Some(group), ..self }
    }

    /// Errors that are about one datagram: nobody listens at its destination, or there is no way to it now.
    fn is_loss(error: &io::Error) -> bool {
        use ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable};
        let kinds = [ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable];
        kinds.contains(&error.kind())
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
            Err(error) if !Self::is_loss(&error) => Err(error),
            Ok(_) | Err(_) => Ok(()),
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
            Err(error) if Self::is_loss(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn sleep(&mut self, until: Instant) {
        std::thread::sleep(until.since(self.now()));
    }
}
