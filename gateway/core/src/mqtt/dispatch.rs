//! From a packet to the procedure that handles it.

use super::Packet;
use super::connection::Conn;
use crate::broker::SessionKey;
use crate::{ConnId, Core, RejectReason, Via};
use sn_types::Instant;

impl Core {
    /// A packet came.
    pub(crate) fn mqtt_packet(&mut self, now: Instant, conn: ConnId, packet: Packet) {
        match self.mqtt.conns.get_mut(&conn) {
            Some(Conn::Open(open)) => {
                open.heard = now;
                let key = open.session;
                self.mqtt_packet_of(now, conn, key, packet);
            }
            Some(Conn::Closing) => {}
            None => self.mqtt_first_packet(now, conn, packet),
        }
        self.mqtt_hold_back(conn);
    }

    /// The first packet must be CONNECT (MQTT-3.1.0-1).
    fn mqtt_first_packet(&mut self, now: Instant, conn: ConnId, packet: Packet) {
        match packet {
            Packet::Connect(connect) => self.mqtt_connect(now, conn, *connect),
            Packet::ConnAck(_)
            | Packet::Publish(_)
            | Packet::PubAck(_)
            | Packet::PubRec(_)
            | Packet::PubRel(_)
            | Packet::PubComp(_)
            | Packet::Subscribe(_)
            | Packet::SubAck(..)
            | Packet::Unsubscribe(..)
            | Packet::UnsubAck(..)
            | Packet::PingReq
            | Packet::PingResp
            | Packet::Disconnect(_)
            | Packet::Auth(_) => self.mqtt_protocol_error(now, conn, "the first packet is not CONNECT"),
        }
    }

    fn mqtt_packet_of(&mut self, now: Instant, conn: ConnId, key: SessionKey, packet: Packet) {
        match packet {
            Packet::Connect(_) => self.mqtt_protocol_error(now, conn, "a second CONNECT"),
            Packet::Publish(publish) => self.mqtt_publish_in(now, conn, key, publish),
            Packet::PubAck(ack) => self.mqtt_puback(now, conn, key, ack),
            Packet::PubRec(ack) => self.mqtt_pubrec(now, conn, key, ack),
            Packet::PubRel(ack) => self.mqtt_pubrel(conn, key, ack.id),
            Packet::PubComp(ack) => self.mqtt_pubcomp(now, conn, key, ack.id),
            Packet::Subscribe(subscribe) => self.mqtt_subscribe(now, conn, key, *subscribe),
            Packet::Unsubscribe(id, filters) => self.mqtt_unsubscribe(now, conn, key, id, &filters),
            Packet::PingReq => self.mqtt_send(conn, Packet::PingResp),
            Packet::Disconnect(disconnect) => self.mqtt_disconnect(now, conn, key, disconnect),
            Packet::Auth(auth) => self.mqtt_auth(now, conn, auth),
            Packet::ConnAck(_) | Packet::SubAck(..) | Packet::UnsubAck(..) | Packet::PingResp => {
                self.mqtt_protocol_error(now, conn, "a packet that only servers send");
            }
        }
    }

    /// The connection's output buffer is full, or has room again.
    pub(crate) fn mqtt_writable(&mut self, now: Instant, conn: ConnId, writable: bool) {
        let Some(open) = self.mqtt.open_mut(conn) else { return };
        open.writable = writable;
        if writable {
            // While too much waited to be written nothing was read: it could not be heard.
            open.heard = now;
        }
        self.mqtt_pump(now, conn);
    }

    pub(super) fn mqtt_reject(&mut self, conn: ConnId, reason: RejectReason) {
        let key = self.mqtt.open(conn).map(|open| open.session);
        self.reject(Via::Mqtt(conn), key, reason);
    }
}
