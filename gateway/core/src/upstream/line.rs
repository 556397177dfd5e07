//! Connections to upstream: made when it is their turn, lost, made again.
//!
//! A node's own CONNECT comes first and is answered with what upstream says. All others, after a restart of the gateway
//! or of the other broker, follow as the rate allows.

use super::remote::{FIRST_PAUSE, Joining, Line, Remote};
use super::{Ending, FromUpstream, ToUpstream, Transparent, UpstreamId, Whose};
use crate::broker::{Home, Link, Part, SessionEnd, SessionKey};
use crate::core::TimerKey;
use crate::mqtt::{ConnAck, Connect, ConnectProperties, Disconnect, Packet, ReasonCode, Version, Will};
use crate::sn::Arrival;
use crate::{Core, Event, Output, RejectReason};
use sn_types::{Instant, PeerAddr};
use std::sync::Arc;
use std::time::Duration;

/// How long a node's CONNECT waits for upstream's answer, and how long an attempt may take. Nodes repeat themselves for
/// longer.
const GREETING: Duration = Duration::from_secs(20);
/// How long the other broker keeps the session of a node that wants none kept, so that a connection that only breaks does
/// not end it; MQTT 5 only, where the node's good-bye ends it.
const CLEAN_EXPIRY_S: u32 = 300;

impl Core {
    /// Where the session of a client that connects from an address is to live.
    pub(crate) fn home_of(&self, from: PeerAddr) -> Home {
        match &self.config.transparent {
            Some(transparent) if transparent.covers(from.transport) => Home::Upstream,
            Some(_) | None => Home::Here,
        }
    }

    /// Whether a session lives upstream.
    pub(crate) fn is_upstream(&self, key: SessionKey) -> bool {
        self.broker.sessions.get(key).is_some_and(|session| session.home == Home::Upstream)
    }

    /// A node has said CONNECT: asks upstream.
    pub(crate) fn upstream_join(&mut self, now: Instant, key: SessionKey, arrival: Arrival) {
        let Some(session) = self.broker.sessions.get(key) else { return };
        let client_id = session.client_id.clone();
        self.upstream_leave(key, Some(Disconnect::default()));
        let joining = Joining { give_up: now + GREETING, arrival };
        self.upstream.remotes.insert(key, Box::new(Remote::new(client_id, Some(joining))));
        self.upstream.joiners.push_back(key);
        self.upstream_schedule(key);
        self.upstream_dial(now);
    }

    /// A session is back from the store, with its client connected: its connection is made again.
    pub(crate) fn upstream_resume(&mut self, now: Instant, key: SessionKey) {
        let Some(session) = self.broker.sessions.get(key).filter(|session| session.link == Link::Sn) else { return };
        self.upstream.remotes.insert(key, Box::new(Remote::new(session.client_id.clone(), None)));
        self.upstream_queue(now, key);
    }

    fn upstream_queue(&mut self, now: Instant, key: SessionKey) {
        let Some(remote) = self.upstream.get_mut(key) else { return };
        remote.line = Line::Queued;
        self.upstream.queue.push_back(key);
        self.upstream_dial(now);
    }

    /// Makes the connections whose turn it is.
    pub(crate) fn upstream_dial(&mut self, now: Instant) {
        while let Some(key) = self.upstream.next_in_line() {
            if self.upstream.next_dial > now {
                let next = self.upstream.next_dial;
                return self.timers.schedule(&mut self.upstream.scheduled, next, TimerKey::UpstreamDial);
            }
            self.upstream.leave_queue();
            let Some(remote) = self.upstream.remotes.get(&key) else { continue };
            if let Some(waiting) = self.upstream.leaving.get_mut(&remote.client_id) {
                *waiting = Some(key);
                continue;
            }
            let per_s = self.config.limits.upstream_connects_per_s.max(1);
            self.upstream.next_dial = now + Duration::from_secs(1) / per_s;
            self.upstream_open(now, key);
        }
    }

    /// The look that was asked for `due`.
    pub(crate) fn upstream_dial_due(&mut self, now: Instant, due: Instant) {
        if self.upstream.scheduled == due {
            self.upstream.scheduled = Instant::FAR_FUTURE;
            self.upstream_dial(now);
        }
    }

    fn upstream_open(&mut self, now: Instant, key: SessionKey) {
        let Some(connect) = self.upstream_connect(key) else { return };
        self.upstream.last_id += 1;
        let id = UpstreamId(self.upstream.last_id);
        let Some(remote) = self.upstream.get_mut(key) else { return };
        remote.line = Line::Dialing { id, give_up: now + GREETING };
        self.upstream.by_id.insert(id, Whose::Client(key));
        self.upstream_schedule(key);
        self.out.push(Output::Upstream { id, what: ToUpstream::Open(Box::new(connect)) });
    }

    /// What upstream is told of a node.
    fn upstream_connect(&self, key: SessionKey) -> Option<Connect> {
        let (settings, session) = (self.config.transparent.as_ref()?, self.broker.sessions.get(key)?);
        let is_first = self.upstream.remotes.get(&key)?.is_first;
        let own = self.sn.keep_alive_s(key).filter(|own| *own > 0).unwrap_or(u16::MAX);
        let longest = if settings.keep_alive_s > 0 { settings.keep_alive_s } else { u16::MAX };
        let keep_alive_s = Some(own.min(longest)).filter(|period| *period < u16::MAX).unwrap_or(0);
        let properties = ConnectProperties {
            session_expiry_s: expiry_s(settings, session.clean),
            receive_maximum: std::num::NonZeroU16::new(self.config.limits.upstream_inflight),
            ..ConnectProperties::default()
        };
        let will = session.will.as_ref().map(|will| Will {
            delay_s: settings.will_delay_s,
            ..Will::new(&**will.topic(), will.shared_payload(), will.qos(), will.retain())
        });
        Some(Connect {
            version: settings.version,
            // Before MQTT 5 a session without memory ends with its connection: there is nothing to find again.
            clean_start: session.clean && (is_first || settings.version == Version::V3),
            keep_alive_s,
            will,
            properties,
            ..Connect::new([&settings.client_id_prefix, &*session.client_id].concat())
        })
    }

    /// Something has come from upstream.
    pub(crate) fn upstream_input(&mut self, now: Instant, id: UpstreamId, what: FromUpstream) {
        match what {
            FromUpstream::Packet(packet) => {
                if let Some(Whose::Client(key)) = self.upstream.by_id.get(&id) {
                    self.upstream_packet(now, *key, packet);
                }
            }
            FromUpstream::Closed(ending) => match self.upstream.by_id.remove(&id) {
                Some(Whose::Client(key)) => self.upstream_lost(now, key, ending),
                Some(Whose::Leaving(client_id)) => self.upstream_left(now, &client_id),
                None => {}
            },
        }
    }

    fn upstream_packet(&mut self, now: Instant, key: SessionKey, packet: Packet) {
        match packet {
            Packet::ConnAck(answer) if answer.code.is_error() => self.upstream_refused(now, key, answer.code),
            Packet::ConnAck(answer) => self.upstream_accepted(now, key, &answer),
            Packet::Publish(publish) => self.upstream_publish(now, key, publish),
            Packet::PubAck(ack) => self.upstream_puback(key, ack),
            Packet::PubRec(ack) => self.upstream_pubrec(key, ack),
            Packet::PubRel(ack) => self.upstream_pubrel(now, key, ack.id),
            Packet::PubComp(ack) => self.upstream_pubcomp(key, ack.id),
            Packet::SubAck(id, codes) => self.upstream_suback(now, key, id, &codes),
            Packet::UnsubAck(id, _) => self.upstream_unsuback(key, id),
            Packet::PingResp => self.upstream_pingresp(now, key),
            Packet::Disconnect(Disconnect { code: ReasonCode::SessionTakenOver, .. }) => self.moved_away(now, key),
            // The end of the connection follows.
            Packet::Disconnect(_) => {
                if let Some(remote) = self.upstream.get_mut(key) {
                    remote.has_reason = true;
                }
            }
            // No broker sends these, and the driver lets none through.
            Packet::Connect(_) | Packet::Subscribe(_) | Packet::Unsubscribe(..) | Packet::PingReq | Packet::Auth(_) => {
            }
        }
    }

    /// CONNACK. Messages may follow at once.
    fn upstream_accepted(&mut self, now: Instant, key: SessionKey, answer: &ConnAck) {
        let window = answer.properties.receive_maximum.map_or(usize::from(u16::MAX), |taken| taken.get().into());
        let window = window.min(self.config.limits.incoming_qos2);
        let Some(remote) = self.upstream.get_mut(key) else { return };
        let Line::Dialing { id, .. } = remote.line else { return };
        remote.begin_anew();
        (remote.line, remote.window, remote.is_first) = (Line::Up { id, since: now }, window, false);
        remote.is_away = false;
        let joining = remote.joining.take();
        self.stats.upstream_connects += 1;
        if let Some(joining) = joining {
            self.welcome(now, key, joining.arrival);
        }
        if !answer.session_present {
            self.upstream_restore(key);
        }
        self.pump(now, key);
    }

    /// CONNACK with a code that refuses.
    fn upstream_refused(&mut self, now: Instant, key: SessionKey, code: ReasonCode) {
        self.stats.upstream_refusals += 1;
        let Some(remote) = self.upstream.get_mut(key) else { return };
        let (client_id, is_joining) = (remote.client_id.clone(), remote.joining.is_some());
        remote.is_away = true;
        self.event(Event::UpstreamRefused { client_id, code });
        let reason = match code {
            ReasonCode::ServerUnavailable
            | ReasonCode::ServerBusy
            | ReasonCode::QuotaExceeded
            | ReasonCode::ConnectionRateExceeded => RejectReason::UpstreamAway,
            _ => RejectReason::UpstreamRefused,
        };
        self.upstream_hang_up(key, None);
        if is_joining {
            self.upstream_turn_away(now, key, reason);
        } else {
            self.upstream_rest(now, key);
        }
    }

    /// The connection is gone, without our doing.
    fn upstream_lost(&mut self, now: Instant, key: SessionKey, ending: Ending) {
        let longest = self.longest_pause();
        let parted_until = match self.sn.keep_alive_s(key) {
            Some(0) => now + longest,
            Some(_) | None => Instant::FAR_FUTURE,
        };
        let Some(remote) = self.upstream.get_mut(key) else { return };
        let stood = match remote.line {
            Line::Up { since, .. } => Some(now.since(since)),
            Line::Queued | Line::Dialing { .. } | Line::Resting { .. } | Line::Parted { .. } => None,
        };
        if stood.is_some_and(|stood| stood > longest) {
            remote.has_stood();
        }
        remote.is_away = stood.is_none();
        remote.is_spoilt |= ending == Ending::Unreadable;
        remote.line = Line::Queued;
        let has_reason = remote.has_reason;
        if remote.joining.is_some() {
            return self.upstream_turn_away(now, key, RejectReason::UpstreamAway);
        }
        self.stats.upstream_losses += u64::from(stood.is_some());
        if stood.is_some() && ending == Ending::HungUp && !has_reason {
            remote.line = Line::Parted { until: parted_until };
            self.upstream_interrupted(now, key);
            self.upstream_schedule(key);
        } else {
            self.upstream_rest(now, key);
        }
    }

    /// The next attempt follows after a pause, each of which is twice as long as the last.
    fn upstream_rest(&mut self, now: Instant, key: SessionKey) {
        let longest = self.longest_pause();
        let Some(remote) = self.upstream.get_mut(key) else { return };
        remote.line = Line::Resting { until: now + remote.pause.min(longest) };
        remote.pause = (remote.pause * 2).min(longest);
        self.upstream_interrupted(now, key);
        self.upstream_schedule(key);
    }

    fn longest_pause(&self) -> Duration {
        self.config.transparent.as_ref().map_or(FIRST_PAUSE, |settings| settings.reconnect_max)
    }

    /// Upstream sends again what was not acknowledged, here or at the gateway where the node is then.
    fn upstream_interrupted(&mut self, now: Instant, key: SessionKey) {
        let Some(remote) = self.upstream.get_mut(key) else { return };
        remote.begin_anew();
        if let Some(outbound) = self.broker.sessions.outbound_mut(key) {
            outbound.forget_flights();
        }
        self.sn.abandon_exchange(key);
        self.pump(now, key);
    }

    /// A node's CONNECT is not accepted.
    fn upstream_turn_away(&mut self, now: Instant, key: SessionKey, reason: RejectReason) {
        if let Some(from) = self.sn.address(key) {
            self.refuse_connect(from, reason);
        }
        self.sn_disconnected(now, key);
    }

    /// The node has gone to another gateway: nothing of it stays here, and nobody is told anything.
    fn moved_away(&mut self, now: Instant, key: SessionKey) {
        let Some(remote) = self.upstream.remotes.get(&key) else { return };
        let client_id = remote.client_id.clone();
        self.stats.upstream_moved += 1;
        self.upstream_leave(key, None);
        self.event(Event::MovedAway { client_id });
        self.remove_session(now, key, SessionEnd::Left);
    }

    /// The node is not connected here any more. Upstream is told with `good_bye`, or nothing, so that it publishes the will.
    pub(crate) fn upstream_leave(&mut self, key: SessionKey, good_bye: Option<Disconnect>) {
        self.upstream_hang_up(key, good_bye);
        if self.upstream.remotes.remove(&key).is_some()
            && let Some(outbound) = self.broker.sessions.outbound_mut(key)
        {
            outbound.forget_flights();
        }
    }

    /// What upstream is told when a node says good-bye: a session that is not to be kept ends.
    pub(crate) fn upstream_good_bye(&self, clean: bool) -> Disconnect {
        let ends = clean && self.config.transparent.as_ref().is_some_and(|settings| settings.version == Version::V5);
        Disconnect { code: ReasonCode::Success, session_expiry_s: ends.then_some(0) }
    }

    fn upstream_hang_up(&mut self, key: SessionKey, good_bye: Option<Disconnect>) {
        let Some(remote) = self.upstream.get_mut(key) else { return };
        let Some(id) = remote.id() else { return };
        remote.line = Line::Queued;
        let client_id = remote.client_id.clone();
        self.upstream.leaving.insert(client_id.clone(), None);
        self.upstream.by_id.insert(id, Whose::Leaving(client_id));
        self.out.push(Output::Upstream { id, what: ToUpstream::Close(good_bye) });
    }

    /// A connection that was told to close is gone: the client's next one may be made.
    fn upstream_left(&mut self, now: Instant, client_id: &str) {
        if let Some(Some(key)) = self.upstream.leaving.remove(client_id) {
            self.upstream.joiners.push_front(key);
            self.upstream_dial(now);
        }
    }

    /// The will has changed, which MQTT only knows at a CONNECT.
    pub(crate) fn upstream_new_will(&mut self, now: Instant, key: SessionKey) {
        if self.upstream.remotes.get(&key).is_none_or(|remote| remote.id().is_none()) {
            return;
        }
        self.upstream_hang_up(key, Some(Disconnect::default()));
        self.upstream_interrupted(now, key);
        self.upstream_queue(now, key);
    }

    /// The node has sent something: it is here.
    pub(crate) fn upstream_node_heard(&mut self, now: Instant, key: SessionKey) {
        let Some(remote) = self.upstream.get_mut(key) else { return };
        match remote.line {
            // Whatever the node does, what has spoilt the last connection comes again.
            Line::Up { .. } if remote.is_spoilt => {}
            Line::Up { .. } => remote.has_stood(),
            Line::Parted { .. } => self.upstream_queue(now, key),
            Line::Queued | Line::Dialing { .. } | Line::Resting { .. } => {}
        }
    }

    /// The daemon stops: upstream is told, so that no will is published of nodes that are well.
    pub(crate) fn upstream_shutdown(&mut self) {
        let mut ids: Vec<_> = self.upstream.remotes.values().filter_map(|remote| remote.id()).collect();
        ids.sort_unstable();
        self.upstream.remotes.clear();
        self.upstream.by_id.clear();
        for id in ids {
            self.out.push(Output::Upstream { id, what: ToUpstream::Close(Some(Disconnect::default())) });
        }
    }

    /// Sees to it that the client's connection is looked at when its earliest deadline comes.
    pub(super) fn upstream_schedule(&mut self, key: SessionKey) {
        let Some(remote) = self.upstream.remotes.get_mut(&key) else { return };
        let deadline = remote.deadline();
        if deadline < Instant::FAR_FUTURE {
            self.timers.schedule(&mut remote.scheduled, deadline, TimerKey::Upstream(key));
        }
    }

    /// The look that was asked for `due`.
    pub(crate) fn upstream_due(&mut self, now: Instant, due: Instant, key: SessionKey) {
        let Some(remote) = self.upstream.get_mut(key).filter(|remote| remote.scheduled == due) else { return };
        remote.scheduled = Instant::FAR_FUTURE;
        if remote.joining.is_some_and(|joining| joining.give_up <= now) {
            return self.upstream_turn_away(now, key, RejectReason::UpstreamAway);
        }
        match remote.line {
            Line::Dialing { give_up, .. } if give_up <= now => {
                remote.is_away = true;
                self.upstream_hang_up(key, None);
                self.upstream_rest(now, key);
            }
            Line::Resting { until } | Line::Parted { until } if until <= now => self.upstream_queue(now, key),
            Line::Dialing { .. } | Line::Resting { .. } | Line::Parted { .. } | Line::Queued | Line::Up { .. } => {}
        }
        self.upstream_wait_due(now, key);
        self.upstream_schedule(key);
    }

    /// A session that lived upstream is to live here: what it is subscribed to is routed here from now on.
    pub(crate) fn bring_home(&mut self, key: SessionKey) {
        let Some(session) = self.broker.sessions.get_mut(key).filter(|session| session.home == Home::Upstream) else {
            return;
        };
        session.home = Home::Here;
        session.outbound.track(session.durable);
        let subscriptions = session.subscriptions.clone();
        self.journal.brought_home(session);
        for (filter, granted) in subscriptions {
            self.broker.add_subscription(key, &filter, granted);
        }
        self.broker.sessions.mark(key, Part::Header);
    }

    /// Whether a CONNECT that says the same is on its way to upstream.
    pub(crate) fn is_joining(&self, client_id: &Arc<str>) -> Option<SessionKey> {
        let key = self.broker.sessions.find(client_id)?;
        self.upstream.remotes.get(&key).filter(|remote| remote.joining.is_some()).map(|_| key)
    }
}

/// How long the other broker is to keep a session without a connection.
fn expiry_s(settings: &Transparent, clean: bool) -> u32 {
    if clean { settings.session_expiry_s.min(CLEAN_EXPIRY_S) } else { settings.session_expiry_s }
}
