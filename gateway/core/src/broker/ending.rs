//! How sessions end, and what becomes of the messages that they still had.

use super::outbound::Left;
use super::{Home, SessionKey};
use crate::{Core, DropReason, Event, LostReason};
use sn_types::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionEnd {
    /// Its client was away for too long, or a node that did not want it kept is lost.
    Expired,
    /// The operator has dropped it, or does not let its client in any more.
    Dropped,
    /// Its client has begun a new one.
    Replaced,
    /// Its client has left, and did not want it kept.
    Left,
}

impl SessionEnd {
    /// Why its client does not get what is left. `None`: because it did not want it.
    const fn reason(self) -> Option<DropReason> {
        match self {
            Self::Expired => Some(DropReason::SessionExpired),
            Self::Dropped => Some(DropReason::SessionDropped),
            Self::Replaced => Some(DropReason::SessionReplaced),
            Self::Left => None,
        }
    }
}

/// How the session of a node that is lost ends, if it was to last as long as the connection.
impl From<LostReason> for SessionEnd {
    fn from(why: LostReason) -> Self {
        match why {
            LostReason::KeepAlive | LostReason::Sleep | LostReason::Retries | LostReason::Replaced => Self::Expired,
            LostReason::LoggedOut | LostReason::Revoked => Self::Dropped,
            LostReason::Connection | LostReason::Closed { .. } => Self::Left,
        }
    }
}

impl Core {
    /// Ends a session. A will that still waits is published.
    pub(crate) fn end_session(&mut self, now: Instant, key: SessionKey, ending: SessionEnd) {
        let waits = self.broker.sessions.get(key).is_some_and(|session| session.will_due() < Instant::FAR_FUTURE);
        if waits {
            self.publish_will(now, key);
        }
        self.remove_session(now, key, ending);
    }

    /// Forgets a session and all that hangs on it, on both protocol sides. Does not publish its will.
    pub(crate) fn remove_session(&mut self, now: Instant, key: SessionKey, ending: SessionEnd) {
        let Some(mut session) = self.broker.sessions.remove(key) else { return };
        self.upstream_leave(key, Some(self.upstream_good_bye(session.clean)));
        let reason = match session.home {
            Home::Here => ending.reason(),
            // Another broker has it, and goes on with it.
            Home::Upstream => None,
        };
        let left = session.outbound.left(|queued| reason.is_some() || queued.group.is_some());
        let topics: Vec<_> = self.sn.normal_topics(key).map(|(id, _)| id).collect();
        self.journal.session_removed(&mut session, &topics);
        for (filter, _) in &session.subscriptions {
            self.broker.remove_subscription(key, filter);
        }
        self.sn.forget(key);
        self.settle_left(now, &session.client_id, left, reason);
    }

    /// What a client whose session has ended was to get for its groups goes to other members (MQTT 5 §4.8.2), unless it may
    /// go to nobody else. What nobody takes is dropped, and so is what was for the client alone: for `reason`.
    fn settle_left(&mut self, now: Instant, client_id: &Arc<str>, left: Vec<Left>, reason: Option<DropReason>) {
        let mut dropped: BTreeMap<DropReason, BTreeMap<Arc<str>, u64>> = BTreeMap::new();
        for Left { queued, may_go_on } in left {
            let reason = match queued.group {
                Some(_) | None if queued.expires <= now => Some(DropReason::Expired),
                Some(group) if may_go_on && self.is_taken(now, group, &queued) => None,
                Some(_) => Some(DropReason::NoMember),
                None => reason,
            };
            if let Some(reason) = reason {
                *dropped.entry(reason).or_default().entry(queued.message.topic().clone()).or_default() += 1;
            }
        }
        for (reason, messages) in dropped {
            *self.stats.drops.entry(reason).or_default() += messages.values().sum::<u64>();
            self.event(Event::LeftOver { client_id: client_id.clone(), reason, messages });
        }
    }
}
