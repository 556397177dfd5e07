//! The journal: commits one after the other, then the zeros of a file that was made longer than it is filled.
//!
//! A commit is a start (tag 1, count of items, sequence number), items (tag 2, or 4 for a keyspace that was emptied)
//! and an end (tag 3, the items' checksum, [`MAGIC`]). Only the last one may be unfinished.

use super::entries;
use crate::store::StoreError;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use tracing::warn;
use xxhash_rust::xxh3::Xxh3;

const MAGIC: [u8; 4] = *b"FJL\x03";
const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
/// What a disk writes as a whole.
const SECTOR: usize = 512;
/// What the system remembers as a whole.
const PAGE: u64 = 4_096;

/// What was found in all journals.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Journals {
    pub(super) files: usize,
    pub(super) commits: u64,
}

/// Checks the journals in `dir`, oldest first, and cuts off an unfinished commit at the end of the newest.
pub(super) fn check(dir: &Path) -> Result<Journals, StoreError> {
    let mut journals: Vec<_> = entries(dir)?.into_iter().filter_map(|path| Some((number(&path)?, path))).collect();
    journals.sort();
    // The oldest goes when all of it is in tables, and there is always one to write to.
    if let Some([(before, path), (after, _)]) = journals.array_windows().find(|[(a, _), (b, _)]| a + 1 != *b) {
        let what = format!("the journals {} to {} are missing", before + 1, after - 1);
        return Err(StoreError::damaged(path, what));
    }
    let mut found = Progress::default();
    for (at, (_, path)) in journals.iter().enumerate() {
        let newest = at + 1 == journals.len();
        check_file(path, newest, &mut found)?;
    }
    Ok(Journals { files: journals.len(), commits: found.commits })
}

/// `12.jnl` is number 12.
fn number(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(".jnl")?.parse().ok()
}

#[derive(Debug, Default)]
struct Progress {
    commits: u64,
    last_seqno: Option<u64>,
    /// Where the last commit of this journal begins, and the sequence number before it.
    last_start: Option<u64>,
    before_last: Option<u64>,
}

fn check_file(path: &Path, newest: bool, progress: &mut Progress) -> Result<(), StoreError> {
    let file = File::open(path).map_err(StoreError::io(path))?;
    let mut reader = BufReader::with_capacity(64 << 10, file);
    let mut good = read_commits(&mut reader, 0, progress).map_err(StoreError::io(path))?;
    if newest {
        good = read_last_from_disk(&mut reader, good, progress).map_err(StoreError::io(path))?;
    }
    reader.seek(SeekFrom::Start(good)).map_err(StoreError::io(path))?;
    let rest = read_rest(reader).map_err(StoreError::io(path))?;
    match judge(&rest, good) {
        Rest::Empty => Ok(()),
        Rest::Unfinished if newest => cut(path, good, rest.len()),
        Rest::Unfinished | Rest::Damaged => {
            let what = format!("the commit at offset {good} is not as it was written");
            Err(StoreError::damaged(path, what))
        }
    }
}

/// Reads the last commit again, which begins before `good`: if its fsync has failed, the system may still remember what
/// the disk does not have, and only the disk counts.
fn read_last_from_disk(reader: &mut BufReader<File>, good: u64, progress: &mut Progress) -> io::Result<u64> {
    let Some(last) = progress.last_start else { return Ok(good) };
    let page = i64::try_from(last / PAGE * PAGE).unwrap_or_default();
    let _ = posix_fadvise(reader.get_ref(), page, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
    progress.commits -= 1;
    progress.last_seqno = progress.before_last;
    reader.seek(SeekFrom::Start(last))?;
    read_commits(reader, last, progress)
}

/// Reads commits from `start` until one makes no sense. Answers with the end of the last one that does.
fn read_commits(reader: &mut (impl Read + Seek), start: u64, progress: &mut Progress) -> io::Result<u64> {
    let mut good = start;
    progress.last_start = None;
    loop {
        match read_commit(reader) {
            Ok(Some(commit)) if commit.matches && progress.last_seqno.is_none_or(|last| commit.seqno > last) => {
                progress.commits += 1;
                progress.before_last = progress.last_seqno.replace(commit.seqno);
                progress.last_start = Some(good);
                good = reader.stream_position()?;
            }
            Ok(_) => return Ok(good),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(good),
            Err(error) => return Err(error),
        }
    }
}

/// A commit that is there from its start to its end.
#[derive(Debug)]
struct Commit {
    seqno: u64,
    /// The checksum and [`MAGIC`] are right.
    matches: bool,
}

/// The next commit, `None` if there is something else.
fn read_commit(from: &mut impl Read) -> io::Result<Option<Commit>> {
    if take::<1>(from)? != [START] {
        return Ok(None);
    }
    let count = u32::from_le_bytes(take(from)?);
    let seqno = u64::from_le_bytes(take(from)?);
    let mut hasher = Xxh3::new();
    for _ in 0..count {
        if !read_item(from, &mut hasher)? {
            return Ok(None);
        }
    }
    if take::<1>(from)? != [END] {
        return Ok(None);
    }
    let checksum = u64::from_le_bytes(take(from)?);
    let matches = take(from)? == MAGIC && hasher.digest() == checksum;
    Ok(Some(Commit { seqno, matches }))
}

/// Reads an item into the checksum. `false` if it is none.
fn read_item(from: &mut impl Read, hasher: &mut Xxh3) -> io::Result<bool> {
    let [tag] = take(from)?;
    hasher.update(&[tag]);
    match tag {
        CLEAR => {
            hasher.update(&take::<8>(from)?);
            Ok(true)
        }
        ITEM => {
            // Kind of value, compression, keyspace; lengths of the key, of the value, of the value as it is written.
            hasher.update(&take::<10>(from)?);
            let key_len: [u8; 2] = take(from)?;
            let value_len: [u8; 4] = take(from)?;
            let written_len: [u8; 4] = take(from)?;
            hasher.update(&[&key_len[..], &value_len, &written_len].concat());
            let octets = u64::from(u16::from_le_bytes(key_len)) + u64::from(u32::from_le_bytes(written_len));
            pass(from, octets, hasher)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Reads octets into the checksum.
fn pass(from: &mut impl Read, octets: u64, hasher: &mut Xxh3) -> io::Result<()> {
    let mut block = [0; 4_096];
    let mut left = octets;
    while left > 0 {
        let len = left.min(block.len() as u64) as usize;
        from.read_exact(&mut block[..len])?;
        hasher.update(&block[..len]);
        left -= len as u64;
    }
    Ok(())
}

fn take<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    from.read_exact(&mut octets)?;
    Ok(octets)
}

/// What comes after the last good commit, without the zeros at its end.
fn read_rest(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut rest = Vec::new();
    let mut zeros = 0;
    let (mut block, all_zeros) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let len = from.read(&mut block)?;
        if len == 0 {
            return Ok(rest);
        }
        // A new journal is 64 MB of them: a comparison is much faster than a search.
        if block[..len] == all_zeros[..len] {
            zeros += len;
            continue;
        }
        match block[..len].iter().rposition(|octet| *octet != 0) {
            None => zeros += len,
            Some(last) => {
                rest.resize(rest.len() + zeros, 0);
                rest.extend_from_slice(&block[..=last]);
                zeros = len - last - 1;
            }
        }
    }
}

/// What the octets after the last good commit are.
#[derive(Debug, PartialEq, Eq)]
enum Rest {
    Empty,
    /// A write that was cut off: nobody was told that it is done.
    Unfinished,
    /// A commit that was there as a whole, and is not as it was.
    Damaged,
}

/// A cut-off write lacks its end, or whole sectors before that. A commit that was there has its end, or is followed by
/// another one, and a flipped bit does not take both of an end's marks away.
fn judge(rest: &[u8], offset: u64) -> Rest {
    if rest.is_empty() {
        return Rest::Empty;
    }
    let ends = rest.ends_with(&MAGIC) || reaches_end(rest);
    if another_follows(rest) || (ends && !lacks_a_sector(rest, offset)) { Rest::Damaged } else { Rest::Unfinished }
}

fn reaches_end(rest: &[u8]) -> bool {
    matches!(read_commit(&mut &*rest), Ok(Some(_)))
}

/// Whether a good commit begins somewhere behind the first octet.
fn another_follows(rest: &[u8]) -> bool {
    let starts = (1..rest.len()).filter(|at| rest[*at] == START);
    starts
        .map(|at| &rest[at..])
        .any(|mut tail| matches!(read_commit(&mut tail), Ok(Some(Commit { matches: true, .. }))))
}

fn lacks_a_sector(rest: &[u8], offset: u64) -> bool {
    let to_boundary = (SECTOR - offset as usize % SECTOR) % SECTOR;
    let (first, others) = rest.split_at(to_boundary.min(rest.len()));
    let is_lacking = |sector: &[u8]| sector.iter().all(|octet| *octet == 0);
    (!first.is_empty() && is_lacking(first)) || others.chunks(SECTOR).any(is_lacking)
}

fn cut(path: &Path, at: u64, octets: usize) -> Result<(), StoreError> {
    warn!(
        file = %path.display(),
        offset = at,
        octets,
        "the last commit was not written to its end; nobody was told that it is done, and it is left out"
    );
    let file = OpenOptions::new().write(true).open(path).map_err(StoreError::io(path))?;
    file.set_len(at).and_then(|()| file.sync_all()).map_err(StoreError::io(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_lacks_any_sector_but_its_last_was_cut_off() {
        let written = [&[7; 2_000][..], &MAGIC].concat();
        // The commit begins 12 octets before a sector does.
        assert_eq!(judge(&written, 500), Rest::Damaged);
        for lacking in [0..12, 12..524, 1_036..1_548] {
            let mut torn = written.clone();
            torn[lacking].fill(0);
            assert_eq!(judge(&torn, 500), Rest::Unfinished);
        }
        let mut flipped = written;
        flipped[5] = 0;
        assert_eq!(judge(&flipped, 500), Rest::Damaged);
    }
}
