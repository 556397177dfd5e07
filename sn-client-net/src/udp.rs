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
    lost: Option<ErrorKind>,
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
        Ok(Self { socket, everyone: None, lost: None, started: std::time::Instant::now() })
    }

    /// A link to one gateway only, [`UdpLink::gateway`], which therefore learns when nobody listens there:
    /// [`UdpLink::lost`].
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

    /// Where the datagrams of the one gateway come from: who writes to `0.0.0.0` is answered by `127.0.0.1`.
    ///
    /// # Errors
    /// The link is not [to one](UdpLink::to).
    pub fn gateway(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// Why a datagram has not arrived, if the system has said so since this was asked last: nobody listens there, or there
    /// is no way. It may have been one that was sent some time before.
    pub const fn lost(&mut self) -> Option<ErrorKind> {
        self.lost.take()
    }

    /// Where searches for gateways go: a broadcast address or a multicast group.
    #[must_use]
    pub fn with_everyone(self, group: SocketAddr) -> Self {
        Self { everyone: Some(group), ..self }
    }

    fn receive_within(&self, buffer: &mut [u8], wait: Duration) -> io::Result<(usize, SocketAddr)> {
        // A socket takes zero for no limit at all.
        if wait.is_zero() {
            self.socket.set_nonblocking(true)?;
            let received = self.socket.recv_from(buffer);
            self.socket.set_nonblocking(false)?;
            return received;
        }
        // The longest that every system takes.
        let wait = wait.clamp(Duration::from_millis(1), Duration::from_secs(3_600));
        self.socket.set_read_timeout(Some(wait))?;
        self.socket.recv_from(buffer)
    }

    /// Only errors that are not about one datagram: nobody listens at its destination, or there is no way to it now.
    fn unless_lost(&mut self, error: io::Error) -> io::Result<()> {
        use ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable};
        match error.kind() {
            Interrupted => Ok(()),
            kind @ (ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable) => {
                self.lost = Some(kind);
                Ok(())
            }
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
        // What became of an earlier datagram is told here, too, and then this one has not gone out.
        for _ in 0..2 {
            match self.socket.send_to(datagram, to) {
                Ok(_) => return Ok(()),
                Err(error) => self.unless_lost(error)?,
            }
        }
        Ok(())
    }

    async fn receive(&mut self, buffer: &mut [u8], until: Instant) -> io::Result<Option<(usize, SocketAddr)>> {
        match self.receive_within(buffer, until.since(self.now())) {
            Ok(received) => Ok(Some(received)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
            Err(error) => self.unless_lost(error).map(|()| None),
        }
    }

    async fn sleep(&mut self, until: Instant) {
        std::thread::sleep(until.since(self.now()));
    }
}
