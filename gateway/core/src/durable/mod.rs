//! What must survive the process, and what must wait until it does.
//!
//! The promise: an acknowledgement leaves only after what it promises is on stable storage, and so do an outgoing QoS 2
//! PUBLISH and PUBREL, whose ids must not be used again by mistake.
//!
//! How: the procedures change the state in memory and send their answers as if there were no disk. Each change marks
//! what it touched. An answer that promises something waits in the [`Outbox`] while anything is marked or being
//! written. When no commit is under way, the marked parts become [`Record`]s (`collect`) and go out as one
//! [`crate::Output::Commit`]; [`crate::Input::Committed`] lets go what waited. Changes that undo each other between two
//! commits, such as a message queued and acknowledged, never become records.
//!
//! A disk knows no sessions: records are keys and values. `restore` reads them back.

mod accepted;
mod backlog;
mod collect;
mod key;
mod outbox;
mod read;
mod record;
mod restore;
mod tail;

pub use key::Record;
pub use restore::{RestoreError, Restored, skip_counters};

pub(crate) use key::LONGEST_RETAINED_TOPIC;
pub(crate) use outbox::{Outbox, Promise, Recipient};
pub(crate) use record::{FormValue, SnValue, StateValue};

use crate::Message;
use crate::PlantedBug;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A commit's number. Later commits have higher ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitToken(u64);

/// What is to be written, and what is being written.
#[derive(Debug)]
pub(crate) struct Journal {
    /// Without a store nothing is marked and nothing waits.
    enabled: bool,
    next: CommitToken,
    under_way: Option<CommitToken>,
    /// Octets of the records in it.
    under_way_bytes: usize,
    /// Octets of what the next commit will have, as far as they are counted: messages, retained messages, deletions. Only
    /// a commit takes them off, so what counts must also be marked.
    gathered_bytes: usize,
    /// Topics whose retained message has changed.
    retained: BTreeSet<Arc<str>>,
    /// Records of what is not in memory to be marked: deletions of removed sessions, the layout's version, predefined
    /// topic ids.
    other: Vec<Record>,
}

impl Journal {
    pub(crate) fn new(enabled: bool) -> Self {
        Self {
            enabled,
            next: CommitToken(1),
            under_way: None,
            under_way_bytes: 0,
            gathered_bytes: 0,
            retained: BTreeSet::new(),
            other: Vec::new(),
        }
    }

    /// The store is empty, or has an older layout: it is told how to read what follows.
    fn set_schema(&mut self) {
        self.other.push(collect::schema_record());
    }

    /// A topic's retained message is another one now, or none.
    pub(crate) fn retained_changed(&mut self, message: &Message) {
        if self.enabled {
            self.gathered_bytes += message.bytes() + size_of::<Arc<str>>();
            self.retained.insert(message.topic().clone());
        }
    }

    /// A message that the store is to have waits for a client, whose session is kept. One that is delivered before the
    /// next commit counts until then all the same.
    pub(crate) fn message_queued(&mut self, message: &Message) {
        if self.enabled {
            self.gathered_bytes += message.bytes();
        }
    }

    /// Octets in memory that wait for the store, or are being written.
    fn bytes(&self) -> usize {
        self.gathered_bytes + self.under_way_bytes
    }
}

impl crate::Core {
    /// The commit that a promise made now has to wait for, if any.
    pub(crate) fn barrier(&self) -> Option<CommitToken> {
        if self.has(PlantedBug::AckBeforeSync) {
            return None;
        }
        if self.is_dirty() { Some(self.journal.next) } else { self.journal.under_way }
    }

    /// The commit with which everything that has been done so far is on stable storage; `None`: it is already, or there
    /// is no store.
    #[must_use]
    pub fn unwritten(&self) -> Option<CommitToken> {
        self.barrier()
    }

    /// Whether a commit is under way.
    #[must_use]
    pub fn is_committing(&self) -> bool {
        self.journal.under_way.is_some()
    }

    fn is_dirty(&self) -> bool {
        let journal = &self.journal;
        journal.enabled
            && (self.broker.sessions.any_marked()
                || !journal.retained.is_empty()
                || !journal.other.is_empty()
                || self.nodes.is_marked())
    }

    /// The store has written this commit and all before it.
    pub(crate) fn committed(&mut self, token: CommitToken) {
        if self.journal.under_way == Some(token) {
            self.journal.under_way = None;
            self.journal.under_way_bytes = 0;
        }
        self.let_go(token);
    }
}
