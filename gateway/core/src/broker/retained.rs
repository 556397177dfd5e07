//! The last retained message of each topic (MQTT 3.1.1 §3.3.1.3).

use super::filter::{filter_matches, has_wildcard};
use crate::core::TimerKey;
use crate::durable::LONGEST_RETAINED_TOPIC;
use crate::{Core, DropReason, Limits, Message};
use sn_types::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// Retained messages by topic.
#[derive(Debug)]
pub(crate) struct Retained {
    by_topic: BTreeMap<Arc<str>, Message>,
    /// Octets of all topics, payloads and properties.
    bytes: usize,
    /// When which messages are of no use any more, of those that will be.
    expiries: BTreeSet<(Instant, Arc<str>)>,
    /// When the next look at them is due.
    scheduled: Instant,
}

impl Default for Retained {
    fn default() -> Self {
        let scheduled = Instant::FAR_FUTURE;
        Self { by_topic: BTreeMap::new(), bytes: 0, expiries: BTreeSet::new(), scheduled }
    }
}

impl Retained {
    /// Keeps `message` in place of its topic's last one; an empty payload only removes that.
    pub(crate) fn set(&mut self, message: &Message) {
        self.remove(message.topic());
        if message.payload().is_empty() {
            return;
        }
        self.bytes += message.bytes();
        self.by_topic.insert(message.topic().clone(), message.clone());
        if message.expires() < Instant::FAR_FUTURE {
            self.expiries.insert((message.expires(), message.topic().clone()));
        }
    }

    /// Takes out a topic's message, if it has one.
    pub(crate) fn remove(&mut self, topic: &str) -> Option<Message> {
        let old = self.by_topic.remove(topic)?;
        self.bytes -= old.bytes();
        if old.expires() < Instant::FAR_FUTURE {
            self.expiries.remove(&(old.expires(), old.topic().clone()));
        }
        Some(old)
    }

    /// Takes out a message that is of no use any more, if there is one.
    fn pop_expired(&mut self, now: Instant) -> Option<Message> {
        let (expires, _) = self.expiries.first()?;
        if *expires > now {
            return None;
        }
        let (_, topic) = self.expiries.pop_first()?;
        let expired = self.by_topic.remove(&topic)?;
        self.bytes -= expired.bytes();
        Some(expired)
    }

    /// Whether `message` may be kept within the limits. One that takes another's place is no further topic.
    pub(crate) fn has_room(&self, message: &Message, limits: &Limits) -> bool {
        let old = self.by_topic.get(message.topic()).map_or(0, Message::bytes);
        let is_new = old == 0;
        message.payload().is_empty()
            || (message.topic().len() <= LONGEST_RETAINED_TOPIC
                && self.by_topic.len() + usize::from(is_new) <= limits.retained_messages
                && self.bytes - old + message.bytes() <= limits.retained_bytes)
    }

    /// Shows every message that `filter` selects, in the order of the topics.
    pub(crate) fn for_each_match(&self, filter: &str, show: &mut impl FnMut(&Message)) {
        if !has_wildcard(filter) {
            self.by_topic.get(filter).into_iter().for_each(show);
            return;
        }
        // `a/#` selects `a` itself, the one topic that is not below the fixed part of the filter.
        if let Some(parent) = filter.strip_suffix("/#").filter(|parent| !has_wildcard(parent)) {
            self.by_topic.get(parent).into_iter().for_each(&mut *show);
        }
        let fixed = filter.split(['+', '#']).next().unwrap_or_default();
        self.by_topic
            .range::<str, _>((Bound::Included(fixed), Bound::Unbounded))
            .take_while(|(topic, _)| topic.starts_with(fixed))
            .filter(|(topic, _)| filter_matches(filter, topic))
            .for_each(|(_, message)| show(message));
    }

    pub(crate) fn get(&self, topic: &str) -> Option<&Message> {
        self.by_topic.get(topic)
    }

    pub(crate) fn for_each(&self, show: &mut impl FnMut(&Message)) {
        self.by_topic.values().for_each(show);
    }

    pub(crate) fn len(&self) -> usize {
        self.by_topic.len()
    }
}

impl Core {
    /// Sees to it that retained messages are looked at when the next one expires.
    pub(crate) fn watch_retained(&mut self) {
        let retained = &mut self.broker.retained;
        if let Some((expires, _)) = retained.expiries.first() {
            self.timers.schedule(&mut retained.scheduled, *expires, TimerKey::Retained);
        }
    }

    /// The look that was asked for `due`: forgets what has expired.
    pub(crate) fn retained_due(&mut self, now: Instant, due: Instant) {
        if self.broker.retained.scheduled != due {
            return;
        }
        self.broker.retained.scheduled = Instant::FAR_FUTURE;
        while let Some(expired) = self.broker.retained.pop_expired(now) {
            self.journal.retained_changed(&expired);
            *self.stats.drops.entry(DropReason::Expired).or_default() += 1;
        }
        self.watch_retained();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Qos;
    use proptest::collection::btree_set;
    use proptest::prelude::*;

    fn message(topic: &str, payload: &'static str) -> Message {
        Message::new(topic.into(), payload.as_bytes(), Qos::AtMostOnce, true)
    }

    fn retained<'a>(topics: impl IntoIterator<Item = &'a str>) -> Retained {
        let mut retained = Retained::default();
        topics.into_iter().for_each(|topic| retained.set(&message(topic, "x")));
        retained
    }

    fn selected(retained: &Retained, filter: &str) -> Vec<String> {
        let mut topics = Vec::new();
        retained.for_each_match(filter, &mut |message| topics.push(message.topic().to_string()));
        topics
    }

    #[test]
    fn the_last_message_of_a_topic_is_kept() {
        let mut retained = retained(["a"]);
        retained.set(&message("a", "newer"));
        let mut payloads = Vec::new();
        retained.for_each_match("a", &mut |message| payloads.push(message.payload().to_vec()));
        assert_eq!(payloads, [b"newer"]);
    }

    #[test]
    fn an_empty_payload_removes() {
        let mut retained = retained(["a", "b"]);
        retained.set(&message("a", ""));
        assert_eq!(retained.len(), 1);
        retained.set(&message("never kept", ""));
        assert_eq!(selected(&retained, "#"), ["b"]);
    }

    #[test]
    fn matches_come_in_topic_order() {
        let retained = retained(["b/2", "a/9", "a", "a/1/x", "a!", "$SYS/uptime", "ab"]);
        assert_eq!(selected(&retained, "#"), ["a", "a!", "a/1/x", "a/9", "ab", "b/2"]);
        assert_eq!(selected(&retained, "a/#"), ["a", "a/1/x", "a/9"]);
        assert_eq!(selected(&retained, "+/+"), ["a/9", "b/2"]);
        assert_eq!(selected(&retained, "$SYS/+"), ["$SYS/uptime"]);
        assert_eq!(selected(&retained, "a/+/x"), ["a/1/x"]);
        assert_eq!(selected(&retained, "ab"), ["ab"]);
    }

    proptest! {
        #[test]
        fn agrees_with_a_look_at_every_topic(
            topics in btree_set("[ab$/!]{1,5}", 0..30),
            filter in "(/|[ab$]|[ab]/|\\+/){0,4}(a|/|#|\\+)",
        ) {
            prop_assume!(super::super::validate_filter(&filter).is_ok());
            let retained = retained(topics.iter().map(String::as_str));
            let expected: Vec<_> = topics.into_iter().filter(|topic| filter_matches(&filter, topic)).collect();
            prop_assert_eq!(selected(&retained, &filter), expected);
        }
    }
}
