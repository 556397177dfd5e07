//! MQTT packets as the core means them, free of any codec's types.
//!
//! The listener translates from and to the wire; it has already refused what is malformed (MQTT 3.1.1 §2, §3).

use crate::Qos;
use bytes::Bytes;
use std::num::NonZeroU16;
use std::sync::Arc;

/// A packet identifier (MQTT 3.1.1 §2.3.1); never zero.
pub type PacketId = NonZeroU16;

/// An MQTT 3.1.1 control packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// From the client, the first packet.
    Connect(Box<Connect>),
    /// To the client.
    ConnAck {
        /// The server had a session for this client id.
        session_present: bool,
        /// Accepted, or why not.
        code: ConnectCode,
    },
    /// Both ways.
    Publish(Publish),
    /// Both ways.
    PubAck(PacketId),
    /// Both ways.
    PubRec(PacketId),
    /// Both ways.
    PubRel(PacketId),
    /// Both ways.
    PubComp(PacketId),
    /// From the client; at least one filter.
    Subscribe {
        /// Echoed in the SUBACK.
        id: PacketId,
        /// Topic filters, unchecked, and the QoS asked for.
        filters: Vec<(Arc<str>, Qos)>,
    },
    /// To the client: the QoS granted per filter, `None` for a refused one (0x80).
    SubAck {
        /// The SUBSCRIBE's.
        id: PacketId,
        /// In the order of the filters.
        granted: Vec<Option<Qos>>,
    },
    /// From the client; at least one filter.
    Unsubscribe {
        /// Echoed in the UNSUBACK.
        id: PacketId,
        /// Topic filters, unchecked.
        filters: Vec<Arc<str>>,
    },
    /// To the client.
    UnsubAck(PacketId),
    /// From the client.
    PingReq,
    /// To the client.
    PingResp,
    /// From the client.
    Disconnect,
}

/// CONNECT (MQTT 3.1.1 §3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// May be empty with `clean_session`: the broker then makes one up.
    pub client_id: String,
    /// Start without the state of an earlier session, and keep none afterwards.
    pub clean_session: bool,
    /// In seconds; 0 is not supervised.
    pub keep_alive_s: u16,
    /// What to publish if the connection breaks.
    pub will: Option<Will>,
    /// Not looked at yet.
    pub username: Option<String>,
    /// Not looked at yet.
    pub password: Option<Bytes>,
}

/// The will in a CONNECT (MQTT 3.1.1 §3.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    /// A topic name, unchecked.
    pub topic: String,
    /// May be empty.
    pub payload: Bytes,
    /// The QoS it is published with.
    pub qos: Qos,
    /// Whether it is retained.
    pub retain: bool,
}

/// PUBLISH (MQTT 3.1.1 §3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Sent before.
    pub dup: bool,
    /// Delivery guarantee.
    pub qos: Qos,
    /// To the broker: keep it. From the broker: it was kept.
    pub retain: bool,
    /// A topic name; unchecked when it comes from a client.
    pub topic: Arc<str>,
    /// `Some` exactly if `qos` is above 0.
    pub id: Option<PacketId>,
    /// May be empty.
    pub payload: Bytes,
}

/// CONNACK's return code (MQTT 3.1.1 §3.2.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectCode {
    /// 0.
    Accepted = 0,
    /// 1.
    UnacceptableProtocolVersion = 1,
    /// 2.
    IdentifierRejected = 2,
    /// 3.
    ServerUnavailable = 3,
    /// 4.
    BadUserNameOrPassword = 4,
    /// 5.
    NotAuthorized = 5,
}
