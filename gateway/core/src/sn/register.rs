//! REGISTER from a client, and REGACK to ours (1.2 §6.5).

use super::client::Exchange;
use super::refusal::return_code;
use crate::access::Action;
use crate::broker::{Part, SessionKey};
use crate::{Core, DropReason, RejectReason};
use sn_codec::{Message, RegAck, Register, ReturnCode};
use sn_types::{Instant, PeerAddr, TopicId};
use std::sync::Arc;

impl Core {
    /// REGISTER: assigns an id, or answers with the one that the name has.
    pub(super) fn register(&mut self, from: PeerAddr, key: SessionKey, register: &Register<'_>) {
        let (topic_id, return_code) = match self.assign_topic_id(key, register.topic_name) {
            Ok(topic_id) => (topic_id, ReturnCode::Accepted),
            Err(reason) => {
                self.sn_reject(from, reason);
                (TopicId::NONE, return_code(reason))
            }
        };
        self.sn_send(from, &Message::RegAck(RegAck { topic_id, msg_id: register.msg_id, return_code }));
    }

    fn assign_topic_id(&mut self, key: SessionKey, name: &str) -> Result<TopicId, RejectReason> {
        self.publishable(name)?;
        self.may(key, Action::Publish, name)?;
        self.can_promise()?;
        self.learn_topic(key, &self.broker.name(name)).ok_or(RejectReason::TopicIdLimit)
    }

    /// The id of a topic that the client named itself. `None`: it has as many as it may.
    pub(super) fn learn_topic(&mut self, key: SessionKey, name: &Arc<str>) -> Option<TopicId> {
        let limit = self.config.limits.topic_ids_per_client;
        let client = self.sn.clients.get_mut(key)?;
        let topic_id = client.topics.learn(name, limit, &self.sn.predefined, self.sn.seed);
        self.note_new_topic_ids(key);
        topic_id
    }

    /// Has new topic ids stored.
    pub(super) fn note_new_topic_ids(&mut self, key: SessionKey) {
        if self.sn.clients.get(key).is_some_and(|client| client.topics.has_unsaved()) {
            self.broker.sessions.mark(key, Part::TopicIds);
        }
    }

    /// The session goes on without its MQTT-SN client: its topic ids are to be deleted.
    pub(super) fn forget_topic_ids(&mut self, key: SessionKey) {
        let Some(session) = self.broker.sessions.get(key) else { return };
        let topics: Vec<_> = self.sn.normal_topics(key).map(|(id, _)| id).collect();
        self.journal.topic_ids_removed(session, &topics);
    }

    /// REGACK: on with the message that made the REGISTER necessary.
    pub(super) fn take_regack(&mut self, now: Instant, from: PeerAddr, key: SessionKey, ack: RegAck) {
        let Some(client) = self.sn.clients.get_mut(key) else { return };
        let topic_id = match client.exchange {
            Exchange::Register { msg_id, topic_id } if msg_id == ack.msg_id => topic_id,
            Exchange::Register { .. } | Exchange::None | Exchange::Publish | Exchange::Release => {
                return self.sn_reject(from, RejectReason::UnmatchedAck);
            }
        };
        client.close_exchange();
        match ack.return_code {
            ReturnCode::Accepted => client.topics.registered(topic_id),
            ReturnCode::Congestion => client.paused_until = now + self.config.timing.t_wait,
            ReturnCode::InvalidTopicId | ReturnCode::NotSupported | ReturnCode::Reserved(_) => {
                self.drop_unwanted(key, topic_id);
            }
        }
        self.pump(now, key);
        self.sn_schedule(now, key);
    }

    /// The client does not want this one topic of a wildcard subscription: its messages go, and no more come.
    fn drop_unwanted(&mut self, key: SessionKey, topic_id: TopicId) {
        let Some(client) = self.sn.clients.get_mut(key) else { return };
        client.topics.refused(topic_id);
        let Some(name) = client.topics.name(topic_id).cloned() else { return };
        let Some(outbound) = self.broker.sessions.outbound_mut(key) else { return };
        let (all, flights) = outbound.drop_topic(&name);
        for _ in 0..all {
            self.dropped(key, name.clone(), DropReason::Unwanted);
        }
        for (id, qos) in flights {
            self.give_up_upstream(key, id, qos);
        }
    }
}
