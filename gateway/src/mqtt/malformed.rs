//! What a client may send that is no MQTT, and how MQTT 5 calls it.

use gateway_core::mqtt::ReasonCode;
use std::fmt;

/// Why a connection is closed: what the client sent is no MQTT, or not here. Sections are those of MQTT 3.1.1, or of
/// MQTT 5 where 3.1.1 has no such thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Malformed {
    /// The packet type is 0, or 15 before MQTT 5.
    ReservedType,
    /// A packet that only servers send.
    ServerPacket,
    /// Flags in the first octet that the type does not have (§2.2.2).
    Flags,
    /// The remaining length takes more than four octets (§2.2.3), or in MQTT 5 more than it needs.
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
    /// Reserved bits in the options of a subscription (§3.8.3).
    SubscribeOptions,
    /// QoS 3, or retain handling 3, in the options of a subscription (§3.8.3).
    OptionValue,
    /// CONNECT's flags contradict each other (§3.1.2).
    ConnectFlags,
    /// The protocol's name is neither MQTT nor MQIsdp (§3.1.2.1).
    ProtocolName,
    /// Another protocol level than 4 or 5, or 3 for MQIsdp (§3.1.2.2).
    ProtocolLevel,
    /// The first packet is no CONNECT (§3.1).
    NotConnect,
    /// A second CONNECT (§3.1).
    SecondConnect,
    /// A property that is not known, or not for this packet (MQTT 5 §2.2.2.2).
    Property,
    /// A property that may come once has come again (MQTT 5 §2.2.2.2).
    RepeatedProperty,
    /// A property with a value that it must not have.
    PropertyValue,
    /// A response topic that is no topic name (MQTT 5 §3.3.2.3.5).
    ResponseTopic,
    /// A topic alias that is 0 or beyond the limit (MQTT 5 §3.3.2.3.4).
    TopicAlias,
    /// A topic alias that stands for nothing yet (MQTT 5 §3.3.4).
    UnknownTopicAlias,
    /// A reason code that this packet does not have, or not from a client.
    ReasonCode,
    /// A WebSocket frame with text (§6).
    TextFrame,
    /// No WebSocket frame (RFC 6455).
    WebSocket,
    /// Authentication data or an AUTH without a method (MQTT 5 §3.1.2.11.10, §3.15.2.2.2).
    NoAuthenticationMethod,
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
            Self::SubscribeOptions => "subscribe-options",
            Self::OptionValue => "option-value",
            Self::ConnectFlags => "connect-flags",
            Self::ProtocolName => "protocol-name",
            Self::ProtocolLevel => "protocol-level",
            Self::NotConnect => "not-connect",
            Self::SecondConnect => "second-connect",
            Self::Property => "property",
            Self::RepeatedProperty => "repeated-property",
            Self::PropertyValue => "property-value",
            Self::ResponseTopic => "response-topic",
            Self::TopicAlias => "topic-alias",
            Self::UnknownTopicAlias => "unknown-topic-alias",
            Self::ReasonCode => "reason-code",
            Self::TextFrame => "text-frame",
            Self::WebSocket => "web-socket",
            Self::NoAuthenticationMethod => "no-authentication-method",
        }
    }

    /// What a client of MQTT 5 is told (MQTT 5 §4.13).
    #[must_use]
    pub const fn code(self) -> ReasonCode {
        match self {
            Self::ReservedType
            | Self::Flags
            | Self::RemainingLength
            | Self::Length
            | Self::Qos
            | Self::Utf8
            | Self::Nul
            | Self::SubscribeOptions
            | Self::ConnectFlags
            | Self::Property
            | Self::ReasonCode => ReasonCode::MalformedPacket,
            Self::ServerPacket
            | Self::PacketId
            | Self::NoTopic
            | Self::OptionValue
            | Self::NotConnect
            | Self::SecondConnect
            | Self::TextFrame
            | Self::WebSocket
            | Self::RepeatedProperty
            | Self::PropertyValue
            | Self::ResponseTopic
            | Self::UnknownTopicAlias
            | Self::NoAuthenticationMethod => ReasonCode::ProtocolError,
            Self::ProtocolName | Self::ProtocolLevel => ReasonCode::UnsupportedProtocolVersion,
            Self::TooLong => ReasonCode::PacketTooLarge,
            Self::TopicAlias => ReasonCode::TopicAliasInvalid,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for Malformed {}
