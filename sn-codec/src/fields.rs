//! Fields that several messages share.

use sn_types::TopicId;

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

/// A short topic name (1.2 §5.3): the two octets in the TopicId field are the name itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortName(pub [u8; 2]);

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
