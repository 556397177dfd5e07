//! What the operator's rules say about a message that has to wait.

use super::{Queued, filter_matches};
use crate::{Core, Keep, Message, PlantedBug, Qos, WhenFull};
use sn_types::Instant;

/// How a message is treated while it waits. Worked out once for all of its subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handling {
    pub(crate) keep: Keep,
    pub(crate) when_full: WhenFull,
    pub(crate) keep_qos0: bool,
    priority: u8,
    expires: Instant,
}

impl Core {
    /// The handling of messages on a topic: by the first rule whose filter matches.
    pub(crate) fn handling(&self, now: Instant, topic: &str) -> Handling {
        let rule = self.config.queue_rules.iter().find(|rule| filter_matches(&rule.filter, topic));
        let time_to_live = rule.and_then(|rule| rule.time_to_live);
        Handling {
            keep: rule.map_or(Keep::All, |rule| rule.keep),
            when_full: rule.and_then(|rule| rule.when_full).unwrap_or(self.config.when_full),
            keep_qos0: rule.is_none_or(|rule| rule.keep_qos0),
            priority: rule.map_or(0, |rule| rule.priority),
            expires: time_to_live.map_or(Instant::FAR_FUTURE, |time_to_live| now + time_to_live),
        }
    }

    /// A message for one subscriber, with the next place in the order of all.
    pub(super) fn queued(&mut self, message: &Message, granted: Qos, retain: bool, how: Handling) -> Queued {
        let place = self.broker.next_place;
        self.broker.next_place += 1;
        Queued {
            message: message.clone(),
            qos: if self.has(PlantedBug::GrantedQosIgnored) { message.qos() } else { message.qos().min(granted) },
            retain,
            priority: how.priority,
            place,
            expires: how.expires,
        }
    }
}
