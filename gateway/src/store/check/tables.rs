//! Manifests and tables: each file against the checksum that another one has of it.

use super::entries;
use crate::store::StoreError;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// Names the manifest in force: its number, its checksum, the checksum's kind.
const CURRENT: &str = "current";
const CURRENT_LEN: usize = 8 + 16 + 1;
/// The only kind of checksum.
const XXH3: u8 = 0;
/// The keyspace that knows the others.
const META: &str = "0";

/// Checks all keyspaces. Answers with how many tables there are.
pub(super) fn check(keyspaces: &Path, has_commits: bool) -> Result<usize, StoreError> {
    let mut tables = 0;
    let dirs = entries(keyspaces)?;
    for dir in &dirs {
        let is_meta = dir.file_name().is_some_and(|name| name == META);
        let may_be_new = if is_meta { dirs.len() == 1 && !has_commits } else { !has_commits };
        tables += check_keyspace(dir, may_be_new)?;
    }
    let meta = keyspaces.join(META);
    if has_commits && !dirs.contains(&meta) {
        return Err(StoreError::damaged(&meta, "it is missing"));
    }
    Ok(tables)
}

fn check_keyspace(dir: &Path, may_be_new: bool) -> Result<usize, StoreError> {
    let current = dir.join(CURRENT);
    if !current.try_exists().map_err(StoreError::io(&current))? {
        let is_new = may_be_new && entries(&dir.join("tables"))?.is_empty();
        return if is_new { Ok(0) } else { Err(StoreError::damaged(&current, "it is missing")) };
    }
    let octets = std::fs::read(&current).map_err(StoreError::io(&current))?;
    let (number, checksum) = read_current(&octets).ok_or_else(|| StoreError::damaged(&current, "it makes no sense"))?;
    let manifest = dir.join(format!("v{number}"));
    check_file(&manifest, checksum, &current)?;
    let tables = read_manifest(&manifest)?;
    for (number, checksum) in &tables {
        check_file(&dir.join("tables").join(number.to_string()), *checksum, &manifest)?;
    }
    Ok(tables.len())
}

fn read_current(octets: &[u8]) -> Option<(u64, u128)> {
    let octets: &[u8; CURRENT_LEN] = octets.try_into().ok()?;
    let number = u64::from_le_bytes(octets[..8].try_into().ok()?);
    let checksum = u128::from_le_bytes(octets[8..24].try_into().ok()?);
    (octets[24] == XXH3).then_some((number, checksum))
}

/// The numbers and checksums of the tables that a manifest, whose checksum is right, refers to.
fn read_manifest(path: &Path) -> Result<Vec<(u64, u128)>, StoreError> {
    let unreadable = || StoreError::damaged(path, "its list of tables makes no sense");
    let archive = sfa::Reader::new(path).map_err(|_| unreadable())?;
    let section = archive.toc().section(b"tables").ok_or_else(unreadable)?;
    let reader = section.buf_reader(path).map_err(StoreError::io(path))?;
    read_tables(reader).map_err(|_| unreadable())
}

/// Levels of runs of tables, each list with its length.
fn read_tables(mut from: impl Read) -> io::Result<Vec<(u64, u128)>> {
    let mut tables = Vec::new();
    let [levels] = read(&mut from)?;
    for _ in 0..levels {
        let [runs] = read(&mut from)?;
        for _ in 0..runs {
            let count = u32::from_le_bytes(read(&mut from)?);
            for _ in 0..count {
                tables.push(read_table(&mut from)?);
            }
        }
    }
    Ok(tables)
}

fn read_table(from: &mut impl Read) -> io::Result<(u64, u128)> {
    let number = u64::from_le_bytes(read(from)?);
    let [_kind] = read(from)?;
    let checksum = u128::from_le_bytes(read(from)?);
    let _global_seqno: [u8; 8] = read(from)?;
    Ok((number, checksum))
}

fn read<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    from.read_exact(&mut octets)?;
    Ok(octets)
}

/// Compares a file with the checksum that `witness` has of it.
fn check_file(path: &Path, expected: u128, witness: &Path) -> Result<(), StoreError> {
    let found = match checksum(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(StoreError::damaged(path, "it is missing"));
        }
        Err(error) => return Err(StoreError::io(path)(error)),
    };
    if found == expected {
        return Ok(());
    }
    let what = format!("its checksum is not the one that {} has of it", witness.display());
    Err(StoreError::damaged(path, what))
}

fn checksum(path: &Path) -> io::Result<u128> {
    let mut file = File::open(path)?;
    let mut hasher = Xxh3::new();
    let mut block = vec![0; 64 << 10];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hasher.digest128()),
            len => hasher.update(&block[..len]),
        }
    }
}
