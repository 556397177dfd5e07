//! From packets to octets.

use super::aliases::{Alias, Outgoing};
use super::properties::id;
use bytes::{BufMut, BytesMut};
use gateway_core::mqtt::{
    Ack, Auth, ConnAck, ConnAckProperties, Connect, Disconnect, MessageProperties, Packet, PacketId, Publish,
    ReasonCode, Version, variable_len,
};
use std::fmt;
use std::num::NonZeroU32;

/// A packet that only clients send, or one that is longer than MQTT allows.
#[derive(Debug)]
pub struct Unencodable;

impl fmt::Display for Unencodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no packet that a server can send")
    }
}

impl std::error::Error for Unencodable {}

/// The longest remaining length (MQTT 5 §2.1.4).
const LONGEST: usize = 268_435_455;
/// What an alias adds to a packet that gives it.
const ALIAS_LEN: usize = 3;

/// Writes the packets to one client, in its version.
#[derive(Debug, Default)]
pub struct Writer {
    version: Version,
    /// The longest packet that the client takes.
    maximum_packet_size: Option<NonZeroU32>,
    /// `None`: the client wants none.
    aliases: Option<Box<Outgoing>>,
    /// What the listener enforces, and a client of MQTT 5 is told: the longest packet, and topic aliases.
    announced: (Option<NonZeroU32>, u16),
}

impl Writer {
    /// For the client that has said `connect`. It is told, if it can be, that the listener takes packets with a
    /// remaining length up to `max_packet` and so many `topic_aliases`.
    #[must_use]
    pub fn new(connect: &Connect, max_packet: usize, topic_aliases: u16) -> Self {
        // The fixed header counts; what is longer than MQTT allows need not be said.
        let longest = (max_packet < LONGEST).then(|| 1 + variable_len(max_packet) + max_packet);
        Self {
            version: connect.version,
            maximum_packet_size: connect.properties.maximum_packet_size,
            aliases: Outgoing::new(connect.properties.topic_alias_maximum),
            announced: (longest.and_then(|len| NonZeroU32::new(len as u32)), topic_aliases),
        }
    }

    /// Appends a packet to `out`.
    ///
    /// # Errors
    /// [`Unencodable`]; nothing was appended then.
    pub fn encode(&mut self, packet: &Packet, out: &mut BytesMut) -> Result<(), Unencodable> {
        match packet {
            Packet::ConnAck(answer) => self.connack(answer, out),
            Packet::Publish(publish) => return self.publish(publish, out),
            Packet::PubAck(ack) => self.ack(0x40, *ack, out),
            Packet::PubRec(ack) => self.ack(0x50, *ack, out),
            Packet::PubRel(ack) => self.ack(0x62, *ack, out),
            Packet::PubComp(ack) => self.ack(0x70, *ack, out),
            Packet::SubAck(id, codes) => self.codes(0x90, *id, codes, out),
            // Before MQTT 5 there are no codes.
            Packet::UnsubAck(id, _) if self.version == Version::V3 => self.codes(0xB0, *id, &[], out),
            Packet::UnsubAck(id, codes) => self.codes(0xB0, *id, codes, out),
            Packet::PingResp => head(out, 0xD0, 0),
            Packet::Disconnect(disconnect) if self.version == Version::V5 => disconnecting(*disconnect, out),
            Packet::Auth(auth) if self.version == Version::V5 => authenticating(auth, out),
            Packet::Connect(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(..)
            | Packet::PingReq
            | Packet::Disconnect(_)
            | Packet::Auth(_) => return Err(Unencodable),
        }
        Ok(())
    }

    /// SUBACK or UNSUBACK, without properties.
    fn codes(&self, first: u8, id: PacketId, codes: &[ReasonCode], out: &mut BytesMut) {
        let code = |code: &ReasonCode| match self.version {
            Version::V3 if code.is_error() => 0x80,
            Version::V3 | Version::V5 => *code as u8,
        };
        head(out, first, 2 + self.no_properties().len() + codes.len());
        out.put_u16(id.get());
        out.put_slice(self.no_properties());
        out.extend(codes.iter().map(code));
    }

    /// The length of properties that are not there.
    fn no_properties(&self) -> &'static [u8] {
        match self.version {
            Version::V3 => &[],
            Version::V5 => &[0],
        }
    }

    fn connack(&self, answer: &ConnAck, out: &mut BytesMut) {
        let flags = u8::from(answer.session_present);
        match self.version {
            Version::V3 => {
                head(out, 0x20, 2);
                out.put_slice(&[flags, return_code(answer.code)]);
            }
            Version::V5 => {
                let properties = self.connack_properties(answer);
                head(out, 0x20, 2 + variable_len(properties.len()) + properties.len());
                out.put_slice(&[flags, answer.code as u8]);
                put_variable(out, properties.len());
                out.put_slice(&properties);
            }
        }
    }

    fn connack_properties(&self, answer: &ConnAck) -> BytesMut {
        let properties = &answer.properties;
        let mut out = BytesMut::new();
        if answer.code == ReasonCode::Success {
            let (maximum_packet_size, topic_aliases) = self.announced;
            put_four(&mut out, id::MAXIMUM_PACKET_SIZE, maximum_packet_size.map(NonZeroU32::get));
            put_two(&mut out, id::TOPIC_ALIAS_MAXIMUM, Some(topic_aliases).filter(|aliases| *aliases > 0));
        }
        put_four(&mut out, id::SESSION_EXPIRY_INTERVAL, properties.session_expiry_s);
        put_two(&mut out, id::RECEIVE_MAXIMUM, properties.receive_maximum.map(Into::into));
        put_two(&mut out, id::SERVER_KEEP_ALIVE, properties.server_keep_alive_s);
        let ConnAckProperties { assigned_client_id, reason_string, response_information, authentication, .. } =
            properties;
        put_string(&mut out, id::ASSIGNED_CLIENT_IDENTIFIER, assigned_client_id.as_deref());
        put_string(&mut out, id::REASON_STRING, *reason_string);
        put_string(&mut out, id::RESPONSE_INFORMATION, response_information.as_deref());
        if let Some((method, data)) = authentication {
            put_authentication(&mut out, method, data);
        }
        out
    }

    /// A code that says nothing new is left out (MQTT 5 §3.4.2.1).
    fn ack(&self, first: u8, ack: Ack, out: &mut BytesMut) {
        let code = Some(ack.code).filter(|code| self.version == Version::V5 && *code != ReasonCode::Success);
        head(out, first, 2 + usize::from(code.is_some()));
        out.put_u16(ack.id.get());
        out.extend(code.map(|code| code as u8));
    }

    fn publish(&mut self, publish: &Publish, out: &mut BytesMut) -> Result<(), Unencodable> {
        let alias = self.alias(publish);
        let topic = if matches!(alias, Alias::Known(_)) { "" } else { &*publish.topic };
        let properties_len = match self.version {
            Version::V3 => 0,
            Version::V5 => publish.properties_len() + if alias == Alias::None { 0 } else { ALIAS_LEN },
        };
        let variable = match self.version {
            Version::V3 => 0,
            Version::V5 => variable_len(properties_len) + properties_len,
        };
        let id_len = if publish.id.is_some() { 2 } else { 0 };
        let len = 2 + topic.len() + id_len + variable + publish.payload.len();
        if len > LONGEST {
            return Err(Unencodable);
        }
        out.reserve(1 + variable_len(len) + len);
        let flags = u8::from(publish.dup) << 3 | (publish.qos as u8) << 1 | u8::from(publish.retain);
        head(out, 0x30 | flags, len);
        put_text(out, topic);
        out.extend(publish.id.map(|id| id.get().to_be_bytes()).into_iter().flatten());
        if self.version == Version::V5 {
            put_variable(out, properties_len);
            publish_properties(publish, alias, out);
        }
        out.put_slice(&publish.payload);
        Ok(())
    }

    fn alias(&mut self, publish: &Publish) -> Alias {
        let Some(aliases) = &mut self.aliases else { return Alias::None };
        let room = self.maximum_packet_size.is_none_or(|maximum| {
            // One more octet for each of two lengths.
            publish.wire_len() + ALIAS_LEN + 2 <= maximum.get() as usize
        });
        aliases.choose(&publish.topic, room)
    }
}

/// What MQTT 3.1.1 can say of it (§3.2.2.3).
fn return_code(code: ReasonCode) -> u8 {
    match code {
        ReasonCode::Success => 0,
        ReasonCode::UnsupportedProtocolVersion => 1,
        ReasonCode::ClientIdentifierNotValid => 2,
        ReasonCode::BadUserNameOrPassword => 4,
        ReasonCode::NotAuthorized | ReasonCode::Banned => 5,
        // Server unavailable.
        _ => 3,
    }
}

/// DISCONNECT from the server has no properties.
fn disconnecting(disconnect: Disconnect, out: &mut BytesMut) {
    head(out, 0xE0, 1);
    out.put_u8(disconnect.code as u8);
}

fn authenticating(auth: &Auth, out: &mut BytesMut) {
    let mut properties = BytesMut::new();
    put_authentication(&mut properties, &auth.method, &auth.data);
    head(out, 0xF0, 1 + variable_len(properties.len()) + properties.len());
    out.put_u8(auth.code as u8);
    put_variable(out, properties.len());
    out.put_slice(&properties);
}

fn put_authentication(out: &mut BytesMut, method: &str, data: &[u8]) {
    put_string(out, id::AUTHENTICATION_METHOD, Some(method));
    if !data.is_empty() {
        out.put_u8(id::AUTHENTICATION_DATA);
        put_binary(out, data);
    }
}

fn publish_properties(publish: &Publish, alias: Alias, out: &mut BytesMut) {
    put_four(out, id::MESSAGE_EXPIRY_INTERVAL, publish.message_expiry_s);
    match alias {
        Alias::None => {}
        Alias::Given(alias) | Alias::Known(alias) => put_two(out, id::TOPIC_ALIAS, Some(alias)),
    }
    for subscription in &publish.subscription_ids {
        out.put_u8(id::SUBSCRIPTION_IDENTIFIER);
        put_variable(out, subscription.get() as usize);
    }
    publish.properties.iter().for_each(|properties| message_properties(properties, out));
}

fn message_properties(properties: &MessageProperties, out: &mut BytesMut) {
    if properties.payload_is_utf8 {
        out.put_slice(&[id::PAYLOAD_FORMAT_INDICATOR, 1]);
    }
    put_string(out, id::CONTENT_TYPE, properties.content_type.as_deref());
    put_string(out, id::RESPONSE_TOPIC, properties.response_topic.as_deref());
    if let Some(data) = &properties.correlation_data {
        out.put_u8(id::CORRELATION_DATA);
        put_binary(out, data);
    }
    for (name, value) in &properties.user_properties {
        put_string(out, id::USER_PROPERTY, Some(name));
        put_text(out, value);
    }
}

/// The fixed header.
fn head(out: &mut BytesMut, first: u8, len: usize) {
    out.put_u8(first);
    put_variable(out, len);
}

/// A variable byte integer (MQTT 5 §1.5.5).
fn put_variable(out: &mut BytesMut, mut value: usize) {
    loop {
        let octet = (value & 0x7F) as u8;
        value >>= 7;
        out.put_u8(if value == 0 { octet } else { octet | 0x80 });
        if value == 0 {
            return;
        }
    }
}

fn put_two(out: &mut BytesMut, id: u8, value: Option<u16>) {
    if let Some(value) = value {
        out.put_u8(id);
        out.put_u16(value);
    }
}

fn put_four(out: &mut BytesMut, id: u8, value: Option<u32>) {
    if let Some(value) = value {
        out.put_u8(id);
        out.put_u32(value);
    }
}

fn put_string(out: &mut BytesMut, id: u8, text: Option<&str>) {
    if let Some(text) = text {
        out.put_u8(id);
        put_text(out, text);
    }
}

fn put_text(out: &mut BytesMut, text: &str) {
    put_binary(out, text.as_bytes());
}

/// Octets with their length before them. All that is sent has come in a packet, or is short.
fn put_binary(out: &mut BytesMut, octets: &[u8]) {
    out.put_u16(octets.len() as u16);
    out.put_slice(octets);
}
