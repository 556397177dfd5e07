//! All MQTT-SN clients, and who is at which address.

use super::client::SnClient;
use crate::broker::SessionKey;
use crate::map::{Map, MapSeed};
use crate::places::Places;
use sn_types::PeerAddr;

/// Who is at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// A client with a session.
    Client(SessionKey),
    /// Somebody in the will dialogue of a CONNECT: its place in `dialogues`.
    Connecting(u32),
}

/// Clients by their sessions and by address, and who is about to have a session by address.
#[derive(Debug)]
pub(super) struct Clients {
    /// Each in the place of its session, with the session's key because places are used again.
    slots: Vec<Option<Box<(SessionKey, SnClient)>>>,
    /// Their places by address.
    by_addr: Places,
    /// Dialogues by address. A client that is at the address already is there nevertheless.
    connecting: Map<PeerAddr, u32>,
    /// How many addresses are in use behind a forwarder, by its address. None is not noted.
    behind: Map<PeerAddr, usize>,
}

impl Clients {
    pub(super) fn new(seed: MapSeed) -> Self {
        Self { slots: Vec::new(), by_addr: Places::new(seed), connecting: seed.map(), behind: seed.map() }
    }

    /// The client of a session.
    pub(super) fn get(&self, key: SessionKey) -> Option<&SnClient> {
        let (its, client) = &**self.slots.get(key.place() as usize)?.as_ref()?;
        (*its == key).then_some(client)
    }

    pub(super) fn get_mut(&mut self, key: SessionKey) -> Option<&mut SnClient> {
        let (its, client) = &mut **self.slots.get_mut(key.place() as usize)?.as_mut()?;
        (*its == key).then_some(client)
    }

    pub(super) fn contains(&self, key: SessionKey) -> bool {
        self.get(key).is_some()
    }

    /// The client of a session, a new one without address if it has none.
    pub(super) fn get_or_insert(&mut self, key: SessionKey) -> &mut SnClient {
        let place = key.place() as usize;
        if self.slots.len() <= place {
            self.slots.resize_with(place + 1, || None);
        }
        // Whose place this was before is gone, and its client with it.
        let slot = self.slots[place].take().filter(|slot| slot.0 == key);
        let slot = slot.unwrap_or_else(|| Box::new((key, SnClient::new())));
        &mut self.slots[place].insert(slot).1
    }

    /// Forgets a session's client.
    pub(super) fn remove(&mut self, key: SessionKey) {
        self.unbind(key);
        if self.contains(key) {
            self.slots[key.place() as usize] = None;
        }
    }

    /// All of them, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SessionKey, &SnClient)> {
        self.slots.iter().flatten().map(|slot| (slot.0, &slot.1))
    }

    /// Who is at an address.
    pub(super) fn at(&self, addr: PeerAddr) -> Option<Peer> {
        let connecting = if self.connecting.is_empty() { None } else { self.connecting.get(&addr) };
        match connecting {
            Some(place) => Some(Peer::Connecting(*place)),
            None => self.client_at(addr).map(Peer::Client),
        }
    }

    /// Whose client is at an address, perhaps in the dialogue.
    fn client_at(&self, addr: PeerAddr) -> Option<SessionKey> {
        let place = self.by_addr.find(Some(&addr), |place| addr_at(&self.slots, place))?;
        self.slots[place as usize].as_ref().map(|slot| slot.0)
    }

    /// Gives a client an address, and says who had it before: they have none now. Nobody is in a dialogue there.
    pub(super) fn bind(&mut self, key: SessionKey, addr: PeerAddr) -> Option<SessionKey> {
        let before = self.client_at(addr);
        if before == Some(key) {
            return None;
        }
        self.unbind(key);
        if let Some(before) = before {
            self.unbind(before);
        }
        self.change(addr, |clients| {
            let Some(client) = clients.get_mut(key) else { return };
            client.addr = Some(addr);
            clients.by_addr.insert(key.place(), |place| addr_at(&clients.slots, place));
        });
        before
    }

    /// Takes a client's address away from it.
    pub(super) fn unbind(&mut self, key: SessionKey) {
        let Some(addr) = self.get_mut(key).and_then(|client| client.addr) else { return };
        self.change(addr, |clients| {
            clients.by_addr.remove(key.place(), Some(addr));
            if let Some(client) = clients.get_mut(key) {
                client.addr = None;
            }
        });
    }

    /// Somebody at an address has begun the dialogue in this place.
    pub(super) fn begin_dialogue(&mut self, addr: PeerAddr, place: u32) {
        self.change(addr, |clients| {
            clients.connecting.insert(addr, place);
        });
    }

    /// Nobody at an address is in a dialogue any more.
    pub(super) fn end_dialogue(&mut self, addr: PeerAddr) {
        self.change(addr, |clients| {
            clients.connecting.remove(&addr);
        });
    }

    /// Changes who is at an address, and counts on.
    fn change(&mut self, addr: PeerAddr, change: impl FnOnce(&mut Self)) {
        let Some(forwarder) = addr.forwarder() else { return change(self) };
        let before = usize::from(self.at(addr).is_some());
        change(self);
        let after = usize::from(self.at(addr).is_some());
        let count = self.behind.entry(forwarder).or_default();
        *count = *count + after - before;
        if *count == 0 {
            self.behind.remove(&forwarder);
        }
    }

    /// How many others are behind the same forwarder as `addr`; nobody if it is not behind one.
    pub(super) fn beside(&self, addr: PeerAddr) -> usize {
        let Some(forwarder) = addr.forwarder() else { return 0 };
        let all = self.behind.get(&forwarder).copied().unwrap_or_default();
        all - usize::from(self.at(addr).is_some())
    }
}

fn addr_at(slots: &[Option<Box<(SessionKey, SnClient)>>], place: u32) -> Option<&PeerAddr> {
    slots.get(place as usize)?.as_ref()?.1.addr.as_ref()
}
