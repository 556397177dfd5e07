//! From the core's packets to the octets that another broker understands, and back: the client's side of MQTT.

mod v3;
mod v5;

use crate::mqtt::variable_byte_integer;
use bytes::BytesMut;
use gateway_core::mqtt::{Ack, ConnAck, ConnAckProperties, Connect, Disconnect, Packet, PacketId, ReasonCode, Version};
use rumqttc::mqttbytes;
use std::fmt;

/// What a broker must not send, or cannot be sent.
#[derive(Debug)]
pub(crate) struct WireError(String);

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WireError {}

impl WireError {
    fn new(what: impl fmt::Display) -> Self {
        Self(what.to_string())
    }
}

/// How packets look on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) version: Version,
    /// The longest packet to take in, in octets after the fixed header.
    pub(crate) max_packet: usize,
    /// CONNECT says that a bridge connects, in the way of mosquitto: by the highest bit of the protocol level. Only for
    /// MQTT 3.1.1, which has no other way to keep a bridge's own messages away from it.
    pub(crate) as_bridge: bool,
}

/// Where the protocol level is after the fixed header: behind the name `MQTT` and its length (MQTT 3.1.1 §3.1.2).
const LEVEL_AT: usize = 6;
/// The bit in it.
const BRIDGE_BIT: u8 = 0x80;

impl Wire {
    /// Appends a packet that a client sends to `out`.
    pub(crate) fn encode(&self, packet: Packet, out: &mut BytesMut) -> Result<(), WireError> {
        match packet {
            Packet::Connect(connect) => self.connect(*connect, out),
            Packet::PubAck(ack) => self.ack(0x40, ack, out),
            Packet::PubRec(ack) => self.ack(0x50, ack, out),
            Packet::PubRel(ack) => self.ack(0x62, ack, out),
            Packet::PubComp(ack) => self.ack(0x70, ack, out),
            Packet::PingReq => self.bare(0xC0, out),
            Packet::Disconnect(Disconnect { code: ReasonCode::Success, session_expiry_s: None }) => {
                self.bare(0xE0, out)
            }
            Packet::Publish(_) | Packet::Subscribe(_) | Packet::Unsubscribe(..) | Packet::Disconnect(_) => {
                self.by_rumqttc(packet, out)
            }
            Packet::ConnAck(_) | Packet::SubAck(..) | Packet::UnsubAck(..) | Packet::PingResp | Packet::Auth(_) => {
                Err(WireError::new("no packet that a client sends"))
            }
        }
    }

    fn by_rumqttc(&self, packet: Packet, out: &mut BytesMut) -> Result<(), WireError> {
        match self.version {
            Version::V3 => v3::encode(packet, out),
            Version::V5 => v5::encode(packet, out),
        }
    }

    fn connect(&self, connect: Connect, out: &mut BytesMut) -> Result<(), WireError> {
        let start = out.len();
        self.by_rumqttc(Packet::Connect(Box::new(connect)), out)?;
        if self.as_bridge && self.version == Version::V3 {
            let body = start + 1 + length_octets(&out[start..]);
            out[body + LEVEL_AT] |= BRIDGE_BIT;
        }
        Ok(())
    }

    /// A packet without contents.
    fn bare(&self, first: u8, out: &mut BytesMut) -> Result<(), WireError> {
        out.extend_from_slice(&[first, 0]);
        Ok(())
    }

    /// An acknowledgement is an id and, over MQTT 5, a code if it is another than success.
    fn ack(&self, first: u8, ack: Ack, out: &mut BytesMut) -> Result<(), WireError> {
        let [high, low] = ack.id.get().to_be_bytes();
        match (self.version, ack.code) {
            (Version::V3, _) | (Version::V5, ReasonCode::Success) => out.extend_from_slice(&[first, 2, high, low]),
            (Version::V5, code) => out.extend_from_slice(&[first, 3, high, low, code as u8]),
        }
        Ok(())
    }

    /// Takes the next packet from `buffer`, if all of it is there.
    pub(crate) fn decode(&self, buffer: &mut BytesMut) -> Result<Option<Packet>, WireError> {
        let header = match mqttbytes::check(buffer.iter(), self.max_packet) {
            Ok(header) => header,
            Err(mqttbytes::Error::InsufficientBytes(missing)) => {
                buffer.reserve(missing);
                return Ok(None);
            }
            Err(error) => return Err(WireError::new(error)),
        };
        let mut packet = buffer.split_to(header.frame_length());
        let (kind, body) = (packet[0] >> 4, 1 + length_octets(&packet));
        match kind {
            2 => self.connack(body, &mut packet).map(Some),
            3 if self.version == Version::V3 => v3::publish(&mut packet).map(Some),
            3 => v5::publish(&mut packet).map(Some),
            kind => self.decode_small(kind, &packet[body..]).map(Some),
        }
    }

    /// rumqttc does not know all codes with which a broker may refuse: it is asked for the properties of one that accepts.
    fn connack(&self, body: usize, packet: &mut BytesMut) -> Result<Packet, WireError> {
        let (Some(flags), Some(octet)) = (packet.get(body), packet.get(body + 1)) else {
            return Err(WireError::new("a CONNACK without a code"));
        };
        let session_present = flags & 1 != 0;
        let code = match self.version {
            Version::V3 => v3::return_code(*octet),
            Version::V5 => code(Some(octet)),
        };
        let properties = match (self.version, code) {
            (Version::V5, ReasonCode::Success) => v5::connack(packet)?,
            (Version::V3 | Version::V5, _) => ConnAckProperties::default(),
        };
        Ok(Packet::ConnAck(Box::new(ConnAck { session_present, code, properties })))
    }

    /// Packets of few octets. rumqttc refuses reason codes that it does not know, and a DISCONNECT of MQTT 5 that leaves
    /// out its code or its properties, as it may.
    fn decode_small(&self, kind: u8, body: &[u8]) -> Result<Packet, WireError> {
        match kind {
            4 => ack(body).map(Packet::PubAck),
            5 => ack(body).map(Packet::PubRec),
            6 => ack(body).map(Packet::PubRel),
            7 => ack(body).map(Packet::PubComp),
            9 => self.codes(body).map(|(id, codes)| Packet::SubAck(id, codes)),
            11 => self.codes(body).map(|(id, codes)| Packet::UnsubAck(id, codes)),
            13 => Ok(Packet::PingResp),
            14 if self.version == Version::V5 => {
                Ok(Packet::Disconnect(Disconnect { code: code(body.first()), session_expiry_s: None }))
            }
            _ => Err(WireError::new(format_args!("a packet of type {kind}, which brokers do not send"))),
        }
    }

    /// The answers to SUBSCRIBE and UNSUBSCRIBE: an id, MQTT 5's properties, a code for each filter.
    fn codes(&self, body: &[u8]) -> Result<(PacketId, Vec<ReasonCode>), WireError> {
        let (id, rest) = packet_id(body)?;
        let codes = match self.version {
            Version::V3 => rest,
            Version::V5 => {
                let (properties, octets) = variable_byte_integer(rest).ok_or(WireError::new("no length"))?;
                rest.get(octets + properties..).ok_or(WireError::new("too short"))?
            }
        };
        Ok((id, codes.iter().map(|octet| code(Some(octet))).collect()))
    }
}

/// How many octets the remaining length of a whole packet takes.
fn length_octets(packet: &[u8]) -> usize {
    packet[1..].iter().take_while(|octet| **octet >= 0x80).count() + 1
}

fn ack(body: &[u8]) -> Result<Ack, WireError> {
    let (id, rest) = packet_id(body)?;
    Ok(Ack { id, code: code(rest.first()) })
}

fn packet_id(body: &[u8]) -> Result<(PacketId, &[u8]), WireError> {
    let id = body.split_first_chunk::<2>().and_then(|(id, rest)| Some((PacketId::new(u16::from_be_bytes(*id))?, rest)));
    id.ok_or(WireError::new("an answer without a packet id"))
}

/// A code that is left out is success; one that MQTT 5 does not know is an error all the same.
fn code(octet: Option<&u8>) -> ReasonCode {
    match octet {
        None => ReasonCode::Success,
        Some(octet) => ReasonCode::from_octet(*octet).unwrap_or(ReasonCode::UnspecifiedError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::Qos;
    use gateway_core::mqtt::{MessageProperties, Publish, Subscribe, SubscribeOptions};
    use std::sync::Arc;

    fn wire(version: Version) -> Wire {
        Wire { version, max_packet: 1_000, as_bridge: true }
    }

    fn encoded(version: Version, packet: Packet) -> Vec<u8> {
        let mut out = BytesMut::new();
        wire(version).encode(packet, &mut out).unwrap();
        out.to_vec()
    }

    fn decoded(version: Version, bytes: &[u8]) -> Result<Option<Packet>, WireError> {
        wire(version).decode(&mut BytesMut::from(bytes))
    }

    fn id(id: u16) -> PacketId {
        PacketId::new(id).unwrap()
    }

    #[test]
    fn a_bridge_shows_itself_over_mqtt_3_only() {
        let connect = || Packet::Connect(Box::new(Connect { clean_start: false, ..Connect::new("c") }));
        assert_eq!(encoded(Version::V3, connect()), b"\x10\x0d\x00\x04MQTT\x84\x00\x00\x00\x00\x01c");
        let v5 = encoded(Version::V5, connect());
        assert_eq!(v5[2..9], *b"\x00\x04MQTT\x05");
        let long = Packet::Connect(Box::new(Connect::new("c".repeat(200))));
        assert_eq!(encoded(Version::V3, long)[3..10], *b"\x00\x04MQTT\x84");
    }

    #[test]
    fn acknowledgements_carry_the_id_and_over_mqtt_5_the_code() {
        let refused = Ack { id: id(0x0102), code: ReasonCode::QuotaExceeded };
        assert_eq!(encoded(Version::V3, Packet::PubRec(refused)), [0x50, 2, 1, 2]);
        assert_eq!(encoded(Version::V5, Packet::PubRec(refused)), [0x50, 3, 1, 2, 0x97]);
        assert_eq!(encoded(Version::V5, Packet::PubRel(id(3).into())), [0x62, 2, 0, 3]);
        for bytes in [&[0x40, 2, 1, 2][..], &[0x40, 3, 1, 2, 0], &[0x40, 4, 1, 2, 0, 0]] {
            assert_eq!(decoded(Version::V5, bytes).unwrap(), Some(Packet::PubAck(id(0x0102).into())), "{bytes:?}");
        }
        let strange = Ack { id: id(1), code: ReasonCode::UnspecifiedError };
        assert_eq!(decoded(Version::V5, &[0x40, 3, 0, 1, 0xFE]).unwrap(), Some(Packet::PubAck(strange)));
    }

    #[test]
    fn a_disconnect_may_leave_out_its_code_and_its_properties() {
        for (bytes, code) in [
            (&[0xE0, 0][..], ReasonCode::Success),
            (&[0xE0, 1, 0x8E], ReasonCode::SessionTakenOver),
            (&[0xE0, 2, 0x8B, 0], ReasonCode::ServerShuttingDown),
        ] {
            let expected = Packet::Disconnect(Disconnect { code, session_expiry_s: None });
            assert_eq!(decoded(Version::V5, bytes).unwrap(), Some(expected));
        }
        assert!(decoded(Version::V3, &[0xE0, 0]).is_err());
    }

    #[test]
    fn a_message_travels_with_all_that_is_said_of_it() {
        let properties = MessageProperties {
            payload_is_utf8: true,
            content_type: Some("text/plain".into()),
            response_topic: Some("answer".into()),
            correlation_data: Some(Box::from(*b"7")),
            user_properties: vec![("name".into(), "value".into())],
        };
        let mut publish = Publish::new("a/b".into(), "12".into(), Qos::ExactlyOnce, true, Some(id(9)));
        publish.dup = true;
        let bytes = encoded(Version::V3, Packet::Publish(publish.clone()));
        assert_eq!(decoded(Version::V3, &bytes).unwrap(), Some(Packet::Publish(publish.clone())));
        publish.message_expiry_s = Some(60);
        publish.properties = Some(Arc::new(properties));
        let bytes = encoded(Version::V5, Packet::Publish(publish.clone()));
        assert_eq!(decoded(Version::V5, &bytes).unwrap(), Some(Packet::Publish(publish)));
    }

    #[test]
    fn an_answer_has_a_code_for_each_filter() {
        let codes = vec![ReasonCode::GrantedQos2, ReasonCode::UnspecifiedError];
        let expected = Packet::SubAck(id(7), codes);
        assert_eq!(decoded(Version::V3, &[0x90, 4, 0, 7, 2, 0x80]).unwrap(), Some(expected.clone()));
        assert_eq!(decoded(Version::V5, &[0x90, 5, 0, 7, 0, 2, 0x80]).unwrap(), Some(expected));
    }

    #[test]
    fn options_of_a_subscription_are_for_mqtt_5() {
        let asked = SubscribeOptions { qos: Qos::AtLeastOnce, no_local: true, ..SubscribeOptions::default() };
        let subscribe = Subscribe { id: id(1), subscription_id: None, filters: vec![("a".into(), asked)] };
        let packet = Packet::Subscribe(Box::new(subscribe));
        assert_eq!(encoded(Version::V3, packet.clone()), [0x82, 6, 0, 1, 0, 1, b'a', 1]);
        assert_eq!(encoded(Version::V5, packet), [0x82, 7, 0, 1, 0, 0, 1, b'a', 0x05]);
    }

    #[test]
    fn a_connack_tells_what_the_broker_takes_or_why_it_refuses() {
        let bytes = [0x20, 6, 1, 0, 3, 0x21, 0, 20];
        let Some(Packet::ConnAck(answer)) = decoded(Version::V5, &bytes).unwrap() else { panic!("no CONNACK") };
        assert!(answer.session_present);
        assert_eq!(answer.properties.receive_maximum.map(u16::from), Some(20));
        for (version, bytes, code) in [
            (Version::V3, &[0x20, 2, 0, 5][..], ReasonCode::NotAuthorized),
            (Version::V5, &[0x20, 3, 0, 0x9F, 0], ReasonCode::ConnectionRateExceeded),
            (Version::V5, &[0x20, 3, 0, 0x8E, 0], ReasonCode::SessionTakenOver),
        ] {
            let Some(Packet::ConnAck(answer)) = decoded(version, bytes).unwrap() else { panic!("no CONNACK") };
            assert_eq!(answer.code, code);
        }
    }

    #[test]
    fn what_is_not_there_yet_is_waited_for_and_what_is_too_long_refused() {
        assert_eq!(decoded(Version::V3, &[0x30, 5, 0, 1, b't']).unwrap(), None);
        assert!(decoded(Version::V3, &[0x30, 0xE9, 0x07, 0, 1, b't']).is_err());
        for bytes in [&[0x10, 0][..], &[0xC0, 0], &[0x40, 1, 0], &[0x40, 2, 0, 0], &[0x20, 1, 0], &[0xF0, 0]] {
            assert!(decoded(Version::V5, bytes).is_err(), "{bytes:?}");
        }
    }
}
