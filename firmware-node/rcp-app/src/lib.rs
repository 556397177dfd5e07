//! What a radio dongle does, on any board: the radio's frames to the host and back, as OpenThread's `ot-rcp` does it.
//!
//! Owns: who waits for whom. One loop talks to the host, the other works the radio; a frame that waits for a clear channel
//! keeps no answer waiting. Must not know: USB, chips, clocks. A board brings a [`Radio`] and a line, which is a [`Reader`]
//! and a [`Writer`]; what Spinel means is `spinel_device`'s business.
//!
//! Order of calls: [`run`], which ends when the board is to restart. It is tested with the gateway's driver, where that is: in
//! `transports`.

#![no_std]

mod board;
mod run;

pub use board::{FromHost, Heard, PACKET, Radio, Reader, Sent, Writer};
pub use run::{Board, End, run};
pub use spinel_device::{Config, MAX_PSDU, Receiver, Status, Transmit, Verdict};

/// For how many nodes with short addresses, and for how many with extended ones, the acknowledgement can say that something
/// waits. A host that has more says so to all.
pub const MATCHES: usize = 36;

/// How the radio is to listen.
pub type Listen = Receiver<MATCHES>;
