//! Connections that wait for the store: MQTT 3.1.1 has no way to refuse a PUBLISH, nor to lose a packet.

use crate::core::TimerKey;
use crate::durable::Recipient;
use crate::{ConnId, Core, Output};
use sn_types::Instant;

impl Core {
    /// Holds a connection back, if something waits for it and no more may wait: it is not read from, and its client's
    /// messages stay in their queue. Answers whether that is so.
    pub(super) fn mqtt_hold_back(&mut self, conn: ConnId) -> bool {
        if !self.is_backlogged() || !self.out.is_holding(Recipient::Conn(conn)) {
            return false;
        }
        let Some(open) = self.mqtt.open_mut(conn) else { return false };
        if !open.held_back {
            open.held_back = true;
            self.mqtt.held_back.push(conn);
            self.stats.held_back += 1;
            self.out.push(Output::MqttRead { conn, read: false });
        }
        true
    }

    /// More may wait again: [`Core::mqtt_go_on`] follows at once.
    pub(crate) fn mqtt_relieved(&mut self) {
        if !self.mqtt.held_back.is_empty() {
            self.timers.schedule(&mut { Instant::FAR_FUTURE }, Instant::ZERO, TimerKey::MqttHeldBack);
        }
    }

    /// Lets the connections go on that were held back.
    pub(crate) fn mqtt_go_on(&mut self, now: Instant) {
        for conn in std::mem::take(&mut self.mqtt.held_back) {
            let Some(open) = self.mqtt.open_mut(conn) else { continue };
            open.held_back = false;
            // It could not be heard meanwhile.
            open.heard = now;
            self.out.push(Output::MqttRead { conn, read: true });
            self.mqtt_pump(now, conn);
        }
    }
}
