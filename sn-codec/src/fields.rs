//! Fields that several messages share.

use crate::layout::Layout;
use crate::reader::Reader;
use crate::{DecodeError, EncodeError, MsgType};
use core::fmt;
use sn_types::TopicId;

/// The bits of the Flags octet (1.2 §5.3.4). A message ignores those that it does not use, and sends them as 0.
pub(crate) mod flag {
    pub(crate) const DUP: u8 = 0x80;
    pub(crate) const QOS: u8 = 0x60;
    pub(crate) const RETAIN: u8 = 0x10;
    pub(crate) const WILL: u8 = 0x08;
    pub(crate) const CLEAN_SESSION: u8 = 0x04;
    pub(crate) const TOPIC_ID_TYPE: u8 = 0x03;

    /// `bit` if `is_set`.
    pub(crate) const fn when(is_set: bool, bit: u8) -> u8 {
        if is_set { bit } else { 0 }
    }
}

/// Quality of service (1.2 §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Qos {
    /// QoS -1: published without a connection; only in a client's PUBLISH. Flag bits 11.
    MinusOne,
    /// At most once.
    Zero,
    /// At least once.
    One,
    /// Exactly once.
    Two,
}

impl Qos {
    /// The QoS in a Flags octet, whose other bits are ignored.
    #[must_use]
    pub const fn from_flags(flags: u8) -> Self {
        match (flags & flag::QOS) >> 5 {
            0 => Self::Zero,
            1 => Self::One,
            2 => Self::Two,
            _ => Self::MinusOne,
        }
    }

    /// A Flags octet with this QoS and all other bits 0.
    #[must_use]
    pub const fn to_flags(self) -> u8 {
        match self {
            Self::Zero => 0x00,
            Self::One => 0x20,
            Self::Two => 0x40,
            Self::MinusOne => 0x60,
        }
    }

    /// The number people write: -1 to 2.
    #[must_use]
    pub const fn level(self) -> i8 {
        match self {
            Self::MinusOne => -1,
            Self::Zero => 0,
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

impl fmt::Display for Qos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.level().fmt(f)
    }
}

/// The ReturnCode field (1.2 §5.3). Unknown values are kept and mean a rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReturnCode {
    /// 00.
    Accepted,
    /// 01: back off T_WAIT.
    Congestion,
    /// 02.
    InvalidTopicId,
    /// 03.
    NotSupported,
    /// 04-FF.
    Reserved(u8),
}

impl ReturnCode {
    /// Whether this is [`ReturnCode::Accepted`].
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        matches!(self, Self::Accepted)
    }
}

impl From<u8> for ReturnCode {
    fn from(octet: u8) -> Self {
        match octet {
            0 => Self::Accepted,
            1 => Self::Congestion,
            2 => Self::InvalidTopicId,
            3 => Self::NotSupported,
            reserved => Self::Reserved(reserved),
        }
    }
}

impl From<ReturnCode> for u8 {
    fn from(return_code: ReturnCode) -> Self {
        match return_code {
            ReturnCode::Accepted => 0,
            ReturnCode::Congestion => 1,
            ReturnCode::InvalidTopicId => 2,
            ReturnCode::NotSupported => 3,
            ReturnCode::Reserved(octet) => octet,
        }
    }
}

impl fmt::Display for ReturnCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("accepted"),
            Self::Congestion => f.write_str("rejected: congestion"),
            Self::InvalidTopicId => f.write_str("rejected: invalid topic id"),
            Self::NotSupported => f.write_str("rejected: not supported"),
            Self::Reserved(octet) => write!(f, "rejected: reserved code {octet:02X}"),
        }
    }
}

/// A short topic name (1.2 §5.3): the two octets in the TopicId field are the name itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortName(pub [u8; 2]);

impl ShortName {
    /// The short name for `topic`, if that is two octets long.
    #[must_use]
    pub fn new(topic: &str) -> Option<Self> {
        topic.as_bytes().try_into().ok().map(Self)
    }

    /// The topic name, if the octets are UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(&self.0).ok()
    }
}

/// TopicIdType 00.
const TYPE_NORMAL: u8 = 0;
/// TopicIdType 01.
const TYPE_PREDEFINED: u8 = 1;
/// TopicIdType 10.
const TYPE_SHORT: u8 = 2;
/// TopicIdType 11.
const TYPE_RESERVED: u8 = 3;

/// What a PUBLISH names its topic by (TopicIdType and the TopicId field).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic<'a> {
    /// Type 00: an id that the gateway assigned.
    Normal(TopicId),
    /// Type 01: an id that both sides know in advance.
    Predefined(TopicId),
    /// Type 10: a two-octet name.
    Short(ShortName),
    /// Type 00 with QoS -1, an extension: TopicId holds the length of the name, which precedes the data.
    Name(&'a str),
    /// Type 11: reserved; the two octets as they came.
    Reserved(TopicId),
}

impl Topic<'_> {
    /// The TopicId field as it travels, which a PUBACK repeats. A name longer than 65,535 octets, which no message
    /// can hold, gives FFFF.
    #[must_use]
    pub fn id_field(&self) -> TopicId {
        match *self {
            Self::Normal(id) | Self::Predefined(id) | Self::Reserved(id) => id,
            Self::Short(ShortName(name)) => TopicId(u16::from_be_bytes(name)),
            Self::Name(name) => TopicId(u16::try_from(name.len()).unwrap_or(u16::MAX)),
        }
    }

    #[inline]
    pub(crate) const fn type_bits(&self) -> u8 {
        match self {
            Self::Normal(_) | Self::Name(_) => TYPE_NORMAL,
            Self::Predefined(_) => TYPE_PREDEFINED,
            Self::Short(_) => TYPE_SHORT,
            Self::Reserved(_) => TYPE_RESERVED,
        }
    }
}

impl<'a> Topic<'a> {
    /// The topic of a PUBLISH whose TopicId field is `id`; `body` is what follows the MsgId.
    #[inline(always)]
    pub(crate) fn parse(flags: u8, id: TopicId, body: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(match (flags & flag::TOPIC_ID_TYPE, Qos::from_flags(flags)) {
            (TYPE_NORMAL, Qos::MinusOne) => Self::Name(body.sized_topic_name(id.0)?),
            (TYPE_NORMAL, Qos::Zero | Qos::One | Qos::Two) => Self::Normal(id),
            (TYPE_PREDEFINED, _) => Self::Predefined(id),
            (TYPE_SHORT, _) => Self::Short(ShortName(id.0.to_be_bytes())),
            (_, _) => Self::Reserved(id),
        })
    }
}

/// What a SUBSCRIBE or UNSUBSCRIBE names its topics by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopicFilter<'a> {
    /// Type 00: a topic name or a filter with wildcards; never empty.
    Name(&'a str),
    /// Type 01.
    Predefined(TopicId),
    /// Type 10.
    Short(ShortName),
    /// Type 11: reserved; whatever followed is dropped (re-encoded as an empty body).
    Reserved,
}

impl<'a> TopicFilter<'a> {
    /// The rest of a SUBSCRIBE or UNSUBSCRIBE.
    #[inline]
    pub(crate) fn parse(flags: u8, mut body: Reader<'a>) -> Result<Self, DecodeError> {
        let filter = match flags & flag::TOPIC_ID_TYPE {
            TYPE_NORMAL => return body.topic_name().map(Self::Name),
            TYPE_PREDEFINED => Self::Predefined(body.topic_id()?),
            TYPE_SHORT => Self::Short(ShortName(body.octets()?)),
            _ => return Ok(Self::Reserved),
        };
        body.end()?;
        Ok(filter)
    }

    #[inline]
    pub(crate) const fn type_bits(&self) -> u8 {
        match self {
            Self::Name(_) => TYPE_NORMAL,
            Self::Predefined(_) => TYPE_PREDEFINED,
            Self::Short(_) => TYPE_SHORT,
            Self::Reserved => TYPE_RESERVED,
        }
    }

    /// Adds to a SUBSCRIBE or UNSUBSCRIBE what [`TopicFilter::parse`] reads.
    #[inline]
    pub(crate) fn lay_out(self, msg_type: MsgType, head: Layout<'a>) -> Result<Layout<'a>, EncodeError> {
        match self {
            Self::Name("") => Err(EncodeError::EmptyTopicName(msg_type)),
            Self::Name(name) => Ok(head.text(name)),
            Self::Predefined(id) => Ok(head.u16(id.0)),
            Self::Short(ShortName(name)) => Ok(head.u16(u16::from_be_bytes(name))),
            Self::Reserved => Ok(head),
        }
    }
}
