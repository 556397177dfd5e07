//! MQTT 3.1.1.

use super::WireError;
use bytes::BytesMut;
use gateway_core::Qos;
use gateway_core::mqtt::{Connect, Packet, PacketId, Publish, ReasonCode, Subscribe, Will};
use rumqttc::mqttbytes::{QoS, v4};
use std::sync::Arc;

pub(super) fn encode(packet: Packet, out: &mut BytesMut) -> Result<(), WireError> {
    let packet = match packet {
        Packet::Connect(connect) => v4::Packet::Connect(translate_connect(*connect)?),
        Packet::Publish(publish) => v4::Packet::Publish(translate_publish(publish)),
        Packet::Subscribe(subscribe) => v4::Packet::Subscribe(translate_subscribe(&subscribe)),
        Packet::Unsubscribe(id, filters) => {
            let topics = filters.iter().map(ToString::to_string).collect();
            v4::Packet::Unsubscribe(v4::Unsubscribe { pkid: id.get(), topics })
        }
        Packet::Disconnect(_) => v4::Packet::Disconnect,
        other => return Err(WireError::new(format_args!("not for rumqttc: {other:?}"))),
    };
    packet.write(out, usize::MAX).map(drop).map_err(WireError::new)
}

fn translate_connect(connect: Connect) -> Result<v4::Connect, WireError> {
    let login = match (connect.username, connect.password) {
        (None, _) => None,
        (Some(username), password) => {
            let password = String::from_utf8(password.unwrap_or_default().into());
            let password = password.map_err(|_| WireError::new("the password is no UTF-8"))?;
            Some(v4::Login { username, password })
        }
    };
    Ok(v4::Connect {
        protocol: rumqttc::mqttbytes::Protocol::V4,
        keep_alive: connect.keep_alive_s,
        client_id: connect.client_id,
        clean_session: connect.clean_start,
        last_will: connect.will.map(translate_will),
        login,
    })
}

fn translate_will(will: Will) -> v4::LastWill {
    v4::LastWill { topic: will.topic, message: will.payload, qos: to_qos(will.qos), retain: will.retain }
}

fn translate_publish(publish: Publish) -> v4::Publish {
    v4::Publish {
        dup: publish.dup,
        qos: to_qos(publish.qos),
        retain: publish.retain,
        topic: publish.topic.to_string(),
        pkid: publish.id.map_or(0, PacketId::get),
        payload: publish.payload,
    }
}

fn translate_subscribe(subscribe: &Subscribe) -> v4::Subscribe {
    let filters = subscribe.filters.iter();
    let filters = filters.map(|(filter, asked)| v4::SubscribeFilter::new(filter.to_string(), to_qos(asked.qos)));
    v4::Subscribe { pkid: subscribe.id.get(), filters: filters.collect() }
}

/// What a CONNACK says (MQTT 3.1.1 §3.2.2.3).
pub(super) fn return_code(octet: u8) -> ReasonCode {
    match octet {
        0 => ReasonCode::Success,
        1 => ReasonCode::UnsupportedProtocolVersion,
        2 => ReasonCode::ClientIdentifierNotValid,
        3 => ReasonCode::ServerUnavailable,
        4 => ReasonCode::BadUserNameOrPassword,
        5 => ReasonCode::NotAuthorized,
        _ => ReasonCode::UnspecifiedError,
    }
}

pub(super) fn publish(packet: &mut BytesMut) -> Result<Packet, WireError> {
    match v4::Packet::read(packet, usize::MAX).map_err(WireError::new)? {
        v4::Packet::Publish(publish) => {
            let (topic, id) = (Arc::from(publish.topic), PacketId::new(publish.pkid));
            let first = Publish::new(topic, publish.payload, from_qos(publish.qos), publish.retain, id);
            Ok(Packet::Publish(Publish { dup: publish.dup, ..first }))
        }
        _ => Err(WireError::new("no PUBLISH")),
    }
}

fn to_qos(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
        Qos::ExactlyOnce => QoS::ExactlyOnce,
    }
}

fn from_qos(qos: QoS) -> Qos {
    match qos {
        QoS::AtMostOnce => Qos::AtMostOnce,
        QoS::AtLeastOnce => Qos::AtLeastOnce,
        QoS::ExactlyOnce => Qos::ExactlyOnce,
    }
}
