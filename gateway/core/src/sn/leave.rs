//! The ways out: DISCONNECT, sleep, and being lost (1.2 §6.12, §6.14).

use super::SnSide;
use super::table::State;
use crate::broker::{Part, SessionEnd, SessionKey};
use crate::{Core, Event, LostReason, PlantedBug};
use sn_codec::{Disconnect, Message};
use sn_types::{Instant, PeerAddr};

/// The gateway's DISCONNECT never carries a Duration.
const DISCONNECT: Message<'static> = Message::Disconnect(Disconnect { duration_s: None });

impl Core {
    /// DISCONNECT: the session ends, or waits if it is kept. The will is not published.
    pub(super) fn disconnect(&mut self, now: Instant, from: PeerAddr, key: Option<SessionKey>) {
        self.abort_dialogue(from);
        if let Some(key) = key {
            self.say_good_bye(now, key);
        }
        self.sn_send(from, &DISCONNECT);
    }

    fn say_good_bye(&mut self, now: Instant, key: SessionKey) {
        let Some(session) = self.broker.sessions.get(key) else { return };
        let client_id = session.client_id.clone();
        self.event(Event::Disconnected { client_id });
        if self.has(PlantedBug::WillOnDisconnect) {
            self.publish_will(now, key);
        }
        self.end_connection(now, key, State::Disconnected, SessionEnd::Left);
    }

    /// DISCONNECT with a Duration: messages are kept from now on, until the client wakes.
    pub(super) fn sleep(&mut self, now: Instant, from: PeerAddr, key: SessionKey, disconnect: Disconnect) {
        let duration_s = disconnect.duration_s.unwrap_or_default();
        if let Some(client) = self.sn.clients.get_mut(key) {
            client.sleep_s = duration_s;
        }
        self.fall_asleep(now, key);
        self.broker.sessions.mark(key, Part::Header);
        if let Some(session) = self.broker.sessions.get(key) {
            let client_id = session.client_id.clone();
            self.event(Event::Asleep { client_id, duration_s });
        }
        self.sn_send(from, &DISCONNECT);
    }

    /// Asleep, again or for the first time: the sleep timer starts anew. What is in flight comes again, with DUP,
    /// when the client wakes.
    pub(super) fn fall_asleep(&mut self, now: Instant, key: SessionKey) {
        let Some(client) = self.sn.clients.get_mut(key) else { return };
        client.state = State::Asleep;
        client.turn_by = Instant::FAR_FUTURE;
        client.heard = now;
        client.close_exchange();
        self.sn_schedule(now, key);
    }

    /// The client was silent for too long: its will is published.
    pub(super) fn lost(&mut self, now: Instant, key: SessionKey, why: LostReason) {
        let Some(session) = self.broker.sessions.get(key) else { return };
        let client_id = session.client_id.clone();
        // Where its session lives upstream, the will is published there.
        let will = if self.is_upstream(key) { None } else { self.permitted_will(key) };
        self.event(Event::Lost { client_id, why });
        // The connection ends first: nothing is sent to the client any more, its own will neither.
        self.end_connection(now, key, State::Lost, why.into());
        if let Some(will) = will {
            self.publish(now, Some(key), will);
        }
    }

    /// The connection is over. A clean session goes with it; of its address is only remembered that it was here.
    fn end_connection(&mut self, now: Instant, key: SessionKey, state: State, ending: SessionEnd) {
        let Some(session) = self.broker.sessions.get(key) else { return };
        let clean = session.clean;
        let good_bye = (state != State::Lost).then(|| self.upstream_good_bye(clean));
        self.upstream_leave(key, good_bye);
        self.detach(now, key);
        if let Some(client) = self.sn.clients.get_mut(key) {
            client.state = state;
            client.close_exchange();
            client.paused_until = Instant::FAR_FUTURE;
            if let Some(addr) = client.addr.filter(|_| clean) {
                self.sn.departed.insert(now, addr);
            }
        }
        if clean {
            self.end_session(now, key, ending);
        }
    }

    /// The client is not connected, and has not said so itself.
    pub(crate) fn sn_disconnected(&mut self, now: Instant, key: SessionKey) {
        self.end_connection(now, key, State::Disconnected, SessionEnd::Left);
    }

    /// The operator has dropped the session: the client is told.
    pub(crate) fn sn_tell_dropped(&mut self, key: SessionKey) {
        if let Some(addr) = self.sn.listens_at(key) {
            self.sn_send(addr, &DISCONNECT);
        }
    }

    /// The configuration does not let the client in any more. A connected one is told, and lost.
    pub(crate) fn sn_log_out(&mut self, now: Instant, key: SessionKey) {
        if self.sn.clients.get(key).is_some_and(|client| client.is_connected()) {
            self.sn_tell_dropped(key);
            self.lost(now, key, LostReason::LoggedOut);
        }
    }

    /// What comes from the client is dropped from now on: it is lost without a word, and forgotten.
    pub(crate) fn sn_shut_out(&mut self, now: Instant, key: SessionKey, why: LostReason) {
        if self.sn.clients.get(key).is_some_and(|client| client.is_connected()) {
            self.lost(now, key, why);
        }
        // A clean session has ended with its connection.
        if self.broker.sessions.get(key).is_some() {
            self.remove_session(now, key, SessionEnd::Dropped);
        }
    }

    /// The daemon stops: whoever listens and has a session that ends with the process is told. The others go on after
    /// the restart as if nothing had happened.
    pub(crate) fn sn_shutdown(&mut self) {
        let sessions = self.broker.sessions.iter().filter(|(_, session)| !session.durable);
        let mut listeners: Vec<_> = sessions.filter_map(|(key, _)| self.sn.listens_at(key)).collect();
        listeners.sort_unstable();
        for addr in listeners {
            self.sn_send(addr, &DISCONNECT);
        }
    }
}

impl SnSide {
    /// Where a session's client hears what it is told now.
    fn listens_at(&self, key: SessionKey) -> Option<PeerAddr> {
        let client = self.clients.get(key)?;
        client.addr.filter(|_| matches!(client.state, State::Active | State::Awake))
    }
}
