//! The will dialogue of a CONNECT (1.2 §6.2): WILLTOPICREQ, WILLTOPIC, WILLMSGREQ, WILLMSG, then CONNACK.
//!
//! Until it ends, a session that the client may have had goes on unchanged but silent.

use super::Peer;
use super::connect::{NewWill, Setup};
use super::table::State;
use crate::access::Action;
use crate::broker::SessionKey;
use crate::core::TimerKey;
use crate::{Core, Message as BrokerMessage, Qos, RejectReason};
use sn_codec::{Message, WillMsg, WillTopic};
use sn_types::{Instant, PeerAddr};
use std::sync::Arc;

/// A CONNECT that waits for its will.
#[derive(Debug)]
pub(super) struct Dialogue {
    peer: PeerAddr,
    /// The session that the address had before.
    pub(super) prior: Option<SessionKey>,
    setup: Setup,
    /// WILLTOPIC came.
    will_topic: Option<(Arc<str>, Qos, bool)>,
    retry_at: Instant,
    retries: u8,
    scheduled: Instant,
}

impl Dialogue {
    pub(super) fn state(&self) -> State {
        if self.will_topic.is_some() { State::AwaitWillMsg } else { State::AwaitWillTopic }
    }

    /// What the client is asked for.
    fn request(&self) -> Message<'static> {
        if self.will_topic.is_some() { Message::WillMsgReq } else { Message::WillTopicReq }
    }
}

impl Core {
    /// A CONNECT with the will flag: asks for the will topic. A repeated CONNECT starts over.
    pub(super) fn begin_dialogue(&mut self, now: Instant, peer: PeerAddr, setup: Setup) {
        let prior = self.abort_dialogue(peer);
        let place = self.sn.dialogues.insert(Dialogue {
            peer,
            prior,
            setup,
            will_topic: None,
            retry_at: Instant::FAR_FUTURE,
            retries: 0,
            scheduled: Instant::FAR_FUTURE,
        }) as u32;
        self.sn.clients.begin_dialogue(peer, place);
        if let Some(client) = prior.and_then(|key| self.sn.clients.get_mut(key)) {
            client.in_dialogue = true;
        }
        self.ask(now, place);
    }

    /// Sends the request that is open, and waits for its answer anew.
    fn ask(&mut self, now: Instant, place: u32) {
        let dialogue = &mut self.sn.dialogues[place as usize];
        dialogue.retries = 0;
        dialogue.retry_at = now + self.config.timing.t_retry;
        self.timers.schedule(&mut dialogue.scheduled, dialogue.retry_at, TimerKey::Connecting(place));
        let (peer, request) = (dialogue.peer, dialogue.request());
        self.sn_send(peer, &request);
    }

    /// Forgets a dialogue, as if the CONNECT had not come. Answers with the session that the address had before.
    pub(super) fn abort_dialogue(&mut self, peer: PeerAddr) -> Option<SessionKey> {
        match self.sn.clients.at(peer) {
            Some(Peer::Client(key)) => Some(key),
            Some(Peer::Connecting(place)) => {
                let dialogue = self.sn.dialogues.remove(place as usize);
                self.sn.clients.end_dialogue(peer);
                // The prior session may have moved or ended meanwhile.
                let prior = dialogue.prior.filter(|key| self.sn.address(*key) == Some(peer))?;
                if let Some(client) = self.sn.clients.get_mut(prior) {
                    client.in_dialogue = false;
                }
                Some(prior)
            }
            None => None,
        }
    }

    /// WILLTOPIC: asks for the message; or, if it is empty, the client wants no will and is connected.
    pub(super) fn take_will_topic(&mut self, now: Instant, from: PeerAddr, will: Option<WillTopic<'_>>) {
        let Some(Peer::Connecting(place)) = self.sn.clients.at(from) else { return };
        let setup = self.sn.dialogues[place as usize].setup.clone();
        let topic = will.map(|will| {
            let topic = self.will_topic(&will)?;
            self.allowed(setup.who(), Action::Will, will.topic).map(|()| topic)
        });
        match topic {
            None => self.finish_dialogue(now, from, NewWill::Delete),
            Some(Err(reason)) => self.refuse_dialogue(now, from, reason),
            Some(Ok(topic)) => {
                self.sn.dialogues[place as usize].will_topic = Some(topic);
                self.ask(now, place);
            }
        }
    }

    /// WILLMSG: the client is connected.
    pub(super) fn take_will_msg(&mut self, now: Instant, from: PeerAddr, will: WillMsg<'_>) {
        let Some(Peer::Connecting(place)) = self.sn.clients.at(from) else { return };
        let Some((topic, qos, retain)) = self.sn.dialogues[place as usize].will_topic.clone() else { return };
        let will = BrokerMessage::new(topic, will.message, qos, retain);
        self.finish_dialogue(now, from, NewWill::Set(will));
    }

    fn finish_dialogue(&mut self, now: Instant, from: PeerAddr, will: NewWill) {
        let Some(Peer::Connecting(place)) = self.sn.clients.at(from) else { return };
        let setup = self.sn.dialogues[place as usize].setup.clone();
        // Somebody else may have opened a session of that id meanwhile.
        if let Err(reason) = self.may_take_session(setup.who()) {
            return self.refuse_dialogue(now, from, reason);
        }
        self.abort_dialogue(from);
        self.establish(now, from, &setup, will);
    }

    fn refuse_dialogue(&mut self, now: Instant, from: PeerAddr, reason: RejectReason) {
        let prior = self.abort_dialogue(from);
        self.refuse_connect(from, reason);
        self.go_on(now, prior);
    }

    /// The session that was silent during the dialogue goes on where it was.
    fn go_on(&mut self, now: Instant, prior: Option<SessionKey>) {
        if let Some(key) = prior {
            self.pump(now, key);
            self.sn_schedule(now, key);
        }
    }

    /// A topic to which clients can publish a will, if the rules allow it, with the will's QoS and Retain.
    pub(super) fn will_topic(&self, will: &WillTopic<'_>) -> Result<(Arc<str>, Qos, bool), RejectReason> {
        let qos = super::publish_in::broker_qos(will.qos).ok_or(RejectReason::Qos)?;
        self.publishable(will.topic)?;
        Ok((will.topic.into(), qos, will.retain))
    }

    /// The client does not answer: asks again, and after N_retry times forgets the attempt.
    pub(crate) fn sn_connecting_due(&mut self, now: Instant, due: Instant, place: u32) {
        let Some(dialogue) = self.sn.dialogues.get_mut(place as usize).filter(|dialogue| dialogue.scheduled == due)
        else {
            return;
        };
        dialogue.scheduled = Instant::FAR_FUTURE;
        let peer = dialogue.peer;
        if dialogue.retry_at <= now {
            if dialogue.retries >= self.config.timing.n_retry {
                let prior = self.abort_dialogue(peer);
                return self.go_on(now, prior);
            }
            dialogue.retries += 1;
            dialogue.retry_at = now + self.config.timing.t_retry;
            let request = dialogue.request();
            self.stats.retransmissions += 1;
            self.sn_send(peer, &request);
        }
        let dialogue = &mut self.sn.dialogues[place as usize];
        self.timers.schedule(&mut dialogue.scheduled, dialogue.retry_at, TimerKey::Connecting(place));
    }
}
