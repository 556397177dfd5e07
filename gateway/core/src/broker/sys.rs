//! The topics below `$SYS`, which the gateway itself publishes to.
//!
//! Nothing of it is stored: a value is worked out when somebody subscribes, and while somebody does, once per interval.
//! Then what has changed is published at QoS 0. A subscriber that does not listen at that moment is passed over, and no
//! mailbox fills with it.

use super::handling::Wanted;
use super::load::Load;
use super::status::Status;
use super::{Link, SessionKey, filter_matches};
use crate::core::TimerKey;
use crate::{Core, Keep, Message, Qos};
use sn_types::Instant;
use std::time::Duration;

/// What starts the names of topics that only the gateway publishes to.
pub(super) const RESERVED_PREFIX: &str = "$SYS";
/// Published as soon as it changes.
const STORE_STATE: &str = "$SYS/broker/store/state";
/// For how long new subscribers are told the same values: who subscribes over and over does not keep the gateway busy.
const FRESH: Duration = Duration::from_secs(1);
/// How often to look whether publishing has been switched on again.
const LOOK_WHILE_OFF: Duration = Duration::from_secs(10);

/// What is remembered from one interval to the next.
#[derive(Debug)]
pub(crate) struct Sys {
    /// When the gateway started.
    pub(super) started: Instant,
    /// When the next look is due.
    scheduled: Instant,
    /// What was published last; an empty value is none that everybody knows. Empty when nobody subscribes.
    last: Status,
    /// What happens per minute, while somebody subscribes.
    pub(super) load: Load,
    /// What new subscribers are told, and when it was worked out.
    recent: Option<(Instant, Status)>,
}

impl Default for Sys {
    fn default() -> Self {
        Self {
            started: Instant::ZERO,
            scheduled: Instant::FAR_FUTURE,
            last: Status::new(),
            load: Load::default(),
            recent: None,
        }
    }
}

/// Whether a filter can select topics of the gateway's own: a wildcard at its start does not (MQTT-4.7.2-1).
pub(super) fn selects_sys(filter: &str) -> bool {
    filter.starts_with(RESERVED_PREFIX)
}

impl Core {
    /// The gateway has started at `now`, perhaps with subscriptions of before.
    pub(crate) fn sys_start(&mut self, now: Instant) {
        self.broker.sys.started = now;
        if self.broker.subscriptions.any_of_sys() {
            self.sys_schedule(now);
        }
    }

    /// The values that a new subscription selects, as retained messages.
    pub(super) fn sys_retained(&mut self, now: Instant, filter: &str) -> Vec<Message> {
        if self.config.sys_interval.is_none() {
            self.sys_schedule(now);
            return Vec::new();
        }
        let mut status = self.recent_status(now);
        if self.broker.sys.last.is_empty() {
            self.note_load(now);
            self.broker.sys.last.clone_from(&status);
        }
        self.sys_schedule(now);
        status.retain(|topic, _| filter_matches(filter, topic));
        // A later value may be the one that all others have: it must be published for the sake of this subscriber.
        for (topic, value) in &status {
            let last = self.broker.sys.last.entry(topic.clone()).or_default();
            if last != value {
                last.clear();
            }
        }
        status.iter().map(|(topic, value)| self.sys_message(topic, value)).collect()
    }

    fn recent_status(&mut self, now: Instant) -> Status {
        let recent = self.broker.sys.recent.take().filter(|(at, _)| now.since(*at) < FRESH);
        // The store's state is not old: while it is another than "ok" nobody can subscribe.
        let (at, status) = recent.unwrap_or_else(|| (now, self.status(now)));
        self.broker.sys.recent = Some((at, status.clone()));
        status
    }

    /// The look that was asked for `due`: publishes what has changed.
    pub(crate) fn sys_due(&mut self, now: Instant, due: Instant) {
        if self.broker.sys.scheduled != due {
            return;
        }
        self.broker.sys.scheduled = Instant::FAR_FUTURE;
        if !self.broker.subscriptions.any_of_sys() {
            self.broker.sys.last.clear();
            self.broker.sys.recent = None;
            self.broker.sys.load = Load::default();
            return;
        }
        if self.config.sys_interval.is_some() {
            self.sys_publish_changes(now);
        }
        self.sys_schedule(now);
    }

    /// The store's state has changed: that does not wait for the interval.
    pub(crate) fn sys_storage_changed(&mut self, now: Instant) {
        self.sys_value_changed(now, STORE_STATE, self.storage.name());
    }

    /// Publishes a value that does not wait for the interval.
    pub(super) fn sys_value_changed(&mut self, now: Instant, topic: &str, value: &str) {
        if self.config.sys_interval.is_some() && self.broker.subscriptions.any_of_sys() {
            self.broker.sys.last.insert(topic.into(), value.into());
            self.broker.sys.recent = None;
            self.sys_publish(now, topic, value);
        }
    }

    fn sys_publish_changes(&mut self, now: Instant) {
        self.note_load(now);
        let status = self.status(now);
        let last = std::mem::replace(&mut self.broker.sys.last, status.clone());
        // Only mailboxes and radio nodes come and go.
        for topic in last.keys().filter(|topic| !status.contains_key(*topic)) {
            let word = self.last_word(topic);
            self.sys_publish(now, topic, &word);
        }
        for (topic, value) in &status {
            if last.get(topic) != Some(value) {
                self.sys_publish(now, topic, value);
            }
        }
    }

    fn sys_publish(&mut self, now: Instant, topic: &str, value: &str) {
        let mut found = Vec::new();
        self.broker.subscriptions.matches(topic, &mut found);
        found.retain(|(key, _)| self.hears_sys(*key));
        if found.is_empty() {
            return;
        }
        let message = self.sys_message(topic, value);
        // A connection that does not read gets the latest value of each topic when it does.
        let mut how = self.handling(now, topic);
        how.keep = Keep::Latest;
        for found in found.chunk_by(|one, next| one.0 == next.0) {
            let (key, _) = found[0];
            let Some(wanted) = Wanted::new(found, false) else { continue };
            let queued = self.queued(&message, wanted, false, how);
            self.deliver(now, key, queued, how);
            self.pump(now, key);
        }
    }

    fn hears_sys(&self, key: SessionKey) -> bool {
        match self.broker.sessions.get(key).map(|session| session.link) {
            Some(Link::Mqtt(_)) => true,
            Some(Link::Sn) => self.sn.listens(key),
            Some(Link::None) | None => false,
        }
    }

    fn sys_message(&self, topic: &str, value: &str) -> Message {
        Message::new(self.broker.name(topic), value.as_bytes(), Qos::AtMostOnce, true)
    }

    fn sys_schedule(&mut self, now: Instant) {
        let next = now + self.config.sys_interval.unwrap_or(LOOK_WHILE_OFF);
        self.timers.schedule(&mut self.broker.sys.scheduled, next, TimerKey::Sys);
    }
}
