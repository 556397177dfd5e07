//! The node side of MQTT-SN 1.2 as one small state machine, without I/O, heap or clock.
//!
//! Owns: the dialogue with one gateway: connection and will set-up, keep-alive, topic registration, publish and
//! subscribe at every QoS, sleep, retransmission, reconnection, the search for gateways and the choice among them (1.2 §6).
//!
//! Must not know: sockets, addresses, time of day, who prints or acts on what arrives. The driver hands in datagrams
//! and the time and carries out what comes back; the same code runs on a chip, in a simulator and in a command.
//!
//! One request is in progress at a time, which is the simplest client that is correct: [`Client::is_busy`] says
//! whether the last one is done. See [`Client`] for the order of calls.
//!
//! # What there is
//! * [`Client`]: the dialogue with one gateway.
//! * [`RoamingClient`]: the same with several gateways, which it is told or finds; it goes on at another one when one is
//!   lost. Who does not use it pays nothing for it.
//! * [`Client::save`] and [`Client::restore`]: a session outlives a restart of the node.
//!
//! A client with a loop and a link around it is in the crate `sn-client-net`; `docs/node.md` is a tutorial.
//!
//! ```
//! use sn_client::{Client, Config, Event, Qos, Topic};
//! use sn_types::Instant;
//!
//! // Room for a request's topic name and payload together, and for the names of registered topics.
//! let mut client: Client<'_, 128, 256> = Client::new(Config::new("node7"));
//! client.connect(true);
//!
//! let mut buffer = [0; 137];
//! let connect = client.poll_output(Instant::ZERO, &mut buffer).expect("a CONNECT to send");
//! assert_eq!(connect.datagram, b"\x0B\x04\x04\x01\x00\x3Cnode7");
//!
//! let event = client.handle_input(Instant::from_millis(20), b"\x03\x05\x00");
//! assert_eq!(event, Some(Event::Connected));
//! client.publish(Topic::Name("a/b"), b"21.5", Qos::One, false).expect("connected and idle");
//! ```

#![no_std]

mod body;
mod client;
mod config;
mod elsewhere;
mod event;
mod gateways;
mod input;
mod jitter;
mod output;
mod received;
mod record;
mod request;
mod roaming;
mod topics;

pub use client::{Client, State};
pub use config::{Config, Will};
pub use event::{Cause, Event, Received, Topic};
pub use gateways::{Address, Known};
pub use output::{Destination, Transmit};
pub use request::RequestError;
pub use roaming::{Recipient, RoamingClient, RoamingTransmit};
pub use sn_codec::{GwId, Qos, ReturnCode, ShortName, TopicId};
pub use sn_types::Instant;
