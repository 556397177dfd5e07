//! From marked changes to records.

use super::accepted::accepted_record;
use super::key::{Key, Record, SCHEMA};
use super::record::{
    FlightValue, IncomingValue, MessageValue, QueuedValue, SessionValue, SubscriptionValue, delete, put, stored_time,
};
use super::tail::{MessageTail, SessionTail, put_with_tail, subscriptions_tail};
use super::{CommitToken, Journal};
use crate::broker::{Change, Home, Marks, Part, Phase, Queued, Session, SessionKey};
use crate::{Core, Message, Output, PlantedBug};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Core {
    /// The next commit, if anything has changed and none is under way.
    pub(crate) fn next_commit(&mut self) -> Option<Output> {
        if self.journal.under_way.is_some() || !self.is_dirty() {
            debug_assert!(self.is_dirty() || self.journal.gathered_bytes == 0, "no commit would take these octets off");
            return None;
        }
        let records = self.collect();
        let token = self.journal.next;
        self.journal.next = CommitToken(token.0 + 1);
        if records.is_empty() {
            // What was marked has undone itself: there is nothing to wait for.
            self.let_go(token);
            return self.out.pop();
        }
        self.journal.under_way = Some(token);
        self.journal.under_way_bytes = records.iter().map(Record::bytes).sum();
        Some(Output::Commit { token, records })
    }

    fn collect(&mut self) -> Vec<Record> {
        let other = std::mem::take(&mut self.journal.other);
        self.journal.gathered_bytes = 0;
        let mut records = Vec::new();
        for key in self.broker.sessions.take_marked() {
            self.collect_session(key, &mut records);
        }
        for topic in std::mem::take(&mut self.journal.retained) {
            let key = Key::Retained(&topic);
            records.push(match self.broker.retained_message(&topic) {
                Some(message) => retained_record(message),
                None => delete(key),
            });
        }
        self.collect_nodes(&mut records);
        if other.is_empty() { records } else { newest(other.into_iter().chain(records)) }
    }

    /// Radio nodes: what has changed of the list, and every counter that the store does not have.
    fn collect_nodes(&mut self, records: &mut Vec<Record>) {
        for (node, accepted) in self.nodes.take_spent() {
            records.push(accepted_record(node, &accepted));
        }
        for node in self.nodes.take_unsaved() {
            records.push(
                self.nodes.value(node).map_or_else(|| delete(Key::Node(node)), |value| put(Key::Node(node), &value)),
            );
            if self.nodes.accepted(node).is_none() {
                // It may have been on the list before, with another key.
                records.push(delete(Key::NodeCounter(node)));
            }
        }
        records.extend(self.nodes.take_reserved().map(|reserved| put(Key::Reserved, &reserved)));
    }

    fn collect_session(&mut self, key: SessionKey, records: &mut Vec<Record>) {
        let loses_mailbox = self.has(PlantedBug::MailboxNotStored);
        let waits = !self.listens(key);
        let Some(session) = self.broker.sessions.get_mut(key) else { return };
        let marks = session.take_marks();
        let number = session.number;
        let ids_reserved = marks.contains(Part::Outbound) && session.outbound.reserve_ids();
        if marks.contains(Part::Outbound) && !loses_mailbox {
            session.outbound.take_changes(|change| collect_change(number, &change, records));
        }
        if waits {
            session.outbound.pack();
        }
        if marks.contains(Part::TopicIds) && !self.has(PlantedBug::TopicIdsNotStored) {
            let unsaved = self.sn.take_unsaved_topics(key);
            records.extend(unsaved.into_iter().map(|(id, name)| put(Key::TopicId(number, id.0), &&*name)));
        }
        let Some(session) = self.broker.sessions.get(key) else { return };
        self.collect_small_parts(key, session, marks, ids_reserved, records);
    }

    fn collect_small_parts(
        &self,
        key: SessionKey,
        session: &Session,
        marks: Marks,
        ids_reserved: bool,
        records: &mut Vec<Record>,
    ) {
        if marks.contains(Part::Header) || ids_reserved {
            records.push(self.header_record(key, session));
            records.extend(home_record(session));
        }
        if marks.contains(Part::Subscriptions) && !self.has(PlantedBug::SubscriptionsNotStored) {
            records.push(self.subscriptions_record(key, session));
        }
        if marks.contains(Part::Incoming) {
            records.push(self.incoming_record(key, session));
        }
        if marks.contains(Part::User) {
            records.push(user_record(session));
        }
    }

    fn header_record(&self, key: SessionKey, session: &Session) -> Record {
        let value = SessionValue {
            client_id: &session.client_id,
            clean: session.clean,
            will: session.will.as_ref().map(MessageValue::from),
            expires: stored_time(session.expires),
            reserved_id: session.outbound.reserved_id(),
            sn: self.sn.stored_client(key),
        };
        put_with_tail(Key::Session(session.number), &value, SessionTail::of(session))
    }

    fn incoming_record(&self, key: SessionKey, session: &Session) -> Record {
        let value =
            IncomingValue { unreleased: session.incoming_qos2.to_vec(), recent: self.sn.stored_recent_qos2(key) };
        let key = Key::Incoming(session.number);
        if value.unreleased.is_empty() && value.recent.is_empty() { delete(key) } else { put(key, &value) }
    }

    fn subscriptions_record(&self, key: SessionKey, session: &Session) -> Record {
        let subscriptions: Vec<_> = session
            .subscriptions
            .iter()
            .map(|(filter, granted)| SubscriptionValue {
                filter,
                qos: granted.qos as u8,
                form: self.sn.stored_form(key, filter),
            })
            .collect();
        let key = Key::Subscriptions(session.number);
        if subscriptions.is_empty() {
            return delete(key);
        }
        put_with_tail(key, &subscriptions, subscriptions_tail(session, &self.broker.groups))
    }

    /// Every record that the store should have, made from the state in memory.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Record> {
        let mut records = vec![schema_record(), predefined_record(&self.sn.predefined_names())];
        for (key, session) in self.broker.sessions.iter().filter(|(_, session)| session.durable) {
            self.snapshot_session(key, session, &mut records);
        }
        self.broker.for_each_retained(&mut |message| {
            records.push(retained_record(message));
        });
        self.snapshot_nodes(&mut records);
        records.retain(|record| record.value.is_some());
        records
    }

    fn snapshot_nodes(&self, records: &mut Vec<Record>) {
        for node in self.nodes.addresses() {
            records.extend(self.nodes.value(node).map(|value| put(Key::Node(node), &value)));
            records.extend(self.nodes.accepted(node).map(|accepted| accepted_record(node, &accepted)));
        }
        let reserved = self.nodes.reserved();
        records.extend((reserved > 0).then(|| put(Key::Reserved, &reserved)));
    }

    fn snapshot_session(&self, key: SessionKey, session: &Session, records: &mut Vec<Record>) {
        let number = session.number;
        records.extend([
            self.header_record(key, session),
            self.subscriptions_record(key, session),
            self.incoming_record(key, session),
            user_record(session),
        ]);
        records.extend(home_record(session));
        let topics = self.sn.normal_topics(key);
        records.extend(topics.map(|(id, name)| put(Key::TopicId(number, id.0), &&**name)));
        for (queued, flight) in session.outbound.durable() {
            records.push(queued_record(number, &queued));
            records.extend(flight.map(|(id, phase)| flight_record(number, queued.place, id, phase)));
        }
    }
}

/// The last record of each key: what was deleted may have come again.
fn newest(records: impl Iterator<Item = Record>) -> Vec<Record> {
    let by_key: BTreeMap<_, _> = records.map(|record| (record.key, record.value)).collect();
    by_key.into_iter().map(|(key, value)| Record { key, value }).collect()
}

/// The record that says how to read all others. The first thing in a new store.
pub(super) fn schema_record() -> Record {
    Record { key: Key::Schema.encode(), value: Some(vec![SCHEMA]) }
}

fn predefined_record(names: &[(u16, Arc<str>)]) -> Record {
    let names: Vec<_> = names.iter().map(|(id, name)| (*id, &**name)).collect();
    if names.is_empty() { delete(Key::Predefined) } else { put(Key::Predefined, &names) }
}

impl Journal {
    /// The table of predefined topic ids is another one now.
    pub(crate) fn predefined_changed(&mut self, names: &[(u16, Arc<str>)]) {
        if self.enabled {
            let before = self.other.len();
            self.other.push(predefined_record(names));
            self.count_since(before);
        }
    }

    /// A session that lived at another broker lives here now.
    pub(crate) fn brought_home(&mut self, session: &Session) {
        if session.durable {
            self.other.push(delete(Key::Upstream(session.number)));
        }
    }

    /// Everything of a session is to be deleted; it is in memory no more.
    pub(crate) fn session_removed(&mut self, session: &mut Session, topics: &[sn_types::TopicId]) {
        if !session.durable {
            return;
        }
        let number = session.number;
        let before = self.other.len();
        let deletions = &mut self.other;
        deletions.extend(
            [Key::Session(number), Key::Subscriptions(number), Key::Incoming(number), Key::User(number)].map(delete),
        );
        deletions.extend(home_record(session).map(|_| delete(Key::Upstream(number))));
        session.outbound.forget(|place, flight| collect_deletion(number, place, flight, deletions));
        self.count_since(before);
        self.topic_ids_removed(session, topics);
    }

    /// The topic ids of a session are to be deleted.
    pub(crate) fn topic_ids_removed(&mut self, session: &Session, topics: &[sn_types::TopicId]) {
        if session.durable {
            let before = self.other.len();
            self.other.extend(topics.iter().map(|id| delete(Key::TopicId(session.number, id.0))));
            self.count_since(before);
        }
    }

    /// Counts what was added to the other records when there were `before`.
    fn count_since(&mut self, before: usize) {
        self.gathered_bytes += self.other[before..].iter().map(Record::bytes).sum::<usize>();
    }
}

fn collect_change(number: u64, change: &Change<'_>, records: &mut Vec<Record>) {
    match *change {
        Change::Put(queued) => records.push(queued_record(number, queued)),
        Change::PutFlight { place, id, phase } => records.push(flight_record(number, place, id, phase)),
        Change::Delete { place, flight } => collect_deletion(number, place, flight, records),
    }
}

fn collect_deletion(number: u64, place: u64, flight: bool, records: &mut Vec<Record>) {
    records.push(delete(Key::Queued(number, place)));
    records.extend(flight.then(|| delete(Key::Flight(number, place))));
}

fn retained_record(message: &Message) -> Record {
    put_with_tail(Key::Retained(message.topic()), &MessageValue::from(message), MessageTail::of(message))
}

/// Most sessions live here, and have none.
fn home_record(session: &Session) -> Option<Record> {
    match session.home {
        Home::Here => None,
        Home::Upstream => Some(put(Key::Upstream(session.number), &true)),
    }
}

fn user_record(session: &Session) -> Record {
    let key = Key::User(session.number);
    session.user.as_ref().map_or_else(|| delete(key), |user| put(key, &&**user))
}

fn queued_record(number: u64, queued: &Queued) -> Record {
    put_with_tail(Key::Queued(number, queued.place), &QueuedValue::from(queued), MessageTail::of_queued(queued))
}

fn flight_record(number: u64, place: u64, id: u16, phase: Phase) -> Record {
    put(Key::Flight(number, place), &FlightValue { id, released: phase == Phase::Released })
}
