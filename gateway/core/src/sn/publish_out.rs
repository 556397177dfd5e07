//! Messages to a client (1.2 §6.10): one exchange at a time, REGISTER before the first PUBLISH of a topic id.
//!
//! ```text
//! next message -> Register -REGACK-> Publish -PUBACK-> next message
//!                    |                  |
//!                    |               PUBREC -> Release -PUBCOMP-> next message
//!                    `- refused: the topic's messages are dropped
//! awake and nothing left -> PINGRESP, asleep
//! ```

use super::client::Exchange;
use super::pacing::Pace;
use super::table::State;
use super::topics::Form;
use crate::broker::{Phase, Queued, SessionKey};
use crate::{Core, DropReason, Event, PlantedBug, Qos, RejectReason};
use sn_codec::{Message, MsgId, PubAck, Publish, Register, ReturnCode, Topic};
use sn_types::{Instant, PeerAddr, TopicId};
use std::sync::Arc;

/// What comes next to a client.
enum Next {
    Nothing,
    /// A QoS 2 message whose PUBREC has come: PUBREL again.
    Release(MsgId),
    /// A message that was sent before: again, with DUP.
    Again(MsgId, Queued),
    /// The message that waits longest.
    First(Queued),
}

impl Core {
    /// Sends the client what it can take now.
    pub(crate) fn sn_pump(&mut self, now: Instant, key: SessionKey) {
        while self.sn_step(now, key) {}
    }

    /// Sends one message, or starts its REGISTER. `true`: there may be more to do at once.
    fn sn_step(&mut self, now: Instant, key: SessionKey) -> bool {
        let Some(client) = self.sn.clients.get(key) else { return false };
        let Some(to) = client.ready() else { return false };
        if self.upstream.awaits_release(key) {
            return false;
        }
        if client.is_paused(now) {
            self.drained(now, key, to);
            return false;
        }
        self.drop_expired(now, key);
        let next = self.next_message(key);
        if !matches!(next, Next::Nothing) && !self.may_begin(now, key, to) {
            return false;
        }
        match next {
            Next::Nothing => {
                self.drained(now, key, to);
                false
            }
            Next::Release(msg_id) => {
                self.sn_send(to, &Message::PubRel(msg_id));
                self.open(now, key, Exchange::Release);
                false
            }
            Next::Again(msg_id, queued) => self.send_message(now, key, to, &queued, Some(msg_id)),
            Next::First(queued) => self.send_message(now, key, to, &queued, None),
        }
    }

    /// Whether the link has room for a message to the client. An awake one for which there is no airtime sleeps on.
    fn may_begin(&mut self, now: Instant, key: SessionKey, to: PeerAddr) -> bool {
        match self.pace(now, key, to.transport) {
            Pace::Go => true,
            Pace::Wait => false,
            Pace::Later => {
                self.end_wake(now, key, to);
                false
            }
        }
    }

    fn next_message(&mut self, key: SessionKey) -> Next {
        let Some(session) = self.broker.sessions.get_mut(key) else { return Next::Nothing };
        match session.outbound.inflight_front() {
            Some(sent) => match sent.phase {
                Phase::Published => Next::Again(MsgId(sent.id), sent.queued.clone()),
                Phase::Released => Next::Release(MsgId(sent.id)),
            },
            None => session.outbound.front().map_or(Next::Nothing, |queued| Next::First(queued.clone())),
        }
    }

    /// Nothing more for now: an awake client goes back to sleep.
    fn drained(&mut self, now: Instant, key: SessionKey, to: PeerAddr) {
        if self.sn.state(key) == State::Awake && !self.upstream_has_more(now, key) {
            self.end_wake(now, key, to);
        }
    }

    /// An awake client goes back to sleep; what is left is there at its next wake.
    pub(super) fn end_wake(&mut self, now: Instant, key: SessionKey, to: PeerAddr) {
        if self.sn.state(key) != State::Awake {
            return;
        }
        let (Some(session), Some(client)) = (self.broker.sessions.get(key), self.sn.clients.get(key)) else { return };
        let drained = Event::Drained { client_id: session.client_id.clone(), took: now.since(client.woke) };
        self.event(drained);
        self.sn_send(to, &Message::PingResp);
        self.fall_asleep(now, key);
    }

    /// Sends a message, as a repetition if it has an id already. `true`: the next one may follow at once.
    fn send_message(
        &mut self,
        now: Instant,
        key: SessionKey,
        to: PeerAddr,
        queued: &Queued,
        again: Option<MsgId>,
    ) -> bool {
        let topic = match self.form(key, queued.message.topic()) {
            Form::Normal(id) => Topic::Normal(id),
            Form::Predefined(id) => Topic::Predefined(id),
            Form::Short(name) => Topic::Short(name),
            Form::Register(id) => return self.send_register(now, key, to, id, queued, again),
            Form::Unwanted => return self.give_up_message(key, queued, again, DropReason::Unwanted),
            Form::NoIdLeft => return self.give_up_message(key, queued, again, DropReason::TopicIdLimit),
        };
        let publish = publish(queued, topic, again);
        if !self.sn_fits(to, &Message::Publish(publish)) {
            return self.give_up_message(key, queued, again, DropReason::TooLong);
        }
        if queued.qos == Qos::AtMostOnce {
            drop(self.broker.sessions.get_mut(key).and_then(|session| session.outbound.pop()));
            self.sn_send(to, &Message::Publish(publish));
            return true;
        }
        let Some(outbound) = self.broker.sessions.outbound_mut(key) else { return false };
        let launched = || outbound.launch().map(|sent| MsgId(sent.id));
        let Some(msg_id) = again.or_else(launched) else { return false };
        let dup = again.is_some() && outbound.send_again(msg_id.0);
        self.sn_send(to, &Message::Publish(Publish { msg_id, dup, ..publish }));
        if self.has(PlantedBug::PopOnSend) && queued.qos == Qos::AtLeastOnce {
            return self
                .broker
                .sessions
                .outbound_mut(key)
                .is_some_and(|out| out.land(msg_id.0, Phase::Published).is_some());
        }
        self.open(now, key, Exchange::Publish);
        false
    }

    fn form(&mut self, key: SessionKey, topic: &Arc<str>) -> Form {
        let limit = self.config.limits.topic_ids_per_client;
        let Some(client) = self.sn.clients.get_mut(key) else { return Form::Unwanted };
        let form = client.topics.form(topic, limit, &self.sn.predefined, self.sn.seed);
        self.note_new_topic_ids(key);
        form
    }

    fn send_register(
        &mut self,
        now: Instant,
        key: SessionKey,
        to: PeerAddr,
        topic_id: TopicId,
        queued: &Queued,
        again: Option<MsgId>,
    ) -> bool {
        let Some(session) = self.broker.sessions.get_mut(key) else { return false };
        let msg_id = MsgId(session.outbound.next_id());
        let register = Message::Register(Register { topic_id, msg_id, topic_name: queued.message.topic() });
        if !self.sn_fits(to, &register) {
            return self.give_up_message(key, queued, again, DropReason::TooLong);
        }
        self.sn_send(to, &register);
        self.open(now, key, Exchange::Register { msg_id, topic_id });
        false
    }

    fn open(&mut self, now: Instant, key: SessionKey, exchange: Exchange) {
        if let Some(client) = self.sn.clients.get_mut(key) {
            client.open(exchange, now, &self.config.timing);
        }
        self.sn_schedule(now, key);
    }

    /// Drops the message that is next, or in flight. Always `true`: another may follow.
    fn give_up_message(&mut self, key: SessionKey, queued: &Queued, again: Option<MsgId>, reason: DropReason) -> bool {
        if let Some(outbound) = self.broker.sessions.outbound_mut(key) {
            match again {
                Some(msg_id) => drop(outbound.land(msg_id.0, Phase::Published)),
                None => drop(outbound.pop()),
            }
        }
        if let Some(msg_id) = again {
            self.give_up_upstream(key, msg_id.0, queued.qos);
        }
        self.dropped(key, queued.message.topic().clone(), reason);
        true
    }

    /// T_retry has passed: sends the open request again.
    pub(super) fn repeat_exchange(&mut self, key: SessionKey) {
        let Some(client) = self.sn.clients.get(key) else { return };
        let Some(to) = client.addr else { return };
        match client.exchange {
            Exchange::None => {}
            Exchange::Register { msg_id, topic_id } => {
                let Some(name) = client.topics.name(topic_id).cloned() else { return };
                self.sn_send(to, &Message::Register(Register { topic_id, msg_id, topic_name: &name }));
            }
            Exchange::Publish | Exchange::Release => self.repeat_inflight(key, to),
        }
    }

    fn repeat_inflight(&mut self, key: SessionKey, to: PeerAddr) {
        let (msg_id, queued) = match self.next_message(key) {
            Next::Again(msg_id, queued) => (msg_id, queued),
            Next::Release(msg_id) => return self.sn_send(to, &Message::PubRel(msg_id)),
            Next::Nothing | Next::First(_) => return,
        };
        let topic = match self.form(key, queued.message.topic()) {
            // A PUBLISH is only ever sent under an id that the client knew; should it have forgotten, it says so.
            Form::Normal(id) | Form::Register(id) => Topic::Normal(id),
            Form::Predefined(id) => Topic::Predefined(id),
            Form::Short(name) => Topic::Short(name),
            Form::Unwanted | Form::NoIdLeft => return,
        };
        self.sn_send(to, &Message::Publish(publish(&queued, topic, Some(msg_id))));
    }

    /// PUBACK to our PUBLISH: done, or why not.
    pub(super) fn take_puback(&mut self, now: Instant, from: PeerAddr, key: SessionKey, ack: PubAck) {
        match ack.return_code {
            ReturnCode::Accepted => self.take_final_ack(now, from, key, ack.msg_id, Phase::Published, Qos::AtLeastOnce),
            ReturnCode::Congestion => self.pause(now, from, key, ack.msg_id),
            ReturnCode::InvalidTopicId => self.topic_id_refused(now, from, key, ack),
            ReturnCode::NotSupported | ReturnCode::Reserved(_) => {
                self.message_refused(now, from, key, ack.msg_id);
            }
        }
    }

    /// PUBCOMP to our PUBREL: done.
    pub(super) fn take_pubcomp(&mut self, now: Instant, from: PeerAddr, key: SessionKey, msg_id: MsgId) {
        self.take_final_ack(now, from, key, msg_id, Phase::Released, Qos::ExactlyOnce);
    }

    fn take_final_ack(&mut self, now: Instant, from: PeerAddr, key: SessionKey, id: MsgId, phase: Phase, qos: Qos) {
        let any = self.has(PlantedBug::AnyPubAck);
        let Some(outbound) = self.broker.sessions.outbound_mut(key) else { return };
        let in_flight = outbound.inflight_front().map(|sent| MsgId(sent.id)).filter(|_| any);
        let id = in_flight.unwrap_or(id);
        if outbound.place_in_flight(id.0, qos).is_none() || outbound.land_sent(id.0, phase).is_none() {
            return self.sn_reject(from, RejectReason::UnmatchedAck);
        }
        self.acknowledge_up(key, id.0, qos);
        self.message_over(now, key);
    }

    /// PUBREC to our PUBLISH: PUBREL, also for an id that is not in flight (any more), so that the client gets done.
    pub(super) fn take_pubrec(&mut self, now: Instant, from: PeerAddr, key: SessionKey, msg_id: MsgId) {
        if self.is_upstream(key) {
            return self.take_pubrec_up(now, from, key, msg_id);
        }
        let released = self.broker.sessions.outbound_mut(key).is_some_and(|outbound| outbound.release(msg_id.0));
        if !released {
            self.sn_reject(from, RejectReason::UnmatchedAck);
        }
        self.sn_send(from, &Message::PubRel(msg_id));
        let listens = matches!(self.sn.state(key), State::Active | State::Awake);
        if released && listens {
            self.open(now, key, Exchange::Release);
        }
    }

    /// The same where upstream has the next word. For an id that is not in flight here upstream may still have it.
    fn take_pubrec_up(&mut self, now: Instant, from: PeerAddr, key: SessionKey, msg_id: MsgId) {
        let Some(outbound) = self.broker.sessions.outbound_mut(key) else { return };
        if outbound.inflight().any(|sent| sent.id == msg_id.0 && sent.phase == Phase::Released) {
            return self.sn_send(from, &Message::PubRel(msg_id));
        }
        let flight =
            outbound.inflight().find(|sent| sent.id == msg_id.0).map(|flight| (flight.sent, flight.queued.qos));
        match flight {
            Some((true, Qos::ExactlyOnce)) => drop(outbound.land(msg_id.0, Phase::Published)),
            // It means a message that had the id before.
            Some((false, _)) => return self.sn_reject(from, RejectReason::UnmatchedAck),
            Some((true, Qos::AtMostOnce | Qos::AtLeastOnce)) | None => {}
        }
        self.received_up(now, key, msg_id.0);
        self.message_over(now, key);
    }

    /// The client says "congestion": nothing for T_WAIT, then the same message again. It may say so of a QoS 0 message,
    /// which is gone.
    fn pause(&mut self, now: Instant, from: PeerAddr, key: SessionKey, msg_id: MsgId) {
        if msg_id != MsgId::NONE && self.published(key, msg_id).is_none() {
            return self.sn_reject(from, RejectReason::UnmatchedAck);
        }
        if let Some(client) = self.sn.clients.get_mut(key) {
            client.close_exchange();
            client.paused_until = now + self.config.timing.t_wait;
        }
        self.pump(now, key);
        self.sn_schedule(now, key);
    }

    /// The client does not know the topic id: REGISTER, then the same message again. It may do so N_retry times.
    fn topic_id_refused(&mut self, now: Instant, from: PeerAddr, key: SessionKey, ack: PubAck) {
        let topic = self.published(key, ack.msg_id);
        let Some(client) = self.sn.clients.get_mut(key) else { return };
        let Some(topic) = topic else {
            if ack.msg_id != MsgId::NONE {
                return self.sn_reject(from, RejectReason::UnmatchedAck);
            }
            // Of a QoS 0 message only the id is left: the next one is preceded by REGISTER.
            return client.topics.forgotten(ack.topic_id);
        };
        if let Exchange::Register { .. } = client.exchange {
            // The answer to a repeated PUBLISH: the REGISTER is on its way.
            return;
        }
        client.id_refusals = client.id_refusals.saturating_add(1);
        let refusals = client.id_refusals;
        match self.form(key, &topic) {
            Form::Normal(id) | Form::Register(id) if refusals <= self.config.timing.n_retry => {
                if let Some(client) = self.sn.clients.get_mut(key) {
                    client.topics.forgotten(id);
                    client.close_exchange();
                }
                self.pump(now, key);
            }
            // A predefined id or short name that the client does not know after all: no REGISTER helps.
            Form::Normal(_)
            | Form::Register(_)
            | Form::Predefined(_)
            | Form::Short(_)
            | Form::Unwanted
            | Form::NoIdLeft => {
                self.message_refused(now, from, key, ack.msg_id);
            }
        }
    }

    /// The topic of the message that was published under an id and is not acknowledged.
    fn published(&self, key: SessionKey, msg_id: MsgId) -> Option<Arc<str>> {
        let session = self.broker.sessions.get(key)?;
        let mut inflight = session.outbound.inflight();
        let sent = inflight.find(|sent| sent.id == msg_id.0 && sent.phase == Phase::Published && sent.sent)?;
        Some(sent.queued.message.topic().clone())
    }

    /// The client cannot use the message: it is dropped.
    fn message_refused(&mut self, now: Instant, from: PeerAddr, key: SessionKey, msg_id: MsgId) {
        let landed =
            self.broker.sessions.outbound_mut(key).and_then(|outbound| outbound.land_sent(msg_id.0, Phase::Published));
        match landed {
            Some(queued) => {
                self.dropped(key, queued.message.topic().clone(), DropReason::Refused);
                self.give_up_upstream(key, msg_id.0, queued.qos);
            }
            None => return self.sn_reject(from, RejectReason::UnmatchedAck),
        }
        self.message_over(now, key);
    }

    /// The message in flight has ended: on to the next.
    fn message_over(&mut self, now: Instant, key: SessionKey) {
        if let Some(client) = self.sn.clients.get_mut(key) {
            client.id_refusals = 0;
            match client.exchange {
                Exchange::Publish | Exchange::Release => client.close_exchange(),
                // An acknowledgement that comes late, while the next message's topic is being registered.
                Exchange::None | Exchange::Register { .. } => {}
            }
        }
        self.pump(now, key);
    }
}

/// The PUBLISH for a message; its MsgId is 0000 unless it was sent before.
fn publish<'a>(queued: &'a Queued, topic: Topic<'a>, again: Option<MsgId>) -> Publish<'a> {
    Publish {
        dup: again.is_some(),
        qos: super::wire_qos(queued.qos),
        retain: queued.retain,
        topic,
        msg_id: again.unwrap_or(MsgId::NONE),
        data: queued.message.payload(),
    }
}
