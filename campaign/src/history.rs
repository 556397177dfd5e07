//! The last few thousand things that happened, so that a broken promise can be explained.

use crate::ledger::{Reader, ReaderNo, Topic, TopicNo};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Enough for all messages between the slowest reader and the publisher, and then some.
const KEPT: usize = 30_000;
/// Neighbours of the message in question that are told about, too.
const NEIGHBOURS: u64 = 1;
/// The last lines say most.
const TOLD: usize = 120;

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Published(TopicNo, u64),
    Repeated(TopicNo, u64),
    Acknowledged(TopicNo, u64),
    Arrived(TopicNo, u64, ReaderNo),
    Event(String),
}

impl Entry {
    /// Whether it is about message `n` of `topic`, or one next to it, or about everything.
    pub(crate) fn concerns(&self, topic: TopicNo, n: u64) -> bool {
        match self {
            Self::Published(t, m) | Self::Repeated(t, m) | Self::Acknowledged(t, m) | Self::Arrived(t, m, _) => {
                *t == topic && m.abs_diff(n) <= NEIGHBOURS
            }
            Self::Event(_) => true,
        }
    }

    fn tell(&self, topics: &[Topic], readers: &[Reader]) -> String {
        let message = |topic: &TopicNo, n: &u64| format!("{} {n}", topics[topic.0].name);
        match self {
            Self::Published(topic, n) => format!("{} published", message(topic, n)),
            Self::Repeated(topic, n) => format!("{} published again, unanswered", message(topic, n)),
            Self::Acknowledged(topic, n) => format!("{} acknowledged", message(topic, n)),
            Self::Arrived(topic, n, reader) => format!("{} arrived at {}", message(topic, n), readers[reader.0].name),
            Self::Event(text) => text.clone(),
        }
    }
}

/// Entries with their times since the start.
#[derive(Clone, Debug)]
pub(crate) struct History {
    start: Instant,
    entries: VecDeque<(Duration, Entry)>,
}

impl History {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), entries: VecDeque::new() }
    }

    pub(crate) fn add(&mut self, entry: Entry) {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back((self.start.elapsed(), entry));
    }

    /// The entries concerned, a line each. Events before the first of them, and between them, stay.
    pub(crate) fn tell(&self, topics: &[Topic], readers: &[Reader], concerned: impl Fn(&Entry) -> bool) -> Vec<String> {
        let lines: Vec<String> = self
            .entries
            .iter()
            .filter(|(_, entry)| concerned(entry))
            .map(|(at, entry)| format!("{:10.4} s  {}", at.as_secs_f64(), entry.tell(topics, readers)))
            .collect();
        lines[lines.len().saturating_sub(TOLD)..].to_vec()
    }
}
