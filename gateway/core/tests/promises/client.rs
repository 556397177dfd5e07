//! A client, with what a client must keep: what it has published and is not done with, and the ids of the QoS 2 messages that
//! it has and that were not released.

use gateway_core::mqtt::Packet;
use gateway_core::{ConnId, Qos};
use std::collections::{BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Mqtt,
    Sn,
    /// Both, by turns, with one session.
    Both,
    /// MQTT; it shares a subscription with others.
    Member,
    /// The same, and it begins a new session now and then.
    FickleMember,
}

impl Kind {
    pub(super) const fn is_member(self) -> bool {
        matches!(self, Self::Member | Self::FickleMember)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Cast {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) filter: &'static str,
    pub(super) publishes: bool,
}

/// The topic of all messages. It is one that MQTT-SN knows by its name.
pub(super) const TOPIC: &str = "m2";

pub(super) const EVERYBODY: [Cast; 6] = [
    Cast { name: "both", kind: Kind::Both, filter: TOPIC, publishes: true },
    Cast { name: "node", kind: Kind::Sn, filter: TOPIC, publishes: true },
    Cast { name: "mqtt", kind: Kind::Mqtt, filter: TOPIC, publishes: true },
    Cast { name: "all", kind: Kind::Both, filter: "+", publishes: false },
    Cast { name: "one", kind: Kind::Member, filter: "$share/g/m2", publishes: false },
    Cast { name: "two", kind: Kind::FickleMember, filter: "$share/g/m2", publishes: false },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Off,
    /// CONNECT was sent.
    SnJoining,
    Sn,
    /// The radio is off.
    SnAsleep,
    /// PINGREQ was sent.
    SnAwake,
    MqttJoining(ConnId),
    Mqtt(ConnId),
}

/// A message of the client's own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outgoing {
    pub(super) number: u32,
    pub(super) qos: Qos,
    pub(super) id: u16,
    pub(super) stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Waits,
    Published,
    /// PUBREC came.
    Released,
}

pub(super) struct Client {
    pub(super) cast: Cast,
    pub(super) has_subscribed: bool,
    pub(super) link: Link,
    /// Of its address; none before it has spoken MQTT-SN.
    pub(super) port: u16,
    last_id: u16,
    pub(super) outgoing: VecDeque<Outgoing>,
    /// Ids of QoS 2 messages that it has and that were not released.
    held: BTreeSet<u16>,
    /// MQTT-SN topic ids that it was told.
    pub(super) topics: BTreeSet<u16>,
    /// Numbers of messages that came.
    pub(super) received: Vec<u32>,
    /// On their way to it.
    pub(super) datagrams: VecDeque<Vec<u8>>,
    pub(super) packets: VecDeque<Packet>,
}

impl Client {
    pub(super) fn new(cast: Cast) -> Self {
        Self {
            cast,
            has_subscribed: false,
            link: Link::Off,
            port: 0,
            last_id: 0,
            outgoing: VecDeque::new(),
            held: BTreeSet::new(),
            topics: BTreeSet::new(),
            received: Vec::new(),
            datagrams: VecDeque::new(),
            packets: VecDeque::new(),
        }
    }

    pub(super) fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(super) const fn conn(&self) -> Option<ConnId> {
        match self.link {
            Link::Mqtt(conn) | Link::MqttJoining(conn) => Some(conn),
            Link::Off | Link::SnJoining | Link::Sn | Link::SnAsleep | Link::SnAwake => None,
        }
    }

    /// The link is gone, and what was on its way with it.
    pub(super) fn cut(&mut self) {
        self.link = Link::Off;
        self.packets.clear();
        self.datagrams.clear();
    }

    /// There are few ids, so that they come again soon.
    pub(super) fn next_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id % 20 + 1;
            if self.outgoing.iter().all(|other| other.id != self.last_id) {
                return self.last_id;
            }
        }
    }

    pub(super) fn receive(&mut self, number: u32, qos: Qos, id: u16) {
        if qos != Qos::ExactlyOnce || self.held.insert(id) {
            self.received.push(number);
        }
    }

    /// PUBREL.
    pub(super) fn released(&mut self, id: u16) {
        self.held.remove(&id);
    }

    /// PUBREC.
    pub(super) fn recorded(&mut self, id: u16) {
        let found = self.outgoing.iter_mut().find(|out| out.id == id && out.qos == Qos::ExactlyOnce);
        found.into_iter().for_each(|outgoing| outgoing.stage = Stage::Released);
    }

    /// PUBACK or PUBCOMP.
    pub(super) fn done(&mut self, id: u16, qos: Qos) {
        let stage = if qos == Qos::AtLeastOnce { Stage::Published } else { Stage::Released };
        self.outgoing.retain(|out| (out.id, out.qos, out.stage) != (id, qos, stage));
    }

    /// A new session has begun.
    pub(super) fn begin_anew(&mut self) {
        (self.has_subscribed, self.held) = (false, BTreeSet::new());
    }
}
