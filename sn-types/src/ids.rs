//! The spec's numbers, each its own type so that none is passed for another.

/// A topic id (1.2 §5.3): two octets that stand for a topic name. 0000 and FFFF are reserved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub u16);

impl TopicId {
    /// 0000: "no id", as in a client's REGISTER or the SUBACK of a wildcard subscription.
    pub const NONE: Self = Self(0);

    /// Whether the id is one of the two reserved values, 0000 and FFFF.
    #[must_use]
    pub const fn is_reserved(self) -> bool {
        self.0 == 0 || self.0 == 0xFFFF
    }
}

/// A message id (1.2 §5.3): matches an acknowledgement with its request. 0000 only in QoS 0 and -1 PUBLISH.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MsgId(pub u16);

impl MsgId {
    /// 0000: the id of messages that are not acknowledged.
    pub const NONE: Self = Self(0);

    /// The id after this one: 1..=65535, then 1 again; never 0000.
    #[must_use]
    pub const fn next(self) -> Self {
        match self.0 {
            0xFFFF => Self(1),
            id => Self(id + 1),
        }
    }
}

/// A gateway id (1.2 §5.3): one octet, unique per network, which the administrator sees to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GwId(pub u8);
