//! Connections that the gateway makes to other brokers: where they are, how to get there, and the packets on the way.
//!
//! Order: [`dial`] opens a stream to a [`BrokerAddr`], over TLS if it says so; a [`Wire`] turns the core's packets into
//! octets for it and back, a [`Conversation`] reads and writes them, and a [`keep_alive::KeepAlive`] sees whether anybody
//! is there. What is said is not known here.
//!
//! rumqttc supplies the packets whose contents are worth a library: CONNECT, CONNACK, PUBLISH, SUBSCRIBE and
//! UNSUBSCRIBE. Its event loop is of no use to a gateway: it answers PUBREL by itself and before anything is on the disk,
//! knows the packet ids of one process only, so that after a restart it takes the rest of an exchange for an error, and
//! cannot leave a message unacknowledged for as long as a node sleeps.

mod address;
mod conversation;
pub(crate) mod keep_alive;
mod secret;
mod stream;
mod tls;
mod wire;

pub use address::{BrokerAddr, NoBrokerAddr};
pub(crate) use conversation::{Conversation, Moved};
pub use secret::Secret;
pub(crate) use stream::{Stream, dial};
pub use tls::TlsFiles;
pub(crate) use wire::Wire;
