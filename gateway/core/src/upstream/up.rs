//! What a node asks for, on its way up, and upstream's answers.

use super::ToUpstream;
use super::remote::{Asked, Request, Stage};
use crate::broker::SessionKey;
use crate::mqtt::{Ack, Packet, PacketId, Publish as MqttPublish, ReasonCode, Subscribe};
use crate::sn::{Target, topic_id};
use crate::{Core, Message as BrokerMessage, Output, Qos, RejectReason};
use sn_codec::{Message, MsgId, PubAck, Publish, ReturnCode, SubAck, TopicId};
use sn_types::{Instant, PeerAddr};
use std::sync::Arc;

/// Filters in one SUBSCRIBE: AWS IoT takes no more.
const FILTERS: usize = 8;

impl Core {
    /// Sends a packet over a client's connection. `false`: it has none.
    pub(super) fn send_up(&mut self, key: SessionKey, packet: Packet) -> bool {
        let Some(id) = self.upstream.remotes.get(&key).and_then(|remote| remote.up()) else { return false };
        self.out.push(Output::Upstream { id, what: ToUpstream::Packet(packet) });
        true
    }

    fn is_up(&self, key: SessionKey) -> Result<(), RejectReason> {
        let is_up = self.upstream.remotes.get(&key).is_some_and(|remote| remote.up().is_some());
        is_up.then_some(()).ok_or(RejectReason::UpstreamAway)
    }

    /// Whether a request is passed over in silence because its connection is being made, for the first time since the last one
    /// broke. Who is told nothing asks again after T_retry, and is answered then; who is told "congestion" waits for T_WAIT,
    /// which is minutes, and a sleeper's report with it. Once an attempt has failed, "congestion" is true.
    fn asks_too_soon(&mut self, from: PeerAddr, key: SessionKey) -> bool {
        let remote = self.upstream.remotes.get(&key);
        let is_soon = remote.is_some_and(|remote| remote.up().is_none() && !remote.is_away);
        if is_soon {
            self.sn_reject(from, RejectReason::UpstreamAway);
        }
        is_soon
    }

    /// PUBLISH of a node: upstream gets it under the node's MsgId, and its answer is the node's.
    pub(crate) fn publish_up(
        &mut self,
        now: Instant,
        from: PeerAddr,
        key: SessionKey,
        publish: &Publish<'_>,
        message: &BrokerMessage,
    ) -> Result<(), RejectReason> {
        let id = PacketId::new(publish.msg_id.0).filter(|_| message.qos() != Qos::AtMostOnce);
        if let Some(id) = id
            && self.is_repetition(now, from, key, id, message)
        {
            return Ok(());
        }
        if id.is_some() && self.asks_too_soon(from, key) {
            return Ok(());
        }
        self.is_up(key)?;
        if let Some(id) = id {
            self.may_publish_up(key, id)?;
        }
        if message.qos() == Qos::ExactlyOnce {
            self.remember_qos2(now, from, key, publish.msg_id, message)?;
        }
        if let (Some(id), Some(remote)) = (id, self.upstream.get_mut(key)) {
            let what = Asked::Publish { topic_id: topic_id(&publish.topic), stage: Stage::Published };
            remote.requests.push(Request { id, what });
        }
        self.stats.published[message.qos() as usize] += 1;
        self.stats.published_bytes[message.qos() as usize] += message.payload().len() as u64;
        let (topic, payload) = (message.topic().clone(), message.shared_payload());
        let first = MqttPublish::new(topic, payload, message.qos(), message.retain(), id);
        self.send_up(key, Packet::Publish(MqttPublish { dup: publish.dup && id.is_some(), ..first }));
        Ok(())
    }

    /// Whether a PUBLISH is one that upstream has, or may have. Over one connection it goes there once (MQTT-4.4.0-1), and the
    /// node, which repeats itself, hears what is known. It is never told "congestion": it would take a message for refused
    /// that is published already, and publish it again under another id.
    fn is_repetition(
        &mut self,
        now: Instant,
        from: PeerAddr,
        key: SessionKey,
        id: PacketId,
        message: &BrokerMessage,
    ) -> bool {
        let Some(remote) = self.upstream.remotes.get(&key) else { return false };
        let msg_id = MsgId(id.get());
        match remote.stage(id) {
            Some(Stage::Published) => return true,
            Some(Stage::Received | Stage::Released) => {
                self.sn_send(from, &Message::PubRec(msg_id));
                return true;
            }
            None => {}
        }
        if message.qos() != Qos::ExactlyOnce {
            return false;
        }
        let is_open = self.broker.sessions.get(key).is_some_and(|session| session.incoming_qos2.contains(&id.get()));
        if is_open {
            // Begun over another connection: it goes on over this one, as soon as it may.
            return self.is_up(key).is_err() || self.may_publish_up(key, id).is_err();
        }
        let is_late_copy = self.is_late_copy(now, from, key, msg_id, message);
        if is_late_copy {
            self.sn_send(from, &Message::PubRec(msg_id));
        }
        is_late_copy
    }

    /// Whether upstream takes one more, and nothing else goes by that id.
    fn may_publish_up(&self, key: SessionKey, id: PacketId) -> Result<(), RejectReason> {
        let Some(remote) = self.upstream.remotes.get(&key) else { return Err(RejectReason::UpstreamAway) };
        let is_taken = remote.requests.iter().any(|request| request.id == id);
        let may = !is_taken && remote.publishing() < remote.window;
        may.then_some(()).ok_or(RejectReason::UpstreamLimit)
    }

    /// PUBREL of a node.
    pub(crate) fn release_up(&mut self, now: Instant, from: PeerAddr, key: SessionKey, msg_id: MsgId) {
        let Some(id) = PacketId::new(msg_id.0) else { return self.sn_reject(from, RejectReason::Qos) };
        if self.is_up(key).is_err() {
            // It has no way to be told, and asks again.
            return self.sn_reject(from, RejectReason::UpstreamAway);
        }
        self.forget_incoming(now, key, msg_id);
        let stage = self.upstream.get_mut(key).and_then(|remote| remote.stage_mut(id));
        let is_repetition = stage.is_some_and(|stage| std::mem::replace(stage, Stage::Released) == Stage::Released);
        if !is_repetition {
            self.send_up(key, Packet::PubRel(id.into()));
        }
    }

    /// SUBSCRIBE of a node.
    pub(crate) fn subscribe_up(
        &mut self,
        from: PeerAddr,
        key: SessionKey,
        msg_id: MsgId,
        target: Target,
        qos: Qos,
    ) -> Result<(), RejectReason> {
        if self.asks_too_soon(from, key) {
            return Ok(());
        }
        self.is_up(key)?;
        self.may_note_subscription(key, &target)?;
        let filters = vec![(target.filter().clone(), qos.into())];
        self.restore_no_more(key, target.filter());
        let id = self.request_up(key, Asked::Subscribe { msg_id, target })?;
        self.send_up(key, Packet::Subscribe(Box::new(Subscribe { id, subscription_id: None, filters })));
        Ok(())
    }

    /// UNSUBSCRIBE of a node.
    pub(crate) fn unsubscribe_up(
        &mut self,
        key: SessionKey,
        msg_id: MsgId,
        target: Target,
    ) -> Result<(), RejectReason> {
        self.is_up(key)?;
        let filters = vec![target.filter().clone()];
        self.restore_no_more(key, target.filter());
        let id = self.request_up(key, Asked::Unsubscribe { msg_id, target })?;
        self.send_up(key, Packet::Unsubscribe(id, filters));
        Ok(())
    }

    fn request_up(&mut self, key: SessionKey, what: Asked) -> Result<PacketId, RejectReason> {
        let Some(remote) = self.upstream.get_mut(key) else { return Err(RejectReason::UpstreamAway) };
        let id = remote.free_id().ok_or(RejectReason::UpstreamLimit)?;
        remote.requests.push(Request { id, what });
        Ok(id)
    }

    /// Upstream does not know the session: it gets the subscriptions that the node has made.
    pub(super) fn upstream_restore(&mut self, key: SessionKey) {
        let Some(session) = self.broker.sessions.get(key) else { return };
        let wanted = session.subscriptions.iter().map(|(filter, granted)| (filter.clone(), granted.qos)).collect();
        if let Some(remote) = self.upstream.get_mut(key) {
            remote.restoring = wanted;
        }
        self.restore_next(key);
    }

    fn restore_next(&mut self, key: SessionKey) {
        let Some(remote) = self.upstream.get_mut(key) else { return };
        let some = remote.restoring.len().min(FILTERS);
        let filters: Vec<(Arc<str>, _)> =
            remote.restoring.drain(..some).map(|(filter, qos)| (filter, qos.into())).collect();
        if filters.is_empty() {
            return;
        }
        if let Ok(id) = self.request_up(key, Asked::Restore) {
            self.send_up(key, Packet::Subscribe(Box::new(Subscribe { id, subscription_id: None, filters })));
        }
    }

    /// The node has a newer word on a subscription.
    fn restore_no_more(&mut self, key: SessionKey, filter: &str) {
        if let Some(remote) = self.upstream.get_mut(key) {
            remote.restoring.retain(|(restored, _)| **restored != *filter);
        }
    }

    fn answered(&mut self, key: SessionKey, id: PacketId, is_meant: impl Fn(&Asked) -> bool) -> Option<Asked> {
        self.upstream.get_mut(key)?.answered(id, is_meant)
    }

    fn publish_answered(&mut self, key: SessionKey, id: PacketId) -> Option<TopicId> {
        match self.answered(key, id, |asked| matches!(asked, Asked::Publish { .. }))? {
            Asked::Publish { topic_id, .. } => Some(topic_id),
            Asked::Subscribe { .. } | Asked::Unsubscribe { .. } | Asked::Restore => None,
        }
    }

    /// PUBACK of upstream.
    pub(super) fn upstream_puback(&mut self, key: SessionKey, ack: Ack) {
        if let Some(topic_id) = self.publish_answered(key, ack.id) {
            self.tell_published(key, topic_id, ack);
        }
    }

    fn tell_published(&mut self, key: SessionKey, topic_id: TopicId, ack: Ack) {
        let Some(to) = self.sn.address(key) else { return };
        let return_code = return_code(ack.code);
        if return_code != ReturnCode::Accepted {
            self.sn_reject(to, RejectReason::UpstreamRefused);
        }
        self.sn_send(to, &Message::PubAck(PubAck { topic_id, msg_id: MsgId(ack.id.get()), return_code }));
    }

    /// PUBREC of upstream. One that refuses ends the exchange (MQTT 5 §4.3.3). "In use" does not refuse: upstream has the
    /// message, from a connection before this one or from the gateway where the node was then.
    pub(super) fn upstream_pubrec(&mut self, key: SessionKey, ack: Ack) {
        let msg_id = MsgId(ack.id.get());
        if ack.code.is_error() && ack.code != ReasonCode::PacketIdentifierInUse {
            self.refuse_incoming(key, msg_id);
            if let Some(topic_id) = self.publish_answered(key, ack.id) {
                self.tell_published(key, topic_id, ack);
            }
            return;
        }
        let stage = self.upstream.get_mut(key).and_then(|remote| remote.stage_mut(ack.id));
        if let Some(stage) = stage.filter(|stage| **stage == Stage::Published) {
            *stage = Stage::Received;
        }
        if let Some(to) = self.sn.address(key) {
            self.sn_send(to, &Message::PubRec(msg_id));
        }
    }

    /// PUBCOMP of upstream.
    pub(super) fn upstream_pubcomp(&mut self, key: SessionKey, id: PacketId) {
        self.publish_answered(key, id);
        if let Some(to) = self.sn.address(key) {
            self.sn_send(to, &Message::PubComp(MsgId(id.get())));
        }
    }

    /// SUBACK of upstream.
    pub(super) fn upstream_suback(&mut self, now: Instant, key: SessionKey, id: PacketId, codes: &[ReasonCode]) {
        let is_meant = |asked: &Asked| matches!(asked, Asked::Subscribe { .. } | Asked::Restore);
        match self.answered(key, id, is_meant) {
            Some(Asked::Subscribe { msg_id, target }) => self.tell_subscribed(now, key, msg_id, &target, codes),
            Some(Asked::Restore) => self.restore_next(key),
            Some(Asked::Publish { .. } | Asked::Unsubscribe { .. }) | None => {}
        }
    }

    fn tell_subscribed(&mut self, now: Instant, key: SessionKey, msg_id: MsgId, target: &Target, codes: &[ReasonCode]) {
        let granted = match codes.first() {
            Some(ReasonCode::Success) => Ok(Qos::AtMostOnce),
            Some(ReasonCode::GrantedQos1) => Ok(Qos::AtLeastOnce),
            Some(ReasonCode::GrantedQos2) => Ok(Qos::ExactlyOnce),
            Some(_) | None => Err(RejectReason::UpstreamRefused),
        };
        let noted = granted.and_then(|qos| Ok((self.note_subscription(key, target, qos)?, qos)));
        let Some(to) = self.sn.address(key) else { return };
        let (topic_id, qos, return_code) = match noted {
            Ok((topic_id, qos)) => (topic_id, crate::sn::wire_qos(qos), ReturnCode::Accepted),
            Err(reason) => {
                self.sn_reject(to, reason);
                (TopicId::NONE, sn_codec::Qos::Zero, crate::sn::return_code(reason))
            }
        };
        self.sn_send(to, &Message::SubAck(SubAck { qos, topic_id, msg_id, return_code }));
        self.pump(now, key);
    }

    /// UNSUBACK of upstream.
    pub(super) fn upstream_unsuback(&mut self, key: SessionKey, id: PacketId) {
        let is_meant = |asked: &Asked| matches!(asked, Asked::Unsubscribe { .. });
        let Some(Asked::Unsubscribe { msg_id, target }) = self.answered(key, id, is_meant) else { return };
        self.forget_subscription(key, &target);
        if let Some(to) = self.sn.address(key) {
            self.sn_send(to, &Message::UnsubAck(msg_id));
        }
    }
}

/// What a node is told of upstream's answer to its PUBLISH.
fn return_code(code: ReasonCode) -> ReturnCode {
    match code {
        ReasonCode::QuotaExceeded => ReturnCode::Congestion,
        code if code.is_error() => ReturnCode::NotSupported,
        _ => ReturnCode::Accepted,
    }
}
