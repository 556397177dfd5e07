//! What can be wrong with a datagram, or with a message to be sent.

use crate::MsgType;
use thiserror::Error;

/// Why a datagram is no MQTT-SN 1.2 message. The usual reaction is to count it by [`DecodeError::name`] and drop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The datagram ends before its MsgType (1.2 §5.2).
    #[error("datagram ends before its MsgType")]
    NoHeader,
    /// Length is 0, a long Length is below 4, or a FRWDENCAP has a long Length (1.2 §5.2.1, §5.5).
    #[error("Length has a value that no message can have")]
    InvalidLength,
    /// Length counts more octets than the datagram has.
    #[error("Length is larger than the datagram")]
    Truncated,
    /// Length counts fewer octets than the datagram has, or the datagram exceeds the protocol's 65,535.
    #[error("datagram goes on after the end of its message")]
    TrailingOctets,
    /// MsgType is one of the reserved values (1.2 §5.2.2).
    #[error("MsgType {0:02X} is reserved")]
    ReservedType(u8),
    /// The message ends before the fields that its type must have (1.2 §5.4).
    #[error("{0} ends before its last field")]
    BodyTooShort(MsgType),
    /// The message goes on after the last field that its type can have (1.2 §5.4).
    #[error("{0} goes on after its last field")]
    BodyTooLong(MsgType),
    /// A topic name or filter that must be there is empty.
    #[error("{0} without a topic name")]
    EmptyTopicName(MsgType),
    /// A PUBLISH by full name (QoS -1) gives its name's length as 0 or as more than its body.
    #[error("topic name length is 0 or exceeds the message")]
    TopicNameLength,
    /// A client id, topic name or filter is not UTF-8.
    #[error("{0} with text that is not UTF-8")]
    NotUtf8(MsgType),
    /// A FRWDENCAP that carries no message (1.2 §5.5).
    #[error("FRWDENCAP without a message inside")]
    NoInnerMessage,
    /// A FRWDENCAP inside a FRWDENCAP.
    #[error("FRWDENCAP inside FRWDENCAP")]
    NestedEncapsulation,
}

impl DecodeError {
    /// Every value of [`DecodeError::name`], so that counters can exist before the first error.
    pub const NAMES: [&'static str; 12] = [
        "no-header",
        "invalid-length",
        "truncated",
        "trailing-octets",
        "reserved-type",
        "body-too-short",
        "body-too-long",
        "empty-topic-name",
        "topic-name-length",
        "not-utf8",
        "no-inner-message",
        "nested-encapsulation",
    ];

    /// A short label that stays the same over releases, for metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self.index()]
    }

    /// The place of this error's name in [`DecodeError::NAMES`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::NoHeader => 0,
            Self::InvalidLength => 1,
            Self::Truncated => 2,
            Self::TrailingOctets => 3,
            Self::ReservedType(_) => 4,
            Self::BodyTooShort(_) => 5,
            Self::BodyTooLong(_) => 6,
            Self::EmptyTopicName(_) => 7,
            Self::TopicNameLength => 8,
            Self::NotUtf8(_) => 9,
            Self::NoInnerMessage => 10,
            Self::NestedEncapsulation => 11,
        }
    }
}

/// Why a message cannot be sent. Nothing usable has been written to the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The buffer is shorter than the message, whose length this is.
    #[error("buffer is shorter than the message's {0} octets")]
    BufferTooSmall(usize),
    /// The message would exceed [`MAX_MESSAGE_LEN`](crate::limits::MAX_MESSAGE_LEN).
    #[error("message is longer than 65535 octets")]
    MessageTooLong,
    /// The node id exceeds [`MAX_NODE_ID_LEN`](crate::limits::MAX_NODE_ID_LEN).
    #[error("wireless node id is longer than 252 octets")]
    NodeIdTooLong,
    /// A topic name or filter that must be there is empty.
    #[error("{0} without a topic name")]
    EmptyTopicName(MsgType),
    /// A PUBLISH names its topic in full without QoS -1, or by a normal id with it: the receiver could not tell.
    #[error("PUBLISH by full name needs QoS -1, by normal id another")]
    TopicQosMismatch,
    /// A FRWDENCAP that carries no message.
    #[error("FRWDENCAP without a message inside")]
    NoInnerMessage,
    /// A FRWDENCAP inside a FRWDENCAP.
    #[error("FRWDENCAP inside FRWDENCAP")]
    NestedEncapsulation,
}
