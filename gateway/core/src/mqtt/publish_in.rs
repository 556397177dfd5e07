//! Messages from a client: PUBLISH and PUBREL (MQTT 3.1.1 §3.3, §3.6, §4.3).

use super::{Ack, MessageProperties, Packet, PacketId, Publish, ReasonCode, Version};
use crate::access::Action;
use crate::broker::{Part, Session, SessionKey, validate_topic_name};
use crate::durable::Recipient;
use crate::{ConnId, Core, Details, Message, Qos, RejectReason, StorageState};
use sn_types::Instant;
use std::time::Duration;

/// What a PUBLISH above QoS 0 is, by its packet id.
enum Arrival {
    New,
    /// Sent again for want of a PUBREC, and published already.
    Repeated,
    /// One more than the client may leave unacknowledged or unreleased.
    TooMany,
}

impl Core {
    pub(super) fn mqtt_publish_in(&mut self, now: Instant, conn: ConnId, key: SessionKey, publish: Publish) {
        if validate_topic_name(&publish.topic).is_err() {
            let (reason, code) = (RejectReason::MqttProtocol, ReasonCode::TopicNameInvalid);
            return self.mqtt_break(now, conn, reason, code, "the topic of a PUBLISH is not a topic name");
        }
        match (publish.qos, publish.id) {
            (Qos::AtMostOnce, _) => drop(self.mqtt_route(now, conn, key, publish)),
            (Qos::AtLeastOnce | Qos::ExactlyOnce, Some(id)) => self.mqtt_take(now, conn, key, id, publish),
            (Qos::AtLeastOnce | Qos::ExactlyOnce, None) => {
                self.mqtt_protocol_error(now, conn, "a PUBLISH above QoS 0 without a packet id");
            }
        }
    }

    /// Publishes QoS 1 whenever it comes, QoS 2 at the first arrival: that id is remembered until PUBREL (MQTT 3.1.1
    /// §4.3.3, method B), unless the message was refused.
    fn mqtt_take(&mut self, now: Instant, conn: ConnId, key: SessionKey, id: PacketId, publish: Publish) {
        let (qos, version) = (publish.qos, self.mqtt.version(conn));
        let code = match self.mqtt_arrival(conn, key, version, id, &publish) {
            Arrival::New => {
                let code = self.mqtt_route(now, conn, key, publish);
                // MQTT 3.1.1 knows no other answer.
                if version == Version::V3 { ReasonCode::Success } else { code }
            }
            Arrival::Repeated => ReasonCode::Success,
            Arrival::TooMany => {
                let (reason, code) = (RejectReason::IncomingQos2Limit, ReasonCode::ReceiveMaximumExceeded);
                return self.mqtt_break(now, conn, reason, code, "too many messages before they are acknowledged");
            }
        };
        let ack = Ack { id, code };
        let answer = if qos == Qos::AtLeastOnce { Packet::PubAck(ack) } else { Packet::PubRec(ack) };
        self.mqtt_send(conn, answer);
    }

    fn mqtt_arrival(
        &self,
        conn: ConnId,
        key: SessionKey,
        version: Version,
        id: PacketId,
        &Publish { qos, dup, .. }: &Publish,
    ) -> Arrival {
        let Some(session) = self.broker.sessions.get(key) else { return Arrival::TooMany };
        // The broker behind a bridge may have forgotten its session, and this process may have been killed before it knew. What
        // that broker has not sent before is then under an id that meant something else.
        let is_known = session.incoming_qos2.contains(&id.get()) && (dup || !session.is_bridge());
        if qos == Qos::ExactlyOnce && is_known {
            return Arrival::Repeated;
        }
        // mosquitto forgets its window when a bridge comes back, and a bridge that is refused comes back.
        if session.is_bridge() {
            return Arrival::New;
        }
        // For MQTT 5 it is the receive maximum, which counts QoS 1 too: PUBACKs that wait for the store.
        let unacknowledged = match (qos, version) {
            (Qos::AtMostOnce | Qos::AtLeastOnce, Version::V3) => return Arrival::New,
            (Qos::ExactlyOnce, Version::V3) => 0,
            (_, Version::V5) => self.out.held_pubacks(Recipient::Conn(conn)),
        };
        let is_full = session.incoming_qos2.len() + unacknowledged >= self.config.limits.incoming_qos2;
        if is_full { Arrival::TooMany } else { Arrival::New }
    }

    fn mqtt_remember(&mut self, key: SessionKey, id: PacketId) {
        let Some(session) = self.broker.sessions.get_mut(key) else { return };
        if !session.incoming_qos2.contains(&id.get()) {
            session.incoming_qos2.push(id.get());
            self.broker.sessions.mark(key, Part::Incoming);
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

    /// Publishes, unless that is refused, and says what became of it.
    fn mqtt_route(&mut self, now: Instant, conn: ConnId, key: SessionKey, publish: Publish) -> ReasonCode {
        let checked = self.mqtt_check_publish(conn, key, &publish);
        // MQTT 3.1.1 has no way to refuse one message: it is acknowledged.
        let is_acknowledged = checked.is_ok() || self.mqtt.version(conn) == Version::V3;
        if let (Qos::ExactlyOnce, Some(id), true) = (publish.qos, publish.id, is_acknowledged) {
            // Before anything of it goes out: at QoS 2 that waits for the disk with it, also on its way to a session that is not
            // kept. Otherwise whoever has that gets the message once more after a crash.
            self.mqtt_remember(key, id);
        }
        if let Err((reason, code)) = checked {
            self.mqtt_reject(conn, reason);
            return code;
        }
        let Publish { topic, payload, qos, retain, message_expiry_s, properties, .. } = publish;
        let topic = self.broker.name(&topic);
        let expires = message_expiry_s.map(|s| now + Duration::from_secs(s.into()));
        let details = Details { expires, properties, subscription_ids: Vec::new() };
        let message = Message::detailed(topic, &payload, qos, retain, details);
        if self.publish(now, Some(key), message) { ReasonCode::Success } else { ReasonCode::NoMatchingSubscribers }
    }

    /// How a client is told that the rules do not allow something.
    pub(super) const fn mqtt_denied(&self) -> ReasonCode {
        if self.config.say_not_authorized { ReasonCode::NotAuthorized } else { ReasonCode::UnspecifiedError }
    }

    fn mqtt_check_publish(
        &mut self,
        conn: ConnId,
        key: SessionKey,
        publish: &Publish,
    ) -> Result<(), (RejectReason, ReasonCode)> {
        self.publishable(&publish.topic).map_err(|reason| (reason, ReasonCode::TopicNameInvalid))?;
        let allowed = self.may(key, Action::Publish, &publish.topic);
        allowed.map_err(|reason| (reason, self.mqtt_denied()))?;
        if self.config.check_payload_format && !has_payload_format(publish.properties.as_deref(), &publish.payload) {
            return Err((RejectReason::PayloadFormat, ReasonCode::PayloadFormatInvalid));
        }
        let code = match self.storage {
            StorageState::Ok => return Ok(()),
            StorageState::Full => ReasonCode::QuotaExceeded,
            StorageState::Failed => ReasonCode::ImplementationSpecificError,
        };
        // MQTT 3.1.1 knows no such answer: its client waits. The broker behind a bridge would take it for the last word.
        let is_bridge = self.broker.sessions.get(key).is_some_and(Session::is_bridge);
        let waits = publish.qos == Qos::AtMostOnce || self.mqtt.version(conn) == Version::V3 || is_bridge;
        if waits { Ok(()) } else { Err((RejectReason::Storage, code)) }
    }
}

/// Whether a payload is text if it says so (MQTT 5 §3.3.2.3.2).
pub(super) fn has_payload_format(properties: Option<&MessageProperties>, payload: &[u8]) -> bool {
    !properties.is_some_and(|properties| properties.payload_is_utf8) || std::str::from_utf8(payload).is_ok()
}
