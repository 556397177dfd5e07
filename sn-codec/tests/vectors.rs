//! Whole packets that independent implementations agree on, each with what it means.

mod support;

use sn_codec::{
    Advertise, ConnAck, Connect, Disconnect, FrwdEncap, GwId, GwInfo, Message, MsgId, PingReq, PubAck, Publish, Qos,
    RegAck, Register, ReturnCode, SearchGw, ShortName, SubAck, Subscribe, Topic, TopicFilter, TopicId, Unsubscribe,
    WillMsg, WillTopic, decode,
};
use support::{encoded, octets, vectors};

/// A64 is legal, but not what we send.
const NOT_SHORTEST: &str = "A64";

#[test]
fn each_vector_decodes_to_its_meaning() {
    let vectors = vectors();
    let meanings = meanings();
    let ids: Vec<&str> = vectors.iter().map(|vector| vector.id).collect();
    assert_eq!(ids, meanings.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    for (vector, (id, meaning)) in vectors.iter().zip(meanings) {
        assert_eq!(decode(&vector.octets), Ok(meaning), "{id}");
    }
}

#[test]
fn each_meaning_encodes_to_its_vector() {
    for (vector, (id, meaning)) in vectors().iter().zip(meanings()) {
        let expected = if id == NOT_SHORTEST { octets("02 16") } else { vector.octets.clone() };
        assert_eq!(encoded(&meaning), expected, "{id}");
    }
}

#[test]
fn encapsulated_vectors_carry_vectors() {
    let inner = |id: &str| {
        let vector = vectors().into_iter().find(|vector| vector.id == id).unwrap();
        let Ok(Message::FrwdEncap(encap)) = decode(&vector.octets) else { panic!("{id} is a FRWDENCAP") };
        encap.inner.to_vec()
    };
    assert_eq!(decode(&inner("A59")), Ok(pingreq(Some("node7"))));
    assert_eq!(decode(&inner("A60")), Ok(Message::Advertise(Advertise { gw_id: GwId(8), duration_s: 900 })));
}

fn meanings() -> Vec<(&'static str, Message<'static>)> {
    [discovery(), connection(), will(), registration(), publications(), acks(), subscriptions(), liveness()]
        .into_iter()
        .chain([will_update(), encapsulation(), length_forms()])
        .flatten()
        .collect()
}

type Meanings = Vec<(&'static str, Message<'static>)>;

fn discovery() -> Meanings {
    let search = |radius| Message::SearchGw(SearchGw { radius });
    let info = |gw_add| Message::GwInfo(GwInfo { gw_id: GwId(8), gw_add });
    vec![
        ("A01", Message::Advertise(Advertise { gw_id: GwId(8), duration_s: 900 })),
        ("A02", search(1)),
        ("A03", search(0)),
        ("A04", info(&[])),
        ("A05", info(&[0x1A, 0x2B])),
    ]
}

fn connection() -> Meanings {
    let connect = |will, clean_session, duration_s, client_id| {
        Message::Connect(Connect { will, clean_session, protocol_id: 1, duration_s, client_id })
    };
    let connack = |return_code| Message::ConnAck(ConnAck { return_code });
    vec![
        ("A06", connect(false, true, 60, "sensor-01")),
        ("A07", connect(true, true, 300, "node7")),
        ("A08", connect(false, false, 60, "node7")),
        ("A09", connect(true, false, 60, "node7")),
        ("A10", connack(ReturnCode::Accepted)),
        ("A11", connack(ReturnCode::Congestion)),
        ("A12", connack(ReturnCode::NotSupported)),
    ]
}

fn will() -> Meanings {
    vec![
        ("A13", Message::WillTopicReq),
        ("A14", Message::WillTopic(Some(WillTopic { qos: Qos::One, retain: true, topic: "w/node7" }))),
        ("A15", Message::WillTopic(None)),
        ("A16", Message::WillMsgReq),
        ("A17", Message::WillMsg(WillMsg { message: b"offline" })),
    ]
}

fn registration() -> Meanings {
    let register = |topic_id, msg_id, topic_name| {
        Message::Register(Register { topic_id: TopicId(topic_id), msg_id: MsgId(msg_id), topic_name })
    };
    let regack = |topic_id, msg_id, return_code| {
        Message::RegAck(RegAck { topic_id: TopicId(topic_id), msg_id: MsgId(msg_id), return_code })
    };
    vec![
        ("A18", register(0, 1, "a/b/c")),
        ("A19", regack(1, 1, ReturnCode::Accepted)),
        ("A20", regack(0, 2, ReturnCode::Congestion)),
        ("A21", register(0x0102, 10, "t/1")),
        ("A22", regack(0x0102, 10, ReturnCode::Accepted)),
    ]
}

/// Neither a retransmission nor retained.
fn publish(qos: Qos, topic: Topic<'static>, msg_id: u16, data: &'static [u8]) -> Publish<'static> {
    Publish { dup: false, qos, retain: false, topic, msg_id: MsgId(msg_id), data }
}

fn publications() -> Meanings {
    let normal = Topic::Normal(TopicId(1));
    let predefined = Topic::Predefined(TopicId(16));
    let short = Topic::Short(ShortName(*b"tt"));
    let measured = publish(Qos::One, normal, 2, b"21.5");
    let named = [
        ("A23", publish(Qos::Zero, normal, 0, b"21.5")),
        ("A24", measured),
        ("A25", Publish { dup: true, ..measured }),
        ("A26", Publish { retain: true, ..publish(Qos::Two, normal, 4, b"on") }),
        ("A27", publish(Qos::Zero, predefined, 0, b"hi")),
        ("A28", publish(Qos::One, short, 3, b"hi")),
        ("A29", publish(Qos::MinusOne, predefined, 0, b"hi")),
        ("A30", publish(Qos::MinusOne, short, 0, b"hi")),
        ("A31", publish(Qos::MinusOne, Topic::Name("a/b/c"), 0, b"hi")),
        ("A32", Publish { retain: true, ..publish(Qos::One, normal, 5, b"") }),
    ];
    named.map(|(id, publish)| (id, Message::Publish(publish))).to_vec()
}

fn acks() -> Meanings {
    let puback = |topic_id, msg_id, return_code| {
        Message::PubAck(PubAck { topic_id: TopicId(topic_id), msg_id: MsgId(msg_id), return_code })
    };
    vec![
        ("A33", puback(1, 2, ReturnCode::Accepted)),
        ("A34", puback(99, 3, ReturnCode::InvalidTopicId)),
        ("A35", puback(99, 0, ReturnCode::InvalidTopicId)),
        ("A36", Message::PubRec(MsgId(4))),
        ("A37", Message::PubRel(MsgId(4))),
        ("A38", Message::PubComp(MsgId(4))),
    ]
}

fn subscriptions() -> Meanings {
    let subscribe = |qos, msg_id, topic| Message::Subscribe(Subscribe { qos, msg_id: MsgId(msg_id), topic });
    let suback = |qos, topic_id, msg_id, return_code| {
        Message::SubAck(SubAck { qos, topic_id: TopicId(topic_id), msg_id: MsgId(msg_id), return_code })
    };
    let unsubscribe = |msg_id, topic| Message::Unsubscribe(Unsubscribe { msg_id: MsgId(msg_id), topic });
    vec![
        ("A39", subscribe(Qos::One, 5, TopicFilter::Name("a/b/c"))),
        ("A40", subscribe(Qos::Zero, 6, TopicFilter::Name("s/+/t"))),
        ("A41", subscribe(Qos::One, 7, TopicFilter::Predefined(TopicId(16)))),
        ("A42", subscribe(Qos::Two, 8, TopicFilter::Short(ShortName(*b"tt")))),
        ("A43", suback(Qos::One, 1, 5, ReturnCode::Accepted)),
        ("A44", suback(Qos::Zero, 0, 6, ReturnCode::Accepted)),
        ("A45", suback(Qos::Zero, 0, 9, ReturnCode::NotSupported)),
        ("A46", unsubscribe(10, TopicFilter::Name("a/b/c"))),
        ("A47", unsubscribe(11, TopicFilter::Predefined(TopicId(16)))),
        ("A48", Message::UnsubAck(MsgId(10))),
    ]
}

fn pingreq(client_id: Option<&'static str>) -> Message<'static> {
    Message::PingReq(PingReq { client_id })
}

fn liveness() -> Meanings {
    let disconnect = |duration_s| Message::Disconnect(Disconnect { duration_s });
    vec![
        ("A49", pingreq(None)),
        ("A50", pingreq(Some("node7"))),
        ("A51", Message::PingResp),
        ("A52", disconnect(None)),
        ("A53", disconnect(Some(600))),
    ]
}

fn will_update() -> Meanings {
    vec![
        ("A54", Message::WillTopicUpd(Some(WillTopic { qos: Qos::Zero, retain: false, topic: "w/new" }))),
        ("A55", Message::WillTopicUpd(None)),
        ("A56", Message::WillTopicResp(ReturnCode::Accepted)),
        ("A57", Message::WillMsgUpd(WillMsg { message: b"bye" })),
        ("A58", Message::WillMsgResp(ReturnCode::NotSupported)),
    ]
}

fn encapsulation() -> Meanings {
    let encap = |radius, node_id, inner| Message::FrwdEncap(FrwdEncap { radius, node_id, inner });
    vec![
        ("A59", encap(0, &[0xAA, 0xBB], b"\x07\x16node7")),
        ("A60", encap(1, &[0xFF, 0xFF], &[0x05, 0x00, 0x08, 0x03, 0x84])),
    ]
}

fn length_forms() -> Meanings {
    let of = |data| Message::Publish(publish(Qos::Zero, Topic::Normal(TopicId(1)), 0, data));
    vec![("A61", of(&[b'x'; 300])), ("A62", of(&[b'x'; 248])), ("A63", of(&[b'x'; 249])), ("A64", pingreq(None))]
}
