//! What a node does with messages that it has not asked for.

use super::{Node, Stop};
use crate::cast;
use sn_codec::{Message, PubAck, Publish, Qos, RegAck, Register, ReturnCode, Topic, TopicId, decode};

impl Node {
    pub(super) fn serve_datagram(&mut self, datagram: &[u8]) -> Result<(), Stop> {
        match decode(datagram) {
            Ok(message) => self.serve(&message),
            Err(error) => {
                self.breach(format!("got {}, which is not MQTT-SN: {error}", datagram.escape_ascii()));
                Ok(())
            }
        }
    }

    fn serve(&mut self, message: &Message<'_>) -> Result<(), Stop> {
        match message {
            Message::Publish(publish) => self.take_publish(publish),
            Message::PubRel(id) => {
                self.unreleased.remove(id);
                self.send(&Message::PubComp(*id));
            }
            Message::Register(register) => self.take_register(register),
            Message::PingReq(_) => self.send(&Message::PingResp),
            Message::Disconnect(_) => return self.take_disconnect(),
            // Answers to what was asked twice, and what only others send.
            Message::Advertise(_)
            | Message::SearchGw(_)
            | Message::GwInfo(_)
            | Message::Connect(_)
            | Message::ConnAck(_)
            | Message::WillTopicReq
            | Message::WillTopic(_)
            | Message::WillMsgReq
            | Message::WillMsg(_)
            | Message::RegAck(_)
            | Message::PubAck(_)
            | Message::PubComp(_)
            | Message::PubRec(_)
            | Message::Subscribe(_)
            | Message::SubAck(_)
            | Message::Unsubscribe(_)
            | Message::UnsubAck(_)
            | Message::PingResp
            | Message::WillTopicUpd(_)
            | Message::WillTopicResp(_)
            | Message::WillMsgUpd(_)
            | Message::WillMsgResp(_)
            | Message::FrwdEncap(_) => {}
        }
        Ok(())
    }

    fn take_publish(&mut self, publish: &Publish<'_>) {
        let topic_id = publish.topic.id_field();
        let Some(topic) = self.topic_name(&publish.topic) else {
            // Killed between REGISTER and REGACK, the gateway takes the id for known. It learns better (1.2 §6.10).
            self.ledger.untold();
            return self.puback(publish, ReturnCode::InvalidTopicId);
        };
        match publish.qos {
            Qos::Two => {
                if self.unreleased.insert(publish.msg_id) {
                    self.enter(&topic, publish);
                }
                self.send(&Message::PubRec(publish.msg_id));
            }
            Qos::One => {
                self.enter(&topic, publish);
                self.puback(publish, ReturnCode::Accepted);
            }
            Qos::Zero | Qos::MinusOne => {
                self.breach(format!("got a message on {topic} ({}) at QoS {}", topic_id.0, publish.qos));
            }
        }
    }

    fn puback(&mut self, publish: &Publish<'_>, return_code: ReturnCode) {
        let (topic_id, msg_id) = (publish.topic.id_field(), publish.msg_id);
        self.send(&Message::PubAck(PubAck { topic_id, msg_id, return_code }));
    }

    fn enter(&self, topic: &str, publish: &Publish<'_>) {
        match self.reader {
            Some(reader) => self.ledger.arrived(reader, topic, publish.data, publish.qos.level().unsigned_abs()),
            None => self.breach(format!("got a message on {topic} without a subscription")),
        }
    }

    fn topic_name(&self, topic: &Topic<'_>) -> Option<String> {
        match topic {
            Topic::Normal(id) => self.topics.name(*id).map(ToOwned::to_owned),
            Topic::Predefined(id) => (*id == cast::PREDEFINED_ID).then(|| cast::PREDEFINED.to_owned()),
            Topic::Short(name) => name.as_str().map(ToOwned::to_owned),
            Topic::Name(_) | Topic::Reserved(_) => None,
        }
    }

    fn take_register(&mut self, register: &Register<'_>) {
        let Register { topic_id, msg_id, topic_name } = *register;
        self.learn(topic_id, topic_name);
        self.send(&Message::RegAck(RegAck { topic_id, msg_id, return_code: ReturnCode::Accepted }));
    }

    pub(super) fn learn(&mut self, id: TopicId, name: &str) {
        if let Err(error) = self.topics.learn(id, name) {
            self.breach(error);
        }
    }

    fn take_disconnect(&mut self) -> Result<(), Stop> {
        if self.farewells > 0 {
            self.farewells -= 1;
            return Ok(());
        }
        if self.connected {
            self.breach("was told DISCONNECT, though its CONNECT was accepted".into());
        }
        Err(Stop::Disconnected)
    }
}
