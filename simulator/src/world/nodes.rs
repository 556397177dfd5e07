//! Nodes: what they hear and send.

use super::{Happening, World};
use crate::medium::Uplink;
use crate::node::Sent;
use sn_client::Destination;
use sn_types::Instant;

impl World<'_> {
    pub(super) fn hear_at_node(&mut self, node: usize, datagram: &[u8]) {
        if self.nodes[node].silent_until > self.now || !self.nodes[node].listens() {
            return;
        }
        self.note((node, datagram));
        let sent = self.nodes[node].hear(self.now, datagram, &mut self.ledger);
        self.transmit(node, sent);
    }

    pub(super) fn look_at_node(&mut self, node: usize) {
        // Otherwise an earlier look has taken its place.
        if self.nodes[node].scheduled != self.now {
            return;
        }
        self.note(node);
        let sent = self.nodes[node].look(self.now, &mut self.ledger);
        let next = self.nodes[node].next_look();
        assert!(next.is_none_or(|next| next > self.now), "node {node} wants to be looked at for ever");
        self.transmit(node, sent);
    }

    pub(super) fn transmit(&mut self, node: usize, sent: Vec<Sent>) {
        let is_silent = self.nodes[node].silent_until > self.now;
        for Sent { datagram, to } in sent.into_iter().filter(|_| !is_silent) {
            let to = match to {
                Destination::Gateway => Uplink::Gateway(self.nodes[node].plan().gateway),
                Destination::Everyone { radius } => Uplink::Everyone { radius },
            };
            self.medium.as_medium_mut().send_up(self.now, node, to, &datagram);
        }
        self.medium.as_medium_mut().listen(self.now, node, self.nodes[node].listens());
        self.schedule_node(node);
    }

    pub(super) fn schedule_node(&mut self, node: usize) {
        let Some(next) = self.nodes[node].next_look() else { return };
        let next = next.max(self.now);
        if next < self.nodes[node].scheduled {
            self.nodes[node].scheduled = next;
            self.agenda.plan(next, Happening::Node(node));
        }
    }

    /// A node's power fails, and comes back.
    pub(super) fn reboot(&mut self, node: usize, at: Instant) {
        let seed = self.rng.rand_u64() as u32;
        self.nodes[node].reboot(at, seed, &mut self.ledger);
        self.medium.as_medium_mut().listen(self.now, node, false);
        self.schedule_node(node);
    }
}
