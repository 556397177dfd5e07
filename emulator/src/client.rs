//! An MQTT client at the gateway, packet by packet: it hears everything, and publishes.

use bytes::Bytes;
use gateway_core::Qos;
use gateway_core::mqtt::{Connect, Packet, PacketId, Publish, Subscribe};
use sn_types::Instant;
use std::collections::BTreeSet;

/// A message that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// When.
    pub at: Instant,
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// The client.
#[derive(Debug, Default)]
pub(crate) struct Client {
    messages: Vec<Message>,
    last_id: u16,
    unreleased: BTreeSet<PacketId>,
}

impl Client {
    pub(crate) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// What it says first.
    pub(crate) fn connect(&mut self) -> Vec<Packet> {
        let filters = vec![("#".into(), Qos::ExactlyOnce.into())];
        let subscribe = Subscribe { id: self.next_id(), subscription_id: None, filters };
        vec![Packet::Connect(Box::new(Connect::new("site"))), Packet::Subscribe(Box::new(subscribe))]
    }

    pub(crate) fn publish(&mut self, topic: &str, payload: &[u8], qos: Qos, retain: bool) -> Packet {
        let id = (qos != Qos::AtMostOnce).then(|| self.next_id());
        Packet::Publish(Publish::new(topic.into(), Bytes::copy_from_slice(payload), qos, retain, id))
    }

    fn next_id(&mut self) -> PacketId {
        self.last_id = self.last_id % u16::MAX + 1;
        PacketId::new(self.last_id).unwrap_or(PacketId::MIN)
    }

    /// What it answers to a packet.
    pub(crate) fn hear(&mut self, now: Instant, packet: Packet) -> Option<Packet> {
        match packet {
            Packet::Publish(publish) => self.take(now, &publish),
            Packet::PubRec(ack) => Some(Packet::PubRel(ack.id.into())),
            Packet::PubRel(ack) => {
                self.unreleased.remove(&ack.id);
                Some(Packet::PubComp(ack.id.into()))
            }
            Packet::ConnAck(_)
            | Packet::SubAck(..)
            | Packet::PubAck(_)
            | Packet::PubComp(_)
            | Packet::UnsubAck(..)
            | Packet::PingResp
            | Packet::Connect(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(..)
            | Packet::PingReq
            | Packet::Disconnect(_)
            | Packet::Auth(_) => None,
        }
    }

    fn take(&mut self, now: Instant, publish: &Publish) -> Option<Packet> {
        let id = publish.id;
        let is_new = publish.qos != Qos::ExactlyOnce || id.is_some_and(|id| self.unreleased.insert(id));
        if is_new {
            let (topic, payload) = (publish.topic.to_string(), publish.payload.to_vec());
            self.messages.push(Message { at: now, topic, payload });
        }
        match publish.qos {
            Qos::AtMostOnce => None,
            Qos::AtLeastOnce => id.map(|id| Packet::PubAck(id.into())),
            Qos::ExactlyOnce => id.map(|id| Packet::PubRec(id.into())),
        }
    }
}
