//! What bridges need of the driver before they begin.

use super::Driver;
use crate::bridge::Tally;
use gateway_core::BRIDGE_PREFIX;
use std::sync::Arc;

impl Driver {
    /// Adds a bridge. Sessions of bridges that are no more must be forgotten by then.
    pub(crate) fn add_bridge(&mut self, name: String, tally: Arc<Tally>) {
        self.bridges.push((name, tally));
    }

    /// The filters that a session is subscribed to.
    pub(crate) fn subscriptions(&self, client_id: &str) -> Vec<Arc<str>> {
        let client = self.core.client(client_id);
        client.map_or_else(Vec::new, |client| client.subscriptions.into_iter().map(|(filter, _)| filter).collect())
    }

    /// Forgets the sessions of bridges other than `names`, and answers with their names and what waited for them.
    pub(crate) fn forget_other_bridges(&mut self, names: &[&str]) -> Vec<(String, usize)> {
        let bridges = self.core.clients().filter_map(|client| {
            let name = client.client_id.strip_prefix(BRIDGE_PREFIX)?;
            (!names.contains(&name)).then(|| (name.to_owned(), client.waiting))
        });
        let others: Vec<_> = bridges.collect();
        let now = self.clock.now();
        for (name, _) in &others {
            self.core.drop_session(now, &[BRIDGE_PREFIX, name].concat());
        }
        self.carry_out();
        others
    }
}
