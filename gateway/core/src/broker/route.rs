//! From an accepted publish to the subscribers' queues.

use super::granted::Granted;
use super::handling::{Handling, Wanted};
use super::queue::Size;
use super::sys::{RESERVED_PREFIX, selects_sys};
use super::{Home, Link, Outbound, Part, Queued, SessionKey, validate_topic_name};
use crate::{Core, DropReason, Event, Limits, Message, PlantedBug, Qos, RejectReason, Via, short};
use sn_types::Instant;
use std::sync::Arc;
use std::time::Duration;

/// While all queues together are full, they are looked through no more often.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);
/// So many expired messages at a time make enough room: each is an event.
const LONGEST_SWEEP: usize = 10_000;

impl Core {
    /// Whether a client may publish to a topic name.
    pub(crate) fn publishable(&self, name: &str) -> Result<(), RejectReason> {
        let allowed = name.len() <= self.config.limits.topic_name_len && !name.starts_with(RESERVED_PREFIX);
        let valid = allowed && validate_topic_name(name).is_ok();
        valid.then_some(()).ok_or(RejectReason::TopicName)
    }

    /// Hands an accepted message to everybody who subscribed to its topic, and keeps it if it is retained. Answers
    /// whether anybody did.
    pub(crate) fn publish(&mut self, now: Instant, from: Option<SessionKey>, message: Message) -> bool {
        self.stats.published[message.qos() as usize] += 1;
        self.stats.published_bytes[message.qos() as usize] += message.payload().len() as u64;
        if message.retain() {
            self.retain(&message);
        }
        let how = self.handling(now, message.topic());
        let mut matches = std::mem::take(&mut self.broker.matches);
        self.broker.subscriptions.matches(message.topic(), &mut matches);
        let mut any = false;
        for found in matches.chunk_by(|one, next| one.0 == next.0) {
            let (key, _) = found[0];
            if let Some(group) = key.group() {
                any |= self.publish_to_group(now, group, &message, Instant::FAR_FUTURE);
                continue;
            }
            let Some(wanted) = Wanted::new(found, from == Some(key)) else { continue };
            if !self.sn_fits_ever(key, &message) {
                self.dropped(key, message.topic().clone(), DropReason::TooLong);
                continue;
            }
            let retain = wanted.retain_as_published && message.retain();
            let queued = self.queued(&message, wanted, retain, how);
            self.deliver(now, key, queued, how);
            self.pump(now, key);
            any = true;
        }
        self.broker.matches = matches;
        any
    }

    /// Keeps a message for new subscribers, if there is room; those of now get it in any case. Without room the one before
    /// goes, too: it would be taken for the last one.
    fn retain(&mut self, message: &Message) {
        if !self.broker.retained.has_room(message, &self.config.limits) {
            let old = self.broker.retained.remove(message.topic());
            *self.stats.drops.entry(DropReason::RetainedLimit).or_default() += 1 + u64::from(old.is_some());
            old.iter().for_each(|old| self.journal.retained_changed(old));
            return;
        }
        self.broker.retained.set(message);
        self.watch_retained();
        self.journal.retained_changed(message);
    }

    /// Queues a message for one client. QoS 0 is not kept for a client that is not there.
    pub(crate) fn deliver(&mut self, now: Instant, key: SessionKey, queued: Queued, how: Handling) {
        if !self.may_receive(key, queued.message.topic()) {
            self.stats.withheld += 1;
            return;
        }
        if queued.qos != Qos::AtMostOnce {
            self.broker.sessions.mark(key, Part::Outbound);
            if self.broker.sessions.get(key).is_some_and(|session| session.durable) {
                self.journal.message_queued(&queued.message);
            }
        } else if !self.takes_qos0(key, &queued, how) {
            return;
        }
        if self.broker.sessions.totals().excess(&queued, &self.config.limits) != Size::default() {
            self.drop_expired_of_all(now);
        }
        let unlimited;
        let limits = if self.has(PlantedBug::QueueUnlimited) {
            unlimited = Limits { queue_messages: usize::MAX, ..self.config.limits };
            &unlimited
        } else {
            &self.config.limits
        };
        let Some(session) = self.broker.sessions.get_mut(key) else { return };
        self.stats.routed += 1;
        let dropped = session.outbound.push(now, queued, how, limits);
        if dropped.iter().any(|(queued, _)| queued.is_durable()) {
            self.broker.sessions.mark(key, Part::Outbound);
        }
        for (dropped, reason) in dropped {
            self.dropped(key, dropped.message.topic().clone(), reason);
        }
    }

    /// Whether a QoS 0 message may wait for the client. One that is not connected misses it, as in MQTT.
    fn takes_qos0(&mut self, key: SessionKey, queued: &Queued, how: Handling) -> bool {
        match self.broker.sessions.get(key).map(|session| session.link) {
            None | Some(Link::None) => false,
            Some(Link::Mqtt(_)) => true,
            Some(Link::Sn) if how.keep_qos0 || self.sn.listens(key) => true,
            Some(Link::Sn) => {
                self.dropped(key, queued.message.topic().clone(), DropReason::Qos0);
                false
            }
        }
    }

    /// All queues together are full: drops what has waited for too long in any of them.
    fn drop_expired_of_all(&mut self, now: Instant) {
        if now < self.broker.next_sweep {
            return;
        }
        let mut dropped = 0;
        let sessions = self.broker.sessions.iter();
        let keys: Vec<_> =
            sessions.filter(|(_, session)| session.outbound.may_have_expired(now)).map(|(key, _)| key).collect();
        for key in keys {
            let outbound = self.broker.sessions.outbound_mut(key);
            let expired = outbound.map(|outbound| outbound.drop_expired(now)).unwrap_or_default();
            dropped += expired.len();
            for queued in expired {
                self.dropped(key, queued.message.topic().clone(), DropReason::Expired);
            }
            if dropped >= LONGEST_SWEEP {
                return;
            }
        }
        self.broker.next_sweep = now + SWEEP_PAUSE;
    }

    /// Drops what has waited for too long and would be sent next. What may not wait at all, with an expiry of 0, has not waited
    /// if its subscriber listens.
    pub(crate) fn drop_expired(&mut self, now: Instant, key: SessionKey) {
        let has_expired = |queued: &Queued| queued.expires < now;
        while self.broker.sessions.get_mut(key).and_then(|s| s.outbound.front()).is_some_and(has_expired) {
            let expired = self.broker.sessions.outbound_mut(key).and_then(Outbound::pop);
            let Some(expired) = expired else { return };
            self.dropped(key, expired.message.topic().clone(), DropReason::Expired);
        }
    }

    /// Lets the client's protocol side send what it can of the queue.
    pub(crate) fn pump(&mut self, now: Instant, key: SessionKey) {
        match self.broker.sessions.get(key).map(|session| session.link) {
            Some(Link::Sn) => self.sn_pump(now, key),
            Some(Link::Mqtt(conn)) => self.mqtt_pump(now, conn),
            Some(Link::None) | None => {}
        }
    }

    /// Adds a subscription or changes it, and says whether it is new. `None`: the client has as many as it may.
    pub(crate) fn subscribe(&mut self, key: SessionKey, filter: &Arc<str>, granted: Granted) -> Option<bool> {
        let session = self.broker.sessions.get_mut(key)?;
        let full = session.subscriptions.len() >= self.config.limits.subscriptions_per_client;
        match session.subscriptions.iter_mut().find(|(known, _)| known == filter) {
            Some((_, before)) => *before = granted,
            None if full => return None,
            None => short::push(&mut session.subscriptions, (filter.clone(), granted)),
        }
        let is_new = match session.home {
            Home::Here => self.broker.add_subscription(key, filter, granted),
            Home::Upstream => false,
        };
        self.broker.sessions.mark(key, Part::Subscriptions);
        Some(is_new)
    }

    /// Queues the retained messages that a new subscription asks for. The caller pumps, after its SUBACK.
    pub(crate) fn deliver_retained(&mut self, now: Instant, key: SessionKey, filter: &str, granted: Granted) {
        for (queued, how) in self.retained_for(now, filter, granted) {
            self.deliver(now, key, queued, how);
        }
    }

    /// The retained messages that a new subscription asks for, in the order of their topics.
    pub(crate) fn retained_for(&mut self, now: Instant, filter: &str, granted: Granted) -> Vec<(Queued, Handling)> {
        let mut found = if selects_sys(filter) { self.sys_retained(now, filter) } else { Vec::new() };
        self.broker.retained.for_each_match(filter, &mut |message: &Message| found.push(message.clone()));
        let mut queue = |message: &Message| {
            let how = self.handling(now, message.topic());
            (self.queued(message, granted.into(), true, how), how)
        };
        found.iter().map(&mut queue).collect()
    }

    /// Removes a subscription, and says whether there was one. What is queued stays.
    pub(crate) fn unsubscribe(&mut self, key: SessionKey, filter: &str) -> bool {
        let is_ignored = self.has(PlantedBug::UnsubscribeIgnored);
        let Some(session) = self.broker.sessions.get_mut(key) else { return false };
        let Some(at) = session.subscriptions.iter().position(|(known, _)| &**known == filter) else { return false };
        if !is_ignored {
            session.subscriptions.remove(at);
            self.broker.remove_subscription(key, filter);
            self.broker.sessions.mark(key, Part::Subscriptions);
        }
        true
    }

    /// Counts a message that a client will not get.
    pub(crate) fn dropped(&mut self, key: SessionKey, topic: Arc<str>, reason: DropReason) {
        if self.has(PlantedBug::SilentDrop) {
            return;
        }
        let Some(session) = self.broker.sessions.get_mut(key) else { return };
        *session.counters.get_or_insert_default().drops.entry(reason).or_default() += 1;
        let client_id = session.client_id.clone();
        *self.stats.drops.entry(reason).or_default() += 1;
        self.event(Event::Dropped { client_id, topic, reason });
    }

    /// Counts a packet that was refused or ignored.
    pub(crate) fn reject(&mut self, from: Via, key: Option<SessionKey>, reason: RejectReason) {
        self.count_reject(key, reason);
        self.event(Event::Rejected { from, reason });
    }

    /// The same for what a client has left for later: nobody is there to be told of.
    pub(crate) fn count_reject(&mut self, key: Option<SessionKey>, reason: RejectReason) {
        *self.stats.rejects.entry(reason).or_default() += 1;
        if let Some(session) = key.and_then(|key| self.broker.sessions.get_mut(key)) {
            *session.counters.get_or_insert_default().rejects.entry(reason).or_default() += 1;
        }
    }
}
