//! CONNECT (1.2 §6.2, §6.3): a session opened, resumed, or taken over.

use super::client::Exchange;
use super::refusal::return_code;
use super::table::State;
use crate::access::Who;
use crate::broker::{BRIDGE_PREFIX, Home, Link, Part, SessionEnd, SessionKey};
use crate::durable::Recipient;
use crate::{Core, Event, LostReason, Message as BrokerMessage, PlantedBug, RejectReason, Via};
use sn_codec::{ConnAck, Connect, Message, ReturnCode};
use sn_types::{Instant, PeerAddr};
use std::sync::Arc;

/// What a CONNECT asks for, will aside.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    client_id: Arc<str>,
    user: Option<Arc<str>>,
    clean_session: bool,
    keep_alive_s: u16,
}

/// From where a client comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// There was a session of that id here.
    session_present: bool,
    /// It was asleep, or awake, at the same address.
    from_sleep: bool,
}

/// What a CONNECT does to the will.
#[derive(Debug)]
pub(super) enum NewWill {
    /// No will flag: the will of a session that is kept stays (1.2 §6.3).
    Keep,
    /// The will dialogue ended with an empty WILLTOPIC.
    Delete,
    /// The will dialogue brought one.
    Set(BrokerMessage),
}

/// ProtocolId of MQTT-SN 1.2.
const PROTOCOL_ID: u8 = 0x01;

impl Setup {
    /// Who wants that.
    pub(super) fn who(&self) -> Who<'_> {
        Who { user: self.user.as_deref().unwrap_or_default(), client_id: &self.client_id }
    }
}

impl Core {
    /// CONNECT: refused, answered with CONNACK, or with the will dialogue's first question.
    pub(super) fn connect(&mut self, now: Instant, from: PeerAddr, connect: &Connect<'_>) {
        match self.admit(from, connect) {
            Err(reason) => self.refuse_connect(from, reason),
            Ok(setup) if connect.will => self.begin_dialogue(now, from, setup),
            Ok(setup) => {
                self.abort_dialogue(from);
                self.establish(now, from, &setup, NewWill::Keep);
            }
        }
    }

    pub(crate) fn refuse_connect(&mut self, from: PeerAddr, reason: RejectReason) {
        self.sn_reject(from, reason);
        self.sn_send(from, &Message::ConnAck(ConnAck { return_code: return_code(reason) }));
    }

    fn admit(&mut self, from: PeerAddr, connect: &Connect<'_>) -> Result<Setup, RejectReason> {
        if connect.protocol_id != PROTOCOL_ID {
            return Err(RejectReason::ProtocolId);
        }
        self.can_promise()?;
        let client_id = self.client_id(from, connect.client_id)?;
        let user = self.identify(from, &client_id)?;
        self.may_take_session(Who { user: user.as_deref().unwrap_or_default(), client_id: &client_id })?;
        if self.is_full(from, &client_id) {
            return Err(RejectReason::ClientLimit);
        }
        if self.beside(from, &client_id) >= self.config.limits.nodes_per_forwarder {
            return Err(RejectReason::ForwarderLimit);
        }
        // Nobody can come back to a session whose id was made up.
        let clean_session = connect.clean_session || connect.client_id.is_empty();
        Ok(Setup { client_id, user, clean_session, keep_alive_s: connect.duration_s })
    }

    /// Whether the limit of clients keeps this one out. A client in the will dialogue counts as one.
    fn is_full(&self, from: PeerAddr, client_id: &str) -> bool {
        let others = self.sn.dialogues.len() - usize::from(self.sn.in_dialogue(from));
        let is_known = self.broker.sessions.find(client_id).is_some();
        let sessions = if is_known { 0 } else { self.broker.sessions.len() };
        sessions + others >= self.config.limits.clients
    }

    /// How many others are behind the same forwarder. A client that comes under another node id is not one of them.
    pub(super) fn beside(&self, from: PeerAddr, client_id: &str) -> usize {
        let before = self.broker.sessions.find(client_id).and_then(|key| self.sn.address(key));
        let moves = before.is_some_and(|before| before != from && before.forwarder() == from.forwarder());
        self.sn.clients.beside(from).saturating_sub(usize::from(moves))
    }

    fn client_id(&mut self, from: PeerAddr, client_id: &str) -> Result<Arc<str>, RejectReason> {
        if client_id.is_empty() && self.config.generate_client_ids {
            return Ok(self.generate_client_id(self.home_of(from)));
        }
        let too_long = client_id.len() > self.config.limits.client_id_len;
        let is_reserved = client_id.starts_with(BRIDGE_PREFIX);
        if client_id.is_empty() || too_long || is_reserved || client_id.contains('\0') {
            return Err(RejectReason::ClientId);
        }
        Ok(client_id.into())
    }

    fn generate_client_id(&mut self, home: Home) -> Arc<str> {
        // Other gateways of that broker generate some, too.
        let gateway = match home {
            Home::Here => String::new(),
            Home::Upstream => format!("{:08x}-", self.sn.seed.digest(&"client ids") as u32),
        };
        loop {
            self.sn.generated_ids += 1;
            let client_id = format!("sn-{gateway}{}", self.sn.generated_ids);
            if self.broker.sessions.find(&client_id).is_none() {
                return client_id.into();
            }
        }
    }

    /// Opens or resumes the session, answers CONNACK, and sends what waits.
    pub(super) fn establish(&mut self, now: Instant, from: PeerAddr, setup: &Setup, will: NewWill) {
        if self.repeats_itself(from, setup, &will) {
            return;
        }
        let home = self.home_of(from);
        let key = self.take_session(now, from, setup, home);
        let session_present = key.is_some();
        let from_sleep = key.is_some_and(|key| self.sleeps_at(key, from));
        let arrival = Arrival { session_present, from_sleep };
        let key = key.unwrap_or_else(|| self.broker.sessions.insert_at(&setup.client_id, home));
        self.apply_setup(key, setup, keeps_will(&will));
        let dialogue = !matches!(will, NewWill::Keep);
        if let (NewWill::Set(will), Some(session)) = (will, self.broker.sessions.get_mut(key)) {
            session.will = Some(will);
        }
        let before = self.attach(now, from, key, setup.keep_alive_s, dialogue);
        match home {
            Home::Here => self.welcome(now, key, arrival),
            Home::Upstream => self.ask_upstream(now, key, arrival),
        }
        self.replaced(now, before);
        self.pump(now, key);
        self.sn_schedule(now, key);
    }

    fn sleeps_at(&self, key: SessionKey, addr: PeerAddr) -> bool {
        matches!(self.sn.state(key), State::Asleep | State::Awake) && self.sn.address(key) == Some(addr)
    }

    /// The client is connected.
    pub(crate) fn welcome(&mut self, now: Instant, key: SessionKey, arrival: Arrival) {
        let Some(client) = self.sn.clients.get_mut(key) else { return };
        (client.state, client.heard) = (State::Active, now);
        let (Some(from), Some(session)) = (client.addr, self.broker.sessions.get(key)) else { return };
        let (client_id, user) = (session.client_id.clone(), session.user.clone());
        self.broker.sessions.mark(key, Part::Header);
        let Arrival { session_present, from_sleep } = arrival;
        self.event(Event::Connected { client_id, via: Via::Sn(from), user, session_present, from_sleep });
        self.sn_send(from, &Message::ConnAck(ConnAck { return_code: ReturnCode::Accepted }));
        self.sn_schedule(now, key);
    }

    /// The other broker says whether the client is connected.
    fn ask_upstream(&mut self, now: Instant, key: SessionKey, arrival: Arrival) {
        if let Some(client) = self.sn.clients.get_mut(key) {
            client.state = State::Joining;
        }
        self.upstream_join(now, key, arrival);
    }

    /// Whether the client has said the same before, and the other broker has not answered.
    fn repeats_itself(&self, from: PeerAddr, setup: &Setup, will: &NewWill) -> bool {
        let Some(key) = self.is_joining(&setup.client_id).filter(|key| self.sn.address(*key) == Some(from)) else {
            return false;
        };
        let Some(session) = self.broker.sessions.get(key) else { return false };
        let has_same_will = match will {
            NewWill::Keep => true,
            NewWill::Delete => session.will.is_none(),
            NewWill::Set(will) => session.will.as_ref() == Some(will),
        };
        has_same_will
            && session.clean == setup.clean_session
            && session.user == setup.user
            && self.sn.keep_alive_s(key) == Some(setup.keep_alive_s)
    }

    /// The session to go on with, if there is one and the client wants it. Its other link, if any, ends.
    fn take_session(&mut self, now: Instant, from: PeerAddr, setup: &Setup, home: Home) -> Option<SessionKey> {
        let key = self.broker.sessions.find(&setup.client_id)?;
        let session = self.broker.sessions.get(key)?;
        let (link, clean, left) = (session.link, session.clean, self.sn.address(key));
        let by = Via::Sn(from);
        // A session does not move from one broker to another.
        let mut usable = !setup.clean_session && session.home == home;
        match link {
            Link::Mqtt(conn) => {
                self.event(Event::TakenOver { client_id: setup.client_id.clone(), by });
                self.mqtt_take_over(now, conn);
                // A clean MQTT session has ended with its connection (MQTT 3.1.1 §3.1.2.4).
                usable &= !clean;
            }
            Link::Sn if left != Some(from) => {
                self.event(Event::TakenOver { client_id: setup.client_id.clone(), by });
            }
            Link::Sn | Link::None => {}
        }
        if !usable {
            self.end_session(now, key, SessionEnd::Replaced);
            // What it was still to be told is of topic ids that begin anew.
            [Some(from), left].into_iter().flatten().for_each(|addr| self.out.forget(Recipient::Peer(addr)));
        }
        self.broker.sessions.get(key).map(|_| key)
    }

    fn apply_setup(&mut self, key: SessionKey, setup: &Setup, keep_will: bool) {
        let Some(session) = self.broker.sessions.get_mut(key) else { return };
        (session.clean, session.expiry_s) = (setup.clean_session, None);
        if !keep_will {
            session.will = None;
        }
        self.set_user(key, setup.user.clone());
        self.reattach(key, Link::Sn);
    }

    /// Makes the client active at its address, and says who had that before. It may have forgotten its topic ids
    /// (1.2 §6.10).
    fn attach(
        &mut self,
        now: Instant,
        from: PeerAddr,
        key: SessionKey,
        keep_alive_s: u16,
        dialogue: bool,
    ) -> Option<SessionKey> {
        let client = self.sn.clients.get_or_insert(key);
        client.state = State::Active;
        client.keep_alive_s = keep_alive_s;
        client.heard = now;
        client.exchange = Exchange::None;
        client.id_refusals = 0;
        client.paused_until = Instant::FAR_FUTURE;
        client.in_dialogue = false;
        client.fresh_from_dialogue = dialogue;
        client.topics.forget_known();
        if client.recent_qos2.connected(now) {
            self.broker.sessions.mark(key, Part::Incoming);
        }
        self.broker.sessions.mark(key, Part::Header);
        let before = self.move_to(key, from);
        if self.has(PlantedBug::AddressShared)
            && let Some(other) = before.and_then(|before| self.sn.clients.get_mut(before))
        {
            other.addr = Some(from);
            return None;
        }
        before
    }

    /// Gives a client an address, and says who had it before. What waits for the disk was for who was there, and is not sent
    /// to who is there next.
    pub(super) fn move_to(&mut self, key: SessionKey, addr: PeerAddr) -> Option<SessionKey> {
        let left = self.sn.address(key).filter(|left| *left != addr);
        let before = self.sn.clients.bind(key, addr);
        let of_before = before.map(|_| addr);
        [left, of_before].into_iter().flatten().for_each(|addr| self.out.forget(Recipient::Peer(addr)));
        before
    }

    /// Another client uses an address now: whoever was active there is gone, whoever sleeps may come back elsewhere.
    pub(super) fn replaced(&mut self, now: Instant, before: Option<SessionKey>) {
        let Some(before) = before else { return };
        self.broker.sessions.mark(before, Part::Header);
        match self.sn.state(before) {
            State::Active | State::Awake => self.lost(now, before, LostReason::Replaced),
            State::Joining => self.sn_disconnected(now, before),
            State::Asleep | State::Disconnected | State::Lost => {}
            State::Unknown | State::AwaitWillTopic | State::AwaitWillMsg => {}
        }
    }

    /// The client repeats the last step of the will dialogue: it has missed the CONNACK.
    pub(super) fn repeat_connack(&mut self, from: PeerAddr, key: SessionKey) {
        if self.sn.clients.get(key).is_some_and(|client| client.fresh_from_dialogue) {
            self.sn_send(from, &Message::ConnAck(ConnAck { return_code: ReturnCode::Accepted }));
        } else {
            self.sn_reject(from, RejectReason::WrongState);
        }
    }

    /// An MQTT connection takes a connected MQTT-SN client's session over: the client is told, and loses its address.
    pub(crate) fn sn_take_over(&mut self, key: SessionKey) {
        if let Some(addr) = self.sn.address(key) {
            self.sn_send(addr, &Message::Disconnect(sn_codec::Disconnect { duration_s: None }));
        }
        if self.is_upstream(key) {
            // The will is published there.
            self.upstream_leave(key, None);
            self.forget_will(key);
        }
        self.sn_leave_to_mqtt(key);
    }

    /// The session goes on over MQTT: its MQTT-SN client, if it had one, is forgotten.
    pub(crate) fn sn_leave_to_mqtt(&mut self, key: SessionKey) {
        if !self.sn.clients.contains(key) {
            return;
        }
        self.forget_topic_ids(key);
        self.sn.forget(key);
        // With the client go its address, the forms in which it subscribed, and its latest QoS 2 messages.
        for part in [Part::Header, Part::Subscriptions, Part::Incoming] {
            self.broker.sessions.mark(key, part);
        }
    }
}

fn keeps_will(will: &NewWill) -> bool {
    match will {
        NewWill::Keep => true,
        NewWill::Delete | NewWill::Set(_) => false,
    }
}
