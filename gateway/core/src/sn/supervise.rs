//! What happens to an MQTT-SN client without its doing: retransmission, and being given up (1.2 §7.2).

use super::client::Due;
use super::table::State;
use crate::broker::SessionKey;
use crate::core::TimerKey;
use crate::{Core, LostReason};
use sn_codec::{Disconnect, Message};
use sn_types::Instant;

impl Core {
    /// Sees to it that the client is looked at when its earliest deadline comes.
    pub(crate) fn sn_schedule(&mut self, key: SessionKey) {
        if let Some(client) = self.sn.clients.get_mut(&key) {
            let deadline = client.deadline();
            self.timers.schedule(&mut client.scheduled, deadline, TimerKey::SnClient(key));
        }
    }

    /// The timer entry made for `due` has come.
    pub(crate) fn sn_client_due(&mut self, now: Instant, due: Instant, key: SessionKey) {
        let Some(client) = self.sn.clients.get_mut(&key).filter(|client| client.scheduled == due) else { return };
        client.scheduled = Instant::FAR_FUTURE;
        match client.due(now) {
            Due::Nothing => {}
            Due::Retry => self.retry(now, key),
            Due::PauseOver => {
                client.paused_until = None;
                self.pump(now, key);
            }
            Due::Lost(why) => self.lost(now, key, why),
        }
        self.sn_schedule(key);
    }

    /// No answer within T_retry: sends the request again, or gives up after N_retry times.
    fn retry(&mut self, now: Instant, key: SessionKey) {
        let Some(client) = self.sn.clients.get_mut(&key) else { return };
        if client.retries < self.config.timing.n_retry {
            client.retries += 1;
            client.retry_at = now + self.config.timing.t_retry;
            self.stats.retransmissions += 1;
            self.repeat_exchange(key);
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
