//! UDP over any network stack that has the traits of `embedded-nal-async`.

use crate::DatagramLink;
use core::fmt::Debug;
use core::net::SocketAddr;
use embassy_futures::select::{Either, select};
use embedded_hal_async::delay::DelayNs;
use embedded_nal_async::UnconnectedUdp;
use sn_client::{Instant, Recipient};

/// A bound UDP socket, a clock, and something that waits.
pub struct NalLink<S, D, C> {
    socket: S,
    local: SocketAddr,
    everyone: Option<SocketAddr>,
    delay: D,
    clock: C,
}

impl<S: UnconnectedUdp, D: DelayNs, C: Fn() -> Instant> NalLink<S, D, C> {
    /// A link over what `UdpStack::bind_single` has returned. `clock` tells the time since any start.
    #[must_use]
    pub const fn new(local: SocketAddr, socket: S, delay: D, clock: C) -> Self {
        Self { socket, local, everyone: None, delay, clock }
    }

    /// Where searches for gateways go: a broadcast address or a multicast group.
    #[must_use]
    pub fn with_everyone(self, group: SocketAddr) -> Self {
        Self { everyone: Some(group), ..self }
    }

    fn us_until(&self, until: Instant) -> u32 {
        // A longer wait ends early, and is begun again.
        u32::try_from(until.since((self.clock)()).as_micros()).unwrap_or(u32::MAX / 2)
    }
}

impl<S, D, C> DatagramLink for NalLink<S, D, C>
where
    S: UnconnectedUdp,
    S::Error: Debug,
    D: DelayNs,
    C: Fn() -> Instant,
{
    type Address = SocketAddr;
    type Error = S::Error;

    fn now(&self) -> Instant {
        (self.clock)()
    }

    async fn send(&mut self, to: Recipient<SocketAddr>, datagram: &[u8]) -> Result<(), S::Error> {
        let to = match to {
            Recipient::Gateway(address) => Some(address),
            Recipient::Everyone { .. } => self.everyone,
        };
        match to {
            Some(to) => self.socket.send(self.local, to, datagram).await,
            None => Ok(()),
        }
    }

    async fn receive(&mut self, buffer: &mut [u8], until: Instant) -> Result<Option<(usize, SocketAddr)>, S::Error> {
        let wait_us = self.us_until(until);
        match select(self.socket.receive_into(buffer), self.delay.delay_us(wait_us)).await {
            Either::First(received) => received.map(|(len, _, from)| Some((len, from))),
            Either::Second(()) => Ok(None),
        }
    }

    async fn sleep(&mut self, until: Instant) {
        while (self.clock)() < until {
            let wait_us = self.us_until(until);
            self.delay.delay_us(wait_us).await;
        }
    }
}
