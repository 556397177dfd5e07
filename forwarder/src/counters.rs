//! Frame counters that survive the process.
//!
//! A frame is secured with its sender's key, address and counter. One counter must never be used twice, and a counter that was
//! accepted must never be accepted again (IEEE 802.15.4-2020 §9.2.4, §9.4.2). What must be known of them for that is one small
//! file, written as a whole, with fsync, and put in the place of the one before.
//!
//! Order of calls: [`FrameCounters::note`] and [`FrameCounters::reserve`], then [`FrameCounters::save`], and only then whatever
//! depends on them.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sn_files::OwnDir;
use sn_types::{Eui64, LinkKey};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Counters to send with that are reserved at once.
const BLOCK: u32 = 4_096;
/// The file within the directory.
const FILE: &str = "frame-counters.toml";
/// What stands above them.
const HEADING: &str = "\
# Frame counters of sn-forwarder, which writes this file. Do not change it and do not bring an older one back: if it is lost, all
# nodes need new keys.
";

/// What is spent, and the file that says so.
#[derive(Debug)]
pub struct FrameCounters {
    dir: OwnDir,
    spent: Spent,
    is_saved: bool,
}

/// What is spent, as it is in the file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spent {
    /// Counters below this one are used to send with, or may be.
    sent: u32,
    /// The highest counter that was accepted. Nodes that are gone, and keys, stay: they may come back.
    #[serde(default)]
    accepted: BTreeMap<Holder, u32>,
}

/// A node under one of its keys: with another one it counts anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Holder {
    node: Eui64,
    /// The key's first octets, hashed: enough to tell it from the next.
    mark: u32,
}

impl Holder {
    fn new(node: Eui64, LinkKey(key): &LinkKey) -> Self {
        let digest = Sha256::digest(key);
        Self { node, mark: u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) }
    }
}

impl From<Holder> for String {
    fn from(Holder { node, mark }: Holder) -> Self {
        format!("{node} {mark:08x}")
    }
}

impl TryFrom<String> for Holder {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let holder = text.split_once(' ').and_then(|(node, mark)| {
            Some(Self { node: node.parse().ok()?, mark: u32::from_str_radix(mark, 16).ok()? })
        });
        holder.ok_or("this is no node and the mark of its key")
    }
}

impl FrameCounters {
    /// What the file in `dir` says; nothing is spent if there is none. The directory is made if it is missing, and is this
    /// process's alone.
    ///
    /// # Errors
    /// Another forwarder has it, it cannot be made or read, or the file is damaged.
    pub fn open(dir: &Path) -> anyhow::Result<Self> {
        let dir = OwnDir::open(dir)?;
        let path = dir.path().join(FILE);
        let spent = match fs::read_to_string(&path) {
            Ok(text) => {
                sn_config::read(&path, &text, &[]).context("it is damaged; delete it, and give all nodes new keys")?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Spent::default(),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        Ok(Self { dir, spent, is_saved: true })
    }

    /// The highest counter that was accepted from a node with this key.
    #[must_use]
    pub fn accepted(&self, node: Eui64, key: &LinkKey) -> Option<u32> {
        self.spent.accepted.get(&Holder::new(node, key)).copied()
    }

    /// A counter was accepted from a node with this key.
    pub fn note(&mut self, node: Eui64, key: &LinkKey, counter: u32) {
        let highest = self.spent.accepted.entry(Holder::new(node, key)).or_default();
        *highest = counter.max(*highest);
        self.is_saved = false;
    }

    /// The next counters to send with, once they are saved as used; empty when all are used up.
    pub fn reserve(&mut self) -> Range<u32> {
        let start = self.spent.sent;
        self.spent.sent = start.saturating_add(BLOCK);
        self.is_saved = false;
        start..self.spent.sent
    }

    /// Has all of it on stable storage, if anything is new. It waits for the disk.
    ///
    /// # Errors
    /// It cannot be written: what is in the file is as old as before.
    pub fn save(&mut self) -> io::Result<()> {
        if self.is_saved {
            return Ok(());
        }
        let text = toml::to_string(&self.spent).map_err(io::Error::other)?;
        sn_files::replace(&self.path(), format!("{HEADING}\n{text}").as_bytes(), |_| Ok(()))?;
        self.is_saved = true;
        Ok(())
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.path().join(FILE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: Eui64 = Eui64([2, 0, 0, 1, 0, 0, 0, 7]);
    const OTHER: Eui64 = Eui64([2, 0, 0, 1, 0, 0, 0, 8]);
    const KEY: LinkKey = LinkKey([7; 16]);
    const NEW_KEY: LinkKey = LinkKey([8; 16]);

    #[test]
    fn what_is_saved_is_there_after_the_process_and_what_is_not_was_of_no_effect() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut counters = FrameCounters::open(dir.path()).expect("an empty directory");
        counters.note(NODE, &KEY, 0);
        assert_eq!(counters.reserve(), 0..4_096);
        counters.save().expect("there is room");
        counters.note(NODE, &KEY, 5);
        assert_eq!(counters.reserve(), 4_096..8_192, "not saved, so nobody may use them");
        drop(counters);
        let mut counters = FrameCounters::open(dir.path()).expect("a good file");
        assert_eq!((counters.accepted(NODE, &KEY), counters.accepted(OTHER, &KEY)), (Some(0), None));
        assert_eq!(counters.reserve(), 4_096..8_192);
    }

    #[test]
    fn a_node_with_a_new_key_counts_anew_and_the_old_one_stays_spent() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut counters = FrameCounters::open(dir.path()).expect("an empty directory");
        counters.note(NODE, &KEY, 1_000);
        assert_eq!(counters.accepted(NODE, &NEW_KEY), None);
        counters.note(NODE, &NEW_KEY, 3);
        counters.note(NODE, &NEW_KEY, 2);
        counters.save().expect("there is room");
        drop(counters);
        let counters = FrameCounters::open(dir.path()).expect("a good file");
        assert_eq!((counters.accepted(NODE, &KEY), counters.accepted(NODE, &NEW_KEY)), (Some(1_000), Some(3)));
    }

    #[test]
    fn all_counters_can_be_used_and_none_twice() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(FILE);
        fs::write(&path, format!("sent = {}\n", u32::MAX - 10)).expect("a file");
        let mut counters = FrameCounters::open(dir.path()).expect("a good file");
        assert_eq!(counters.reserve(), u32::MAX - 10..u32::MAX);
        assert!(counters.reserve().is_empty());
    }

    #[test]
    fn a_damaged_file_is_not_taken_for_an_empty_one() {
        for damaged in ["", "sent = -1", "sent = 4294967296", "sent = 1\n[accepted]\n\"02\" = 1", "sent = 1\nmore = 1"]
        {
            let dir = tempfile::tempdir().expect("a directory");
            fs::write(dir.path().join(FILE), damaged).expect("a file");
            let error = FrameCounters::open(dir.path()).expect_err(damaged);
            assert!(format!("{error:#}").contains("frame-counters.toml:"), "{error:#}");
        }
    }

    #[test]
    fn two_forwarders_do_not_share_a_directory() {
        let dir = tempfile::tempdir().expect("a directory");
        let _first = FrameCounters::open(dir.path()).expect("an empty directory");
        assert!(FrameCounters::open(dir.path()).is_err());
    }
}
