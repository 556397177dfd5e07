//! MQTT 3.1.1 and MQTT 5 over TCP, bare, within TLS or in WebSocket frames: from octets to
//! [`gateway_core::mqtt::Packet`] and back, and the connections between.
//!
//! [`Reader`] cuts the stream into packets and refuses what is malformed; [`Writer`] is the way back. Both learn the version
//! from the CONNECT and keep the topic aliases to themselves. A listener accepts connections, its `Door` lets them in as far
//! as the limits allow, and each is a task of its own that reads into the driver's channel and writes what the driver has
//! left in its `Outbox`.

mod aliases;
mod authentication;
mod connection;
mod decode;
mod door;
mod fields;
mod gate;
mod limits;
mod listener;
mod malformed;
mod octets;
mod outbox;
mod policy;
mod properties;
mod reader;
mod tls;
mod validity;
mod web_socket;
mod writer;

pub(crate) use connection::FromMqtt;
pub(crate) use door::{ConnIds, Door};
pub(crate) use fields::variable_byte_integer;
pub(crate) use limits::Tally;
pub use limits::{MqttLimits, TurnedAway};
pub use listener::Listener;
pub use malformed::Malformed;
pub(crate) use octets::Octets;
pub(crate) use outbox::{Closing, Outbox, Pushed};
pub use policy::{Policy, UserFrom};
pub use reader::{Reader, Refusal};
pub use tls::{ClientCertificates, TlsFiles};
pub(crate) use tls::{Tls, certificates, private_key};
pub(crate) use validity::complaint as certificate_complaint;
pub use web_socket::WebSocketOptions;
pub use writer::{Unencodable, Writer};
