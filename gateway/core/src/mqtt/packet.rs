//! MQTT packets as the core means them, free of any codec's types.
//!
//! One set of values for MQTT 3.1.1 and MQTT 5: what only MQTT 5 can say is empty for a client of 3.1.1, and what such
//! a client cannot be told the listener leaves out. The listener has already refused what is malformed.

use super::ReasonCode;
use crate::Qos;
use bytes::Bytes;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

/// A packet identifier (MQTT 5 §2.2.1); never zero.
pub type PacketId = NonZeroU16;

/// A control packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// From the client, the first packet.
    Connect(Box<Connect>),
    /// To the client.
    ConnAck(Box<ConnAck>),
    /// Both ways.
    Publish(Publish),
    /// Both ways.
    PubAck(Ack),
    /// Both ways.
    PubRec(Ack),
    /// Both ways.
    PubRel(Ack),
    /// Both ways.
    PubComp(Ack),
    /// From the client.
    Subscribe(Box<Subscribe>),
    /// To the client: a code per filter, in the order of the filters.
    SubAck(PacketId, Vec<ReasonCode>),
    /// From the client: at least one filter, unchecked.
    Unsubscribe(PacketId, Vec<Arc<str>>),
    /// To the client: a code per filter, in the order of the filters.
    UnsubAck(PacketId, Vec<ReasonCode>),
    /// From the client.
    PingReq,
    /// To the client.
    PingResp,
    /// Both ways. MQTT 3.1.1 has it from the client only.
    Disconnect(Disconnect),
    /// Both ways, MQTT 5 only.
    Auth(Box<Auth>),
}

/// What a client speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// MQTT 3.1.1, or 3.1, which differs from it in its name only.
    #[default]
    V3,
    /// MQTT 5.
    V5,
}

/// CONNECT (MQTT 3.1.1 §3.1, MQTT 5 §3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// What the client speaks.
    pub version: Version,
    /// May be empty: the broker then makes one up, if the version and `clean_start` allow it.
    pub client_id: String,
    /// Start without the state of an earlier session. For MQTT 3.1.1 also: keep none afterwards.
    pub clean_start: bool,
    /// In seconds; 0 is not supervised.
    pub keep_alive_s: u16,
    /// What to publish if the connection breaks.
    pub will: Option<Will>,
    /// As sent. The listener takes it out and looks who that is.
    pub username: Option<String>,
    /// As sent. The listener takes it out.
    pub password: Option<Bytes>,
    /// Who it is, as the listener has found out.
    pub login: Login,
    /// What only MQTT 5 can say.
    pub properties: ConnectProperties,
}

impl Connect {
    /// A clean start over MQTT 3.1.1, without supervision, will and name.
    #[must_use]
    pub fn new(client_id: impl Into<String>) -> Self {
        Self {
            version: Version::V3,
            client_id: client_id.into(),
            clean_start: true,
            keep_alive_s: 0,
            will: None,
            username: None,
            password: None,
            login: Login::Anonymous,
            properties: ConnectProperties::default(),
        }
    }
}

/// Who a client is: the listener checks names, passwords and certificates, the core draws the consequences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// It has not said, and need not.
    #[default]
    Anonymous,
    /// This user.
    As(Arc<str>),
    /// One of the gateway's own bridges: trusted, and the only one that may have its client id.
    Bridge {
        /// The other broker has no session of the bridge, so what that had begun to send is forgotten here, too: its
        /// packet ids mean something else now.
        new_peer: bool,
    },
    /// It may not connect.
    Refused(LoginRefusal),
}

/// Why a login is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRefusal {
    /// No such user, or another password.
    BadPassword,
    /// Nobody may come in here without saying who it is.
    Anonymous,
    /// The enhanced authentication that it asked for has ended so (MQTT 5 §4.12). An error.
    Authentication(ReasonCode),
}

/// CONNECT's properties (MQTT 5 §3.1.2.11), with the standard's default for each that was not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectProperties {
    /// How long the session is kept after the connection, in seconds; `u32::MAX` is for ever. Of no meaning in MQTT
    /// 3.1.1.
    pub session_expiry_s: u32,
    /// QoS 1 and 2 messages that the client takes before it acknowledges one; `None` is 65,535.
    pub receive_maximum: Option<NonZeroU16>,
    /// The longest packet that the client takes, in octets with the fixed header; `None` is any.
    pub maximum_packet_size: Option<NonZeroU32>,
    /// Topic aliases that the server may use. The listener does.
    pub topic_alias_maximum: u16,
    /// The client asks for response information.
    pub request_response_information: bool,
    /// The client does not want reason strings and user properties in packets other than PUBLISH, CONNACK and
    /// DISCONNECT.
    pub no_problem_information: bool,
    /// The method of an enhanced authentication, and its data. The listener goes through with it; then this is what the
    /// client is told at last.
    pub authentication: Option<(String, Bytes)>,
}

/// The will in a CONNECT (MQTT 3.1.1 §3.1.3, MQTT 5 §3.1.3.2).
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
    /// How long after the connection it is published, in seconds, unless the session ends before.
    pub delay_s: u32,
    /// How long it may wait for subscribers once it is published, in seconds.
    pub message_expiry_s: Option<u32>,
    /// What travels with the message.
    pub properties: Option<Arc<MessageProperties>>,
}

impl Will {
    /// All that MQTT 3.1.1 can say.
    #[must_use]
    pub fn new(topic: impl Into<String>, payload: Bytes, qos: Qos, retain: bool) -> Self {
        let topic = topic.into();
        Self { topic, payload, qos, retain, delay_s: 0, message_expiry_s: None, properties: None }
    }
}

/// CONNACK (MQTT 3.1.1 §3.2, MQTT 5 §3.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnAck {
    /// The server had a session for this client id.
    pub session_present: bool,
    /// Success, or why not.
    pub code: ReasonCode,
    /// What only MQTT 5 can say.
    pub properties: ConnAckProperties,
}

/// CONNACK's properties (MQTT 5 §3.2.2.3); `None` is not sent. The listener adds what it enforces itself: the longest packet
/// and the number of topic aliases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnAckProperties {
    /// How long the session is kept, if that is not what the client has asked for.
    pub session_expiry_s: Option<u32>,
    /// QoS 1 and 2 messages that the client may send before one is acknowledged.
    pub receive_maximum: Option<NonZeroU16>,
    /// From another broker, to a bridge: the longest packet that it takes.
    pub maximum_packet_size: Option<NonZeroU32>,
    /// From another broker, to a bridge: the highest QoS that it takes; `None` is all.
    pub maximum_qos: Option<Qos>,
    /// From another broker, to a bridge: it keeps no retained messages.
    pub retain_unavailable: bool,
    /// The client id that the server has made up.
    pub assigned_client_id: Option<String>,
    /// In readable words, why.
    pub reason_string: Option<&'static str>,
    /// The keep-alive to use instead of the client's, in seconds.
    pub server_keep_alive_s: Option<u16>,
    /// The beginning of topic names on which the client may wait for responses.
    pub response_information: Option<String>,
    /// The method of an enhanced authentication, and its data.
    pub authentication: Option<(String, Bytes)>,
}

/// PUBLISH (MQTT 3.1.1 §3.3, MQTT 5 §3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Sent before.
    pub dup: bool,
    /// Delivery guarantee.
    pub qos: Qos,
    /// To the broker: keep it. From the broker: it was kept.
    pub retain: bool,
    /// A topic name, unchecked when it comes from a client. The listener knows topic aliases and nobody else.
    pub topic: Arc<str>,
    /// `Some` exactly if `qos` is above 0.
    pub id: Option<PacketId>,
    /// May be empty.
    pub payload: Bytes,
    /// How long it may still wait for subscribers, in seconds.
    pub message_expiry_s: Option<u32>,
    /// To a client: of the subscriptions for whose sake it gets the message, in any order.
    pub subscription_ids: Vec<NonZeroU32>,
    /// What travels with the message.
    pub properties: Option<Arc<MessageProperties>>,
}

impl Publish {
    /// The first copy of a message, with all that MQTT 3.1.1 can say. `id` is `Some` exactly if `qos` is above 0.
    #[must_use]
    pub fn new(topic: Arc<str>, payload: Bytes, qos: Qos, retain: bool, id: Option<PacketId>) -> Self {
        Self {
            dup: false,
            qos,
            retain,
            topic,
            id,
            payload,
            message_expiry_s: None,
            subscription_ids: Vec::new(),
            properties: None,
        }
    }
}

/// What the publisher says of a message, and its subscribers get unchanged (MQTT 5 §3.3.2.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MessageProperties {
    /// The payload is UTF-8 text.
    pub payload_is_utf8: bool,
    /// As a MIME type, or as the applications agree.
    pub content_type: Option<Box<str>>,
    /// Where to answer: a topic name.
    pub response_topic: Option<Box<str>>,
    /// What the answer must repeat.
    pub correlation_data: Option<Box<[u8]>>,
    /// Names and values, in their order; a name may come again.
    pub user_properties: Vec<(Box<str>, Box<str>)>,
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP (MQTT 5 §3.4-3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The PUBLISH's.
    pub id: PacketId,
    /// MQTT 3.1.1 has only success.
    pub code: ReasonCode,
}

impl From<PacketId> for Ack {
    /// Success.
    fn from(id: PacketId) -> Self {
        Self { id, code: ReasonCode::Success }
    }
}

/// SUBSCRIBE (MQTT 3.1.1 §3.8, MQTT 5 §3.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// Echoed in the SUBACK.
    pub id: PacketId,
    /// Comes with every message of these subscriptions; up to 268,435,455.
    pub subscription_id: Option<NonZeroU32>,
    /// At least one topic filter, unchecked, and what is asked for.
    pub filters: Vec<(Arc<str>, SubscribeOptions)>,
}

/// What a subscriber asks for (MQTT 5 §3.8.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SubscribeOptions {
    /// The highest QoS to be sent.
    pub qos: Qos,
    /// Not what the client has published itself.
    pub no_local: bool,
    /// RETAIN as it was published, instead of set only for messages that were kept.
    pub retain_as_published: bool,
    /// Which messages that were kept are sent at the SUBSCRIBE.
    pub retain_handling: RetainHandling,
}

impl From<Qos> for SubscribeOptions {
    /// All that MQTT 3.1.1 can ask for.
    fn from(qos: Qos) -> Self {
        Self { qos, ..Self::default() }
    }
}

/// Which retained messages a SUBSCRIBE asks for (MQTT 5 §3.8.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RetainHandling {
    /// All.
    #[default]
    Send = 0,
    /// All, if there was no such subscription.
    SendIfNew = 1,
    /// None.
    DoNotSend = 2,
}

impl RetainHandling {
    /// Whether it asks for them, for a subscription that is new or not.
    pub(crate) fn asks(self, is_new: bool) -> bool {
        match self {
            Self::Send => true,
            Self::SendIfNew => is_new,
            Self::DoNotSend => false,
        }
    }
}

/// DISCONNECT (MQTT 3.1.1 §3.14, MQTT 5 §3.14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disconnect {
    /// Why.
    pub code: ReasonCode,
    /// From the client: how long the session is to be kept, in seconds, if not as CONNECT has said.
    pub session_expiry_s: Option<u32>,
}

/// AUTH (MQTT 5 §3.15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Success, continue or re-authenticate. From the listener to the core: what came of what the client has sent; an
    /// error ends the connection.
    pub code: ReasonCode,
    /// As in the CONNECT.
    pub method: String,
    /// As the method means it.
    pub data: Bytes,
}
