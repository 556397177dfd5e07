//! MQTT-SN 1.2 on the wire: octets to [`Message`] and back.
//!
//! Owns: framing (both Length forms, 1.2 §5.2), every message's layout (§5.4) and forwarder encapsulation (§5.5).
//!
//! Must not know: sessions, topics' meaning, time. A message that is well formed but not allowed (a reserved topic id
//! type, QoS 1 with MsgId 0, ProtocolId 2) decodes: the session decides on the answer.
//!
//! Order of calls: [`decode`] a whole datagram, borrow from it, answer with [`Message::encode`] into a buffer of the
//! caller's. Decoding never panics and never allocates; encoding always chooses the shortest Length form.
//! What decodes can be encoded again, and decodes to the same value.
//!
//! ```
//! use sn_codec::{Message, PubAck, ReturnCode, decode};
//!
//! let datagram = b"\x0B\x0C\x20\x00\x01\x00\x0221.5";
//! let Message::Publish(publish) = decode(datagram)? else { panic!("a PUBLISH") };
//! assert_eq!(publish.data, b"21.5");
//!
//! let answer = Message::PubAck(PubAck {
//!     topic_id: publish.topic.id_field(),
//!     msg_id: publish.msg_id,
//!     return_code: ReturnCode::Accepted,
//! });
//! let mut buf = [0; 16];
//! let len = answer.encode(&mut buf)?;
//! assert_eq!(buf[..len], [0x07, 0x0D, 0x00, 0x01, 0x00, 0x02, 0x00]);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

#![no_std]

mod connection;
mod discovery;
mod error;
mod fields;
mod forward;
mod frame;
mod layout;
pub mod limits;
mod message;
mod msg_type;
mod publish;
mod reader;
mod register;
mod subscribe;
mod will;

pub use connection::{ConnAck, Connect, Disconnect, PingReq};
pub use discovery::{Advertise, GwInfo, SearchGw};
pub use error::{DecodeError, EncodeError};
pub use fields::{Qos, ReturnCode, ShortName, Topic, TopicFilter};
pub use forward::FrwdEncap;
pub use message::{Message, decode, decode_for_client};
pub use msg_type::MsgType;
pub use publish::{PubAck, Publish};
pub use register::{RegAck, Register};
pub use sn_types::{GwId, MsgId, TopicId};
pub use subscribe::{SubAck, Subscribe, Unsubscribe};
pub use will::{WillMsg, WillTopic};
