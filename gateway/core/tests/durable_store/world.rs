//! A core, its store, and peers that answer most of what they are asked.

use super::operator;
use super::records::write;
use super::seeds::chances;
use gateway_core::mqtt::{self, Ack, ConnAck, Packet, Publish as MqttPublish, ReasonCode};
use gateway_core::{
    CommitToken, Config, ConnId, Core, Ending, FromUpstream, Input, Output, Qos, Record, ToUpstream, UpstreamId,
};
use proptest::prelude::Rng;
use proptest::test_runner::TestRng;
use sn_codec::{
    FrwdEncap, Message, PubAck, Publish, RegAck, Register, ReturnCode, TopicId, WillMsg, WillTopic, decode,
};
use sn_types::{Instant, LinkAddr, NodeId, PeerAddr, TransportId};
use std::collections::{BTreeMap, BTreeSet};

pub(super) type Store = BTreeMap<Vec<u8>, Vec<u8>>;

pub(super) struct World {
    pub(super) config: Config,
    pub(super) core: Core,
    pub(super) store: Store,
    /// The commit that the store has not reported, if there is one.
    under_way: Option<(CommitToken, Vec<Record>)>,
    pub(super) now: Instant,
    rng: TestRng,
    /// Open MQTT connections.
    pub(super) conns: BTreeSet<u64>,
    pub(super) next_conn: u64,
    /// Connections to the other broker.
    pub(super) lines: BTreeSet<UpstreamId>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let config = operator::config(seed);
        let mut world = Self {
            core: Core::new(config.clone()),
            config,
            store: Store::new(),
            under_way: None,
            now: Instant::ZERO,
            rng: chances(seed),
            conns: BTreeSet::new(),
            next_conn: 1,
            lines: BTreeSet::new(),
        };
        world.core.restore(Instant::ZERO, Store::new()).expect("an empty store is readable");
        world.settle();
        world
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.rng.next_u64() % limit
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    pub(super) fn handle(&mut self, input: Input<'_>) {
        self.core.handle_input(self.now, input);
        self.settle();
    }

    pub(super) fn send(&mut self, from: PeerAddr, message: &Message<'_>) {
        let mut datagram = encode(message);
        if let Some(node) = from.node {
            let encapsulation = FrwdEncap { radius: 0, node_id: node.as_bytes(), inner: &datagram };
            datagram = encode(&Message::FrwdEncap(encapsulation));
        }
        self.handle(Input::Datagram { from: PeerAddr { node: None, ..from }, bytes: &datagram });
    }

    pub(super) fn mqtt(&mut self, conn: u64, packet: Packet) {
        self.handle(Input::Mqtt { conn: ConnId(conn), packet });
    }

    /// Carries out all outputs; commits at once, three times out of four.
    pub(super) fn settle(&mut self) {
        let mut answers = Vec::new();
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Commit { token, records } => {
                    let keys: BTreeSet<_> = records.iter().map(|record| record.key.clone()).collect();
                    assert_eq!(keys.len(), records.len(), "a key comes twice: {records:?}");
                    assert!(self.under_way.is_none(), "two commits at once");
                    self.under_way = Some((token, records));
                    if self.below(4) > 0 {
                        self.commit();
                    }
                }
                Output::Send { to, datagram } => {
                    answers.extend(self.sn_answer(to, &datagram).map(|answer| (to, answer)));
                }
                Output::Mqtt { conn, packet } => {
                    if let Some(packet) = self.mqtt_answer(packet) {
                        self.core.handle_input(self.now, Input::Mqtt { conn, packet });
                    }
                }
                Output::MqttClose { conn, .. } => {
                    self.conns.remove(&conn.0);
                    self.core.handle_input(self.now, Input::MqttClosed { conn });
                }
                Output::Upstream { id, what } => {
                    if let Some(what) = self.upstream_answer(id, what) {
                        self.core.handle_input(self.now, Input::Upstream { id, what });
                    }
                }
                Output::Broadcast { .. } | Output::MqttRead { .. } | Output::Counters { .. } | Output::Event(_) => {}
            }
        }
        for (from, answer) in answers {
            self.send(from, &answer);
        }
    }

    /// The store has the commit that is under way, and says so.
    fn commit(&mut self) {
        if let Some((token, records)) = self.under_way.take() {
            write(&mut self.store, records);
            self.core.handle_input(self.now, Input::Committed { token });
        }
    }

    /// The disk has been slow, and perhaps has done.
    pub(super) fn let_commit(&mut self) {
        if self.below(2) == 0 {
            self.commit();
            self.settle();
        }
    }

    /// Waits until everything is written.
    pub(super) fn finish(&mut self) {
        while self.under_way.is_some() {
            self.commit();
            self.settle();
        }
    }

    pub(super) const fn is_written(&self) -> bool {
        self.under_way.is_none()
    }

    /// The process ends, and the commit under way with it, which the store has or has not. Another process reads the store.
    pub(super) fn restart(&mut self) {
        if let Some((_, records)) = self.under_way.take()
            && self.below(2) == 0
        {
            write(&mut self.store, records);
        }
        self.conns.clear();
        self.lines.clear();
        self.core = Core::new(self.config.clone());
        self.core.restore(self.now, &self.store).expect("what was written is readable");
        self.settle();
    }

    fn sn_answer(&mut self, to: PeerAddr, datagram: &[u8]) -> Option<Message<'static>> {
        if self.below(4) == 0 {
            return None;
        }
        let return_code = match self.below(12) {
            0 => ReturnCode::InvalidTopicId,
            1 => ReturnCode::Congestion,
            2 => ReturnCode::NotSupported,
            _ => ReturnCode::Accepted,
        };
        let message = match decode(datagram).expect("the gateway sends what decodes") {
            Message::FrwdEncap(encapsulation) => {
                assert_eq!(to.node.map(|node| node.as_bytes() == encapsulation.node_id), Some(true));
                decode(encapsulation.inner).expect("as above")
            }
            message => message,
        };
        match message {
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
        let code = if self.below(12) == 0 { ReasonCode::UnspecifiedError } else { ReasonCode::Success };
        match packet {
            Packet::Publish(MqttPublish { qos: Qos::AtLeastOnce, id, .. }) => {
                id.map(|id| Packet::PubAck(Ack { id, code }))
            }
            Packet::Publish(MqttPublish { qos: Qos::ExactlyOnce, id, .. }) => {
                id.map(|id| Packet::PubRec(Ack { id, code }))
            }
            Packet::PubRel(Ack { id, .. }) => Some(Packet::PubComp(id.into())),
            Packet::PubRec(Ack { id, code }) if !code.is_error() => Some(Packet::PubRel(id.into())),
            _ => None,
        }
    }

    /// What the other broker says.
    fn upstream_answer(&mut self, id: UpstreamId, what: ToUpstream) -> Option<FromUpstream> {
        let packet = match what {
            ToUpstream::Open(_) if self.below(4) == 0 => return Some(FromUpstream::Closed(Ending::Broken)),
            ToUpstream::Open(_) => {
                self.lines.insert(id);
                let session_present = self.below(2) == 0;
                Packet::ConnAck(Box::new(ConnAck { session_present, ..ConnAck::default() }))
            }
            ToUpstream::Close(_) => {
                self.lines.remove(&id);
                return Some(FromUpstream::Closed(Ending::Broken));
            }
            ToUpstream::Read(_) => return None,
            ToUpstream::Packet(_) if self.below(4) == 0 => return None,
            ToUpstream::Packet(packet) => match packet {
                Packet::Publish(MqttPublish { qos: Qos::AtLeastOnce, id, .. }) => Packet::PubAck(id?.into()),
                Packet::Publish(MqttPublish { qos: Qos::ExactlyOnce, id, .. }) => Packet::PubRec(id?.into()),
                Packet::PubRel(Ack { id, .. }) => Packet::PubComp(id.into()),
                Packet::PubRec(Ack { id, .. }) => Packet::PubRel(id.into()),
                Packet::Subscribe(asked) => {
                    let codes = asked.filters.iter().map(|(_, options)| options.qos.into()).collect();
                    Packet::SubAck(asked.id, codes)
                }
                Packet::Unsubscribe(id, filters) => {
                    Packet::UnsubAck(id, filters.iter().map(|_| ReasonCode::Success).collect())
                }
                Packet::PingReq => Packet::PingResp,
                _ => return None,
            },
        };
        Some(FromUpstream::Packet(packet))
    }

    /// The other broker publishes something, or hangs up.
    pub(super) fn upstream_step(&mut self) {
        let lines: Vec<_> = self.lines.iter().copied().collect();
        if lines.is_empty() {
            return;
        }
        let id = self.pick(&lines);
        let what = match self.below(6) {
            0 => {
                self.lines.remove(&id);
                FromUpstream::Closed(self.pick(&[Ending::HungUp, Ending::Broken, Ending::Unreadable]))
            }
            1 => {
                let code = self.pick(&[ReasonCode::SessionTakenOver, ReasonCode::ServerShuttingDown]);
                FromUpstream::Packet(Packet::Disconnect(mqtt::Disconnect { code, session_expiry_s: None }))
            }
            _ => FromUpstream::Packet(Packet::Publish(self.random_publish())),
        };
        self.handle(Input::Upstream { id, what });
    }
}

fn encode(message: &Message<'_>) -> Vec<u8> {
    let mut datagram = vec![0; message.encoded_len().expect("fits")];
    message.encode(&mut datagram).expect("fits");
    datagram
}

/// Clients 1 to 3 are reached directly, 4 on a transport whose nodes may live elsewhere, 5 and 6 through a forwarder.
pub(super) fn peer(n: u16) -> PeerAddr {
    let transport = TransportId(u8::from(n == 4));
    let direct = PeerAddr::direct(transport, LinkAddr::Udp(([127, 0, 0, 1], n.min(5)).into()));
    if n < 5 { direct } else { direct.behind(NodeId::new(&[n as u8]).expect("short")) }
}
