//! The thread that writes: fsync takes as long as it takes, and the driver goes on meanwhile.

use super::{Store, StoreError};
use gateway_core::{CommitToken, Record};
use std::io;
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// How long after the disk was full it is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How long the thread looks for the next commit before it sleeps. Under load it comes within that time, and to be woken would take
/// about as long.
const VIGIL: Duration = Duration::from_micros(80);

/// What the writing thread has to say.
#[derive(Debug)]
pub enum Report {
    /// A commit is on stable storage.
    Committed(CommitToken),
    /// The disk is full. The commit is kept, and tried again every second.
    Full(StoreError),
    /// There is space again; the commit follows.
    Resumed,
    /// Nothing more is written by this process.
    Failed(StoreError),
}

/// Records, and what to say when they are written.
type Job = (Option<CommitToken>, Vec<Record>);

/// A store on a thread of its own. It writes one commit after the other; [`Writer::stop`] waits for the last.
#[derive(Debug)]
pub struct Writer {
    jobs: Sender<Job>,
    reports: UnboundedReceiver<Report>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(store: Box<dyn Store>) -> io::Result<Self> {
        let (jobs, todo) = channel();
        let (told, reports) = unbounded_channel();
        let desk = Desk { store, todo, told };
        thread::Builder::new().name("store".into()).spawn(move || desk.work())?;
        Ok(Self { jobs, reports })
    }

    /// Has records written. If there is a token, [`Report::Committed`] follows once they are on stable storage.
    pub fn commit(&self, token: Option<CommitToken>, records: Vec<Record>) {
        // A thread that is gone has reported that it failed.
        let _ = self.jobs.send((token, records));
    }

    /// What the thread reports.
    pub const fn reports(&mut self) -> &mut UnboundedReceiver<Report> {
        &mut self.reports
    }

    /// Lets the thread come to its end: what it was given is written, unless the disk is full. `false`: it takes longer
    /// than `within`, and ends with the process. Nobody was promised what is lost then.
    pub async fn stop(self, within: Duration) -> bool {
        let Self { jobs, mut reports } = self;
        drop(jobs);
        timeout(within, async { while reports.recv().await.is_some() {} }).await.is_ok()
    }
}

/// What the thread has before it.
struct Desk {
    store: Box<dyn Store>,
    todo: Receiver<Job>,
    told: UnboundedSender<Report>,
}

/// Why the thread ends.
struct End;

impl Desk {
    fn work(mut self) {
        while let Ok((token, records)) = self.next() {
            if self.write(&records).is_err() {
                return;
            }
            if let Some(token) = token {
                self.tell(Report::Committed(token));
            }
        }
    }

    /// Waits for what is to be written next.
    fn next(&self) -> Result<Job, RecvError> {
        let start = Instant::now();
        while start.elapsed() < VIGIL {
            if let Ok(job) = self.todo.try_recv() {
                return Ok(job);
            }
            thread::yield_now();
        }
        self.todo.recv()
    }

    /// Writes until the records are on stable storage.
    fn write(&mut self, records: &[Record]) -> Result<(), End> {
        let mut full = false;
        loop {
            match self.store.apply(records).and_then(|()| self.store.sync()) {
                Ok(()) => {
                    if full {
                        self.tell(Report::Resumed);
                    }
                    return Ok(());
                }
                Err(error @ StoreError::Full(_)) => {
                    if !full {
                        self.tell(Report::Full(error));
                    }
                    full = true;
                    self.pause()?;
                }
                Err(error) => {
                    self.tell(Report::Failed(error));
                    return Err(End);
                }
            }
        }
    }

    /// Waits before the next attempt; at the daemon's end there is none.
    fn pause(&self) -> Result<(), End> {
        match self.todo.recv_timeout(RETRY) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            // There is never more than one commit under way: who asks for another one has given this one up.
            Err(RecvTimeoutError::Disconnected) | Ok(_) => Err(End),
        }
    }

    fn tell(&self, report: Report) {
        // The driver may have gone already.
        let _ = self.told.send(report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Pair;

    /// A disk that takes its time.
    struct Slow(Receiver<()>);

    impl Store for Slow {
        fn apply(&mut self, _: &[Record]) -> Result<(), StoreError> {
            Ok(())
        }

        fn sync(&mut self) -> Result<(), StoreError> {
            // Ends when the test lets go of the other end.
            let _ = self.0.recv();
            Ok(())
        }

        fn scan(&mut self) -> Box<dyn Iterator<Item = Result<Pair, StoreError>> + '_> {
            Box::new(std::iter::empty())
        }
    }

    #[tokio::test]
    async fn a_disk_that_hangs_does_not_hold_up_the_end() {
        let (disk, hangs) = channel();
        let writer = Writer::start(Box::new(Slow(hangs))).expect("a thread");
        writer.commit(None, Vec::new());
        assert!(!writer.stop(Duration::from_millis(50)).await);
        drop(disk);
    }

    #[tokio::test]
    async fn the_last_commit_is_waited_for() {
        let (disk, goes_on) = channel();
        let writer = Writer::start(Box::new(Slow(goes_on))).expect("a thread");
        writer.commit(None, Vec::new());
        drop(disk);
        assert!(writer.stop(Duration::from_secs(60)).await);
    }
}
