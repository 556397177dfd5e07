//! From a datagram to the procedure that handles it.

use super::Peer;
use super::table::{Action, Kind, State, cell};
use crate::broker::{Part, SessionKey};
use crate::{AddressMoves, Core, RejectReason, Via};
use sn_codec::{Disconnect, FrwdEncap, Message, PingReq, decode};
use sn_types::{Instant, NodeId, PeerAddr};

impl Core {
    /// A datagram came.
    pub(crate) fn sn_datagram(&mut self, now: Instant, from: PeerAddr, bytes: &[u8]) {
        if self.nodes.is_revoked(from.link) {
            return self.sn_reject(from, RejectReason::Revoked);
        }
        match decode(bytes) {
            Ok(Message::FrwdEncap(encapsulation)) => self.encapsulated(now, from, &encapsulation),
            Ok(message) => self.message(now, from, &message),
            Err(error) => self.sn_reject(from, error.into()),
        }
    }

    /// A forwarder passes a node's message on (1.2 §5.5): the node is the peer.
    fn encapsulated(&mut self, now: Instant, forwarder: PeerAddr, encapsulation: &FrwdEncap<'_>) {
        let Ok(node) = NodeId::new(encapsulation.node_id) else {
            return self.sn_reject(forwarder, RejectReason::NodeId);
        };
        let from = forwarder.behind(node);
        match decode(encapsulation.inner) {
            Ok(message) => self.message(now, from, &message),
            Err(error) => self.sn_reject(from, error.into()),
        }
    }

    fn message(&mut self, now: Instant, from: PeerAddr, message: &Message<'_>) {
        let (state, key) = self.locate(now, from, message);
        let kind = Kind::of(message);
        if let Some(client) = key.and_then(|key| self.sn.clients.get_mut(key)) {
            client.heard = now;
            client.fresh_from_dialogue &= matches!(kind, Kind::WillTopic | Kind::WillMsg);
        }
        if let Some(key) = key {
            self.upstream_node_heard(now, key);
        }
        match (cell(state, kind), key) {
            (Action::Pass, _) => {}
            (Action::Ignore, _) => self.sn_reject(from, RejectReason::WrongState),
            (Action::NotOurs, _) => self.sn_reject(from, RejectReason::WrongDirection),
            (Action::SayDisconnect, _) => self.say_disconnect(now, from),
            (Action::EchoDisconnect, _) => self.sn_send(from, &Message::Disconnect(Disconnect { duration_s: None })),
            (action, key) => self.act(now, from, key, action, message),
        }
    }

    /// What a state allows. The table gives an action only to messages of its kind, and those of a client only in
    /// states that have one.
    fn act(&mut self, now: Instant, from: PeerAddr, key: Option<SessionKey>, action: Action, message: &Message<'_>) {
        match (action, *message, key) {
            (Action::AnswerSearch, Message::SearchGw(search), _) => self.answer_search(now, from, search),
            (Action::PublishMinusOne, Message::Publish(publish), key) => {
                self.publish_minus_one(now, from, key, &publish)
            }
            (Action::Connect, Message::Connect(connect), _) => self.connect(now, from, &connect),
            (Action::TakeWillTopic, Message::WillTopic(will), _) => self.take_will_topic(now, from, will),
            (Action::TakeWillMsg, Message::WillMsg(will), _) => self.take_will_msg(now, from, will),
            (Action::Disconnect, _, key) => self.disconnect(now, from, key),
            (Action::RepeatConnAck, _, Some(key)) => self.repeat_connack(from, key),
            (Action::Register, Message::Register(register), Some(key)) => self.register(from, key, &register),
            (Action::TakeRegAck, Message::RegAck(ack), Some(key)) => self.take_regack(now, from, key, ack),
            (Action::Publish, Message::Publish(publish), Some(key)) => self.publish_in(now, from, key, &publish),
            (Action::TakePubAck, Message::PubAck(ack), Some(key)) => self.take_puback(now, from, key, ack),
            (Action::TakePubRec, Message::PubRec(id), Some(key)) => self.take_pubrec(now, from, key, id),
            (Action::Release, Message::PubRel(id), Some(key)) => self.release(now, from, key, id),
            (Action::TakePubComp, Message::PubComp(id), Some(key)) => self.take_pubcomp(now, from, key, id),
            (Action::Subscribe, Message::Subscribe(subscribe), Some(key)) => {
                self.sn_subscribe(now, from, key, &subscribe)
            }
            (Action::Unsubscribe, Message::Unsubscribe(unsubscribe), Some(key)) => {
                self.sn_unsubscribe(from, key, &unsubscribe);
            }
            (Action::Ping, Message::PingReq(ping), Some(key)) => self.ping(now, from, key, ping),
            (Action::Wake, _, Some(key)) => self.wake(now, key),
            (Action::Sleep, Message::Disconnect(disconnect), Some(key)) => self.sleep(now, from, key, disconnect),
            (Action::UpdateWillTopic, Message::WillTopicUpd(will), Some(key)) => {
                self.update_will_topic(now, from, key, will)
            }
            (Action::UpdateWillMsg, Message::WillMsgUpd(will), Some(key)) => self.update_will_msg(now, from, key, will),
            (_, _, _) => self.sn_reject(from, RejectReason::WrongState),
        }
    }

    /// The sender's state, and its session if it has one.
    fn locate(&mut self, now: Instant, from: PeerAddr, message: &Message<'_>) -> (State, Option<SessionKey>) {
        let bound = match self.sn.clients.at(from) {
            Some(Peer::Connecting(place)) => {
                return (self.sn.dialogues[place as usize].state(), self.sn.session_at(from));
            }
            Some(Peer::Client(key)) => Some(key),
            None => None,
        };
        if let Message::PingReq(PingReq { client_id: Some(client_id) }) = message {
            return self.locate_named(now, from, bound, client_id);
        }
        match bound {
            Some(key) => (self.sn.state(key), Some(key)),
            None if self.sn.departed.contains(now, &from) => (State::Disconnected, None),
            None => (State::Unknown, None),
        }
    }

    /// A PINGREQ that names its client: at another address than the client's it moves the session only if the
    /// configuration or the transport vouches for the sender. Else anybody could fetch anybody's messages; the sender
    /// is told DISCONNECT and connects, if it is the client.
    fn locate_named(
        &mut self,
        now: Instant,
        from: PeerAddr,
        bound: Option<SessionKey>,
        id: &str,
    ) -> (State, Option<SessionKey>) {
        let Some(key) = self.broker.sessions.find(id).filter(|key| self.sn.clients.contains(*key)) else {
            return (State::Unknown, None);
        };
        if bound != Some(key) {
            let may_move = match self.config.address_moves {
                AddressMoves::Always => true,
                AddressMoves::Authenticated => self.sn.profile(from.transport).authenticated,
            };
            let is_same_user =
                || self.identify(from, id).ok().as_ref() == self.broker.sessions.get(key).map(|s| &s.user);
            if !may_move || !is_same_user() || !self.sn.is_connected(key) {
                return (State::Unknown, None);
            }
            if self.beside(from, id) >= self.config.limits.nodes_per_forwarder {
                self.sn_reject(from, RejectReason::ForwarderLimit);
                return (State::Unknown, None);
            }
            let before = self.move_to(key, from);
            self.broker.sessions.mark(key, Part::Header);
            self.replaced(now, before);
        }
        (self.sn.state(key), Some(key))
    }

    /// Tells a sender without session to connect; not too often, because the address may be forged (1.2 §6.12).
    fn say_disconnect(&mut self, now: Instant, from: PeerAddr) {
        self.sn_reject(from, RejectReason::UnknownSender);
        if self.sn.unknown_senders.allow(now, &from, self.config.limits.unknown_sender_answers_per_s) {
            self.sn_send(from, &Message::Disconnect(Disconnect { duration_s: None }));
        }
    }

    /// Counts what a sender should not have sent, at its session if it has one.
    pub(crate) fn sn_reject(&mut self, from: PeerAddr, reason: RejectReason) {
        self.reject(Via::Sn(from), self.sn.session_at(from), reason);
    }
}
