//! What the operator's rules say about a message that has to wait.

use super::granted::Granted;
use super::{Queued, SessionKey, filter_matches};
use crate::{Core, Keep, Message, PlantedBug, Qos, WhenFull};
use sn_types::Instant;
use std::num::NonZeroU32;

/// How a message is treated while it waits. Worked out once for all of its subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handling {
    pub(crate) keep: Keep,
    pub(crate) when_full: WhenFull,
    pub(crate) keep_qos0: bool,
    priority: u8,
    expires: Instant,
}

/// What a subscriber wants of a message, by those of its subscriptions that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The highest QoS (MQTT-3.3.5-1).
    qos: Qos,
    pub(crate) retain_as_published: bool,
    subscription_ids: Vec<NonZeroU32>,
}

impl Wanted {
    /// From the matching subscriptions of one session, which has published the message itself or not. `None`: it wants
    /// none of its own.
    pub(crate) fn new(found: &[(SessionKey, Granted)], is_its_own: bool) -> Option<Self> {
        let mut wanting = found.iter().map(|(_, granted)| *granted).filter(|granted| !(is_its_own && granted.no_local));
        let mut wanted = Self::from(wanting.next()?);
        for granted in wanting {
            wanted.qos = wanted.qos.max(granted.qos);
            wanted.retain_as_published |= granted.retain_as_published;
            wanted.subscription_ids.extend(granted.id);
        }
        Some(wanted)
    }
}

impl From<Granted> for Wanted {
    fn from(granted: Granted) -> Self {
        let Granted { qos, retain_as_published, id, no_local: _ } = granted;
        Self { qos, retain_as_published, subscription_ids: id.into_iter().collect() }
    }
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

    /// A message that another broker has meant for one subscriber.
    pub(crate) fn queued_at(&mut self, message: &Message, qos: Qos, retain: bool, how: Handling) -> Queued {
        self.queued(message, Granted::from(qos).into(), retain, how)
    }

    /// A message for one subscriber, with the next place in the order of all.
    pub(super) fn queued(&mut self, message: &Message, wanted: Wanted, retain: bool, how: Handling) -> Queued {
        let place = self.broker.next_place;
        self.broker.next_place += 1;
        Queued {
            message: message.with_subscription_ids(wanted.subscription_ids),
            qos: if self.has(PlantedBug::GrantedQosIgnored) { message.qos() } else { message.qos().min(wanted.qos) },
            retain,
            priority: how.priority,
            place,
            group: None,
            expires: how.expires.min(message.expires()),
        }
    }
}
