//! What an operator asks about sessions, and does to them.

use crate::broker::{Link, Session, SessionEnd, SessionKey};
use crate::{ClientInfo, ClientState, CloseReason, Core, Qos, Via};
use sn_types::Instant;
use std::sync::Arc;

/// One client, looked at closely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientDetail {
    /// What there is of every client.
    pub info: ClientInfo,
    /// Whose it is, if anybody has said so.
    pub user: Option<Arc<str>>,
    /// The session ends with its connection.
    pub clean: bool,
    /// The session survives the process.
    pub durable: bool,
    /// Filters and the QoS granted.
    pub subscriptions: Vec<(Arc<str>, Qos)>,
    /// The topic of its will, if it has one.
    pub will_topic: Option<Arc<str>>,
    /// Octets (topics and payloads) of the messages that wait for it, without those in flight.
    pub waiting_bytes: usize,
    /// Messages that were sent and are not acknowledged.
    pub in_flight: usize,
    /// Its normal topic ids, for an MQTT-SN client.
    pub topic_ids: Vec<(u16, Arc<str>)>,
}

impl Core {
    /// Every session, in no particular order.
    pub fn clients(&self) -> impl Iterator<Item = ClientInfo> + '_ {
        self.broker.sessions.iter().map(|(key, session)| self.client_info(key, session))
    }

    /// The session of a client id.
    #[must_use]
    pub fn client(&self, client_id: &str) -> Option<ClientDetail> {
        let key = self.broker.sessions.find(client_id)?;
        let session = self.broker.sessions.get(key)?;
        let mut topic_ids: Vec<_> = self.sn.normal_topics(key).map(|(id, name)| (id.0, name.clone())).collect();
        topic_ids.sort();
        Some(ClientDetail {
            info: self.client_info(key, session),
            user: session.user.clone(),
            clean: session.clean,
            durable: session.durable,
            subscriptions: session
                .subscriptions
                .iter()
                .map(|(filter, granted)| (filter.clone(), granted.qos))
                .collect(),
            will_topic: session.will.as_ref().map(|will| will.topic().clone()),
            waiting_bytes: session.outbound.bytes(),
            in_flight: session.outbound.in_flight(),
            topic_ids,
        })
    }

    fn client_info(&self, key: SessionKey, session: &Session) -> ClientInfo {
        let counters = session.counters.as_deref().cloned().unwrap_or_default();
        ClientInfo {
            client_id: session.client_id.clone(),
            state: match session.link {
                Link::Mqtt(_) => ClientState::Active,
                Link::Sn | Link::None => self.sn.client_state(key),
            },
            via: match session.link {
                Link::Mqtt(conn) => Some(Via::Mqtt(conn)),
                Link::Sn => self.sn.address(key).map(Via::Sn),
                Link::None => None,
            },
            upstream: self.upstream.state(key),
            waiting: session.outbound.len(),
            rejects: counters.rejects,
            drops: counters.drops,
        }
    }

    /// Ends a session and forgets everything of it. A connected client is told; its will is not published. `false`:
    /// there is no such session.
    pub fn drop_session(&mut self, now: Instant, client_id: &str) -> bool {
        let Some(key) = self.broker.sessions.find(client_id) else { return false };
        match self.broker.sessions.get(key).map(|session| session.link) {
            Some(Link::Mqtt(conn)) => drop(self.mqtt_close(now, conn, CloseReason::Dropped)),
            Some(Link::Sn) => self.sn_tell_dropped(key),
            Some(Link::None) | None => {}
        }
        self.remove_session(now, key, SessionEnd::Dropped);
        true
    }
}
