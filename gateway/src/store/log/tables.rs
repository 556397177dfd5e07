//! The tables behind the log, and the thread that fills them.

use super::records::Change;
use super::replay::Replay;
use super::segment::Segment;
use crate::store::{FjallStore, StoreError};
use std::path::Path;
use std::thread::{self, JoinHandle};

/// How far the tables have what the log has. They keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Mark {
    /// The number of the last commit that they have.
    pub(super) commit: u64,
    /// The length of each of the log's files, in octets.
    pub(super) file_len: u64,
}

impl Mark {
    pub(in crate::store) fn write(self) -> [u8; 16] {
        let mut octets = [0; 16];
        octets[..8].copy_from_slice(&self.commit.to_be_bytes());
        octets[8..].copy_from_slice(&self.file_len.to_be_bytes());
        octets
    }

    pub(in crate::store) fn read(octets: &[u8]) -> Option<Self> {
        let (commit, file_len) = octets.split_first_chunk()?;
        Some(Self { commit: u64::from_be_bytes(*commit), file_len: u64::from_be_bytes(file_len.try_into().ok()?) })
    }
}

/// The tables.
#[derive(Debug)]
pub(super) struct Tables {
    /// `None` while the thread has them, and after it has panicked.
    here: Option<FjallStore>,
    thread: Option<JoinHandle<(FjallStore, Result<Mark, StoreError>)>>,
    /// How far they had come when the thread began.
    mark: Option<Mark>,
    /// What they have to take in, until they have it.
    due: Vec<Segment>,
}

impl Tables {
    /// Checks and opens them.
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        let mut tables = FjallStore::open(dir)?;
        let mark = tables.mark()?;
        Ok(Self { here: Some(tables), thread: None, mark, due: Vec::new() })
    }

    /// How far they have what the log has, `None` if there is no log.
    pub(super) const fn mark(&self) -> Option<Mark> {
        self.mark
    }

    /// Says where the log begins, or that there is none.
    pub(super) fn set_mark(&mut self, mark: Option<Mark>) -> Result<(), StoreError> {
        if self.mark != mark {
            self.finish()?.absorb(Vec::new(), mark)?;
            self.mark = mark;
        }
        Ok(())
    }

    /// Takes in the changes of commit `number`, which is not in the log. All before it must have been taken in.
    pub(super) fn put(&mut self, changes: Vec<Change<'_>>, number: u64) -> Result<(), StoreError> {
        let mark = self.mark.map(|mark| Mark { commit: number, ..mark });
        self.finish()?.absorb(changes, mark)?;
        self.mark = mark;
        Ok(())
    }

    /// Takes in what is in these segments, at the start, when nothing else is to be done meanwhile. Not on a thread: the memory
    /// that this takes would stay with it, while the caller's is used again for what comes back from the tables.
    pub(super) fn take_in(&mut self, segments: &[Segment]) -> Result<(), StoreError> {
        let (Some(tables), Some(mark)) = (self.here.as_mut(), self.mark) else { return Err(gone()) };
        self.mark = Some(absorb(tables, segments, mark)?);
        Ok(())
    }

    /// Has a thread take in what is in these segments. What was begun before must be finished.
    pub(super) fn begin(&mut self, segments: Vec<Segment>) -> Result<(), StoreError> {
        self.due = segments;
        let (Some(mut tables), Some(mark)) = (self.here.take(), self.mark) else { return Err(gone()) };
        let segments = self.due.clone();
        let work = move || {
            let done = absorb(&mut tables, &segments, mark);
            (tables, done)
        };
        let thread = thread::Builder::new().name("tables".into()).spawn(work);
        self.thread = Some(thread.map_err(|error| StoreError::Failed(error.to_string()))?);
        Ok(())
    }

    /// Whether the thread has failed. That there was no space is no matter yet.
    pub(super) fn check(&mut self) -> Result<(), StoreError> {
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            return match self.join() {
                Err(StoreError::Full(_)) => Ok(()),
                done => done,
            };
        }
        Ok(())
    }

    /// Waits until everything begun is done. If there was no space, tries once more.
    pub(super) fn finish(&mut self) -> Result<&mut FjallStore, StoreError> {
        if self.thread.is_none() && !self.due.is_empty() {
            let due = std::mem::take(&mut self.due);
            self.begin(due)?;
        }
        self.join()?;
        self.here.as_mut().ok_or_else(gone)
    }

    fn join(&mut self) -> Result<(), StoreError> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let (tables, done) = thread.join().map_err(|_| gone())?;
        self.here = Some(tables);
        self.mark = Some(done?);
        self.due.clear();
        Ok(())
    }
}

impl Drop for Tables {
    /// The next to open the directory must find nobody there.
    fn drop(&mut self) {
        let _ = self.join();
    }
}

fn gone() -> StoreError {
    StoreError::Failed("the thread that fills the tables is gone".into())
}

/// Takes in what segments have beyond `mark`, and answers with the new one.
fn absorb(tables: &mut FjallStore, segments: &[Segment], mark: Mark) -> Result<Mark, StoreError> {
    let contents = segments.iter().map(Segment::contents).collect::<Result<Vec<_>, _>>()?;
    let replay = Replay::read(&contents, mark.commit)?;
    let reached = Mark { commit: replay.last, ..mark };
    if reached != mark {
        tables.absorb(replay.changes()?, Some(reached))?;
    }
    Ok(reached)
}
