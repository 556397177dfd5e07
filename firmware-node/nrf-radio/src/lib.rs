//! The nRF52840's radio as an IEEE 802.15.4 radio: frames in and out, and everything that software is too slow for.
//!
//! Owns: the RADIO peripheral with TIMER0 and two PPI channels; the high-frequency crystal, which runs only while the radio
//! may be needed; CSMA-CA with its back-offs, repetitions, the acknowledgement that a frame asks for and the ones that others
//! ask for; energy detection.
//!
//! Must not know: what is in a frame beyond its addresses, keys, who polls. A frame is a PSDU without check sequence.
//!
//! What has to happen within 192 us, aTurnaroundTime, is done by the radio's shortcuts and its interrupt handler, so that
//! neither a busy executor nor another interrupt's handler of less priority makes an acknowledgement late:
//!
//! ```text
//! transmit  RXEN -> CCA -> TXEN -> frame -> DISABLE .. 130 us .. RXEN -> acknowledgement -> DISABLE
//! receive   RXEN -> frame -> DISABLE -> TXEN, which TIFS holds back until 192 us are over -> acknowledgement -> DISABLE
//! ```
//!
//! All arrows are shortcuts, and the dots are the timer's. The handler only says whether the last arrow is wanted: it hands
//! over the acknowledgement, or stops the transmitter before it is ready.
//!
//! Order of calls: `Radio::new`, `Radio::configure`, then any of `transmit`, `receive`, `energy`; `off` when nothing is
//! expected. They leave the crystal running, and `receive` the receiver as well unless it is for one frame.

#![no_std]

pub mod backoff;
pub mod filter;
pub mod poller;
pub mod ring;

#[cfg(target_os = "none")]
mod clock;
#[cfg(target_os = "none")]
mod hardware;
#[cfg(target_os = "none")]
mod machine;
#[cfg(target_os = "none")]
mod radio;
#[cfg(target_os = "none")]
mod slot;

pub use filter::{Addresses, Filter, Verdict};
pub use lowpan::{Ack, MAX_PSDU, TransmitError};
#[cfg(target_os = "none")]
pub use radio::{Frame, InterruptHandler, Parts, Radio, Settings, Window};
