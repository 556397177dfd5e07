//! Messages to a client, in order and with a window (MQTT 3.1.1 §4.3, §4.4, §4.6).

use super::{Ack, Packet, PacketId, Publish, ReasonCode};
use crate::broker::{Inflight, Outbound, Phase, Queued, SessionKey};
use crate::{ConnId, Core, DropReason, Qos, RejectReason};
use sn_types::Instant;

/// The window stays below the 65,535 packet ids whatever the configuration says.
const LARGEST_WINDOW: usize = 60_000;

impl Core {
    /// Sends what the connection and the window take; octets in flight have the queue's limit, too. QoS 0 does not overtake
    /// what waits for the window: messages of a topic stay in order (MQTT-4.6.0-6).
    pub(crate) fn mqtt_pump(&mut self, now: Instant, conn: ConnId) {
        while !self.mqtt_hold_back(conn)
            && !self.mqtt_awaits_round(conn)
            && let Some(packet) = self.mqtt_next(now, conn)
        {
            if let Packet::Publish(publish) = &packet {
                self.mqtt_count_round(now, conn, publish);
            }
            self.mqtt_send(conn, packet);
        }
    }

    /// The next packet, first of those that an earlier connection left in flight.
    fn mqtt_next(&mut self, now: Instant, conn: ConnId) -> Option<Packet> {
        let open = self.mqtt.open(conn).filter(|open| open.writable)?;
        let window = self.config.limits.mqtt_inflight.clamp(1, LARGEST_WINDOW).min(open.receive_maximum.into());
        if open.unresumed > 0 {
            return self.mqtt_next_resumed(now, conn, window);
        }
        let (key, longest) = (open.session, open.maximum_packet_size);
        self.mqtt_next_publish(now, key, window, longest).map(Packet::Publish)
    }

    fn mqtt_next_publish(&mut self, now: Instant, key: SessionKey, window: usize, longest: u32) -> Option<Publish> {
        self.drop_expired(now, key);
        if longest < u32::MAX {
            self.mqtt_drop_too_long(now, key, longest);
        }
        let bytes = self.config.limits.queue_bytes;
        let session = self.broker.sessions.get_mut(key)?;
        let qos = session.outbound.front()?.qos;
        match qos {
            Qos::AtMostOnce => session.outbound.pop().map(|queued| publish(now, &queued, None)),
            Qos::AtLeastOnce | Qos::ExactlyOnce if !session.outbound.may_launch(window, bytes) => None,
            Qos::AtLeastOnce | Qos::ExactlyOnce => {
                self.broker.sessions.outbound_mut(key)?.launch().map(|sent| first_publish(now, sent))
            }
        }
    }

    /// The next of what an earlier connection left in flight (MQTT-4.4.0-1), if the window takes it.
    fn mqtt_next_resumed(&mut self, now: Instant, conn: ConnId, window: usize) -> Option<Packet> {
        let open = self.mqtt.open_mut(conn)?;
        let outbound = &self.broker.sessions.get(open.session)?.outbound;
        let place = outbound.in_flight().checked_sub(open.unresumed)?;
        let inflight = outbound.inflight().nth(place)?;
        let packet = match inflight.phase {
            Phase::Published if place >= window => return None,
            Phase::Published => Packet::Publish(Publish { dup: true, ..first_publish(now, inflight) }),
            Phase::Released => Packet::PubRel(PacketId::new(inflight.id)?.into()),
        };
        open.unresumed -= 1;
        Some(packet)
    }

    /// Drops what would be sent next and is longer than the client takes (MQTT 5 §3.1.2.11.4).
    fn mqtt_drop_too_long(&mut self, now: Instant, key: SessionKey, longest: u32) {
        let id = |queued: &Queued| (queued.qos != Qos::AtMostOnce).then_some(PacketId::MIN);
        let is_too_long = |queued: &Queued| publish(now, queued, id(queued)).wire_len() > longest as usize;
        while self.broker.sessions.get_mut(key).and_then(|s| s.outbound.front()).is_some_and(is_too_long) {
            let Some(dropped) = self.broker.sessions.outbound_mut(key).and_then(Outbound::pop) else { return };
            self.dropped(key, dropped.message.topic().clone(), DropReason::TooLong);
            self.drop_expired(now, key);
        }
    }

    /// Sends again what an earlier connection left in flight, in its order, and then goes on (MQTT-4.4.0-1).
    pub(super) fn mqtt_resume(&mut self, now: Instant, conn: ConnId, key: SessionKey) {
        self.mqtt_drop_too_long_in_flight(now, conn, key);
        let Some(session) = self.broker.sessions.get(key) else { return };
        if let Some(open) = self.mqtt.open_mut(conn) {
            open.unresumed = session.outbound.in_flight();
        }
        self.mqtt_pump(now, conn);
    }

    /// The client may take less than in its last connection.
    fn mqtt_drop_too_long_in_flight(&mut self, now: Instant, conn: ConnId, key: SessionKey) {
        let Some(longest) = self.mqtt.open(conn).map(|open| open.maximum_packet_size) else { return };
        let Some(session) = self.broker.sessions.get(key).filter(|_| longest < u32::MAX) else { return };
        let too_long = session
            .outbound
            .inflight()
            .filter(|sent| sent.phase == Phase::Published && first_publish(now, sent).wire_len() > longest as usize);
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
        let (in_flight, place) = (outbound.in_flight(), outbound.place_in_flight(ack.id.get(), qos));
        let landed = place.and_then(|_| outbound.land(ack.id.get(), phase));
        let Some((landed, place)) = landed.zip(place) else {
            return self.mqtt_reject(conn, RejectReason::UnmatchedAck);
        };
        if let Some(open) = self.mqtt.open_mut(conn)
            && place + open.unresumed >= in_flight
        {
            // It had arrived by an earlier connection, and need not be sent again.
            open.unresumed = open.unresumed.saturating_sub(1);
        }
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

fn first_publish(now: Instant, inflight: &Inflight) -> Publish {
    publish(now, &inflight.queued, PacketId::new(inflight.id))
}

fn publish(now: Instant, queued: &Queued, id: Option<PacketId>) -> Publish {
    let message = &queued.message;
    let (topic, payload) = (message.topic().clone(), message.shared_payload());
    let publish = Publish::new(topic, payload, queued.qos, queued.retain, id);
    let Some(details) = message.details() else { return publish };
    Publish {
        message_expiry_s: details.expires.map(|expires| seconds_until(now, expires)),
        properties: details.properties.clone(),
        subscription_ids: details.subscription_ids.clone(),
        ..publish
    }
}

/// What was said less the whole seconds that the message has waited (MQTT 5 §3.3.2.3.3).
fn seconds_until(now: Instant, expires: Instant) -> u32 {
    let left = expires.since(now).as_micros().div_ceil(1_000_000);
    left.try_into().unwrap_or(u32::MAX)
}
