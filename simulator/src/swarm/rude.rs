//! Datagrams of somebody who keeps to no rule: any message in any state, and what is no message at all.

use super::dice::Dice;
use sn_codec::{
    Connect, Disconnect, FrwdEncap, Message, MsgId, PingReq, PubAck, Publish, Qos, RegAck, Register, ReturnCode,
    ShortName, Subscribe, Topic, TopicFilter, TopicId, Unsubscribe, WillMsg, WillTopic,
};

/// A datagram. It never connects under the client id of a node of the plan: that takes the session over, as in MQTT.
pub(super) fn datagram(dice: &mut Dice) -> Vec<u8> {
    let mut datagram = message(dice);
    match dice.below(10) {
        0 => datagram.truncate(dice.below(datagram.len() as u64 + 1) as usize),
        1 if !datagram.is_empty() => {
            let at = dice.below(datagram.len() as u64) as usize;
            datagram[at] ^= 1 << dice.below(8);
        }
        2 => datagram = encode(&Message::FrwdEncap(FrwdEncap { radius: 1, node_id: b"n", inner: &datagram })),
        _ => {}
    }
    datagram
}

fn message(dice: &mut Dice) -> Vec<u8> {
    let msg_id = MsgId(dice.below(12) as u16);
    let topic_id = TopicId(dice.below(6) as u16);
    let return_code = dice.pick(&[ReturnCode::Accepted, ReturnCode::InvalidTopicId, ReturnCode::Congestion]);
    let qos = dice.pick(&[Qos::MinusOne, Qos::Zero, Qos::One, Qos::Two]);
    let client_id = dice.pick(&["rude-1", "rude-2"]);
    let clean_session = dice.one_in(2);
    let will = dice.one_in(3);
    let filter = dice.pick(&["a/b", "#", "rude/+"]);
    let topic = dice.pick(&[Topic::Normal(topic_id), Topic::Predefined(topic_id), Topic::Short(ShortName(*b"rr"))]);
    let wakes = dice.pick(&[None, Some("rude-1"), Some("node-0"), Some("node-1")]);
    let duration_s = dice.pick(&[None, Some(0), Some(60)]);
    let message = match dice.below(17) {
        0..=3 => Message::Connect(Connect { will, clean_session, protocol_id: 1, duration_s: 60, client_id }),
        4 => Message::Register(Register { topic_id: TopicId::NONE, msg_id, topic_name: "rude/1" }),
        5 => Message::RegAck(RegAck { topic_id, msg_id, return_code }),
        6 => Message::Publish(Publish { dup: false, qos, retain: false, topic, msg_id, data: b"rude" }),
        7 => Message::PubAck(PubAck { topic_id, msg_id, return_code }),
        8 => Message::PubRec(msg_id),
        9 => Message::PubRel(msg_id),
        10 => Message::PubComp(msg_id),
        11 => Message::Subscribe(Subscribe { qos, msg_id, topic: TopicFilter::Name(filter) }),
        12 => Message::Unsubscribe(Unsubscribe { msg_id, topic: TopicFilter::Name(filter) }),
        13 => Message::PingReq(PingReq { client_id: wakes }),
        14 => Message::Disconnect(Disconnect { duration_s }),
        15 => Message::WillTopic(Some(WillTopic { qos: Qos::One, retain: false, topic: "rude/will" })),
        _ => Message::WillMsg(WillMsg { message: b"rude" }),
    };
    encode(&message)
}

fn encode(message: &Message<'_>) -> Vec<u8> {
    let mut datagram = vec![0; message.encoded_len().unwrap_or_default()];
    let len = message.encode(&mut datagram).unwrap_or_default();
    datagram.truncate(len);
    datagram
}
