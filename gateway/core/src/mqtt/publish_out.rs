//! Messages to a client, in order and with a window (MQTT 3.1.1 §4.3, §4.4, §4.6).

use super::{Ack, Packet, PacketId, Publish, ReasonCode};
use crate::broker::{Inflight, Outbound, Phase, Queued, SessionKey};
use crate::{ConnId, Core, DropReason, Qos, RejectReason};
use sn_types::Instant;

/// The window stays below the 65,535 packet ids whatever the configuration says.
const LARGEST_WINDOW: usize = 60_000;

impl Core {
    /// Sends what the connection and the window take. QoS 0 does not overtake what waits for the window: messages of a
    /// topic stay in order (MQTT-4.6.0-6).
    pub(crate) fn mqtt_pump(&mut self, now: Instant, conn: ConnId) {
        let Some(open) = self.mqtt.open(conn).filter(|open| open.writable) else { return };
        let key = open.session;
        let window = self.config.limits.mqtt_inflight.clamp(1, LARGEST_WINDOW).min(open.receive_maximum.into());
        let longest = open.maximum_packet_size;
        while !self.mqtt_hold_back(conn)
            && let Some(publish) = self.mqtt_next_publish(now, key, window, longest)
        {
            self.mqtt_send(conn, Packet::Publish(publish));
        }
    }

    fn mqtt_next_publish(&mut self, now: Instant, key: SessionKey, window: usize, longest: u32) -> Option<Publish> {
        self.drop_expired(now, key);
        if longest < u32::MAX {
            self.mqtt_drop_too_long(now, key, longest);
        }
        let session = self.broker.sessions.get_mut(key)?;
        match session.outbound.front()?.qos {
            Qos::AtMostOnce => session.outbound.pop().map(|queued| publish(&queued, None)),
            Qos::AtLeastOnce | Qos::ExactlyOnce if session.outbound.inflight().len() >= window => None,
            Qos::AtLeastOnce | Qos::ExactlyOnce => self.broker.sessions.outbound_mut(key)?.launch().map(first_publish),
        }
    }

    /// Drops what would be sent next and is longer than the client takes (MQTT 5 §3.1.2.11.4).
    fn mqtt_drop_too_long(&mut self, now: Instant, key: SessionKey, longest: u32) {
        let is_too_long = |queued: &Queued| publish(queued, Some(PacketId::MIN)).wire_len() > longest as usize;
        while self.broker.sessions.get(key).and_then(|s| s.outbound.front()).is_some_and(is_too_long) {
            let Some(dropped) = self.broker.sessions.outbound_mut(key).and_then(Outbound::pop) else { return };
            self.dropped(key, dropped.message.topic().clone(), DropReason::TooLong);
            self.drop_expired(now, key);
        }
    }

    /// Sends again what an earlier connection left in flight, in its order, and then goes on (MQTT-4.4.0-1).
    pub(super) fn mqtt_resume(&mut self, now: Instant, conn: ConnId, key: SessionKey) {
        self.mqtt_drop_too_long_in_flight(conn, key);
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

    /// The client may take less than in its last connection.
    fn mqtt_drop_too_long_in_flight(&mut self, conn: ConnId, key: SessionKey) {
        let Some(longest) = self.mqtt.open(conn).map(|open| open.maximum_packet_size) else { return };
        let Some(session) = self.broker.sessions.get(key).filter(|_| longest < u32::MAX) else { return };
        let too_long = session
            .outbound
            .inflight()
            .iter()
            .filter(|sent| sent.phase == Phase::Published && first_publish(sent).wire_len() > longest as usize);
        for id in too_long.map(|sent| sent.id).collect::<Vec<_>>() {
            let Some(outbound) = self.broker.sessions.outbound_mut(key) else { return };
            let Some(dropped) = outbound.land(id, Phase::Published) else { continue };
            self.dropped(key, dropped.message.topic().clone(), DropReason::TooLong);
        }
    }

    /// PUBACK: a QoS 1 message has arrived, or the client does not want it.
    pub(super) fn mqtt_puback(&mut self, now: Instant, conn: ConnId, key: SessionKey, ack: Ack) {
        self.mqtt_landed(now, conn, key, ack, Qos::AtLeastOnce, Phase::Published);
    }

    /// PUBCOMP: a QoS 2 message is done.
    pub(super) fn mqtt_pubcomp(&mut self, now: Instant, conn: ConnId, key: SessionKey, id: PacketId) {
        self.mqtt_landed(now, conn, key, id.into(), Qos::ExactlyOnce, Phase::Released);
    }

    fn mqtt_landed(&mut self, now: Instant, conn: ConnId, key: SessionKey, ack: Ack, qos: Qos, phase: Phase) {
        let Some(outbound) = self.broker.sessions.outbound_mut(key) else { return };
        let found = outbound.qos_in_flight(ack.id.get()) == Some(qos);
        let landed = if found { outbound.land(ack.id.get(), phase) } else { None };
        let Some(landed) = landed else { return self.mqtt_reject(conn, RejectReason::UnmatchedAck) };
        if ack.code.is_error() {
            self.dropped(key, landed.message.topic().clone(), DropReason::Refused);
        }
        self.mqtt_pump(now, conn);
    }

    /// PUBREC: a QoS 2 message has arrived, or the client does not want it. An unknown id gets its PUBREL too: else the
    /// client would wait for ever.
    pub(super) fn mqtt_pubrec(&mut self, now: Instant, conn: ConnId, key: SessionKey, ack: Ack) {
        if ack.code.is_error() {
            return self.mqtt_landed(now, conn, key, ack, Qos::ExactlyOnce, Phase::Published);
        }
        let Some(outbound) = self.broker.sessions.outbound_mut(key) else { return };
        let mut answer = Ack::from(ack.id);
        if !outbound.release(ack.id.get()) {
            answer.code = ReasonCode::PacketIdentifierNotFound;
            self.mqtt_reject(conn, RejectReason::UnmatchedAck);
        }
        self.mqtt_send(conn, Packet::PubRel(answer));
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
