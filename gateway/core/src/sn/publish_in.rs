//! PUBLISH from a client (1.2 §6.6-§6.8): to the broker, then the acknowledgement.

use super::refusal::return_code;
use crate::access::{Action, Who};
use crate::broker::{Home, Part, SessionKey};
use crate::map::MapSeed;
use crate::{Core, Message as BrokerMessage, PlantedBug, Qos, RejectReason};
use sn_codec::{Message, MsgId, PubAck, Publish, ReturnCode, Topic, TopicId};
use sn_types::{Instant, PeerAddr};
use std::sync::Arc;
use std::time::Duration;

/// A client is told of an unknown topic id in its QoS 0 messages at most this often.
const NACK_EVERY: Duration = Duration::from_secs(1);

impl Core {
    /// PUBLISH with QoS 0, 1 or 2.
    pub(super) fn publish_in(&mut self, now: Instant, from: PeerAddr, key: SessionKey, publish: &Publish<'_>) {
        let Some(qos) = broker_qos(publish.qos) else { return };
        if qos != Qos::AtMostOnce && publish.msg_id == MsgId::NONE {
            return self.sn_reject(from, RejectReason::Qos);
        }
        let promise = match qos {
            Qos::AtLeastOnce if self.is_upstream(key) => Ok(()),
            Qos::AtLeastOnce => self.can_promise(),
            // Nothing is promised; or perhaps it was already, which `remember_qos2` knows.
            Qos::AtMostOnce | Qos::ExactlyOnce => Ok(()),
        };
        let topic = promise.and_then(|()| self.topic_name(Some(key), &publish.topic));
        let allowed = |topic: Arc<str>| self.may(key, Action::Publish, &topic).map(|()| topic);
        match topic.and_then(allowed) {
            Ok(topic) => self.accept(now, from, key, publish, message(topic, qos, publish)),
            Err(reason) => self.refuse_publish(now, from, key, publish, reason),
        }
    }

    fn accept(&mut self, now: Instant, from: PeerAddr, key: SessionKey, publish: &Publish<'_>, message: BrokerMessage) {
        if self.is_upstream(key) {
            if let Err(reason) = self.publish_up(now, from, key, publish, &message) {
                self.refuse_publish(now, from, key, publish, reason);
            }
            return;
        }
        match message.qos() {
            Qos::AtMostOnce => drop(self.publish(now, Some(key), message)),
            Qos::AtLeastOnce => {
                self.publish(now, Some(key), message);
                self.send_puback(from, publish, ReturnCode::Accepted);
            }
            Qos::ExactlyOnce => match self.remember_qos2(now, from, key, publish.msg_id, &message) {
                Ok(first) => {
                    if first {
                        self.publish(now, Some(key), message);
                    }
                    self.sn_send(from, &Message::PubRec(publish.msg_id));
                }
                Err(reason) => self.refuse_publish(now, from, key, publish, reason),
            },
        }
    }

    /// Notes a QoS 2 MsgId until its PUBREL. `false`: it is noted already, or the message is a late copy. A copy is never
    /// refused: its sender would take the message for refused, and publish it again under another id.
    pub(crate) fn remember_qos2(
        &mut self,
        now: Instant,
        from: PeerAddr,
        key: SessionKey,
        msg_id: MsgId,
        message: &BrokerMessage,
    ) -> Result<bool, RejectReason> {
        if self.has(PlantedBug::Qos2NotRemembered) {
            return Ok(true);
        }
        let promise = self.can_promise();
        let Some(session) = self.broker.sessions.get_mut(key) else { return Ok(false) };
        let (digest, copies) = (digest(message), self.sn.profile(from.transport).late_copies);
        let Some(client) = self.sn.clients.get_mut(key) else { return Ok(false) };
        let is_known = client.recent_qos2.contains(now, msg_id, digest, copies);
        if session.incoming_qos2.contains(&msg_id.0) {
            // A CONNECT ends the memory of all but the latest, not the exchange: of what has come just now more copies may
            // come after the PUBREL. To note that again is no reason to keep the answer back while the disk is full.
            if !is_known || promise.is_ok() {
                client.recent_qos2.insert(now, msg_id, digest, copies);
                self.broker.sessions.mark(key, Part::Incoming);
            }
            return Ok(false);
        }
        if is_known {
            return Ok(false);
        }
        promise?;
        if session.incoming_qos2.len() >= self.config.limits.incoming_qos2 {
            match session.home {
                Home::Here => return Err(RejectReason::IncomingQos2Limit),
                // The oldest exchange has ended at another gateway, or never will: the other broker takes care of it.
                Home::Upstream => drop(session.incoming_qos2.remove(0)),
            }
        }
        session.incoming_qos2.push(msg_id.0);
        client.recent_qos2.insert(now, msg_id, digest, copies);
        self.broker.sessions.mark(key, Part::Incoming);
        Ok(true)
    }

    /// Whether a QoS 2 message whose exchange is not open is a copy of one that was released.
    pub(crate) fn is_late_copy(
        &self,
        now: Instant,
        from: PeerAddr,
        key: SessionKey,
        msg_id: MsgId,
        message: &BrokerMessage,
    ) -> bool {
        let copies = self.sn.profile(from.transport).late_copies;
        let client = self.sn.clients.get(key);
        client.is_some_and(|client| client.recent_qos2.contains(now, msg_id, digest(message), copies))
    }

    /// PUBREL: PUBCOMP, also for an id that is not known (any more): the client repeats itself until it comes.
    pub(super) fn release(&mut self, now: Instant, from: PeerAddr, key: SessionKey, msg_id: MsgId) {
        if self.is_upstream(key) {
            return self.release_up(now, from, key, msg_id);
        }
        self.forget_incoming(now, key, msg_id);
        self.sn_send(from, &Message::PubComp(msg_id));
    }

    /// A QoS 2 message from a client is released: its id may mean another one.
    pub(crate) fn forget_incoming(&mut self, now: Instant, key: SessionKey, msg_id: MsgId) {
        if let Some(session) = self.broker.sessions.get_mut(key)
            && let Some(at) = session.incoming_qos2.iter().position(|id| *id == msg_id.0)
        {
            session.incoming_qos2.remove(at);
            if let Some(client) = self.sn.clients.get_mut(key) {
                client.recent_qos2.released(now, msg_id);
            }
            self.broker.sessions.mark(key, Part::Incoming);
        }
    }

    /// The other broker has refused a QoS 2 message: if the client sends it again, that is no copy.
    pub(crate) fn refuse_incoming(&mut self, key: SessionKey, msg_id: MsgId) {
        if let Some(session) = self.broker.sessions.get_mut(key) {
            session.incoming_qos2.retain(|id| *id != msg_id.0);
        }
        if let Some(client) = self.sn.clients.get_mut(key) {
            client.recent_qos2.refused(msg_id);
        }
        self.broker.sessions.mark(key, Part::Incoming);
    }

    /// PUBLISH with QoS -1, from anybody: forwarded with QoS 0, never answered.
    pub(super) fn publish_minus_one(
        &mut self,
        now: Instant,
        from: PeerAddr,
        key: Option<SessionKey>,
        publish: &Publish<'_>,
    ) {
        if !self.config.qos_minus_one {
            return self.sn_reject(from, RejectReason::QosMinusOne);
        }
        match self.topic_minus_one(from, key, &publish.topic) {
            Ok(topic) => drop(self.publish(now, None, message(topic, Qos::AtMostOnce, publish))),
            Err(reason) => self.sn_reject(from, reason),
        }
    }

    /// The name that the topic of a PUBLISH with QoS -1 stands for, if its sender may publish to it so.
    fn topic_minus_one(
        &mut self,
        from: PeerAddr,
        key: Option<SessionKey>,
        topic: &Topic<'_>,
    ) -> Result<Arc<str>, RejectReason> {
        let name = self.topic_name(key, topic)?;
        match key {
            Some(key) => self.may(key, Action::QosMinusOne, &name)?,
            None => {
                let user = self.identify(from, "")?;
                let who = Who { user: user.as_deref().unwrap_or_default(), client_id: "" };
                self.allowed(who, Action::QosMinusOne, &name)?;
            }
        }
        Ok(name)
    }

    fn refuse_publish(
        &mut self,
        now: Instant,
        from: PeerAddr,
        key: SessionKey,
        publish: &Publish<'_>,
        reason: RejectReason,
    ) {
        self.sn_reject(from, reason);
        let acknowledged = publish.qos != sn_codec::Qos::Zero;
        if acknowledged || (reason == RejectReason::TopicId && self.may_nack(now, key)) {
            self.send_puback(from, publish, return_code(reason));
        }
    }

    /// QoS 0 has no acknowledgement, but a publisher whose topic ids are stale learns it only this way.
    fn may_nack(&mut self, now: Instant, key: SessionKey) -> bool {
        let Some(client) = self.sn.clients.get_mut(key) else { return false };
        let may = client.nack_from <= now;
        if may {
            client.nack_from = now + NACK_EVERY;
        }
        may
    }

    fn send_puback(&mut self, to: PeerAddr, publish: &Publish<'_>, return_code: ReturnCode) {
        let topic_id = topic_id(&publish.topic);
        self.sn_send(to, &Message::PubAck(PubAck { topic_id, msg_id: publish.msg_id, return_code }));
    }

    /// The name that a PUBLISH's topic stands for.
    fn topic_name(&self, key: Option<SessionKey>, topic: &Topic<'_>) -> Result<Arc<str>, RejectReason> {
        match topic {
            Topic::Normal(id) => {
                let client = key.and_then(|key| self.sn.clients.get(key)).ok_or(RejectReason::TopicId)?;
                client.topics.name(*id).cloned().ok_or(RejectReason::TopicId)
            }
            Topic::Predefined(id) => self.sn.predefined.name(*id).cloned().ok_or(RejectReason::TopicId),
            Topic::Short(name) => {
                let name = name.as_str().ok_or(RejectReason::TopicName)?;
                self.publishable(name)?;
                Ok(self.broker.name(name))
            }
            Topic::Name(name) => {
                self.publishable(name)?;
                Ok(self.broker.name(name))
            }
            Topic::Reserved(_) => Err(RejectReason::TopicIdType),
        }
    }
}

/// What a message says, in short. The same in every process: the store keeps it.
fn digest(message: &BrokerMessage) -> u32 {
    MapSeed::new(0).digest(&(message.topic(), message.payload())) as u32
}

fn message(topic: Arc<str>, qos: Qos, publish: &Publish<'_>) -> BrokerMessage {
    BrokerMessage::new(topic, publish.data, qos, publish.retain)
}

/// The TopicId of a PUBACK for a PUBLISH to this topic.
pub(crate) fn topic_id(topic: &Topic<'_>) -> TopicId {
    match topic {
        Topic::Normal(id) | Topic::Predefined(id) | Topic::Reserved(id) => *id,
        Topic::Short(name) => TopicId(u16::from_be_bytes(name.0)),
        Topic::Name(_) => TopicId::NONE,
    }
}

/// The codec's name for a QoS.
pub(crate) const fn wire_qos(qos: Qos) -> sn_codec::Qos {
    match qos {
        Qos::AtMostOnce => sn_codec::Qos::Zero,
        Qos::AtLeastOnce => sn_codec::Qos::One,
        Qos::ExactlyOnce => sn_codec::Qos::Two,
    }
}

/// The broker's name for a QoS; it has none for QoS -1.
pub(super) const fn broker_qos(qos: sn_codec::Qos) -> Option<Qos> {
    match qos {
        sn_codec::Qos::MinusOne => None,
        sn_codec::Qos::Zero => Some(Qos::AtMostOnce),
        sn_codec::Qos::One => Some(Qos::AtLeastOnce),
        sn_codec::Qos::Two => Some(Qos::ExactlyOnce),
    }
}
