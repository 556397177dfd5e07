//! Messages, packets and events as tests write them.

use gateway_core::{Event, mqtt};
use sn_codec::{Message, MsgId, Publish, Qos, ReturnCode, ShortName, Topic, TopicId, decode};

/// A datagram as a line: `PUBLISH q1 dup id=1 mid=2 'x'`.
pub(super) fn message(datagram: &[u8]) -> String {
    let message = match decode(datagram) {
        Ok(message) => message,
        Err(error) => panic!("the gateway sent {datagram:02X?}: {error}"),
    };
    format!("{}{}", message.msg_type(), fields(&message))
}

fn fields(message: &Message<'_>) -> String {
    match *message {
        Message::Advertise(advertise) => format!(" gw={} {}s", advertise.gw_id.0, advertise.duration_s),
        Message::GwInfo(info) => format!(" gw={}", info.gw_id.0),
        Message::ConnAck(ack) => code(ack.return_code),
        Message::WillTopicResp(return_code) | Message::WillMsgResp(return_code) => code(return_code),
        Message::Register(register) => {
            format!("{}{} '{}'", id(register.topic_id), mid(register.msg_id), register.topic_name)
        }
        Message::RegAck(ack) => id(ack.topic_id) + &mid(ack.msg_id) + &code(ack.return_code),
        Message::Publish(publish) => publish_fields(&publish),
        Message::PubAck(ack) => id(ack.topic_id) + &mid(ack.msg_id) + &code(ack.return_code),
        Message::PubComp(msg_id) | Message::PubRec(msg_id) | Message::PubRel(msg_id) | Message::UnsubAck(msg_id) => {
            mid(msg_id)
        }
        Message::SubAck(ack) => qos(ack.qos) + &id(ack.topic_id) + &mid(ack.msg_id) + &code(ack.return_code),
        Message::WillTopicReq | Message::WillMsgReq | Message::PingResp | Message::Disconnect(_) => String::new(),
        Message::SearchGw(_)
        | Message::Connect(_)
        | Message::WillTopic(_)
        | Message::WillMsg(_)
        | Message::Subscribe(_)
        | Message::Unsubscribe(_)
        | Message::PingReq(_)
        | Message::WillTopicUpd(_)
        | Message::WillMsgUpd(_)
        | Message::FrwdEncap(_) => panic!("the gateway sent a client's message: {message:?}"),
    }
}

fn publish_fields(publish: &Publish<'_>) -> String {
    let topic = match publish.topic {
        Topic::Normal(topic_id) => id(topic_id),
        Topic::Predefined(TopicId(id)) => format!(" pre={id}"),
        Topic::Short(ShortName(octets)) => format!(" short={}", String::from_utf8_lossy(&octets)),
        Topic::Name(_) | Topic::Reserved(_) => panic!("the gateway sent {publish:?}"),
    };
    let dup = if publish.dup { " dup" } else { "" };
    let retain = if publish.retain { " retain" } else { "" };
    let msg_id = if publish.msg_id == MsgId::NONE { String::new() } else { mid(publish.msg_id) };
    format!("{}{dup}{retain}{topic}{msg_id} '{}'", qos(publish.qos), String::from_utf8_lossy(publish.data))
}

fn qos(qos: Qos) -> String {
    match qos {
        Qos::MinusOne => panic!("the gateway sent QoS -1"),
        Qos::Zero => " q0".into(),
        Qos::One => " q1".into(),
        Qos::Two => " q2".into(),
    }
}

fn id(TopicId(id): TopicId) -> String {
    format!(" id={id}")
}

fn mid(MsgId(mid): MsgId) -> String {
    format!(" mid={mid}")
}

fn code(return_code: ReturnCode) -> String {
    format!(" {:02X}", u8::from(return_code))
}

/// What the MQTT client received: `q1 retain a/b 'x'`.
pub(super) fn mqtt_publish(publish: &mqtt::Publish) -> String {
    let retain = if publish.retain { " retain" } else { "" };
    let payload = String::from_utf8_lossy(&publish.payload);
    format!("q{}{retain} {} '{payload}'", publish.qos as u8, publish.topic)
}

/// What happened to a client; `None` for what the counters say too.
pub(super) fn event(event: &Event) -> Option<String> {
    Some(match event {
        Event::Connected { client_id, session_present: false, .. } => format!("{client_id} connected"),
        Event::Connected { client_id, session_present: true, .. } => format!("{client_id} resumed"),
        Event::Disconnected { client_id } => format!("{client_id} disconnected"),
        Event::Asleep { client_id, duration_s } => format!("{client_id} asleep for {duration_s} s"),
        Event::Drained { client_id, took } => format!("{client_id} drained after {} ms", took.as_millis()),
        Event::Awake { client_id, waiting } => format!("{client_id} awake, {waiting} waiting"),
        Event::Lost { client_id, why } => format!("{client_id} lost: {why:?}"),
        Event::Expired { client_id } => format!("{client_id} expired"),
        Event::TakenOver { client_id, .. } => format!("{client_id} taken over"),
        Event::MovedAway { client_id } => format!("{client_id} moved away"),
        Event::UpstreamRefused { client_id, code } => format!("{client_id} refused upstream: {code:?}"),
        Event::PredefinedChanged { id, was, is } => {
            format!("{} was '{was}', is '{}'", id.0, is.as_deref().unwrap_or_default())
        }
        Event::CountersUsedUp { transport } => format!("no frame counters for {}", transport.0),
        Event::Dropped { .. } | Event::LeftOver { .. } | Event::Denied { .. } | Event::Rejected { .. } => return None,
    })
}
