//! The store on a real disk: what comes back after a crash, and that damage is never passed over in silence.

#[path = "common/files.rs"]
mod files;

use files::files;
use gateway_core::Record;
use sn_gateway::store::{DataDir, FjallStore, Store, StoreError};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

type State = BTreeMap<Vec<u8>, Vec<u8>>;

/// Small, so that there are tables soon.
const MEMTABLE: u64 = 64 << 10;

fn open(dir: &Path) -> Result<FjallStore, StoreError> {
    FjallStore::open_with(dir, MEMTABLE)
}

fn state(store: &mut FjallStore) -> Result<State, StoreError> {
    store.scan().map(|pair| pair.map(|(key, value)| (key.to_vec(), value.to_vec()))).collect()
}

/// Commit number `n`: a new record of some size, another one changed, an older one deleted.
fn commit(n: u32) -> Vec<Record> {
    let key = |n: u32| n.to_be_bytes().to_vec();
    let octets = (0..200 + n % 400).map(|i| (i.wrapping_mul(n + 7) >> 3) as u8).collect();
    let mut records = vec![
        Record { key: key(n), value: Some(octets) },
        Record { key: b"last".to_vec(), value: Some(n.to_string().into()) },
    ];
    if n >= 40 && n.is_multiple_of(2) {
        records.push(Record { key: key(n - 40), value: None });
    }
    records
}

fn apply(state: &mut State, records: Vec<Record>) {
    for Record { key, value } in records {
        match value {
            Some(value) => drop(state.insert(key, value)),
            None => drop(state.remove(&key)),
        }
    }
}

/// The state after so many commits.
fn after(commits: u32) -> State {
    let mut state = State::new();
    (0..commits).for_each(|n| apply(&mut state, commit(n)));
    state
}

fn write(store: &mut FjallStore, commits: std::ops::Range<u32>) {
    for n in commits {
        store.apply(&commit(n)).expect("written");
        store.sync().expect("synced");
    }
}

/// A store that was closed well, with its journal as short as it can be.
fn closed(dir: &Path, commits: u32) {
    write(&mut open(dir).expect("a new store"), 0..commits);
    drop(open(dir).expect("it opens again"));
}

fn journal(dir: &Path) -> PathBuf {
    files(dir).into_iter().find(|path| path.extension().is_some_and(|ext| ext == "jnl")).expect("a journal")
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).expect("inside"));
        fs::create_dir_all(target.parent().expect("a directory")).expect("made");
        fs::copy(&file, &target).expect("copied");
    }
    // Directories without files count, too.
    fs::create_dir_all(to.join("keyspaces/1/blobs")).expect("made");
}

#[test]
fn what_was_synced_comes_back_in_the_order_of_the_keys() {
    let dir = tempfile::tempdir().unwrap();
    write(&mut open(dir.path()).unwrap(), 0..300);
    let mut again = open(dir.path()).unwrap();
    let keys: Vec<_> = again.scan().map(|pair| pair.unwrap().0).collect();
    assert!(keys.is_sorted());
    assert_eq!(state(&mut again).unwrap(), after(300));
    write(&mut again, 300..310);
    drop(again);
    assert_eq!(state(&mut open(dir.path()).unwrap()).unwrap(), after(310));
}

#[test]
fn wherever_the_journal_was_cut_off_whole_commits_come_back() {
    let dir = tempfile::tempdir().unwrap();
    closed(dir.path(), 12);
    let whole = fs::read(journal(dir.path())).unwrap();
    let mut seen = 0;
    for len in 0..=whole.len() {
        fs::write(journal(dir.path()), &whole[..len]).unwrap();
        if len % 7 != 0 && len != whole.len() {
            continue;
        }
        let found = state(&mut open(dir.path()).unwrap()).unwrap();
        let commits =
            found.get(&b"last"[..]).map_or(0, |last| 1 + String::from_utf8_lossy(last).parse::<u32>().unwrap());
        assert_eq!(found, after(commits), "{len} octets");
        assert!(commits >= seen, "{len} octets");
        seen = commits;
    }
    assert_eq!(seen, 12);
}

#[test]
fn a_commit_of_which_the_disk_has_only_some_sectors_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    closed(dir.path(), 5);
    let before = fs::metadata(journal(dir.path())).unwrap().len() as usize;
    let big = [Record { key: b"big".to_vec(), value: Some(vec![7; 9_000]) }];
    let mut store = open(dir.path()).unwrap();
    store.apply(&big).unwrap();
    store.sync().unwrap();
    drop(store);
    let whole = fs::read(journal(dir.path())).unwrap();
    let first_sector = before.div_ceil(512);
    for sector in first_sector..whole.len() / 512 {
        let mut octets = whole.clone();
        octets[512 * sector..512 * (sector + 1)].fill(0);
        fs::write(journal(dir.path()), octets).unwrap();
        assert_eq!(state(&mut open(dir.path()).unwrap()).unwrap(), after(5), "without sector {sector}");
    }
    fs::write(journal(dir.path()), whole).unwrap();
    assert_eq!(state(&mut open(dir.path()).unwrap()).unwrap().len(), after(5).len() + 1);
}

/// A store with tables and a journal, and what is in it.
fn with_tables(dir: &Path) -> State {
    let mut store = open(dir).expect("a new store");
    write(&mut store, 0..600);
    let start = Instant::now();
    while fs::read_dir(dir.join("keyspaces/1/tables")).expect("tables").count() < 2 {
        assert!(start.elapsed() < Duration::from_secs(60), "no tables");
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(store);
    drop(open(dir).expect("it opens again"));
    after(600)
}

/// Either nothing is missing, or the error names a file.
fn assert_not_silent(dir: &Path, expected: &State, what: &str) -> bool {
    match open(dir).and_then(|mut store| state(&mut store)) {
        Ok(found) => {
            assert!(found == *expected, "{what}: {} records instead of {}", found.len(), expected.len());
            false
        }
        Err(StoreError::Damaged { file, what: _ }) => {
            assert!(file.starts_with(dir) && file != dir, "{what}: {} is named", file.display());
            true
        }
        Err(other) => panic!("{what}: {other}"),
    }
}

#[test]
fn one_flipped_bit_anywhere_is_found_and_the_file_is_named() {
    let (original, trial) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let expected = with_tables(original.path());
    let mut seed = 1_u32;
    let mut found = 0;
    let mut trials = 0;
    for file in files(original.path()).iter().filter(|file| file.file_name().is_some_and(|name| name != "lock")) {
        let octets = fs::read(file).unwrap();
        for _ in 0..octets.len().min(40) {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (at, bit) = ((seed >> 3) as usize % octets.len(), seed & 7);
            let name = file.strip_prefix(original.path()).unwrap();
            let dir = trial.path().join(trials.to_string());
            copy(original.path(), &dir);
            let mut damaged = octets.clone();
            damaged[at] ^= 1 << bit;
            fs::write(dir.join(name), damaged).unwrap();
            found += usize::from(assert_not_silent(&dir, &expected, &format!("{}: bit {bit} of {at}", name.display())));
            trials += 1;
            fs::remove_dir_all(dir).unwrap();
        }
    }
    assert!(trials > 200 && found == trials, "{found} of {trials} were found");
}

#[test]
fn a_missing_file_is_found_and_named() {
    let (original, trial) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let expected = with_tables(original.path());
    for (number, file) in files(original.path()).iter().enumerate() {
        let name = file.strip_prefix(original.path()).unwrap();
        let dir = trial.path().join(number.to_string());
        copy(original.path(), &dir);
        fs::remove_file(dir.join(name)).unwrap();
        if name.file_name().is_some_and(|name| name != "lock") {
            assert!(assert_not_silent(&dir, &expected, &name.display().to_string()), "{} is missing", name.display());
        }
    }
}

#[test]
fn the_end_of_the_process_in_the_middle_of_making_a_store_is_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    fs::create_dir_all(store.join("keyspaces")).unwrap();
    fs::write(store.join("0.jnl"), [0; 4_096]).unwrap();
    fs::write(store.join("version"), []).unwrap();
    assert!(state(&mut open(&store).unwrap()).unwrap().is_empty());
}

#[test]
fn a_directory_has_one_user() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/er");
    let first = DataDir::open(&path).unwrap();
    assert!(matches!(DataDir::open(&path), Err(StoreError::Locked(_))));
    drop(first);
    DataDir::open(&path).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o700);
}
