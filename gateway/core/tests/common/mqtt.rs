//! A core with MQTT connections around it, in virtual time.
#![allow(dead_code, reason = "each test file uses its part")]

#[path = "records.rs"]
mod records;

use bytes::Bytes;
use gateway_core::mqtt::{Connect, Packet, PacketId, Publish, ReasonCode, Subscribe, Version, Will};
use gateway_core::{CloseReason, Config, ConnId, Core, Event, Input, Output, Qos, RejectReason};
use sn_types::{Instant, LinkAddr, PeerAddr, TransportId};
use std::collections::BTreeMap;
use std::time::Duration;

/// The core, and what came out of it so far.
pub(crate) struct Gateway {
    pub(crate) core: Core,
    pub(crate) now: Instant,
    received: BTreeMap<ConnId, Vec<Packet>>,
    closed: BTreeMap<ConnId, CloseReason>,
    datagrams: Vec<Vec<u8>>,
    events: Vec<Event>,
    config: Config,
    /// What is on the disk, if there is one.
    pub(crate) store: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Gateway {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            core: Core::new(config.clone()),
            config,
            store: BTreeMap::new(),
            now: Instant::from_secs(1),
            received: BTreeMap::new(),
            closed: BTreeMap::new(),
            datagrams: Vec::new(),
            events: Vec::new(),
        }
    }

    /// A gateway with a disk.
    pub(crate) fn durable() -> Self {
        let mut gateway = Self::new(Config { durable: true, ..Config::default() });
        gateway.restart();
        gateway
    }

    /// The process ends, and another one reads the disk. Connections are gone.
    pub(crate) fn restart(&mut self) {
        self.core = Core::new(self.config.clone());
        self.core.restore(self.now, &self.store).expect("what was written is readable");
        (self.received, self.closed) = (BTreeMap::new(), BTreeMap::new());
        self.carry_out();
    }

    /// A packet comes on connection `conn`.
    pub(crate) fn send(&mut self, conn: u64, packet: Packet) {
        self.input(Input::Mqtt { conn: ConnId(conn), packet });
    }

    /// The packets that went out on `conn` since the last call.
    pub(crate) fn received(&mut self, conn: u64) -> Vec<Packet> {
        self.received.remove(&ConnId(conn)).unwrap_or_default()
    }

    /// Sends a packet and says what came back on the same connection.
    pub(crate) fn exchange(&mut self, conn: u64, packet: Packet) -> Vec<Packet> {
        self.send(conn, packet);
        self.received(conn)
    }

    /// CONNECT, accepted; answers with "session present".
    pub(crate) fn connect(&mut self, conn: u64, connect: Connect) -> bool {
        self.send(conn, Packet::Connect(Box::new(connect)));
        let mut packets = self.received(conn).into_iter();
        let Some(Packet::ConnAck(answer)) = packets.next() else { panic!("connection {conn} got no CONNACK") };
        assert_eq!(answer.code, ReasonCode::Success, "connection {conn}");
        self.received.insert(ConnId(conn), packets.collect());
        answer.session_present
    }

    /// SUBSCRIBE to one filter, granted; what follows the SUBACK stays to be received.
    pub(crate) fn subscribe(&mut self, conn: u64, filter: &str, qos: Qos) {
        self.send(conn, subscribe(1, &[(filter, qos)]));
        let mut packets = self.received(conn).into_iter();
        assert_eq!(packets.next(), Some(Packet::SubAck(id(1), vec![qos.into()])));
        self.received.insert(ConnId(conn), packets.collect());
    }

    /// The connection breaks.
    pub(crate) fn lose(&mut self, conn: u64) {
        self.input(Input::MqttClosed { conn: ConnId(conn) });
    }

    pub(crate) fn writable(&mut self, conn: u64, writable: bool) {
        self.input(Input::MqttWritable { conn: ConnId(conn), writable });
    }

    /// Why the core closed the connection, if it did.
    pub(crate) fn closed(&self, conn: u64) -> Option<CloseReason> {
        self.closed.get(&ConnId(conn)).copied()
    }

    /// A datagram comes from the one MQTT-SN client; answers with what was sent since the last call.
    pub(crate) fn datagram(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let node = LinkAddr::Udp(([127, 0, 0, 1], 4_000).into());
        self.input(Input::Datagram { from: PeerAddr::direct(TransportId(0), node), bytes });
        self.datagrams()
    }

    pub(crate) fn datagrams(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.datagrams)
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(crate) fn rejects(&self, reason: RejectReason) -> u64 {
        self.core.stats().rejects.get(&reason).copied().unwrap_or(0)
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.core.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.core.handle_timeout(self.now);
            self.carry_out();
        }
        self.now = end;
    }

    pub(crate) fn input(&mut self, input: Input<'_>) {
        self.core.handle_input(self.now, input);
        self.carry_out();
    }

    /// What the driver does; like it, tells the core when a connection is gone.
    pub(crate) fn carry_out(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Mqtt { conn, packet } => {
                    assert!(!self.closed.contains_key(&conn), "sent {packet:?} on closed {conn:?}");
                    self.received.entry(conn).or_default().push(packet);
                }
                Output::MqttClose { conn, reason } => {
                    assert_eq!(self.closed.insert(conn, reason), None, "closed twice");
                }
                Output::Send { datagram, .. } | Output::Broadcast { datagram, .. } => self.datagrams.push(datagram),
                Output::Commit { token, records } => {
                    records::write(&mut self.store, records);
                    self.core.handle_input(self.now, Input::Committed { token });
                }
                Output::Upstream { .. } => unreachable!("no node is here"),
                Output::MqttRead { .. } => unreachable!("nothing waits for the disk for long"),
                Output::Counters { .. } => unreachable!("there is no radio"),
                Output::Event(event) => self.events.push(event),
            }
        }
    }
}

impl Default for Gateway {
    fn default() -> Self {
        Self::new(Config::default())
    }
}

pub(crate) fn id(id: u16) -> PacketId {
    PacketId::new(id).expect("tests use ids above 0")
}

/// CONNECT without will and supervision.
pub(crate) fn clean(client_id: &str) -> Connect {
    Connect::new(client_id)
}

/// The same over MQTT 5.
pub(crate) fn five(client_id: &str) -> Connect {
    Connect { version: Version::V5, ..clean(client_id) }
}

/// Over MQTT 5; keeps its session for an hour.
pub(crate) fn lasting(client_id: &str) -> Connect {
    let mut connect = Connect { clean_start: false, ..five(client_id) };
    connect.properties.session_expiry_s = 3_600;
    connect
}

pub(crate) fn persistent(client_id: &str) -> Connect {
    Connect { clean_start: false, ..clean(client_id) }
}

/// The messages among packets.
pub(crate) fn publishes(packets: Vec<Packet>) -> Vec<Publish> {
    let publish = |packet| match packet {
        Packet::Publish(publish) => Some(publish),
        _ => None,
    };
    packets.into_iter().filter_map(publish).collect()
}

pub(crate) fn will(topic: &str, payload: &'static str) -> Option<Will> {
    let payload = Bytes::from_static(payload.as_bytes());
    Some(Will::new(topic, payload, Qos::AtLeastOnce, false))
}

pub(crate) fn subscribe(packet_id: u16, filters: &[(&str, Qos)]) -> Packet {
    let filters = filters.iter().map(|(filter, qos)| ((*filter).into(), (*qos).into())).collect();
    Packet::Subscribe(Box::new(Subscribe { id: id(packet_id), subscription_id: None, filters }))
}

pub(crate) fn qos0(topic: &str, payload: &str) -> Packet {
    publish(topic, payload, Qos::AtMostOnce, 0)
}

pub(crate) fn qos1(topic: &str, payload: &str, packet_id: u16) -> Packet {
    publish(topic, payload, Qos::AtLeastOnce, packet_id)
}

pub(crate) fn qos2(topic: &str, payload: &str, packet_id: u16) -> Packet {
    publish(topic, payload, Qos::ExactlyOnce, packet_id)
}

fn publish(topic: &str, payload: &str, qos: Qos, packet_id: u16) -> Packet {
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    let id = PacketId::new(packet_id);
    Packet::Publish(Publish::new(topic.into(), payload, qos, false, id))
}

pub(crate) fn dup(packet: Packet) -> Packet {
    map_publish(packet, |publish| publish.dup = true)
}

pub(crate) fn retained(packet: Packet) -> Packet {
    map_publish(packet, |publish| publish.retain = true)
}

fn map_publish(mut packet: Packet, change: impl Fn(&mut Publish)) -> Packet {
    let Packet::Publish(publish) = &mut packet else { panic!("not a PUBLISH: {packet:?}") };
    change(publish);
    packet
}

/// The payloads of the PUBLISHes among `packets`.
pub(crate) fn payloads(packets: &[Packet]) -> Vec<&str> {
    packets
        .iter()
        .filter_map(|packet| match packet {
            Packet::Publish(publish) => std::str::from_utf8(&publish.payload).ok(),
            _ => None,
        })
        .collect()
}
