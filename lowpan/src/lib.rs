//! How MQTT-SN datagrams travel in IEEE 802.15.4 frames.
//!
//! Owns: MAC headers ([`Header`]), link security ([`Level`], [`Keys`]), the two forms in which a datagram is carried
//! ([`Carriage`]): bare, or in UDP over 6LoWPAN; fragments and how they are put together again; and what a gateway does
//! with all that for its nodes ([`Hub`]), those that sleep and poll included; a node's own side ([`Leaf`]); and a station that
//! carries frames between them ([`Router`]).
//!
//! Must not know: MQTT-SN messages, sockets, radios, clocks, where keys are kept. Time and frames are arguments.
//! `docs/radio.md` draws the frames and says what is standard in them.
//!
//! A node's side and a router need neither `std` nor `alloc`. The gateway's is behind the feature `hub`, and needs `alloc`.
//!
//! ```
//! # #[cfg(feature = "hub")] {
//! use lowpan::{
//!     Ack, Carriage, Carriages, Config, Eui64, Hub, Leaf, LeafConfig, Limits, NoKeys, Received, Signal, Station,
//! };
//! use sn_types::Instant;
//!
//! let gateway = Station { eui64: Eui64([2, 0, 0, 0, 0, 0, 0, 1]), pan: 0xABCD, short: Some(1), security: None };
//! let config =
//!     Config { station: gateway, carriages: Carriages::Both(1883), fragment: true, limits: Limits::DEFAULT };
//! let mut hub = Hub::new(config, NoKeys, 4711).expect("it can be");
//!
//! let node = Station { eui64: Eui64([2, 0, 0, 0, 0, 0, 0, 7]), short: None, ..gateway };
//! let config = LeafConfig {
//!     station: node,
//!     gateway: gateway.eui64,
//!     gateway_short: gateway.short,
//!     carriage: Carriage::Bare,
//!     fragment: true,
//! };
//! let mut leaf: Leaf<NoKeys, 256> = Leaf::new(config, NoKeys, 42).expect("it can be");
//!
//! leaf.send(false, b"\x02\x16").expect("nothing else is being sent");
//! let frame = leaf.poll_transmit().expect("a frame for the radio");
//! leaf.handle_transmitted(Instant::ZERO, frame.id, Ok(Ack::default()));
//!
//! let received = hub.handle_frame(Instant::ZERO, frame.psdu.as_bytes(), Signal::default());
//! let ping = Received::Datagram { from: node.eui64, carriage: Carriage::Bare, to_all: false, octets: b"\x02\x16" };
//! assert_eq!(received, ping);
//! # }
//! ```

#![no_std]

#[cfg(feature = "hub")]
extern crate alloc;

mod address;
mod assembly;
mod carriage;
mod ccm;
mod fragment;
#[cfg(feature = "hub")]
mod hub;
mod leaf;
mod mac;
mod mesh;
mod parent;
mod psdu;
mod reason;
mod received;
mod router;
mod security;
mod sixlowpan;
mod station;
mod transmit;
mod turn;

pub use address::link_local;
pub use carriage::{Carriage, DISPATCH};
#[cfg(feature = "hub")]
pub use hub::{Carriages, Config, Hub, Limits, Node, Stats};
pub use leaf::{Leaf, LeafConfig};
pub use mac::{Address, BROADCAST, Header, Kind};
pub use mesh::{MAX_HOPS, MeshHeader};
pub use psdu::{FCS_LEN, MAX_FRAME, MAX_PSDU, Psdu, check_fcs, fcs};
pub use reason::Reason;
pub use received::Received;
pub use router::{Heard, Router, RouterConfig, RouterStats};
pub use security::{AuxHeader, Keys, Level, NoKeys};
pub use sn_types::{Eui64, LinkKey, Relay, Signal, Way};
pub use station::{ConfigError, Station};
pub use transmit::{Ack, FrameId, SendError, SourceMatch, Transmit, TransmitError};
