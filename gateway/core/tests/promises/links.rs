//! What clients say and hear, over either protocol.

use super::World;
use super::client::{EVERYBODY, Kind, Link, Outgoing, Stage, TOPIC};
use bytes::Bytes;
use gateway_core::mqtt::{
    Ack, ConnAck, Connect, Packet, PacketId, Publish as MqttPublish, RetainHandling, Subscribe as MqttSubscribe,
    SubscribeOptions, Version,
};
use gateway_core::{ConnId, Input, Qos};
use sn_codec::{
    Connect as SnConnect, Disconnect, Message, MsgId, PingReq, PubAck, Publish, RegAck, Register, ReturnCode,
    ShortName, Subscribe, Topic, TopicFilter, TopicId, decode,
};
use sn_types::{LinkAddr, PeerAddr, TransportId};

/// The id of a SUBSCRIBE: no message has it.
const REQUEST: u16 = 999;

impl World {
    fn sn(&mut self, at: usize, message: &Message<'_>) {
        self.note(format!("{} > {message:?}", EVERYBODY[at].name));
        if !self.calm && self.below(8) == 0 {
            return self.note("which is lost".into());
        }
        let mut datagram = vec![0; message.encoded_len().expect("fits")];
        message.encode(&mut datagram).expect("fits");
        let from = PeerAddr::direct(TransportId(0), LinkAddr::Udp(self.clients[at].addr()));
        self.core.handle_input(self.now, Input::Datagram { from, bytes: &datagram });
        self.settle();
    }

    fn mqtt(&mut self, at: usize, packet: Packet) {
        let Some(conn) = self.clients[at].conn() else { return };
        self.note(format!("{} > {packet:?}", EVERYBODY[at].name));
        self.core.handle_input(self.now, Input::Mqtt { conn, packet });
        self.settle();
    }

    fn tell_closed(&mut self, conn: ConnId) {
        self.core.handle_input(self.now, Input::MqttClosed { conn });
        self.settle();
    }

    /// What was not answered is sent again.
    pub(super) fn repeat(&mut self, at: usize) {
        match self.clients[at].link {
            Link::SnJoining => self.sn_connect(at),
            Link::SnAwake => self.sn(at, &Message::PingReq(PingReq { client_id: Some(EVERYBODY[at].name) })),
            Link::Sn => {
                self.subscribe(at);
                self.send_first(at, true);
                self.sn(at, &Message::PingReq(PingReq { client_id: None }));
            }
            Link::Mqtt(_) => self.mqtt(at, Packet::PingReq),
            Link::Off | Link::SnAsleep | Link::MqttJoining(_) => {}
        }
    }

    pub(super) fn leave(&mut self, at: usize) {
        match self.clients[at].link {
            Link::Mqtt(conn) | Link::MqttJoining(conn) => {
                self.clients[at].cut();
                self.tell_closed(conn);
            }
            Link::Sn => {
                self.sn(at, &Message::Disconnect(Disconnect { duration_s: None }));
                self.clients[at].cut();
            }
            Link::Off | Link::SnJoining | Link::SnAsleep | Link::SnAwake => {}
        }
    }

    /// Connects, now and then while it is connected, of which the gateway learns before or after.
    pub(super) fn come(&mut self, at: usize) {
        if !self.calm && self.clients[at].link != Link::Off && self.below(3) > 0 {
            return;
        }
        let old = self.clients[at].conn();
        self.clients[at].cut();
        match EVERYBODY[at].kind {
            Kind::Sn => self.come_over_sn(at),
            Kind::Both if self.below(2) == 0 => self.come_over_sn(at),
            Kind::Both | Kind::Mqtt | Kind::Member | Kind::FickleMember => self.come_over_mqtt(at),
        }
        old.into_iter().for_each(|old| self.tell_closed(old));
    }

    fn come_over_sn(&mut self, at: usize) {
        if self.clients[at].port == 0 || self.below(2) == 0 {
            self.next_port += 1;
            self.clients[at].port = self.next_port;
        }
        self.clients[at].link = Link::SnJoining;
        self.sn_connect(at);
    }

    fn sn_connect(&mut self, at: usize) {
        let client_id = EVERYBODY[at].name;
        let connect = SnConnect { will: false, clean_session: false, protocol_id: 1, duration_s: 60, client_id };
        self.sn(at, &Message::Connect(connect));
    }

    fn come_over_mqtt(&mut self, at: usize) {
        self.clients[at].link = Link::MqttJoining(ConnId(self.next_conn));
        self.next_conn += 1;
        let version = if self.below(2) == 0 { Version::V3 } else { Version::V5 };
        let is_fickle = EVERYBODY[at].kind == Kind::FickleMember;
        let clean_start = is_fickle && version == Version::V5 && !self.calm && self.below(4) == 0;
        let mut connect = Connect { version, clean_start, keep_alive_s: 60, ..Connect::new(EVERYBODY[at].name) };
        connect.properties.session_expiry_s = u32::MAX;
        connect.properties.receive_maximum = PacketId::new(if self.below(2) == 0 { 1 } else { 5 });
        self.mqtt(at, Packet::Connect(Box::new(connect)));
    }

    pub(super) fn sleep_or_wake(&mut self, at: usize) {
        match self.clients[at].link {
            Link::Sn if self.clients[at].has_subscribed => {
                self.sn(at, &Message::Disconnect(Disconnect { duration_s: Some(600) }));
                self.clients[at].link = Link::SnAsleep;
                self.clients[at].datagrams.clear();
            }
            Link::SnAsleep => {
                self.clients[at].link = Link::SnAwake;
                self.sn(at, &Message::PingReq(PingReq { client_id: Some(EVERYBODY[at].name) }));
            }
            Link::Off | Link::SnJoining | Link::Sn | Link::SnAwake | Link::MqttJoining(_) | Link::Mqtt(_) => {}
        }
    }

    /// Sends what may be sent now.
    pub(super) fn go_on(&mut self, at: usize) {
        match self.clients[at].link {
            Link::Sn => self.send_first(at, false),
            Link::Mqtt(_) => {
                while let Some(out) = self.clients[at].outgoing.iter_mut().find(|out| out.stage == Stage::Waits) {
                    out.stage = Stage::Published;
                    let publish = mqtt_publish(*out, false);
                    self.mqtt(at, publish);
                }
            }
            Link::Off | Link::SnJoining | Link::SnAsleep | Link::SnAwake | Link::MqttJoining(_) => {}
        }
    }

    /// MQTT-SN: one at a time.
    fn send_first(&mut self, at: usize, again: bool) {
        let Some(out) = self.clients[at].outgoing.front_mut() else { return };
        let dup = out.stage != Stage::Waits;
        if dup && !again {
            return;
        }
        if out.stage == Stage::Waits {
            out.stage = Stage::Published;
        }
        let Outgoing { number, qos, id, stage } = *out;
        if stage == Stage::Released {
            return self.sn(at, &Message::PubRel(MsgId(id)));
        }
        let qos = if qos == Qos::AtLeastOnce { sn_codec::Qos::One } else { sn_codec::Qos::Two };
        let (topic, data) = (Topic::Short(ShortName(*b"m2")), number.to_string());
        let publish = Publish { dup, qos, retain: false, topic, msg_id: MsgId(id), data: data.as_bytes() };
        self.sn(at, &Message::Publish(publish));
    }

    /// Subscribes, if it has not.
    fn subscribe(&mut self, at: usize) {
        let filter = EVERYBODY[at].filter;
        match self.clients[at].link {
            _ if self.clients[at].has_subscribed => {}
            Link::Sn => {
                let (msg_id, topic) = (MsgId(REQUEST), TopicFilter::Name(filter));
                self.sn(at, &Message::Subscribe(Subscribe { qos: sn_codec::Qos::Two, msg_id, topic }));
            }
            Link::Mqtt(_) => {
                let options = SubscribeOptions {
                    qos: Qos::ExactlyOnce,
                    no_local: false,
                    retain_as_published: false,
                    retain_handling: RetainHandling::Send,
                };
                let filters = vec![(filter.into(), options)];
                let subscribe = MqttSubscribe { id: packet_id(REQUEST), subscription_id: None, filters };
                self.mqtt(at, Packet::Subscribe(Box::new(subscribe)));
            }
            Link::Off | Link::SnJoining | Link::SnAsleep | Link::SnAwake | Link::MqttJoining(_) => {}
        }
    }

    /// The next of what is on its way to a client arrives. `false`: there is nothing.
    pub(super) fn deliver(&mut self, at: usize) -> bool {
        let name = EVERYBODY[at].name;
        if let Some(packet) = self.clients[at].packets.pop_front() {
            self.note(format!("{name} < {packet:?}"));
            self.hear_mqtt(at, packet);
            return true;
        }
        let Some(datagram) = self.clients[at].datagrams.pop_front() else { return false };
        let hears = matches!(self.clients[at].link, Link::SnJoining | Link::Sn | Link::SnAwake);
        if hears && (self.calm || self.below(8) > 0) {
            let message = decode(&datagram).expect("the gateway sends what decodes");
            self.note(format!("{name} < {message:?}"));
            self.hear_sn(at, message);
        }
        true
    }

    fn hear_mqtt(&mut self, at: usize, packet: Packet) {
        match packet {
            Packet::ConnAck(answer) => self.welcome(at, &answer),
            Packet::SubAck(..) => self.clients[at].has_subscribed = true,
            Packet::Publish(publish) => {
                let id = publish.id.expect("nobody publishes at QoS 0");
                self.clients[at].receive(number(&publish.payload), publish.qos, id.get());
                let is_first = publish.qos == Qos::AtLeastOnce;
                self.mqtt(at, if is_first { Packet::PubAck(id.into()) } else { Packet::PubRec(id.into()) });
            }
            Packet::PubRel(Ack { id, .. }) => {
                self.clients[at].released(id.get());
                self.mqtt(at, Packet::PubComp(id.into()));
            }
            Packet::PubAck(Ack { id, .. }) => self.done(at, id.get(), Qos::AtLeastOnce),
            Packet::PubRec(Ack { id, .. }) => {
                self.clients[at].recorded(id.get());
                self.mqtt(at, Packet::PubRel(id.into()));
            }
            Packet::PubComp(Ack { id, .. }) => self.done(at, id.get(), Qos::ExactlyOnce),
            Packet::PingResp | Packet::Disconnect(_) => {}
            other => panic!("nobody asks for {other:?}"),
        }
    }

    /// CONNACK: first comes again what was under way.
    fn welcome(&mut self, at: usize, answer: &ConnAck) {
        let Some(conn) = self.clients[at].conn() else { return };
        assert!(!answer.code.is_error(), "{answer:?}\n{}", self.log());
        self.clients[at].link = Link::Mqtt(conn);
        if !answer.session_present {
            let may_be_new = !self.clients[at].has_subscribed || EVERYBODY[at].kind == Kind::FickleMember;
            assert!(may_be_new, "the session of {} is gone\n{}", EVERYBODY[at].name, self.log());
            self.clients[at].begin_anew();
        }
        self.subscribe(at);
        for out in self.clients[at].outgoing.clone() {
            match out.stage {
                Stage::Waits => {}
                Stage::Published => self.mqtt(at, mqtt_publish(out, true)),
                Stage::Released => self.mqtt(at, Packet::PubRel(packet_id(out.id).into())),
            }
        }
        self.go_on(at);
    }

    fn hear_sn(&mut self, at: usize, message: Message<'_>) {
        let client = &mut self.clients[at];
        match message {
            Message::ConnAck(_) if client.link == Link::SnJoining => {
                client.link = Link::Sn;
                self.subscribe(at);
                self.send_first(at, true);
            }
            Message::Register(Register { topic_id, msg_id, .. }) => {
                client.topics.insert(topic_id.0);
                let return_code = ReturnCode::Accepted;
                self.sn(at, &Message::RegAck(RegAck { topic_id, msg_id, return_code }));
            }
            Message::SubAck(ack) => {
                client.topics.insert(ack.topic_id.0);
                client.has_subscribed = true;
            }
            Message::Publish(publish) => self.hear_publish(at, &publish),
            Message::PubRel(msg_id) => {
                client.released(msg_id.0);
                self.sn(at, &Message::PubComp(msg_id));
            }
            Message::PubAck(PubAck { msg_id, return_code: ReturnCode::Accepted, .. }) => {
                self.done(at, msg_id.0, Qos::AtLeastOnce);
            }
            Message::PubRec(msg_id) => {
                client.recorded(msg_id.0);
                self.sn(at, &Message::PubRel(msg_id));
            }
            Message::PubComp(msg_id) => self.done(at, msg_id.0, Qos::ExactlyOnce),
            Message::PingResp if client.link == Link::SnAwake => client.link = Link::SnAsleep,
            // The gateway does not take it for connected.
            Message::Disconnect(_) if matches!(client.link, Link::Sn | Link::SnAwake) => {
                client.link = Link::SnJoining;
                self.sn_connect(at);
            }
            _ => {}
        }
    }

    fn hear_publish(&mut self, at: usize, publish: &Publish<'_>) {
        let Publish { qos, msg_id, data, topic, .. } = *publish;
        if let Topic::Normal(topic_id) = topic
            && !self.clients[at].topics.contains(&topic_id.0)
        {
            let return_code = ReturnCode::InvalidTopicId;
            return self.sn(at, &Message::PubAck(PubAck { topic_id, msg_id, return_code }));
        }
        let number = number(data);
        if qos == sn_codec::Qos::Two {
            self.clients[at].receive(number, Qos::ExactlyOnce, msg_id.0);
            self.sn(at, &Message::PubRec(msg_id));
        } else {
            self.clients[at].receive(number, Qos::AtLeastOnce, msg_id.0);
            let ack = PubAck { topic_id: TopicId::NONE, msg_id, return_code: ReturnCode::Accepted };
            self.sn(at, &Message::PubAck(ack));
        }
    }

    fn done(&mut self, at: usize, id: u16, qos: Qos) {
        self.clients[at].done(id, qos);
        self.go_on(at);
    }
}

fn packet_id(id: u16) -> PacketId {
    PacketId::new(id).expect("not zero")
}

fn number(payload: &[u8]) -> u32 {
    let text = std::str::from_utf8(payload).expect("a number");
    text.parse().expect("a number")
}

fn mqtt_publish(out: Outgoing, dup: bool) -> Packet {
    let payload = Bytes::from(out.number.to_string());
    let publish = MqttPublish::new(TOPIC.into(), payload, out.qos, false, Some(packet_id(out.id)));
    Packet::Publish(MqttPublish { dup, ..publish })
}
