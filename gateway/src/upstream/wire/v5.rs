//! MQTT 5.

use super::WireError;
use bytes::BytesMut;
use gateway_core::Qos;
use gateway_core::mqtt::{
    ConnAckProperties, Connect, Disconnect, MessageProperties, Packet, PacketId, Publish, ReasonCode, RetainHandling,
    Subscribe, Will,
};
use rumqttc::v5::mqttbytes::{QoS, v5};
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

pub(super) fn encode(packet: Packet, out: &mut BytesMut) -> Result<(), WireError> {
    let packet = match packet {
        Packet::Connect(connect) => translate_connect(*connect)?,
        Packet::Publish(publish) => v5::Packet::Publish(translate_publish(publish)),
        Packet::Subscribe(subscribe) => v5::Packet::Subscribe(translate_subscribe(&subscribe)),
        Packet::Unsubscribe(id, filters) => {
            let filters = filters.iter().map(ToString::to_string).collect();
            v5::Packet::Unsubscribe(v5::Unsubscribe { pkid: id.get(), filters, properties: None })
        }
        Packet::Disconnect(disconnect) => v5::Packet::Disconnect(translate_disconnect(disconnect)?),
        other => return Err(WireError::new(format_args!("not for rumqttc: {other:?}"))),
    };
    packet.write(out, None).map(drop).map_err(WireError::new)
}

fn translate_connect(connect: Connect) -> Result<v5::Packet, WireError> {
    let login = match (connect.username, connect.password) {
        (None, None) => None,
        (username, password) => {
            let password = String::from_utf8(password.unwrap_or_default().into());
            let password = password.map_err(|_| WireError::new("the password is no UTF-8"))?;
            Some(v5::Login { username: username.unwrap_or_default(), password })
        }
    };
    let asked = connect.properties;
    let properties = v5::ConnectProperties {
        session_expiry_interval: Some(asked.session_expiry_s),
        receive_maximum: asked.receive_maximum.map(NonZeroU16::get),
        max_packet_size: asked.maximum_packet_size.map(NonZeroU32::get),
        topic_alias_max: None,
        request_response_info: None,
        request_problem_info: None,
        user_properties: Vec::new(),
        authentication_method: None,
        authentication_data: None,
    };
    let keep_alive = connect.keep_alive_s;
    let (client_id, clean_start) = (connect.client_id, connect.clean_start);
    let connect_packet = v5::Connect { keep_alive, client_id, clean_start, properties: Some(properties) };
    Ok(v5::Packet::Connect(connect_packet, connect.will.map(translate_will), login))
}

fn translate_will(will: Will) -> v5::LastWill {
    v5::LastWill {
        topic: will.topic.into(),
        message: will.payload,
        qos: to_qos(will.qos),
        retain: will.retain,
        properties: Some(v5::LastWillProperties {
            delay_interval: Some(will.delay_s).filter(|delay| *delay > 0),
            payload_format_indicator: None,
            message_expiry_interval: will.message_expiry_s,
            content_type: None,
            response_topic: None,
            correlation_data: None,
            user_properties: Vec::new(),
        }),
    }
}

fn translate_publish(publish: Publish) -> v5::Publish {
    let expiry = publish.message_expiry_s;
    let properties = match (&publish.properties, expiry) {
        (None, None) => None,
        (properties, expiry) => {
            let properties = properties.as_deref().cloned().unwrap_or_default();
            Some(v5::PublishProperties {
                payload_format_indicator: properties.payload_is_utf8.then_some(1),
                message_expiry_interval: expiry,
                topic_alias: None,
                response_topic: properties.response_topic.map(String::from),
                correlation_data: properties.correlation_data.map(|data| data.into_vec().into()),
                user_properties: {
                    let pairs = properties.user_properties.into_iter();
                    pairs.map(|(name, value)| (name.into(), value.into())).collect()
                },
                subscription_identifiers: Vec::new(),
                content_type: properties.content_type.map(String::from),
            })
        }
    };
    v5::Publish {
        dup: publish.dup,
        qos: to_qos(publish.qos),
        retain: publish.retain,
        topic: publish.topic.as_bytes().to_vec().into(),
        pkid: publish.id.map_or(0, PacketId::get),
        payload: publish.payload,
        properties,
    }
}

fn translate_subscribe(subscribe: &Subscribe) -> v5::Subscribe {
    let filters = subscribe.filters.iter().map(|(filter, asked)| v5::Filter {
        path: filter.to_string(),
        qos: to_qos(asked.qos),
        nolocal: asked.no_local,
        preserve_retain: asked.retain_as_published,
        retain_forward_rule: match asked.retain_handling {
            RetainHandling::Send => v5::RetainForwardRule::OnEverySubscribe,
            RetainHandling::SendIfNew => v5::RetainForwardRule::OnNewSubscribe,
            RetainHandling::DoNotSend => v5::RetainForwardRule::Never,
        },
    });
    v5::Subscribe { pkid: subscribe.id.get(), filters: filters.collect(), properties: None }
}

/// With what a client says: that all is well, or that its will is to be published.
fn translate_disconnect(disconnect: Disconnect) -> Result<v5::Disconnect, WireError> {
    let reason_code = match disconnect.code {
        ReasonCode::Success => v5::DisconnectReasonCode::NormalDisconnection,
        ReasonCode::DisconnectWithWill => v5::DisconnectReasonCode::DisconnectWithWillMessage,
        other => return Err(WireError::new(format_args!("no client disconnects with {other:?}"))),
    };
    let properties = disconnect.session_expiry_s.map(|expiry| v5::DisconnectProperties {
        session_expiry_interval: Some(expiry),
        reason_string: None,
        user_properties: Vec::new(),
        server_reference: None,
    });
    Ok(v5::Disconnect { reason_code, properties })
}

/// The properties of a CONNACK that accepts.
pub(super) fn connack(packet: &mut BytesMut) -> Result<ConnAckProperties, WireError> {
    match v5::Packet::read(packet, None).map_err(WireError::new)? {
        v5::Packet::ConnAck(answer) => Ok(answer.properties.map(translate_connack).unwrap_or_default()),
        _ => Err(WireError::new("no CONNACK")),
    }
}

fn translate_connack(properties: v5::ConnAckProperties) -> ConnAckProperties {
    ConnAckProperties {
        session_expiry_s: properties.session_expiry_interval,
        receive_maximum: properties.receive_max.and_then(NonZeroU16::new),
        maximum_packet_size: properties.max_packet_size.and_then(NonZeroU32::new),
        maximum_qos: properties.max_qos.map(|qos| if qos == 0 { Qos::AtMostOnce } else { Qos::AtLeastOnce }),
        retain_unavailable: properties.retain_available == Some(0),
        assigned_client_id: properties.assigned_client_identifier,
        server_keep_alive_s: properties.server_keep_alive,
        ..ConnAckProperties::default()
    }
}

pub(super) fn publish(packet: &mut BytesMut) -> Result<Packet, WireError> {
    let publish = match v5::Packet::read(packet, None).map_err(WireError::new)? {
        v5::Packet::Publish(publish) => publish,
        _ => return Err(WireError::new("no PUBLISH")),
    };
    let topic = std::str::from_utf8(&publish.topic).map_err(|_| WireError::new("a topic that is no UTF-8"))?;
    let id = PacketId::new(publish.pkid);
    let mut translated = Publish::new(topic.into(), publish.payload, from_qos(publish.qos), publish.retain, id);
    translated.dup = publish.dup;
    if let Some(properties) = publish.properties {
        translated.message_expiry_s = properties.message_expiry_interval;
        translated.properties = Some(Arc::new(translate_properties(properties)));
    }
    Ok(Packet::Publish(translated))
}

fn translate_properties(properties: v5::PublishProperties) -> MessageProperties {
    let pairs = properties.user_properties.into_iter();
    MessageProperties {
        payload_is_utf8: properties.payload_format_indicator == Some(1),
        content_type: properties.content_type.map(Into::into),
        response_topic: properties.response_topic.map(Into::into),
        correlation_data: properties.correlation_data.map(|data| data.to_vec().into()),
        user_properties: pairs.map(|(name, value)| (name.into(), value.into())).collect(),
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
