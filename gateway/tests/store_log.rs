//! The log before the tables: what comes back after a crash, and that damage is never passed over in silence.

#[path = "common/files.rs"]
mod files;

use files::files;
use gateway_core::Record;
use sn_gateway::store::{FjallStore, LoggedStore, Store, StoreError};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

type State = BTreeMap<Vec<u8>, Vec<u8>>;

/// Two files of 32 KiB: some thirty commits each.
const LOG: u64 = 64 << 10;
const SECTOR: usize = 512;

fn open(dir: &Path) -> Result<LoggedStore, StoreError> {
    LoggedStore::open(dir, LOG)
}

fn state(dir: &Path) -> Result<State, StoreError> {
    let mut store = open(dir)?;
    store.scan().map(|pair| pair.map(|(key, value)| (key.to_vec(), value.to_vec()))).collect()
}

fn put(key: &[u8], value: &[u8]) -> Record {
    Record { key: key.to_vec(), value: Some(value.to_vec()) }
}

/// Commit number `n`: a new record of some size, another one changed, an older one deleted.
fn commit(n: u32) -> Vec<Record> {
    let key = |n: u32| n.to_be_bytes();
    let octets: Vec<u8> = (0..600 + n % 400).map(|i| (i.wrapping_mul(n + 7) >> 3) as u8).collect();
    let mut records = vec![put(&key(n), &octets), put(b"last", n.to_string().as_bytes())];
    if n >= 10 && !n.is_multiple_of(7) {
        records.push(Record { key: key(n - 10).to_vec(), value: None });
    }
    records
}

/// The state after so many commits.
fn after(commits: u32) -> State {
    let mut state = State::new();
    for Record { key, value } in (0..commits).flat_map(commit) {
        match value {
            Some(value) => drop(state.insert(key, value)),
            None => drop(state.remove(&key)),
        }
    }
    state
}

fn write(store: &mut dyn Store, commits: std::ops::Range<u32>) {
    for n in commits {
        store.apply(&commit(n)).expect("written");
        store.sync().expect("synced");
    }
}

/// A store with so many commits, closed; the tables have those of full files.
fn with_commits(commits: u32) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    // Opened again, the database makes its journal as short as it can be: that is faster to copy.
    (0..2).for_each(|_| drop(open(dir.path()).expect("a new store")));
    write(&mut open(dir.path()).expect("it opens again"), 0..commits);
    dir
}

fn log_files(dir: &Path) -> [PathBuf; 2] {
    ["log/0", "log/1"].map(|name| dir.join(name))
}

/// The sectors of the last commit: file and offset of each.
fn last_commit(dir: &Path) -> Vec<(PathBuf, usize)> {
    let mut found: BTreeMap<u64, Vec<_>> = BTreeMap::new();
    for file in log_files(dir) {
        for (index, sector) in fs::read(&file).expect("a file of the log").chunks(SECTOR).enumerate() {
            let number = u64::from_be_bytes(sector[8..16].try_into().expect("eight octets"));
            found.entry(number).or_default().push((file.clone(), index * SECTOR));
        }
    }
    found.pop_last().expect("a commit").1
}

/// Replaces octets of a file, and answers with what was there.
fn patch(file: &Path, at: usize, octets: &[u8]) -> Vec<u8> {
    let mut contents = fs::read(file).expect("a file");
    let before = contents[at..at + octets.len()].to_vec();
    contents[at..at + octets.len()].copy_from_slice(octets);
    fs::write(file, contents).expect("written");
    before
}

#[test]
fn what_was_synced_comes_back_however_often_the_files_were_full() {
    for commits in [0, 1, 10, 30, 60, 100, 500] {
        let dir = with_commits(commits);
        assert_eq!(state(dir.path()).unwrap(), after(commits), "{commits}");
        write(&mut open(dir.path()).unwrap(), commits..commits + 70);
        assert_eq!(state(dir.path()).unwrap(), after(commits + 70), "{commits} and 70");
    }
}

#[test]
fn a_store_is_read_while_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    for n in 0..100 {
        write(&mut store, n..n + 1);
        assert_eq!(store.scan().map(Result::unwrap).count(), after(n + 1).len());
    }
}

#[test]
fn a_commit_that_lacks_a_sector_is_left_out_if_it_is_the_last() {
    for commits in [3, 47, 120] {
        let dir = with_commits(commits);
        let sectors = last_commit(dir.path());
        assert!(sectors.len() > 1);
        for (file, at) in &sectors {
            let trial = tempfile::tempdir().unwrap();
            copy(dir.path(), trial.path());
            let file = trial.path().join(file.strip_prefix(dir.path()).unwrap());
            patch(&file, *at, &[0; SECTOR]);
            assert_eq!(state(trial.path()).unwrap(), after(commits - 1));
            // What is left of it is in nobody's way.
            write(&mut open(trial.path()).unwrap(), commits - 1..commits + 50);
            assert_eq!(state(trial.path()).unwrap(), after(commits + 50));
        }
    }
}

#[test]
fn a_sector_of_an_earlier_commit_that_is_missing_is_damage() {
    let dir = with_commits(5);
    let file = log_files(dir.path())[0].clone();
    for at in [0, SECTOR, 2 * SECTOR] {
        let before = patch(&file, at, &[0; SECTOR]);
        assert!(matches!(open(dir.path()), Err(StoreError::Damaged { file: named, .. }) if named == file), "{at}");
        patch(&file, at, &before);
    }
    assert_eq!(state(dir.path()).unwrap(), after(5));
}

#[test]
fn one_flipped_bit_anywhere_in_the_log_is_found_and_the_file_is_named() {
    let dir = with_commits(100);
    let mut seed = 1_u32;
    for file in log_files(dir.path()) {
        let len = fs::metadata(&file).unwrap().len() as usize;
        for _ in 0..60 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (at, bit) = ((seed >> 3) as usize % len, seed & 7);
            let octet = fs::read(&file).unwrap()[at];
            patch(&file, at, &[octet ^ 1 << bit]);
            let found = state(dir.path());
            assert!(
                matches!(found, Err(StoreError::Damaged { file: named, .. }) if named == file),
                "bit {bit} of {at}"
            );
            patch(&file, at, &[octet]);
        }
    }
    assert_eq!(state(dir.path()).unwrap(), after(100));
}

#[test]
fn a_file_of_the_log_that_is_missing_or_too_short_is_named() {
    let dir = with_commits(60);
    for file in log_files(dir.path()) {
        let contents = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert!(matches!(open(dir.path()), Err(StoreError::Damaged { file: named, .. }) if named == file));
        fs::write(&file, &contents[SECTOR..]).unwrap();
        assert!(matches!(open(dir.path()), Err(StoreError::Damaged { file: named, .. }) if named == file));
        fs::write(&file, &contents).unwrap();
    }
    assert_eq!(state(dir.path()).unwrap(), after(60));
}

#[test]
fn a_commit_that_is_longer_than_the_log_is_kept_in_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let long = vec![7; LOG as usize];
    for records in
        [[put(b"a", b"1"), put(b"b", b"1")], [put(b"a", &long), put(b"b", b"2")], [put(b"c", b"3"), put(b"b", b"3")]]
    {
        store.apply(&records).unwrap();
        store.sync().unwrap();
    }
    drop(store);
    let expected = [(&b"a"[..], &long[..]), (b"b", b"3"), (b"c", b"3")];
    assert_eq!(state(dir.path()).unwrap(), expected.map(|(key, value)| (key.to_vec(), value.to_vec())).into());
}

#[test]
fn a_log_of_another_length_takes_over() {
    let dir = with_commits(60);
    for (log, commits) in [(2 * LOG, 60), (LOG, 110), (LOG, 160)] {
        let mut store = LoggedStore::open(dir.path(), log).unwrap();
        assert_eq!(fs::metadata(&log_files(dir.path())[1]).unwrap().len(), log / 2);
        assert_eq!(store.scan().map(Result::unwrap).count(), after(commits).len());
        write(&mut store, commits..commits + 50);
    }
    assert_eq!(state(dir.path()).unwrap(), after(210));
}

#[test]
fn tables_that_had_no_log_get_one() {
    let dir = tempfile::tempdir().unwrap();
    write(&mut FjallStore::open(dir.path()).unwrap(), 0..50);
    write(&mut open(dir.path()).unwrap(), 50..80);
    assert_eq!(state(dir.path()).unwrap(), after(80));
}

/// The end of the process while the log is made: the tables do not know of it yet.
#[test]
fn half_a_log_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    write(&mut FjallStore::open(dir.path()).unwrap(), 0..5);
    fs::create_dir(dir.path().join("log")).unwrap();
    fs::write(&log_files(dir.path())[0], [7; 700]).unwrap();
    assert_eq!(state(dir.path()).unwrap(), after(5));
}

#[test]
fn what_comes_and_goes_within_a_file_never_reaches_the_tables() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let payload: Vec<u8> = (0..400_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for n in 0..2_000_u32 {
        store.apply(&[put(&n.to_be_bytes(), &payload)]).unwrap();
        store.apply(&[Record { key: n.to_be_bytes().to_vec(), value: None }]).unwrap();
        store.sync().unwrap();
    }
    drop(store);
    assert!(state(dir.path()).unwrap().is_empty());
    let tables = files(&dir.path().join("keyspaces/1/tables"));
    let octets: u64 = tables.iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert!(octets < 50_000, "{octets} octets of tables for 800,000 that came and went");
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).expect("inside"));
        fs::create_dir_all(target.parent().expect("a directory")).expect("made");
        fs::copy(&file, &target).expect("copied");
    }
    // Directories without files count, too.
    for dir in ["keyspaces/0/blobs", "keyspaces/1/blobs"] {
        fs::create_dir_all(to.join(dir)).expect("made");
    }
}

#[test]
fn a_key_that_the_tables_cannot_take_is_refused_and_does_not_stay_in_the_log() {
    let dir = tempfile::tempdir().expect("a directory");
    let longest = put(&[b'k'; 65_535], b"x");
    let too_long = |value| Record { key: vec![b'k'; 65_536], value };
    {
        let mut store = open(dir.path()).expect("a new store");
        store.apply(std::slice::from_ref(&longest)).expect("just short enough");
        store.sync().expect("synced");
        for value in [Some(b"x".to_vec()), None] {
            let refused = store.apply(&[too_long(value)]).expect_err("too long");
            assert!(matches!(refused, StoreError::Failed(_)), "{refused}");
        }
        store.apply(&[put(b"last", b"1")]).expect("written");
        store.sync().expect("synced");
    }
    let found = state(dir.path()).expect("readable");
    assert_eq!(found.len(), 2);
    assert_eq!(found[&longest.key], b"x");
}
