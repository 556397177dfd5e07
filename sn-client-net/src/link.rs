//! What carries datagrams.

use core::fmt::Debug;
use sn_client::{Address, Instant, Recipient};

/// A link to gateways, and the time: a UDP socket, a radio, a serial line.
///
/// Futures may be dropped before they are done; then nothing, or a datagram, is lost.
#[allow(async_fn_in_trait, reason = "executors on chips have one thread")]
pub trait DatagramLink {
    /// Where a peer is.
    type Address: Address;
    /// Why the link does not work at all. A datagram that is lost is none: the protocol repeats it.
    type Error: Debug;

    /// Time since a start of the link's choosing.
    fn now(&self) -> Instant;

    /// Sends a datagram, or loses it.
    ///
    /// # Errors
    /// The link does not work.
    async fn send(&mut self, to: Recipient<Self::Address>, datagram: &[u8]) -> Result<(), Self::Error>;

    /// Puts the next datagram at the start of `buffer` and returns its length and sender; `None` when it is `until`. It may
    /// return `None` earlier. A datagram that does not fit is lost.
    ///
    /// # Errors
    /// The link does not work.
    async fn receive(
        &mut self,
        buffer: &mut [u8],
        until: Instant,
    ) -> Result<Option<(usize, Self::Address)>, Self::Error>;

    /// Waits until then. What arrives meanwhile may be lost: a radio is switched off.
    async fn sleep(&mut self, until: Instant);
}
