//! What a router does, on any board: it carries frames between nodes and the gateway, day and night.
//!
//! Owns: the order in which it listens and sends. Must not know: chips, clocks. A board brings a [`Radio`]; where frames go is
//! [`Router`]'s business.
//!
//! Order of calls: [`turn`] for ever.

#![no_std]

pub use lowpan::{Ack, Eui64, MAX_PSDU, Router, RouterConfig, Signal, TransmitError};
pub use sn_types::Instant;

/// What a board brings. It listens all the time, also while it waits for a clear channel, and keeps what it hears until it
/// is received.
pub trait Radio {
    /// The time since the start.
    fn now(&self) -> Instant;

    /// Waits until a time for a frame, of which this many octets are at the start of `psdu`. What has come already comes
    /// whatever the time. `None` as time: for ever.
    fn receive(
        &mut self,
        psdu: &mut [u8; MAX_PSDU],
        until: Option<Instant>,
    ) -> impl Future<Output = Option<(usize, Signal)>>;

    /// Sends a frame, again if it asks for an acknowledgement and gets none.
    fn transmit(&mut self, psdu: &[u8]) -> impl Future<Output = Result<Ack, TransmitError>>;

    /// From now on the acknowledgement of a node's data request says that something waits, or not.
    fn match_source(&mut self, node: Eui64, pending: bool);
}

/// Sends a frame if there is one; then takes what has come meanwhile, or waits for what comes.
pub async fn turn<const WAYS: usize, const QUEUE: usize>(router: &mut Router<WAYS, QUEUE>, radio: &mut impl Radio) {
    while let Some(change) = router.poll_source_match() {
        radio.match_source(change.node, change.pending);
    }
    let mut until = router.poll_timeout();
    if let Some(frame) = router.poll_transmit() {
        let fate = radio.transmit(frame.psdu.as_bytes()).await;
        router.handle_transmitted(radio.now(), frame.id, fate);
        until = Some(radio.now());
    }
    let mut psdu = [0; MAX_PSDU];
    if let Some((len, signal)) = radio.receive(&mut psdu, until).await {
        router.handle_frame(radio.now(), &psdu[..len], signal);
    }
    // Also where frame comes upon frame.
    if router.poll_timeout().is_some_and(|due| due <= radio.now()) {
        router.handle_timeout(radio.now());
    }
}
