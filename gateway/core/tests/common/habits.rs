//! What other brokers do on the way to a client, and our own does not: the lowest packet id that is free goes to the next
//! message (mosquitto), and a QoS 2 PUBLISH under an id that is in use is answered so (EMQX).

use gateway_core::ConnId;
use gateway_core::mqtt::{Ack, Packet, PacketId, Publish, ReasonCode};
use std::collections::{BTreeMap, BTreeSet};

/// A client of the broker, as far as that takes.
#[derive(Default)]
struct Session {
    /// The ids of messages to it: its own, and those that our broker gave.
    given: BTreeMap<PacketId, PacketId>,
    /// Ids of its QoS 2 messages that it has not released.
    unreleased: BTreeSet<PacketId>,
}

#[derive(Default)]
pub(crate) struct Habits {
    sessions: BTreeMap<String, Session>,
    clients: BTreeMap<ConnId, String>,
    /// PUBLISHes above QoS 0 that were not answered yet, on each connection.
    open: BTreeSet<(ConnId, PacketId)>,
    /// How many came twice over one connection.
    pub(crate) repeated: usize,
    /// The next QoS 2 message is one too many.
    pub(crate) is_full: bool,
}

impl Habits {
    /// A packet of a client: what our broker is told, or what the client is answered.
    pub(crate) fn up(&mut self, conn: ConnId, packet: Packet) -> Result<Packet, Packet> {
        if let Packet::Connect(connect) = &packet {
            self.clients.insert(conn, connect.client_id.clone());
            if connect.clean_start {
                self.sessions.remove(&connect.client_id);
            }
        }
        let Some(client) = self.clients.get(&conn) else { return Ok(packet) };
        let session = self.sessions.entry(client.clone()).or_default();
        Ok(match packet {
            Packet::Publish(Publish { id: Some(id), qos, .. }) => {
                if std::mem::take(&mut self.is_full) {
                    return Err(Packet::PubRec(Ack { id, code: ReasonCode::QuotaExceeded }));
                }
                self.repeated += usize::from(!self.open.insert((conn, id)));
                if qos == gateway_core::Qos::ExactlyOnce && !session.unreleased.insert(id) {
                    return Err(Packet::PubRec(Ack { id, code: ReasonCode::PacketIdentifierInUse }));
                }
                packet
            }
            Packet::PubRel(ack) => {
                session.unreleased.remove(&ack.id);
                packet
            }
            Packet::PubAck(ack) => Packet::PubAck(Ack { id: session.done(ack.id), ..ack }),
            Packet::PubComp(ack) => Packet::PubComp(Ack { id: session.done(ack.id), ..ack }),
            Packet::PubRec(ack) => Packet::PubRec(Ack { id: session.theirs(ack.id), ..ack }),
            other => other,
        })
    }

    /// A packet to a client.
    pub(crate) fn down(&mut self, conn: ConnId, packet: Packet) -> Packet {
        let Some(client) = self.clients.get(&conn) else { return packet };
        let session = self.sessions.entry(client.clone()).or_default();
        match packet {
            Packet::Publish(publish) => {
                Packet::Publish(Publish { id: publish.id.map(|id| session.ours(id)), ..publish })
            }
            Packet::PubRel(ack) => Packet::PubRel(Ack { id: session.ours(ack.id), ..ack }),
            Packet::PubAck(ack) | Packet::PubComp(ack) => {
                self.open.remove(&(conn, ack.id));
                packet
            }
            other => other,
        }
    }

    /// The broker has lost its memory.
    pub(crate) fn forget(&mut self) {
        self.sessions.clear();
    }
}

impl Session {
    fn ours(&mut self, theirs: PacketId) -> PacketId {
        let known = self.given.iter().find(|(_, given)| **given == theirs).map(|(ours, _)| *ours);
        known.unwrap_or_else(|| {
            let mut free = (1..=u16::MAX).filter_map(PacketId::new).filter(|id| !self.given.contains_key(id));
            let lowest = free.next().expect("few messages");
            self.given.insert(lowest, theirs);
            lowest
        })
    }

    /// An id that was not given means nothing to the broker.
    fn theirs(&self, ours: PacketId) -> PacketId {
        self.given.get(&ours).copied().unwrap_or(PacketId::MAX)
    }

    fn done(&mut self, ours: PacketId) -> PacketId {
        self.given.remove(&ours).unwrap_or(PacketId::MAX)
    }
}
