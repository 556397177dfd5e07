//! MQTT 5 octets, well-formed and not, and what another implementation makes of ours.

use bytes::{Bytes, BytesMut};
use gateway_core::Qos;
use gateway_core::mqtt::{
    Ack, Auth, ConnAck, ConnAckProperties, Connect, ConnectProperties, Disconnect, MessageProperties, Packet, PacketId,
    Publish, ReasonCode, RetainHandling, Subscribe, SubscribeOptions, Version, Will,
};
use proptest::prelude::*;
use rmqtt_codec::v5;
use sn_gateway::mqtt::{Malformed, Reader, Refusal, Writer};
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use tokio_util::codec::Decoder as _;

/// Client id "a", clean start, keep-alive 60 s, no properties.
const CONNECT: &[u8] = b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a";

fn read_with(reader: &mut Reader, bytes: &[u8]) -> Result<Vec<Packet>, Refusal> {
    reader.buffer.extend_from_slice(bytes);
    std::iter::from_fn(|| reader.next_packet().transpose()).collect()
}

fn reader() -> Reader {
    Reader::new(1_000, 2)
}

/// Reads `bytes` on a connection that has said CONNECT.
fn read_connected(bytes: &[u8]) -> Result<Vec<Packet>, Refusal> {
    let mut reader = reader();
    read_with(&mut reader, CONNECT).expect("a good CONNECT");
    read_with(&mut reader, bytes)
}

fn id(id: u16) -> PacketId {
    PacketId::new(id).expect("not zero")
}

fn five(client_id: &str) -> Connect {
    Connect { version: Version::V5, ..Connect::new(client_id) }
}

#[test]
fn a_connect_with_every_property_is_understood() {
    let bytes = [
        &b"\x10\x7b\x00\x04MQTT\x05\xec\x00\x0a"[..],
        b"\x28\x11\x00\x00\x00\x3c\x21\x00\x14\x27\x00\x00\x10\x00\x22\x00\x05\x19\x01\x17\x00",
        b"\x26\x00\x01k\x00\x01v\x15\x00\x05SCRAM\x16\x00\x02\x00\x01",
        b"\x00\x02me",
        b"\x2c\x18\x00\x00\x00\x05\x01\x01\x02\x00\x00\x00\x07\x03\x00\x04text\x08\x00\x03r/t\x09\x00\x02\x00\xff",
        b"\x26\x00\x01a\x00\x011\x26\x00\x01a\x00\x010",
        b"\x00\x04will\x00\x03bye\x00\x04user\x00\x04pass",
    ]
    .concat();
    let properties = MessageProperties {
        payload_is_utf8: true,
        content_type: Some("text".into()),
        response_topic: Some("r/t".into()),
        correlation_data: Some([0, 255].into()),
        user_properties: vec![("a".into(), "1".into()), ("a".into(), "0".into())],
    };
    let connect = Connect {
        clean_start: false,
        keep_alive_s: 10,
        will: Some(Will {
            delay_s: 5,
            message_expiry_s: Some(7),
            properties: Some(Arc::new(properties)),
            ..Will::new("will", Bytes::from_static(b"bye"), Qos::AtLeastOnce, true)
        }),
        username: Some("user".into()),
        password: Some(Bytes::from_static(b"pass")),
        properties: ConnectProperties {
            session_expiry_s: 60,
            receive_maximum: NonZeroU16::new(20),
            maximum_packet_size: NonZeroU32::new(4_096),
            topic_alias_maximum: 5,
            request_response_information: true,
            no_problem_information: true,
            authentication: Some(("SCRAM".into(), Bytes::from_static(b"\x00\x01"))),
        },
        ..five("me")
    };
    assert_eq!(read_with(&mut reader(), &bytes), Ok(vec![Packet::Connect(Box::new(connect))]));
}

#[test]
fn a_client_may_leave_its_id_and_its_name_to_others() {
    let packets = read_with(&mut reader(), b"\x10\x10\x00\x04MQTT\x05\x40\x00\x3c\x00\x00\x00\x00\x01p").unwrap();
    let [Packet::Connect(connect)] = &packets[..] else { panic!("{packets:?}") };
    assert_eq!((&*connect.client_id, connect.clean_start, &connect.username), ("", false, &None));
    assert_eq!(connect.password.as_deref(), Some(&b"p"[..]));
}

#[test]
fn every_packet_of_a_client_is_understood() {
    let properties = MessageProperties { content_type: Some("x".into()), ..MessageProperties::default() };
    let publish = Publish {
        message_expiry_s: Some(0),
        properties: Some(Arc::new(properties)),
        ..Publish::new("a/b".into(), Bytes::from_static(b"hi"), Qos::AtLeastOnce, false, Some(id(258)))
    };
    let asked = SubscribeOptions {
        qos: Qos::ExactlyOnce,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::DoNotSend,
    };
    let subscribe = Subscribe { id: id(1), subscription_id: NonZeroU32::new(300), filters: vec![("#".into(), asked)] };
    let refused = Ack { id: id(1), code: ReasonCode::QuotaExceeded };
    let auth = Auth { code: ReasonCode::ReAuthenticate, method: "m".into(), data: Bytes::new() };
    let late = Disconnect { code: ReasonCode::DisconnectWithWill, session_expiry_s: Some(9) };
    let cases = [
        (&b"\x32\x13\x00\x03a/b\x01\x02\x09\x02\x00\x00\x00\x00\x03\x00\x01xhi"[..], Packet::Publish(publish)),
        (b"\x40\x02\x00\x01", Packet::PubAck(id(1).into())),
        (b"\x40\x03\x00\x01\x97", Packet::PubAck(refused)),
        (b"\x50\x0a\x00\x01\x97\x06\x1f\x00\x03why", Packet::PubRec(refused)),
        (b"\x62\x04\x00\x03\x00\x00", Packet::PubRel(id(3).into())),
        (b"\x70\x03\x00\x03\x92", Packet::PubComp(Ack { id: id(3), code: ReasonCode::PacketIdentifierNotFound })),
        (b"\x82\x0a\x00\x01\x03\x0b\xac\x02\x00\x01#\x2e", Packet::Subscribe(Box::new(subscribe))),
        (b"\xa2\x0d\x00\x07\x07\x26\x00\x01k\x00\x01v\x00\x01#", Packet::Unsubscribe(id(7), vec!["#".into()])),
        (b"\xc0\x00", Packet::PingReq),
        (b"\xf0\x06\x19\x04\x15\x00\x01m", Packet::Auth(Box::new(auth))),
        (b"\xe0\x00", Packet::Disconnect(Disconnect::default())),
        (b"\xe0\x01\x00", Packet::Disconnect(Disconnect::default())),
        (b"\xe0\x07\x04\x05\x11\x00\x00\x00\x09", Packet::Disconnect(late)),
    ];
    let all: Vec<u8> = cases.iter().flat_map(|(bytes, _)| bytes.to_vec()).collect();
    let packets: Vec<Packet> = cases.into_iter().map(|(_, packet)| packet).collect();
    assert_eq!(read_connected(&all), Ok(packets));
}

#[test]
fn a_topic_alias_has_become_its_topic() {
    let mut reader = reader();
    read_with(&mut reader, CONNECT).unwrap();
    for bytes in [&b"\x30\x07\x00\x01t\x03\x23\x00\x02"[..], b"\x30\x06\x00\x00\x03\x23\x00\x02"] {
        let packets = read_with(&mut reader, bytes).unwrap();
        assert!(matches!(&packets[..], [Packet::Publish(publish)] if &*publish.topic == "t"), "{packets:?}");
    }
}

#[test]
fn what_is_malformed_ends_the_connection_with_its_reason() {
    use Malformed as M;
    let cases: &[(&[u8], M, ReasonCode)] = &[
        (b"\x00\x00", M::ReservedType, ReasonCode::MalformedPacket),
        (b"\x90\x03\x00\x01\x00", M::ServerPacket, ReasonCode::ProtocolError),
        (CONNECT, M::SecondConnect, ReasonCode::ProtocolError),
        (b"\xf1\x00", M::Flags, ReasonCode::MalformedPacket),
        (b"\xc0\x80\x00", M::RemainingLength, ReasonCode::MalformedPacket),
        (b"\x30\x05\x00\x01t\x80\x00", M::Length, ReasonCode::MalformedPacket),
        (b"\x30\xff\x7f", M::TooLong, ReasonCode::PacketTooLarge),
        (b"\x36\x07\x00\x01t\x00\x01\x00x", M::Qos, ReasonCode::MalformedPacket),
        (b"\x30\x03\x00\x01t", M::Length, ReasonCode::MalformedPacket),
        (b"\x30\x04\x00\x01t\x05", M::Length, ReasonCode::MalformedPacket),
        (b"\x30\x08\x00\x01t\x80\x80\x80\x80\x00", M::Length, ReasonCode::MalformedPacket),
        (b"\x30\x03\x00\x00\x00", M::NoTopic, ReasonCode::ProtocolError),
        (b"\x32\x06\x00\x01t\x00\x00\x00", M::PacketId, ReasonCode::ProtocolError),
        // A session expiry interval, a subscription identifier, and what does not exist.
        (b"\x30\x09\x00\x01t\x05\x11\x00\x00\x00\x01", M::Property, ReasonCode::MalformedPacket),
        (b"\x30\x06\x00\x01t\x02\x0b\x01", M::Property, ReasonCode::MalformedPacket),
        (b"\x30\x06\x00\x01t\x02\x7e\x01", M::Property, ReasonCode::MalformedPacket),
        (b"\x30\x06\x00\x01t\x02\xff\x01", M::Property, ReasonCode::MalformedPacket),
        (b"\x30\x08\x00\x01t\x04\x01\x00\x01\x00", M::RepeatedProperty, ReasonCode::ProtocolError),
        (b"\x30\x06\x00\x01t\x02\x01\x02", M::PropertyValue, ReasonCode::ProtocolError),
        (b"\x30\x05\x00\x01t\x01\x02", M::Length, ReasonCode::MalformedPacket),
        (b"\x30\x08\x00\x01t\x04\x08\x00\x01#", M::ResponseTopic, ReasonCode::ProtocolError),
        (b"\x30\x07\x00\x01t\x03\x08\x00\x00", M::ResponseTopic, ReasonCode::ProtocolError),
        (b"\x30\x08\x00\x01t\x04\x03\x00\x01\x00", M::Nul, ReasonCode::MalformedPacket),
        (b"\x30\x08\x00\x01t\x04\x03\x00\x01\xff", M::Utf8, ReasonCode::MalformedPacket),
        (b"\x30\x07\x00\x01t\x03\x23\x00\x00", M::TopicAlias, ReasonCode::TopicAliasInvalid),
        (b"\x30\x07\x00\x01t\x03\x23\x00\x03", M::TopicAlias, ReasonCode::TopicAliasInvalid),
        (b"\x30\x06\x00\x00\x03\x23\x00\x02", M::UnknownTopicAlias, ReasonCode::ProtocolError),
        (b"\x40\x03\x00\x01\x92", M::ReasonCode, ReasonCode::MalformedPacket),
        (b"\x62\x03\x00\x01\x10", M::ReasonCode, ReasonCode::MalformedPacket),
        (b"\x40\x07\x00\x01\x00\x03\x23\x00\x01", M::Property, ReasonCode::MalformedPacket),
        (b"\x40\x05\x00\x01\x00\x00\x00", M::Length, ReasonCode::MalformedPacket),
        (b"\x82\x03\x00\x01\x00", M::NoTopic, ReasonCode::ProtocolError),
        (b"\x82\x07\x00\x01\x00\x00\x01#\x03", M::OptionValue, ReasonCode::ProtocolError),
        (b"\x82\x07\x00\x01\x00\x00\x01#\x30", M::OptionValue, ReasonCode::ProtocolError),
        (b"\x82\x07\x00\x01\x00\x00\x01#\x40", M::SubscribeOptions, ReasonCode::MalformedPacket),
        (b"\x82\x09\x00\x01\x02\x0b\x00\x00\x01#\x00", M::PropertyValue, ReasonCode::ProtocolError),
        (b"\x82\x0b\x00\x01\x04\x0b\x01\x0b\x01\x00\x01#\x00", M::RepeatedProperty, ReasonCode::ProtocolError),
        (b"\xa2\x03\x00\x01\x00", M::NoTopic, ReasonCode::ProtocolError),
        (b"\xc0\x01\x00", M::Length, ReasonCode::MalformedPacket),
        (b"\xe0\x01\x8b", M::ReasonCode, ReasonCode::MalformedPacket),
        (b"\xe0\x07\x00\x05\x1c\x00\x02me", M::Property, ReasonCode::MalformedPacket),
        (b"\xf0\x00", M::Length, ReasonCode::MalformedPacket),
        (b"\xf0\x02\x18\x00", M::NoAuthenticationMethod, ReasonCode::ProtocolError),
        (b"\xf0\x06\x00\x04\x15\x00\x01m", M::ReasonCode, ReasonCode::MalformedPacket),
    ];
    for (bytes, reason, code) in cases {
        assert_eq!(read_connected(bytes), Err((*reason).into()), "{bytes:02x?}");
        assert_eq!(reason.code(), *code, "{reason:?}");
    }
}

#[test]
fn a_malformed_connect_is_answered() {
    use Malformed as M;
    let (malformed, error): (&[u8], &[u8]) = (b"\x20\x03\x00\x81\x00", b"\x20\x03\x00\x82\x00");
    let cases: &[(&[u8], M, &[u8])] = &[
        (b"\x10\x0e\x00\x04MQTT\x05\x03\x00\x3c\x00\x00\x01a", M::ConnectFlags, malformed),
        (b"\x10\x0e\x00\x04MQTT\x05\x1e\x00\x3c\x00\x00\x01a", M::ConnectFlags, malformed),
        (b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x02a", M::Length, malformed),
        (b"\x10\x0f\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a!", M::Length, malformed),
        (b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01\x00", M::Nul, malformed),
        (b"\x10\x11\x00\x04MQTT\x05\x02\x00\x3c\x03\x21\x00\x00\x00\x01a", M::PropertyValue, error),
        (b"\x10\x13\x00\x04MQTT\x05\x02\x00\x3c\x05\x27\x00\x00\x00\x00\x00\x01a", M::PropertyValue, error),
        (b"\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x02\x17\x02\x00\x01a", M::PropertyValue, error),
        (b"\x10\x12\x00\x04MQTT\x05\x02\x00\x3c\x04\x19\x01\x19\x01\x00\x01a", M::RepeatedProperty, error),
        (b"\x10\x11\x00\x04MQTT\x05\x02\x00\x3c\x03\x23\x00\x01\x00\x01a", M::Property, malformed),
        (b"\x10\x11\x00\x04MQTT\x05\x02\x00\x3c\x03\x16\x00\x00\x00\x01a", M::NoAuthenticationMethod, error),
    ];
    for (bytes, reason, answer) in cases {
        assert_eq!(read_with(&mut reader(), bytes), Err(Refusal { reason: *reason, answer }), "{bytes:02x?}");
    }
}

/// Every truncation waits, every flipped bit is read or refused, and nothing panics.
#[test]
fn damaged_packets_never_panic() {
    let packets: [&[u8]; 4] = [
        b"\x32\x13\x00\x03a/b\x01\x02\x09\x02\x00\x00\x00\x00\x03\x00\x01xhi",
        b"\x82\x0a\x00\x01\x03\x0b\xac\x02\x00\x01#\x2e",
        b"\x50\x0a\x00\x01\x97\x06\x1f\x00\x03why",
        b"\xe0\x07\x04\x05\x11\x00\x00\x00\x09",
    ];
    for packet in packets {
        for len in 0..packet.len() {
            assert_eq!(read_connected(&packet[..len]), Ok(vec![]), "a part of a packet is none yet");
        }
        for bit in 0..packet.len() * 8 {
            let mut damaged = packet.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let _ = read_connected(&damaged);
        }
    }
}

fn written(writer: &mut Writer, packet: Packet) -> Vec<u8> {
    let mut out = BytesMut::new();
    writer.encode(&packet, &mut out).unwrap();
    out.to_vec()
}

#[test]
fn answers_are_written_as_mqtt_5_has_them() {
    let mut writer = Writer::new(&five("me"), 1_000, 0);
    let taken = Ack { id: id(1), code: ReasonCode::NoMatchingSubscribers };
    let codes = vec![ReasonCode::GrantedQos2, ReasonCode::TopicFilterInvalid];
    let over = Disconnect { code: ReasonCode::SessionTakenOver, session_expiry_s: None };
    let auth = Auth { code: ReasonCode::ContinueAuthentication, method: "m".into(), data: Bytes::from_static(b"d") };
    let refused = ConnAck { code: ReasonCode::ServerBusy, ..ConnAck::default() };
    let cases = [
        (Packet::ConnAck(Box::new(refused)), &b"\x20\x03\x00\x89\x00"[..]),
        (Packet::PubAck(id(1).into()), b"\x40\x02\x00\x01"),
        (Packet::PubAck(taken), b"\x40\x03\x00\x01\x10"),
        (Packet::PubRec(taken), b"\x50\x03\x00\x01\x10"),
        (Packet::PubRel(id(1).into()), b"\x62\x02\x00\x01"),
        (Packet::SubAck(id(1), codes), b"\x90\x05\x00\x01\x00\x02\x8f"),
        (Packet::UnsubAck(id(7), vec![ReasonCode::NoSubscriptionExisted]), b"\xb0\x04\x00\x07\x00\x11"),
        (Packet::PingResp, b"\xd0\x00"),
        (Packet::Disconnect(over), b"\xe0\x01\x8e"),
        (Packet::Auth(Box::new(auth)), b"\xf0\x0a\x18\x08\x15\x00\x01m\x16\x00\x01d"),
    ];
    for (packet, bytes) in cases {
        assert_eq!(written(&mut writer, packet), bytes);
    }
}

/// How `rmqtt-codec` reads our octets.
fn read_by_others(mut bytes: BytesMut) -> v5::Packet {
    let (packet, _) = v5::Codec::new(0, 0).decode(&mut bytes).unwrap().expect("a whole packet");
    assert!(bytes.is_empty());
    packet
}

#[test]
fn a_connack_says_all_that_the_client_must_know() {
    let properties = ConnAckProperties {
        session_expiry_s: Some(5),
        receive_maximum: NonZeroU16::new(7),
        maximum_packet_size: None,
        assigned_client_id: Some("auto-1".into()),
        reason_string: Some("why"),
        server_keep_alive_s: Some(9),
        response_information: Some("answers/me".into()),
        authentication: Some(("m".into(), Bytes::from_static(b"d"))),
        ..ConnAckProperties::default()
    };
    let answer = ConnAck { session_present: true, code: ReasonCode::Success, properties };
    let mut out = BytesMut::new();
    Writer::new(&five("me"), 1_000, 3).encode(&Packet::ConnAck(Box::new(answer)), &mut out).unwrap();
    let expected = v5::ConnectAck {
        session_present: true,
        session_expiry_interval_secs: Some(5),
        receive_max: NonZeroU16::new(7).unwrap(),
        max_packet_size: Some(1_003),
        assigned_client_id: Some("auto-1".into()),
        topic_alias_max: 3,
        reason_string: Some("why".into()),
        server_keepalive_sec: Some(9),
        response_info: Some("answers/me".into()),
        auth_method: Some("m".into()),
        auth_data: Some(Bytes::from_static(b"d")),
        ..v5::ConnectAck::default()
    };
    assert_eq!(read_by_others(out), v5::Packet::ConnectAck(Box::new(expected)));
}

#[test]
fn a_topic_is_named_once_and_then_its_alias_stands_for_it() {
    let mut connect = five("me");
    connect.properties.topic_alias_maximum = 1;
    let mut writer = Writer::new(&connect, 1_000, 0);
    let publish = || Packet::Publish(Publish::new("topic".into(), Bytes::new(), Qos::AtMostOnce, false, None));
    assert_eq!(written(&mut writer, publish()), b"\x30\x0b\x00\x05topic\x03\x23\x00\x01");
    assert_eq!(written(&mut writer, publish()), b"\x30\x06\x00\x00\x03\x23\x00\x01");
    // Not if the first would become too long.
    connect.properties.maximum_packet_size = NonZeroU32::new(10);
    let mut writer = Writer::new(&connect, 1_000, 0);
    assert_eq!(written(&mut writer, publish()), b"\x30\x08\x00\x05topic\x00");
}

fn texts() -> impl Strategy<Value = Option<Box<str>>> {
    prop::option::of("[a-zé/]{1,9}".prop_map(Box::from))
}

fn properties() -> impl Strategy<Value = MessageProperties> {
    let data = prop::option::of(prop::collection::vec(any::<u8>(), 0..200).prop_map(Box::from));
    let user = prop::collection::vec(("[a-z]{0,3}".prop_map(Box::from), "[a-zé]{0,90}".prop_map(Box::from)), 0..4);
    let all = (any::<bool>(), texts(), texts(), data, user);
    all.prop_map(|(payload_is_utf8, content_type, response_topic, correlation_data, user_properties)| {
        MessageProperties { payload_is_utf8, content_type, response_topic, correlation_data, user_properties }
    })
}

fn a_publish() -> impl Strategy<Value = Publish> {
    let qos = prop_oneof![Just(Qos::AtMostOnce), Just(Qos::AtLeastOnce), Just(Qos::ExactlyOnce)];
    let ids = prop::collection::vec(1..=268_435_455u32, 0..3);
    let expiry = prop::option::of(1..u32::MAX);
    let all = (qos, "[a-zé/]{1,20}", prop::collection::vec(any::<u8>(), 0..300), ids, expiry, properties());
    all.prop_map(|(qos, topic, payload, ids, message_expiry_s, properties)| Publish {
        message_expiry_s,
        subscription_ids: ids.into_iter().filter_map(NonZeroU32::new).collect(),
        properties: (!properties.is_empty()).then(|| Arc::new(properties)),
        ..Publish::new(topic.into(), payload.into(), qos, true, (qos > Qos::AtMostOnce).then(|| id(7)))
    })
}

/// What `rmqtt-codec` reads, in our words.
fn ours(publish: rmqtt_codec::types::Publish) -> Publish {
    let qos = [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce][usize::from(publish.qos.value())];
    let read = publish.properties.expect("MQTT 5");
    let text = |text: Option<&str>| text.map(Box::from);
    let properties = MessageProperties {
        payload_is_utf8: read.is_utf8_payload,
        content_type: text(read.content_type.as_deref()),
        response_topic: text(read.response_topic.as_deref()),
        correlation_data: read.correlation_data.map(|data| data.to_vec().into()),
        user_properties: read.user_properties.iter().map(|(name, value)| ((**name).into(), (**value).into())).collect(),
    };
    Publish {
        dup: publish.dup,
        message_expiry_s: read.message_expiry_interval.map(NonZeroU32::get),
        subscription_ids: read.subscription_ids,
        properties: (!properties.is_empty()).then(|| Arc::new(properties)),
        ..Publish::new((*publish.topic).into(), publish.payload, qos, publish.retain, publish.packet_id)
    }
}

proptest! {
    #[test]
    fn others_read_what_we_write_and_it_is_as_long_as_we_say(publish in a_publish()) {
        let mut out = BytesMut::new();
        Writer::new(&five("me"), 1_000, 0).encode(&Packet::Publish(publish.clone()), &mut out).unwrap();
        prop_assert_eq!(out.len(), publish.wire_len());
        let v5::Packet::Publish(read) = read_by_others(out) else { panic!("no PUBLISH") };
        prop_assert_eq!(ours(*read), publish);
    }

    #[test]
    fn we_read_what_we_write(publish in a_publish()) {
        let publish = Publish { subscription_ids: Vec::new(), ..publish };
        let bytes = written(&mut Writer::new(&five("me"), 1_000, 0), Packet::Publish(publish.clone()));
        let mut reader = Reader::new(10_000, 0);
        read_with(&mut reader, CONNECT).unwrap();
        prop_assert_eq!(read_with(&mut reader, &bytes), Ok(vec![Packet::Publish(publish)]));
    }
}
