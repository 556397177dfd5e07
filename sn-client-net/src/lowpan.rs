//! Bare IEEE 802.15.4: the crate `lowpan` makes frames of datagrams, a radio carries them.

use crate::DatagramLink;
use ::lowpan::{Ack, FrameId, Keys, Leaf, MAX_PSDU, Received, TransmitError};
use core::fmt::Debug;
use sn_client::{Instant, Recipient};

/// A radio that sends and receives IEEE 802.15.4 frames, without their check sequences.
///
/// Futures may be dropped before they are done; then nothing, or a frame, is lost.
#[allow(async_fn_in_trait, reason = "executors on chips have one thread")]
pub trait FrameRadio {
    /// Why the radio does not work at all.
    type Error: Debug;

    /// Time since a start of the radio's choosing.
    fn now(&self) -> Instant;

    /// Sends a frame, with CSMA/CA; again, if it asks for an acknowledgement and gets none. What came of it.
    ///
    /// # Errors
    /// The radio does not work.
    async fn transmit(&mut self, psdu: &[u8]) -> Result<Result<Ack, TransmitError>, Self::Error>;

    /// Puts the next frame at the start of `psdu` and returns its length; `None` when it is `until`, or earlier.
    ///
    /// # Errors
    /// The radio does not work.
    async fn receive(&mut self, psdu: &mut [u8; MAX_PSDU], until: Instant) -> Result<Option<usize>, Self::Error>;

    /// Switches off until then.
    async fn sleep(&mut self, until: Instant);
}

/// A radio and a node's side of a PAN. A leaf talks to the gateway that its configuration names, and to no other.
pub struct LowpanLink<R, K, const PACKET: usize> {
    radio: R,
    leaf: Leaf<K, PACKET>,
    gateway: [u8; 8],
    /// The frame that the radio has, or had when a future was dropped.
    in_radio: Option<FrameId>,
}

impl<R: FrameRadio, K: Keys, const PACKET: usize> LowpanLink<R, K, PACKET> {
    /// A link to this gateway, which is the one of the leaf's configuration.
    #[must_use]
    pub const fn new(radio: R, leaf: Leaf<K, PACKET>, gateway: [u8; 8]) -> Self {
        Self { radio, leaf, gateway, in_radio: None }
    }

    /// The leaf, to give its keys more counters.
    pub const fn leaf_mut(&mut self) -> &mut Leaf<K, PACKET> {
        &mut self.leaf
    }

    /// Looks for another parent, which takes a sixth of a second: a router, or the gateway itself.
    async fn seek_parent(&mut self) -> Result<(), R::Error> {
        let mut psdu = [0; MAX_PSDU];
        self.leaf.seek_parent(self.radio.now());
        while self.leaf.is_seeking() {
            self.flush().await?;
            let until = self.leaf.poll_timeout().unwrap_or(Instant::ZERO);
            if let Some(len) = self.radio.receive(&mut psdu, until).await? {
                // Datagrams that come now are lost, as they are while a radio sleeps.
                self.leaf.handle_frame(self.radio.now(), psdu.get(..len).unwrap_or_default());
            }
            self.leaf.handle_timeout(self.radio.now());
        }
        Ok(())
    }

    /// Sends what the leaf has to send. The radio is off while that rests.
    async fn flush(&mut self) -> Result<(), R::Error> {
        // A future was dropped while the radio had it: nobody knows whether it was sent.
        if let Some(frame) = self.in_radio.take() {
            self.leaf.handle_transmitted(self.radio.now(), frame, Err(TransmitError::ChannelAccess));
        }
        loop {
            while let Some(frame) = self.leaf.poll_transmit() {
                self.in_radio = Some(frame.id);
                let fate = self.radio.transmit(frame.psdu.as_bytes()).await?;
                self.in_radio = None;
                self.leaf.handle_transmitted(self.radio.now(), frame.id, fate);
            }
            let Some(until) = self.leaf.rests_until() else { return Ok(()) };
            self.radio.sleep(until).await;
            self.leaf.handle_timeout(self.radio.now());
        }
    }
}

impl<R: FrameRadio, K: Keys, const PACKET: usize> DatagramLink for LowpanLink<R, K, PACKET> {
    /// The gateway's EUI-64.
    type Address = [u8; 8];
    type Error = R::Error;

    fn now(&self) -> Instant {
        self.radio.now()
    }

    async fn send(&mut self, to: Recipient<[u8; 8]>, datagram: &[u8]) -> Result<(), R::Error> {
        let to_all = match to {
            Recipient::Gateway(address) if address != self.gateway => return Ok(()),
            Recipient::Gateway(_) => false,
            Recipient::Everyone { .. } => true,
        };
        if self.leaf.needs_parent() {
            self.seek_parent().await?;
        }
        // What a dropped future has left half sent goes first. What is too long is lost.
        self.flush().await?;
        if self.leaf.send(to_all, datagram).is_ok() {
            self.flush().await?;
        }
        Ok(())
    }

    async fn receive(&mut self, buffer: &mut [u8], until: Instant) -> Result<Option<(usize, [u8; 8])>, R::Error> {
        let mut psdu = [0; MAX_PSDU];
        loop {
            if self.leaf.more_waits() {
                self.leaf.request();
            }
            self.flush().await?;
            self.leaf.handle_timeout(self.radio.now());
            let due = self.leaf.poll_timeout().unwrap_or(Instant::FAR_FUTURE).min(until);
            let Some(len) = self.radio.receive(&mut psdu, due).await? else {
                if self.radio.now() < until {
                    continue;
                }
                return Ok(None);
            };
            let received = self.leaf.handle_frame(self.radio.now(), psdu.get(..len).unwrap_or_default());
            if let Received::Datagram { from, octets, .. } = received
                && let Some(room) = buffer.get_mut(..octets.len())
            {
                room.copy_from_slice(octets);
                return Ok(Some((octets.len(), from.0)));
            }
        }
    }

    async fn sleep(&mut self, until: Instant) {
        self.radio.sleep(until).await;
    }
}
