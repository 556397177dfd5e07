//! The store: a log of commits, with fjall's tables behind it.
//!
//! A commit is appended to the log and synced, and that is all that anybody waits for. The log is two files of fixed
//! length. When one is full, commits go to the other, and a thread takes what the full one comes to into the tables: the
//! last change of each key. Most messages come and go within one file, and the tables never see them.
//!
//! The tables say up to which commit they have everything ([`Mark`]), in the same step in which they take it in. At the
//! start they take in what is left in the log; this is the same as when a file is full, so the code that runs after a crash
//! runs all the time.
//!
//! Order: `sector` is the unit on the disk, a `segment` is one file of them, `records` are what commits consist of,
//! `replay` is the way back, and
//! `tables` takes it.

mod records;
mod replay;
mod sector;
mod segment;
mod tables;

pub(super) use records::Change;
pub(super) use tables::Mark;

use super::{Pair, Store, StoreError, check_keys};
use gateway_core::Record;
use sector::{SECTOR, split};
use segment::Segment;
use std::fs::{self, File};
use std::iter;
use std::path::Path;
use tables::Tables;

/// The directory of the log's files, in the store's.
const DIR: &str = "log";

/// A log before tables.
#[derive(Debug)]
pub struct LoggedStore {
    tables: Tables,
    /// The one that commits are appended to, and the other.
    segments: [Segment; 2],
    /// The number of the last commit.
    last: u64,
    /// The commit that is being appended, as octets and as sectors.
    octets: Vec<u8>,
    sectors: Vec<u8>,
}

impl LoggedStore {
    /// Checks every file in `dir`, leaves out what a crash has left unfinished, and opens the store with a log of
    /// `log_bytes` octets. An empty or missing directory becomes an empty store; tables without a log get one.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if a file is not as it was written, [`StoreError::Full`] if there is no space for the log, or
    /// in the tables for what is in it; others as they say.
    pub fn open(dir: &Path, log_bytes: u64) -> Result<Self, StoreError> {
        let mut tables = Tables::open(dir)?;
        let dir = dir.join(DIR);
        let file_len = (log_bytes / 2).next_multiple_of(SECTOR as u64);
        let mut found = None;
        if let Some(mark) = tables.mark() {
            let segments = reopen(&dir, mark.file_len)?;
            tables.take_in(&segments)?;
            found = Some(segments).filter(|_| mark.file_len == file_len);
        }
        let segments = match found {
            Some(segments) => segments,
            None => make(&dir, file_len, &mut tables)?,
        };
        let last = tables.mark().map_or(0, |mark| mark.commit);
        Ok(Self { tables, segments, last, octets: Vec::new(), sectors: Vec::new() })
    }

    /// Goes on with the other file, and has the tables take in what is in the full one.
    fn turn(&mut self) -> Result<(), StoreError> {
        self.tables.finish()?;
        // The next sync is for the other file.
        self.segments[0].sync()?;
        self.tables.begin(vec![self.segments[0].clone()])?;
        self.segments.swap(0, 1);
        self.segments[0].rewind();
        Ok(())
    }

    /// Has the tables take in everything.
    fn empty(&mut self) -> Result<(), StoreError> {
        self.tables.finish()?;
        if self.tables.mark().is_some_and(|mark| mark.commit < self.last) {
            self.turn()?;
            self.tables.finish()?;
        }
        Ok(())
    }

    /// Has the tables take in a commit that is too large for the log.
    fn pass_by(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.empty()?;
        let changes = records.iter().map(|record| (&record.key[..], record.value.as_deref())).collect();
        self.tables.put(records::newest(changes), self.last + 1)
    }
}

impl Store for LoggedStore {
    fn apply(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.tables.check()?;
        check_keys(records)?;
        let Self { octets, sectors, .. } = self;
        octets.clear();
        sectors.clear();
        records::write(records, octets);
        split(self.last + 1, octets, sectors);
        if !self.segments[0].could_take(self.sectors.len()) {
            self.pass_by(records)?;
        } else {
            if !self.segments[0].has_room(self.sectors.len()) {
                self.turn()?;
            }
            self.segments[0].append(&self.sectors)?;
        }
        self.last += 1;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.segments[0].sync()
    }

    fn scan(&mut self) -> Box<dyn Iterator<Item = Result<Pair, StoreError>> + '_> {
        match self.empty().and_then(|()| self.tables.finish()) {
            Ok(tables) => tables.scan(),
            Err(error) => Box::new(iter::once(Err(error))),
        }
    }
}

fn paths(dir: &Path) -> [std::path::PathBuf; 2] {
    ["0", "1"].map(|name| dir.join(name))
}

/// Opens the log's files.
fn reopen(dir: &Path, file_len: u64) -> Result<[Segment; 2], StoreError> {
    let [first, second] = paths(dir);
    Ok([Segment::open(first, file_len)?, Segment::open(second, file_len)?])
}

/// Makes a new log, empty. The tables are told first that there is none, then that there is one.
fn make(dir: &Path, file_len: u64, tables: &mut Tables) -> Result<[Segment; 2], StoreError> {
    tables.set_mark(None)?;
    fs::create_dir_all(dir).map_err(StoreError::io(dir))?;
    let [first, second] = paths(dir);
    let segments = [Segment::create(first, file_len)?, Segment::create(second, file_len)?];
    for dir in dir.parent().into_iter().chain([dir]) {
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(StoreError::io(dir))?;
    }
    tables.set_mark(Some(Mark { commit: 0, file_len }))?;
    Ok(segments)
}
