//! Datagrams that are no message, each with its error; and messages that only a session may refuse.

mod support;

use sn_codec::DecodeError::{
    BodyTooLong, BodyTooShort, EmptyTopicName, InvalidLength, NestedEncapsulation, NoHeader, NoInnerMessage, NotUtf8,
    ReservedType, TopicNameLength, TrailingOctets, Truncated,
};
use sn_codec::{
    Connect, DecodeError, FrwdEncap, Message, MsgId, MsgType, PingReq, Publish, Qos, ReturnCode, SubAck, Subscribe,
    Topic, TopicFilter, TopicId, Unsubscribe, decode,
};
use support::octets;

#[track_caller]
fn refused(hex: &str, error: DecodeError) {
    assert_eq!(decode(&octets(hex)), Err(error), "{hex}");
}

#[track_caller]
fn accepted(hex: &str, message: Message<'_>) {
    assert_eq!(decode(&octets(hex)), Ok(message), "{hex}");
}

#[test]
fn too_short_for_a_header() {
    refused("", NoHeader);
    refused("02", NoHeader);
    refused("01", NoHeader);
    refused("00", NoHeader);
    refused("01 16", NoHeader);
    refused("01 00 04", NoHeader);
}

#[test]
fn lengths_that_no_message_has() {
    refused("00 16", InvalidLength);
    refused("01 00 03 16", InvalidLength);
    refused("01 00 00 16", InvalidLength);
    refused("01 00 02 16", InvalidLength);
}

#[test]
fn length_must_be_that_of_the_datagram() {
    refused("05 16", Truncated);
    refused("01 00 05 16", Truncated);
    refused("05 04 04 01", Truncated);
    refused("02 16 00 00", TrailingOctets);
    refused("02 16 00", TrailingOctets);
    refused("01 00 04 16 00", TrailingOctets);
    refused("01 00 04 16 00 00 00", TrailingOctets);
}

#[test]
fn more_than_the_protocol_can_count() {
    let of_len = |len: usize, length_field: [u8; 2]| {
        let mut datagram = vec![b'x'; len];
        datagram[..4].copy_from_slice(&[1, length_field[0], length_field[1], 0x09]);
        decode(&datagram).map(|_| ())
    };
    assert_eq!(of_len(65_535, [0xFF, 0xFF]), Ok(()));
    assert_eq!(of_len(65_536, [0xFF, 0xFF]), Err(TrailingOctets));
    assert_eq!(of_len(65_537, [0xFF, 0xFF]), Err(TrailingOctets));
}

/// Paho sends a PUBLISH of 255 octets as 257 whose Length is 255.
#[test]
fn a_long_length_may_forget_the_two_octets_of_the_long_form() {
    let mut datagram = octets("01 00 FF 0C 00 00 01 00 00");
    datagram.resize(3 + 254, b'x');
    let Ok(Message::Publish(publish)) = decode(&datagram) else { panic!("accepted") };
    assert_eq!(publish.topic, Topic::Normal(TopicId(1)));
    assert_eq!(publish.data, [b'x'; 248]);
}

#[test]
fn reserved_types() {
    for msg_type in (0..=u8::MAX).filter(|octet| MsgType::ALL.iter().all(|known| u8::from(*known) != *octet)) {
        assert_eq!(decode(&[2, msg_type]), Err(ReservedType(msg_type)));
        assert_eq!(decode(&[1, 0, 4, msg_type]), Err(ReservedType(msg_type)));
    }
    refused("02 03", ReservedType(0x03));
    refused("02 11", ReservedType(0x11));
    refused("02 19", ReservedType(0x19));
    refused("02 1E", ReservedType(0x1E));
    refused("02 FF", ReservedType(0xFF));
}

#[test]
fn bodies_that_end_early() {
    refused("05 04 04 01 00", BodyTooShort(MsgType::Connect));
    refused("06 0C 00 00 01 00", BodyTooShort(MsgType::Publish));
    refused("06 12 21 00 07 00", BodyTooShort(MsgType::Subscribe));
    refused("06 12 42 00 08 74", BodyTooShort(MsgType::Subscribe));
    refused("06 14 01 00 07 00", BodyTooShort(MsgType::Unsubscribe));
    refused("03 18 00", BodyTooShort(MsgType::Disconnect));
    refused("02 1B", BodyTooShort(MsgType::WillTopicResp));
    refused("02 FE 02 16", BodyTooShort(MsgType::FrwdEncap));
}

#[test]
fn bodies_that_go_on() {
    refused("08 12 42 00 08 74 74 74", BodyTooLong(MsgType::Subscribe));
    refused("08 12 21 00 08 00 10 00", BodyTooLong(MsgType::Subscribe));
    refused("08 14 02 00 08 74 74 74", BodyTooLong(MsgType::Unsubscribe));
    refused("05 18 00 00 00", BodyTooLong(MsgType::Disconnect));
    refused("03 17 00", BodyTooLong(MsgType::PingResp));
    refused("04 05 00 00", BodyTooLong(MsgType::ConnAck));
    refused("05 1B 00 00 00", BodyTooLong(MsgType::WillTopicResp));
    refused("05 1D 00 00 00", BodyTooLong(MsgType::WillMsgResp));
}

/// The messages without variable parts: one octet less is too short, one more too long.
#[test]
fn fixed_lengths_are_kept_to() {
    use MsgType::{Advertise, PubAck, PubComp, PubRec, PubRel, RegAck, SearchGw, SubAck, UnsubAck};
    for (msg_type, len) in [
        (Advertise, 5),
        (SearchGw, 3),
        (MsgType::ConnAck, 3),
        (RegAck, 7),
        (PubAck, 7),
        (PubComp, 4),
        (PubRec, 4),
        (PubRel, 4),
        (SubAck, 8),
        (UnsubAck, 4),
    ] {
        let of_len = |len: usize| {
            let mut datagram = vec![0; len];
            datagram[..2].copy_from_slice(&[len as u8, msg_type.into()]);
            decode(&datagram).map(|message| message.msg_type())
        };
        assert_eq!(of_len(len - 1), Err(BodyTooShort(msg_type)));
        assert_eq!(of_len(len), Ok(msg_type));
        assert_eq!(of_len(len + 1), Err(BodyTooLong(msg_type)));
    }
}

#[test]
fn rsmb_answers_will_updates_with_an_octet_too_many() {
    accepted("04 1B 00 00", Message::WillTopicResp(ReturnCode::Accepted));
    accepted("04 1D 03 00", Message::WillMsgResp(ReturnCode::NotSupported));
}

#[test]
fn topic_names_that_must_be_there() {
    refused("06 0A 00 00 00 01", EmptyTopicName(MsgType::Register));
    refused("05 12 00 00 01", EmptyTopicName(MsgType::Subscribe));
    refused("05 14 00 00 01", EmptyTopicName(MsgType::Unsubscribe));
    refused("03 07 30", EmptyTopicName(MsgType::WillTopic));
    refused("03 1A 30", EmptyTopicName(MsgType::WillTopicUpd));
}

#[test]
fn full_names_have_a_length_that_fits() {
    refused("07 0C 60 00 00 00 00", TopicNameLength);
    refused("09 0C 60 00 00 00 00 68 69", TopicNameLength);
    refused("09 0C 60 00 03 00 00 68 69", TopicNameLength);
    refused("09 0C 60 FF FF 00 00 68 69", TopicNameLength);
    let name_only = publish_minus_one(Topic::Name("hi"));
    accepted("09 0C 60 00 02 00 00 68 69", Message::Publish(name_only));
}

fn publish_minus_one(topic: Topic<'_>) -> Publish<'_> {
    Publish { dup: false, qos: Qos::MinusOne, retain: false, topic, msg_id: MsgId::NONE, data: b"" }
}

#[test]
fn text_is_utf8() {
    refused("07 04 04 01 00 3C FF", NotUtf8(MsgType::Connect));
    refused("03 16 C3", NotUtf8(MsgType::PingReq));
    refused("07 0A 00 00 00 01 80", NotUtf8(MsgType::Register));
    refused("06 12 00 00 01 80", NotUtf8(MsgType::Subscribe));
    refused("06 14 00 00 01 80", NotUtf8(MsgType::Unsubscribe));
    refused("04 07 00 80", NotUtf8(MsgType::WillTopic));
    refused("04 1A 00 80", NotUtf8(MsgType::WillTopicUpd));
    // The name's length cuts a character in two.
    refused("09 0C 60 00 01 00 00 C3 A9", NotUtf8(MsgType::Publish));
}

#[test]
fn encapsulations() {
    let no_node = FrwdEncap { radius: 0, node_id: &[], inner: &[0x02, 0x16] };
    refused("05 FE 00 AA BB", NoInnerMessage);
    refused("03 FE 00", NoInnerMessage);
    refused("02 FE", NoInnerMessage);
    refused("06 FE 00 AA BB", Truncated);
    refused("05 FE 00 AA BB 05 FE 00 01 02 02 16", NestedEncapsulation);
    refused("05 FE 00 AA BB 01 00 07 FE 00 01 02 02 16", NestedEncapsulation);
    refused("01 00 07 FE 00 AA BB", InvalidLength);
    refused("01 00 07 FE 00 AA BB 02 16", InvalidLength);
    accepted("03 FE 00 02 16", Message::FrwdEncap(no_node));
    // Reserved Ctrl bits are ignored.
    accepted("03 FE FE 02 16", Message::FrwdEncap(FrwdEncap { radius: 2, ..no_node }));
    // What is inside is not looked at, but for its type.
    accepted("03 FE 00 02", Message::FrwdEncap(FrwdEncap { inner: &[0x02], ..no_node }));
}

#[test]
fn what_is_merely_not_allowed_decodes() {
    let connect = Connect { will: false, clean_session: true, protocol_id: 1, duration_s: 60, client_id: "" };
    let protocol_2 = Connect { clean_session: true, protocol_id: 2, client_id: "p2", ..connect };
    accepted("08 04 04 02 00 3C 70 32", Message::Connect(protocol_2));
    accepted("06 04 04 01 00 3C", Message::Connect(connect));

    let publish = |topic, msg_id| {
        let msg_id = MsgId(msg_id);
        Message::Publish(Publish { dup: false, qos: Qos::One, retain: false, topic, msg_id, data: b"x" })
    };
    accepted("08 0C 23 00 01 00 0F 78", publish(Topic::Reserved(TopicId(1)), 15));
    accepted("08 0C 20 00 00 00 01 78", publish(Topic::Normal(TopicId(0)), 1));
    accepted("08 0C 20 FF FF 00 01 78", publish(Topic::Normal(TopicId(0xFFFF)), 1));
    accepted("08 0C 20 00 01 00 00 78", publish(Topic::Normal(TopicId(1)), 0));

    let subscribe = |qos, msg_id, topic| Message::Subscribe(Subscribe { qos, msg_id: MsgId(msg_id), topic });
    accepted("0A 12 60 00 1B 61 2F 62 2F 63", subscribe(Qos::MinusOne, 0x1B, TopicFilter::Name("a/b/c")));
    accepted("07 12 23 00 01 FF FF", subscribe(Qos::One, 1, TopicFilter::Reserved));
    accepted("05 12 23 00 01", subscribe(Qos::One, 1, TopicFilter::Reserved));
    let unsubscribe = Unsubscribe { msg_id: MsgId(1), topic: TopicFilter::Reserved };
    accepted("05 14 03 00 01", Message::Unsubscribe(unsubscribe));
    // A NUL character is UTF-8.
    accepted("06 12 20 00 01 00", subscribe(Qos::One, 1, TopicFilter::Name("\0")));
    accepted("03 16 00", Message::PingReq(PingReq { client_id: Some("\0") }));
}

/// RSMB sends SUBACK with random bits beside the QoS.
#[test]
fn unused_flag_bits_are_ignored() {
    let suback = |qos| {
        let (topic_id, msg_id) = (TopicId(1), MsgId(5));
        Message::SubAck(SubAck { qos, topic_id, msg_id, return_code: ReturnCode::Accepted })
    };
    accepted("08 13 B4 00 01 00 05 00", suback(Qos::One));
    accepted("08 13 44 00 01 00 05 00", suback(Qos::Two));
    accepted("08 13 9F 00 01 00 05 00", suback(Qos::Zero));
    let name = TopicFilter::Name("t");
    accepted("06 12 BC 00 01 74", Message::Subscribe(Subscribe { qos: Qos::One, msg_id: MsgId(1), topic: name }));
    accepted("06 14 FC 00 01 74", Message::Unsubscribe(Unsubscribe { msg_id: MsgId(1), topic: name }));
    let connect = Connect { will: false, clean_session: false, protocol_id: 1, duration_s: 0, client_id: "c" };
    accepted("07 04 F3 01 00 00 63", Message::Connect(connect));
}

#[test]
fn every_error_has_a_name_of_its_own() {
    let errors = [
        NoHeader,
        InvalidLength,
        Truncated,
        TrailingOctets,
        ReservedType(3),
        BodyTooShort(MsgType::Connect),
        BodyTooLong(MsgType::Connect),
        EmptyTopicName(MsgType::Register),
        TopicNameLength,
        NotUtf8(MsgType::Connect),
        NoInnerMessage,
        NestedEncapsulation,
    ];
    assert_eq!(errors.map(DecodeError::name), DecodeError::NAMES);
    assert_eq!(NoHeader.name(), "no-header");
    assert_eq!(BodyTooShort(MsgType::Connect).to_string(), "CONNECT ends before its last field");
}

#[test]
fn a_client_reads_what_is_for_clients_and_nothing_else() {
    assert_eq!(sn_codec::decode_for_client(&[2, 0x17]), Some(Message::PingResp));
    assert_eq!(sn_codec::decode_for_client(&[2, 0x17, 0]), None, "malformed");
    let for_gateways: [&[u8]; 4] =
        [b"\x07\x04\x04\x01\x00\x3Cn", b"\x04\x09by", b"\x06\x12\x00\x00\x06t", b"\x03\xFE\x00\x02\x16"];
    for datagram in for_gateways {
        assert!(decode(datagram).is_ok());
        assert_eq!(sn_codec::decode_for_client(datagram), None);
    }
}
