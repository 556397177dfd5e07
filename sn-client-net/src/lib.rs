//! [`sn_client`] with a link, a clock and a loop around it: `async` on chips, blocking on hosts.
//!
//! Owns: the loop that the state machine asks for (send what it wants sent, wait for a datagram or the time), and links
//! over UDP. Must not know: the protocol, which is `sn-client`'s.
//!
//! # Which one to take
//! * A program on a host that does one thing after the other: `BlockingClient`, with the feature `std`.
//! * Firmware with an async executor: [`AsyncClient`], over `EmbassyLink` (feature `embassy-net`), over `NalLink` (feature
//!   `nal`) with any stack that has the traits of `embedded-nal-async`, over `LowpanLink` (feature `lowpan`) in bare IEEE 802.15.4
//!   frames, or over a [`DatagramLink`] of your own: four
//!   functions, for a radio or a serial line.
//! * Firmware without either: [`sn_client::Client`] itself, in a loop that you write.
//!
//! # Ten minutes
//! Everything takes a [`Config`] (who the node is), a link, a buffer, and a function for messages that arrive:
//!
//! ```no_run
//! # #[cfg(feature = "std")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use sn_client_net::{BlockingClient, Config, Qos, Topic, UdpLink};
//!
//! let link = UdpLink::bind("0.0.0.0:0")?;
//! let mut buffer = [0; 1_500];
//! let mut client = BlockingClient::open(Config::new("hall-sensor"), link, &mut buffer, |message| {
//!     println!("{:?}: {:?}", message.topic, message.payload);
//! });
//! client.add_gateway("127.0.0.1:1883".parse()?);
//! client.connect(true)?;
//! client.subscribe(Topic::Name("hall/commands/#"), Qos::One)?;
//! client.publish(Topic::Name("hall/temperature"), b"21.5", Qos::One, false)?;
//! client.disconnect()?;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "std"))]
//! # fn main() {}
//! ```
//!
//! [`AsyncClient`] has the same calls with `.await`. A call returns when the gateway has confirmed, whatever that takes:
//! repetitions, another connection, another gateway. [`AsyncClient::patience`] sets how long it may take. Messages are handed over
//! during every call; [`AsyncClient::listen`] does nothing else. Between calls nothing is sent, not even a keep-alive: a
//! node either listens or sleeps.
//!
//! The examples go on from here: `publish` (a host, 20 lines), `sleeping_sensor` (a node that sleeps and collects its
//! messages) and `embassy_sensor` (two gateways, on a chip).

#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(feature = "std")]
mod blocking;
mod client;
mod driver;
#[cfg(feature = "embassy-net")]
mod embassy;
mod link;
#[cfg(feature = "lowpan")]
mod lowpan;
#[cfg(feature = "nal")]
mod nal;
#[cfg(feature = "std")]
mod udp;

#[cfg(feature = "lowpan")]
pub use crate::lowpan::{FrameRadio, LowpanLink};
#[cfg(feature = "std")]
pub use blocking::{BlockingClient, block_on};
pub use client::{AsyncClient, Error};
pub use driver::Driver;
#[cfg(feature = "embassy-net")]
pub use embassy::{EmbassyLink, Endpoint};
pub use link::DatagramLink;
#[cfg(feature = "nal")]
pub use nal::NalLink;
pub use sn_client::{
    Address, Cause, Config, Event, Qos, Received, Recipient, RequestError, ReturnCode, ShortName, State, Topic,
    TopicId, Will,
};
#[cfg(feature = "std")]
pub use udp::UdpLink;

/// The tutorial's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/node.md")]
mod tutorial {}
