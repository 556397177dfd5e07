//! PINGREQ: of a sleeping client, which is awake until it has everything (1.2 §6.14), and of an active one.

use super::table::State;
use crate::broker::{Part, SessionKey};
use crate::{Core, Event, PlantedBug};
use sn_codec::{Message, PingReq};
use sn_types::{Instant, PeerAddr};

impl Core {
    /// PINGREQ of an active client is its keep-alive. Only a client that sleeps gives its ClientId: if it has slept before, a
    /// late copy of its CONNECT has made it active behind its back.
    pub(super) fn ping(&mut self, now: Instant, from: PeerAddr, key: SessionKey, ping: PingReq<'_>) {
        let has_slept = self.sn.clients.get(key).is_some_and(|client| client.sleep_s > 0);
        if ping.client_id.is_some() && has_slept {
            self.broker.sessions.mark(key, Part::Header);
            return self.wake(now, key);
        }
        self.sn_send(from, &Message::PingResp);
    }

    /// Sends what waits, then PINGRESP. From an awake client it means that something was lost: starts over.
    pub(super) fn wake(&mut self, now: Instant, key: SessionKey) {
        let Some(session) = self.broker.sessions.get(key) else { return };
        let (client_id, waiting) = (session.client_id.clone(), session.outbound.len());
        let Some(client) = self.sn.clients.get_mut(key) else { return };
        client.close_exchange();
        let addr = client.addr;
        self.upstream_woken(key);
        let Some(client) = self.sn.clients.get_mut(key) else { return };
        if client.state != State::Awake {
            client.state = State::Awake;
            client.retries = 0;
            client.turn_by = Instant::FAR_FUTURE;
            client.woke = now;
            self.event(Event::Awake { client_id, waiting });
        }
        if let Some(addr) = addr.filter(|_| self.has(PlantedBug::PingRespTooEarly)) {
            self.sn_send(addr, &Message::PingResp);
        }
        self.pump(now, key);
    }
}
