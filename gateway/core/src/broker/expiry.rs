//! A session whose client has gone is kept for a while, and then forgotten.

use super::{Link, Part, SessionEnd, SessionKey};
use crate::core::TimerKey;
use crate::{Core, Event};
use sn_types::Instant;
use std::time::Duration;

/// A timer entry outlives its session by at most this, so that many short sessions do not fill the timers.
const LONGEST_LOOK: Duration = Duration::from_secs(3_600);

impl Core {
    /// The client is gone: the session waits for it until it expires.
    pub(crate) fn detach(&mut self, now: Instant, key: SessionKey) {
        self.broker.sessions.mark(key, Part::Header);
        let was_linked = self.broker.sessions.get(key).is_some_and(|session| session.link != Link::None);
        self.broker.sessions.set_link(key, Link::None);
        if was_linked {
            self.bridge_link_changed(now, key);
        }
        let Some(session) = self.broker.sessions.get_mut(key) else { return };
        let expiry = session.expiry_s.map_or(self.config.session_expiry, expiry);
        let expires = expiry.map_or(Instant::FAR_FUTURE, |expiry| now + expiry);
        // A clean session ends with its connection: its caller sees to that.
        if !session.clean {
            session.expires = expires;
            self.watch_expiry(now, key);
        }
    }

    /// How long a session is kept of which its client asks that it be kept for `asked_s` seconds: no longer than the
    /// configuration says. `u32::MAX` is for ever (MQTT 5 §3.1.2.11.2).
    pub(crate) fn granted_expiry(&self, asked_s: u32) -> u32 {
        match self.config.session_expiry {
            Some(longest) => asked_s.min(longest.as_secs().try_into().unwrap_or(u32::MAX)),
            None => asked_s,
        }
    }

    /// The client is back.
    pub(crate) fn reattach(&mut self, key: SessionKey, link: Link) {
        match link {
            Link::Mqtt(_) => self.bring_home(key),
            Link::Sn | Link::None => {}
        }
        self.broker.sessions.mark(key, Part::Header);
        self.broker.sessions.set_link(key, link);
        let Some(session) = self.broker.sessions.get_mut(key) else { return };
        session.expires = Instant::FAR_FUTURE;
        if session.will_terms.take().is_some_and(|terms| terms.due < Instant::FAR_FUTURE) {
            // It is back in time.
            session.will = None;
        }
    }

    /// Sees to it that the session is looked at when it expires, or its will is due.
    pub(crate) fn watch_expiry(&mut self, now: Instant, key: SessionKey) {
        let Some(session) = self.broker.sessions.get_mut(key) else { return };
        let due = session.expires.min(session.will_due());
        if due < Instant::FAR_FUTURE {
            let look = due.min(now + LONGEST_LOOK);
            self.timers.schedule(&mut session.scheduled, look, TimerKey::Session(key));
        }
    }

    /// The look that was asked for `due`.
    pub(crate) fn session_due(&mut self, now: Instant, due: Instant, key: SessionKey) {
        let Some(session) = self.broker.sessions.get_mut(key).filter(|session| session.scheduled == due) else {
            return;
        };
        session.scheduled = Instant::FAR_FUTURE;
        let (expires, will_due, client_id) = (session.expires, session.will_due(), session.client_id.clone());
        if expires > now {
            if will_due <= now {
                self.publish_will(now, key);
                self.forget_will(key);
            }
            return self.watch_expiry(now, key);
        }
        self.end_session(now, key, SessionEnd::Expired);
        self.stats.expired += 1;
        self.event(Event::Expired { client_id });
    }
}

/// The same as a duration; `None` is for ever.
fn expiry(expiry_s: u32) -> Option<Duration> {
    (expiry_s < u32::MAX).then(|| Duration::from_secs(expiry_s.into()))
}
