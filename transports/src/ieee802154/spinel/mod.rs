//! Spinel, the protocol between a host and a radio co-processor (RCP) of OpenThread: the radio's own MAC does what must be
//! done in time (backoff, acknowledgements, address filter), and hands raw frames of IEEE 802.15.4 over.
//!
//! Owns: the octets ([`Frame`], [`RawReceived`], [`RawTransmit`], the types of fields) and the state of one radio
//! ([`Rcp`]). Must not know: what is in a frame, devices, clocks.
//!
//! As draft-rquattle-spinel-unified has it, and where that is silent, as OpenThread's `ot-rcp` does it. On the line each
//! frame is in [HDLC-lite](crate::hdlc).

mod frame;
mod names;
mod pack;
mod rcp;
mod stream;

pub use frame::{Frame, LONGEST, Message, Reset};
pub use names::{Capability, Property, Status};
pub use pack::{Eui64, Fields, put_data, put_packed};
pub use rcp::{Energy, Event, Info, NotReady, Rcp, Received, Sent, Settings, Transmit};
pub use stream::{FCS_LEN, MD_FLAG_ACKED_FP, MD_FLAG_BAD_FCS, MD_FLAG_TX, RawReceived, RawSent, RawTransmit};
