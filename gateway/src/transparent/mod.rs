//! Connections to the broker where the sessions of nodes live: one for each node that is connected here.
//!
//! Owns: sockets, keep-alive and login of these connections. What is said on them is the core's business
//! ([`gateway_core::Transparent`]), and so is when they are made. docs/transparent.md is for who runs it.
//!
//! Order: the driver hands every [`ToUpstream`] to the [`Pool`], which starts a task for each connection; what comes of
//! them the driver fetches with [`Pool::poll`].

mod reach;
mod settings;
mod task;
#[cfg(test)]
mod tests;

pub use settings::Settings;

use gateway_core::mqtt::Disconnect;
use gateway_core::{FromUpstream, ToUpstream, UpstreamId};
use reach::Reach;
use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use task::Task;
use tokio::sync::{mpsc, oneshot};

/// What has come of connections and waits for the driver.
const NEWS: usize = 1_024;
/// What is taken of it at once.
const BATCH: usize = 64;
/// Packets that wait for one connection. One that takes none for so long is broken.
const ORDERS: usize = 1_024;

/// What leads to one connection's task.
#[derive(Debug)]
struct Line {
    orders: mpsc::Sender<ToUpstream>,
    /// The last order, which comes through however many wait.
    end: Option<oneshot::Sender<Option<Disconnect>>>,
}

/// All connections.
#[derive(Debug)]
pub(crate) struct Pool {
    settings: Arc<Settings>,
    reach: Arc<Reach>,
    lines: HashMap<UpstreamId, Line, foldhash::fast::RandomState>,
    to_driver: mpsc::Sender<(UpstreamId, FromUpstream)>,
    news: mpsc::Receiver<(UpstreamId, FromUpstream)>,
}

impl Pool {
    pub(crate) fn new(settings: Settings) -> Self {
        let (to_driver, news) = mpsc::channel(NEWS);
        let reach = Arc::new(Reach::new(settings.address.clone()));
        Self { settings: Arc::new(settings), reach, lines: HashMap::default(), to_driver, news }
    }

    /// Does what the core wants. Must be called within a tokio runtime.
    pub(crate) fn carry_out(&mut self, id: UpstreamId, what: ToUpstream) {
        match what {
            ToUpstream::Open(connect) => {
                let (orders, taken) = mpsc::channel(ORDERS);
                let (end, ended) = oneshot::channel();
                self.lines.insert(id, Line { orders, end: Some(end) });
                let task = Task::new(self.settings.clone(), self.reach.clone(), taken, ended);
                tokio::spawn(task.run(id, connect, self.to_driver.clone()));
            }
            ToUpstream::Packet(_) | ToUpstream::Read(_) => {
                // A task that nobody leads ends as one that was told to close without a word.
                if self.lines.get(&id).is_some_and(|line| line.orders.try_send(what).is_err()) {
                    self.lines.remove(&id);
                }
            }
            ToUpstream::Close(good_bye) => {
                if let Some(end) = self.lines.get_mut(&id).and_then(|line| line.end.take()) {
                    // A task that has ended by itself says so.
                    let _ = end.send(good_bye);
                }
            }
        }
    }

    /// What has come of them, at least one thing.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Vec<(UpstreamId, FromUpstream)>> {
        let mut news = Vec::new();
        match self.news.poll_recv_many(cx, &mut news, BATCH) {
            Poll::Ready(1..) => {}
            // The pool itself holds a sender.
            Poll::Ready(0) | Poll::Pending => return Poll::Pending,
        }
        for (id, what) in &news {
            if let FromUpstream::Closed(_) = what {
                self.lines.remove(id);
            }
        }
        Poll::Ready(news)
    }

    /// Waits until all connections are gone.
    pub(crate) async fn emptied(&mut self) {
        while !self.lines.is_empty() {
            match self.news.recv().await {
                Some((id, FromUpstream::Closed(_))) => drop(self.lines.remove(&id)),
                Some((_, FromUpstream::Packet(_))) => {}
                None => return,
            }
        }
    }
}
