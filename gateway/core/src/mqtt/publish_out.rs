//! Messages to a client, in order and with a window (MQTT 3.1.1 §4.3, §4.4, §4.6).

use super::{Packet, PacketId, Publish};
use crate::broker::{Inflight, Phase, Queued, SessionKey};
use crate::{ConnId, Core, Qos, RejectReason};
use sn_types::Instant;

/// The window stays below the 65,535 packet ids whatever the configuration says.
const LARGEST_WINDOW: usize = 60_000;

impl Core {
    /// Sends what the connection and the window take. QoS 0 does not overtake what waits for the window: messages of a
    /// topic stay in order (MQTT-4.6.0-6).
    pub(crate) fn mqtt_pump(&mut self, now: Instant, conn: ConnId) {
        let Some(open) = self.mqtt.open(conn).filter(|open| open.writable) else { return };
        let key = open.session;
        let window = self.config.limits.mqtt_inflight.clamp(1, LARGEST_WINDOW);
        while !self.mqtt_hold_back(conn)
            && let Some(publish) = self.mqtt_next_publish(now, key, window)
        {
            self.mqtt_send(conn, Packet::Publish(publish));
        }
    }

    fn mqtt_next_publish(&mut self, now: Instant, key: SessionKey, window: usize) -> Option<Publish> {
        self.drop_expired(now, key);
        let session = self.broker.sessions.get_mut(key)?;
        match session.outbound.front()?.qos {
            Qos::AtMostOnce => session.outbound.pop().map(|queued| publish(&queued, None)),
            Qos::AtLeastOnce | Qos::ExactlyOnce if session.outbound.inflight().len() >= window => None,
            Qos::AtLeastOnce | Qos::ExactlyOnce => self.broker.sessions.outbound_mut(key)?.launch().map(first_publish),
        }
    }

    /// Sends again what an earlier connection left in flight, in its order, and then goes on (MQTT-4.4.0-1).
    pub(super) fn mqtt_resume(&mut self, now: Instant, conn: ConnId, key: SessionKey) {
        let Some(session) = self.broker.sessions.get(key) else { return };
        let packets = session.outbound.inflight().iter().filter_map(|inflight| match inflight.phase {
            Phase::Published => Some(Packet::Publish(Publish { dup: true, ..first_publish(inflight) })),
            Phase::Released => PacketId::new(inflight.id).map(|id| Packet::PubRel(id.into())),
        });
        for packet in packets.collect::<Vec<_>>() {
            self.mqtt_send(conn, packet);
        }
        self.mqtt_pump(now, conn);
    }

    /// PUBACK: a QoS 1 message has arrived.
    pub(super) fn mqtt_puback(&mut self, now: Instant, conn: ConnId, key: SessionKey, id: PacketId) {
        self.mqtt_landed(now, conn, key, id, Qos::AtLeastOnce, Phase::Published);
    }

    /// PUBCOMP: a QoS 2 message is done.
    pub(super) fn mqtt_pubcomp(&mut self, now: Instant, conn: ConnId, key: SessionKey, id: PacketId) {
        self.mqtt_landed(now, conn, key, id, Qos::ExactlyOnce, Phase::Released);
    }

    fn mqtt_landed(&mut self, now: Instant, conn: ConnId, key: SessionKey, id: PacketId, qos: Qos, phase: Phase) {
        let Some(outbound) = self.broker.sessions.outbound_mut(key) else { return };
        let found = outbound.qos_in_flight(id.get()) == Some(qos);
        if found && outbound.land(id.get(), phase).is_some() {
            self.mqtt_pump(now, conn);
        } else {
            self.mqtt_reject(conn, RejectReason::UnmatchedAck);
        }
    }

    /// PUBREC: a QoS 2 message has arrived. An unknown id gets its PUBREL too: else the client would wait for ever.
    pub(super) fn mqtt_pubrec(&mut self, conn: ConnId, key: SessionKey, id: PacketId) {
        let Some(outbound) = self.broker.sessions.outbound_mut(key) else { return };
        if !outbound.release(id.get()) {
            self.mqtt_reject(conn, RejectReason::UnmatchedAck);
        }
        self.mqtt_send(conn, Packet::PubRel(id.into()));
    }
}

fn first_publish(inflight: &Inflight) -> Publish {
    publish(&inflight.queued, PacketId::new(inflight.id))
}

fn publish(queued: &Queued, id: Option<PacketId>) -> Publish {
    let message = &queued.message;
    let (topic, payload) = (message.topic().clone(), message.shared_payload());
    Publish::new(topic, payload, queued.qos, queued.retain, id)
}
