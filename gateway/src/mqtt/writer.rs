//! From packets to octets.

use bytes::BytesMut;
use gateway_core::Qos;
use gateway_core::mqtt::{ConnectCode, Packet, Publish};
use rmqtt_codec::types::{self, QoS};
use rmqtt_codec::v3::{self, ConnectAck, ConnectAckReason, SubscribeReturnCode};
use std::fmt;
use tokio_util::codec::Encoder;

/// A packet that only clients send, or one that is longer than MQTT allows.
#[derive(Debug)]
pub struct Unencodable;

impl fmt::Display for Unencodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no packet that a server can send")
    }
}

impl std::error::Error for Unencodable {}

/// Appends a packet to `out`.
///
/// # Errors
/// [`Unencodable`]; `out` may end with a part of the packet then.
pub fn encode(packet: Packet, out: &mut BytesMut) -> Result<(), Unencodable> {
    v3::Codec::new(0).encode(translate(packet)?, out).map_err(|_| Unencodable)
}

fn translate(packet: Packet) -> Result<v3::Packet, Unencodable> {
    Ok(match packet {
        Packet::ConnAck { session_present, code } => {
            v3::Packet::ConnectAck(ConnectAck { return_code: reason(code), session_present })
        }
        Packet::Publish(publish) => v3::Packet::Publish(Box::new(translate_publish(publish))),
        Packet::PubAck(packet_id) => v3::Packet::PublishAck { packet_id },
        Packet::PubRec(packet_id) => v3::Packet::PublishReceived { packet_id },
        Packet::PubRel(packet_id) => v3::Packet::PublishRelease { packet_id },
        Packet::PubComp(packet_id) => v3::Packet::PublishComplete { packet_id },
        Packet::SubAck { id, granted } => {
            v3::Packet::SubscribeAck { packet_id: id, status: granted.into_iter().map(status).collect() }
        }
        Packet::UnsubAck(packet_id) => v3::Packet::UnsubscribeAck { packet_id },
        Packet::PingResp => v3::Packet::PingResponse,
        Packet::Connect(_)
        | Packet::Subscribe { .. }
        | Packet::Unsubscribe { .. }
        | Packet::PingReq
        | Packet::Disconnect => return Err(Unencodable),
    })
}

fn translate_publish(publish: Publish) -> types::Publish {
    types::Publish {
        dup: publish.dup,
        retain: publish.retain,
        qos: qos(publish.qos),
        topic: (&*publish.topic).into(),
        packet_id: publish.id,
        payload: publish.payload,
        properties: None,
    }
}

fn reason(code: ConnectCode) -> ConnectAckReason {
    match code {
        ConnectCode::Accepted => ConnectAckReason::ConnectionAccepted,
        ConnectCode::UnacceptableProtocolVersion => ConnectAckReason::UnacceptableProtocolVersion,
        ConnectCode::IdentifierRejected => ConnectAckReason::IdentifierRejected,
        ConnectCode::ServerUnavailable => ConnectAckReason::ServiceUnavailable,
        ConnectCode::BadUserNameOrPassword => ConnectAckReason::BadUserNameOrPassword,
        ConnectCode::NotAuthorized => ConnectAckReason::NotAuthorized,
    }
}

fn status(granted: Option<Qos>) -> SubscribeReturnCode {
    granted.map_or(SubscribeReturnCode::Failure, |granted| SubscribeReturnCode::Success(qos(granted)))
}

fn qos(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
        Qos::ExactlyOnce => QoS::ExactlyOnce,
    }
}
