//! Shared subscriptions (MQTT 5 §4.8.2): of a group's members one gets each message, in turn.
//!
//! Clients of MQTT 3.1.1 may join, too. Those of MQTT-SN may not: the others would wait for what one of them sleeps on.

use super::granted::Granted;
use super::{Broker, Link, Queued, SessionKey};
use crate::map::{Map, MapSeed};
use crate::{Core, Message, Qos};
use sn_types::Instant;
use std::num::NonZeroU32;
use std::sync::Arc;

/// What the filters of shared subscriptions begin with; the name of the group follows, and then the filter proper.
const PREFIX: &str = "$share/";

/// Whether a filter is that of a shared subscription.
pub(crate) fn is_shared(filter: &str) -> bool {
    filter.starts_with(PREFIX)
}

/// The filter by which messages are selected: without the group of a shared subscription (MQTT 5 §4.8.2), if there is one. It
/// may be no valid filter. `None`: the group has no name, or one with a wildcard, or no filter follows.
#[must_use]
pub fn selecting_filter(filter: &str) -> Option<&str> {
    let Some(shared) = filter.strip_prefix(PREFIX) else { return Some(filter) };
    let (group, filter) = shared.split_once('/')?;
    (!group.is_empty() && !group.contains(['+', '#'])).then_some(filter)
}

/// A group's number; the same filter has another one when the group was empty in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GroupNumber(NonZeroU32);

const _: () = assert!(size_of::<Option<GroupNumber>>() == 4);

impl GroupNumber {
    pub(crate) fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    pub(crate) const fn get(self) -> u32 {
        self.0.get()
    }

    /// As a subscriber in the index, where no session is.
    pub(super) fn key(self) -> SessionKey {
        SessionKey::new(self.0.get(), SessionKey::NO_SESSION)
    }
}

/// All groups, each with its filter: the same name with another filter is another group.
#[derive(Debug)]
pub(crate) struct Groups {
    /// By the whole filter, prefix and all.
    numbers: Map<Arc<str>, GroupNumber>,
    groups: Map<GroupNumber, Group>,
    last: u32,
    members: usize,
}

#[derive(Debug, Default)]
struct Group {
    members: Vec<(SessionKey, Granted)>,
    /// Whose turn it is.
    turn: usize,
}

impl Groups {
    pub(super) fn new(seed: MapSeed) -> Self {
        Self { numbers: seed.map(), groups: seed.map(), last: 0, members: 0 }
    }

    /// The group of a filter, if it has members.
    pub(crate) fn find(&self, filter: &str) -> Option<GroupNumber> {
        self.numbers.get(filter).copied()
    }

    /// The group of a filter, which may have no members yet.
    fn find_or_new(&mut self, filter: &Arc<str>) -> GroupNumber {
        if let Some(known) = self.find(filter) {
            return known;
        }
        // Four thousand million groups later numbers begin anew, at one that nobody has any more.
        let number = loop {
            self.last = self.last.wrapping_add(1);
            match GroupNumber::new(self.last) {
                Some(number) if !self.groups.contains_key(&number) => break number,
                Some(_) | None => {}
            }
        };
        self.restore(filter, number);
        number
    }

    /// A group from the store; its members follow.
    pub(crate) fn restore(&mut self, filter: &Arc<str>, number: GroupNumber) {
        self.note(number);
        self.numbers.insert(filter.clone(), number);
        self.groups.entry(number).or_default();
    }

    /// The store knows this number: new groups get later ones.
    pub(crate) fn note(&mut self, number: GroupNumber) {
        self.last = self.last.max(number.get());
    }

    /// How many subscriptions there are more than the index knows, which has one for each group.
    pub(super) fn beyond_index(&self) -> usize {
        self.members - self.groups.values().filter(|group| !group.members.is_empty()).count()
    }
}

impl Broker {
    /// Adds a subscription or changes it, and says whether it is new.
    pub(crate) fn add_subscription(&mut self, key: SessionKey, filter: &Arc<str>, granted: Granted) -> bool {
        let Some(selecting) = selecting_filter(filter).filter(|_| is_shared(filter)) else {
            return self.subscriptions.insert(filter, key, granted);
        };
        let number = self.groups.find_or_new(filter);
        let Some(group) = self.groups.groups.get_mut(&number) else { return false };
        if let Some((_, before)) = group.members.iter_mut().find(|(member, _)| *member == key) {
            *before = granted;
            return false;
        }
        if group.members.is_empty() {
            self.subscriptions.insert(&selecting.into(), number.key(), Qos::ExactlyOnce.into());
        }
        group.members.push((key, granted));
        self.groups.members += 1;
        true
    }

    pub(super) fn remove_subscription(&mut self, key: SessionKey, filter: &str) {
        let Some(selecting) = selecting_filter(filter).filter(|_| is_shared(filter)) else {
            self.subscriptions.remove(filter, key);
            return;
        };
        let Some(number) = self.groups.numbers.get(filter).copied() else { return };
        let Some(group) = self.groups.groups.get_mut(&number) else { return };
        let before = group.members.len();
        group.members.retain(|(member, _)| *member != key);
        self.groups.members -= before - group.members.len();
        if group.members.is_empty() {
            self.groups.groups.remove(&number);
            self.groups.numbers.remove(filter);
            self.subscriptions.remove(selecting, number.key());
        }
    }
}

/// Who of a group is the better choice; the first is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Availability {
    /// Listens and has no messages waiting.
    Ready,
    /// Listens.
    Busy,
    /// Does not listen; messages wait for it.
    Away,
    /// Has no room for another message.
    Full,
    /// Does not listen, and gets the message at QoS 0: it would miss it.
    Misses,
}

impl Core {
    /// Gives a message to one of a group, and says whether there was one who may have it. It is of no use from `no_later` on.
    pub(super) fn publish_to_group(
        &mut self,
        now: Instant,
        number: GroupNumber,
        message: &Message,
        no_later: Instant,
    ) -> bool {
        self.give_to_group(now, number, message, no_later).is_some()
    }

    /// The same. Answers how available the member was.
    fn give_to_group(
        &mut self,
        now: Instant,
        number: GroupNumber,
        message: &Message,
        no_later: Instant,
    ) -> Option<Availability> {
        let (key, granted, availability) = self.next_member(number, message)?;
        let how = self.handling(now, message.topic());
        let retain = granted.retain_as_published && message.retain();
        let mut queued = Queued { group: Some(number), ..self.queued(message, granted.into(), retain, how) };
        queued.expires = queued.expires.min(no_later);
        self.deliver(now, key, queued, how);
        self.pump(now, key);
        Some(availability)
    }

    /// The next in turn of those who are the best choice.
    fn next_member(&mut self, number: GroupNumber, message: &Message) -> Option<(SessionKey, Granted, Availability)> {
        let group = self.broker.groups.groups.get(&number)?;
        let count = group.members.len();
        let places = (0..count).map(|step| (group.turn + step) % count);
        let may_receive = |place: &usize| self.may_receive(group.members[*place].0, message.topic());
        let mut best = None;
        for place in places.filter(may_receive) {
            let (key, granted) = group.members[place];
            let availability = self.availability(key, message.qos().min(granted.qos));
            if best.is_none_or(|(known, _)| availability < known) {
                best = Some((availability, place));
            }
            if availability == Availability::Ready {
                break;
            }
        }
        let (availability, place) = best?;
        let group = self.broker.groups.groups.get_mut(&number)?;
        group.turn = place + 1;
        let (key, granted) = group.members[place];
        Some((key, granted, availability))
    }

    /// How available a client is for a message at this QoS.
    fn availability(&self, key: SessionKey, qos: Qos) -> Availability {
        let Some(session) = self.broker.sessions.get(key) else { return Availability::Misses };
        match (self.listens(key), session.outbound.len() > session.outbound.in_flight()) {
            (true, false) => Availability::Ready,
            (false, _) if qos == Qos::AtMostOnce => Availability::Misses,
            (_, true) if session.outbound.is_full(&self.config.limits) => Availability::Full,
            (true, true) => Availability::Busy,
            (false, _) => Availability::Away,
        }
    }

    /// Whether a session's client takes messages now.
    pub(crate) fn listens(&self, key: SessionKey) -> bool {
        match self.broker.sessions.get(key).map(|session| session.link) {
            Some(Link::Mqtt(_)) => true,
            Some(Link::Sn) => self.sn.listens(key),
            Some(Link::None) | None => false,
        }
    }

    /// Gives a group what one of it was to get, and says whether somebody took it, or has counted it.
    pub(super) fn is_taken(&mut self, now: Instant, number: GroupNumber, queued: &Queued) -> bool {
        match self.give_to_group(now, number, queued.message.original(), queued.expires) {
            Some(Availability::Ready | Availability::Busy | Availability::Away | Availability::Full) => true,
            Some(Availability::Misses) | None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_a_name_and_a_filter() {
        assert_eq!(selecting_filter("a/b"), Some("a/b"));
        assert_eq!(selecting_filter("$share/group/a/+"), Some("a/+"));
        assert_eq!(selecting_filter("$share/group//"), Some("/"));
        for malformed in ["$share/group", "$share//a", "$share/g+/a", "$share/#/a"] {
            assert_eq!(selecting_filter(malformed), None, "{malformed}");
        }
        assert!(!is_shared("$shared/a") && !is_shared("$share"));
    }
}
