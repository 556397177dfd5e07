//! What a sensor node does, on any board.
//!
//! Owns: two kinds of nodes. [`sensor`] is the one for batteries, with a radio of its own and flash to keep things in, and
//! [`console`] how it is told its first settings. [`Node`] is the simple one, for whatever carries datagrams. It connects, subscribes to its command topic, publishes a report at QoS 1 and goes to
//! sleep. Asleep, it wakes from time to time to collect what the gateway has kept; a command is answered by publishing
//! it again on the echo topic, in a connection that also carries the next report.
//!
//! Must not know: chips, radios, interrupts. A board brings a [`Link`] and a [`Clock`]; [`slip`] makes a link out of
//! anything that carries octets. No heap: every limit is a constant of this crate.
//!
//! Order of calls: the module's, for a sensor. [`Node::new`] with the [`Settings`], then [`Node::run`] forever; or, to do other things too,
//! [`Node::turn`] whenever something may have arrived and at the time that it returned.

#![no_std]

mod board;
pub mod console;
mod duties;
pub mod fault;
mod node;
mod report;
pub mod sensor;
mod settings;
pub mod slip;

pub use board::{Clock, Link};
pub use duties::{MAX_COMMAND_LEN, MAX_COMMANDS};
pub use node::{MAX_DATAGRAM_LEN, Node};
pub use settings::Settings;
pub use sn_client::Config;
pub use sn_types::Instant;
