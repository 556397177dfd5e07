//! What is not sent, and where the Length forms change.

mod support;

use sn_codec::{
    EncodeError, FrwdEncap, Message, MsgId, MsgType, PingReq, Publish, Qos, Register, ReturnCode, ShortName, Subscribe,
    Topic, TopicFilter, TopicId, Unsubscribe, WillMsg, WillTopic, decode, limits,
};
use support::encoded;

fn will_msg(message: &[u8]) -> Message<'_> {
    Message::WillMsg(WillMsg { message })
}

#[test]
fn long_form_begins_where_the_short_one_ends() {
    let lens = [253, 254].map(|len| encoded(&will_msg(&vec![b'x'; len])));
    assert_eq!((lens[0].len(), &lens[0][..2]), (255, &[0xFF, 0x09][..]));
    assert_eq!((lens[1].len(), &lens[1][..4]), (258, &[0x01, 0x01, 0x02, 0x09][..]));
}

#[test]
fn longest_message() {
    let data = vec![b'x'; limits::MAX_MESSAGE_LEN - limits::LONG_HEADER_LEN + 1];
    let longest = encoded(&will_msg(&data[1..]));
    assert_eq!((longest.len(), &longest[..4]), (65_535, &[0x01, 0xFF, 0xFF, 0x09][..]));
    assert_eq!(decode(&longest), Ok(will_msg(&data[1..])));

    assert_eq!(will_msg(&data).encoded_len(), Err(EncodeError::MessageTooLong));
    assert_eq!(will_msg(&data).encode(&mut vec![0; 70_000]), Err(EncodeError::MessageTooLong));
}

#[test]
fn buffer_too_small_says_how_large_it_must_be() {
    assert_eq!(will_msg(b"bye").encode(&mut [0; 4]), Err(EncodeError::BufferTooSmall(5)));
    assert_eq!(will_msg(b"bye").encode(&mut []), Err(EncodeError::BufferTooSmall(5)));
}

#[test]
fn buffer_beyond_the_message_is_left_alone() {
    let mut buf = [0xEE; 8];
    assert_eq!(will_msg(b"bye").encode(&mut buf), Ok(5));
    assert_eq!(buf, *b"\x05\x09bye\xEE\xEE\xEE");
}

#[test]
fn node_id_must_fit_a_one_octet_length() {
    let encap = |node_id| Message::FrwdEncap(FrwdEncap { radius: 0, node_id, inner: b"\x02\x16" });
    let longest = encoded(&encap(&[7; limits::MAX_NODE_ID_LEN]));
    assert_eq!((longest.len(), longest[0]), (257, 255));
    assert_eq!(encap(&[7; 253]).encoded_len(), Err(EncodeError::NodeIdTooLong));
}

#[test]
fn encapsulation_carries_one_message() {
    let encap = |inner| Message::FrwdEncap(FrwdEncap { radius: 0, node_id: &[1], inner }).encoded_len();
    assert_eq!(encap(b""), Err(EncodeError::NoInnerMessage));
    assert_eq!(encap(b"\x04\xFE\x00\x01\x02\x16"), Err(EncodeError::NestedEncapsulation));
    assert_eq!(encap(b"\x01\x00\x06\xFE\x00\x01\x02\x16"), Err(EncodeError::NestedEncapsulation));
    assert_eq!(encap(&[9; 65_531]), Ok(65_535));
    assert_eq!(encap(&[9; 65_532]), Err(EncodeError::MessageTooLong));
}

#[test]
fn forward_radius_is_capped() {
    let encap = Message::FrwdEncap(FrwdEncap { radius: 9, node_id: &[], inner: b"\x02\x16" });
    assert_eq!(encoded(&encap), [3, 0xFE, 3, 2, 0x16]);
}

#[test]
fn topic_names_that_must_be_there() {
    let (msg_id, topic) = (MsgId(1), TopicFilter::Name(""));
    let will = Some(WillTopic { qos: Qos::Zero, retain: false, topic: "" });
    for message in [
        Message::Register(Register { topic_id: TopicId::NONE, msg_id, topic_name: "" }),
        Message::Subscribe(Subscribe { qos: Qos::Zero, msg_id, topic }),
        Message::Unsubscribe(Unsubscribe { msg_id, topic }),
        Message::WillTopic(will),
        Message::WillTopicUpd(will),
        publish(Qos::MinusOne, Topic::Name("")),
    ] {
        assert_eq!(message.encoded_len(), Err(EncodeError::EmptyTopicName(message.msg_type())));
    }
}

fn publish(qos: Qos, topic: Topic<'_>) -> Message<'_> {
    Message::Publish(Publish { dup: false, qos, retain: false, topic, msg_id: MsgId::NONE, data: b"" })
}

#[test]
fn full_names_go_with_qos_minus_one_only() {
    let name = Topic::Name("t");
    for qos in [Qos::Zero, Qos::One, Qos::Two] {
        assert_eq!(publish(qos, name).encoded_len(), Err(EncodeError::TopicQosMismatch));
        assert_eq!(publish(qos, Topic::Normal(TopicId(1))).encoded_len(), Ok(7));
    }
    assert_eq!(publish(Qos::MinusOne, name).encoded_len(), Ok(8));
    assert_eq!(publish(Qos::MinusOne, Topic::Normal(TopicId(1))).encoded_len(), Err(EncodeError::TopicQosMismatch));
}

#[test]
fn an_empty_client_id_in_pingreq_is_none() {
    assert_eq!(encoded(&Message::PingReq(PingReq { client_id: Some("") })), [2, 0x16]);
}

#[test]
fn return_codes() {
    for octet in 0..=u8::MAX {
        assert_eq!(u8::from(ReturnCode::from(octet)), octet);
        assert_eq!(ReturnCode::from(octet).is_accepted(), octet == 0);
    }
    assert_eq!(ReturnCode::from(4), ReturnCode::Reserved(4));
}

#[test]
fn qos_bits() {
    for (qos, bits, level) in
        [(Qos::MinusOne, 0x60, -1), (Qos::Zero, 0x00, 0), (Qos::One, 0x20, 1), (Qos::Two, 0x40, 2)]
    {
        assert_eq!((qos.to_flags(), qos.level()), (bits, level));
        assert_eq!([Qos::from_flags(bits), Qos::from_flags(bits | 0x9F)], [qos, qos]);
    }
}

#[test]
fn short_names() {
    assert_eq!(ShortName::new("tt"), Some(ShortName(*b"tt")));
    assert_eq!(ShortName::new("é").and_then(|name| name.as_str().map(str::len)), Some(2));
    assert_eq!(["", "t", "ttt"].map(ShortName::new), [None; 3]);
    assert_eq!(ShortName([0xFF, b't']).as_str(), None);
}

#[test]
fn msg_types() {
    assert!(MsgType::ALL.is_sorted());
    for msg_type in MsgType::ALL {
        assert_eq!(MsgType::try_from(u8::from(msg_type)), Ok(msg_type));
    }
    assert_eq!(MsgType::PubComp.name(), "PUBCOMP");
    assert_eq!(format!("{:>12}", MsgType::FrwdEncap), "   FRWDENCAP");
}
