//! What the core writes is what it has: after any traffic the store equals the state in memory, and reading it back
//! gives the same state again.

use bytes::Bytes;
use gateway_core::mqtt::{
    self, Ack, Connect, MessageProperties, Packet, Publish as MqttPublish, RetainHandling, SubscribeOptions, Version,
    Will,
};
use gateway_core::{Config, ConnId, Core, Input, Keep, Limits, NewNode, NodeReport, Output, Qos, QueueRule, WhenFull};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use sn_codec::{
    Connect as SnConnect, Disconnect, Message, MsgId, PingReq, PubAck, Publish, RegAck, Register, ReturnCode,
    ShortName, Subscribe, Topic, TopicFilter, TopicId, Unsubscribe, WillMsg, WillTopic, decode,
};
use sn_types::{Eui64, Heard, Instant, LinkAddr, LinkKey, PeerAddr, TransportId, Way};
use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

type Store = BTreeMap<Vec<u8>, Vec<u8>>;

const TOPICS: [&str; 5] = ["a/b", "a/c", "tt", "pre/16", "deep/er/topic"];
const FILTERS: [&str; 5] = ["a/+", "#", "a/b", "tt", "deep/#"];
const SHARED: [&str; 3] = ["$share/one/a/+", "$share/two/a/+", "$share/one/#"];

/// A core, its store, and peers that answer most of what they are asked.
struct World {
    config: Config,
    core: Core,
    store: Store,
    now: Instant,
    rng: TestRng,
    conns: BTreeSet<u64>,
    next_conn: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut octets = [0; 32];
        octets[..8].copy_from_slice(&seed.to_le_bytes());
        let config = config(seed);
        let mut world = Self {
            core: Core::new(config.clone()),
            config,
            store: Store::new(),
            now: Instant::ZERO,
            rng: TestRng::from_seed(RngAlgorithm::ChaCha, &octets),
            conns: BTreeSet::new(),
            next_conn: 1,
        };
        world.core.restore(Instant::ZERO, Store::new()).expect("an empty store is readable");
        world
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.rng.next_u64() % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    fn send(&mut self, from: PeerAddr, message: &Message<'_>) {
        let mut datagram = vec![0; message.encoded_len().expect("fits")];
        message.encode(&mut datagram).expect("fits");
        self.core.handle_input(self.now, Input::Datagram { from, bytes: &datagram });
        self.settle();
    }

    fn mqtt(&mut self, conn: u64, packet: Packet) {
        self.core.handle_input(self.now, Input::Mqtt { conn: ConnId(conn), packet });
        self.settle();
    }

    /// Carries out all outputs; commits at once, three times out of four.
    fn settle(&mut self) {
        let mut answers = Vec::new();
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Commit { token, records } => {
                    let keys: BTreeSet<_> = records.iter().map(|record| record.key.clone()).collect();
                    assert_eq!(keys.len(), records.len(), "a key comes twice: {records:?}");
                    for record in records {
                        match record.value {
                            Some(value) => drop(self.store.insert(record.key, value)),
                            None => drop(self.store.remove(&record.key)),
                        }
                    }
                    self.core.handle_input(self.now, Input::Committed { token });
                }
                Output::Send { to, datagram } => answers.extend(self.sn_answer(&datagram).map(|answer| (to, answer))),
                Output::Mqtt { conn, packet } => {
                    if let Some(answer) = self.mqtt_answer(packet) {
                        self.core.handle_input(self.now, Input::Mqtt { conn, packet: answer });
                    }
                }
                Output::MqttClose { conn, .. } => {
                    self.conns.remove(&conn.0);
                    self.core.handle_input(self.now, Input::MqttClosed { conn });
                }
                Output::Broadcast { .. }
                | Output::MqttRead { .. }
                | Output::Upstream { .. }
                | Output::Counters { .. }
                | Output::Event(_) => {}
            }
        }
        for (from, answer) in answers {
            self.send(from, &answer);
        }
    }

    fn sn_answer(&mut self, datagram: &[u8]) -> Option<Message<'static>> {
        if self.below(4) == 0 {
            return None;
        }
        let return_code = if self.below(8) == 0 { ReturnCode::InvalidTopicId } else { ReturnCode::Accepted };
        match decode(datagram).expect("the gateway sends what decodes") {
            Message::Register(Register { topic_id, msg_id, .. }) => {
                Some(Message::RegAck(RegAck { topic_id, msg_id, return_code }))
            }
            Message::Publish(Publish { qos: sn_codec::Qos::One, msg_id, .. }) => {
                Some(Message::PubAck(PubAck { topic_id: TopicId::NONE, msg_id, return_code }))
            }
            Message::Publish(Publish { qos: sn_codec::Qos::Two, msg_id, .. }) => Some(Message::PubRec(msg_id)),
            Message::PubRel(msg_id) => Some(Message::PubComp(msg_id)),
            Message::PubRec(msg_id) => Some(Message::PubRel(msg_id)),
            Message::WillTopicReq => {
                let will = WillTopic { qos: sn_codec::Qos::One, retain: true, topic: "a/c" };
                Some(Message::WillTopic(Some(will)))
            }
            Message::WillMsgReq => Some(Message::WillMsg(WillMsg { message: b"gone" })),
            _ => None,
        }
    }

    fn mqtt_answer(&mut self, packet: Packet) -> Option<Packet> {
        if self.below(4) == 0 {
            return None;
        }
        match packet {
            Packet::Publish(MqttPublish { qos: Qos::AtLeastOnce, id, .. }) => id.map(|id| Packet::PubAck(id.into())),
            Packet::Publish(MqttPublish { qos: Qos::ExactlyOnce, id, .. }) => id.map(|id| Packet::PubRec(id.into())),
            Packet::PubRel(Ack { id, .. }) => Some(Packet::PubComp(id.into())),
            Packet::PubRec(Ack { id, .. }) => Some(Packet::PubRel(id.into())),
            _ => None,
        }
    }

    /// One random thing happens.
    fn step(&mut self) {
        match self.below(9) {
            0 => self.pass_time(),
            1..=5 => self.sn_step(),
            6 => self.node_step(),
            _ => self.mqtt_step(),
        }
    }

    fn pass_time(&mut self) {
        let seconds = self.pick(&[1, 11, 30, 100]);
        self.now = self.now + Duration::from_secs(seconds);
        self.core.handle_timeout(self.now);
        self.settle();
    }

    fn sn_step(&mut self) {
        const CLIENTS: [&str; 4] = ["n1", "n2", "n3", "both"];
        let client_id = self.pick(&CLIENTS);
        let from = peer(self.pick(&[1, 2, 3]));
        let msg_id = MsgId(self.pick(&[1, 2, 3]));
        let qos = self.pick(&[sn_codec::Qos::Zero, sn_codec::Qos::One, sn_codec::Qos::Two]);
        let topic = self.pick(&TOPICS);
        let filter = self.pick(&FILTERS);
        let (will, clean_session) = (self.below(4) == 0, self.below(4) == 0);
        let message = match self.below(13) {
            0 | 1 => Message::Connect(SnConnect { will, clean_session, protocol_id: 1, duration_s: 60, client_id }),
            2 => Message::Disconnect(Disconnect { duration_s: None }),
            3 => Message::Disconnect(Disconnect { duration_s: Some(120) }),
            4 | 5 => Message::PingReq(PingReq { client_id: Some(client_id).filter(|_| will) }),
            6 => Message::Register(Register { topic_id: TopicId::NONE, msg_id, topic_name: topic }),
            7 => Message::Subscribe(Subscribe { qos, msg_id, topic: TopicFilter::Name(filter) }),
            8 => Message::Subscribe(Subscribe { qos, msg_id, topic: TopicFilter::Predefined(TopicId(16)) }),
            9 => Message::Subscribe(Subscribe { qos, msg_id, topic: TopicFilter::Short(ShortName(*b"tt")) }),
            10 => Message::Unsubscribe(Unsubscribe { msg_id, topic: TopicFilter::Name(filter) }),
            11 => Message::WillMsgUpd(WillMsg { message: b"changed" }),
            _ => {
                let topic = match self.below(3) {
                    0 => Topic::Normal(TopicId(1)),
                    1 => Topic::Predefined(TopicId(16)),
                    _ => Topic::Short(ShortName(*b"tt")),
                };
                Message::Publish(Publish { dup: false, qos, retain: will, topic, msg_id, data: b"21.5" })
            }
        };
        self.send(from, &message);
    }

    /// The list of radio nodes changes, or one of them is heard.
    fn node_step(&mut self) {
        let node = self.pick(&RADIOS);
        let transport = TransportId(0);
        match self.below(6) {
            0 => {
                let (name, key) = (node.0[7].to_string(), Some(LinkKey([node.0[7]; 16])));
                let _ = self.core.add_node(self.now, NewNode { node, name, key, added_s: 1_800_000_000 });
            }
            1 => drop(self.core.rename_node(self.now, node, "other")),
            2 => drop(self.core.revoke_node(self.now, node)),
            3 => drop(self.core.remove_node(self.now, node)),
            4 => self.core.handle_input(self.now, Input::CountersWanted { transport }),
            _ => {
                let counter = Some(self.below(1_000) as u32);
                let report = NodeReport { node, counter, spoke: true, heard: Heard::default(), way: Way::default() };
                self.core.handle_input(self.now, Input::Node { transport, report });
            }
        }
        self.settle();
    }

    fn mqtt_step(&mut self) {
        let open: Vec<_> = self.conns.iter().copied().collect();
        if open.is_empty() || self.below(6) == 0 {
            return self.mqtt_connect();
        }
        let conn = self.pick(&open);
        let id = NonZeroU16::new(self.pick(&[1, 2, 3])).expect("not zero");
        let qos = self.pick(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
        match self.below(8) {
            0 => {
                self.conns.remove(&conn);
                self.core.handle_input(self.now, Input::MqttClosed { conn: ConnId(conn) });
                self.settle();
            }
            1 => self.mqtt(conn, Packet::Disconnect(mqtt::Disconnect::default())),
            2 | 3 => {
                let subscribe = self.mqtt_subscribe(id, qos);
                self.mqtt(conn, Packet::Subscribe(Box::new(subscribe)));
            }
            4 => {
                let filter = if self.below(2) == 0 { self.pick(&FILTERS) } else { self.pick(&SHARED) };
                self.mqtt(conn, Packet::Unsubscribe(id, vec![filter.into()]));
            }
            // Messages come faster than sleepers fetch them.
            _ => (0..=self.below(6)).for_each(|_| self.mqtt_publish(conn)),
        }
    }

    fn mqtt_publish(&mut self, conn: u64) {
        let qos = self.pick(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
        let id = NonZeroU16::new(self.pick(&[1, 2, 3])).filter(|_| qos != Qos::AtMostOnce);
        let (topic, payload) = (self.pick(&TOPICS).into(), self.pick(&[&b""[..], b"on"]));
        let retain = self.below(3) == 0;
        let publish = MqttPublish::new(topic, Bytes::from_static(payload), qos, retain, id);
        let message_expiry_s = self.pick(&[None, None, Some(5), Some(1_000)]);
        let properties = self.properties();
        self.mqtt(conn, Packet::Publish(MqttPublish { message_expiry_s, properties, ..publish }));
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
        let client_id = self.pick(&["m1", "m2", "both"]);
        let mut connect = Connect { version, keep_alive_s: 60, ..Connect::new(client_id) };
        connect.clean_start = self.below(3) == 0;
        if version == Version::V5 {
            will.delay_s = self.pick(&[0, 20]);
            will.message_expiry_s = self.pick(&[None, Some(30)]);
            will.properties = self.properties();
            connect.properties.session_expiry_s = self.pick(&[0, 50, 5_000, u32::MAX]);
            connect.properties.receive_maximum = NonZeroU16::new(self.pick(&[0, 1, 3]));
        }
        connect.will = Some(will).filter(|_| self.below(2) == 0);
        self.mqtt(conn, Packet::Connect(Box::new(connect)));
    }

    fn assert_stored(&self, what: &str) {
        let memory: Store =
            self.core.snapshot().into_iter().filter_map(|record| Some((record.key, record.value?))).collect();
        // An accepted frame counter may wait for a commit of its own.
        let missing = memory.iter().filter(|(key, value)| self.store.get(*key) != Some(value) && key[0] != b'c');
        let missing: Vec<_> = missing.collect();
        let extra: Vec<_> = self.store.keys().filter(|key| !memory.contains_key(*key)).collect();
        assert!(missing.is_empty(), "{what}: not stored as it is: {}", printable(missing.iter().map(|(key, _)| *key)));
        assert!(extra.is_empty(), "{what}: stored but gone: {}", printable(extra.into_iter()));
    }

    /// The process ends, and another one reads the store.
    fn restart(&mut self) {
        let predefined: [&[(u16, &str)]; 3] = [&[(16, "pre/16")], &[(16, "a/b"), (17, "pre/16")], &[]];
        let predefined = self.pick(&predefined).iter().map(|(id, name)| (TopicId(*id), (*name).to_owned())).collect();
        self.core = Core::new(Config { predefined, ..self.config.clone() });
        self.conns.clear();
        self.core.restore(self.now, &self.store).expect("what was written is readable");
        self.settle();
    }
}

fn printable<'a>(keys: impl Iterator<Item = &'a Vec<u8>>) -> String {
    keys.map(|key| key.escape_ascii().to_string()).collect::<Vec<_>>().join(", ")
}

fn peer(n: u16) -> PeerAddr {
    PeerAddr::direct(TransportId(0), LinkAddr::Udp(([127, 0, 0, 1], n).into()))
}

const RADIOS: [Eui64; 2] = [Eui64([0, 0x12, 0x4B, 0, 0, 0, 0, 1]), Eui64([0, 0x12, 0x4B, 0, 0, 0, 0, 2])];

/// Half of the worlds have short mailboxes, in which much gives way: to messages of QoS 0, too, which sleepers keep.
fn config(seed: u64) -> Config {
    let queue_messages = if seed.is_multiple_of(2) { 8 } else { 2 };
    let limits = Limits { queue_messages, ..Limits::default() };
    let predefined = vec![(TopicId(16), "pre/16".into())];
    Config { durable: true, predefined, limits, queue_rules: queue_rules(), ..Config::default() }
}

/// Each topic has its own: only the latest waits, the oldest or the newest gives way, or what waits is soon of no use.
fn queue_rules() -> Vec<QueueRule> {
    let any = |filter: &str| QueueRule {
        filter: filter.into(),
        keep: Keep::All,
        time_to_live: None,
        when_full: None,
        priority: 0,
        keep_qos0: true,
    };
    let (oldest, newest) = (Some(WhenFull::DropOldest), Some(WhenFull::DropNewest));
    vec![
        QueueRule { keep: Keep::Latest, when_full: newest, ..any("tt") },
        QueueRule { when_full: oldest, priority: 1, ..any("a/b") },
        QueueRule { keep: Keep::Latest, when_full: oldest, time_to_live: Some(Duration::from_secs(40)), ..any("a/c") },
        QueueRule { when_full: newest, time_to_live: Some(Duration::from_secs(20)), ..any("deep/#") },
        QueueRule { when_full: newest, keep_qos0: false, ..any("pre/#") },
    ]
}

#[test]
fn the_store_equals_the_state_after_any_traffic_and_any_restart() {
    for seed in 0..100 {
        let mut world = World::new(seed);
        for round in 0..4 {
            for step in 0..60 {
                world.step();
                world.assert_stored(&format!("seed {seed}, round {round}, step {step}"));
            }
            world.restart();
            world.assert_stored(&format!("seed {seed}, round {round}, restarted"));
        }
    }
}
