//! A disk with a store on it, of which a crash keeps what was synced, and of the rest what the plan says.
//!
//! It is a model of the daemon's store as the core knows it: a journal of commits, each with its length and checksum, that
//! is read to the last whole one. What the real store makes of real files is tested with real files elsewhere.

use crate::plan::Fate;
use gateway_core::Record;
use std::collections::BTreeMap;

/// Records by their keys.
pub(crate) type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// What is on the disk.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    synced: Records,
    /// The commit that is being written.
    unsynced: Option<Vec<Record>>,
}

impl Disk {
    /// Begins to write a commit.
    pub(crate) fn write(&mut self, records: Vec<Record>) {
        debug_assert!(self.unsynced.is_none(), "one commit at a time");
        self.unsynced = Some(records);
    }

    /// All that was written is on stable storage.
    pub(crate) fn sync(&mut self) {
        self.unsynced.take().into_iter().flatten().for_each(|record| apply(&mut self.synced, record));
    }

    /// The power fails.
    pub(crate) fn crash(&mut self, fate: Fate) {
        let Some(records) = self.unsynced.take() else { return };
        let mut frame = frame(&records);
        match fate {
            Fate::Lost => frame.clear(),
            Fate::Torn(permille) => frame.truncate(frame.len() * usize::from(permille.min(999)) / 1_000),
            Fate::Kept => {}
        }
        if is_whole(&frame) {
            records.into_iter().for_each(|record| apply(&mut self.synced, record));
        }
    }

    /// What a start finds.
    pub(crate) fn records(&self) -> &Records {
        &self.synced
    }
}

fn apply(records: &mut Records, Record { key, value }: Record) {
    match value {
        Some(value) => drop(records.insert(key, value)),
        None => drop(records.remove(&key)),
    }
}

/// A commit in the journal: length and checksum (FNV-1a) of what follows.
fn frame(records: &[Record]) -> Vec<u8> {
    let mut body = Vec::new();
    for Record { key, value } in records {
        body.extend_from_slice(&(key.len() as u32).to_be_bytes());
        body.extend_from_slice(key);
        let value = value.as_deref();
        body.extend_from_slice(&value.map_or(u32::MAX, |value| value.len() as u32).to_be_bytes());
        body.extend_from_slice(value.unwrap_or_default());
    }
    [&(body.len() as u32).to_be_bytes()[..], &checksum(&body).to_be_bytes(), &body].concat()
}

fn is_whole(frame: &[u8]) -> bool {
    let Some((len, rest)) = frame.split_first_chunk::<4>() else { return false };
    let Some((sum, body)) = rest.split_first_chunk::<8>() else { return false };
    body.len() == u32::from_be_bytes(*len) as usize && checksum(body) == u64::from_be_bytes(*sum)
}

fn checksum(octets: &[u8]) -> u64 {
    use std::hash::Hasher as _;
    let mut sum = crate::trace::Trace::EMPTY;
    sum.write(octets);
    sum.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, value: &str) -> Record {
        Record { key: key.into(), value: Some(value.into()) }
    }

    fn keys(disk: &Disk) -> Vec<&str> {
        disk.records().keys().map(|key| std::str::from_utf8(key).unwrap()).collect()
    }

    #[test]
    fn a_crash_keeps_what_was_synced() {
        let mut disk = Disk::default();
        disk.write(vec![put("a", "1")]);
        disk.sync();
        for (fate, kept) in [(Fate::Lost, "a"), (Fate::Torn(999), "a"), (Fate::Torn(0), "a"), (Fate::Kept, "a b")] {
            disk.write(vec![put("b", "2")]);
            disk.crash(fate);
            assert_eq!(keys(&disk).join(" "), kept, "{fate:?}");
        }
    }

    #[test]
    fn a_commit_is_there_as_a_whole_or_not_at_all() {
        let mut disk = Disk::default();
        for torn in 0..1_000 {
            disk.write((0..40).map(|n| put(&format!("key {n}"), "value")).collect());
            disk.crash(Fate::Torn(torn));
            assert!(disk.records().is_empty(), "{torn}");
        }
        disk.write(vec![put("a", "1")]);
        disk.sync();
        disk.write(vec![Record { key: b"a".to_vec(), value: None }]);
        disk.crash(Fate::Kept);
        assert!(disk.records().is_empty());
    }
}
