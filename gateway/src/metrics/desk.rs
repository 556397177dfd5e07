//! What the driver has of the metrics: scrapes come in, and the commits' times go on the board.

use super::{Board, Scrape, Seen};
use sn_types::Instant;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::mpsc;

/// Where the driver answers scrapes.
#[derive(Debug)]
pub(crate) struct Desk {
    board: Board,
    scrapes: mpsc::Receiver<Scrape>,
    /// When the commit under way was handed over. There is never more than one.
    commit_began: Option<Instant>,
}

impl Desk {
    pub(crate) fn new(scrapes: mpsc::Receiver<Scrape>) -> Self {
        Self { board: Board::new(), scrapes, commit_began: None }
    }

    /// A commit is handed to the store.
    pub(crate) fn commit_begins(&mut self, now: Instant) {
        self.commit_began = Some(now);
    }

    /// It is on the disk.
    pub(crate) fn committed(&mut self, now: Instant) {
        if let Some(began) = self.commit_began.take() {
            self.board.committed(now.since(began));
        }
    }

    /// A sleeping client has been sent all there was, and how long that took.
    pub(crate) fn drained(&self, took: Duration) {
        self.board.drained(took);
    }

    /// The next scrape.
    pub(crate) fn poll_scrape(&mut self, cx: &mut Context<'_>) -> Poll<Scrape> {
        match ready!(self.scrapes.poll_recv(cx)) {
            Some(scrape) => Poll::Ready(scrape),
            // The listener is gone: nobody will ask any more.
            None => Poll::Pending,
        }
    }

    /// Answers a scrape.
    pub(crate) fn answer(&self, scrape: Scrape, seen: Seen<'_>) {
        // Who has gone needs no answer.
        let _ = scrape.send(self.board.text(seen));
    }
}
