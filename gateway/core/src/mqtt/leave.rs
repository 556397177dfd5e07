//! The ways in which a connection ends, and what becomes of its session and will (MQTT 3.1.1 §3.1.2, §3.14).

use super::connection::Conn;
use super::{Disconnect, Packet, ReasonCode, Version};
use crate::broker::{SessionEnd, SessionKey};
use crate::durable::{Promise, Recipient};
use crate::{CloseReason, ConnId, Core, Event, LostReason, Output, RejectReason};
use sn_types::Instant;

impl Core {
    /// DISCONNECT: the will is forgotten (MQTT-3.14.4-3), unless the client wants it published.
    pub(super) fn mqtt_disconnect(&mut self, now: Instant, conn: ConnId, key: SessionKey, disconnect: Disconnect) {
        if let Some(asked) = disconnect.session_expiry_s
            && !self.mqtt_change_expiry(key, asked)
        {
            return self.mqtt_protocol_error(now, conn, "DISCONNECT keeps a session that CONNECT wanted to end");
        }
        if self.mqtt_close(now, conn, CloseReason::Disconnected).is_none() {
            return;
        }
        if disconnect.code == ReasonCode::Success {
            self.forget_will(key);
        }
        let Some(session) = self.broker.sessions.get(key) else { return };
        let client_id = session.client_id.clone();
        self.event(Event::Disconnected { client_id });
        self.mqtt_end(now, key, SessionEnd::Left);
    }

    /// Changes how long the session is kept. `false`: a session that was to end with its connection still is
    /// (MQTT 5 §3.14.2.2.2).
    fn mqtt_change_expiry(&mut self, key: SessionKey, asked_s: u32) -> bool {
        let granted = self.granted_expiry(asked_s);
        let Some(session) = self.broker.sessions.get_mut(key) else { return true };
        if session.clean {
            return asked_s == 0;
        }
        (session.clean, session.expiry_s) = (asked_s == 0, Some(granted));
        true
    }

    /// The connection is gone, unless the core has closed it before.
    pub(crate) fn mqtt_closed(&mut self, now: Instant, conn: ConnId) {
        if let Some(Conn::Open(open)) = self.mqtt.conns.remove(&conn) {
            self.mqtt_gone(now, open.session, LostReason::Connection);
        }
    }

    /// The client has been silent for too long.
    pub(super) fn mqtt_lost(&mut self, now: Instant, conn: ConnId, why: LostReason) {
        if let Some(key) = self.mqtt_close(now, conn, CloseReason::KeepAlive) {
            self.mqtt_gone(now, key, why);
        }
    }

    /// The client did what it must not.
    pub(super) fn mqtt_protocol_error(&mut self, now: Instant, conn: ConnId, what: &'static str) {
        self.mqtt_break(now, conn, RejectReason::MqttProtocol, ReasonCode::ProtocolError, what);
    }

    /// Closes the connection of a client that broke a rule or a limit.
    pub(super) fn mqtt_break(
        &mut self,
        now: Instant,
        conn: ConnId,
        reason: RejectReason,
        code: ReasonCode,
        what: &'static str,
    ) {
        self.mqtt_reject(conn, reason);
        self.mqtt_break_off(now, conn, code, what);
    }

    /// What the client sent is no MQTT. The driver has counted it.
    pub(crate) fn mqtt_malformed(&mut self, now: Instant, conn: ConnId, code: ReasonCode, what: &'static str) {
        if self.mqtt.open(conn).is_some() {
            self.mqtt_break_off(now, conn, code, what);
        }
    }

    fn mqtt_break_off(&mut self, now: Instant, conn: ConnId, code: ReasonCode, what: &'static str) {
        if let Some(key) = self.mqtt_close(now, conn, CloseReason::Protocol { code, what }) {
            self.mqtt_gone(now, key, LostReason::Closed { conn, what });
        }
    }

    /// Another connection, MQTT or MQTT-SN, uses the client id now (MQTT-3.1.4-2).
    pub(crate) fn mqtt_take_over(&mut self, now: Instant, conn: ConnId) {
        if let Some(key) = self.mqtt_close(now, conn, CloseReason::TakenOver) {
            self.mqtt_end(now, key, SessionEnd::Replaced);
        }
    }

    /// The client is to log in again.
    pub(crate) fn mqtt_log_out(&mut self, now: Instant, conn: ConnId) {
        if let Some(key) = self.mqtt_close(now, conn, CloseReason::LoggedOut) {
            self.mqtt_gone(now, key, LostReason::LoggedOut);
        }
    }

    /// The daemon stops. Nobody is left to hear the wills. What clean sessions have got for their groups goes to members
    /// whose sessions are kept, when no connection is left for which it could be meant.
    pub(crate) fn mqtt_shutdown(&mut self, now: Instant) {
        let mut conns: Vec<_> = self.mqtt.conns.keys().copied().collect();
        conns.sort_unstable();
        conns.retain(|conn| self.mqtt.open(*conn).is_some());
        let close = |conn| self.mqtt_close(now, conn, CloseReason::Shutdown);
        let sessions: Vec<_> = conns.into_iter().filter_map(close).collect();
        for key in sessions {
            self.mqtt_end_clean(now, key, SessionEnd::Left);
        }
    }

    /// Tells the driver to close the connection, and a client of MQTT 5 why. The session that it was for is without one
    /// then.
    pub(crate) fn mqtt_close(&mut self, now: Instant, conn: ConnId, reason: CloseReason) -> Option<SessionKey> {
        let is_told = self.mqtt.open(conn).is_some_and(|open| open.version == Version::V5);
        if let Some(code) = reason.code().filter(|_| is_told) {
            let packet = Packet::Disconnect(Disconnect { code, session_expiry_s: None });
            self.out.send(Recipient::Conn(conn), Output::Mqtt { conn, packet }, Promise::Last, None);
        }
        self.out.send(Recipient::Conn(conn), Output::MqttClose { conn, reason }, Promise::Last, None);
        match self.mqtt.conns.insert(conn, Conn::Closing) {
            Some(Conn::Open(open)) => {
                self.detach(now, open.session);
                Some(open.session)
            }
            Some(Conn::Closing) | None => None,
        }
    }

    /// The client went without DISCONNECT.
    fn mqtt_gone(&mut self, now: Instant, key: SessionKey, why: LostReason) {
        let Some(session) = self.broker.sessions.get(key) else { return };
        let client_id = session.client_id.clone();
        self.event(Event::Lost { client_id, why });
        self.mqtt_end(now, key, SessionEnd::Left);
    }

    /// Publishes the will, once, at once or later, and ends the session if it is clean.
    pub(super) fn mqtt_end(&mut self, now: Instant, key: SessionKey, ending: SessionEnd) {
        self.detach(now, key);
        self.execute_will(now, key);
        self.mqtt_end_clean(now, key, ending);
    }

    fn mqtt_end_clean(&mut self, now: Instant, key: SessionKey, ending: SessionEnd) {
        if self.broker.sessions.get(key).is_some_and(|session| session.clean) {
            self.remove_session(now, key, ending);
        }
    }
}
