//! Properties that a client sends (MQTT 5 §2.2.2).

use super::Malformed;
use super::fields::Fields;
use gateway_core::mqtt::MessageProperties;
use gateway_core::validate_topic_name;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

/// The identifiers (MQTT 5 §2.2.2.2).
pub(super) mod id {
    pub(crate) const PAYLOAD_FORMAT_INDICATOR: u8 = 0x01;
    pub(crate) const MESSAGE_EXPIRY_INTERVAL: u8 = 0x02;
    pub(crate) const CONTENT_TYPE: u8 = 0x03;
    pub(crate) const RESPONSE_TOPIC: u8 = 0x08;
    pub(crate) const CORRELATION_DATA: u8 = 0x09;
    pub(crate) const SUBSCRIPTION_IDENTIFIER: u8 = 0x0B;
    pub(crate) const SESSION_EXPIRY_INTERVAL: u8 = 0x11;
    pub(crate) const ASSIGNED_CLIENT_IDENTIFIER: u8 = 0x12;
    pub(crate) const SERVER_KEEP_ALIVE: u8 = 0x13;
    pub(crate) const AUTHENTICATION_METHOD: u8 = 0x15;
    pub(crate) const AUTHENTICATION_DATA: u8 = 0x16;
    pub(crate) const REQUEST_PROBLEM_INFORMATION: u8 = 0x17;
    pub(crate) const WILL_DELAY_INTERVAL: u8 = 0x18;
    pub(crate) const REQUEST_RESPONSE_INFORMATION: u8 = 0x19;
    pub(crate) const RESPONSE_INFORMATION: u8 = 0x1A;
    pub(crate) const REASON_STRING: u8 = 0x1F;
    pub(crate) const RECEIVE_MAXIMUM: u8 = 0x21;
    pub(crate) const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
    pub(crate) const TOPIC_ALIAS: u8 = 0x23;
    pub(crate) const USER_PROPERTY: u8 = 0x26;
    pub(crate) const MAXIMUM_PACKET_SIZE: u8 = 0x27;
}

/// The properties that a kind of packet may have when it comes from a client: a bit per identifier.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed(u64);

impl Allowed {
    pub(super) const CONNECT: Self = Self::these(&[
        id::SESSION_EXPIRY_INTERVAL,
        id::AUTHENTICATION_METHOD,
        id::AUTHENTICATION_DATA,
        id::REQUEST_PROBLEM_INFORMATION,
        id::REQUEST_RESPONSE_INFORMATION,
        id::RECEIVE_MAXIMUM,
        id::TOPIC_ALIAS_MAXIMUM,
        id::USER_PROPERTY,
        id::MAXIMUM_PACKET_SIZE,
    ]);
    pub(super) const WILL: Self = Self::these(&[
        id::PAYLOAD_FORMAT_INDICATOR,
        id::MESSAGE_EXPIRY_INTERVAL,
        id::CONTENT_TYPE,
        id::RESPONSE_TOPIC,
        id::CORRELATION_DATA,
        id::WILL_DELAY_INTERVAL,
        id::USER_PROPERTY,
    ]);
    pub(super) const PUBLISH: Self = Self::these(&[
        id::PAYLOAD_FORMAT_INDICATOR,
        id::MESSAGE_EXPIRY_INTERVAL,
        id::CONTENT_TYPE,
        id::RESPONSE_TOPIC,
        id::CORRELATION_DATA,
        id::TOPIC_ALIAS,
        id::USER_PROPERTY,
    ]);
    /// PUBACK, PUBREC, PUBREL and PUBCOMP.
    pub(super) const ACK: Self = Self::these(&[id::REASON_STRING, id::USER_PROPERTY]);
    pub(super) const SUBSCRIBE: Self = Self::these(&[id::SUBSCRIPTION_IDENTIFIER, id::USER_PROPERTY]);
    pub(super) const UNSUBSCRIBE: Self = Self::these(&[id::USER_PROPERTY]);
    pub(super) const DISCONNECT: Self =
        Self::these(&[id::SESSION_EXPIRY_INTERVAL, id::REASON_STRING, id::USER_PROPERTY]);
    pub(super) const AUTH: Self =
        Self::these(&[id::AUTHENTICATION_METHOD, id::AUTHENTICATION_DATA, id::REASON_STRING, id::USER_PROPERTY]);

    const fn these(ids: &[u8]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < ids.len() {
            bits |= 1 << ids[i];
            i += 1;
        }
        Self(bits)
    }

    /// The property's bit, if it may come, or come again.
    fn check(self, id: u8, seen: u64) -> Result<u64, Malformed> {
        let bit = 1u64.checked_shl(id.into()).filter(|bit| self.0 & bit != 0).ok_or(Malformed::Property)?;
        if seen & bit != 0 && id != id::USER_PROPERTY { Err(Malformed::RepeatedProperty) } else { Ok(bit) }
    }
}

/// What was sent, still in the packet's octets.
#[derive(Debug, Default)]
pub(super) struct Properties<'a> {
    pub(super) session_expiry_s: Option<u32>,
    pub(super) receive_maximum: Option<NonZeroU16>,
    pub(super) maximum_packet_size: Option<NonZeroU32>,
    pub(super) topic_alias_maximum: Option<u16>,
    pub(super) request_response_information: bool,
    pub(super) no_problem_information: bool,
    pub(super) authentication_method: Option<&'a str>,
    pub(super) authentication_data: Option<&'a [u8]>,
    pub(super) will_delay_s: Option<u32>,
    pub(super) message_expiry_s: Option<u32>,
    pub(super) topic_alias: Option<NonZeroU16>,
    pub(super) subscription_id: Option<NonZeroU32>,
    payload_is_utf8: bool,
    content_type: Option<&'a str>,
    response_topic: Option<&'a str>,
    correlation_data: Option<&'a [u8]>,
    user: Vec<(&'a str, &'a str)>,
}

impl<'a> Properties<'a> {
    /// Reads the properties of a packet.
    pub(super) fn read(packet: &mut Fields<'a>, allowed: Allowed) -> Result<Self, Malformed> {
        let (mut fields, mut seen, mut properties) = (packet.properties()?, 0, Self::default());
        while !fields.is_empty() {
            let id = fields.octet()?;
            seen |= allowed.check(id, seen)?;
            properties.read_one(id, &mut fields)?;
        }
        Ok(properties)
    }

    fn read_one(&mut self, id: u8, fields: &mut Fields<'a>) -> Result<(), Malformed> {
        match id {
            id::PAYLOAD_FORMAT_INDICATOR => self.payload_is_utf8 = flag(fields)?,
            id::MESSAGE_EXPIRY_INTERVAL => self.message_expiry_s = Some(fields.four()?),
            id::CONTENT_TYPE => self.content_type = Some(fields.string()?),
            id::RESPONSE_TOPIC => self.response_topic = Some(response_topic(fields)?),
            id::CORRELATION_DATA => self.correlation_data = Some(fields.binary()?),
            id::SUBSCRIPTION_IDENTIFIER => self.subscription_id = Some(not_zero(fields.variable()?)?),
            id::SESSION_EXPIRY_INTERVAL => self.session_expiry_s = Some(fields.four()?),
            id::AUTHENTICATION_METHOD => self.authentication_method = Some(fields.string()?),
            id::AUTHENTICATION_DATA => self.authentication_data = Some(fields.binary()?),
            id::REQUEST_PROBLEM_INFORMATION => self.no_problem_information = !flag(fields)?,
            id::WILL_DELAY_INTERVAL => self.will_delay_s = Some(fields.four()?),
            id::REQUEST_RESPONSE_INFORMATION => self.request_response_information = flag(fields)?,
            id::REASON_STRING => drop(fields.string()?),
            id::RECEIVE_MAXIMUM => {
                self.receive_maximum = Some(NonZeroU16::new(fields.two()?).ok_or(Malformed::PropertyValue)?);
            }
            id::TOPIC_ALIAS_MAXIMUM => self.topic_alias_maximum = Some(fields.two()?),
            id::TOPIC_ALIAS => {
                self.topic_alias = Some(NonZeroU16::new(fields.two()?).ok_or(Malformed::TopicAlias)?);
            }
            id::USER_PROPERTY => self.user.push((fields.string()?, fields.string()?)),
            id::MAXIMUM_PACKET_SIZE => self.maximum_packet_size = Some(not_zero(fields.four()?)?),
            _ => return Err(Malformed::Property),
        }
        Ok(())
    }

    /// What travels with a message, if anything does.
    pub(super) fn of_message(&self) -> Option<Arc<MessageProperties>> {
        let properties = MessageProperties {
            payload_is_utf8: self.payload_is_utf8,
            content_type: self.content_type.map(Box::from),
            response_topic: self.response_topic.map(Box::from),
            correlation_data: self.correlation_data.map(Box::from),
            user_properties: self.user.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
        };
        (!properties.is_empty()).then(|| Arc::new(properties))
    }
}

/// An octet that is 0 or 1.
fn flag(fields: &mut Fields<'_>) -> Result<bool, Malformed> {
    match fields.octet()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed::PropertyValue),
    }
}

fn not_zero(value: u32) -> Result<NonZeroU32, Malformed> {
    NonZeroU32::new(value).ok_or(Malformed::PropertyValue)
}

fn response_topic<'a>(fields: &mut Fields<'a>) -> Result<&'a str, Malformed> {
    let topic = fields.string()?;
    validate_topic_name(topic).map(|()| topic).map_err(|_| Malformed::ResponseTopic)
}
