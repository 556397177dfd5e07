//! What a board brings. All that waits may be dropped while it waits, and then nothing is lost.

use crate::Listen;
use heapless::Vec;
use spinel_device::{MAX_PSDU, Transmit};

/// The most octets that the line carries at once: one less than a packet of USB, so that no packet is full, after which
/// an empty one would have to follow.
pub const PACKET: usize = 63;

/// What has come from the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromHost {
    /// This many octets, at the start of the buffer.
    Octets(usize),
    /// Its end was opened or closed.
    Closed,
    /// It wants the bootloader, by what the line has for that.
    Bootloader,
}

/// The host's octets.
pub trait Reader {
    /// Waits for something of the host. A packet of USB has up to 64 octets.
    fn next(&mut self, octets: &mut [u8; PACKET + 1]) -> impl Future<Output = FromHost>;
}

/// Octets to the host.
pub trait Writer {
    /// Waits until the host takes some of these, at least one and at most [`PACKET`]; returns how many, 0 if it has gone.
    fn write(&mut self, octets: &[u8]) -> impl Future<Output = usize>;
}

/// A frame that has been received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// From frame control to check sequence.
    pub psdu: Vec<u8, MAX_PSDU>,
    /// In dBm.
    pub rssi_dbm: i8,
    /// Link quality, 0..=255.
    pub lqi: u8,
    /// When it began, by any clock of the board's, in microseconds.
    pub at_us: u64,
    /// It was acknowledged with "frame pending".
    pub acked_with_pending: bool,
}

/// What became of a frame that was to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It was on the air, and asked for no acknowledgement.
    Done,
    /// It was acknowledged, with this frame.
    Acknowledged(Heard),
    /// No attempt was acknowledged.
    NoAck,
    /// The channel was never clear.
    ChannelBusy,
}

/// The radio.
pub trait Radio {
    /// Listens so from now on, or not at all.
    fn listen(&mut self, how: &Listen) -> impl Future<Output = ()>;

    /// Sends a frame, again if need be, and listens as before.
    fn transmit(&mut self, frame: &Transmit) -> impl Future<Output = Sent>;

    /// Measures the most energy on a channel, in dBm, and listens as before.
    fn scan(&mut self, channel: u8, duration_ms: u16) -> impl Future<Output = i8>;

    /// Waits for a frame that [`Receiver::judge`](crate::Receiver::judge) takes; for ever while the radio is off.
    fn receive(&mut self) -> impl Future<Output = Heard>;
}
