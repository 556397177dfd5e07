//! The books outside the gateway: what was published, what was acknowledged, what arrived where.
//!
//! Owns: the rules. A topic has one publisher, which numbers its messages and goes on to the next when the one before is
//! on its way; every reader is subscribed to every topic before the first message. So a reader's next new message of a
//! topic is the last one's successor: a higher number means that one was lost or overtaken, a number seen before is a
//! duplicate, which QoS 1 allows and QoS 2 does not. Must not know: protocols, processes.

use crate::history::{Entry, History};
use crate::payload;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How far a reader may lag behind before the topic's publisher waits for it, in messages. A sleeper needs no more.
const LAG: u64 = 60;
/// So many breaches say enough.
const MOST_BREACHES: usize = 3;

/// A topic in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicNo(pub usize);

/// A subscriber in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReaderNo(pub usize);

/// How far the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Everybody publishes.
    Publishing,
    /// Publishers finish what they have begun, readers take what is left.
    Draining,
    /// Everybody stops.
    Over,
}

/// A promise that was not kept, and what led to it.
#[derive(Clone, Debug)]
pub struct Breach {
    /// In one line.
    pub what: String,
    /// What the books know about the messages concerned, oldest first.
    pub history: Vec<String>,
}

/// A topic's account.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// The QoS of its messages.
    pub qos: u8,
    /// Number of the last message published.
    pub published: u64,
    /// How many of them were acknowledged to the publisher: with PUBACK, or with PUBCOMP.
    pub acknowledged: u64,
}

/// A reader's account of a topic.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// The highest number that arrived.
    pub last: u64,
    /// Lower ones that did not.
    pub missing: BTreeSet<u64>,
    /// How often a number came again.
    pub repeated: u64,
    /// How often a message came again at QoS 2.
    pub duplicates: u64,
    /// How often a number came after a higher one, for the first time.
    pub overtaken: u64,
}

/// A reader's account.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Its client id.
    pub name: String,
    /// The QoS of its subscriptions.
    pub qos: u8,
    /// For each topic.
    pub progress: Vec<Progress>,
    /// It has subscribed to everything.
    pub ready: bool,
}

/// The books.
#[derive(Debug)]
pub struct Ledger {
    books: Mutex<Books>,
    changed: Condvar,
}

/// What the ledger knows.
#[derive(Clone, Debug)]
pub struct Books {
    /// All topics.
    pub topics: Vec<Topic>,
    /// All readers.
    pub readers: Vec<Reader>,
    /// What went wrong.
    pub breaches: Vec<Breach>,
    /// The last retained message acknowledged on each topic that has some.
    pub kept: BTreeMap<String, u64>,
    /// Messages under a topic id that the node had not been told yet; it has asked for the REGISTER.
    pub untold: u64,
    /// Acknowledgements of any kind that clients have received.
    pub promises: u64,
    phase: Phase,
    history: History,
    arrived_at: Instant,
}

impl Ledger {
    /// Empty books on these topics and readers, each with its QoS.
    #[must_use]
    pub fn new(topics: &[(String, u8)], readers: &[(String, u8)]) -> Self {
        let topic = |(name, qos): &(String, u8)| Topic { name: name.clone(), qos: *qos, published: 0, acknowledged: 0 };
        let progress = vec![Progress::default(); topics.len()];
        let reader = |(name, qos): &(String, u8)| Reader {
            name: name.clone(),
            qos: *qos,
            progress: progress.clone(),
            ready: false,
        };
        let books = Books {
            topics: topics.iter().map(topic).collect(),
            readers: readers.iter().map(reader).collect(),
            breaches: Vec::new(),
            kept: BTreeMap::new(),
            untold: 0,
            promises: 0,
            phase: Phase::Publishing,
            history: History::new(),
            arrived_at: Instant::now(),
        };
        Self { books: Mutex::new(books), changed: Condvar::new() }
    }

    /// A look into the books.
    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the run is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.books().phase
    }

    /// Goes on to the next phase.
    pub fn set_phase(&self, phase: Phase) {
        self.books().phase = phase;
        self.changed.notify_all();
    }

    /// The name of a topic.
    #[must_use]
    pub fn topic_name(&self, topic: TopicNo) -> String {
        self.books().topics[topic.0].name.clone()
    }

    /// The number of the topic's next message, if one may be published now: everybody has subscribed, nobody is far
    /// behind, and the run is not near its end.
    #[must_use]
    pub fn next(&self, topic: TopicNo) -> Option<u64> {
        let mut books = self.books();
        let far = |reader: &Reader| books.topics[topic.0].published - reader.progress[topic.0].last >= LAG;
        if books.phase != Phase::Publishing || books.readers.iter().any(|reader| !reader.ready || far(reader)) {
            return None;
        }
        books.topics[topic.0].published += 1;
        let n = books.topics[topic.0].published;
        books.history.add(Entry::Published(topic, n));
        Some(n)
    }

    /// The message was sent again.
    pub fn repeated(&self, topic: TopicNo, n: u64) {
        self.books().history.add(Entry::Repeated(topic, n));
    }

    /// The gateway has promised to deliver the message.
    pub fn acknowledged(&self, topic: TopicNo, n: u64) {
        let mut books = self.books();
        books.topics[topic.0].acknowledged += 1;
        books.history.add(Entry::Acknowledged(topic, n));
        drop(books);
        self.promised();
    }

    /// The gateway has promised to keep the retained message for whoever comes.
    pub fn kept(&self, topic: &str, n: u64) {
        self.books().kept.insert(topic.to_owned(), n);
        self.promised();
    }

    /// A message came under a topic id that the node had not been told.
    pub fn untold(&self) {
        self.books().untold += 1;
    }

    /// Some other promise was given, such as a SUBACK.
    pub fn promised(&self) {
        self.books().promises += 1;
        self.changed.notify_all();
    }

    /// The reader is subscribed to everything, and was told so.
    pub fn ready(&self, reader: ReaderNo) {
        self.books().readers[reader.0].ready = true;
    }

    /// A message has come to a reader for the first time under its message id.
    pub fn arrived(&self, reader: ReaderNo, topic: &str, found: &[u8], qos: u8) {
        self.books().arrived(reader, topic, found, qos);
    }

    /// Something that must not be, beside the messages.
    pub fn breach(&self, what: String) {
        self.books().breach(what, |_| true);
    }

    /// The process was killed, or something else happened to it.
    pub fn event(&self, text: String) {
        self.books().history.add(Entry::Event(text));
    }

    /// Waits until so many promises more were given, or for `at_most`.
    pub fn wait_for_promises(&self, more: u64, at_most: Duration) {
        let books = self.books();
        let enough = books.promises + more;
        let waiting = |books: &mut Books| books.promises < enough;
        drop(self.changed.wait_timeout_while(books, at_most, waiting));
    }

    /// Whether the gateway has promised anything within `how_long`.
    #[must_use]
    pub fn is_promised_anything_within(&self, how_long: Duration) -> bool {
        let before = self.books().promises;
        self.wait_for_promises(1, how_long);
        self.books().promises > before
    }

    /// Waits until a promise is broken, for `at_most`. Whether one was.
    pub fn wait_for_breach(&self, at_most: Duration) -> bool {
        let books = self.books();
        let outcome = self.changed.wait_timeout_while(books, at_most, |books| books.breaches.is_empty());
        let (books, _) = outcome.unwrap_or_else(PoisonError::into_inner);
        !books.breaches.is_empty()
    }
}

impl Books {
    fn arrived(&mut self, reader: ReaderNo, topic: &str, found: &[u8], qos: u8) {
        self.arrived_at = Instant::now();
        let name = self.readers[reader.0].name.clone();
        let Some(number) = self.topics.iter().position(|account| account.name == topic) else {
            return self.breach(format!("{name} got a message on {topic}, where nobody publishes"), |_| true);
        };
        let topic_no = TopicNo(number);
        let Some(n) = payload::number(topic, found) else {
            let found = found.escape_ascii();
            return self.breach(format!("{name} got something that was not published on {topic}: {found}"), |_| true);
        };
        self.history.add(Entry::Arrived(topic_no, n, reader));
        let granted = self.topics[number].qos.min(self.readers[reader.0].qos);
        if qos != granted {
            self.breach_of(topic_no, n, format!("{name} got {topic} {n} at QoS {qos}, not {granted}"));
        }
        if n > self.topics[number].published {
            self.breach_of(topic_no, n, format!("{name} got {topic} {n}, which is not published yet"));
        }
        self.account(reader, topic_no, n, granted);
    }

    fn account(&mut self, reader: ReaderNo, topic: TopicNo, n: u64, qos: u8) {
        let text = format!("{} got {} {n}", self.readers[reader.0].name, self.topics[topic.0].name);
        let progress = &mut self.readers[reader.0].progress[topic.0];
        if n > progress.last {
            let skipped = progress.last + 1..n;
            progress.last = n;
            if let Some(first) = skipped.clone().next() {
                progress.missing.extend(skipped);
                self.breach_of(topic, n, format!("{text}, but {first} has not come before it"));
            }
        } else if progress.missing.remove(&n) {
            progress.overtaken += 1;
        } else {
            progress.repeated += 1;
            if qos == 2 {
                progress.duplicates += 1;
                self.breach_of(topic, n, format!("{text} twice at QoS 2"));
            }
        }
    }

    /// How long nothing has arrived anywhere.
    #[must_use]
    pub fn quiet_for(&self) -> Duration {
        self.arrived_at.elapsed()
    }

    /// Whether every message published has been acknowledged and has arrived everywhere.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        let all_acknowledged = self.topics.iter().all(|topic| topic.acknowledged == topic.published);
        all_acknowledged && self.readers.iter().all(|reader| self.lost(reader) == 0)
    }

    /// Messages that have not come to the reader.
    #[must_use]
    pub fn lost(&self, reader: &Reader) -> u64 {
        let of = |(topic, progress): (&Topic, &Progress)| {
            topic.published.saturating_sub(progress.last) + progress.missing.len() as u64
        };
        self.topics.iter().zip(&reader.progress).map(of).sum()
    }

    /// Enters what is missing in the end as a breach each, with its history.
    pub fn close(&mut self) {
        let mut lost = Vec::new();
        for reader in &self.readers {
            for (number, (topic, progress)) in self.topics.iter().zip(&reader.progress).enumerate() {
                let first = progress.missing.first().copied().unwrap_or(progress.last + 1);
                if first <= topic.published {
                    lost.push((TopicNo(number), first, format!("{} never got {} {first}", reader.name, topic.name)));
                }
            }
        }
        for (topic, n, what) in lost {
            self.breach_of(topic, n, what);
        }
        for topic in self.topics.clone() {
            if topic.acknowledged < topic.published {
                let Topic { name, published, acknowledged, .. } = topic;
                self.breach(format!("{name}: {published} published, only {acknowledged} acknowledged"), |_| false);
            }
        }
    }

    fn breach_of(&mut self, topic: TopicNo, n: u64, what: String) {
        self.breach(what, |entry| entry.concerns(topic, n));
    }

    fn breach(&mut self, what: String, concerned: impl Fn(&Entry) -> bool) {
        if self.breaches.len() < MOST_BREACHES {
            let history = self.history.tell(&self.topics, &self.readers, concerned);
            self.history.add(Entry::Event(format!("BREACH: {what}")));
            self.breaches.push(Breach { what, history });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::payload;

    const T: TopicNo = TopicNo(0);
    const R: ReaderNo = ReaderNo(0);

    fn ledger(topic_qos: u8, reader_qos: u8) -> Ledger {
        let ledger = Ledger::new(&[("t".into(), topic_qos)], &[("r".into(), reader_qos)]);
        ledger.ready(R);
        ledger
    }

    fn publish(ledger: &Ledger, count: u64) {
        for _ in 0..count {
            let n = ledger.next(T).unwrap();
            ledger.acknowledged(T, n);
        }
    }

    fn arrive(ledger: &Ledger, numbers: &[u64]) {
        let books = ledger.books();
        let qos = books.topics[0].qos.min(books.readers[0].qos);
        drop(books);
        for n in numbers {
            ledger.arrived(R, "t", &payload("t", *n), qos);
        }
    }

    fn breaches(ledger: &Ledger) -> Vec<String> {
        ledger.books().close();
        ledger.books().breaches.iter().map(|breach| breach.what.clone()).collect()
    }

    #[test]
    fn all_in_order_is_right() {
        let ledger = ledger(2, 2);
        publish(&ledger, 3);
        arrive(&ledger, &[1, 2, 3]);
        assert!(ledger.books().is_drained());
        assert_eq!(breaches(&ledger), [""; 0]);
    }

    #[test]
    fn a_duplicate_is_allowed_at_qos_1_only() {
        for (topic_qos, reader_qos, expected) in [(1, 2, 0), (2, 1, 0), (2, 2, 1)] {
            let ledger = ledger(topic_qos, reader_qos);
            publish(&ledger, 2);
            arrive(&ledger, &[1, 2, 1]);
            assert_eq!(breaches(&ledger).len(), expected, "QoS {topic_qos} to {reader_qos}");
        }
    }

    #[test]
    fn a_message_that_never_comes_is_lost() {
        let ledger = ledger(1, 1);
        publish(&ledger, 3);
        arrive(&ledger, &[1, 2]);
        assert_eq!(breaches(&ledger), ["r never got t 3"]);
    }

    #[test]
    fn a_gap_is_noticed_at_once_and_filled_is_an_overtaking() {
        let ledger = ledger(1, 1);
        publish(&ledger, 3);
        arrive(&ledger, &[1, 3]);
        assert!(ledger.wait_for_breach(Duration::ZERO));
        arrive(&ledger, &[2]);
        assert_eq!(ledger.books().readers[0].progress[0].overtaken, 1);
        assert_eq!(breaches(&ledger), ["r got t 3, but 2 has not come before it"]);
    }

    #[test]
    fn strange_messages_are_noticed() {
        let ledger = ledger(1, 1);
        publish(&ledger, 1);
        ledger.arrived(R, "will/x", b"", 1);
        ledger.arrived(R, "t", b"t 1", 1);
        ledger.arrived(R, "t", &payload("t", 1), 0);
        assert_eq!(ledger.books().breaches.len(), 3);
    }

    #[test]
    fn a_publisher_waits_for_the_slowest_reader() {
        let ledger = ledger(1, 1);
        publish(&ledger, LAG);
        assert_eq!(ledger.next(T), None);
        arrive(&ledger, &[1]);
        assert_eq!(ledger.next(T), Some(LAG + 1));
    }
}
