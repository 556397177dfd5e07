//! What arrives from the gateway.

use crate::output::{Flight, Step};
use crate::received::digest;
use crate::request::{Form, Publish, Request};
use crate::{Cause, Client, Event, Received, State, Topic};
use sn_codec::{Message, MsgId, PubAck, Qos, RegAck, Register, ReturnCode, SubAck, Topic as WireTopic};
use sn_types::Instant;

impl<'a, const BODY: usize, const TOPICS: usize, const RECEIVED: usize> Client<'a, BODY, TOPICS, RECEIVED> {
    /// Takes a datagram. What is malformed, unexpected or meant for a gateway has no effect.
    pub fn handle_input<'m>(&'m mut self, now: Instant, datagram: &'m [u8]) -> Option<Event<'m>> {
        let message = sn_codec::decode_for_client(datagram)?;
        if is_of_session(&message) {
            self.extend_wake(now);
        }
        match message {
            Message::Advertise(advertise) => {
                self.search = None;
                let next_advertise_s = Some(advertise.duration_s);
                Some(Event::GatewayFound { gw_id: advertise.gw_id, gw_add: &[], next_advertise_s })
            }
            Message::GwInfo(info) => {
                self.search = None;
                Some(Event::GatewayFound { gw_id: info.gw_id, gw_add: info.gw_add, next_advertise_s: None })
            }
            Message::SearchGw(search) => {
                self.search_heard(now, search.radius);
                None
            }
            Message::ConnAck(ack) => self.on_connack(now, ack.return_code),
            Message::WillTopicReq => self.continue_connect(now, Step::WillTopic),
            Message::WillMsgReq => self.continue_connect(now, Step::WillMsg),
            Message::Register(register) => self.on_register(register),
            Message::RegAck(ack) => self.on_regack(now, ack),
            Message::Publish(publish) => self.on_publish(publish),
            Message::PubAck(ack) => self.on_puback(now, ack),
            Message::PubRec(msg_id) => self.on_pubrec(msg_id),
            Message::PubRel(msg_id) => self.on_pubrel(msg_id),
            Message::PubComp(msg_id) => self.on_pubcomp(msg_id),
            Message::SubAck(ack) => self.on_suback(now, ack),
            Message::UnsubAck(msg_id) => self.on_unsuback(msg_id),
            Message::PingReq(_) => self.on_pingreq(),
            Message::PingResp => self.on_pingresp(),
            Message::Disconnect(_) => {
                let event = self.on_disconnect(now);
                self.disconnect_at = Some(now);
                event
            }
            Message::WillTopicResp(code) => self.on_will_response(now, code, true),
            Message::WillMsgResp(code) => self.on_will_response(now, code, false),
            Message::Connect(_)
            | Message::WillTopic(_)
            | Message::WillMsg(_)
            | Message::Subscribe(_)
            | Message::Unsubscribe(_)
            | Message::WillTopicUpd(_)
            | Message::WillMsgUpd(_)
            | Message::FrwdEncap(_) => None,
        }
    }

    /// Every message of its gateway to an awake client restarts its T_retry (1.2 §6.14): the gateway is still sending.
    fn extend_wake(&mut self, now: Instant) {
        if let Some(flight) = self.flight.filter(|flight| flight.step == Step::Wake) {
            self.flight = Some(Flight { sends: 1, due: self.retry_at(now), ..flight });
        }
    }

    /// Whether messages of a session make sense now.
    pub(crate) const fn is_linked(&self) -> bool {
        matches!(self.state, State::Active | State::Asleep | State::Awake)
    }

    fn is_in_flight(&self, wanted: impl Fn(Step) -> bool) -> bool {
        self.flight.is_some_and(|flight| wanted(flight.step))
    }

    // Connection

    fn on_connack(&mut self, now: Instant, code: ReturnCode) -> Option<Event<'static>> {
        if !self.is_in_flight(Step::is_of_connect) {
            return None;
        }
        self.land();
        match code {
            ReturnCode::Accepted => self.enter_session(),
            ReturnCode::Congestion if self.config.auto_reconnect => self.back_off(now),
            ReturnCode::Congestion
            | ReturnCode::InvalidTopicId
            | ReturnCode::NotSupported
            | ReturnCode::Reserved(_) => self.state = State::Disconnected,
        }
        Some(if code.is_accepted() { Event::Connected } else { Event::Refused(code) })
    }

    fn enter_session(&mut self) {
        self.state = State::Active;
        let was_clean = core::mem::replace(&mut self.session_is_clean, self.clean_session);
        if self.clean_session {
            self.topics.clear();
            self.received.clear();
            return;
        }
        if was_clean {
            // Perhaps the gateway gave it up meanwhile, and with it the session: then it gives its ids out anew. If not, it
            // is told that an id is not valid, and registers it again.
            self.topics.clear();
        } else if !core::mem::take(&mut self.is_vouched_for) {
            self.topics.begin_resumed();
        }
        if let Some(Request::Publish(publish)) = &mut self.request {
            publish.id = None;
        }
    }

    /// The next message of the will dialogue; repeated when the gateway asks again.
    fn continue_connect(&mut self, now: Instant, step: Step) -> Option<Event<'static>> {
        if let Some(flight) = self.flight.as_mut().filter(|flight| flight.step.is_of_connect()) {
            if flight.step != step {
                flight.step = step;
                flight.sends = 0;
            }
            flight.due = now;
        }
        None
    }

    fn on_pingreq(&mut self) -> Option<Event<'static>> {
        if matches!(self.state, State::Active | State::Awake) {
            self.reply = Some(Message::PingResp);
        }
        None
    }

    fn on_pingresp(&mut self) -> Option<Event<'static>> {
        if self.is_in_flight(|step| step == Step::Ping) {
            self.land();
        }
        self.is_in_flight(|step| step == Step::Wake).then(|| {
            let asleep = self.fall_asleep(true);
            self.is_vouched_for = self.config.reuse_topic_ids;
            asleep
        })
    }

    fn on_disconnect(&mut self, now: Instant) -> Option<Event<'static>> {
        match (self.state, self.request) {
            (State::Disconnected, _) => None,
            // The answer to something older: the CONNECT on its way will tell.
            (State::Connecting, _) if !self.is_in_flight(|step| matches!(step, Step::WillTopic | Step::WillMsg)) => {
                None
            }
            (State::Active | State::Asleep | State::Awake, Some(Request::Disconnect)) => {
                self.finish();
                self.state = State::Disconnected;
                Some(Event::Disconnected)
            }
            (State::Active | State::Asleep, Some(Request::Sleep(_)))
                if self.is_in_flight(|step| step == Step::Request) =>
            {
                self.finish();
                Some(self.fall_asleep(true))
            }
            // The gateway wants a CONNECT before a PUBLISH, or does not know this client. A copy only costs a CONNECT.
            (State::Asleep, Some(Request::Publish(_))) if self.is_in_flight(Step::is_of_request) => {
                Some(self.lose(now, Cause::ByGateway))
            }
            // The answer to a repeated DISCONNECT. If the gateway means it, the next PINGREQ tells.
            (State::Asleep, _) => None,
            (State::Connecting | State::Active | State::Awake, _) => Some(self.lose(now, Cause::ByGateway)),
        }
    }

    // Publishing

    /// The PUBLISH in progress, if an acknowledgement with this id can be meant for it.
    #[inline(never)]
    fn publish_mut(&mut self, msg_id: MsgId) -> Option<&mut Publish> {
        let may_publish = self.may_publish();
        let Some(Request::Publish(publish)) = &mut self.request else { return None };
        let is_meant = may_publish && publish.is_acknowledged() && publish.msg_id == msg_id;
        is_meant.then_some(publish)
    }

    fn on_regack(&mut self, now: Instant, ack: RegAck) -> Option<Event<'static>> {
        if !self.is_in_flight(|step| step == Step::Register(ack.msg_id)) {
            return None;
        }
        let Some(Request::Publish(publish)) = &mut self.request else { return None };
        match ack.return_code {
            ReturnCode::Accepted if ack.topic_id.is_reserved() => self.reject(ReturnCode::InvalidTopicId),
            ReturnCode::Accepted => {
                publish.id = Some(ack.topic_id);
                self.topics.learn_registered(ack.topic_id, self.body.name());
                self.land();
                None
            }
            code => self.refuse(now, code),
        }
    }

    fn on_puback(&mut self, now: Instant, ack: PubAck) -> Option<Event<'static>> {
        if ack.msg_id == MsgId::NONE {
            return self.on_qos_0_refused(ack);
        }
        let n_retry = self.config.n_retry;
        let publish = self.publish_mut(ack.msg_id)?;
        match ack.return_code {
            ReturnCode::Accepted if publish.qos == Qos::Two => None,
            ReturnCode::Accepted => {
                self.finish();
                Some(Event::Published)
            }
            ReturnCode::InvalidTopicId if matches!(publish.topic, Form::Named) && publish.forgotten < n_retry => {
                let publish = *publish;
                self.land();
                self.register_again(publish);
                None
            }
            code => self.refuse(now, code),
        }
    }

    /// An error can come "regardless of QoS" (1.2 §6.6): a stale topic id is told by it.
    fn on_qos_0_refused(&mut self, ack: PubAck) -> Option<Event<'static>> {
        let code = ack.return_code;
        if code.is_accepted() || !self.may_publish() {
            return None;
        }
        let is_again = |publish: &Publish| publish.id == Some(ack.topic_id) && publish.forgotten < self.config.n_retry;
        if let Some(publish) = self.unconfirmed.filter(is_again).filter(|_| code == ReturnCode::InvalidTopicId) {
            self.unconfirmed = None;
            self.register_again(publish);
            return None;
        }
        self.topics.forget_registered(ack.topic_id);
        Some(Event::Qos0Rejected(code))
    }

    /// The gateway does not know the id that it gave: REGISTER, then PUBLISH as a new message.
    fn register_again(&mut self, publish: Publish) {
        if let Some(id) = publish.id {
            self.topics.forget_registered(id);
        }
        let msg_id = if publish.is_acknowledged() { self.new_msg_id() } else { MsgId::NONE };
        let forgotten = publish.forgotten + 1;
        self.request = Some(Request::Publish(Publish { id: None, msg_id, dup: false, forgotten, ..publish }));
    }

    fn on_pubrec(&mut self, msg_id: MsgId) -> Option<Event<'static>> {
        let is_linked = self.is_linked();
        match self.publish_mut(msg_id).filter(|publish| publish.qos == Qos::Two) {
            Some(publish) if publish.released => {}
            Some(publish) => {
                publish.released = true;
                self.land();
            }
            // The end of an exchange that is over here: let the gateway forget it too.
            None if is_linked => self.reply = Some(Message::PubRel(msg_id)),
            None => {}
        }
        None
    }

    fn on_pubcomp(&mut self, msg_id: MsgId) -> Option<Event<'static>> {
        self.publish_mut(msg_id).filter(|publish| publish.released)?;
        self.finish();
        Some(Event::Published)
    }

    // Other requests

    fn on_suback(&mut self, now: Instant, ack: SubAck) -> Option<Event<'static>> {
        let Some(Request::Subscribe { topic, msg_id, qos: asked }) = self.request else { return None };
        if msg_id != ack.msg_id || self.state != State::Active {
            return None;
        }
        if !ack.return_code.is_accepted() {
            return self.refuse(now, ack.return_code);
        }
        let name = self.body.name();
        if matches!(topic, Form::Named) && !name.contains(['+', '#']) && !ack.topic_id.is_reserved() {
            self.topics.learn_incoming(ack.topic_id, name, self.config.reuse_topic_ids);
        }
        self.finish();
        // RSMB sets other flags at random, and both bits of the QoS as well.
        let granted = if ack.qos == Qos::MinusOne { asked } else { ack.qos };
        Some(Event::Subscribed { granted })
    }

    fn on_unsuback(&mut self, acknowledged: MsgId) -> Option<Event<'static>> {
        let Some(Request::Unsubscribe { msg_id, .. }) = self.request else { return None };
        (msg_id == acknowledged && self.state == State::Active).then(|| {
            self.finish();
            Event::Unsubscribed
        })
    }

    fn on_will_response(&mut self, now: Instant, code: ReturnCode, of_topic: bool) -> Option<Event<'static>> {
        let is_expected = if of_topic {
            matches!(self.request, Some(Request::WillTopic { .. }))
        } else {
            matches!(self.request, Some(Request::WillMsg))
        };
        if !is_expected || !self.is_in_flight(|step| step == Step::Request) {
            return None;
        }
        if !code.is_accepted() {
            return self.refuse(now, code);
        }
        self.finish();
        Some(Event::WillUpdated)
    }

    /// The gateway says no: for now, or for good.
    #[inline(never)]
    fn refuse(&mut self, now: Instant, code: ReturnCode) -> Option<Event<'static>> {
        if code != ReturnCode::Congestion {
            return self.reject(code);
        }
        self.back_off(now);
        Some(Event::Congested)
    }

    fn reject(&mut self, code: ReturnCode) -> Option<Event<'static>> {
        self.finish();
        Some(Event::Rejected(code))
    }

    // Messages for the application

    fn on_register(&mut self, register: Register<'_>) -> Option<Event<'static>> {
        if self.is_linked() {
            let Register { topic_id, msg_id, topic_name } = register;
            let is_known = !topic_id.is_reserved()
                && self.topics.learn_incoming(topic_id, topic_name, self.config.reuse_topic_ids);
            let return_code = if is_known { ReturnCode::Accepted } else { ReturnCode::NotSupported };
            self.reply = Some(Message::RegAck(RegAck { topic_id, msg_id, return_code }));
        }
        None
    }

    fn on_publish<'m>(&'m mut self, publish: sn_codec::Publish<'m>) -> Option<Event<'m>> {
        if !self.is_linked() || publish.qos == Qos::MinusOne {
            return None;
        }
        let sn_codec::Publish { topic, msg_id, qos, retain, data: payload, .. } = publish;
        if let Some(return_code) = self.objection(topic) {
            self.reply = Some(Message::PubAck(PubAck { topic_id: topic.id_field(), msg_id, return_code }));
            return None;
        }
        if !self.acknowledge(&publish) {
            return None;
        }
        let topic = self.application_topic(topic)?;
        Some(Event::Message(Received { topic, payload, qos, retain }))
    }

    /// Why a message on this topic cannot be delivered.
    fn objection(&self, topic: WireTopic<'_>) -> Option<ReturnCode> {
        match topic {
            WireTopic::Normal(id) => self.topics.name_of(id).is_none().then_some(ReturnCode::InvalidTopicId),
            WireTopic::Predefined(_) | WireTopic::Short(_) => None,
            WireTopic::Name(_) | WireTopic::Reserved(_) => Some(ReturnCode::NotSupported),
        }
    }

    /// Prepares the answer; whether the message is new.
    fn acknowledge(&mut self, publish: &sn_codec::Publish<'_>) -> bool {
        let (topic_id, msg_id) = (publish.topic.id_field(), publish.msg_id);
        match publish.qos {
            Qos::MinusOne | Qos::Zero => true,
            Qos::One => {
                let return_code = ReturnCode::Accepted;
                self.reply = Some(Message::PubAck(PubAck { topic_id, msg_id, return_code }));
                true
            }
            Qos::Two => {
                self.reply = Some(Message::PubRec(msg_id));
                let content = digest([self.digest_name(publish.topic, &topic_id.0.to_be_bytes()), publish.data]);
                self.received.is_new(msg_id, content)
            }
        }
    }

    /// What a repetition has in common with the original: the name, as its id can change in between.
    fn digest_name<'n>(&'n self, topic: WireTopic<'_>, id_field: &'n [u8]) -> &'n [u8] {
        let name = if let WireTopic::Normal(id) = topic { self.topics.name_of(id) } else { None };
        name.map_or(id_field, str::as_bytes)
    }

    fn application_topic(&self, topic: WireTopic<'_>) -> Option<Topic<'_>> {
        match topic {
            WireTopic::Normal(id) => self.topics.name_of(id).map(Topic::Name),
            WireTopic::Predefined(id) => Some(Topic::Predefined(id)),
            WireTopic::Short(short) => Some(Topic::Short(short)),
            WireTopic::Name(_) | WireTopic::Reserved(_) => None,
        }
    }

    fn on_pubrel(&mut self, msg_id: MsgId) -> Option<Event<'static>> {
        if self.is_linked() {
            self.received.release(msg_id, self.config.link_may_duplicate);
            self.reply = Some(Message::PubComp(msg_id));
        }
        None
    }
}

/// Whether it tells that the client's gateway is sending: not, if anybody may say it to all.
const fn is_of_session(message: &Message<'_>) -> bool {
    match message {
        Message::ConnAck(_)
        | Message::WillTopicReq
        | Message::WillMsgReq
        | Message::Register(_)
        | Message::RegAck(_)
        | Message::Publish(_)
        | Message::PubAck(_)
        | Message::PubRec(_)
        | Message::PubRel(_)
        | Message::PubComp(_)
        | Message::SubAck(_)
        | Message::UnsubAck(_)
        | Message::PingReq(_)
        | Message::PingResp
        | Message::Disconnect(_)
        | Message::WillTopicResp(_)
        | Message::WillMsgResp(_) => true,
        Message::Advertise(_)
        | Message::SearchGw(_)
        | Message::GwInfo(_)
        | Message::Connect(_)
        | Message::WillTopic(_)
        | Message::WillMsg(_)
        | Message::Subscribe(_)
        | Message::Unsubscribe(_)
        | Message::WillTopicUpd(_)
        | Message::WillMsgUpd(_)
        | Message::FrwdEncap(_) => false,
    }
}
