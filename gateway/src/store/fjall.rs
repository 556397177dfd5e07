//! The store on fjall: sorted tables, and before them a journal with one fsync per batch.
//!
//! A running gateway has its own log in the journal's place (`log`), see `docs/durability.md`. A backup is restored by way of the
//! journal, and gets a log at the next start. fjall's errors are final for an open database, so after a full disk the database
//! is closed and opened again: the journal's unfinished end is cut off, everything committed is there.

use super::log::{Change, Mark};
use super::{Pair, Store, StoreError, check, check_keys, wants_space};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, LsmError, PersistMode};
use gateway_core::Record;
use std::any::Any;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, iter, thread};
use tracing::warn;

/// What is not in a table yet is in memory, too.
const MEMTABLE: u64 = 4 << 20;
/// The least that fjall takes.
const JOURNALS: u64 = 64 << 20;
/// Everything is read once, at the start: more cache would never be hit.
const CACHE: u64 = 1 << 20;
/// Tables of the newest level that may wait to be merged, as many as slow the database down by itself.
const UNMERGED: usize = 30;
/// How long to wait before looking again.
const MERGE_LOOK: Duration = Duration::from_millis(10);
/// Where records are in the database.
const KEYSPACE: &str = "records";
/// Under this key stands how far the records have what a log before them has. No other record has it.
const MARK_KEY: &[u8] = b"!log";

/// The store in a directory of its own.
pub struct FjallStore {
    dir: PathBuf,
    memtable: u64,
    /// `None` after an error.
    open: Option<(Database, Keyspace)>,
}

impl std::fmt::Debug for FjallStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FjallStore").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl FjallStore {
    /// Checks every file in `dir`, cuts off what a crash has left unfinished, and opens the store. An empty or missing
    /// directory becomes an empty store.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if a file is not as it was written, [`StoreError::Full`] and others as they say. Nothing
    /// was changed then, except that an unfinished commit at the journal's end is gone.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_with(dir, MEMTABLE)
    }

    /// The same with a new store's octets that are in memory before they become a table: tests want tables soon.
    ///
    /// # Errors
    /// As for [`FjallStore::open`].
    pub fn open_with(dir: &Path, memtable: u64) -> Result<Self, StoreError> {
        let mut store = Self { dir: dir.into(), memtable, open: None };
        store.ensure_open()?;
        Ok(store)
    }

    fn ensure_open(&mut self) -> Result<&(Database, Keyspace), StoreError> {
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                check::check(&self.dir)?;
                open(&self.dir, self.memtable)?
            }
        };
        Ok(self.open.insert(open))
    }

    /// How far the records have what a log before them has, `None` if there is no such log.
    pub(super) fn mark(&mut self) -> Result<Option<Mark>, StoreError> {
        let dir = self.dir.clone();
        let (_, keyspace) = self.ensure_open()?;
        let Some(octets) = keyspace.get(MARK_KEY).map_err(|error| unreadable(&dir, &error))? else { return Ok(None) };
        Mark::read(&octets).map(Some).ok_or_else(|| StoreError::damaged(&dir, "its mark of the log makes no sense"))
    }

    /// Takes in changes, in the order of their keys and one for each, and how far they bring the log that they come from:
    /// all or nothing. Returns when they are on stable storage.
    ///
    /// They become a table at once, and are in no journal.
    pub(super) fn absorb(&mut self, changes: Vec<Change<'_>>, mark: Option<Mark>) -> Result<(), StoreError> {
        let mark = mark.map(Mark::write);
        let mut changes = changes;
        let at = changes.partition_point(|(key, _)| *key < MARK_KEY);
        changes.insert(at, (MARK_KEY, mark.as_ref().map(|mark| &mark[..])));
        let (database, keyspace) = self.ensure_open()?;
        let absorbed = ingest(keyspace, &changes).and_then(|()| let_merge(database, keyspace));
        absorbed.map_err(|error| self.give_up(&error))
    }

    /// An error is final for the open database.
    fn give_up(&mut self, error: &fjall::Error) -> StoreError {
        self.open = None;
        match io_cause(error) {
            Some(cause) if wants_space(cause) => StoreError::Full(cause.to_string()),
            Some(cause) => StoreError::Failed(cause.to_string()),
            None if matches!(error, fjall::Error::Poisoned) => self.background_failure(),
            None => StoreError::Failed(error.to_string()),
        }
    }

    /// The database's own thread has failed and does not say why. A full disk shows when something is written. If there is
    /// space, there may have been none before; but it may as well have been an fsync, which nobody may try again.
    fn background_failure(&self) -> StoreError {
        match probe(&self.dir) {
            Err(error) if wants_space(&error) => {
                warn!(%error, "a write in the background failed, and there is no space: that is taken for the reason");
                StoreError::Full(error.to_string())
            }
            Err(error) => StoreError::Failed(error.to_string()),
            Ok(()) => StoreError::Failed("a write in the background failed for no known reason".into()),
        }
    }
}

impl Store for FjallStore {
    fn apply(&mut self, records: &[Record]) -> Result<(), StoreError> {
        check_keys(records)?;
        let (database, keyspace) = self.ensure_open()?;
        let mut batch = database.batch().durability(Some(PersistMode::Buffer));
        for Record { key, value } in records {
            match value {
                Some(value) => batch.insert(keyspace, &key[..], &value[..]),
                None => batch.remove(keyspace, &key[..]),
            }
        }
        batch.commit().map_err(|error| self.give_up(&error))
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        let Some((database, _)) = &self.open else { return Err(StoreError::Failed("nothing is open".into())) };
        database.persist(PersistMode::SyncData).map_err(|error| match error {
            // After a failed fsync the system may have dropped what it could not write: no cause is harmless.
            fjall::Error::Io(cause) => {
                self.open = None;
                StoreError::Failed(format!("fsync: {cause}"))
            }
            other => self.give_up(&other),
        })
    }

    fn scan(&mut self) -> Box<dyn Iterator<Item = Result<Pair, StoreError>> + '_> {
        let dir = self.dir.clone();
        match self.ensure_open() {
            Ok((_, keyspace)) => {
                let pairs =
                    keyspace.iter().map(move |entry| entry.into_inner().map_err(|error| unreadable(&dir, &error)));
                Box::new(pairs.filter(|pair| !matches!(pair, Ok((key, _)) if **key == *MARK_KEY)))
            }
            Err(error) => Box::new(iter::once(Err(error))),
        }
    }
}

fn ingest(keyspace: &Keyspace, changes: &[Change<'_>]) -> fjall::Result<()> {
    let mut table = keyspace.start_ingestion()?;
    for (key, value) in changes {
        match value {
            Some(value) => table.write(*key, *value)?,
            // What the tables never had need not be deleted there.
            None if keyspace.contains_key(key)? => table.write_tombstone(*key)?,
            None => {}
        }
    }
    table.finish()
}

/// Waits while very many tables wait to be merged, as the database itself does only for what goes through its journal.
/// Its list of tables counts those that overlap in one octet.
///
/// # Errors
/// [`fjall::Error::Poisoned`]: the database's own thread has failed, and nobody merges any more.
fn let_merge(database: &Database, keyspace: &Keyspace) -> fjall::Result<()> {
    loop {
        database.persist(PersistMode::Buffer)?;
        if keyspace.l0_table_count() < UNMERGED {
            return Ok(());
        }
        thread::sleep(MERGE_LOOK);
    }
}

fn open(dir: &Path, memtable: u64) -> Result<(Database, Keyspace), StoreError> {
    // The files have been checked, but whatever the database makes of them must not end in a panic.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let database =
            Database::builder(dir).worker_threads(1).cache_size(CACHE).max_journaling_size(JOURNALS).open()?;
        let keyspace = database.keyspace(KEYSPACE, || KeyspaceCreateOptions::default().max_memtable_size(memtable))?;
        Ok((database, keyspace))
    }));
    match opened {
        Ok(Ok(open)) => sync_directories(dir).map(|()| open),
        Ok(Err(error)) => Err(unreadable(dir, &error)),
        Err(panic) => Err(StoreError::damaged(dir, panic_message(&*panic))),
    }
}

/// The names of new directories are not on stable storage before the directory that they are in is (POSIX, fsync), and
/// the database does not see to all of them.
fn sync_directories(dir: &Path) -> Result<(), StoreError> {
    for dir in dir.parent().into_iter().chain([dir, &dir.join("keyspaces")]) {
        fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(StoreError::io(dir))?;
    }
    Ok(())
}

/// What an error at opening or reading means.
fn unreadable(dir: &Path, error: &fjall::Error) -> StoreError {
    match io_cause(error) {
        Some(cause) if wants_space(cause) => StoreError::Full(cause.to_string()),
        Some(cause) => StoreError::Io { file: dir.into(), error: io::Error::new(cause.kind(), cause.to_string()) },
        None if matches!(error, fjall::Error::Locked) => StoreError::Locked(dir.into()),
        None => StoreError::damaged(dir, error.to_string()),
    }
}

fn io_cause(error: &fjall::Error) -> Option<&io::Error> {
    match error {
        fjall::Error::Io(cause) | fjall::Error::Storage(LsmError::Io(cause)) => Some(cause),
        _ => None,
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("the database cannot read it").to_owned()
}

/// Writes as much as a table may take, and removes it again.
fn probe(dir: &Path) -> io::Result<()> {
    let path = dir.join("probe");
    let written = fs::File::create(&path).and_then(|mut file| {
        let block = [0; 64 << 10];
        (0..2 * MEMTABLE / block.len() as u64).try_for_each(|_| file.write_all(&block))?;
        file.sync_all()
    });
    // What could not be made cannot be removed: the first error is the one that says why.
    let removed = fs::remove_file(&path);
    written.and(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_that_cannot_be_made_says_why() {
        // Nobody can make a file there.
        let error = probe(Path::new("/sys")).expect_err("no place for files");
        assert_ne!(error.kind(), io::ErrorKind::NotFound, "{error}");
    }

    #[test]
    fn a_write_in_the_background_that_failed_though_there_is_space_is_a_failure() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut store = FjallStore::open(dir.path()).expect("a new store");
        assert!(matches!(store.give_up(&fjall::Error::Poisoned), StoreError::Failed(_)));
    }
}
