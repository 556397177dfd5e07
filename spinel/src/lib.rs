//! Spinel, the protocol between a host and a radio co-processor (RCP) of OpenThread: the radio's own MAC does what must be
//! done in time (backoff, acknowledgements, address filter), and hands raw frames of IEEE 802.15.4 over.
//!
//! Owns: the octets ([`Frame`], [`RawReceived`], [`RawTransmit`], the types of fields), and [`hdlc`], in which each frame is
//! on the line. Must not know: which of both ends it is, what is in a frame of the air, devices, clocks, a heap.
//!
//! As draft-rquattle-spinel-unified has it, and where that is silent, as OpenThread's `ot-rcp` does it. What writes octets gives
//! them one after the other, as an iterator: who has a heap collects them, who has none puts them on the line.

#![no_std]

#[cfg(test)]
extern crate alloc;

mod frame;
pub mod hdlc;
mod names;
mod pack;
mod stream;

pub use frame::{Frame, LONGEST, Message, Reset};
pub use names::{Capability, Property, Status};
pub use pack::{Eui64, Fields, data, packed};
pub use stream::{FCS_LEN, MD_FLAG_ACKED_FP, MD_FLAG_BAD_FCS, MD_FLAG_TX, RawReceived, RawSent, RawTransmit};
