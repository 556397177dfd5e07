//! The last retained message of each topic (MQTT 3.1.1 §3.3.1.3).

use super::filter::{filter_matches, has_wildcard};
use crate::{Limits, Message};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// Retained messages by topic.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    by_topic: BTreeMap<Arc<str>, Message>,
    /// Octets of all topics and payloads.
    bytes: usize,
}

impl Retained {
    /// Keeps `message` in place of its topic's last one; an empty payload only removes that.
    pub(crate) fn set(&mut self, message: &Message) {
        let old = if message.payload().is_empty() {
            self.by_topic.remove(message.topic())
        } else {
            self.bytes += message.bytes();
            self.by_topic.insert(message.topic().clone(), message.clone())
        };
        self.bytes -= old.map_or(0, |old| old.bytes());
    }

    /// Whether `message` may be kept within the limits. One that takes another's place is no further topic.
    pub(crate) fn has_room(&self, message: &Message, limits: &Limits) -> bool {
        let old = self.by_topic.get(message.topic()).map_or(0, Message::bytes);
        let is_new = old == 0;
        message.payload().is_empty()
            || (self.by_topic.len() + usize::from(is_new) <= limits.retained_messages
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
