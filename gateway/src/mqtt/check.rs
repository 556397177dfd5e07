//! What the codec lets through although MQTT 3.1.1 forbids it, and what is decided before it is asked.
//!
//! The validity of topic names and filters is the core's business, which has answers for it.

use rmqtt_codec::v3;
use std::fmt;
use std::num::NonZeroU16;

/// Why a connection is closed: what the client sent is no MQTT 3.1.1, or not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Malformed {
    /// The packet type is 0 or 15.
    ReservedType,
    /// A packet that only servers send.
    ServerPacket,
    /// Flags in the first octet that the type does not have (§2.2.2).
    Flags,
    /// The remaining length takes more than four octets (§2.2.3).
    RemainingLength,
    /// The packet is longer than the configured limit.
    TooLong,
    /// A field or an octet is missing, or there is one too many.
    Length,
    /// A packet identifier is 0 (§2.3.1).
    PacketId,
    /// QoS 3, or DUP with QoS 0 (§3.3.1).
    Qos,
    /// A string is no UTF-8 (§1.5.3).
    Utf8,
    /// A string has U+0000 (§1.5.3).
    Nul,
    /// A topic name or filter is empty, or a SUBSCRIBE or UNSUBSCRIBE has none (§3.8.3, §3.10.3).
    NoTopic,
    /// Reserved bits of a SUBSCRIBE's requested QoS (§3.8.3).
    RequestedQos,
    /// CONNECT's flags contradict each other (§3.1.2).
    ConnectFlags,
    /// The protocol's name is neither MQTT nor MQIsdp (§3.1.2.1).
    ProtocolName,
    /// Another protocol level than 4, or 3 for MQIsdp (§3.1.2.2).
    ProtocolLevel,
    /// No client id, and none may be made up without a clean session (§3.1.3.1).
    ClientId,
    /// The first packet is no CONNECT (§3.1).
    NotConnect,
    /// A second CONNECT (§3.1).
    SecondConnect,
    /// A WebSocket frame with text (§6).
    TextFrame,
    /// No WebSocket frame (RFC 6455).
    WebSocket,
}

impl Malformed {
    /// A short stable label for metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReservedType => "reserved-type",
            Self::ServerPacket => "server-packet",
            Self::Flags => "flags",
            Self::RemainingLength => "remaining-length",
            Self::TooLong => "too-long",
            Self::Length => "length",
            Self::PacketId => "packet-id",
            Self::Qos => "qos",
            Self::Utf8 => "utf8",
            Self::Nul => "nul",
            Self::NoTopic => "no-topic",
            Self::RequestedQos => "requested-qos",
            Self::ConnectFlags => "connect-flags",
            Self::ProtocolName => "protocol-name",
            Self::ProtocolLevel => "protocol-level",
            Self::ClientId => "client-id",
            Self::NotConnect => "not-connect",
            Self::SecondConnect => "second-connect",
            Self::TextFrame => "text-frame",
            Self::WebSocket => "web-socket",
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for Malformed {}

/// The packet types of MQTT 3.1.1 §2.2.1 that a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientPacket {
    Connect,
    Publish,
    /// PUBACK, PUBREC, PUBREL, PUBCOMP.
    Ack,
    Subscribe,
    Unsubscribe,
    /// PINGREQ, DISCONNECT.
    Bare,
}

/// The kind of packet that the first octet announces.
pub(super) fn first_octet(octet: u8) -> Result<ClientPacket, Malformed> {
    let (kind, flags) = match octet >> 4 {
        1 => (ClientPacket::Connect, 0),
        3 => (ClientPacket::Publish, octet & 0x0F),
        4 | 5 | 7 => (ClientPacket::Ack, 0),
        6 => (ClientPacket::Ack, 2),
        8 => (ClientPacket::Subscribe, 2),
        10 => (ClientPacket::Unsubscribe, 2),
        12 | 14 => (ClientPacket::Bare, 0),
        2 | 9 | 11 | 13 => return Err(Malformed::ServerPacket),
        _ => return Err(Malformed::ReservedType),
    };
    if octet & 0x0F == flags { Ok(kind) } else { Err(Malformed::Flags) }
}

/// Checks what the codec does not look at.
pub(super) fn body(kind: ClientPacket, first: u8, body: &[u8]) -> Result<(), Malformed> {
    match kind {
        ClientPacket::Connect => connect(body),
        ClientPacket::Publish => publish(first, body),
        ClientPacket::Ack => ack(body),
        ClientPacket::Subscribe => filters(body, true),
        ClientPacket::Unsubscribe => filters(body, false),
        ClientPacket::Bare => {
            if body.is_empty() {
                Ok(())
            } else {
                Err(Malformed::Length)
            }
        }
    }
}

/// Protocol name, level and flags; the fields behind them are measured when they are decoded.
fn connect(body: &[u8]) -> Result<(), Malformed> {
    let (name, rest) = string(body)?;
    let [level, flags, ..] = rest else { return Err(Malformed::Length) };
    match (name, level) {
        ("MQTT", 4) | ("MQIsdp", 3) => {}
        ("MQTT" | "MQIsdp", _) => return Err(Malformed::ProtocolLevel),
        _ => return Err(Malformed::ProtocolName),
    }
    let [reserved, will, user, password] = [0x01, 0x04, 0x80, 0x40].map(|bit| flags & bit != 0);
    let will_details = flags & 0x38;
    if reserved || (!will && will_details != 0) || will_details & 0x18 == 0x18 || (password && !user) {
        return Err(Malformed::ConnectFlags);
    }
    Ok(())
}

/// Whether a CONNECT asks for MQTT 5.
pub(super) fn is_mqtt5(body: &[u8]) -> bool {
    matches!(string(body), Ok(("MQTT", [5, ..])))
}

fn publish(first: u8, body: &[u8]) -> Result<(), Malformed> {
    let (qos, dup) = (first >> 1 & 3, first & 8 != 0);
    if qos == 3 || (qos == 0 && dup) {
        return Err(Malformed::Qos);
    }
    let (topic, rest) = string(body)?;
    if topic.is_empty() {
        return Err(Malformed::NoTopic);
    }
    if qos == 0 { Ok(()) } else { packet_id(rest).map(drop) }
}

fn ack(body: &[u8]) -> Result<(), Malformed> {
    if packet_id(body)?.is_empty() { Ok(()) } else { Err(Malformed::Length) }
}

/// The filters of SUBSCRIBE, each with the requested QoS, or of UNSUBSCRIBE.
fn filters(body: &[u8], with_qos: bool) -> Result<(), Malformed> {
    let mut rest = packet_id(body)?;
    if rest.is_empty() {
        return Err(Malformed::NoTopic);
    }
    while !rest.is_empty() {
        let (filter, after) = string(rest)?;
        if filter.is_empty() {
            return Err(Malformed::NoTopic);
        }
        rest = if with_qos { requested_qos(after)? } else { after };
    }
    Ok(())
}

fn requested_qos(bytes: &[u8]) -> Result<&[u8], Malformed> {
    match bytes {
        [0..=2, rest @ ..] => Ok(rest),
        [_, ..] => Err(Malformed::RequestedQos),
        [] => Err(Malformed::Length),
    }
}

/// A packet identifier and what follows it.
fn packet_id(bytes: &[u8]) -> Result<&[u8], Malformed> {
    let (id, rest) = bytes.split_first_chunk::<2>().ok_or(Malformed::Length)?;
    NonZeroU16::new(u16::from_be_bytes(*id)).map(|_| rest).ok_or(Malformed::PacketId)
}

/// A string and what follows it.
fn string(bytes: &[u8]) -> Result<(&str, &[u8]), Malformed> {
    let (len, rest) = bytes.split_first_chunk::<2>().ok_or(Malformed::Length)?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len))).ok_or(Malformed::Length)?;
    let text = std::str::from_utf8(text).map_err(|_| Malformed::Utf8)?;
    if text.contains('\0') { Err(Malformed::Nul) } else { Ok((text, rest)) }
}

/// Checks a decoded CONNECT: no U+0000, and no octet beyond its last field.
pub(super) fn decoded_connect(connect: &v3::Connect, body_len: usize) -> Result<(), Malformed> {
    let will_topic = connect.last_will.as_ref().map(|will| &*will.topic);
    let strings = [Some(&*connect.client_id), will_topic, connect.username.as_deref()];
    if strings.into_iter().flatten().any(|string| string.contains('\0')) {
        return Err(Malformed::Nul);
    }
    let fixed = 2 + connect.protocol.name().len() + 1 + 1 + 2;
    let will_payload = connect.last_will.as_ref().map(|will| will.message.len());
    let optional = strings.into_iter().map(|string| string.map(str::len));
    let variable = optional.chain([will_payload, connect.password.as_ref().map(bytes::Bytes::len)]);
    let used: usize = fixed + variable.flatten().map(|len| 2 + len).sum::<usize>();
    if used == body_len { Ok(()) } else { Err(Malformed::Length) }
}
