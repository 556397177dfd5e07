//! The MQTT side: connections of ordinary MQTT clients.

mod packet;

pub use packet::{Connect, ConnectCode, Packet, PacketId, Publish, Will};
