//! From a packet's octets to its meaning.
//!
//! The validity of topic names and filters is the core's business, which has answers for it.

use super::Malformed;
use super::fields::Fields;
use super::properties::{Allowed, Properties};
use bytes::Bytes;
use gateway_core::Qos;
use gateway_core::mqtt::{
    Ack, Auth, Connect, ConnectProperties, Disconnect, Packet, PacketId, Publish, ReasonCode, RetainHandling,
    Subscribe, SubscribeOptions, Version, Will,
};
use std::num::NonZeroU16;
use std::sync::Arc;

/// The packet types that a client sends (MQTT 5 §2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Connect,
    Publish,
    PubAck,
    PubRec,
    PubRel,
    PubComp,
    Subscribe,
    Unsubscribe,
    PingReq,
    Disconnect,
    Auth,
}

/// The kind of packet that the first octet announces.
pub(super) fn first_octet(octet: u8) -> Result<Kind, Malformed> {
    let (kind, flags) = match octet >> 4 {
        1 => (Kind::Connect, 0),
        3 => (Kind::Publish, octet & 0x0F),
        4 => (Kind::PubAck, 0),
        5 => (Kind::PubRec, 0),
        6 => (Kind::PubRel, 2),
        7 => (Kind::PubComp, 0),
        8 => (Kind::Subscribe, 2),
        10 => (Kind::Unsubscribe, 2),
        12 => (Kind::PingReq, 0),
        14 => (Kind::Disconnect, 0),
        15 => (Kind::Auth, 0),
        2 | 9 | 11 | 13 => return Err(Malformed::ServerPacket),
        _ => return Err(Malformed::ReservedType),
    };
    if octet & 0x0F == flags { Ok(kind) } else { Err(Malformed::Flags) }
}

/// Reads any packet but CONNECT and PUBLISH.
pub(super) fn other(kind: Kind, version: Version, body: &[u8]) -> Result<Packet, Malformed> {
    let mut fields = Fields::new(body);
    Ok(match kind {
        Kind::PubAck => Packet::PubAck(ack(fields, version, &RECEIVED)?),
        Kind::PubRec => Packet::PubRec(ack(fields, version, &RECEIVED)?),
        Kind::PubRel => Packet::PubRel(ack(fields, version, &RELEASED)?),
        Kind::PubComp => Packet::PubComp(ack(fields, version, &RELEASED)?),
        Kind::Subscribe => Packet::Subscribe(Box::new(subscribe(fields, version)?)),
        Kind::Unsubscribe => {
            let (id, filters) = unsubscribe(&mut fields, version)?;
            Packet::Unsubscribe(id, filters)
        }
        Kind::PingReq => fields.end().map(|()| Packet::PingReq)?,
        Kind::Disconnect => Packet::Disconnect(disconnect(fields, version)?),
        Kind::Auth => Packet::Auth(Box::new(auth(fields)?)),
        Kind::Connect | Kind::Publish => return Err(Malformed::ReservedType),
    })
}

/// The version that a CONNECT asks for, if it is one of those spoken here.
fn version(name: &str, level: u8) -> Result<Version, Malformed> {
    match (name, level) {
        ("MQTT", 4) | ("MQIsdp", 3) => Ok(Version::V3),
        ("MQTT", 5) => Ok(Version::V5),
        ("MQTT" | "MQIsdp", _) => Err(Malformed::ProtocolLevel),
        _ => Err(Malformed::ProtocolName),
    }
}

/// Whether a CONNECT, which may be malformed, is of MQTT 5.
pub(super) fn expects_mqtt5(connect: &[u8]) -> bool {
    let mut fields = Fields::new(connect);
    matches!((fields.string(), fields.octet()), (Ok("MQTT"), Ok(5)))
}

/// CONNECT (MQTT 3.1.1 §3.1, MQTT 5 §3.1).
pub(super) fn connect(body: &Bytes) -> Result<Connect, Malformed> {
    let mut fields = Fields::new(body);
    let (name, level) = (fields.string()?, fields.octet()?);
    let version = version(name, level)?;
    let flags = fields.octet()?;
    check_connect_flags(flags, version)?;
    let keep_alive_s = fields.two()?;
    let properties = connect_properties(&mut fields, version, body)?;
    let client_id = fields.string()?.to_owned();
    let will = if flags & 0x04 == 0 { None } else { Some(will(&mut fields, flags, version, body)?) };
    let username = if flags & 0x80 == 0 { None } else { Some(fields.string()?.to_owned()) };
    let password = if flags & 0x40 == 0 { None } else { Some(body.slice_ref(fields.binary()?)) };
    fields.end()?;
    let clean_start = flags & 0x02 != 0;
    Ok(Connect { version, clean_start, keep_alive_s, will, username, password, properties, ..Connect::new(client_id) })
}

fn check_connect_flags(flags: u8, version: Version) -> Result<(), Malformed> {
    let [reserved, will, user, password] = [0x01, 0x04, 0x80, 0x40].map(|bit| flags & bit != 0);
    let will_details = flags & 0x38;
    let password_alone = password && !user && version == Version::V3;
    if reserved || (!will && will_details != 0) || will_details & 0x18 == 0x18 || password_alone {
        return Err(Malformed::ConnectFlags);
    }
    Ok(())
}

fn connect_properties(fields: &mut Fields<'_>, version: Version, body: &Bytes) -> Result<ConnectProperties, Malformed> {
    if version == Version::V3 {
        return Ok(ConnectProperties::default());
    }
    let properties = Properties::read(fields, Allowed::CONNECT)?;
    Ok(ConnectProperties {
        session_expiry_s: properties.session_expiry_s.unwrap_or(0),
        receive_maximum: properties.receive_maximum,
        maximum_packet_size: properties.maximum_packet_size,
        topic_alias_maximum: properties.topic_alias_maximum.unwrap_or(0),
        request_response_information: properties.request_response_information,
        no_problem_information: properties.no_problem_information,
        authentication: authentication(&properties, body)?,
    })
}

fn authentication(properties: &Properties<'_>, body: &Bytes) -> Result<Option<(String, Bytes)>, Malformed> {
    match (properties.authentication_method, properties.authentication_data) {
        (Some(method), data) => Ok(Some((method.to_owned(), body.slice_ref(data.unwrap_or_default())))),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Malformed::NoAuthenticationMethod),
    }
}

fn will(fields: &mut Fields<'_>, flags: u8, version: Version, body: &Bytes) -> Result<Will, Malformed> {
    let properties = message_properties(fields, version, Allowed::WILL)?;
    let (topic, payload) = (fields.string()?, body.slice_ref(fields.binary()?));
    Ok(Will {
        delay_s: properties.will_delay_s.unwrap_or(0),
        message_expiry_s: properties.message_expiry_s,
        properties: properties.of_message(),
        ..Will::new(topic, payload, qos(flags >> 3)?, flags & 0x20 != 0)
    })
}

fn message_properties<'a>(
    fields: &mut Fields<'a>,
    version: Version,
    allowed: Allowed,
) -> Result<Properties<'a>, Malformed> {
    match version {
        Version::V3 => Ok(Properties::default()),
        Version::V5 => Properties::read(fields, allowed),
    }
}

/// PUBLISH (MQTT 3.1.1 §3.3, MQTT 5 §3.3), and the topic alias in it.
pub(super) fn publish(first: u8, version: Version, body: &Bytes) -> Result<(Publish, Option<NonZeroU16>), Malformed> {
    let (qos, dup) = (qos(first >> 1)?, first & 8 != 0);
    if dup && qos == Qos::AtMostOnce {
        return Err(Malformed::Qos);
    }
    let mut fields = Fields::new(body);
    let topic = fields.string()?;
    let id = if qos == Qos::AtMostOnce { None } else { Some(fields.packet_id()?) };
    let properties = message_properties(&mut fields, version, Allowed::PUBLISH)?;
    let alias = properties.topic_alias;
    if topic.is_empty() && alias.is_none() {
        return Err(Malformed::NoTopic);
    }
    let publish = Publish {
        dup,
        message_expiry_s: properties.message_expiry_s,
        properties: properties.of_message(),
        ..Publish::new(topic.into(), body.slice_ref(fields.rest()), qos, first & 1 != 0, id)
    };
    Ok((publish, alias))
}

/// Two bits.
fn qos(bits: u8) -> Result<Qos, Malformed> {
    match bits & 3 {
        0 => Ok(Qos::AtMostOnce),
        1 => Ok(Qos::AtLeastOnce),
        2 => Ok(Qos::ExactlyOnce),
        _ => Err(Malformed::Qos),
    }
}

/// The codes of PUBACK and PUBREC (MQTT 5 §3.4.2.1, §3.5.2.1).
const RECEIVED: [ReasonCode; 9] = [
    ReasonCode::Success,
    ReasonCode::NoMatchingSubscribers,
    ReasonCode::UnspecifiedError,
    ReasonCode::ImplementationSpecificError,
    ReasonCode::NotAuthorized,
    ReasonCode::TopicNameInvalid,
    ReasonCode::PacketIdentifierInUse,
    ReasonCode::QuotaExceeded,
    ReasonCode::PayloadFormatInvalid,
];
/// The codes of PUBREL and PUBCOMP (MQTT 5 §3.6.2.1, §3.7.2.1).
const RELEASED: [ReasonCode; 2] = [ReasonCode::Success, ReasonCode::PacketIdentifierNotFound];
/// The codes of a client's DISCONNECT (MQTT 5 §3.14.2.1).
const LEAVING: [ReasonCode; 14] = [
    ReasonCode::Success,
    ReasonCode::DisconnectWithWill,
    ReasonCode::UnspecifiedError,
    ReasonCode::MalformedPacket,
    ReasonCode::ProtocolError,
    ReasonCode::ImplementationSpecificError,
    ReasonCode::TopicNameInvalid,
    ReasonCode::ReceiveMaximumExceeded,
    ReasonCode::TopicAliasInvalid,
    ReasonCode::PacketTooLarge,
    ReasonCode::MessageRateTooHigh,
    ReasonCode::QuotaExceeded,
    ReasonCode::AdministrativeAction,
    ReasonCode::PayloadFormatInvalid,
];
/// The codes of a client's AUTH (MQTT 5 §3.15.2.1).
const AUTHENTICATING: [ReasonCode; 2] = [ReasonCode::ContinueAuthentication, ReasonCode::ReAuthenticate];

fn reason(fields: &mut Fields<'_>, known: &[ReasonCode]) -> Result<ReasonCode, Malformed> {
    let octet = fields.octet()?;
    known.iter().copied().find(|code| *code as u8 == octet).ok_or(Malformed::ReasonCode)
}

fn ack(mut fields: Fields<'_>, version: Version, known: &[ReasonCode]) -> Result<Ack, Malformed> {
    let mut ack = Ack::from(fields.packet_id()?);
    if version == Version::V5 && !fields.is_empty() {
        ack.code = reason(&mut fields, known)?;
        read_if_any(&mut fields, Allowed::ACK)?;
    }
    fields.end().map(|()| ack)
}

/// Properties at the end of a packet, which may have none and no length either.
fn read_if_any<'a>(fields: &mut Fields<'a>, allowed: Allowed) -> Result<Properties<'a>, Malformed> {
    if fields.is_empty() { Ok(Properties::default()) } else { Properties::read(fields, allowed) }
}

fn subscribe(mut fields: Fields<'_>, version: Version) -> Result<Subscribe, Malformed> {
    let id = fields.packet_id()?;
    let subscription_id = message_properties(&mut fields, version, Allowed::SUBSCRIBE)?.subscription_id;
    let filters = filters(fields, |fields| subscribe_options(fields.octet()?, version))?;
    Ok(Subscribe { id, subscription_id, filters })
}

fn subscribe_options(octet: u8, version: Version) -> Result<SubscribeOptions, Malformed> {
    let reserved = match version {
        Version::V3 => 0xFC,
        Version::V5 => 0xC0,
    };
    let retain_handling = match octet >> 4 & 3 {
        _ if octet & reserved != 0 => return Err(Malformed::SubscribeOptions),
        0 => RetainHandling::Send,
        1 => RetainHandling::SendIfNew,
        2 => RetainHandling::DoNotSend,
        _ => return Err(Malformed::OptionValue),
    };
    let qos = qos(octet).map_err(|_| Malformed::OptionValue)?;
    let (no_local, retain_as_published) = (octet & 0x04 != 0, octet & 0x08 != 0);
    Ok(SubscribeOptions { qos, no_local, retain_as_published, retain_handling })
}

fn unsubscribe(fields: &mut Fields<'_>, version: Version) -> Result<(PacketId, Vec<Arc<str>>), Malformed> {
    let id = fields.packet_id()?;
    message_properties(fields, version, Allowed::UNSUBSCRIBE)?;
    let filters = filters(*fields, |_| Ok(()))?;
    Ok((id, filters.into_iter().map(|(filter, ())| filter).collect()))
}

/// At least one filter, each with what `read_more` reads behind it.
fn filters<T>(
    mut fields: Fields<'_>,
    mut read_more: impl FnMut(&mut Fields<'_>) -> Result<T, Malformed>,
) -> Result<Vec<(Arc<str>, T)>, Malformed> {
    let mut filters = Vec::new();
    while !fields.is_empty() {
        let filter = fields.string()?;
        if filter.is_empty() {
            return Err(Malformed::NoTopic);
        }
        filters.push((filter.into(), read_more(&mut fields)?));
    }
    if filters.is_empty() { Err(Malformed::NoTopic) } else { Ok(filters) }
}

fn disconnect(mut fields: Fields<'_>, version: Version) -> Result<Disconnect, Malformed> {
    let mut disconnect = Disconnect::default();
    if version == Version::V5 && !fields.is_empty() {
        disconnect.code = reason(&mut fields, &LEAVING)?;
        disconnect.session_expiry_s = read_if_any(&mut fields, Allowed::DISCONNECT)?.session_expiry_s;
    }
    fields.end().map(|()| disconnect)
}

fn auth(mut fields: Fields<'_>) -> Result<Auth, Malformed> {
    let code = reason(&mut fields, &AUTHENTICATING)?;
    let properties = read_if_any(&mut fields, Allowed::AUTH)?;
    fields.end()?;
    let method = properties.authentication_method.ok_or(Malformed::NoAuthenticationMethod)?.to_owned();
    Ok(Auth { code, method, data: Bytes::copy_from_slice(properties.authentication_data.unwrap_or_default()) })
}
