//! What clients do.

use super::world::{World, peer};
use bytes::Bytes;
use gateway_core::mqtt::{
    self, Connect, Login, MessageProperties, Packet, Publish as MqttPublish, RetainHandling, SubscribeOptions, Version,
    Will,
};
use gateway_core::{ConnId, Input, Qos};
use sn_codec::{
    Connect as SnConnect, Disconnect, Message, MsgId, PingReq, Publish, Register, ShortName, Subscribe, Topic,
    TopicFilter, TopicId, Unsubscribe, WillMsg, WillTopic,
};
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

const TOPICS: [&str; 5] = ["a/b", "a/c", "tt", "pre/16", "deep/er/topic"];
const FILTERS: [&str; 5] = ["a/+", "#", "a/b", "tt", "deep/#"];
const SHARED: [&str; 3] = ["$share/one/a/+", "$share/two/a/+", "$share/one/#"];
const LONG: [u8; 300] = [b'x'; 300];

impl World {
    pub(super) fn sn_step(&mut self) {
        const CLIENTS: [&str; 4] = ["n1", "n2", "n3", "both"];
        let client_id = self.pick(&CLIENTS);
        let from = peer(self.pick(&[1, 2, 3, 4, 5, 6]));
        let msg_id = MsgId(self.pick(&[1, 2, 3]));
        let qos = self.pick(&[sn_codec::Qos::Zero, sn_codec::Qos::One, sn_codec::Qos::Two]);
        let topic = self.pick(&TOPICS);
        let filter = self.pick(&FILTERS);
        let (will, clean_session) = (self.below(4) == 0, self.below(4) == 0);
        let message = match self.below(18) {
            0 | 1 => Message::Connect(SnConnect { will, clean_session, protocol_id: 1, duration_s: 60, client_id }),
            2 => Message::Disconnect(Disconnect { duration_s: None }),
            3 => Message::Disconnect(Disconnect { duration_s: Some(120) }),
            4 | 5 => Message::PingReq(PingReq { client_id: Some(client_id).filter(|_| will) }),
            6 => Message::Register(Register { topic_id: TopicId::NONE, msg_id, topic_name: topic }),
            7 => Message::Subscribe(Subscribe { qos, msg_id, topic: TopicFilter::Name(filter) }),
            8 => Message::Subscribe(Subscribe { qos, msg_id, topic: TopicFilter::Predefined(TopicId(16)) }),
            9 => Message::Subscribe(Subscribe { qos, msg_id, topic: TopicFilter::Short(ShortName(*b"tt")) }),
            10 => Message::Unsubscribe(Unsubscribe { msg_id, topic: TopicFilter::Name(filter) }),
            11 if will => Message::WillTopicUpd(None),
            11 => Message::WillTopicUpd(Some(WillTopic { qos, retain: clean_session, topic })),
            12 => Message::WillMsgUpd(WillMsg { message: b"changed" }),
            13 => Message::PubRel(msg_id),
            14 => self.pick(&[Message::PubRec(msg_id), Message::PubComp(msg_id)]),
            _ => {
                let (qos, topic) = match self.below(5) {
                    0 => (sn_codec::Qos::MinusOne, Topic::Name(topic)),
                    1 => (qos, Topic::Normal(TopicId(1))),
                    2 => (qos, Topic::Predefined(TopicId(16))),
                    _ => (qos, Topic::Short(ShortName(*b"tt"))),
                };
                let data = self.pick(&[&b"21.5"[..], b"", &LONG]);
                Message::Publish(Publish { dup: false, qos, retain: will, topic, msg_id, data })
            }
        };
        self.send(from, &message);
    }

    pub(super) fn mqtt_step(&mut self) {
        let open: Vec<_> = self.conns.iter().copied().collect();
        if open.is_empty() || self.below(6) == 0 {
            return self.mqtt_connect();
        }
        let number = self.pick(&open);
        let conn = ConnId(number);
        let id = NonZeroU16::new(self.pick(&[1, 2, 3])).expect("not zero");
        let qos = self.pick(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
        match self.below(12) {
            0 => {
                self.conns.remove(&number);
                self.handle(Input::MqttClosed { conn });
            }
            1 => {
                let session_expiry_s = self.pick(&[None, None, Some(0), Some(50)]);
                let code = self.pick(&[mqtt::ReasonCode::Success, mqtt::ReasonCode::DisconnectWithWill]);
                self.mqtt(number, Packet::Disconnect(mqtt::Disconnect { code, session_expiry_s }));
            }
            2 | 3 => {
                let subscribe = self.mqtt_subscribe(id, qos);
                self.mqtt(number, Packet::Subscribe(Box::new(subscribe)));
            }
            4 => {
                let filter = if self.below(2) == 0 { self.pick(&FILTERS) } else { self.pick(&SHARED) };
                self.mqtt(number, Packet::Unsubscribe(id, vec![filter.into()]));
            }
            5 => {
                let writable = self.below(2) == 0;
                self.handle(Input::MqttWritable { conn, writable });
            }
            6 => {
                let packet = match self.below(4) {
                    0 => Packet::PubAck(id.into()),
                    1 => Packet::PubRec(id.into()),
                    2 => Packet::PubRel(id.into()),
                    _ => Packet::PubComp(id.into()),
                };
                self.mqtt(number, packet);
            }
            // Messages come faster than sleepers fetch them.
            _ => (0..=self.below(6)).for_each(|_| {
                let publish = self.random_publish();
                self.mqtt(number, Packet::Publish(publish));
            }),
        }
    }

    pub(super) fn random_publish(&mut self) -> MqttPublish {
        let qos = self.pick(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
        let id = NonZeroU16::new(self.pick(&[1, 2, 3])).filter(|_| qos != Qos::AtMostOnce);
        let (topic, payload) = (self.pick(&TOPICS).into(), self.pick(&[&b""[..], b"on", &LONG]));
        let retain = self.below(3) == 0;
        let publish = MqttPublish::new(topic, Bytes::from_static(payload), qos, retain, id);
        let message_expiry_s = self.pick(&[None, None, Some(5), Some(1_000)]);
        let properties = self.properties();
        MqttPublish { message_expiry_s, properties, ..publish }
    }

    fn mqtt_subscribe(&mut self, id: mqtt::PacketId, qos: Qos) -> mqtt::Subscribe {
        let is_shared = self.below(3) == 0;
        let filter = if is_shared { self.pick(&SHARED) } else { self.pick(&FILTERS) };
        let options = SubscribeOptions {
            qos,
            no_local: self.below(4) == 0 && !is_shared,
            retain_as_published: self.below(4) == 0,
            retain_handling: self.pick(&[RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend]),
        };
        let subscription_id = NonZeroU32::new(self.pick(&[0, 0, 1, 300]));
        mqtt::Subscribe { id, subscription_id, filters: vec![(filter.into(), options)] }
    }

    fn properties(&mut self) -> Option<Arc<MessageProperties>> {
        let properties = MessageProperties {
            payload_is_utf8: self.below(2) == 0,
            content_type: Some("text/plain".into()),
            response_topic: Some("answers".into()).filter(|_| self.below(2) == 0),
            correlation_data: Some([0, 255].into()).filter(|_| self.below(2) == 0),
            user_properties: vec![("b".into(), "1".into()), ("a".into(), "2".into())],
        };
        (self.below(3) == 0).then(|| Arc::new(properties))
    }

    fn mqtt_connect(&mut self) {
        let conn = self.next_conn;
        self.next_conn += 1;
        self.conns.insert(conn);
        let version = self.pick(&[Version::V3, Version::V5]);
        let mut will = Will::new("a/b", Bytes::from_static(b"w"), Qos::AtLeastOnce, false);
        let client_id = self.pick(&["m1", "m2", "both", "n1", "bridge/b"]);
        let mut connect = Connect { version, keep_alive_s: 60, ..Connect::new(client_id) };
        connect.clean_start = self.below(3) == 0;
        if version == Version::V5 {
            will.delay_s = self.pick(&[0, 20]);
            will.message_expiry_s = self.pick(&[None, Some(30)]);
            will.properties = self.properties();
            connect.properties.session_expiry_s = self.pick(&[0, 50, 5_000, u32::MAX]);
            connect.properties.receive_maximum = NonZeroU16::new(self.pick(&[0, 1, 3]));
            connect.properties.maximum_packet_size = NonZeroU32::new(self.pick(&[0, 0, 0, 40]));
        }
        connect.will = Some(will).filter(|_| self.below(2) == 0);
        connect.login = match client_id {
            "bridge/b" => Login::Bridge { new_peer: self.below(2) == 0 },
            "m1" if self.below(2) == 0 => Login::As("user".into()),
            _ => Login::Anonymous,
        };
        self.mqtt(conn, Packet::Connect(Box::new(connect)));
    }
}
