//! How much one connection is given at once: what the core has sent is in memory until the driver has taken it, and only
//! then does the driver know whether the client reads. So a client gets a share, and more in the next round. What waits for
//! the store has not been taken yet: the next round is after that.

use super::Publish;
use crate::core::TimerKey;
use crate::durable::Recipient;
use crate::{ConnId, Core};
use sn_types::Instant;
use std::time::Duration;

/// Octets of PUBLISH packets in a round: half of what a connection may leave unread before it is cut.
const ROUND: usize = 16 << 20;
/// What a packet takes beside its octets.
const PACKET: usize = 64;
/// When the next round is: after the driver has carried out what there is.
const SOON: Duration = Duration::from_micros(1);

impl Core {
    /// Whether a connection has to wait for the next round.
    pub(super) fn mqtt_awaits_round(&self, conn: ConnId) -> bool {
        self.mqtt.open(conn).is_some_and(|open| open.round >= ROUND)
    }

    /// A PUBLISH goes to a connection.
    pub(super) fn mqtt_count_round(&mut self, now: Instant, conn: ConnId, publish: &Publish) {
        let Some(open) = self.mqtt.open_mut(conn) else { return };
        open.round += PACKET + publish.topic.len() + publish.payload.len();
        if open.round < ROUND || self.mqtt.next_round.last() == Some(&conn) {
            return;
        }
        self.mqtt.next_round.push(conn);
        self.mqtt_schedule_round(now);
    }

    /// After a commit, and when there is somebody new: the next round may begin.
    pub(crate) fn mqtt_schedule_round(&mut self, now: Instant) {
        if !self.mqtt.next_round.is_empty() {
            self.timers.schedule(&mut { Instant::FAR_FUTURE }, now + SOON, TimerKey::MqttRound);
        }
    }

    /// Lets the connections go on that have had their share, and have it on its way.
    pub(crate) fn mqtt_next_round(&mut self, now: Instant) {
        for conn in std::mem::take(&mut self.mqtt.next_round) {
            if self.out.is_holding_publishes(Recipient::Conn(conn)) {
                self.mqtt.next_round.push(conn);
            } else if let Some(open) = self.mqtt.open_mut(conn) {
                open.round = 0;
                self.mqtt_pump(now, conn);
            }
        }
    }
}
