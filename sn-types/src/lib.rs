//! The few types that all crates of the project share.
//!
//! Owns: [`Instant`] (virtual or real time), the spec's ids ([`TopicId`], [`MsgId`], [`GwId`]), [`PeerAddr`]
//! (who is at the other end of a datagram) and [`LinkProfile`] (what a link promises).
//!
//! Must not know: packets, sessions, sockets, clocks. It is `no_std` without `alloc`, so that a sensor node's
//! firmware, the gateway and the simulator mean the same thing by the same name.

#![no_std]

mod addr;
mod ids;
mod link;
mod time;

pub use addr::{LinkAddr, NodeId, NodeIdTooLong, PeerAddr, TransportId};
pub use ids::{GwId, MsgId, TopicId};
pub use link::{LateCopies, LinkProfile};
pub use time::Instant;
