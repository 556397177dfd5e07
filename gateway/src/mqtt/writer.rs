//! From packets to octets.

use bytes::BytesMut;
use gateway_core::Qos;
use gateway_core::mqtt::{Packet, Publish, ReasonCode};
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
        Packet::ConnAck(answer) => {
            let (return_code, session_present) = (return_code(answer.code), answer.session_present);
            v3::Packet::ConnectAck(ConnectAck { return_code, session_present })
        }
        Packet::Publish(publish) => v3::Packet::Publish(Box::new(translate_publish(publish))),
        Packet::PubAck(ack) => v3::Packet::PublishAck { packet_id: ack.id },
        Packet::PubRec(ack) => v3::Packet::PublishReceived { packet_id: ack.id },
        Packet::PubRel(ack) => v3::Packet::PublishRelease { packet_id: ack.id },
        Packet::PubComp(ack) => v3::Packet::PublishComplete { packet_id: ack.id },
        Packet::SubAck(packet_id, codes) => {
            v3::Packet::SubscribeAck { packet_id, status: codes.into_iter().map(status).collect() }
        }
        Packet::UnsubAck(packet_id, _) => v3::Packet::UnsubscribeAck { packet_id },
        Packet::PingResp => v3::Packet::PingResponse,
        Packet::Connect(_)
        | Packet::Subscribe(_)
        | Packet::Unsubscribe(..)
        | Packet::PingReq
        | Packet::Disconnect(_)
        | Packet::Auth(_) => return Err(Unencodable),
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

/// What MQTT 3.1.1 can say of it (§3.2.2.3).
fn return_code(code: ReasonCode) -> ConnectAckReason {
    match code {
        ReasonCode::Success => ConnectAckReason::ConnectionAccepted,
        ReasonCode::UnsupportedProtocolVersion => ConnectAckReason::UnacceptableProtocolVersion,
        ReasonCode::ClientIdentifierNotValid => ConnectAckReason::IdentifierRejected,
        ReasonCode::BadUserNameOrPassword => ConnectAckReason::BadUserNameOrPassword,
        ReasonCode::NotAuthorized | ReasonCode::Banned => ConnectAckReason::NotAuthorized,
        _ => ConnectAckReason::ServiceUnavailable,
    }
}

fn status(code: ReasonCode) -> SubscribeReturnCode {
    match code {
        ReasonCode::Success => SubscribeReturnCode::Success(QoS::AtMostOnce),
        ReasonCode::GrantedQos1 => SubscribeReturnCode::Success(QoS::AtLeastOnce),
        ReasonCode::GrantedQos2 => SubscribeReturnCode::Success(QoS::ExactlyOnce),
        _ => SubscribeReturnCode::Failure,
    }
}

fn qos(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
        Qos::ExactlyOnce => QoS::ExactlyOnce,
    }
}
