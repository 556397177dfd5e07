//! What an operator sees of the nodes.

use super::{Ear, Listed};
use crate::broker::SessionKey;
use crate::{ClientState, Core};
use sn_types::{Eui64, Heard, Instant, TransportId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One node. Its key is not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Its address.
    pub node: Eui64,
    /// Its name, if it is on the list.
    pub name: Option<Arc<str>>,
    /// There is a key for it.
    pub has_key: bool,
    /// It may not come in any more.
    pub revoked: bool,
    /// When it was put onto the list, in seconds since 1970.
    pub added_s: Option<u64>,
    /// When something came from it last, if it did since the start.
    pub seen: Option<Instant>,
    /// Where it was heard last, and how well.
    pub heard: Option<(TransportId, Heard)>,
    /// The client that is there, and what it does.
    pub client: Option<(Arc<str>, ClientState)>,
}

impl Core {
    /// All nodes that are on the list or were heard since the start, by their addresses.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeInfo> {
        let clients = self.clients_at_nodes();
        let all: BTreeSet<_> = self.nodes.listed.keys().chain(self.nodes.ears.keys()).copied().collect();
        all.into_iter().map(|node| self.node_info(node, clients.get(&node).copied())).collect()
    }

    /// Nodes on the list, those of them that are revoked, and strangers that were heard.
    #[must_use]
    pub fn node_counts(&self) -> (usize, usize, usize) {
        (self.nodes.len(), self.nodes.revoked, self.nodes.strangers)
    }

    /// The first `most` listed nodes by their addresses, of which something was heard: names and what.
    pub fn heard_nodes(&self, most: usize) -> impl Iterator<Item = (&Arc<str>, Option<Instant>, Heard)> {
        let listed = self.nodes.listed.iter().take(most);
        listed.filter_map(|(node, Listed { name, .. })| {
            let Ear { seen, heard, .. } = *self.nodes.ears.get(node)?;
            Some((name, seen, heard))
        })
    }

    fn node_info(&self, node: Eui64, client: Option<SessionKey>) -> NodeInfo {
        let (listed, ear) = (self.nodes.listed.get(&node), self.nodes.ears.get(&node));
        let client = client.and_then(|key| Some((key, self.broker.sessions.get(key)?)));
        NodeInfo {
            node,
            name: listed.map(|listed| listed.name.clone()),
            has_key: listed.is_some_and(|listed| listed.key.is_some()),
            revoked: listed.is_some_and(|listed| listed.revoked),
            added_s: listed.map(|listed| listed.added_s),
            seen: ear.and_then(|ear| ear.seen),
            heard: ear.map(|ear| (ear.transport, ear.heard)),
            client: client.map(|(key, session)| (session.client_id.clone(), self.sn.client_state(key))),
        }
    }

    /// The sessions of clients that are at a radio node, not behind it.
    fn clients_at_nodes(&self) -> BTreeMap<Eui64, SessionKey> {
        let direct = self.sn.addresses().filter(|(_, addr)| addr.node.is_none());
        direct.filter_map(|(key, addr)| Some((addr.link.eui64()?, key))).collect()
    }
}
