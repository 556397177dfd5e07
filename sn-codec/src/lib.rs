//! MQTT-SN 1.2 on the wire: octets to [`Message`] and back.
//!
//! Owns: framing (both Length forms, 1.2 §5.2), every message's layout (§5.4) and forwarder encapsulation (§5.5).
//!
//! Must not know: sessions, topics' meaning, time. A message that is well formed but not allowed (a reserved topic id
//! type, QoS 1 with MsgId 0, ProtocolId 2) decodes: the session decides on the answer.
//!
//! Order of calls: [`decode`] a whole datagram, borrow from it, answer with [`Message::encode`] into a buffer of the
//! caller's. Decoding never panics and never allocates; encoding always chooses the shortest Length form.

#![no_std]

mod decode;
mod encode;
mod error;
mod fields;
mod message;

pub use decode::decode;
pub use error::{DecodeError, EncodeError};
pub use fields::{Qos, ReturnCode, ShortName, Topic, TopicFilter};
pub use message::{
    Advertise, ConnAck, Connect, Disconnect, FrwdEncap, GwInfo, Message, MsgType, PingReq, PubAck, Publish, RegAck,
    Register, SearchGw, SubAck, Subscribe, Unsubscribe, WillMsg, WillTopic,
};
pub use sn_types::{GwId, MsgId, TopicId};
