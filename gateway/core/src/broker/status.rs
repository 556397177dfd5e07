//! What there is to read below `$SYS/broker`, as topics and values. docs/monitoring.md lists it.

use super::load::MINUTES;
use super::{Link, Session, SessionKey};
use crate::{Census, ClientState, Core, StorageState, validate_topic_name};
use sn_types::{Heard, Instant};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Topics and their values, in the order of the topics.
pub(super) type Status = BTreeMap<String, String>;

/// How many mailboxes are told of: the fullest.
const MAILBOXES: usize = 100;

/// How many radio nodes are told of: the first of the list, by their addresses.
const NODES: usize = 100;

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
        self.tell_upstream(&mut tell);
        self.tell_load(&mut tell);
        self.tell_store(&mut tell);
        self.tell_reasons(&mut tell);
        self.tell_mailboxes(&mut tell);
        self.tell_nodes(now, &mut tell);
        self.tell_airtime(&mut tell);
        status.extend(self.bridge_states().map(|(topic, state)| (topic, state.into())));
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

    /// How much of its airtime each transport has used, if that has a limit.
    fn tell_airtime(&self, tell: &mut impl FnMut(&str, String)) {
        for (transport, used) in self.airtime_used() {
            tell(&format!("sn/airtime/{}/used", transport.0), format!("{:.1}", used * 100.0));
        }
    }

    fn tell_messages(&self, tell: &mut impl FnMut(&str, String)) {
        let (stats, gauges) = (&self.stats, self.gauges());
        for (topic, count) in [
            ("bytes/received", stats.octets_received()),
            ("bytes/sent", stats.octets_sent()),
            ("messages/received", stats.packets_received()),
            ("messages/sent", stats.packets_sent()),
            ("publish/messages/received", stats.messages_published()),
            ("publish/messages/sent", stats.publishes_sent()),
            ("publish/messages/dropped", stats.messages_dropped()),
            ("publish/messages/withheld", stats.withheld),
            ("publish/bytes/received", stats.published_bytes.iter().sum()),
            ("publish/bytes/sent", stats.sent_bytes.iter().sum()),
            ("sn/retransmissions", stats.retransmissions),
            ("sn/unsent", stats.unsent),
            ("sn/airtime/unsent", stats.airtime_unsent),
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

    /// Nodes that live at another broker.
    fn tell_upstream(&self, tell: &mut impl FnMut(&str, String)) {
        for (state, count) in self.upstream_census() {
            tell(&format!("sn/upstream/{}", state.name()), count.to_string());
        }
        for (topic, count) in [
            ("sn/upstream/connects", self.stats.upstream_connects),
            ("sn/upstream/losses", self.stats.upstream_losses),
            ("sn/upstream/refusals", self.stats.upstream_refusals),
            ("sn/upstream/moved", self.stats.upstream_moved),
        ] {
            tell(topic, count.to_string());
        }
    }

    /// What happens per minute.
    fn tell_load(&self, tell: &mut impl FnMut(&str, String)) {
        for (counter, (topic, _)) in self.loads().into_iter().enumerate() {
            for (average, minutes) in self.broker.sys.load.of(counter).into_iter().zip(MINUTES) {
                tell(&format!("load/{topic}/{minutes}min"), format!("{average:.2}"));
            }
        }
    }

    /// Takes the counters into the averages.
    pub(super) fn note_load(&mut self, now: Instant) {
        let counters = self.loads().map(|(_, count)| count);
        self.broker.sys.load.note(now, counters.into());
    }

    /// The counters of which there are averages.
    fn loads(&self) -> [(&'static str, u64); 8] {
        let stats = &self.stats;
        [
            ("bytes/received", stats.octets_received()),
            ("bytes/sent", stats.octets_sent()),
            ("connections", stats.connects),
            ("messages/received", stats.packets_received()),
            ("messages/sent", stats.packets_sent()),
            ("publish/dropped", stats.messages_dropped()),
            ("publish/received", stats.messages_published()),
            ("publish/sent", stats.publishes_sent()),
        ]
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
        let sessions = self.broker.sessions.iter();
        let mailboxes = sessions.map(|(key, session)| (Reverse(self.mailbox(key, session)), key, &session.client_id));
        let mut mailboxes: Vec<_> = mailboxes.filter(|(Reverse(waiting), ..)| *waiting > 0).collect();
        if mailboxes.len() > MAILBOXES {
            mailboxes.select_nth_unstable(MAILBOXES);
            mailboxes.truncate(MAILBOXES);
        }
        for (Reverse(waiting), _, client_id) in mailboxes {
            let topic = format!("clients/{client_id}/mailbox");
            if validate_topic_name(&topic).is_ok() {
                tell(&topic, waiting.to_string());
            }
        }
    }

    /// How well listed radio nodes are heard. A radio does not say everything.
    fn tell_nodes(&self, now: Instant, tell: &mut impl FnMut(&str, String)) {
        for (name, seen, Heard { signal, relay, frames, retries, failures }) in self.heard_nodes(NODES) {
            let seen_s = seen.map(|seen| now.since(seen).as_secs().to_string());
            let known = [
                ("last_seen", seen_s),
                ("rssi", signal.rssi_dbm.map(|dbm| dbm.to_string())),
                ("lqi", signal.lqi.map(|lqi| lqi.to_string())),
                ("via", relay.map(|relay| relay.router.to_string())),
                ("hops", relay.map(|relay| relay.hops.to_string())),
            ];
            let counted = [("frames", frames), ("retries", retries), ("failures", failures)];
            let counted = counted.map(|(what, count)| (what, Some(count.to_string())));
            for (what, value) in known.into_iter().chain(counted) {
                value.into_iter().for_each(|value| tell(&format!("nodes/{name}/{what}"), value));
            }
        }
    }

    fn mailbox(&self, key: SessionKey, session: &Session) -> usize {
        let waiting = session.outbound.len();
        let is_there = || match session.link {
            Link::Mqtt(_) => true,
            Link::Sn | Link::None => self.sn.client_state(key) == ClientState::Active,
        };
        if waiting == 0 || is_there() { 0 } else { waiting }
    }

    /// The last word about a topic that has left [`Core::status`]: of a radio node nothing more is to be told, a mailbox is
    /// empty, or others are fuller.
    pub(super) fn last_word(&self, topic: &str) -> String {
        if topic.starts_with("$SYS/broker/nodes/") { String::new() } else { self.mailbox_left(topic).to_string() }
    }

    fn mailbox_left(&self, topic: &str) -> usize {
        let client_id = topic.strip_prefix("$SYS/broker/clients/").and_then(|rest| rest.strip_suffix("/mailbox"));
        let key = client_id.and_then(|client_id| self.broker.sessions.find(client_id));
        let session = key.and_then(|key| Some((key, self.broker.sessions.get(key)?)));
        session.map_or(0, |(key, session)| self.mailbox(key, session))
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
