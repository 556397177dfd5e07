//! Looks at every datagram that a gateway takes in and sends out, and at what it reports.
//!
//! It knows who is where from what clients have said, and which topic ids they were told from what they were sent.

use crate::ledger::{ClientNo, Violation};
use crate::{Ledger, plan::GatewayPlan};
use gateway_core::{Core, Event, LostReason, Via};
use sn_codec::{
    Disconnect, Message, MsgId, PingReq, RegAck, Register, ReturnCode, SubAck, Subscribe, Topic, TopicFilter, decode,
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
    /// What it is supervised by when it sleeps.
    sleep_duration: Duration,
    /// Topic ids it was told.
    ids: BTreeMap<u16, String>,
    /// Names in its requests that await an answer.
    asked: BTreeMap<MsgId, String>,
}

impl Watch {
    /// The gateway has started again. What it was told just before its end it may not know any more.
    pub(crate) fn restarted(&mut self) {
        self.at.clear();
        for seen in self.clients.values_mut() {
            (seen.is_awake, seen.duration) = (false, Duration::ZERO);
        }
    }

    /// A datagram reaches the gateway.
    pub(crate) fn input(&mut self, now: Instant, from: PeerAddr, datagram: &[u8], ledger: &Ledger) {
        let Ok(message) = decode(datagram) else { return };
        if let Message::Connect(connect) = message {
            // It counts when it is accepted.
            let client = ledger.client(connect.client_id).map(|client| self.clients.entry(client).or_default());
            let duration = Duration::from_secs(connect.duration_s.into());
            client.into_iter().for_each(|seen| (seen.is_awake, seen.next_duration) = (false, duration));
            return;
        }
        let Some(seen) = self.at.get(&from).and_then(|client| self.clients.get_mut(client)) else { return };
        seen.heard_at = now;
        match message {
            Message::Disconnect(Disconnect { duration_s }) => {
                seen.is_awake = false;
                if let Some(duration_s) = duration_s {
                    seen.sleep_duration = Duration::from_secs(duration_s.into());
                    seen.duration = seen.sleep_duration;
                }
            }
            Message::PingReq(PingReq { client_id: Some(_) }) => {
                (seen.is_awake, seen.duration) = (true, seen.sleep_duration);
            }
            Message::Register(Register { msg_id, topic_name, .. }) => {
                seen.asked.insert(msg_id, topic_name.to_owned());
            }
            Message::Subscribe(Subscribe { msg_id, topic: TopicFilter::Name(name), .. }) => {
                seen.asked.insert(msg_id, name.to_owned());
            }
            _ => {}
        }
    }

    /// The gateway sends a datagram.
    pub(crate) fn output(&mut self, to: PeerAddr, datagram: &[u8], life: u32, ledger: &mut Ledger) {
        let Some(client) = self.at.get(&to).copied() else { return };
        let (Some(seen), Ok(message)) = (self.clients.get_mut(&client), decode(datagram)) else { return };
        match message {
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
                let seen = self.clients.get(&client);
                let silent_since = seen.map_or(started_at, |seen| seen.heard_at.max(started_at));
                let duration = seen.map_or(Duration::ZERO, |seen| seen.duration);
                let is_supervision = matches!(why, LostReason::KeepAlive | LostReason::Sleep);
                if is_supervision && !ledger.laws().is_late && now.since(silent_since) < duration {
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
                    ledger.forgiven(client, topic, 1);
                }
            }
            Event::LeftOver { client_id, messages, .. } => {
                if let Some(client) = ledger.client(client_id) {
                    messages.iter().for_each(|(topic, count)| ledger.forgiven(client, topic, *count as usize));
                }
            }
            Event::Connected { client_id, via, user: _, session_present, from_sleep: _ } => {
                if let (Some(client), Via::Sn(addr)) = (ledger.client(client_id), via) {
                    self.connected(now, client, *addr, *session_present);
                }
            }
            Event::Disconnected { .. }
            | Event::Asleep { .. }
            | Event::Awake { .. }
            | Event::Drained { .. }
            | Event::PredefinedChanged { .. }
            | Event::MovedAway { .. }
            | Event::UpstreamRefused { .. }
            | Event::CountersUsedUp { .. }
            | Event::Denied { .. }
            | Event::Rejected { .. } => {}
        }
    }

    fn connected(&mut self, now: Instant, client: ClientNo, addr: PeerAddr, session_present: bool) {
        self.at.retain(|_, other| *other != client);
        self.at.insert(addr, client);
        let seen = self.clients.entry(client).or_default();
        (seen.heard_at, seen.duration) = (now, seen.next_duration);
        if !session_present {
            seen.ids.clear();
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

/// Beyond this no run gets.
const WIDE: usize = 1_000;

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
    if limits.queue_messages < WIDE {
        // What is in flight has left the queue.
        let most = core.clients().map(|client| client.waiting).max().unwrap_or(0);
        let limit = limits.queue_messages + limits.mqtt_inflight;
        if most > limit {
            ledger.violated(Violation::OverLimit { what: "messages for one client", limit, found: most });
        }
    }
}
