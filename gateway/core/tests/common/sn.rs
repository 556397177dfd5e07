//! Messages of MQTT-SN nodes, short to write.

use sn_codec::{
    Connect, Disconnect, Message, MsgId, PingReq, PubAck, Publish, Qos, RegAck, Register, ReturnCode, SearchGw,
    ShortName, Subscribe, Topic, TopicFilter, TopicId, Unsubscribe, WillMsg, WillTopic,
};

/// A message as a datagram.
pub(crate) fn octets(message: &Message<'_>) -> Vec<u8> {
    let mut datagram = vec![0; message.encoded_len().expect("a message that can be sent")];
    message.encode(&mut datagram).expect("room for the message");
    datagram
}

/// Octets from hexadecimal digits, with blanks wherever they help.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<_> = digits.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

const CONNECT: Connect<'static> =
    Connect { will: false, clean_session: false, protocol_id: 1, duration_s: 60, client_id: "" };

/// CONNECT with CleanSession; keep-alive 60 s.
pub(crate) fn connect(client_id: &str) -> Message<'_> {
    Message::Connect(Connect { clean_session: true, client_id, ..CONNECT })
}

/// CONNECT that goes on with an earlier session.
pub(crate) fn resume(client_id: &str) -> Message<'_> {
    Message::Connect(Connect { client_id, ..CONNECT })
}

/// CONNECT with CleanSession that asks for the will dialogue.
pub(crate) fn connect_with_will(client_id: &str) -> Message<'_> {
    Message::Connect(Connect { clean_session: true, will: true, client_id, ..CONNECT })
}

/// CONNECT that goes on with an earlier session and asks for the will dialogue.
pub(crate) fn resume_with_will(client_id: &str) -> Message<'_> {
    Message::Connect(Connect { will: true, client_id, ..CONNECT })
}

/// The same CONNECT with another keep-alive.
pub(crate) fn keep_alive(message: Message<'_>, duration_s: u16) -> Message<'_> {
    match message {
        Message::Connect(connect) => Message::Connect(Connect { duration_s, ..connect }),
        other => other,
    }
}

/// WILLTOPIC at QoS 1.
pub(crate) fn will_topic(topic: &str) -> Message<'_> {
    Message::WillTopic(Some(WillTopic { qos: Qos::One, retain: false, topic }))
}

pub(crate) fn will_msg(message: &str) -> Message<'_> {
    Message::WillMsg(WillMsg { message: message.as_bytes() })
}

/// WILLTOPICUPD at QoS 1.
pub(crate) fn will_topic_upd(topic: &str) -> Message<'_> {
    Message::WillTopicUpd(Some(WillTopic { qos: Qos::One, retain: false, topic }))
}

pub(crate) fn will_msg_upd(message: &str) -> Message<'_> {
    Message::WillMsgUpd(WillMsg { message: message.as_bytes() })
}

pub(crate) fn register(mid: u16, topic_name: &str) -> Message<'_> {
    Message::Register(Register { topic_id: TopicId::NONE, msg_id: MsgId(mid), topic_name })
}

pub(crate) fn regack(id: u16, mid: u16) -> Message<'static> {
    regack_with(id, mid, ReturnCode::Accepted)
}

pub(crate) fn regack_with(id: u16, mid: u16, return_code: ReturnCode) -> Message<'static> {
    Message::RegAck(RegAck { topic_id: TopicId(id), msg_id: MsgId(mid), return_code })
}

/// PUBLISH under a normal topic id.
pub(crate) fn publish(qos: Qos, id: u16, mid: u16, data: &str) -> Message<'_> {
    publish_to(qos, Topic::Normal(TopicId(id)), mid, data)
}

pub(crate) fn publish_to<'a>(qos: Qos, topic: Topic<'a>, mid: u16, data: &'a str) -> Message<'a> {
    let (msg_id, data) = (MsgId(mid), data.as_bytes());
    Message::Publish(Publish { dup: false, qos, retain: false, topic, msg_id, data })
}

/// The same PUBLISH, to be kept.
pub(crate) fn retained(message: Message<'_>) -> Message<'_> {
    match message {
        Message::Publish(publish) => Message::Publish(Publish { retain: true, ..publish }),
        other => other,
    }
}

/// The same PUBLISH, again.
pub(crate) fn dup(message: Message<'_>) -> Message<'_> {
    match message {
        Message::Publish(publish) => Message::Publish(Publish { dup: true, ..publish }),
        other => other,
    }
}

pub(crate) fn short(name: &str) -> Topic<'static> {
    Topic::Short(ShortName::new(name).expect("two octets"))
}

pub(crate) const fn predefined(id: u16) -> Topic<'static> {
    Topic::Predefined(TopicId(id))
}

pub(crate) fn puback(id: u16, mid: u16) -> Message<'static> {
    puback_with(id, mid, ReturnCode::Accepted)
}

pub(crate) fn puback_with(id: u16, mid: u16, return_code: ReturnCode) -> Message<'static> {
    Message::PubAck(PubAck { topic_id: TopicId(id), msg_id: MsgId(mid), return_code })
}

pub(crate) fn pubrec(mid: u16) -> Message<'static> {
    Message::PubRec(MsgId(mid))
}

pub(crate) fn pubrel(mid: u16) -> Message<'static> {
    Message::PubRel(MsgId(mid))
}

pub(crate) fn pubcomp(mid: u16) -> Message<'static> {
    Message::PubComp(MsgId(mid))
}

/// SUBSCRIBE by name or filter.
pub(crate) fn subscribe(qos: Qos, mid: u16, filter: &str) -> Message<'_> {
    subscribe_to(qos, mid, TopicFilter::Name(filter))
}

pub(crate) fn subscribe_to(qos: Qos, mid: u16, topic: TopicFilter<'_>) -> Message<'_> {
    Message::Subscribe(Subscribe { qos, msg_id: MsgId(mid), topic })
}

/// UNSUBSCRIBE by name or filter.
pub(crate) fn unsubscribe(mid: u16, filter: &str) -> Message<'_> {
    Message::Unsubscribe(Unsubscribe { msg_id: MsgId(mid), topic: TopicFilter::Name(filter) })
}

/// PINGREQ of an active client.
pub(crate) const PINGREQ: Message<'static> = Message::PingReq(PingReq { client_id: None });

/// PINGREQ of a sleeping client that wakes.
pub(crate) fn pingreq(client_id: &str) -> Message<'_> {
    Message::PingReq(PingReq { client_id: Some(client_id) })
}

pub(crate) const DISCONNECT: Message<'static> = Message::Disconnect(Disconnect { duration_s: None });

/// DISCONNECT with a Duration.
pub(crate) const fn sleep(duration_s: u16) -> Message<'static> {
    Message::Disconnect(Disconnect { duration_s: Some(duration_s) })
}

pub(crate) const fn search_gw(radius: u8) -> Message<'static> {
    Message::SearchGw(SearchGw { radius })
}
