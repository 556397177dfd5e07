//! PINGREQ of a sleeping client: it is awake until it has everything (1.2 §6.14).

use super::table::State;
use crate::broker::SessionKey;
use crate::{Core, Event};
use sn_types::Instant;

impl Core {
    /// Sends what waits, then PINGRESP. From an awake client it means that something was lost: starts over.
    pub(super) fn wake(&mut self, now: Instant, key: SessionKey) {
        let Some(session) = self.broker.sessions.get(key) else { return };
        let (client_id, waiting) = (session.client_id.clone(), session.outbound.len());
        let Some(client) = self.sn.clients.get_mut(&key) else { return };
        client.close_exchange();
        if client.state != State::Awake {
            client.state = State::Awake;
            self.event(Event::Awake { client_id, waiting });
        }
        self.pump(now, key);
    }
}
