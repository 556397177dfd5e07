//! From records back to the state.
//!
//! After a restart MQTT-SN clients go on as if nothing had happened: same address, same topic ids, same mailbox; their
//! timers start anew. MQTT connections are gone, and their sessions wait; nobody's will is published.

use super::accepted::read_accepted;
use super::key::{Key, Record, SCHEMA};
use super::read::{Messages, Names, Sorted};
use super::record::{
    FlightValue, FormValue, IncomingValue, MessageValue, QueuedValue, SessionValue, SubscriptionValue, put, qos,
    restored_time,
};
use super::tail::{MessageTail, SessionTail, SubscriptionTail, SubscriptionsTail, read_with_tail};
use crate::broker::{Home, LONGEST_PACKED, LONGEST_SHARED, Link, Phase, SessionEnd, SessionKey, has_wildcard};
use crate::map::MapSeed;
use crate::nodes::{Accepted, RESTORE_JUMP};
use crate::{Core, Message, PlantedBug};
use serde::Deserialize;
use sn_types::{Eui64, Instant, TopicId};
use std::sync::Arc;
use std::{error, fmt};

/// What came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Sessions, MQTT-SN and MQTT.
    pub sessions: usize,
    /// Messages that wait for clients, or are in flight to them.
    pub messages: usize,
    /// Retained messages.
    pub retained: usize,
    /// Radio nodes on the list.
    pub nodes: usize,
}

/// In words, as `3 sessions, 1 message to them, 2 retained messages`; radio nodes if there are any.
impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |number| if number == 1 { "" } else { "s" };
        let Self { sessions, messages, retained, nodes } = *self;
        let (of_sessions, of_messages, of_retained) = (plural(sessions), plural(messages), plural(retained));
        write!(
            f,
            "{sessions} session{of_sessions}, {messages} message{of_messages} to them, {retained} retained message{of_retained}"
        )?;
        if nodes > 0 { write!(f, ", {nodes} radio node{}", plural(nodes)) } else { Ok(()) }
    }
}

/// Why a store cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// It was written by a newer program, with this version of the layout.
    NewerSchema(u8),
    /// It has records but does not say how to read them.
    NoSchema,
    /// A record that is not what its key says; the key, printable.
    BadRecord(String),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewerSchema(found) => write!(
                f,
                "the data were written by a newer version (layout {found}, this program reads up to {SCHEMA})"
            ),
            Self::NoSchema => f.write_str("the data do not say their layout: this is not a data directory of ours"),
            Self::BadRecord(key) => write!(f, "the record \"{key}\" is damaged"),
        }
    }
}

impl error::Error for RestoreError {}

/// The oldest layout that can be read. It lacks the predefined topic ids.
const OLDEST: u8 = 1;

/// What was read so far, by the session's number.
#[derive(Debug)]
struct Reader {
    /// The layout's version.
    schema: Option<u8>,
    /// The predefined topic ids that the gateway had when it ended.
    predefined: Vec<(u16, Arc<str>)>,
    restored: Restored,
    sessions: Sorted<u64, SessionKey>,
    flights: Sorted<(u64, u64), FlightValue>,
    /// The frames with the highest counters that were accepted.
    accepted: Sorted<Eui64, Accepted>,
    /// Topics of messages and of topic ids. They are known to whoever has them when subscriptions come, and what this takes
    /// is free for those then.
    topics: Option<Names>,
    /// All other names.
    names: Names,
    /// Messages that wait for somebody.
    messages: Messages,
}

impl Reader {
    fn new(seed: MapSeed) -> Self {
        Self {
            schema: None,
            predefined: Vec::new(),
            restored: Restored::default(),
            sessions: Sorted::new(),
            flights: Sorted::new(),
            accepted: Sorted::new(),
            topics: Some(Names::new(seed)),
            names: Names::new(seed),
            messages: Messages::new(seed),
        }
    }

    /// Whether a message that was not sent is to be packed, as far as it can be said now.
    fn is_packed(&mut self, message: &MessageValue<'_>) -> bool {
        let bytes = message.bytes();
        let is_short = bytes <= LONGEST_SHARED;
        is_short || (bytes <= LONGEST_PACKED && !self.messages.came_before(message.topic, message.payload))
    }

    fn topic(&mut self, name: &str) -> Arc<str> {
        self.topics.as_mut().unwrap_or(&mut self.names).share(name)
    }

    fn read_schema(&mut self, value: &[u8]) -> Result<(), RestoreError> {
        match value {
            [version @ OLDEST..=SCHEMA] => self.schema = Some(*version),
            [] => return Err(RestoreError::NoSchema),
            [newer, ..] => return Err(RestoreError::NewerSchema(*newer)),
        }
        Ok(())
    }
}

impl Core {
    /// Reads a store: `records` are its keys and values, in the order of the keys. To be called once, before any
    /// input.
    ///
    /// # Errors
    /// [`RestoreError`] when the records cannot be what this program has written. The core is then not to be used.
    pub fn restore<K, V>(
        &mut self,
        now: Instant,
        records: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Restored, RestoreError>
    where
        K: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let mut reader = Reader::new(MapSeed::new(self.config.hash_seed));
        // In the order of keys: the schema, sessions, where they live, nodes' counters, flights, incoming, nodes, the counters
        // reserved, predefined ids, queues, retained, topic ids, subscriptions, users.
        for (key, value) in records {
            match (read_key(key.as_ref())?, reader.schema) {
                (Key::Schema, _) => reader.read_schema(value.as_ref())?,
                (_, None) => return Err(RestoreError::NoSchema),
                (found, Some(_)) => {
                    let read = self.restore_record(now, &mut reader, found, value.as_ref());
                    read.ok_or_else(|| bad(key.as_ref()))?;
                }
            }
        }
        if reader.schema != Some(SCHEMA) {
            self.journal.set_schema();
        }
        self.predefined_were(&reader.predefined);
        self.finish_restore(now, reader.sessions.into_values());
        self.watch_retained();
        self.sys_start(now);
        Ok(reader.restored)
    }

    fn restore_record(&mut self, now: Instant, reader: &mut Reader, key: Key<'_>, value: &[u8]) -> Option<()> {
        match key {
            Key::Session(number) => {
                let session = self.restore_session(now, &mut reader.names, number, value)?;
                reader.sessions.push(number, session);
                reader.restored.sessions += 1;
            }
            Key::Flight(number, place) => reader.flights.push((number, place), read(value)?),
            Key::NodeCounter(node) => reader.accepted.push(node, read_accepted(value)?),
            Key::Node(node) => {
                self.nodes.restore(node, &read(value)?, reader.accepted.get(node));
                reader.restored.nodes += 1;
            }
            Key::Reserved => self.nodes.restore_reserved(read(value)?),
            Key::Predefined => {
                let names: Vec<(u16, &str)> = read(value)?;
                reader.predefined = names.into_iter().map(|(id, name)| (id, name.into())).collect();
            }
            Key::Retained(_) => {
                self.restore_retained(&mut reader.names, value)?;
                reader.restored.retained += 1;
            }
            Key::Subscriptions(number)
            | Key::TopicId(number, _)
            | Key::Incoming(number)
            | Key::Queued(number, _)
            | Key::User(number)
            | Key::Upstream(number) => {
                let session = reader.sessions.get(number)?;
                self.restore_part(reader, session, key, value)?;
            }
            // It has been read before anything else.
            Key::Schema => return None,
        }
        Some(())
    }

    fn restore_session(&mut self, now: Instant, names: &mut Names, number: u64, value: &[u8]) -> Option<SessionKey> {
        let (value, tail): (SessionValue<'_>, Option<SessionTail<'_>>) = read_with_tail(value)?;
        let mut tail = tail.unwrap_or_default();
        if self.broker.sessions.find(value.client_id).is_some() {
            return None;
        }
        let will = match value.will {
            Some(will) => Some(will.message(tail.will.take(), |name| names.share(name))?),
            None => None,
        };
        let key = self.broker.sessions.insert_numbered(value.client_id, true, number);
        let forgets_ids = self.has(PlantedBug::MsgIdsNotStored);
        let session = self.broker.sessions.get_mut(key)?;
        session.clean = value.clean;
        session.outbound.restore_ids(now, if forgets_ids { 0 } else { value.reserved_id });
        session.expires = restored_time(value.expires);
        session.will = will;
        tail.restore(session);
        match value.sn {
            Some(client) => {
                let link = self.sn.restore_client(now, key, client);
                self.broker.sessions.set_link(key, link);
            }
            None => {
                // An MQTT will belongs to a connection, and that is gone with the process. One that waits for its client
                // to come back begins to wait anew.
                if !self.let_will_wait(now, key) {
                    self.forget_will(key);
                }
            }
        }
        Some(key)
    }

    fn restore_retained(&mut self, names: &mut Names, value: &[u8]) -> Option<()> {
        let (value, tail): (MessageValue<'_>, _) = read_with_tail(value)?;
        let message: Message = value.message(tail, |name| names.share(name))?;
        self.broker.restore_retained(&Arc::new(message));
        Some(())
    }

    /// Something of a session that is there by now.
    fn restore_part(&mut self, reader: &mut Reader, session: SessionKey, key: Key<'_>, value: &[u8]) -> Option<()> {
        match key {
            Key::Upstream(_) => self.broker.sessions.set_home(session, Home::Upstream),
            Key::Subscriptions(_) => {
                if let Some(topics) = reader.topics.take() {
                    self.broker.expect_topics(topics.len());
                }
                let (value, tail) = read_with_tail(value)?;
                self.restore_subscriptions(session, &mut reader.names, value, &tail.unwrap_or_default())?;
            }
            Key::TopicId(_, id) => self.sn.restore_topic(session, TopicId(id), reader.topic(read(value)?)),
            Key::Incoming(_) => {
                let value: IncomingValue = read(value)?;
                self.sn.restore_recent_qos2(session, &value.recent);
                self.broker.sessions.get_mut(session)?.incoming_qos2 = value.unreleased.into();
            }
            Key::Queued(number, place) => {
                self.restore_queued(reader, (number, place), session, read_with_tail(value)?)?;
                reader.restored.messages += 1;
            }
            Key::User(_) => self.broker.sessions.get_mut(session)?.user = Some(reader.names.share(read(value)?)),
            Key::Schema
            | Key::Predefined
            | Key::Session(_)
            | Key::Flight(..)
            | Key::Retained(_)
            | Key::Node(_)
            | Key::NodeCounter(_)
            | Key::Reserved => return None,
        }
        Some(())
    }

    fn restore_subscriptions(
        &mut self,
        key: SessionKey,
        names: &mut Names,
        subscriptions: Vec<SubscriptionValue<'_>>,
        tail: &SubscriptionsTail,
    ) -> Option<()> {
        for (place, subscription) in subscriptions.into_iter().enumerate() {
            let filter = self.filter(key, names, subscription.filter);
            let qos = qos(subscription.qos)?;
            let tail = SubscriptionTail::find(tail, place);
            if let Some(group) = tail.and_then(SubscriptionTail::group) {
                self.broker.groups.restore(&filter, group);
            }
            self.broker.restore_subscription(key, &filter, tail.map_or(qos.into(), |tail| tail.granted(qos)));
            if subscription.form != FormValue::Name {
                self.sn.restore_form(key, &filter, subscription.form);
            }
        }
        Some(())
    }

    /// A filter's name, as somebody has it already.
    fn filter(&self, key: SessionKey, names: &mut Names, filter: &str) -> Arc<str> {
        if has_wildcard(filter) {
            return names.share(filter);
        }
        self.sn.topic_name(key, filter).cloned().unwrap_or_else(|| self.broker.name(filter))
    }

    fn restore_queued(
        &mut self,
        reader: &mut Reader,
        (number, place): (u64, u64),
        key: SessionKey,
        (value, tail): (QueuedValue<'_>, Option<MessageTail<'_>>),
    ) -> Option<()> {
        let flight = reader.flights.get((number, place));
        let is_packed = flight.is_none() && tail.is_none() && reader.is_packed(value.message());
        let queued = value.queued(place, tail, |message, tail| {
            // What is packed keeps neither name nor message.
            if is_packed {
                return message.message(tail, |name| name.into());
            }
            let message = message.message(tail, |name| reader.topic(name))?;
            Some(reader.messages.share(message))
        })?;
        queued.group.into_iter().for_each(|group| self.broker.groups.note(group));
        let phase = |released| if released { Phase::Released } else { Phase::Published };
        let flight = flight.map(|flight| (flight.id, phase(flight.released)));
        self.broker.note_place(place);
        self.broker.sessions.get_mut(key)?.outbound.restore(queued, flight);
        Some(())
    }

    fn finish_restore(&mut self, now: Instant, sessions: impl Iterator<Item = SessionKey>) {
        for key in sessions {
            self.forget_wrong_forms([key]);
            self.drop_unreceivable(key);
            self.sn_resume(now, key);
            if self.has(PlantedBug::WillOnRestart) {
                self.publish_will(now, key);
            }
            if self.is_upstream(key) {
                if self.config.transparent.is_none() {
                    self.remove_session(now, key, SessionEnd::Dropped);
                    continue;
                }
                self.upstream_resume(now, key);
            }
            match self.broker.sessions.get(key) {
                // Nobody wants to come back to it.
                Some(session) if session.link == Link::None && session.clean && !self.sn.knows(key) => {
                    self.end_session(now, key, SessionEnd::Left);
                }
                // Its connection ended with the process, and so it begins to wait now.
                Some(session) if session.link == Link::None && session.expires == Instant::FAR_FUTURE => {
                    self.detach(now, key);
                }
                Some(_) | None => self.watch_expiry(now, key),
            }
        }
    }
}

/// Makes the records of a backup such that a gateway which starts from them uses no frame counter again that was used since
/// the backup was made: it goes on `used` and 16,777,216 behind those that were reserved then.
pub fn skip_counters(records: &mut Vec<Record>, used: u32) {
    let key = Key::Reserved.encode();
    let before = records.iter().position(|record| record.key == key).map(|place| records.swap_remove(place));
    let before: u32 = before.and_then(|record| read(&record.value?)).unwrap_or(0);
    records.push(put(Key::Reserved, &before.saturating_add(used).saturating_add(RESTORE_JUMP)));
}

fn read_key(key: &[u8]) -> Result<Key<'_>, RestoreError> {
    Key::decode(key).ok_or_else(|| bad(key))
}

fn bad(key: &[u8]) -> RestoreError {
    RestoreError::BadRecord(key.escape_ascii().to_string())
}

/// A whole value, nothing less and nothing more.
fn read<'a, T: Deserialize<'a>>(value: &'a [u8]) -> Option<T> {
    match postcard::take_from_bytes(value) {
        Ok((value, [])) => Some(value),
        Ok((_, [_, ..])) | Err(_) => None,
    }
}
