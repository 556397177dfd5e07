//! The few types that all crates of the project share.
//!
//! Owns: [`Instant`] (virtual or real time), the spec's ids ([`TopicId`], [`MsgId`], [`GwId`]), [`PeerAddr`]
//! (who is at the other end of a datagram), [`LinkProfile`] (what a link promises), and what is known of a radio node
//! ([`Eui64`], [`LinkKey`], [`Heard`]).
//!
//! Must not know: packets, sessions, sockets, clocks. It is `no_std` without `alloc`, so that a sensor node's
//! firmware, the gateway and the simulator mean the same thing by the same name.

#![no_std]

mod addr;
mod ids;
mod link;
mod node;
mod time;

pub use addr::{LinkAddr, NodeId, NodeIdTooLong, PeerAddr, TransportId};
pub use ids::{GwId, MsgId, TopicId};
pub use link::{LateCopies, LinkProfile};
pub use node::{Eui64, Heard, LinkKey, NoEui64, NoLinkKey, Relay, Signal, Way};
pub use time::Instant;
