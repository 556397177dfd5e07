//! What the core reports, as log lines: few enough to read, however much happens.

use crate::mqtt::{Malformed, TurnedAway};
use crate::store::Report;
use gateway_core::{BRIDGE_PREFIX, ConnId, DropReason, Event, LostReason, RejectReason, Via};
use sn_types::{Instant, PeerAddr};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tracing::{debug, error, info, warn};
use transports::{Counters, LinkEvent};

/// How often refused packets are summed up.
const SUMMARY: Duration = Duration::from_secs(10);
/// How often dropped messages and transport errors are reported.
const PAUSE: Duration = Duration::from_secs(1);

/// Turns events into log lines.
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    /// Refused packets since the last summary, by reason.
    rejects: BTreeMap<&'static str, u64>,
    next_summary: Option<Instant>,
    /// By reason, as [`EventLog::denials`].
    drops: BTreeMap<DropReason, Throttle>,
    errors: Throttle,
    /// By reason: one must not hide another.
    denials: BTreeMap<&'static str, Throttle>,
    /// By transport, of those that have lost something.
    losses: BTreeMap<String, Told>,
    /// Of nodes without a key on secured links.
    strangers: Throttle,
    turned_away: Throttle,
    connections: Throttle,
    refusals: Throttle,
}

/// What a transport had lost when it was reported last.
#[derive(Debug, Default)]
struct Told {
    losses: Losses,
    throttle: Throttle,
}

/// Datagrams that a transport has lost, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Losses {
    too_long: u64,
    malformed: u64,
    buffer_full: u64,
    send_refused: u64,
}

/// Lets one line pass per [`PAUSE`] and counts the others.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    open_at: Instant,
    held_back: u64,
}

impl Throttle {
    /// How many were held back since the last one that passed, if this one may pass.
    pub(crate) fn pass(&mut self, now: Instant) -> Option<u64> {
        self.pass_all(now, 1)
    }

    /// The same for so many at once.
    fn pass_all(&mut self, now: Instant, number: u64) -> Option<u64> {
        if now < self.open_at {
            self.held_back += number;
            return None;
        }
        self.open_at = now + PAUSE;
        Some(self.take_held_back())
    }

    fn take_held_back(&mut self) -> u64 {
        std::mem::take(&mut self.held_back)
    }
}

impl Losses {
    const fn of(counters: &Counters) -> Self {
        let Counters { oversize, malformed, send_full, send_refused, .. } = *counters;
        Self { too_long: oversize, malformed, buffer_full: send_full, send_refused }
    }

    const fn since(self, before: Self) -> Self {
        Self {
            too_long: self.too_long - before.too_long,
            malformed: self.malformed - before.malformed,
            buffer_full: self.buffer_full - before.buffer_full,
            send_refused: self.send_refused - before.send_refused,
        }
    }
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { too_long, malformed, buffer_full, send_refused } = *self;
        let reasons = [
            ("too long", too_long),
            ("malformed", malformed),
            ("the send buffer was full", buffer_full),
            ("the operating system or the radio refused to send", send_refused),
        ];
        let some = reasons.iter().filter(|(_, count)| *count > 0);
        let words: Vec<String> = some.map(|(reason, count)| format!("{reason} {count}")).collect();
        f.write_str(&words.join(", "))
    }
}

impl EventLog {
    /// When [`EventLog::summarise_if_due`] has something to say.
    pub(crate) fn next_summary(&self) -> Option<Instant> {
        self.next_summary
    }

    /// Writes the summary if its time has come.
    pub(crate) fn summarise_if_due(&mut self, now: Instant) {
        if self.next_summary.is_some_and(|due| due <= now) {
            self.summarise();
        }
    }

    /// Sums up what was refused since the last time, and what was dropped and not told of.
    pub(crate) fn summarise(&mut self) {
        self.next_summary = None;
        for (reason, throttle) in &mut self.drops {
            match (throttle.take_held_back(), reason.name()) {
                (0, _) => {}
                (messages, name) if reason.is_wanted() => info!(messages, reason = name, "more messages dropped"),
                (messages, name) => warn!(messages, reason = name, "more messages dropped"),
            }
        }
        if self.rejects.is_empty() {
            return;
        }
        let reasons: Vec<String> = self.rejects.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        info!(reasons = reasons.join(", "), "refused packets");
        self.rejects.clear();
    }

    /// A transport could not receive.
    pub(crate) fn transport_error(&mut self, now: Instant, error: &io::Error) {
        if let Some(held_back) = self.errors.pass(now) {
            warn!(%error, more = held_back, "cannot receive datagrams");
        }
    }

    /// Something has happened to a link itself.
    pub(crate) fn link(&mut self, now: Instant, transport: &str, event: &LinkEvent) {
        match event {
            LinkEvent::Up(profile) => info!(transport, mtu = profile.mtu, broadcast = profile.broadcast, "link up"),
            LinkEvent::Down(why) => warn!(transport, why, "link down: its clients hear nothing until it is back"),
            LinkEvent::Note(what) => info!(transport, "{what}"),
            LinkEvent::TurnedAway(why) => {
                if let Some(held_back) = self.turned_away.pass(now) {
                    warn!(transport, why, more = held_back, "a simulator was turned away");
                }
            }
            LinkEvent::NoKey { node, is_listed } => {
                if let Some(more) = self.strangers.pass(now) {
                    let remedy = if *is_listed {
                        "it is on the list without a key: sn-gateway nodes remove and add give it one"
                    } else {
                        "it is not on the list: sn-gateway nodes add puts it there with its key"
                    };
                    warn!(transport, %node, more, "a radio node was refused: {remedy}");
                }
            }
        }
    }

    /// Reports datagrams that transports have lost since the last time.
    pub(crate) fn losses<'a>(&mut self, now: Instant, transports: impl Iterator<Item = (&'a str, Counters)>) {
        for (transport, counters) in transports {
            let so_far = Losses::of(&counters);
            if so_far == self.losses.get(transport).map_or_else(Losses::default, |told| told.losses) {
                continue;
            }
            let told = self.losses.entry(transport.into()).or_default();
            if told.throttle.pass(now).is_some() {
                warn!(transport, reasons = so_far.since(told.losses).to_string(), "datagrams were lost");
                told.losses = so_far;
            }
        }
    }

    /// An MQTT connection was closed because of what it sent.
    pub(crate) fn malformed(&mut self, now: Instant, reason: Malformed) {
        self.count(now, reason.name());
    }

    /// An MQTT connection has met a limit of its listener, or did not get as far as MQTT.
    pub(crate) fn connection_turned_away(
        &mut self,
        now: Instant,
        listener: usize,
        peer: SocketAddr,
        why: TurnedAway,
        detail: &str,
    ) {
        if let Some(more) = self.connections.pass(now) {
            warn!(listener, %peer, reason = why.name(), detail, more, "an MQTT connection was refused or held up");
        }
    }

    /// How many dropped messages were not told of, if these may be.
    fn drops_may_pass(&mut self, now: Instant, reason: DropReason, messages: u64) -> Option<u64> {
        let passed = self.drops.entry(reason).or_default().pass_all(now, messages);
        if passed.is_none() {
            self.next_summary.get_or_insert(now + SUMMARY);
        }
        passed
    }

    fn count(&mut self, now: Instant, reason: &'static str) {
        *self.rejects.entry(reason).or_default() += 1;
        self.next_summary.get_or_insert(now + SUMMARY);
    }

    /// Who may not do something is told why, and so is the operator, who may want to allow it.
    fn denied(&mut self, now: Instant, from: &Addr, reason: RejectReason) {
        let Some(remedy) = remedy(from, reason) else { return };
        if let Some(held_back) = self.denials.entry(reason.name()).or_default().pass(now) {
            warn!(%from, reason = reason.name(), more = held_back, "refused: {remedy}");
        }
    }

    /// The store has something to say.
    pub(crate) fn report(&mut self, report: &Report) {
        match report {
            Report::Committed(_) => {}
            Report::Full(error) => error!(
                %error,
                "nothing is acknowledged until there is space; new clients are refused, QoS 0 goes on"
            ),
            Report::Resumed => info!("there is space again: what waited is written and acknowledged"),
            Report::Failed(error) => error!(
                %error,
                "nothing is acknowledged any more: what the disk has is not known to this process, which ends soon"
            ),
        }
    }

    /// Something happened to a client. `peer` knows the addresses of MQTT connections, `name` the names of radio nodes.
    pub(crate) fn event(
        &mut self,
        now: Instant,
        event: &Event,
        peer: impl Fn(ConnId) -> Option<SocketAddr>,
        name: impl Fn(PeerAddr) -> Option<Arc<str>>,
    ) {
        let addr = |via: &Via| Addr::of(via, &peer, &name);
        match event {
            // A bridge says itself when it has reached the other broker: its session is open before.
            Event::Connected { client_id, .. } | Event::Disconnected { client_id }
                if client_id.starts_with(BRIDGE_PREFIX) =>
            {
                debug!(client = &**client_id, "the session of a bridge is opened or closed");
            }
            Event::Connected { client_id, via, user, session_present: session, from_sleep } => {
                let (client, from, user) = (&**client_id, addr(via), user.as_deref());
                // Many sleepers connect for each report: that is as ordinary as to be awake.
                if *from_sleep {
                    debug!(client, %from, user, session, "connected");
                } else {
                    info!(client, %from, user, session, "connected");
                }
            }
            Event::Disconnected { client_id } => info!(client = &**client_id, "disconnected"),
            Event::Asleep { client_id, duration_s } => debug!(client = &**client_id, duration_s, "asleep"),
            Event::Awake { client_id, waiting } => debug!(client = &**client_id, waiting, "awake"),
            Event::Drained { client_id, took } => debug!(client = &**client_id, ?took, "asleep again"),
            Event::Lost { client_id, why: why @ LostReason::Closed { conn, .. } } => {
                let from = addr(&Via::Mqtt(*conn));
                warn!(client = &**client_id, why = &*lost(*why), %from, "lost");
            }
            Event::Lost { client_id, why } => warn!(client = &**client_id, why = &*lost(*why), "lost"),
            Event::Expired { client_id } => info!(client = &**client_id, "session expired"),
            Event::TakenOver { client_id, by } => info!(client = &**client_id, by = %addr(by), "taken over"),
            Event::MovedAway { client_id } => info!(client = &**client_id, "has gone to another gateway"),
            Event::UpstreamRefused { client_id, code } => {
                if let Some(more) = self.refusals.pass(now) {
                    warn!(client = &**client_id, ?code, more, "the broker of the sessions refuses a node");
                }
            }
            Event::PredefinedChanged { id, was, is } => {
                let (was, is) = (&**was, is.as_deref().unwrap_or("nothing"));
                warn!(id = id.0, was, is, "a predefined topic id means something else: nodes must know that, too");
            }
            Event::CountersUsedUp { transport } => error!(
                transport = transport.0,
                "all frame counters are used: nothing secured can be sent any more, see docs/nodes.md"
            ),
            Event::Dropped { client_id, topic, reason } => self.dropped(now, client_id, topic, *reason),
            Event::LeftOver { client_id, reason, messages } => {
                self.left_over(now, client_id, *reason, messages.values().sum());
            }
            Event::Denied { client_id, user, action, topic } => {
                let key = RejectReason::NotAllowed.name();
                if let Some(more) = self.denials.entry(key).or_default().pass(now) {
                    let (client, user, action, topic) = (&**client_id, user.as_deref(), action.name(), &**topic);
                    warn!(client, user, action, topic, more, "refused: no table [[access]] allows it");
                }
            }
            Event::Rejected { from, reason } => {
                debug!(from = %addr(from), reason = reason.name(), "packet refused");
                self.denied(now, &addr(from), *reason);
                self.count(now, reason.name());
            }
        }
    }

    /// A message for a client was dropped.
    fn dropped(&mut self, now: Instant, client: &str, topic: &str, reason: DropReason) {
        let name = reason.name();
        match self.drops_may_pass(now, reason, 1) {
            Some(more) if reason.is_wanted() => info!(client, topic, reason = name, more, "message dropped"),
            Some(more) => warn!(client, topic, reason = name, more, "message dropped"),
            None => {}
        }
    }

    /// So many messages were dropped when a session ended.
    fn left_over(&mut self, now: Instant, client: &str, reason: DropReason, messages: u64) {
        let name = reason.name();
        match self.drops_may_pass(now, reason, messages) {
            Some(more) if reason.is_wanted() => info!(client, messages, reason = name, more, "session over: dropped"),
            Some(more) => warn!(client, messages, reason = name, more, "session over: dropped"),
            None => {}
        }
    }
}

/// Who it is, as an operator can find it.
pub(crate) enum Addr {
    /// With the name of the radio node that is there.
    Sn(PeerAddr, Option<Arc<str>>),
    Mqtt(SocketAddr),
    Gone(ConnId),
}

impl Addr {
    pub(crate) fn of(
        via: &Via,
        peer: impl Fn(ConnId) -> Option<SocketAddr>,
        name: impl Fn(PeerAddr) -> Option<Arc<str>>,
    ) -> Self {
        match *via {
            Via::Sn(addr) => Self::Sn(addr, name(addr)),
            Via::Mqtt(conn) => peer(conn).map_or(Self::Gone(conn), Self::Mqtt),
        }
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sn(addr, None) => write!(f, "mqtt-sn {addr}"),
            Self::Sn(addr, Some(name)) => write!(f, "mqtt-sn {addr} ({name})"),
            Self::Mqtt(addr) => write!(f, "mqtt {addr}"),
            Self::Gone(ConnId(number)) => write!(f, "mqtt connection {number}"),
        }
    }
}

/// What an operator can do about a refusal, if it is the configuration that refuses.
fn remedy(from: &Addr, reason: RejectReason) -> Option<&'static str> {
    match (reason, from) {
        (RejectReason::BadPassword, _) => {
            Some("there is no such user, or it is another password; see sn-gateway passwd")
        }
        (RejectReason::OtherUser, _) => Some("the client id's session is another user's; see sn-gateway sessions show"),
        (RejectReason::Anonymous, Addr::Sn(..)) => {
            Some("no table [[node]] says who it is, and its [[transport]] does not have anonymous = true")
        }
        (RejectReason::Anonymous, Addr::Mqtt(_) | Addr::Gone(_)) => {
            Some("it does not say who it is, and its [[listener]] does not have anonymous = true")
        }
        _ => None,
    }
}

fn lost(why: LostReason) -> Cow<'static, str> {
    let why = match why {
        LostReason::KeepAlive => "silent for longer than its keep-alive",
        LostReason::Sleep => "did not wake in time",
        LostReason::Retries => "does not acknowledge",
        LostReason::Connection => "the connection broke",
        LostReason::Closed { what, .. } => return format!("closed by the gateway: {}", broken(what)).into(),
        LostReason::Replaced => "another client uses its address",
        LostReason::Revoked => "its node may not come in any more",
        LostReason::LoggedOut => "the configuration or the passwords do not let it in any more",
    };
    why.into()
}

/// What a client did whose connection was closed. Limits that an operator can change are called by their keys.
fn broken(what: &'static str) -> &'static str {
    if what == Malformed::TooLong.name() {
        "a packet was longer than max_packet_bytes of its [[listener]]"
    } else {
        what
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_packets_are_summed_up_after_ten_seconds_and_then_forgotten() {
        let mut log = EventLog::default();
        assert_eq!(log.next_summary(), None);
        log.malformed(Instant::from_secs(5), Malformed::Utf8);
        log.malformed(Instant::from_secs(9), Malformed::Utf8);
        assert_eq!(log.next_summary(), Some(Instant::from_secs(15)));
        assert_eq!(log.rejects["utf8"], 2);
        log.summarise_if_due(Instant::from_secs(14));
        assert_eq!(log.rejects.len(), 1);
        log.summarise_if_due(Instant::from_secs(15));
        assert!(log.rejects.is_empty());
        assert_eq!(log.next_summary(), None);
    }

    #[test]
    fn a_flood_of_superseded_messages_does_not_hide_a_full_queue() {
        let mut log = EventLog::default();
        let mut dropped = |reason| {
            let event = Event::Dropped { client_id: "node".into(), topic: "state".into(), reason };
            log.event(Instant::from_secs(1), &event, |_| None, |_| None);
        };
        (0..10).for_each(|_| dropped(DropReason::Superseded));
        dropped(DropReason::QueueFull);
        let held_back =
            |log: &EventLog| [DropReason::Superseded, DropReason::QueueFull].map(|reason| log.drops[&reason].held_back);
        assert_eq!(held_back(&log), [9, 0]);
        assert_eq!(log.next_summary(), Some(Instant::from_secs(11)), "of what was not told of");
        log.summarise_if_due(Instant::from_secs(11));
        assert_eq!((held_back(&log), log.next_summary()), ([0, 0], None));
    }

    #[test]
    fn lost_datagrams_are_reported_once_and_at_most_every_second_for_each_transport() {
        let mut log = EventLog::default();
        let full = |send_full| Counters { send_full, ..Counters::default() };
        let seen = [(0, 0, 0), (100, 5, 0), (200, 7, 1), (1_099, 7, 1), (1_200, 9, 1)].map(|(now_ms, one, other)| {
            log.losses(Instant::from_millis(now_ms), [("one", full(one)), ("other", full(other))].into_iter());
            ["one", "other"].map(|name| log.losses.get(name).map_or(0, |told| told.losses.buffer_full))
        });
        assert_eq!(seen, [[0, 0], [5, 0], [5, 1], [5, 1], [9, 1]]);
    }

    #[test]
    fn what_was_lost_is_told_by_reason_as_far_as_it_is_new() {
        let before = Losses { too_long: 2, malformed: 1, ..Losses::default() };
        let now = Losses { malformed: 4, send_refused: 1, ..before };
        assert_eq!(now.since(before).to_string(), "malformed 3, the operating system or the radio refused to send 1");
    }

    #[test]
    fn one_line_a_second_passes_and_tells_how_many_did_not() {
        let mut throttle = Throttle::default();
        let passed: Vec<_> = (0..25).map(|n| throttle.pass(Instant::from_millis(100 * n))).collect();
        assert_eq!(passed.iter().flatten().collect::<Vec<_>>(), [&0, &9, &9]);
    }
}
