//! What happens to an MQTT-SN client without its doing: retransmission, and being given up (1.2 §7.2).

use super::client::Due;
use super::table::State;
use crate::broker::SessionKey;
use crate::core::TimerKey;
use crate::durable::Recipient;
use crate::{Core, LostReason, PlantedBug};
use sn_codec::{Disconnect, Message};
use sn_types::Instant;
use std::time::Duration;

/// A timer entry outlives its client by at most this, so that many short sessions do not fill the timers.
const LONGEST_LOOK: Duration = Duration::from_secs(60);

impl Core {
    /// Sees to it that the client is looked at when its earliest deadline comes.
    pub(crate) fn sn_schedule(&mut self, now: Instant, key: SessionKey) {
        let Some(client) = self.sn.clients.get_mut(key) else { return };
        let deadline = client.deadline();
        if deadline < Instant::FAR_FUTURE {
            let look = deadline.min(now + LONGEST_LOOK);
            self.timers.schedule(&mut client.scheduled, look, TimerKey::SnClient(key));
        }
    }

    /// A client is back from the store. An active one has no reason to say anything: what was under way to it goes on by
    /// itself, at once.
    pub(crate) fn sn_resume(&mut self, now: Instant, key: SessionKey) {
        if let Some(client) = self.sn.clients.get_mut(key).filter(|client| client.state == State::Active) {
            client.paused_until = now;
        }
        self.sn_schedule(now, key);
    }

    /// The timer entry made for `due` has come.
    pub(crate) fn sn_client_due(&mut self, now: Instant, due: Instant, key: SessionKey) {
        let Some(client) = self.sn.clients.get_mut(key).filter(|client| client.scheduled == due) else { return };
        client.scheduled = Instant::FAR_FUTURE;
        match client.due(now) {
            Due::Nothing => {}
            Due::Retry => self.retry(now, key),
            Due::PauseOver => {
                client.paused_until = Instant::FAR_FUTURE;
                self.pump(now, key);
            }
            Due::NoTurn => self.miss_turn(now, key),
            Due::Lost(why) => self.lost(now, key, why),
        }
        self.sn_schedule(now, key);
    }

    /// No answer within T_retry: sends the request again, or gives up after N_retry times.
    fn retry(&mut self, now: Instant, key: SessionKey) {
        let must_wait = self.must_not_repeat(now, key);
        let Some(client) = self.sn.clients.get_mut(key) else { return };
        if must_wait || client.addr.is_some_and(|addr| self.out.is_holding(Recipient::Peer(addr))) {
            // It waits for the disk and was never sent: there is nothing that the client could have answered. Or there is no
            // airtime, which is not the client's fault.
            client.retry_at = now + self.config.timing.t_retry;
            return;
        }
        if client.retries < self.config.timing.n_retry {
            client.retries += 1;
            client.retry_at = now + self.config.timing.t_retry;
            self.stats.retransmissions += 1;
            if !self.has(PlantedBug::NoRetransmission) {
                self.repeat_exchange(key);
            }
            return;
        }
        match (client.state, client.addr) {
            // Awake: the client has gone back to sleep without its messages. They come again at the next wake.
            (State::Awake, _) => self.fall_asleep(now, key),
            (_, addr) => {
                // Perhaps only the way down was broken: then the client learns that it has to connect.
                if let Some(addr) = addr {
                    self.sn_send(addr, &Message::Disconnect(Disconnect { duration_s: None }));
                }
                self.lost(now, key, LostReason::Retries);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Input};
    use sn_types::{LinkAddr, PeerAddr, TransportId};

    #[test]
    fn many_short_sessions_do_not_fill_the_timers() {
        let mut core = Core::new(Config::default());
        let from = PeerAddr::direct(TransportId(0), LinkAddr::Line);
        for tenth in 0..10_000 {
            let now = Instant::from_millis(tenth * 100);
            core.handle_timeout(now);
            // CleanSession, a keep-alive of 18 hours.
            core.handle_input(now, Input::Datagram { from, bytes: b"\x0B\x04\x04\x01\xFF\xFFnode7" });
            while core.poll_output().is_some() {}
        }
        assert_eq!(core.clients().count(), 1);
        assert!(core.timers.len() <= 602, "{} entries", core.timers.len());
    }
}
