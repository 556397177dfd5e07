//! How MQTT-SN datagrams travel in IEEE 802.15.4 frames.
//!
//! Owns: MAC headers ([`Header`]), link security ([`Level`], [`Keys`]), the two forms in which a datagram is carried
//! ([`Carriage`]): bare, or in UDP over 6LoWPAN; fragments and how they are put together again; and what a gateway does
//! with all that for its nodes ([`Hub`]), those that sleep and poll included; and a node's own side ([`Leaf`]).
//!
//! Must not know: MQTT-SN messages, sockets, radios, clocks, where keys are kept. Time and frames are arguments.
//! `docs/radio.md` draws the frames and says what is standard in them.
//!
//! A node's side needs neither `std` nor `alloc`. The gateway's is behind the feature `hub`, and needs `alloc`.

#![no_std]

#[cfg(feature = "hub")]
extern crate alloc;

mod address;
mod assembly;
mod carriage;
mod fragment;
#[cfg(feature = "hub")]
mod hub;
mod leaf;
mod mac;
mod psdu;
mod reason;
mod received;
mod security;
mod sixlowpan;
mod station;
mod transmit;

pub use address::link_local;
pub use carriage::{Carriage, DISPATCH};
#[cfg(feature = "hub")]
pub use hub::{Carriages, Config, Hub, Limits, Node, SourceMatch, Stats};
pub use leaf::{Leaf, LeafConfig};
pub use mac::{Address, BROADCAST, Header, Kind};
pub use psdu::{FCS_LEN, MAX_FRAME, MAX_PSDU, Psdu, check_fcs, fcs};
pub use reason::Reason;
pub use received::Received;
pub use security::{AuxHeader, Keys, Level, NoKeys};
pub use sn_types::{Eui64, LinkKey, Signal};
pub use station::{ConfigError, Station};
pub use transmit::{Ack, FrameId, SendError, Transmit, TransmitError};
