//! The link to the gateway, with `--debug` one that shows what it carries.

use crate::args::LinkArgs;
use crate::console::tell;
use crate::trace::describe;
use sn_client_net::{DatagramLink, Recipient, UdpLink};
use sn_types::Instant;
use std::io;
use std::net::SocketAddr;

/// UDP to one gateway. [`UdpLink`] says what its futures are.
pub(crate) struct ShownLink<'a> {
    link: UdpLink,
    /// Whose datagrams are shown, if they are.
    shown_as: Option<&'a str>,
    heard: bool,
}

impl<'a> ShownLink<'a> {
    /// A link to the gateway.
    ///
    /// # Errors
    /// There is no socket to be had, or no way there.
    pub(crate) fn open(gateway: SocketAddr, args: &'a LinkArgs) -> io::Result<Self> {
        let shown_as = args.debug.then(|| args.id.as_deref().unwrap_or_default());
        Ok(Self { link: UdpLink::to(gateway)?, shown_as, heard: false })
    }

    /// See [`UdpLink::gateway`].
    pub(crate) fn gateway(&self) -> io::Result<SocketAddr> {
        self.link.gateway()
    }

    /// See [`UdpLink::lost`].
    pub(crate) const fn lost(&mut self) -> Option<io::ErrorKind> {
        self.link.lost()
    }

    /// Whether a datagram has come since this was asked last.
    pub(crate) const fn heard(&mut self) -> bool {
        core::mem::replace(&mut self.heard, false)
    }
}

impl DatagramLink for ShownLink<'_> {
    type Address = SocketAddr;
    type Error = io::Error;

    fn now(&self) -> Instant {
        self.link.now()
    }

    async fn send(&mut self, to: Recipient<SocketAddr>, datagram: &[u8]) -> io::Result<()> {
        if let Some(id) = self.shown_as {
            tell(format_args!("Client {id} sending {}", describe(datagram)));
        }
        self.link.send(to, datagram).await
    }

    async fn receive(&mut self, buffer: &mut [u8], until: Instant) -> io::Result<Option<(usize, SocketAddr)>> {
        let received = self.link.receive(buffer, until).await?;
        self.heard |= received.is_some();
        if let (Some(id), Some((len, _))) = (self.shown_as, received) {
            tell(format_args!("Client {id} received {}", describe(&buffer[..len])));
        }
        Ok(received)
    }

    async fn sleep(&mut self, until: Instant) {
        self.link.sleep(until).await;
    }
}
