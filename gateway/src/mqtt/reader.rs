//! From a stream of octets to packets.

use super::check::{self, ClientPacket, Malformed};
use bytes::BytesMut;
use gateway_core::Qos;
use gateway_core::mqtt::{Connect, Disconnect, Packet, Publish, Subscribe, Will};
use rmqtt_codec::error::DecodeError;
use rmqtt_codec::types::QoS;
use rmqtt_codec::v3;
use std::sync::Arc;
use tokio_util::codec::Decoder;

/// CONNACK 1, unacceptable protocol version (MQTT 3.1.1 §3.2.2.3).
const CONNACK_PROTOCOL_LEVEL: &[u8] = &[0x20, 2, 0, 1];
/// CONNACK 2, identifier rejected.
const CONNACK_CLIENT_ID: &[u8] = &[0x20, 2, 0, 2];
/// CONNACK 0x84, unsupported protocol version, as a client of MQTT 5 reads it (MQTT 5 §3.2.2.2).
const CONNACK_NOT_MQTT5: &[u8] = &[0x20, 3, 0, 0x84, 0];

/// The longest CONNECT, in octets after the fixed header: nobody knows yet who it is, so it takes no more memory than
/// anybody needs.
const LONGEST_CONNECT: usize = 1 << 20;

/// Why a connection ends, and what to tell the client before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was wrong.
    pub reason: Malformed,
    /// The last octets to send; empty where MQTT knows no answer.
    pub answer: &'static [u8],
}

impl From<Malformed> for Refusal {
    fn from(reason: Malformed) -> Self {
        Self { reason, answer: &[] }
    }
}

/// Cuts the octets of one connection into packets.
///
/// Put what was received into [`Reader::buffer`], then call [`Reader::next_packet`] until there is none.
#[derive(Debug)]
pub struct Reader {
    /// Octets that have been received and not yet understood.
    pub buffer: BytesMut,
    max_packet: usize,
    connected: bool,
}

/// A fixed header (MQTT 3.1.1 §2.2).
struct Header {
    kind: ClientPacket,
    len: usize,
    body_len: usize,
}

impl Reader {
    /// For a new connection. `max_packet` limits the remaining length.
    #[must_use]
    pub fn new(max_packet: usize) -> Self {
        Self { buffer: BytesMut::new(), max_packet, connected: false }
    }

    /// The next packet, if all of it is there.
    ///
    /// # Errors
    /// A [`Refusal`]; the connection must be closed then.
    pub fn next_packet(&mut self) -> Result<Option<Packet>, Refusal> {
        let Some(header) = self.header()? else { return Ok(None) };
        // The buffer grows with what has come, not by what a client says to come.
        let Some(body) = self.buffer.get(header.len..header.len + header.body_len) else { return Ok(None) };
        check::body(header.kind, self.buffer[0], body).map_err(|reason| refusal(reason, body))?;
        // All of the packet is there, so the codec has nothing to remember from call to call.
        let decoded = v3::Codec::new(0).decode(&mut self.buffer).map_err(refused_by_codec)?;
        self.connected = true;
        decoded.map(|(packet, _)| translate(packet, header.body_len)).transpose().map_err(Refusal::from)
    }

    /// The fixed header, if it is there.
    fn header(&self) -> Result<Option<Header>, Malformed> {
        let Some((first, rest)) = self.buffer.split_first() else { return Ok(None) };
        let kind = check::first_octet(*first)?;
        match (kind, self.connected) {
            (ClientPacket::Connect, true) => return Err(Malformed::SecondConnect),
            (ClientPacket::Connect, false) | (_, true) => {}
            (_, false) => return Err(Malformed::NotConnect),
        }
        let Some((body_len, len_len)) = remaining_length(rest)? else { return Ok(None) };
        let longest = if self.connected { self.max_packet } else { self.max_packet.min(LONGEST_CONNECT) };
        if body_len > longest {
            return Err(Malformed::TooLong);
        }
        Ok(Some(Header { kind, len: 1 + len_len, body_len }))
    }
}

/// The remaining length and how many octets it took, if they are there (MQTT 3.1.1 §2.2.3).
fn remaining_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let mut len = 0;
    for (i, octet) in bytes.iter().take(4).enumerate() {
        len |= usize::from(octet & 0x7F) << (7 * i);
        if octet & 0x80 == 0 {
            return Ok(Some((len, i + 1)));
        }
    }
    if bytes.len() < 4 { Ok(None) } else { Err(Malformed::RemainingLength) }
}

fn refusal(reason: Malformed, body: &[u8]) -> Refusal {
    let answer = match reason {
        Malformed::ProtocolLevel if check::is_mqtt5(body) => CONNACK_NOT_MQTT5,
        Malformed::ProtocolLevel => CONNACK_PROTOCOL_LEVEL,
        _ => &[],
    };
    Refusal { reason, answer }
}

/// What our checks have left for the codec to find: the fields of CONNECT.
fn refused_by_codec(error: DecodeError) -> Refusal {
    match error {
        DecodeError::InvalidClientId => Refusal { reason: Malformed::ClientId, answer: CONNACK_CLIENT_ID },
        DecodeError::Utf8Error => Malformed::Utf8.into(),
        _ => Malformed::Length.into(),
    }
}

fn translate(packet: v3::Packet, body_len: usize) -> Result<Packet, Malformed> {
    Ok(match packet {
        v3::Packet::Connect(connect) => {
            check::decoded_connect(&connect, body_len)?;
            Packet::Connect(Box::new(translate_connect(*connect)))
        }
        v3::Packet::Publish(publish) => {
            let topic = Arc::from(&*publish.topic);
            let first = Publish::new(topic, publish.payload, qos(publish.qos), publish.retain, publish.packet_id);
            Packet::Publish(Publish { dup: publish.dup, ..first })
        }
        v3::Packet::PublishAck { packet_id } => Packet::PubAck(packet_id.into()),
        v3::Packet::PublishReceived { packet_id } => Packet::PubRec(packet_id.into()),
        v3::Packet::PublishRelease { packet_id } => Packet::PubRel(packet_id.into()),
        v3::Packet::PublishComplete { packet_id } => Packet::PubComp(packet_id.into()),
        v3::Packet::Subscribe { packet_id, topic_filters } => {
            let asked = topic_filters.iter().map(|(filter, wanted)| (Arc::from(&**filter), qos(*wanted).into()));
            let filters = asked.collect();
            Packet::Subscribe(Box::new(Subscribe { id: packet_id, subscription_id: None, filters }))
        }
        v3::Packet::Unsubscribe { packet_id, topic_filters } => {
            Packet::Unsubscribe(packet_id, topic_filters.iter().map(|filter| Arc::from(&**filter)).collect())
        }
        v3::Packet::PingRequest => Packet::PingReq,
        v3::Packet::Disconnect => Packet::Disconnect(Disconnect::default()),
        v3::Packet::ConnectAck(_)
        | v3::Packet::SubscribeAck { .. }
        | v3::Packet::UnsubscribeAck { .. }
        | v3::Packet::PingResponse => return Err(Malformed::ServerPacket),
    })
}

fn translate_connect(connect: v3::Connect) -> Connect {
    Connect {
        clean_start: connect.clean_session,
        keep_alive_s: connect.keep_alive,
        will: connect.last_will.map(|will| Will::new(&*will.topic, will.message, qos(will.qos), will.retain)),
        username: connect.username.map(|name| name.to_string()),
        password: connect.password,
        ..Connect::new(&*connect.client_id)
    }
}

fn qos(qos: QoS) -> Qos {
    match qos {
        QoS::AtMostOnce => Qos::AtMostOnce,
        QoS::AtLeastOnce => Qos::AtLeastOnce,
        QoS::ExactlyOnce => Qos::ExactlyOnce,
    }
}
