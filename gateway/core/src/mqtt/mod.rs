//! The MQTT side: connections of ordinary MQTT clients (MQTT 3.1.1 and MQTT 5).
//!
//! `dispatch` says what each packet does in each state of a connection, and the file named after the procedure does
//! it. What outlives a connection is in the broker's session; here is only what a connection needs.

mod authenticate;
mod connect;
mod connection;
mod dispatch;
mod hold_back;
mod leave;
mod packet;
mod publish_in;
mod publish_out;
mod reason;
mod round;
mod size;
mod subscribe;

pub use packet::{
    Ack, Auth, ConnAck, ConnAckProperties, Connect, ConnectProperties, Disconnect, Login, LoginRefusal,
    MessageProperties, Packet, PacketId, Publish, RetainHandling, Subscribe, SubscribeOptions, Version, Will,
};
pub use reason::ReasonCode;
pub use size::variable_len;

pub(crate) use connection::MqttSide;
