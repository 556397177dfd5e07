//! Nodes for tests: this project's client library on any link, and a radio for it.
//!
//! Owns: the node ([`Node`]), the air with a node of IEEE 802.15.4 and an emulated dongle ([`Radio`]), serial devices that can be
//! plugged in and pulled out ([`plug`]). Must not know: what is at the other end, gateway or forwarder.
//!
//! Order of calls: [`Radio::plug`], [`Node::connect`], then [`Node::step`] again and again until what the test waits for has
//! happened. Failed expectations panic.

mod node;
mod pty;
mod radio;

pub use node::{Link, Node, Told, udp};
pub use pty::plug;
pub use radio::{ADDRESS, CHANNEL, KEY, PAN, Radio, Setup};
