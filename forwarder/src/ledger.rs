//! What a secured radio may do: who comes in, and that no frame counter is used twice whatever ends the process.
//!
//! Owns: the list that the radio's table of nodes is filled with, and when counters are written. Must not know: how a frame is
//! secured, what it carries.
//!
//! Two promises. What a node has sent is passed on when the counter that it came with is on stable storage, so nothing that
//! the gateway has heard of is accepted again. And the radio gets counters to send with when they are there as used.
//! Frames that bring nothing, the requests of nodes that poll, are written with the next that does: one that comes twice after
//! a crash asks for something in vain.
//!
//! Writing is waited for, with everything else. Meanwhile frames wait in the kernel's buffers, and then come as one batch, for
//! which one writing is enough.

use crate::counters::FrameCounters;
use crate::nodes::RadioNode;
use anyhow::Context;
use sn_types::{Eui64, Way};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use tracing::{error, info};
use transports::NodeTable;
use transports::nodes::Listed;

/// The nodes of a secured radio, and their counters.
#[derive(Debug)]
pub struct Ledger {
    nodes: BTreeMap<Eui64, RadioNode>,
    counters: FrameCounters,
    /// Counters that the radio gets when they are saved as used.
    block: Option<Range<u32>>,
    /// The log says already that nothing can be written.
    is_failing: bool,
}

impl Ledger {
    /// The ledger in the directory `state`, for these nodes; the radio's table gets them, and its first counters.
    ///
    /// # Errors
    /// The directory cannot be used.
    pub fn open(state: &Path, nodes: &[RadioNode], table: &mut NodeTable) -> anyhow::Result<Self> {
        let mut counters = FrameCounters::open(state)?;
        for node in nodes {
            let counter = counters.accepted(node.eui64, &node.key);
            // How they are answered is not kept here: they are until their next frames as if they were never heard.
            let way = Way::default();
            table.put(node.eui64, Listed { key: Some(node.key), counter, revoked: false, way });
        }
        let block = table.asks().then(|| counters.reserve()).context("this radio sends without frame counters")?;
        counters.save().with_context(|| format!("{}: cannot be written", counters.path().display()))?;
        let nodes = nodes.iter().map(|node| (node.eui64, node.clone())).collect();
        let mut ledger = Self { nodes, counters, block: Some(block), is_failing: false };
        ledger.grant(table);
        Ok(ledger)
    }

    /// What a listed node is called.
    #[must_use]
    pub fn name(&self, node: Eui64) -> Option<&str> {
        self.nodes.get(&node).map(|node| node.name.as_str())
    }

    /// The radio has accepted a counter.
    pub fn note(&mut self, node: Eui64, counter: u32) {
        if let Some(RadioNode { eui64, key, .. }) = self.nodes.get(&node) {
            self.counters.note(*eui64, key, counter);
        }
    }

    /// Writes what was noted. `true`: what came with it may be passed on.
    pub fn save(&mut self) -> bool {
        let saved = self.counters.save();
        match &saved {
            Ok(()) if self.is_failing => info!("frame counters are written again"),
            Err(error) if !self.is_failing => {
                let path = self.counters.path();
                error!(path = %path.display(), %error, "frame counters cannot be written; until they are, nothing passes");
            }
            Ok(()) | Err(_) => {}
        }
        self.is_failing = saved.is_err();
        saved.is_ok()
    }

    /// Gives the radio more counters to send with, if it needs any; to be called again and again.
    pub fn provide(&mut self, table: &mut NodeTable) {
        if table.asks() {
            self.block = Some(self.counters.reserve());
        }
        if self.block.is_some() && self.save() {
            self.grant(table);
        }
    }

    fn grant(&mut self, table: &mut NodeTable) {
        match self.block.take() {
            Some(block) if block.is_empty() => error!(
                "all frame counters are used up, and nothing more is sent: give all nodes new keys, and empty the directory `state`"
            ),
            Some(block) => table.grant(block),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sn_types::LinkKey;
    use std::fs;
    use tempfile::TempDir;

    const NODE: Eui64 = Eui64([2, 0, 0, 1, 0, 0, 0, 7]);
    const STRANGER: Eui64 = Eui64([2, 0, 0, 1, 0, 0, 0, 8]);

    fn open(dir: &TempDir) -> (Ledger, NodeTable) {
        let node = RadioNode { name: "pump-7".into(), eui64: NODE, key: LinkKey([7; 16]) };
        let mut table = NodeTable::secured();
        let ledger = Ledger::open(dir.path(), &[node], &mut table).expect("a directory");
        (ledger, table)
    }

    fn dir() -> TempDir {
        tempfile::tempdir().expect("a directory")
    }

    /// The table accepts a counter, and the ledger hears of it.
    fn accept(ledger: &mut Ledger, table: &mut NodeTable, counter: u32) -> bool {
        let is_new = table.accept(NODE, counter);
        while let Some(report) = table.poll_report() {
            report.counter.into_iter().for_each(|counter| ledger.note(report.node, counter));
        }
        is_new
    }

    #[test]
    fn a_counter_whose_frame_was_passed_on_is_refused_by_the_next_process() {
        let dir = dir();
        let (mut ledger, mut table) = open(&dir);
        assert!(accept(&mut ledger, &mut table, 5) && ledger.save());
        assert!(accept(&mut ledger, &mut table, 6), "it brought nothing");
        drop(ledger);
        let (_ledger, mut table) = open(&dir);
        assert!(!table.accept(NODE, 5) && table.accept(NODE, 6));
        assert_eq!(table.refused(), (1, 0));
        assert!(table.key(STRANGER).is_none());
    }

    #[test]
    fn no_process_sends_with_a_counter_of_another() {
        let dir = dir();
        let (mut ledger, mut table) = open(&dir);
        let mut last = None;
        for _ in 0..10_000 {
            let counter = table.next_counter().expect("there are more");
            assert!(Some(counter) > last);
            last = Some(counter);
            ledger.provide(&mut table);
        }
        drop(ledger);
        let (_ledger, mut table) = open(&dir);
        assert!(table.next_counter() > last);
    }

    #[test]
    fn while_nothing_can_be_written_nothing_passes() {
        let dir = dir();
        let (mut ledger, mut table) = open(&dir);
        fs::remove_dir_all(dir.path()).expect("a directory");
        assert!(accept(&mut ledger, &mut table, 5));
        assert!(!ledger.save() && !ledger.save());
        let mut counters = 0;
        while table.next_counter().is_some() {
            counters += 1;
            ledger.provide(&mut table);
        }
        assert_eq!(counters, 4_096);
        fs::create_dir(dir.path()).expect("a directory");
        ledger.provide(&mut table);
        assert_eq!(table.next_counter(), Some(4_096));
        assert!(ledger.save());
    }
}
