//! The other end of the chip's USB: a host at a cable, and what passes between the two.
//!
//! Owns: transactions ([`Token`], [`Handshake`]); a host that enumerates the device as Linux does and drives its serial line
//! (CDC-ACM) ([`Host`]). Must not know: the chip's registers, what the octets of the line mean.

mod control;
mod descriptors;
mod host;

pub use descriptors::Descriptors;
pub use host::Host;

/// The longest packet, of any endpoint but the isochronous ones, at full speed.
pub(crate) const PACKET: usize = 64;

/// What the host begins a transaction with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A request at endpoint 0.
    Setup([u8; 8]),
    /// Asks an endpoint for a packet.
    In(usize),
    /// Brings an endpoint a packet.
    Out(usize, Vec<u8>),
}

/// What the device answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// It has taken the packet.
    Ack,
    /// This packet.
    Data(Vec<u8>),
    /// The request, or the endpoint, is of no use.
    Stall,
}

/// A device as the bus finds it.
pub(crate) trait Device {
    /// The cable is in, and the device wants to be seen.
    fn is_attached(&self) -> bool;

    /// Whether it would answer otherwise than "not now" (NAK), to which the host would ask again and again.
    fn answers(&self, token: &Token) -> bool;

    /// A transaction. Only what [`Device::answers`].
    fn transact(&mut self, token: &Token) -> Handshake;

    /// The host resets the bus.
    fn reset(&mut self);

    /// The host falls silent for long, or wakes the bus up.
    fn set_suspended(&mut self, is_suspended: bool);
}
