//! Topic aliases (MQTT 5 §3.3.2.3.4): a number for a topic name that comes often. They are a matter of one connection
//! and of the order in which packets go over it, so the core never sees them.

use super::Malformed;
use std::collections::HashMap;
use std::num::NonZeroU16;
use std::sync::Arc;

/// Aliases that the client has given.
#[derive(Debug)]
pub(super) struct Incoming {
    /// By the alias, less one.
    topics: Vec<Option<Arc<str>>>,
    maximum: u16,
}

impl Incoming {
    pub(super) fn new(maximum: u16) -> Self {
        Self { topics: Vec::new(), maximum }
    }

    /// What `alias` stands for: `topic`, from now on, or if that is empty what it was given for before.
    pub(super) fn resolve(&mut self, alias: NonZeroU16, topic: Arc<str>) -> Result<Arc<str>, Malformed> {
        let at = usize::from(alias.get()) - 1;
        if alias.get() > self.maximum {
            return Err(Malformed::TopicAlias);
        }
        if topic.is_empty() {
            return self.topics.get(at).cloned().flatten().ok_or(Malformed::UnknownTopicAlias);
        }
        if self.topics.len() <= at {
            self.topics.resize(at + 1, None);
        }
        self.topics[at] = Some(topic.clone());
        Ok(topic)
    }
}

/// The most aliases that a connection uses, whatever its client allows.
const MOST: u16 = 64;
/// Topic names that are shorter gain nothing: an alias takes three octets.
const SHORTEST: usize = 4;

/// Aliases that we have given. When there are no more, those that were not used for a whole turn around are given again.
#[derive(Debug)]
pub(super) struct Outgoing {
    maximum: u16,
    by_topic: HashMap<Arc<str>, u16, foldhash::fast::RandomState>,
    /// By the alias, less one.
    given: Vec<Given>,
    /// The next to look at when another topic needs an alias.
    hand: usize,
}

#[derive(Debug)]
struct Given {
    topic: Arc<str>,
    /// Since the hand passed.
    used: bool,
}

/// How to write a PUBLISH's topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alias {
    /// The name alone.
    None,
    /// The name, and this alias, which is to stand for it from now on.
    Given(u16),
    /// This alias alone.
    Known(u16),
}

impl Outgoing {
    /// For a client that allows `maximum` aliases; `None` if that is none.
    pub(super) fn new(maximum: u16) -> Option<Box<Self>> {
        let outgoing = Self { maximum: maximum.min(MOST), by_topic: HashMap::default(), given: Vec::new(), hand: 0 };
        (maximum > 0).then(|| Box::new(outgoing))
    }

    /// How to write `topic`, if the packet may have `room` for three more octets.
    pub(super) fn choose(&mut self, topic: &Arc<str>, room: bool) -> Alias {
        if topic.len() < SHORTEST {
            return Alias::None;
        }
        if let Some(alias) = self.by_topic.get(topic) {
            self.given[usize::from(*alias) - 1].used = true;
            return Alias::Known(*alias);
        }
        if room { self.give(topic) } else { Alias::None }
    }

    fn give(&mut self, topic: &Arc<str>) -> Alias {
        let at = self.given.len();
        if at < usize::from(self.maximum) {
            self.given.push(Given { topic: topic.clone(), used: false });
            return self.note(topic, at);
        }
        let at = self.hand;
        self.hand = (at + 1) % self.given.len();
        if std::mem::take(&mut self.given[at].used) {
            return Alias::None;
        }
        let old = std::mem::replace(&mut self.given[at].topic, topic.clone());
        self.by_topic.remove(&old);
        self.note(topic, at)
    }

    fn note(&mut self, topic: &Arc<str>, at: usize) -> Alias {
        // At most `MOST`.
        let alias = at as u16 + 1;
        self.by_topic.insert(topic.clone(), alias);
        Alias::Given(alias)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alias(n: u16) -> NonZeroU16 {
        NonZeroU16::new(n).unwrap()
    }

    #[test]
    fn an_incoming_alias_stands_for_the_name_it_came_with_last() {
        let mut aliases = Incoming::new(2);
        assert_eq!(aliases.resolve(alias(2), "".into()), Err(Malformed::UnknownTopicAlias));
        for topic in ["one", "other"] {
            assert_eq!(&*aliases.resolve(alias(2), topic.into()).unwrap(), topic);
            assert_eq!(&*aliases.resolve(alias(2), "".into()).unwrap(), topic);
        }
        assert_eq!(aliases.resolve(alias(1), "".into()), Err(Malformed::UnknownTopicAlias));
        assert_eq!(aliases.resolve(alias(3), "three".into()), Err(Malformed::TopicAlias));
    }

    #[test]
    fn a_topic_has_an_alias_from_its_first_message_on() {
        let mut aliases = Outgoing::new(2).unwrap();
        assert_eq!(aliases.choose(&"topic/a".into(), true), Alias::Given(1));
        assert_eq!(aliases.choose(&"topic/b".into(), false), Alias::None);
        assert_eq!(aliases.choose(&"topic/b".into(), true), Alias::Given(2));
        assert_eq!(aliases.choose(&"topic/a".into(), true), Alias::Known(1));
        assert_eq!(aliases.choose(&"a".into(), true), Alias::None);
        assert!(Outgoing::new(0).is_none());
    }

    #[test]
    fn topics_that_come_often_keep_their_aliases() {
        let mut aliases = Outgoing::new(2).unwrap();
        let often: Arc<str> = "often".into();
        aliases.choose(&often, true);
        for n in 0..100 {
            assert_eq!(aliases.choose(&often, true), Alias::Known(1));
            aliases.choose(&format!("once/{n}").into(), true);
        }
        assert_eq!(aliases.by_topic.len(), 2);
    }
}
