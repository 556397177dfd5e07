//! The core asks: may this client do that? And what follows when the answers change.

use super::{Access, Action, Who};
use crate::broker::{Link, Part, Session, SessionKey};
use crate::map::MapSeed;
use crate::{Core, DropReason, Event, Message, RejectReason};
use sn_types::{Instant, PeerAddr};
use std::sync::Arc;

impl Core {
    /// Whether somebody may do something to a topic. If not, the operator is told what it was.
    pub(crate) fn allowed(&mut self, who: Who<'_>, action: Action, topic: &str) -> Result<(), RejectReason> {
        if self.access.allows(who, action, topic) {
            return Ok(());
        }
        Err(self.denied(who, action, topic))
    }

    /// Tells the operator what somebody may not do.
    fn denied(&mut self, who: Who<'_>, action: Action, topic: &str) -> RejectReason {
        let user = (!who.user.is_empty()).then(|| who.user.into());
        self.event(Event::Denied { client_id: who.client_id.into(), user, action, topic: topic.into() });
        RejectReason::NotAllowed
    }

    /// The same for a session's client.
    pub(crate) fn may(&mut self, key: SessionKey, action: Action, topic: &str) -> Result<(), RejectReason> {
        if self.permits(key, action, topic) {
            return Ok(());
        }
        let Some(session) = self.broker.sessions.get(key) else { return Err(RejectReason::NotAllowed) };
        let (client_id, user) = (session.client_id.clone(), session.user.clone());
        let who = Who { user: user.as_deref().unwrap_or_default(), client_id: &client_id };
        Err(self.denied(who, action, topic))
    }

    fn permits(&self, key: SessionKey, action: Action, topic: &str) -> bool {
        !self.access.has_rules() || self.access.allows(self.who(key), action, topic)
    }

    /// Whether a session's client may subscribe to a valid filter.
    pub(crate) fn may_subscribe(&mut self, key: SessionKey, filter: &str) -> Result<(), RejectReason> {
        self.may(key, Action::Subscribe, filter)
    }

    /// Whether a session's client may be sent messages of a topic.
    pub(crate) fn may_receive(&self, key: SessionKey, topic: &str) -> bool {
        self.permits(key, Action::Receive, topic)
    }

    /// The session's will, if it may be published. The rules may be others than when the client left it.
    pub(crate) fn permitted_will(&mut self, key: SessionKey) -> Option<Message> {
        let will = self.broker.sessions.get(key)?.will.clone()?;
        if let Err(reason) = self.may(key, Action::Will, will.topic()) {
            self.count_reject(Some(key), reason);
            return None;
        }
        Some(will)
    }

    /// Who a session's client is.
    pub(crate) fn who(&self, key: SessionKey) -> Who<'_> {
        self.broker.sessions.get(key).map_or(Who { user: "", client_id: "" }, Session::who)
    }

    /// Whether somebody may have the client id, and go on with, or end, its session, if there is one. A user's session is
    /// for that user only: else its messages would be for anybody who knows the id.
    pub(crate) fn may_take_session(&mut self, who: Who<'_>) -> Result<(), RejectReason> {
        if !self.access.lets_in(who) {
            return Err(self.denied(who, Action::Connect, ""));
        }
        let session = self.broker.sessions.find(who.client_id).and_then(|key| self.broker.sessions.get(key));
        match session.and_then(|session| session.user.as_deref()) {
            Some(owner) if owner != who.user => Err(RejectReason::OtherUser),
            Some(_) | None => Ok(()),
        }
    }

    /// Says whose a session is from now on.
    pub(crate) fn set_user(&mut self, key: SessionKey, user: Option<Arc<str>>) {
        let Some(session) = self.broker.sessions.get_mut(key) else { return };
        if session.user == user {
            return;
        }
        session.user = user;
        self.broker.sessions.mark(key, Part::User);
        self.drop_unreceivable(key);
    }

    /// The rules are others now. They hold for the sessions that there are.
    pub(crate) fn access_changed(&mut self, now: Instant) {
        self.access = Access::new(MapSeed::new(self.config.hash_seed), &self.config.access);
        self.identify_again(now, |_| true);
        let keys: Vec<_> = self.broker.sessions.iter().map(|(key, _)| key).collect();
        keys.into_iter().for_each(|key| self.drop_unreceivable(key));
    }

    /// Drops what waits for a client and may not be sent to it. What is in flight is: it was sent already.
    pub(crate) fn drop_unreceivable(&mut self, key: SessionKey) {
        let Some(session) = self.broker.sessions.get(key) else { return };
        if !self.access.has_rules() || session.outbound.len() == 0 {
            return;
        }
        let (user, client_id) = (session.user.clone(), session.client_id.clone());
        let who = Who { user: user.as_deref().unwrap_or_default(), client_id: &client_id };
        let Some(outbound) = self.broker.sessions.outbound_mut(key) else { return };
        let dropped = outbound.drop_waiting(|topic| !self.access.allows(who, Action::Receive, topic));
        dropped.into_iter().for_each(|topic| self.dropped(key, topic, DropReason::NotAllowed));
    }

    /// Asks anew who the MQTT-SN clients at some addresses are. Who may not be there any more is told to leave.
    pub(crate) fn identify_again(&mut self, now: Instant, mut concerns: impl FnMut(PeerAddr) -> bool) {
        let mut clients: Vec<_> = self.sn.addresses().filter(|(_, addr)| concerns(*addr)).collect();
        clients.sort_unstable();
        for (key, addr) in clients {
            let Some(session) = self.broker.sessions.get(key) else { continue };
            match self.identify(addr, &session.client_id) {
                Ok(user) => self.set_user(key, user),
                Err(_) => self.sn_log_out(now, key),
            }
        }
    }

    /// Some users have other passwords, or none any more: their MQTT connections end.
    pub fn log_out(&mut self, now: Instant, users: &[Arc<str>]) {
        let concerned = |session: &Session| session.user.as_ref().is_some_and(|user| users.contains(user));
        let sessions = self.broker.sessions.iter().filter(|(_, session)| concerned(session));
        let mut conns: Vec<_> = sessions
            .filter_map(|(_, session)| match session.link {
                Link::Mqtt(conn) => Some(conn),
                Link::Sn | Link::None => None,
            })
            .collect();
        conns.sort_unstable();
        conns.into_iter().for_each(|conn| self.mqtt_log_out(now, conn));
    }
}
