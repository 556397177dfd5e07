//! Looks at every datagram that a gateway takes in and sends out, and at what it reports.
//!
//! It knows who is where from what clients have said, and which topic ids they were told from what they were sent.

use crate::ledger::{ClientNo, Violation};
use crate::{Ledger, plan::GatewayPlan};
use gateway_core::{Core, Event, LostReason};
use sn_codec::{
    ConnAck, Connect, Disconnect, Message, MsgId, RegAck, Register, ReturnCode, SubAck, Subscribe, Topic, TopicFilter,
    decode,
};
use sn_types::{Instant, PeerAddr};
use std::collections::BTreeMap;
use std::time::Duration;

/// What can be seen from outside of one gateway.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    at: BTreeMap<PeerAddr, ClientNo>,
    clients: BTreeMap<ClientNo, Seen>,
}

/// What was seen of a client.
#[derive(Debug, Default)]
struct Seen {
    /// In the middle of a wake-up.
    is_awake: bool,
    heard_at: Instant,
    /// What it is supervised by, at least.
    duration: Duration,
    /// What it will be supervised by when its CONNECT is accepted.
    next_duration: Duration,
    /// Topic ids it was told.
    ids: BTreeMap<u16, String>,
    /// Names in its requests that await an answer.
    asked: BTreeMap<MsgId, String>,
}

impl Watch {
    /// A datagram reaches the gateway.
    pub(crate) fn input(&mut self, now: Instant, from: PeerAddr, datagram: &[u8], ledger: &Ledger) {
        let Ok(message) = decode(datagram) else { return };
        self.note_sender(from, &message, ledger);
        let Some(seen) = self.at.get(&from).and_then(|client| self.clients.get_mut(client)) else { return };
        // A CONNECT with a will is only the beginning of a dialogue.
        if !matches!(message, Message::Connect(Connect { will: true, .. })) {
            seen.heard_at = now;
        }
        match message {
            Message::Connect(connect) => {
                seen.is_awake = false;
                seen.next_duration = Duration::from_secs(connect.duration_s.into());
                if connect.clean_session {
                    seen.ids.clear();
                }
            }
            Message::Disconnect(Disconnect { duration_s }) => {
                seen.is_awake = false;
                if let Some(duration_s) = duration_s {
                    seen.duration = Duration::from_secs(duration_s.into());
                }
            }
            Message::PingReq(ping) => seen.is_awake |= ping.client_id.is_some(),
            Message::Register(Register { msg_id, topic_name: topic, .. }) => {
                drop(seen.asked.insert(msg_id, topic.to_owned()))
            }
            Message::Subscribe(Subscribe { msg_id, topic: TopicFilter::Name(name), .. }) => {
                seen.asked.insert(msg_id, name.to_owned());
            }
            _ => {}
        }
    }

    fn note_sender(&mut self, from: PeerAddr, message: &Message<'_>, ledger: &Ledger) {
        let client_id = match message {
            Message::Connect(connect) => Some(connect.client_id),
            Message::PingReq(ping) => ping.client_id,
            _ => None,
        };
        if let Some(client) = client_id.and_then(|client_id| ledger.client(client_id)) {
            self.at.insert(from, client);
            self.clients.entry(client).or_default();
        }
    }

    /// The gateway sends a datagram.
    pub(crate) fn output(&mut self, to: PeerAddr, datagram: &[u8], life: u32, ledger: &mut Ledger) {
        let Some(client) = self.at.get(&to).copied() else { return };
        let (Some(seen), Ok(message)) = (self.clients.get_mut(&client), decode(datagram)) else { return };
        match message {
            Message::ConnAck(ConnAck { return_code: ReturnCode::Accepted }) => seen.duration = seen.next_duration,
            Message::PingResp if std::mem::take(&mut seen.is_awake) => ledger.drained(client),
            Message::Register(Register { topic_id, topic_name: topic, .. }) => {
                seen.told(client, topic_id.0, topic, ledger)
            }
            Message::RegAck(RegAck { topic_id, msg_id, return_code: ReturnCode::Accepted })
            | Message::SubAck(SubAck { topic_id, msg_id, return_code: ReturnCode::Accepted, .. }) => {
                // A filter with wildcards has no id; the answer to a copy of a request comes after the answer.
                if let Some(name) = seen.asked.get(&msg_id).cloned().filter(|_| topic_id.0 != 0) {
                    seen.told(client, topic_id.0, &name, ledger);
                }
            }
            Message::Publish(publish) => {
                // After a restart the gateway cannot know whether its answer got out. The client refuses what it does not know.
                if let Topic::Normal(id) = publish.topic
                    && life == 1
                    && !seen.ids.contains_key(&id.0)
                {
                    let client = ledger.name(client);
                    ledger.violated(Violation::UntoldTopicId { client, topic_id: id.0 });
                }
            }
            _ => {}
        }
    }

    /// The gateway reports something.
    pub(crate) fn event(&mut self, now: Instant, started_at: Instant, event: &Event, ledger: &mut Ledger) {
        match event {
            Event::Lost { client_id, why } => {
                let Some(client) = ledger.client(client_id) else { return };
                ledger.may_publish_will(client);
                let silent_since = self.clients.get(&client).map_or(started_at, |seen| seen.heard_at.max(started_at));
                let duration = self.clients.get(&client).map_or(Duration::ZERO, |seen| seen.duration);
                let is_supervision = matches!(why, LostReason::KeepAlive | LostReason::Sleep);
                if is_supervision && now.since(silent_since) < duration {
                    ledger.violated(Violation::WillWithoutReason { client: ledger.name(client) });
                }
            }
            Event::TakenOver { client_id, .. } => {
                if let Some(client) = ledger.client(client_id) {
                    ledger.may_publish_will(client);
                }
            }
            Event::Expired { client_id } => {
                if let Some(client) = ledger.client(client_id) {
                    ledger.session_ended(now, client);
                }
            }
            Event::Dropped { client_id, topic, .. } => {
                if let Some(client) = ledger.client(client_id) {
                    ledger.forgiven(client, topic);
                }
            }
            Event::Connected { client_id, session_present: false, .. } => {
                if let Some(seen) = ledger.client(client_id).and_then(|client| self.clients.get_mut(&client)) {
                    seen.ids.clear();
                }
            }
            Event::Connected { .. }
            | Event::Disconnected { .. }
            | Event::Asleep { .. }
            | Event::Awake { .. }
            | Event::PredefinedChanged { .. }
            | Event::Rejected { .. } => {}
        }
    }
}

impl Seen {
    /// The client is told what a topic id means.
    fn told(&mut self, client: ClientNo, topic_id: u16, topic: &str, ledger: &mut Ledger) {
        match self.ids.insert(topic_id, topic.to_owned()) {
            Some(was) if was != topic => {
                let (client, is) = (ledger.name(client), topic.to_owned());
                ledger.violated(Violation::TopicIdReused { client, topic_id, was, is });
            }
            Some(_) | None => {}
        }
    }
}

/// Whether a gateway keeps to its limits.
pub(crate) fn check_limits(core: &Core, plan: &GatewayPlan, ledger: &mut Ledger) {
    let (gauges, limits) = (core.gauges(), plan.limits());
    let totals = [
        ("sessions", limits.clients, gauges.sessions),
        ("waiting messages", limits.total_queue_messages, gauges.waiting_messages),
        ("octets of waiting messages", limits.total_queue_bytes, gauges.waiting_bytes),
        ("retained messages", limits.retained_messages, gauges.retained),
    ];
    for (what, limit, found) in totals {
        if found > limit {
            ledger.violated(Violation::OverLimit { what, limit, found });
        }
    }
}
