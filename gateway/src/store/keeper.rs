//! What the driver has of the store: commits go in, reports come out, and the core's time is saved along.

use super::{Report, Saved, Store, StoreError, Wall, Writer};
use gateway_core::{CommitToken, Record};
use sn_types::Instant;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

/// The core's time is saved with a commit at most this often.
const SAVE_EVERY: Duration = Duration::from_secs(60);

/// A store at work.
#[derive(Debug)]
pub(crate) struct Keeper {
    writer: Writer,
    saved_at: Option<Instant>,
    wall: fn() -> Wall,
}

impl Keeper {
    /// Takes a store, from which everything has been read, to work.
    pub(crate) fn start(store: Box<dyn Store>) -> io::Result<Self> {
        Ok(Self { writer: Writer::start(store)?, saved_at: None, wall: Wall::now })
    }

    /// Has a commit written.
    pub(crate) fn commit(&mut self, now: Instant, token: CommitToken, mut records: Vec<Record>) {
        if self.saved_at.is_none_or(|last| now.since(last) >= SAVE_EVERY) {
            self.saved_at = Some(now);
            records.push(self.time(now));
        }
        self.writer.commit(Some(token), records);
    }

    /// What the store has to say.
    pub(crate) fn poll_report(&mut self, cx: &mut Context<'_>) -> Poll<Report> {
        self.writer.reports().poll_recv(cx).map(|report| report.unwrap_or_else(gone))
    }

    /// Waits for what the store has to say.
    pub(crate) async fn report(&mut self) -> Report {
        self.writer.reports().recv().await.unwrap_or_else(gone)
    }

    /// The last thing: saves the core's time, and waits until all is written, but not longer than `within`.
    pub(crate) async fn stop(self, now: Instant, within: Duration) -> bool {
        self.writer.commit(None, vec![self.time(now)]);
        self.writer.stop(within).await
    }

    /// The core's time as a record.
    pub(crate) fn time(&self, now: Instant) -> Record {
        Saved { core: now, wall: (self.wall)() }.record()
    }
}

/// The writing thread reports before it ends, unless it has panicked.
fn gone() -> Report {
    Report::Failed(StoreError::Failed("the writing thread is gone".into()))
}
