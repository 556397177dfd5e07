//! SUBSCRIBE and UNSUBSCRIBE (MQTT 3.1.1 §3.8, §3.10; MQTT 5 §3.8, §3.10).

use super::{Packet, PacketId, ReasonCode, Subscribe, SubscribeOptions, variable_len};
use crate::broker::{Granted, SessionKey, is_shared, selecting_filter, validate_filter};
use crate::{ConnId, Core, RejectReason};
use sn_types::Instant;
use std::sync::Arc;

/// Topic filters in one SUBSCRIBE or UNSUBSCRIBE: the same one may be there again and again. Each time it brings retained messages,
/// or is looked for among all that the client has.
const FILTERS: usize = 8_192;

impl Core {
    /// Grants what is asked for, filter by filter; retained messages follow the SUBACK.
    pub(super) fn mqtt_subscribe(&mut self, now: Instant, conn: ConnId, key: SessionKey, subscribe: Subscribe) {
        let Subscribe { id, filters, subscription_id } = subscribe;
        if filters.is_empty() {
            return self.mqtt_protocol_error(now, conn, "a SUBSCRIBE without a filter");
        }
        if filters.len() > FILTERS {
            return self.mqtt_break_for_number(now, conn);
        }
        if !self.mqtt_takes_answer(conn, filters.len()) {
            return self.mqtt_break_for_length(now, conn);
        }
        if filters.iter().any(|(filter, asked)| asked.no_local && is_shared(filter)) {
            return self.mqtt_protocol_error(now, conn, "a shared subscription without its subscriber's own messages");
        }
        let mut grant = |(filter, asked): &(Arc<str>, SubscribeOptions)| {
            let granted = Granted::new(*asked, subscription_id);
            self.mqtt_grant(conn, key, filter, granted).map(|is_new| (granted, asked.retain_handling.asks(is_new)))
        };
        let answers: Vec<_> = filters.iter().map(&mut grant).collect();
        let code = |answer: &Result<(Granted, bool), ReasonCode>| match answer {
            Ok((granted, _)) => granted.qos.into(),
            Err(code) => *code,
        };
        self.mqtt_send(conn, Packet::SubAck(id, answers.iter().map(code).collect()));
        let dropped_before = self.stats.messages_dropped();
        for ((filter, _), answer) in filters.iter().zip(answers) {
            if let Ok((granted, true)) = answer
                && !is_shared(filter)
            {
                self.mqtt_send_retained(now, conn, key, filter, granted);
            }
            // Filters that overlap bring the same messages over and over. What has no room is an event each, and all of them
            // are in memory at once: who asks for far more than may wait for it does not get the rest.
            if self.stats.messages_dropped() - dropped_before > self.config.limits.queue_messages as u64 {
                return;
            }
        }
    }

    fn mqtt_break_for_number(&mut self, now: Instant, conn: ConnId) {
        let (reason, code) = (RejectReason::SubscriptionLimit, ReasonCode::QuotaExceeded);
        self.mqtt_break(now, conn, reason, code, "asks for too much at once");
    }

    /// Whether the client takes a SUBACK or UNSUBACK with so many codes.
    fn mqtt_takes_answer(&self, conn: ConnId, codes: usize) -> bool {
        let len = 2 + 1 + codes;
        let longest = self.mqtt.open(conn).map_or(u32::MAX, |open| open.maximum_packet_size);
        1 + variable_len(len) + len <= longest as usize
    }

    fn mqtt_break_for_length(&mut self, now: Instant, conn: ConnId) {
        let (reason, code) = (RejectReason::MqttProtocol, ReasonCode::PacketTooLarge);
        self.mqtt_break(now, conn, reason, code, "asks for an answer that is longer than it takes");
    }

    /// One by one, so that what the connection takes at once does not fill the session's queue.
    fn mqtt_send_retained(&mut self, now: Instant, conn: ConnId, key: SessionKey, filter: &str, granted: Granted) {
        for (queued, how) in self.retained_for(now, filter, granted) {
            self.deliver(now, key, queued, how);
            self.mqtt_pump(now, conn);
        }
    }

    /// Subscribes, and says whether the subscription is new.
    fn mqtt_grant(
        &mut self,
        conn: ConnId,
        key: SessionKey,
        filter: &Arc<str>,
        granted: Granted,
    ) -> Result<bool, ReasonCode> {
        let fits = filter.len() <= self.config.limits.topic_name_len;
        let selecting = selecting_filter(filter).filter(|selecting| fits && validate_filter(selecting).is_ok());
        let Some(selecting) = selecting else {
            self.mqtt_reject(conn, RejectReason::TopicFilter);
            return Err(ReasonCode::TopicFilterInvalid);
        };
        if let Err(reason) = self.may_subscribe(key, selecting) {
            self.mqtt_reject(conn, reason);
            return Err(self.mqtt_denied());
        }
        if let Err(reason) = self.can_promise() {
            self.mqtt_reject(conn, reason);
            return Err(ReasonCode::ImplementationSpecificError);
        }
        self.subscribe(key, filter, granted).ok_or_else(|| {
            self.mqtt_reject(conn, RejectReason::SubscriptionLimit);
            ReasonCode::QuotaExceeded
        })
    }

    /// Answered also when there was no such subscription (MQTT-3.10.4-5).
    pub(super) fn mqtt_unsubscribe(
        &mut self,
        now: Instant,
        conn: ConnId,
        key: SessionKey,
        id: PacketId,
        filters: &[Arc<str>],
    ) {
        if filters.is_empty() {
            return self.mqtt_protocol_error(now, conn, "an UNSUBSCRIBE without a filter");
        }
        if filters.len() > FILTERS {
            return self.mqtt_break_for_number(now, conn);
        }
        if !self.mqtt_takes_answer(conn, filters.len()) {
            return self.mqtt_break_for_length(now, conn);
        }
        let code = |existed: bool| if existed { ReasonCode::Success } else { ReasonCode::NoSubscriptionExisted };
        let codes = filters.iter().map(|filter| code(self.unsubscribe(key, filter))).collect();
        self.mqtt_send(conn, Packet::UnsubAck(id, codes));
    }
}
