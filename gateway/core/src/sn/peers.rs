//! Who is at which address, and how many are behind one forwarder.

use super::Peer;
use crate::map::{Map, MapSeed};
use sn_types::PeerAddr;

/// Everybody who has a session, or is about to have one, by address.
#[derive(Debug)]
pub(super) struct Peers {
    at: Map<PeerAddr, Peer>,
    /// How many of them are behind a forwarder, by its address. None is not noted.
    behind: Map<PeerAddr, usize>,
}

impl Peers {
    pub(super) fn new(seed: MapSeed) -> Self {
        Self { at: seed.map(), behind: seed.map() }
    }

    pub(super) fn get(&self, addr: &PeerAddr) -> Option<&Peer> {
        self.at.get(addr)
    }

    /// Puts somebody at an address, and answers who was there.
    pub(super) fn insert(&mut self, addr: PeerAddr, peer: Peer) -> Option<Peer> {
        let before = self.at.insert(addr, peer);
        if let (None, Some(forwarder)) = (&before, addr.forwarder()) {
            *self.behind.entry(forwarder).or_default() += 1;
        }
        before
    }

    /// Takes whoever is at an address away.
    pub(super) fn remove(&mut self, addr: &PeerAddr) {
        let (Some(_), Some(forwarder)) = (self.at.remove(addr), addr.forwarder()) else { return };
        if let Some(count) = self.behind.get_mut(&forwarder) {
            *count -= 1;
            if *count == 0 {
                self.behind.remove(&forwarder);
            }
        }
    }

    /// How many others are behind the same forwarder as `addr`; nobody if it is not behind one.
    pub(super) fn beside(&self, addr: PeerAddr) -> usize {
        let Some(forwarder) = addr.forwarder() else { return 0 };
        let all = self.behind.get(&forwarder).copied().unwrap_or_default();
        all - usize::from(self.at.contains_key(&addr))
    }
}
