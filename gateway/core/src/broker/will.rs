//! Wills, and how long they wait (MQTT 5 §3.1.3.2.2).

use super::{Part, SessionKey};
use crate::{Core, Details, Message};
use sn_types::Instant;
use std::time::Duration;

/// What MQTT 5 may say of a will beside its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WillTerms {
    /// How long after the connection it is published, in seconds, unless the session ends before.
    pub(crate) delay_s: u32,
    /// How long the message may wait for subscribers then.
    pub(crate) message_expiry_s: Option<u32>,
    /// When it is published, if the connection has ended and its client does not come back before.
    pub(crate) due: Instant,
}

impl WillTerms {
    /// `None` for what MQTT 3.1.1 and MQTT-SN mean.
    pub(crate) fn new(delay_s: u32, message_expiry_s: Option<u32>) -> Option<Box<Self>> {
        let terms = Self { delay_s, message_expiry_s, due: Instant::FAR_FUTURE };
        (delay_s > 0 || message_expiry_s.is_some()).then(|| Box::new(terms))
    }
}

impl Core {
    /// Publishes the session's will; it stays in place.
    pub(crate) fn publish_will(&mut self, now: Instant, key: SessionKey) {
        let terms = self.broker.sessions.get(key).and_then(|session| session.will_terms.as_deref().copied());
        if let Some(will) = self.permitted_will(key) {
            let expiry_s = terms.and_then(|terms| terms.message_expiry_s);
            self.publish(now, Some(key), expiring(now, will, expiry_s));
        }
    }

    /// The connection has ended without a good-bye: publishes the will, once, or lets it wait.
    pub(crate) fn execute_will(&mut self, now: Instant, key: SessionKey) {
        if !self.let_will_wait(now, key) {
            self.publish_will(now, key);
            self.forget_will(key);
        }
    }

    /// Whether the will has to wait, in a session that lasts.
    pub(crate) fn let_will_wait(&mut self, now: Instant, key: SessionKey) -> bool {
        let Some(session) = self.broker.sessions.get_mut(key).filter(|session| !session.clean) else { return false };
        let Some(terms) = session.will_terms.as_mut().filter(|terms| terms.delay_s > 0) else { return false };
        terms.due = now + Duration::from_secs(terms.delay_s.into());
        self.watch_expiry(now, key);
        self.broker.sessions.mark(key, Part::Header);
        true
    }

    pub(crate) fn forget_will(&mut self, key: SessionKey) {
        let Some(session) = self.broker.sessions.get_mut(key) else { return };
        (session.will, session.will_terms) = (None, None);
        self.broker.sessions.mark(key, Part::Header);
    }
}

/// The message as it is published `now`.
fn expiring(now: Instant, will: Message, expiry_s: Option<u32>) -> Message {
    let Some(expiry_s) = expiry_s else { return will };
    let expires = Some(now + Duration::from_secs(expiry_s.into()));
    let details = Details { expires, ..will.details().cloned().unwrap_or_default() };
    Message::detailed(will.topic().clone(), will.payload(), will.qos(), will.retain(), details)
}
