//! CONNECT (MQTT 3.1.1 §3.1, MQTT 5 §3.1).

use super::authenticate::{authenticated, refusal_reason};
use super::connection::{Conn, OpenConn};
use super::publish_in::has_payload_format;
use super::{ConnAck, ConnAckProperties, Connect, Login, LoginRefusal, Packet, ReasonCode, Version, Will};
use crate::access::{Action, Who};
use crate::broker::{Link, Part, SessionEnd, SessionKey, WillTerms, may_have_id, validate_topic_name};
use crate::{CloseReason, ConnId, Core, Details, Event, Message, RejectReason, Via};
use bytes::Bytes;
use sn_types::Instant;
use std::num::NonZeroU16;
use std::sync::Arc;

/// Why a client may not connect.
enum Refusal {
    /// It is told so.
    Answer(ReasonCode, RejectReason),
    /// It broke the protocol.
    Protocol(&'static str),
}

/// What is known of a client that may connect.
struct Checked {
    user: Option<Arc<str>>,
    will: Option<CheckedWill>,
    /// The method by which it was authenticated, and the last of its data.
    authentication: Option<(String, Bytes)>,
}

/// A will that may be published.
type CheckedWill = (Message, Option<Box<WillTerms>>);

impl Core {
    pub(super) fn mqtt_connect(&mut self, now: Instant, conn: ConnId, mut connect: Connect) {
        let has_id = !connect.client_id.is_empty();
        let Checked { user, will, authentication } = match self.mqtt_check_connect(&mut connect) {
            Ok(checked) => checked,
            Err(Refusal::Answer(code, reason)) => return self.mqtt_refuse(now, conn, code, reason),
            Err(Refusal::Protocol(what)) => return self.mqtt_refuse_protocol(now, conn, &connect, what),
        };
        let mut accepted = ConnAckProperties { authentication, ..ConnAckProperties::default() };
        if !has_id {
            accepted.assigned_client_id = Some(connect.client_id.clone());
        }
        let (key, session_present) = self.mqtt_find_session(now, conn, &connect);
        self.mqtt_negotiate(&connect, &mut accepted);
        let (clean, expiry_s) = self.mqtt_lifetime(&connect);
        let Some(session) = self.broker.sessions.get_mut(key) else { return };
        (session.clean, session.expiry_s) = (clean, expiry_s);
        let client_id = session.client_id.clone();
        if connect.login == (Login::Bridge { new_peer: true }) {
            session.incoming_qos2.clear();
            self.broker.sessions.mark(key, Part::Incoming);
        }
        self.set_user(key, user.clone());
        self.reattach(key, Link::Mqtt(conn));
        self.mqtt_set_will(key, will);
        self.bridge_link_changed(now, key);
        let keep_alive_s = accepted.server_keep_alive_s.unwrap_or(connect.keep_alive_s);
        self.mqtt.conns.insert(conn, Conn::Open(OpenConn::new(key, &connect, keep_alive_s, now)));
        self.mqtt_schedule(now, conn);
        let accepted = ConnAck { session_present, code: ReasonCode::Success, properties: accepted };
        self.mqtt_send(conn, Packet::ConnAck(Box::new(accepted)));
        self.event(Event::Connected { client_id, via: Via::Mqtt(conn), user, session_present, from_sleep: false });
        self.mqtt_resume(now, conn, key);
    }

    fn mqtt_refuse(&mut self, now: Instant, conn: ConnId, code: ReasonCode, reason: RejectReason) {
        self.mqtt_reject(conn, reason);
        self.mqtt_send(conn, Packet::ConnAck(Box::new(ConnAck { code, ..ConnAck::default() })));
        self.mqtt_close(now, conn, CloseReason::Refused);
    }

    /// MQTT 3.1.1 has no return code for it.
    fn mqtt_refuse_protocol(&mut self, now: Instant, conn: ConnId, connect: &Connect, what: &'static str) {
        match connect.version {
            Version::V3 => self.mqtt_protocol_error(now, conn, what),
            Version::V5 => self.mqtt_refuse(now, conn, ReasonCode::TopicNameInvalid, RejectReason::MqttProtocol),
        }
    }

    /// Whether the client may connect, who it is, and its will. Gives it a client id if it has none.
    fn mqtt_check_connect(&mut self, connect: &mut Connect) -> Result<Checked, Refusal> {
        let user = user(&connect.login)?;
        let authentication =
            authenticated(connect).map_err(|reason| Refusal::Answer(ReasonCode::BadAuthenticationMethod, reason))?;
        self.can_promise().map_err(|reason| Refusal::Answer(ReasonCode::ServerUnavailable, reason))?;
        let limits = &self.config.limits;
        let id_fits = connect.client_id.len() <= limits.client_id_len && !connect.client_id.contains('\0');
        if !id_fits || !may_have_id(&connect.login, &connect.client_id) || !may_be_without_id(connect) {
            return Err(Refusal::Answer(ReasonCode::ClientIdentifierNotValid, RejectReason::ClientId));
        }
        let is_known = self.broker.sessions.find(&connect.client_id).is_some();
        if !is_known && self.broker.sessions.len() >= limits.clients {
            return Err(Refusal::Answer(ReasonCode::ServerUnavailable, RejectReason::ClientLimit));
        }
        if connect.client_id.is_empty() {
            connect.client_id = self.mqtt_generate_id();
        }
        let who = Who { user: user.as_deref().unwrap_or_default(), client_id: &connect.client_id };
        let not_authorized = |reason| Refusal::Answer(ReasonCode::NotAuthorized, reason);
        self.may_take_session(who).map_err(not_authorized)?;
        let will = connect.will.take().map(|will| self.mqtt_check_will(who, will)).transpose()?;
        Ok(Checked { user, will, authentication })
    }

    fn mqtt_check_will(&mut self, who: Who<'_>, will: Will) -> Result<CheckedWill, Refusal> {
        if validate_topic_name(&will.topic).is_err() {
            return Err(Refusal::Protocol("the will topic is not a topic name"));
        }
        let allowed = self.publishable(&will.topic).and_then(|()| self.allowed(who, Action::Will, &will.topic));
        allowed.map_err(|reason| Refusal::Answer(ReasonCode::NotAuthorized, reason))?;
        let Will { topic, payload, qos, retain, delay_s, message_expiry_s, properties } = will;
        if self.config.check_payload_format && !has_payload_format(properties.as_deref(), &payload) {
            return Err(Refusal::Answer(ReasonCode::PayloadFormatInvalid, RejectReason::PayloadFormat));
        }
        let details = Details { properties, ..Details::default() };
        let message = Message::detailed(topic.into(), &payload, qos, retain, details);
        Ok((message, WillTerms::new(delay_s, message_expiry_s)))
    }

    fn mqtt_set_will(&mut self, key: SessionKey, will: Option<CheckedWill>) {
        let Some(session) = self.broker.sessions.get_mut(key) else { return };
        (session.will, session.will_terms) = match will {
            Some((message, terms)) => (Some(message), terms),
            None => (None, None),
        };
    }

    fn mqtt_generate_id(&mut self) -> String {
        loop {
            self.mqtt.generated_ids += 1;
            let client_id = format!("auto-{}", self.mqtt.generated_ids);
            // Somebody may have chosen that id: every turn of the loop passes one session.
            if self.broker.sessions.find(&client_id).is_none() {
                return client_id;
            }
        }
    }

    /// What the client is told that it does not know or has asked for otherwise.
    fn mqtt_negotiate(&self, connect: &Connect, accepted: &mut ConnAckProperties) {
        if connect.version == Version::V3 || is_bridge(&connect.login) {
            return;
        }
        let asked_s = connect.properties.session_expiry_s;
        accepted.session_expiry_s = Some(self.granted_expiry(asked_s)).filter(|granted| *granted != asked_s);
        let receive_maximum = self.config.limits.incoming_qos2.clamp(1, u16::MAX.into());
        accepted.receive_maximum = NonZeroU16::new(receive_maximum as u16).filter(|maximum| maximum.get() < u16::MAX);
        let supervised = |longest: &u16| connect.keep_alive_s == 0 || connect.keep_alive_s > *longest;
        accepted.server_keep_alive_s = self.config.max_keep_alive_s.filter(supervised);
        if connect.properties.request_response_information {
            let topics = self.config.response_topics.as_ref();
            accepted.response_information = topics.map(|prefix| format!("{prefix}/{}", connect.client_id));
        }
    }

    /// Whether the session ends with its connection, and how long it is kept otherwise.
    fn mqtt_lifetime(&self, connect: &Connect) -> (bool, Option<u32>) {
        match connect.version {
            // What waits for another broker waits as long as it must.
            _ if is_bridge(&connect.login) => (false, Some(u32::MAX)),
            Version::V3 => (connect.clean_start, None),
            Version::V5 => {
                let granted = self.granted_expiry(connect.properties.session_expiry_s);
                (granted == 0, Some(granted))
            }
        }
    }

    /// The session to go on with or a new one (MQTT 3.1.1 §3.1.2.4), and which of the two. Nobody else uses it then.
    fn mqtt_find_session(&mut self, now: Instant, conn: ConnId, connect: &Connect) -> (SessionKey, bool) {
        if let Some(key) = self.broker.sessions.find(&connect.client_id) {
            self.mqtt_end_other_link(now, conn, key);
        }
        match self.broker.sessions.find(&connect.client_id) {
            Some(key) if !connect.clean_start => return (key, true),
            Some(key) => self.end_session(now, key, SessionEnd::Replaced),
            None => {}
        }
        let (clean, _) = self.mqtt_lifetime(connect);
        (self.broker.sessions.insert(&connect.client_id, !clean), false)
    }

    /// Whoever else uses the session loses it (MQTT-3.1.4-2); that is no good-bye, so the will is published.
    fn mqtt_end_other_link(&mut self, now: Instant, conn: ConnId, key: SessionKey) {
        let Some(session) = self.broker.sessions.get(key) else { return };
        let (link, client_id) = (session.link, session.client_id.clone());
        match link {
            Link::None => return self.sn_leave_to_mqtt(key),
            Link::Sn => {
                self.sn_take_over(key);
                self.mqtt_end(now, key, SessionEnd::Replaced);
            }
            Link::Mqtt(other) => self.mqtt_take_over(now, other),
        }
        self.event(Event::TakenOver { client_id, by: Via::Mqtt(conn) });
    }
}

fn is_bridge(login: &Login) -> bool {
    match login {
        Login::Bridge { .. } => true,
        Login::Anonymous | Login::As(_) | Login::Refused(_) => false,
    }
}

/// What the listener has found out about the client.
fn user(login: &Login) -> Result<Option<Arc<str>>, Refusal> {
    match login {
        Login::Anonymous | Login::Bridge { .. } => Ok(None),
        Login::As(user) => Ok(Some(user.clone())),
        Login::Refused(LoginRefusal::BadPassword) => {
            Err(Refusal::Answer(ReasonCode::BadUserNameOrPassword, RejectReason::BadPassword))
        }
        Login::Refused(LoginRefusal::Anonymous) => {
            Err(Refusal::Answer(ReasonCode::NotAuthorized, RejectReason::Anonymous))
        }
        Login::Refused(LoginRefusal::Authentication(code)) => Err(Refusal::Answer(*code, refusal_reason(*code))),
    }
}

/// Before MQTT 5 a client could not be told its id, so nobody could come back to its session (MQTT-3.1.3-8).
fn may_be_without_id(connect: &Connect) -> bool {
    !connect.client_id.is_empty() || connect.clean_start || connect.version == Version::V5
}
