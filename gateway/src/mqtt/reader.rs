//! From a stream of octets to packets.

use super::Malformed;
use super::aliases::Incoming;
use super::decode::{self, Kind};
use super::fields::variable_byte_integer;
use bytes::{Buf, Bytes, BytesMut};
use gateway_core::mqtt::{Packet, Version, variable_len};

/// CONNACK 1, unacceptable protocol version (MQTT 3.1.1 §3.2.2.3).
const CONNACK_PROTOCOL_LEVEL: &[u8] = &[0x20, 2, 0, 1];
/// CONNACK 0x81, malformed packet.
const CONNACK_MALFORMED: &[u8] = &[0x20, 3, 0, 0x81, 0];
/// CONNACK 0x82, protocol error.
const CONNACK_PROTOCOL_ERROR: &[u8] = &[0x20, 3, 0, 0x82, 0];

/// The longest CONNECT, and AUTH before CONNACK, in octets after the fixed header: nobody knows yet who it is, so it takes no
/// more memory than anybody needs.
pub(super) const LONGEST_CONNECT: usize = 1 << 20;

/// Why a connection ends, and what to tell the client before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was wrong.
    pub reason: Malformed,
    /// The last octets to send to a client that is not connected; empty where MQTT knows no answer.
    pub answer: &'static [u8],
}

impl From<Malformed> for Refusal {
    fn from(reason: Malformed) -> Self {
        Self { reason, answer: &[] }
    }
}

/// Cuts the octets of one connection into packets, in the version that its CONNECT says.
///
/// Put what was received into [`Reader::buffer`], then call [`Reader::next_packet`] until there is none.
#[derive(Debug)]
pub struct Reader {
    /// Octets that have been received and not yet understood.
    pub buffer: BytesMut,
    /// Nobody knows yet who the client is, although it has said CONNECT.
    pub is_unknown: bool,
    max_packet: usize,
    /// What the client speaks, once it has said CONNECT.
    version: Option<Version>,
    aliases: Incoming,
}

/// A fixed header (MQTT 5 §2.1).
struct Header {
    kind: Kind,
    len: usize,
    body_len: usize,
}

impl Reader {
    /// For a new connection. `max_packet` limits the remaining length, `topic_aliases` the topic aliases that a client
    /// of MQTT 5 may use.
    #[must_use]
    pub fn new(max_packet: usize, topic_aliases: u16) -> Self {
        let (buffer, aliases) = (BytesMut::new(), Incoming::new(topic_aliases));
        Self { buffer, is_unknown: false, max_packet, version: None, aliases }
    }

    /// The next packet, if all of it is there. Topic aliases have become topic names.
    ///
    /// # Errors
    /// A [`Refusal`]; the connection must be closed then.
    pub fn next_packet(&mut self) -> Result<Option<Packet>, Refusal> {
        let Some(header) = self.header()? else { return Ok(None) };
        // The buffer grows with what has come, not by what a client says to come.
        if self.buffer.len() < header.len + header.body_len {
            return Ok(None);
        }
        let first = self.buffer[0];
        self.buffer.advance(header.len);
        let body = self.buffer.split_to(header.body_len).freeze();
        match self.version {
            None => self.connect(&body).map(Some).map_err(|reason| refuse_connect(reason, &body)),
            Some(version) => Ok(Some(self.decode(header.kind, first, version, &body)?)),
        }
    }

    fn connect(&mut self, body: &Bytes) -> Result<Packet, Malformed> {
        let connect = decode::connect(body)?;
        self.version = Some(connect.version);
        Ok(Packet::Connect(Box::new(connect)))
    }

    fn decode(&mut self, kind: Kind, first: u8, version: Version, body: &Bytes) -> Result<Packet, Malformed> {
        if kind != Kind::Publish {
            return decode::other(kind, version, body);
        }
        let (mut publish, alias) = decode::publish(first, version, body)?;
        if let Some(alias) = alias {
            publish.topic = self.aliases.resolve(alias, publish.topic)?;
        }
        Ok(Packet::Publish(publish))
    }

    /// The fixed header, if it is there.
    fn header(&self) -> Result<Option<Header>, Malformed> {
        let Some((first, rest)) = self.buffer.split_first() else { return Ok(None) };
        let kind = decode::first_octet(*first)?;
        match (kind, self.version) {
            (Kind::Connect, Some(_)) => return Err(Malformed::SecondConnect),
            (Kind::Auth, Some(Version::V3)) => return Err(Malformed::ReservedType),
            (Kind::Connect, None) | (_, Some(_)) => {}
            (_, None) => return Err(Malformed::NotConnect),
        }
        let Some((body_len, len_len)) = remaining_length(rest)? else { return Ok(None) };
        if len_len > variable_len(body_len) && self.version == Some(Version::V5) {
            return Err(Malformed::RemainingLength);
        }
        let is_known = self.version.is_some() && !self.is_unknown;
        let longest = if is_known { self.max_packet } else { self.max_packet.min(LONGEST_CONNECT) };
        if body_len > longest {
            return Err(Malformed::TooLong);
        }
        Ok(Some(Header { kind, len: 1 + len_len, body_len }))
    }
}

/// The remaining length and how many octets it took, if they are there (MQTT 5 §2.1.4).
fn remaining_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    match variable_byte_integer(bytes) {
        None if bytes.len() >= 4 => Err(Malformed::RemainingLength),
        found => Ok(found),
    }
}

/// MQTT 3.1.1 has an answer to a wrong level only, and asks for that one (MQTT-3.1.2-2). MQTT 5 may say more (MQTT 5
/// §4.13).
fn refuse_connect(reason: Malformed, body: &[u8]) -> Refusal {
    let answer: &[u8] = match (reason, decode::expects_mqtt5(body)) {
        (Malformed::ProtocolLevel, _) => CONNACK_PROTOCOL_LEVEL,
        (_, false) => &[],
        (
            Malformed::RepeatedProperty
            | Malformed::PropertyValue
            | Malformed::ResponseTopic
            | Malformed::NoAuthenticationMethod,
            true,
        ) => CONNACK_PROTOCOL_ERROR,
        (_, true) => CONNACK_MALFORMED,
    };
    Refusal { reason, answer }
}
