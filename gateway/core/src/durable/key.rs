//! The keys of the store. Big-endian numbers keep a session's records together and its queue in order.

use sn_types::Eui64;
use std::fmt;

/// One change to the store.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The key; unique in the store, and no longer than 65,535 octets.
    pub key: Vec<u8>,
    /// The value to put, or `None` to delete the key.
    pub value: Option<Vec<u8>>,
}

impl Record {
    /// Octets of memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.key.len() + self.value.as_ref().map_or(0, Vec::len)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.escape_ascii();
        match &self.value {
            Some(value) => write!(f, "put {key} ({} octets)", value.len()),
            None => write!(f, "delete {key}"),
        }
    }
}

/// Under this key stands the version of all other keys' and values' layout, one octet: [`SCHEMA`].
const SCHEMA_KEY: &[u8] = b"!schema";
/// Under this key stands the table of predefined topic ids that the gateway had last.
const PREDEFINED_KEY: &[u8] = b"p";

/// Under this key stands the end of the frame counters that were reserved to send with.
const RESERVED_KEY: &[u8] = b"o";

/// The layout's version. Raised by every change that an older program would misread. Version 1 had no
/// [`Key::Predefined`], version 2 no [`Key::User`], version 3 nothing of MQTT 5
/// (see `tail`), version 4 nothing of radio nodes and no [`Key::Upstream`], version 5
/// nothing of how nodes are answered.
pub(super) const SCHEMA: u8 = 6;

/// Octets of the longest topic that may have a retained message. Stores take keys of up to 65,535 octets, and one octet
/// says what the key stands for.
pub(crate) const LONGEST_RETAINED_TOPIC: usize = u16::MAX as usize - 1;

/// What a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    Schema,
    /// Predefined topic ids and their names.
    Predefined,
    /// A session by its number.
    Session(u64),
    /// All of its subscriptions.
    Subscriptions(u64),
    /// One of its normal topic ids.
    TopicId(u64, u16),
    /// The QoS 2 ids that came from its client and are not released.
    Incoming(u64),
    /// A message to its client, by the message's place in the order of all.
    Queued(u64, u64),
    /// How far that message has come, if it was sent.
    Flight(u64, u64),
    /// The user whose session it is, if it is anybody's.
    User(u64),
    /// There for a session that lives at another broker.
    Upstream(u64),
    /// A topic's retained message.
    Retained(&'a str),
    /// A radio node on the list.
    Node(Eui64),
    /// The highest frame counter that was accepted from it.
    NodeCounter(Eui64),
    /// Frame counters to send with are reserved up to this one, which is not.
    Reserved,
}

impl<'a> Key<'a> {
    pub(super) fn encode(self) -> Vec<u8> {
        match self {
            Self::Schema => SCHEMA_KEY.to_vec(),
            Self::Predefined => PREDEFINED_KEY.to_vec(),
            Self::Session(session) => one(b'S', session),
            Self::Subscriptions(session) => one(b'u', session),
            Self::TopicId(session, id) => [&one(b't', session)[..], &id.to_be_bytes()].concat(),
            Self::Incoming(session) => one(b'i', session),
            Self::Queued(session, place) => two(b'q', session, place),
            Self::Flight(session, place) => two(b'f', session, place),
            Self::User(session) => one(b'w', session),
            Self::Upstream(session) => one(b'U', session),
            Self::Retained(topic) => [b"r", topic.as_bytes()].concat(),
            Self::Node(Eui64(addr)) => [&b"n"[..], &addr].concat(),
            Self::NodeCounter(Eui64(addr)) => [&b"c"[..], &addr].concat(),
            Self::Reserved => RESERVED_KEY.to_vec(),
        }
    }

    pub(super) fn decode(key: &'a [u8]) -> Option<Self> {
        if key == SCHEMA_KEY {
            return Some(Self::Schema);
        }
        if key == PREDEFINED_KEY {
            return Some(Self::Predefined);
        }
        if key == RESERVED_KEY {
            return Some(Self::Reserved);
        }
        let (kind, rest) = key.split_first()?;
        match (kind, rest.len()) {
            (b'S', 8) => Some(Self::Session(number(rest)?)),
            (b'u', 8) => Some(Self::Subscriptions(number(rest)?)),
            (b't', 10) => Some(Self::TopicId(number(rest)?, u16::from_be_bytes(rest[8..].try_into().ok()?))),
            (b'i', 8) => Some(Self::Incoming(number(rest)?)),
            (b'q', 16) => Some(Self::Queued(number(rest)?, number(&rest[8..])?)),
            (b'f', 16) => Some(Self::Flight(number(rest)?, number(&rest[8..])?)),
            (b'w', 8) => Some(Self::User(number(rest)?)),
            (b'U', 8) => Some(Self::Upstream(number(rest)?)),
            (b'r', _) => Some(Self::Retained(std::str::from_utf8(rest).ok()?)),
            (b'n', 8) => Some(Self::Node(Eui64(rest.try_into().ok()?))),
            (b'c', 8) => Some(Self::NodeCounter(Eui64(rest.try_into().ok()?))),
            (_, _) => None,
        }
    }
}

fn one(kind: u8, session: u64) -> Vec<u8> {
    [&[kind][..], &session.to_be_bytes()].concat()
}

fn two(kind: u8, session: u64, place: u64) -> Vec<u8> {
    [&[kind][..], &session.to_be_bytes(), &place.to_be_bytes()].concat()
}

fn number(octets: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(*octets.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read_back() {
        let keys = [
            Key::Schema,
            Key::Predefined,
            Key::Session(7),
            Key::Subscriptions(u64::MAX),
            Key::TopicId(1, 2),
            Key::Incoming(3),
            Key::Queued(4, 5),
            Key::Flight(6, 7),
            Key::User(8),
            Key::Upstream(9),
            Key::Retained("a/b"),
            Key::Node(Eui64([1, 2, 3, 4, 5, 6, 7, 8])),
            Key::NodeCounter(Eui64([8; 8])),
            Key::Reserved,
        ];
        for key in keys {
            assert_eq!(Key::decode(&key.encode()), Some(key));
        }
        for damaged in [&b""[..], b"x", b"S1234567", b"q12345678", b"r\xff"] {
            assert_eq!(Key::decode(damaged), None);
        }
    }

    #[test]
    fn a_sessions_queue_is_in_order() {
        assert!(Key::Queued(1, 255).encode() < Key::Queued(1, 256).encode());
        assert!(Key::Queued(1, u64::MAX).encode() < Key::Queued(2, 0).encode());
    }
}
