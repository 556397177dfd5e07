//! MQTT 3.1.1 over TCP: from octets to [`gateway_core::mqtt::Packet`] and back, and the connections between.
//!
//! [`Reader`] cuts the stream into packets, refuses what is malformed and translates the rest; [`encode`] is the way
//! back. The listener accepts connections, each of which is a task of its own that reads into the driver's channel
//! and writes what the driver has left in its `Outbox`.

mod check;
mod connection;
mod listener;
mod outbox;
mod reader;
mod writer;

pub use check::Malformed;
pub(crate) use connection::FromMqtt;
pub(crate) use listener::Door;
pub use listener::{Listener, MqttLimits};
pub(crate) use outbox::{Closing, Outbox, Pushed};
pub use reader::{Reader, Refusal};
pub use writer::{Unencodable, encode};
