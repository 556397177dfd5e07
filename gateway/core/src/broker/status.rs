//! What there is to read below `$SYS/broker`, as topics and values. docs/monitoring.md lists it.

use crate::{Census, ClientState, Core, StorageState, validate_topic_name};
use sn_types::Instant;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Topics and their values, in the order of the topics.
pub(super) type Status = BTreeMap<String, String>;

/// How many mailboxes are told of: the fullest.
const MAILBOXES: usize = 100;

const VERSION: &str = concat!("sn-gateway version ", env!("CARGO_PKG_VERSION"));

impl Core {
    /// Everything there is to tell at `now`.
    pub(super) fn status(&self, now: Instant) -> Status {
        let mut status = Status::new();
        let mut tell = |topic: &str, value: String| drop(status.insert(format!("$SYS/broker/{topic}"), value));
        tell("version", VERSION.into());
        tell("uptime", format!("{} seconds", now.since(self.broker.sys.started).as_secs()));
        self.tell_clients(&mut tell);
        self.tell_messages(&mut tell);
        self.tell_store(&mut tell);
        self.tell_reasons(&mut tell);
        self.tell_mailboxes(&mut tell);
        status
    }

    fn tell_clients(&self, tell: &mut impl FnMut(&str, String)) {
        let census = self.census();
        let Census { sn_active, sn_asleep, sn_awake, sn_lost, most_connected, .. } = census;
        for (topic, count) in [
            ("clients/total", census.total()),
            ("clients/connected", census.connected()),
            ("clients/disconnected", census.total() - census.connected()),
            ("clients/maximum", most_connected),
            ("sn/clients/active", sn_active),
            ("sn/clients/asleep", sn_asleep),
            ("sn/clients/awake", sn_awake),
            ("sn/clients/lost", sn_lost),
        ] {
            tell(topic, count.to_string());
        }
        tell("clients/expired", self.stats.expired.to_string());
    }

    fn tell_messages(&self, tell: &mut impl FnMut(&str, String)) {
        let (stats, gauges) = (&self.stats, self.gauges());
        for (topic, count) in [
            ("messages/received", stats.sn_received + stats.mqtt_received),
            ("messages/sent", stats.sn_sent + stats.mqtt_sent),
            ("publish/messages/received", stats.published.iter().sum()),
            ("publish/messages/sent", stats.sent.iter().sum()),
            ("publish/messages/dropped", stats.drops.values().sum()),
            ("sn/retransmissions", stats.retransmissions),
            ("sn/unsent", stats.unsent),
        ] {
            tell(topic, count.to_string());
        }
        for (topic, count) in [
            ("messages/stored", gauges.waiting_messages + gauges.retained),
            ("store/messages/count", gauges.waiting_messages + gauges.retained),
            ("store/messages/bytes", gauges.waiting_bytes),
            ("retained messages/count", gauges.retained),
            ("subscriptions/count", gauges.subscriptions),
        ] {
            tell(topic, count.to_string());
        }
    }

    fn tell_store(&self, tell: &mut impl FnMut(&str, String)) {
        tell("store/state", self.storage.name().into());
        tell("store/uncommitted", self.uncommitted_bytes().to_string());
    }

    /// Reasons that have not occurred are left out.
    fn tell_reasons(&self, tell: &mut impl FnMut(&str, String)) {
        for (reason, count) in &self.stats.drops {
            tell(&format!("drops/{}", reason.name()), count.to_string());
        }
        for (reason, count) in self.stats.rejects_by_name() {
            tell(&format!("rejects/{reason}"), count.to_string());
        }
    }

    /// What waits for clients that are not there to take it.
    fn tell_mailboxes(&self, tell: &mut impl FnMut(&str, String)) {
        let waits = |client: &crate::ClientInfo| client.waiting > 0 && client.state != ClientState::Active;
        let mut mailboxes: Vec<_> =
            self.clients().filter(waits).map(|client| (client.client_id, client.waiting)).collect();
        mailboxes.sort_by_key(|(_, waiting)| Reverse(*waiting));
        for (client_id, waiting) in mailboxes.into_iter().take(MAILBOXES) {
            let topic = format!("clients/{client_id}/mailbox");
            if validate_topic_name(&topic).is_ok() {
                tell(&topic, waiting.to_string());
            }
        }
    }
}

impl StorageState {
    /// A short stable label for topics and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Full => "full",
            Self::Failed => "failed",
        }
    }
}
