//! MQTT over TCP, bare, within TLS or in WebSocket frames: from octets to [`gateway_core::mqtt::Packet`] and back, and the connections between.
//!
//! [`Reader`] cuts the stream into packets, refuses what is malformed and translates the rest; [`encode`] is the way
//! back. A listener accepts connections, its `Door` lets them in as far as the limits allow, and each is a task of its
//! own that reads into the driver's channel and writes what the driver has left in its `Outbox`.

mod check;
mod connection;
mod door;
mod limits;
mod listener;
mod outbox;
mod policy;
mod reader;
mod tls;
mod web_socket;
mod writer;

pub use check::Malformed;
pub(crate) use connection::FromMqtt;
pub(crate) use door::{ConnIds, Door};
pub(crate) use limits::Tally;
pub use limits::{MqttLimits, TurnedAway};
pub use listener::Listener;
pub(crate) use outbox::{Closing, Outbox, Pushed};
pub use policy::{Policy, UserFrom};
pub use reader::{Reader, Refusal};
pub(crate) use tls::Tls;
pub use tls::{ClientCertificates, TlsFiles};
pub use web_socket::WebSocketOptions;
pub use writer::{Unencodable, encode};
