//! SUBSCRIBE and UNSUBSCRIBE (1.2 §6.9).

use super::refusal::return_code;
use super::topics::Form;
use crate::broker::{SessionKey, has_wildcard, is_shared};
use crate::{Core, Qos, RejectReason, validate_filter};
use sn_codec::{Message, ReturnCode, ShortName, SubAck, Subscribe, TopicFilter, TopicId, Unsubscribe};
use sn_types::{Instant, PeerAddr};
use std::sync::Arc;

/// What a SUBSCRIBE or UNSUBSCRIBE is about.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    filter: Arc<str>,
    /// The form in which the client named it, if that is not by name.
    form: Option<Form>,
}

impl Target {
    pub(crate) fn filter(&self) -> &Arc<str> {
        &self.filter
    }
}

impl Core {
    /// SUBSCRIBE: SUBACK, then the retained messages.
    pub(super) fn sn_subscribe(&mut self, now: Instant, from: PeerAddr, key: SessionKey, subscribe: &Subscribe<'_>) {
        let ack = SubAck {
            qos: subscribe.qos,
            topic_id: TopicId::NONE,
            msg_id: subscribe.msg_id,
            return_code: ReturnCode::Accepted,
        };
        match self.try_subscribe(from, key, subscribe) {
            Ok(Some((topic_id, filter, granted))) => {
                self.sn_send(from, &Message::SubAck(SubAck { topic_id, ..ack }));
                self.deliver_retained(now, key, &filter, granted.into());
                self.pump(now, key);
            }
            // The other broker answers.
            Ok(None) => {}
            Err(reason) => {
                self.sn_reject(from, reason);
                let (qos, return_code) = (sn_codec::Qos::Zero, return_code(reason));
                self.sn_send(from, &Message::SubAck(SubAck { qos, return_code, ..ack }));
            }
        }
    }

    /// Subscribes. Answers with the TopicId for the SUBACK, the filter and the QoS granted, unless another broker is asked.
    fn try_subscribe(
        &mut self,
        from: PeerAddr,
        key: SessionKey,
        subscribe: &Subscribe<'_>,
    ) -> Result<Option<(TopicId, Arc<str>, Qos)>, RejectReason> {
        let granted = super::publish_in::broker_qos(subscribe.qos).ok_or(RejectReason::Qos)?;
        self.can_promise()?;
        let target = self.target(&subscribe.topic)?;
        self.may_subscribe(key, &target.filter)?;
        if self.is_upstream(key) {
            return self.subscribe_up(from, key, subscribe.msg_id, target, granted).map(|()| None);
        }
        let topic_id = self.note_subscription(key, &target, granted)?;
        Ok(Some((topic_id, target.filter, granted)))
    }

    /// Whether there is room for a subscription that another broker is asked for: it must not grant what is refused here.
    pub(crate) fn may_note_subscription(&mut self, key: SessionKey, target: &Target) -> Result<(), RejectReason> {
        let Some(session) = self.broker.sessions.get(key) else { return Ok(()) };
        let is_known = session.subscriptions.iter().any(|(known, _)| *known == target.filter);
        if !is_known && session.subscriptions.len() >= self.config.limits.subscriptions_per_client {
            return Err(RejectReason::SubscriptionLimit);
        }
        if target.form.is_none() && !has_wildcard(&target.filter) && self.learn_topic(key, &target.filter).is_none() {
            return Err(RejectReason::TopicIdLimit);
        }
        Ok(())
    }

    /// A subscription is granted. Answers with the TopicId for the SUBACK.
    pub(crate) fn note_subscription(
        &mut self,
        key: SessionKey,
        target: &Target,
        granted: Qos,
    ) -> Result<TopicId, RejectReason> {
        let topic_id = match target.form {
            Some(Form::Predefined(id)) => id,
            // "Not relevant", says the spec. Most gateways say 0000, and there are clients that insist on it.
            Some(Form::Short(_)) => TopicId::NONE,
            None if has_wildcard(&target.filter) => TopicId::NONE,
            Some(Form::Normal(_) | Form::Register(_) | Form::Unwanted | Form::NoIdLeft) | None => {
                self.learn_topic(key, &target.filter).ok_or(RejectReason::TopicIdLimit)?
            }
        };
        if self.subscribe(key, &target.filter, granted.into()).is_none() {
            return Err(RejectReason::SubscriptionLimit);
        }
        if let Some(client) = self.sn.clients.get_mut(key) {
            client.topics.wanted_again(&target.filter);
            match target.form {
                Some(form) => client.topics.set_form(&target.filter, form),
                None => client.topics.clear_form(&target.filter),
            }
        }
        Ok(topic_id)
    }

    /// UNSUBSCRIBE: UNSUBACK, also when there was nothing to remove or to understand: it has no return code.
    pub(super) fn sn_unsubscribe(&mut self, from: PeerAddr, key: SessionKey, unsubscribe: &Unsubscribe<'_>) {
        match self.target(&unsubscribe.topic) {
            Ok(target) if self.is_upstream(key) => {
                if let Err(reason) = self.unsubscribe_up(key, unsubscribe.msg_id, target) {
                    // It has no way to be told, and asks again.
                    self.sn_reject(from, reason);
                }
                return;
            }
            Ok(target) => self.forget_subscription(key, &target),
            Err(reason) => self.sn_reject(from, reason),
        }
        self.sn_send(from, &Message::UnsubAck(unsubscribe.msg_id));
    }

    /// A subscription is no more.
    pub(crate) fn forget_subscription(&mut self, key: SessionKey, target: &Target) {
        self.unsubscribe(key, &target.filter);
        if let Some(client) = self.sn.clients.get_mut(key) {
            client.topics.clear_form(&target.filter);
        }
    }

    fn target(&self, topic: &TopicFilter<'_>) -> Result<Target, RejectReason> {
        match topic {
            TopicFilter::Name(filter) => {
                let fits = filter.len() <= self.config.limits.topic_name_len;
                let valid = fits && validate_filter(filter).is_ok() && !is_shared(filter);
                let filter = valid.then(|| self.broker.name(filter)).ok_or(RejectReason::TopicFilter)?;
                Ok(Target { filter, form: None })
            }
            TopicFilter::Predefined(id) => {
                let filter = self.sn.predefined.name(*id).cloned().ok_or(RejectReason::TopicId)?;
                Ok(Target { filter, form: Some(Form::Predefined(*id)) })
            }
            TopicFilter::Short(name) => {
                let filter = short_filter(name).ok_or(RejectReason::TopicFilter)?;
                let filter = self.broker.name(filter);
                Ok(Target { filter, form: Some(Form::Short(*name)) })
            }
            TopicFilter::Reserved => Err(RejectReason::TopicIdType),
        }
    }
}

/// A short name is a topic name: wildcards make no sense in two octets.
fn short_filter(name: &ShortName) -> Option<&str> {
    name.as_str().filter(|name| crate::validate_topic_name(name).is_ok())
}
