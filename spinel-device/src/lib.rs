//! The device's side of [Spinel](spinel): what a radio co-processor (RCP) answers its host, without USB, radio or clock.
//!
//! Owns: the octets from and to the host, the settings, which frames the radio takes and acknowledges and with which "frame
//! pending" ([`Receiver`]), whose turn it is at the radio. Must not know: what carries the octets, chips, clocks, what is in a
//! frame behind its MAC header. OpenThread's `ot-rcp` is the model; a dongle's firmware and the simulator's dongle are this code.
//!
//! [`Device`] has the order of calls. What it wants of the radio are [`Command`]s; what the radio did are calls.

#![no_std]

#[cfg(test)]
extern crate alloc;

mod device;
mod header;
mod output;
mod pending;
mod radio;
mod receiver;
mod session;
mod settings;

pub use device::Device;
pub use header::Address;
pub use pending::{Full, Pending};
pub use radio::{Command, MAX_PSDU, Outcome, Received, Transmit};
pub use receiver::{Receiver, Verdict};
pub use settings::Config;
pub use spinel::{Eui64, Reset, Status};
