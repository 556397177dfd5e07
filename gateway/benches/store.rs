//! The store, and its tables alone, beside the least that any store must do: an append-only file with one fsync per
//! commit.
//!
//! `cargo bench -p sn-gateway --bench store` prints the tables of `docs/durability.md`. It takes about a minute, and
//! writes to the directory in `STORE_BENCH_DIR` or the system's temporary one: name one on the disk that counts.

use gateway_core::Record;
use sn_gateway::store::{FjallStore, LoggedStore, Pair, Store, StoreError};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Clients whose messages wait.
const SESSIONS: u64 = 50;
/// A message of 100 octets with its topic.
const VALUE_LEN: usize = 130;
/// Messages that wait, all in all: each new one is acknowledged when so many newer ones have come.
const WAITING: usize = 1_000;
/// The log's octets, as they are by default.
const LOG: u64 = 8 << 20;
/// They take turns, so that a disk that is shared with others treats them alike: so many turns of this time each.
const TURNS: usize = 5;
const TURN: Duration = Duration::from_secs(1);
/// Records of a store that is opened.
const LIVE: u64 = 200_000;

fn main() {
    if let Some(dir) = std::env::var_os("STORE_BENCH_OPEN") {
        return open_only(Path::new(&dir));
    }
    let base = std::env::var_os("STORE_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(base).expect("a directory to write to");
    println!("| messages per commit | store | commit p50 | p99 | messages/s | octets written per message |");
    println!("|---|---|---|---|---|---|");
    for per_commit in [1, 10, 100] {
        let mut floor = AppendLog(File::create(dir.path().join("log")).expect("a file"));
        let path = |name| dir.path().join(format!("{name}-{per_commit}"));
        let mut tables = FjallStore::open(&path("fjall")).expect("a new store");
        let mut store = LoggedStore::open(&path("log"), LOG).expect("a new store");
        let mut rows = [
            Row::new("append-only file", &mut floor),
            Row::new("fjall alone", &mut tables),
            Row::new("log, then fjall", &mut store),
        ];
        for _ in 0..TURNS {
            rows.iter_mut().for_each(|row| row.turn(per_commit));
        }
        rows.iter_mut().for_each(|row| row.print(per_commit));
    }
    println!();
    opening(dir.path());
}

/// The floor: no index, nothing is ever deleted.
struct AppendLog(File);

impl Store for AppendLog {
    fn apply(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let mut octets = Vec::new();
        for Record { key, value } in records {
            let value = value.as_deref().unwrap_or_default();
            octets.extend([key.len() as u8, (value.len() >> 8) as u8, value.len() as u8]);
            octets.extend_from_slice(key);
            octets.extend_from_slice(value);
        }
        self.0.write_all(&octets).map_err(|error| StoreError::Failed(error.to_string()))
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.0.sync_data().map_err(|error| StoreError::Failed(error.to_string()))
    }

    fn scan(&mut self) -> Box<dyn Iterator<Item = Result<Pair, StoreError>> + '_> {
        Box::new(std::iter::empty())
    }
}

/// Messages that come and are acknowledged.
#[derive(Default)]
struct Load {
    place: u64,
    waiting: VecDeque<Vec<u8>>,
}

impl Load {
    fn message(&mut self, records: &mut Vec<Record>) {
        self.place += 1;
        let key = [&b"q"[..], &(self.place % SESSIONS).to_be_bytes(), &self.place.to_be_bytes()].concat();
        let value =
            (0..VALUE_LEN).map(|at| (self.place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (at % 57)) as u8).collect();
        self.waiting.push_back(key.clone());
        records.push(Record { key, value: Some(value) });
        if self.waiting.len() > WAITING {
            let key = self.waiting.pop_front().expect("it is not empty");
            records.push(Record { key, value: None });
        }
    }

    fn commit(&mut self, messages: u64) -> Vec<Record> {
        let mut records = Vec::new();
        (0..messages).for_each(|_| self.message(&mut records));
        records
    }
}

/// A row of the table.
struct Row<'a> {
    name: &'static str,
    store: &'a mut dyn Store,
    load: Load,
    times: Vec<Duration>,
    busy: Duration,
    written: u64,
}

impl<'a> Row<'a> {
    fn new(name: &'static str, store: &'a mut dyn Store) -> Self {
        Self { name, store, load: Load::default(), times: Vec::new(), busy: Duration::ZERO, written: 0 }
    }

    fn turn(&mut self, per_commit: u64) {
        let (written, start) = (written_octets(), Instant::now());
        while start.elapsed() < TURN {
            let records = self.load.commit(per_commit);
            let at = Instant::now();
            self.store.apply(&records).and_then(|()| self.store.sync()).expect("written");
            self.times.push(at.elapsed());
        }
        self.busy += start.elapsed();
        self.written += written_octets() - written;
    }

    fn print(&mut self, per_commit: u64) {
        let rate = self.load.place as f64 / self.busy.as_secs_f64();
        let octets = self.written / self.load.place;
        self.times.sort();
        let at = |percent: usize| self.times[(self.times.len() - 1) * percent / 100].as_micros();
        println!("| {per_commit} | {} | {} us | {} us | {rate:.0} | {octets} |", self.name, at(50), at(99));
    }
}

/// Octets of pages that this process has made the system write, the database's own thread included.
fn written_octets() -> u64 {
    field("/proc/self/io", "write_bytes:")
}

fn field(file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(file).expect("Linux");
    let value = text.lines().find_map(|line| line.strip_prefix(name)).expect("the field");
    value.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

fn opening(dir: &Path) {
    let path = dir.join("live");
    let mut store = LoggedStore::open(&path, LOG).expect("a new store");
    let mut load = Load::default();
    while load.place < LIVE {
        let records: Vec<_> = load.commit(1_000).into_iter().filter(|record| record.value.is_some()).collect();
        store.apply(&records).expect("applied");
    }
    store.sync().expect("synced");
    drop(store);
    let octets: u64 = size(&path);
    println!("{LIVE} records of {VALUE_LEN} octets, {} MB of files:", octets / 1_000_000);
    let program = std::env::current_exe().expect("this program");
    let status = Command::new(program).env("STORE_BENCH_OPEN", &path).status().expect("it runs");
    assert!(status.success());
}

/// In a process of its own, so that its memory is what opening takes.
fn open_only(path: &Path) {
    let start = Instant::now();
    let mut store = LoggedStore::open(path, LOG).expect("it opens");
    let opened = start.elapsed();
    let records = store.scan().inspect(|pair| assert!(pair.is_ok())).count();
    let (read, rss_kb) = (start.elapsed(), field("/proc/self/status", "VmRSS:"));
    println!(
        "checked and opened after {} ms, {records} records read after {} ms,",
        opened.as_millis(),
        read.as_millis()
    );
    println!("resident memory then {} MB", rss_kb / 1_000);
}

fn size(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry"));
    let size = |entry: fs::DirEntry| match entry.metadata().expect("metadata") {
        metadata if metadata.is_dir() => size(&entry.path()),
        metadata => std::os::unix::fs::MetadataExt::blocks(&metadata) * 512,
    };
    entries.map(size).sum()
}
