//! Messages from a client: PUBLISH and PUBREL (MQTT 3.1.1 §3.3, §3.6, §4.3).

use super::{Ack, Packet, PacketId, Publish, ReasonCode};
use crate::access::Action;
use crate::broker::{Part, SessionKey, validate_topic_name};
use crate::{ConnId, Core, Message, Qos, RejectReason};
use sn_types::Instant;

/// What a QoS 2 PUBLISH is, by its packet id.
enum Arrival {
    New,
    /// Sent again for want of a PUBREC, and published already.
    Repeated,
    /// One more than the client may leave unreleased.
    TooMany,
}

impl Core {
    pub(super) fn mqtt_publish_in(&mut self, now: Instant, conn: ConnId, key: SessionKey, publish: Publish) {
        if validate_topic_name(&publish.topic).is_err() {
            let (reason, code) = (RejectReason::MqttProtocol, ReasonCode::TopicNameInvalid);
            return self.mqtt_break(now, conn, reason, code, "the topic of a PUBLISH is not a topic name");
        }
        match (publish.qos, publish.id) {
            (Qos::AtMostOnce, _) => self.mqtt_route(now, conn, key, publish),
            (Qos::AtLeastOnce, Some(id)) => {
                self.mqtt_route(now, conn, key, publish);
                self.mqtt_send(conn, Packet::PubAck(id.into()));
            }
            (Qos::ExactlyOnce, Some(id)) => self.mqtt_publish_once(now, conn, key, id, publish),
            (Qos::AtLeastOnce | Qos::ExactlyOnce, None) => {
                self.mqtt_protocol_error(now, conn, "a PUBLISH above QoS 0 without a packet id");
            }
        }
    }

    /// Publishes at the first arrival and remembers the id until PUBREL (MQTT 3.1.1 §4.3.3, method B).
    fn mqtt_publish_once(&mut self, now: Instant, conn: ConnId, key: SessionKey, id: PacketId, publish: Publish) {
        match self.mqtt_remember(key, id) {
            Arrival::New => self.mqtt_route(now, conn, key, publish),
            Arrival::Repeated => {}
            Arrival::TooMany => {
                let (reason, code) = (RejectReason::IncomingQos2Limit, ReasonCode::ReceiveMaximumExceeded);
                return self.mqtt_break(now, conn, reason, code, "too many QoS 2 messages without PUBREL");
            }
        }
        self.mqtt_send(conn, Packet::PubRec(id.into()));
    }

    fn mqtt_remember(&mut self, key: SessionKey, id: PacketId) -> Arrival {
        let limit = self.config.limits.incoming_qos2;
        match self.broker.sessions.get_mut(key) {
            Some(session) if session.incoming_qos2.contains(&id.get()) => Arrival::Repeated,
            Some(session) if session.incoming_qos2.len() < limit => {
                session.incoming_qos2.push(id.get());
                self.broker.sessions.mark(key, Part::Incoming);
                Arrival::New
            }
            Some(_) | None => Arrival::TooMany,
        }
    }

    /// PUBREL. Answered also when the id is not known: the PUBCOMP may have been lost (MQTT-4.3.3-2).
    pub(super) fn mqtt_pubrel(&mut self, conn: ConnId, key: SessionKey, id: PacketId) {
        let Some(session) = self.broker.sessions.get_mut(key) else { return };
        let mut answer = Ack::from(id);
        match session.incoming_qos2.iter().position(|known| *known == id.get()) {
            Some(at) => {
                session.incoming_qos2.remove(at);
                self.broker.sessions.mark(key, Part::Incoming);
            }
            None => answer.code = ReasonCode::PacketIdentifierNotFound,
        }
        self.mqtt_send(conn, Packet::PubComp(answer));
    }

    /// MQTT 3.1.1 has no way to refuse one message: what may not be published is acknowledged and counted.
    fn mqtt_route(&mut self, now: Instant, conn: ConnId, key: SessionKey, publish: Publish) {
        let allowed = self.publishable(&publish.topic).and_then(|()| self.may(key, Action::Publish, &publish.topic));
        if let Err(reason) = allowed {
            return self.mqtt_reject(conn, reason);
        }
        let Publish { topic, payload, qos, retain, .. } = publish;
        self.publish(now, Message::new(self.broker.name(&topic), &payload, qos, retain));
    }
}
