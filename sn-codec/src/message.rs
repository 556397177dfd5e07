//! Every message of MQTT-SN 1.2 as a plain value that borrows from its datagram.

use crate::{Qos, ReturnCode, Topic, TopicFilter};
use sn_types::{GwId, MsgId, TopicId};

/// One MQTT-SN message (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// 00, gateway to all.
    Advertise(Advertise),
    /// 01, client to all.
    SearchGw(SearchGw),
    /// 02, gateway or client to all.
    GwInfo(GwInfo<'a>),
    /// 04, client to gateway.
    Connect(Connect<'a>),
    /// 05, gateway to client.
    ConnAck(ConnAck),
    /// 06, gateway to client.
    WillTopicReq,
    /// 07, client to gateway; `None`: delete will topic and will message.
    WillTopic(Option<WillTopic<'a>>),
    /// 08, gateway to client.
    WillMsgReq,
    /// 09, client to gateway.
    WillMsg(WillMsg<'a>),
    /// 0A, both ways.
    Register(Register<'a>),
    /// 0B, both ways.
    RegAck(RegAck),
    /// 0C, both ways.
    Publish(Publish<'a>),
    /// 0D, both ways.
    PubAck(PubAck),
    /// 0E, both ways.
    PubComp(MsgId),
    /// 0F, both ways.
    PubRec(MsgId),
    /// 10, both ways.
    PubRel(MsgId),
    /// 12, client to gateway.
    Subscribe(Subscribe<'a>),
    /// 13, gateway to client.
    SubAck(SubAck),
    /// 14, client to gateway.
    Unsubscribe(Unsubscribe<'a>),
    /// 15, gateway to client.
    UnsubAck(MsgId),
    /// 16, both ways.
    PingReq(PingReq<'a>),
    /// 17, both ways.
    PingResp,
    /// 18, both ways.
    Disconnect(Disconnect),
    /// 1A, client to gateway; `None`: delete will topic and will message.
    WillTopicUpd(Option<WillTopic<'a>>),
    /// 1B, gateway to client.
    WillTopicResp(ReturnCode),
    /// 1C, client to gateway.
    WillMsgUpd(WillMsg<'a>),
    /// 1D, gateway to client.
    WillMsgResp(ReturnCode),
    /// FE, forwarder to gateway and back (1.2 §5.5).
    FrwdEncap(FrwdEncap<'a>),
}

/// ADVERTISE (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertise {
    /// Who advertises.
    pub gw_id: GwId,
    /// Seconds until the next ADVERTISE.
    pub duration_s: u16,
}

/// SEARCHGW (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchGw {
    /// Broadcast radius in hops; 0 is the whole network.
    pub radius: u8,
}

/// GWINFO (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GwInfo<'a> {
    /// The gateway that is described.
    pub gw_id: GwId,
    /// Its address, only when a client answers on a gateway's behalf; empty otherwise.
    pub gw_add: &'a [u8],
}

/// CONNECT (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connect<'a> {
    /// Ask the gateway to prompt for a will.
    pub will: bool,
    /// Start without the state of an earlier session.
    pub clean_session: bool,
    /// 01 for MQTT-SN 1.2; the session refuses others with CONNACK 03.
    pub protocol_id: u8,
    /// Keep-alive in seconds; 0 is not supervised.
    pub duration_s: u16,
    /// 1-23 characters says the spec; the decoder allows any length, also 0: the session decides.
    pub client_id: &'a str,
}

/// CONNACK (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnAck {
    /// Accepted, or why not.
    pub return_code: ReturnCode,
}

/// WILLTOPIC and WILLTOPICUPD with a body (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WillTopic<'a> {
    /// The will's QoS; bits 11 decode to [`Qos::MinusOne`], which the session refuses.
    pub qos: Qos,
    /// Whether the will is retained.
    pub retain: bool,
    /// The will topic; never empty.
    pub topic: &'a str,
}

/// WILLMSG and WILLMSGUPD (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WillMsg<'a> {
    /// The will's payload; may be empty.
    pub message: &'a [u8],
}

/// REGISTER (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register<'a> {
    /// 0000 from a client, the assigned id from a gateway.
    pub topic_id: TopicId,
    /// Echoed in the REGACK.
    pub msg_id: MsgId,
    /// The topic name; never empty.
    pub topic_name: &'a str,
}

/// REGACK (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegAck {
    /// The id from now on.
    pub topic_id: TopicId,
    /// The REGISTER's.
    pub msg_id: MsgId,
    /// Accepted, or why not.
    pub return_code: ReturnCode,
}

/// PUBLISH (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// A retransmission.
    pub dup: bool,
    /// -1 to 2.
    pub qos: Qos,
    /// To a gateway: keep it for new subscribers. From a gateway: it was kept.
    pub retain: bool,
    /// The topic, in whichever form.
    pub topic: Topic<'a>,
    /// 0000 with QoS 0 and -1.
    pub msg_id: MsgId,
    /// The payload; may be empty.
    pub data: &'a [u8],
}

/// PUBACK (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PubAck {
    /// The PUBLISH's TopicId octets; some peers send 0000, so match by [`PubAck::msg_id`].
    pub topic_id: TopicId,
    /// The PUBLISH's.
    pub msg_id: MsgId,
    /// Accepted, or why not.
    pub return_code: ReturnCode,
}

/// SUBSCRIBE (1.2 §5.4). DUP is ignored and sent as 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// The QoS asked for; bits 11 decode to [`Qos::MinusOne`], which the session refuses.
    pub qos: Qos,
    /// Echoed in the SUBACK.
    pub msg_id: MsgId,
    /// To what.
    pub topic: TopicFilter<'a>,
}

/// SUBACK (1.2 §5.4). All flag bits but QoS are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubAck {
    /// The QoS granted.
    pub qos: Qos,
    /// The id that the gateway will use; 0000 for wildcards.
    pub topic_id: TopicId,
    /// The SUBSCRIBE's.
    pub msg_id: MsgId,
    /// Accepted, or why not.
    pub return_code: ReturnCode,
}

/// UNSUBSCRIBE (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// Echoed in the UNSUBACK.
    pub msg_id: MsgId,
    /// From what.
    pub topic: TopicFilter<'a>,
}

/// PINGREQ (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PingReq<'a> {
    /// Given by a sleeping client that wakes; an empty one is `None`.
    pub client_id: Option<&'a str>,
}

/// DISCONNECT (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// How long the client sleeps, in seconds; `None` ends the connection.
    pub duration_s: Option<u16>,
}

/// Forwarder encapsulation (1.2 §5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrwdEncap<'a> {
    /// Broadcast radius in hops, 0-3; only from gateway to forwarder.
    pub radius: u8,
    /// The wireless node's id, opaque, 0-252 octets.
    pub node_id: &'a [u8],
    /// The encapsulated message, not yet decoded; decoding refuses another encapsulation inside.
    pub inner: &'a [u8],
}

/// The MsgType octet (1.2 §5.2.2), for counters, tables and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "each is the spec's message of that name")]
pub enum MsgType {
    Advertise = 0x00,
    SearchGw = 0x01,
    GwInfo = 0x02,
    Connect = 0x04,
    ConnAck = 0x05,
    WillTopicReq = 0x06,
    WillTopic = 0x07,
    WillMsgReq = 0x08,
    WillMsg = 0x09,
    Register = 0x0A,
    RegAck = 0x0B,
    Publish = 0x0C,
    PubAck = 0x0D,
    PubComp = 0x0E,
    PubRec = 0x0F,
    PubRel = 0x10,
    Subscribe = 0x12,
    SubAck = 0x13,
    Unsubscribe = 0x14,
    UnsubAck = 0x15,
    PingReq = 0x16,
    PingResp = 0x17,
    Disconnect = 0x18,
    WillTopicUpd = 0x1A,
    WillTopicResp = 0x1B,
    WillMsgUpd = 0x1C,
    WillMsgResp = 0x1D,
    FrwdEncap = 0xFE,
}
