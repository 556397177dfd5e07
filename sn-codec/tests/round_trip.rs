//! Every message that can be said comes back as it was sent, in the shortest form.

mod support;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::{prop_assert_eq, proptest};
use sn_codec::{
    Advertise, ConnAck, Connect, Disconnect, FrwdEncap, GwId, GwInfo, Message, MsgId, MsgType, PingReq, PubAck,
    Publish, Qos, RegAck, Register, ReturnCode, SearchGw, ShortName, SubAck, Subscribe, Topic, TopicFilter, TopicId,
    Unsubscribe, WillMsg, WillTopic, decode,
};
use support::{encoded, invariants};

/// Random values for the fields that messages are made of.
#[derive(Clone, Debug)]
struct Fields {
    bits: [bool; 2],
    octet: u8,
    number: u16,
    sleep_s: Option<u16>,
    topic_id: TopicId,
    msg_id: MsgId,
    qos: Qos,
    return_code: ReturnCode,
    /// Never empty.
    text: String,
    /// Around the border of the two Length forms, or short.
    data: Vec<u8>,
    node_id: Vec<u8>,
}

fn fields() -> impl Strategy<Value = Fields> {
    let numbers = (any::<[bool; 2]>(), any::<u8>(), any::<u16>(), option::of(any::<u16>()));
    let ids = (any::<u16>().prop_map(TopicId), any::<u16>().prop_map(MsgId), qos(), any::<u8>().prop_map_into());
    let data = prop_oneof![vec(any::<u8>(), 0..16), vec(any::<u8>(), 230..270), vec(any::<u8>(), 0..2_000)];
    let octets = ("\\PC{1,40}", data, vec(any::<u8>(), 0..=252));
    (numbers, ids, octets).prop_map(|(numbers, ids, octets)| {
        let (bits, octet, number, sleep_s) = numbers;
        let (topic_id, msg_id, qos, return_code) = ids;
        let (text, data, node_id) = octets;
        Fields { bits, octet, number, sleep_s, topic_id, msg_id, qos, return_code, text, data, node_id }
    })
}

fn qos() -> impl Strategy<Value = Qos> {
    prop_oneof![Just(Qos::MinusOne), Just(Qos::Zero), Just(Qos::One), Just(Qos::Two)]
}

impl Fields {
    fn topic(&self) -> Topic<'_> {
        match (self.octet % 4, self.qos) {
            (0, Qos::MinusOne) => Topic::Name(&self.text),
            (0, _) => Topic::Normal(self.topic_id),
            (1, _) => Topic::Predefined(self.topic_id),
            (2, _) => Topic::Short(self.short_name()),
            (_, _) => Topic::Reserved(self.topic_id),
        }
    }

    fn filter(&self) -> TopicFilter<'_> {
        match self.octet % 4 {
            0 => TopicFilter::Name(&self.text),
            1 => TopicFilter::Predefined(self.topic_id),
            2 => TopicFilter::Short(self.short_name()),
            _ => TopicFilter::Reserved,
        }
    }

    fn short_name(&self) -> ShortName {
        ShortName(self.number.to_be_bytes())
    }

    fn will_topic(&self) -> Option<WillTopic<'_>> {
        let [retain, has_body] = self.bits;
        has_body.then_some(WillTopic { qos: self.qos, retain, topic: &self.text })
    }

    /// The message of type `msg_type` with these fields.
    fn message(&self, msg_type: MsgType) -> Message<'_> {
        let Self { bits: [bit, other_bit], topic_id, msg_id, qos, return_code, .. } = *self;
        let (number, text, data) = (self.number, self.text.as_str(), self.data.as_slice());
        let gw_id = GwId(self.octet);
        match msg_type {
            MsgType::Advertise => Message::Advertise(Advertise { gw_id, duration_s: number }),
            MsgType::SearchGw => Message::SearchGw(SearchGw { radius: self.octet }),
            MsgType::GwInfo => Message::GwInfo(GwInfo { gw_id, gw_add: data }),
            MsgType::Connect => Message::Connect(Connect {
                will: bit,
                clean_session: other_bit,
                protocol_id: self.octet,
                duration_s: number,
                client_id: text,
            }),
            MsgType::ConnAck => Message::ConnAck(ConnAck { return_code }),
            MsgType::WillTopicReq => Message::WillTopicReq,
            MsgType::WillTopic => Message::WillTopic(self.will_topic()),
            MsgType::WillMsgReq => Message::WillMsgReq,
            MsgType::WillMsg => Message::WillMsg(WillMsg { message: data }),
            MsgType::Register => Message::Register(Register { topic_id, msg_id, topic_name: text }),
            MsgType::RegAck => Message::RegAck(RegAck { topic_id, msg_id, return_code }),
            MsgType::Publish => {
                Message::Publish(Publish { dup: bit, qos, retain: other_bit, topic: self.topic(), msg_id, data })
            }
            MsgType::PubAck => Message::PubAck(PubAck { topic_id, msg_id, return_code }),
            MsgType::PubComp => Message::PubComp(msg_id),
            MsgType::PubRec => Message::PubRec(msg_id),
            MsgType::PubRel => Message::PubRel(msg_id),
            MsgType::Subscribe => Message::Subscribe(Subscribe { qos, msg_id, topic: self.filter() }),
            MsgType::SubAck => Message::SubAck(SubAck { qos, topic_id, msg_id, return_code }),
            MsgType::Unsubscribe => Message::Unsubscribe(Unsubscribe { msg_id, topic: self.filter() }),
            MsgType::UnsubAck => Message::UnsubAck(msg_id),
            MsgType::PingReq => Message::PingReq(PingReq { client_id: bit.then_some(text) }),
            MsgType::PingResp => Message::PingResp,
            MsgType::Disconnect => Message::Disconnect(Disconnect { duration_s: self.sleep_s }),
            MsgType::WillTopicUpd => Message::WillTopicUpd(self.will_topic()),
            MsgType::WillTopicResp => Message::WillTopicResp(return_code),
            MsgType::WillMsgUpd => Message::WillMsgUpd(WillMsg { message: data }),
            MsgType::WillMsgResp => Message::WillMsgResp(return_code),
            MsgType::FrwdEncap => {
                Message::FrwdEncap(FrwdEncap { radius: self.octet % 4, node_id: &self.node_id, inner: b"\x02\x16" })
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_message_comes_back(fields in fields()) {
        for msg_type in MsgType::ALL {
            let message = fields.message(msg_type);
            prop_assert_eq!(message.msg_type(), msg_type);
            let datagram = encoded(&message);
            prop_assert_eq!(decode(&datagram), Ok(message));
            invariants::check(&datagram);
        }
    }

    #[test]
    fn every_message_comes_back_from_a_forwarder(fields in fields()) {
        for msg_type in MsgType::ALL.into_iter().filter(|msg_type| *msg_type != MsgType::FrwdEncap) {
            let message = fields.message(msg_type);
            let inner = encoded(&message);
            let encap = Message::FrwdEncap(FrwdEncap { radius: 0, node_id: &fields.node_id, inner: &inner });
            let datagram = encoded(&encap);
            prop_assert_eq!(decode(&datagram), Ok(encap));
            let Ok(Message::FrwdEncap(received)) = decode(&datagram) else { unreachable!("equal to encap") };
            prop_assert_eq!(decode(received.inner), Ok(message));
        }
    }

    #[test]
    fn any_datagram_keeps_the_invariants(datagram in vec(any::<u8>(), 0..300)) {
        invariants::check(&datagram);
    }

    /// Random octets rarely have the right Length; with it, the bodies are reached.
    #[test]
    fn any_body_keeps_the_invariants(msg_type in 0..MsgType::ALL.len(), body in vec(any::<u8>(), 0..40)) {
        let mut datagram = vec![body.len() as u8 + 2, MsgType::ALL[msg_type].into()];
        datagram.extend(body);
        invariants::check(&datagram);
    }
}
