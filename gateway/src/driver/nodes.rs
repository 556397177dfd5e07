//! Radio nodes between the core, which has the list, and the transports, of which each has a copy.
//!
//! What a transport says of its nodes goes to the core before the datagrams that it speaks of; frame counters to send with go
//! the other way when they are on the disk.

use super::Driver;
use crate::admin::protocol::{Answer, NodeRow, Request};
use gateway_core::{Core, Input, NewNode, NodeEntry, NodeReport};
use sn_types::{Eui64, Instant, TransportId};
use std::ops::Range;
use transports::Transport;
use transports::nodes::{Listed, NodeTable};

/// Hands over what a transport has to say of its nodes.
pub(super) fn take_reports(core: &mut Core, now: Instant, transport: TransportId, from: &mut dyn Transport) {
    let Some(table) = from.nodes() else { return };
    while let Some(report) = table.poll_report() {
        let transports::nodes::NodeReport { node, counter, spoke, heard, way } = report;
        let report = NodeReport { node, counter, spoke, heard, way };
        core.handle_input(now, Input::Node { transport, report });
    }
}

fn put(table: &mut NodeTable, NodeEntry { node, key, counter, revoked, way }: NodeEntry) {
    table.put(node, Listed { key, counter, revoked, way });
}

impl Driver {
    /// Gives a new transport the list, and its first frame counters if it needs any.
    pub(super) fn introduce_nodes(&mut self, transport: TransportId) {
        let Some(table) = self.transports.get_mut(usize::from(transport.0)).and_then(|it| it.nodes()) else { return };
        self.core.node_entries().for_each(|entry| put(table, entry));
        self.ask_for_counters();
    }

    /// Reserves frame counters for the transports that have few left.
    pub(super) fn ask_for_counters(&mut self) {
        let now = self.clock.now();
        for (transport, it) in (0..).map(TransportId).zip(&mut self.transports) {
            if !it.nodes().is_some_and(NodeTable::asks) {
                continue;
            }
            if self.keeper.is_none() {
                tracing::error!(
                    transport = transport.0,
                    "nothing can be sent here: frames are secured with counters that must survive the process; give --data DIR"
                );
            } else {
                self.core.handle_input(now, Input::CountersWanted { transport });
            }
        }
    }

    /// Frame counters are on the disk as used: a transport may use them.
    pub(super) fn grant_counters(&mut self, transport: TransportId, block: Range<u32>) {
        if let Some(table) = self.transports.get_mut(usize::from(transport.0)).and_then(|it| it.nodes()) {
            table.grant(block);
        }
    }

    /// All nodes, as an operator sees them.
    pub(super) fn node_rows(&self, now: Instant) -> Vec<NodeRow> {
        self.core.nodes().iter().map(|node| NodeRow::new(node, now)).collect()
    }

    /// Changes the list. The transports know at once, the disk before the operator is told.
    pub(super) fn edit_nodes(&mut self, now: Instant, request: Request) -> Answer {
        let known = |core: &Core, which: &str| {
            core.find_node(which).ok_or_else(|| format!("there is no node \"{which}\" on the list"))
        };
        let core = &mut self.core;
        let edited: Result<Eui64, String> = match request {
            Request::AddNode(add) => add.node().and_then(|new: NewNode| {
                let node = new.node;
                core.add_node(now, new).map(|()| node).map_err(|error| error.to_string())
            }),
            Request::RenameNode { which, name } => known(core, &which)
                .and_then(|node| core.rename_node(now, node, &name).map(|()| node).map_err(|error| error.to_string())),
            Request::RevokeNode(which) => known(core, &which)
                .and_then(|node| core.revoke_node(now, node).map(|()| node).map_err(|error| error.to_string())),
            Request::RemoveNode(which) => known(core, &which)
                .and_then(|node| core.remove_node(now, node).map(|()| node).map_err(|error| error.to_string())),
            Request::Nodes
            | Request::Sessions
            | Request::Session(_)
            | Request::Drop(_)
            | Request::Backup
            | Request::Capture { .. }
            | Request::RadioInfo(_)
            | Request::RadioScan { .. } => Err("this changes no node".into()),
        };
        match edited {
            Ok(node) => {
                self.tell_transports(node);
                Answer::Node(node.to_string())
            }
            Err(error) => Answer::Error(error),
        }
    }

    /// A list entry has changed, or is gone.
    fn tell_transports(&mut self, node: Eui64) {
        let entry = self.core.node_entry(node);
        for table in self.transports.iter_mut().filter_map(|it| it.nodes()) {
            match entry {
                Some(entry) => put(table, entry),
                None => table.remove(node),
            }
        }
    }
}
