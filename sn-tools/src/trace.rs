//! One line per packet, in the manner of `mosquitto_pub -d`.

use sn_codec::{Message, Publish, Topic, TopicFilter};

/// A packet in words.
pub(crate) fn describe(datagram: &[u8]) -> String {
    match sn_codec::decode(datagram) {
        Ok(message) => describe_message(&message),
        Err(error) => format!("{} octets that are no message: {error}", datagram.len()),
    }
}

fn describe_message(message: &Message<'_>) -> String {
    let name = message.msg_type();
    match message {
        Message::Advertise(advertise) => format!("{name} (gateway {}, {} s)", advertise.gw_id.0, advertise.duration_s),
        Message::SearchGw(search) => format!("{name} (radius {})", search.radius),
        Message::GwInfo(info) => format!("{name} (gateway {})", info.gw_id.0),
        Message::Connect(connect) => format!(
            "{name} (c{}, w{}, k{}, {:?})",
            u8::from(connect.clean_session),
            u8::from(connect.will),
            connect.duration_s,
            connect.client_id
        ),
        Message::ConnAck(ack) => format!("{name} ({})", ack.return_code),
        Message::WillTopic(Some(will)) | Message::WillTopicUpd(Some(will)) => {
            format!("{name} (q{}, r{}, {:?})", will.qos, u8::from(will.retain), will.topic)
        }
        Message::WillMsg(will) | Message::WillMsgUpd(will) => format!("{name} ({} bytes)", will.message.len()),
        Message::Register(register) => {
            format!("{name} (m{}, {:?}, id {})", register.msg_id.0, register.topic_name, register.topic_id.0)
        }
        Message::RegAck(ack) => format!("{name} (m{}, id {}, {})", ack.msg_id.0, ack.topic_id.0, ack.return_code),
        Message::Publish(publish) => format!("{name} ({})", describe_publish(publish)),
        Message::PubAck(ack) => format!("{name} (m{}, id {}, {})", ack.msg_id.0, ack.topic_id.0, ack.return_code),
        Message::PubComp(id) | Message::PubRec(id) | Message::PubRel(id) | Message::UnsubAck(id) => {
            format!("{name} (m{})", id.0)
        }
        Message::Subscribe(subscribe) => {
            format!("{name} (m{}, q{}, {})", subscribe.msg_id.0, subscribe.qos, describe_filter(subscribe.topic))
        }
        Message::SubAck(ack) => {
            format!("{name} (m{}, q{}, id {}, {})", ack.msg_id.0, ack.qos, ack.topic_id.0, ack.return_code)
        }
        Message::Unsubscribe(unsubscribe) => {
            format!("{name} (m{}, {})", unsubscribe.msg_id.0, describe_filter(unsubscribe.topic))
        }
        Message::PingReq(ping) => ping.client_id.map_or(name.to_string(), |id| format!("{name} ({id:?})")),
        Message::Disconnect(disconnect) => {
            disconnect.duration_s.map_or(name.to_string(), |duration_s| format!("{name} (sleep {duration_s} s)"))
        }
        Message::WillTopicResp(code) | Message::WillMsgResp(code) => format!("{name} ({code})"),
        Message::FrwdEncap(encap) => format!("{name} ({} bytes)", encap.inner.len()),
        Message::WillTopicReq
        | Message::WillTopic(None)
        | Message::WillMsgReq
        | Message::PingResp
        | Message::WillTopicUpd(None) => name.to_string(),
    }
}

fn describe_publish(publish: &Publish<'_>) -> String {
    let Publish { dup, qos, retain, topic, msg_id, data } = *publish;
    let (dup, retain, msg_id, len) = (u8::from(dup), u8::from(retain), msg_id.0, data.len());
    format!("d{dup}, q{qos}, r{retain}, m{msg_id}, {}, ... ({len} bytes)", describe_topic(topic))
}

fn describe_topic(topic: Topic<'_>) -> String {
    match topic {
        Topic::Normal(id) => format!("id {}", id.0),
        Topic::Predefined(id) => format!("predefined {}", id.0),
        Topic::Short(name) => format!("short {:?}", String::from_utf8_lossy(&name.0)),
        Topic::Name(name) => format!("{name:?}"),
        Topic::Reserved(id) => format!("reserved {}", id.0),
    }
}

fn describe_filter(filter: TopicFilter<'_>) -> String {
    match filter {
        TopicFilter::Name(name) => format!("{name:?}"),
        TopicFilter::Predefined(id) => format!("predefined {}", id.0),
        TopicFilter::Short(name) => format!("short {:?}", String::from_utf8_lossy(&name.0)),
        TopicFilter::Reserved => "reserved".to_owned(),
    }
}
