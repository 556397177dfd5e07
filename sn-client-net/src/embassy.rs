//! UDP over embassy's network stack.

use crate::DatagramLink;
use core::net::SocketAddr;
use embassy_net::IpEndpoint;
use embassy_net::udp::{RecvError, SendError, UdpSocket};
use embassy_time::{Timer, with_deadline};
use sn_client::{Address, Instant, Recipient};

/// An address and port, as embassy writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint(pub IpEndpoint);

impl Address for Endpoint {
    fn from_gw_add(gw_add: &[u8]) -> Option<Self> {
        SocketAddr::from_gw_add(gw_add).map(|address| Self(address.into()))
    }
}

/// A bound UDP socket; the time is `embassy-time`'s.
pub struct EmbassyLink<'s> {
    socket: UdpSocket<'s>,
    everyone: Option<IpEndpoint>,
}

impl<'s> EmbassyLink<'s> {
    /// A link over a socket that is bound to a port.
    #[must_use]
    pub const fn new(socket: UdpSocket<'s>) -> Self {
        Self { socket, everyone: None }
    }

    /// Where searches for gateways go: a broadcast address or a multicast group.
    #[must_use]
    pub fn with_everyone(self, group: IpEndpoint) -> Self {
        Self { everyone: Some(group), ..self }
    }
}

impl DatagramLink for EmbassyLink<'_> {
    type Address = Endpoint;
    type Error = SendError;

    fn now(&self) -> Instant {
        Instant::from_micros(embassy_time::Instant::now().as_micros())
    }

    async fn send(&mut self, to: Recipient<Endpoint>, datagram: &[u8]) -> Result<(), SendError> {
        let to = match to {
            Recipient::Gateway(Endpoint(endpoint)) => Some(endpoint),
            Recipient::Everyone { .. } => self.everyone,
        };
        let Some(to) = to else { return Ok(()) };
        match self.socket.send_to(datagram, to).await {
            // There may be one later: a network comes and goes.
            Err(SendError::NoRoute) => Ok(()),
            sent => sent,
        }
    }

    async fn receive(&mut self, buffer: &mut [u8], until: Instant) -> Result<Option<(usize, Endpoint)>, SendError> {
        match with_deadline(embassy_instant(until), self.socket.recv_from(buffer)).await {
            Ok(Ok((len, metadata))) => Ok(Some((len, Endpoint(metadata.endpoint)))),
            Ok(Err(RecvError::Truncated)) | Err(_) => Ok(None),
        }
    }

    async fn sleep(&mut self, until: Instant) {
        Timer::at(embassy_instant(until)).await;
    }
}

/// A century is for ever, and does not overflow in ticks.
fn embassy_instant(at: Instant) -> embassy_time::Instant {
    const LONGEST_US: u64 = 3_155_760_000_000_000;
    embassy_time::Instant::from_micros(at.as_micros().min(LONGEST_US))
}
