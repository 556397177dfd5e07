//! What a bridge does, without sockets and clocks: two MQTT sessions, one at each end, passed through to each other.
//!
//! The packet ids are the same on both sides, and nothing is acknowledged by the bridge itself: the core's acknowledgement
//! of a message from the other broker, which waits for the disk, becomes the bridge's; the other broker's of a message
//! from here ends its flight in the core. So the core's stored session is all the state there is, and a bridge that is
//! killed at any moment goes on where it was: what was in flight comes from the core again with DUP, or as PUBREL, and a
//! repeated QoS 2 PUBLISH from the other broker is known by its id.
//!
//! Order of calls: [`Machine::handle`] for everything that happens, [`Machine::handle_timeout`] when
//! [`Machine::poll_timeout`]'s time has come, and after each [`Machine::poll_effect`] until there is none.

use super::backoff::Backoff;
use super::events::{Counts, Effect, Input, News, name};
use super::keep_alive::{Due, KeepAlive};
use super::settings::Settings;
use super::taken::Taken;
use super::topics::{Path, Paths};
use gateway_core::mqtt::{
    ConnAck, Connect, ConnectProperties, Disconnect, Login, Packet, PacketId, ReasonCode, RetainHandling, Subscribe,
    SubscribeOptions, Version, variable_len,
};
use gateway_core::{BRIDGE_PREFIX, LARGEST_MESSAGE_ID, Qos};
use sn_types::Instant;
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// How long it may take to reach the other broker, and it to say CONNACK.
const GREETING: Duration = Duration::from_secs(20);
/// Filters in one SUBSCRIBE: AWS IoT takes no more.
const FILTERS: usize = 8;
/// The id of the bridge's own requests: no message has it.
#[allow(clippy::items_after_statements)]
const REQUEST: PacketId = PacketId::new(LARGEST_MESSAGE_ID + 1).expect("not zero");

#[derive(Debug)]
enum State {
    /// The core gets its subscriptions, so that messages wait for the other broker from the start.
    Preparing,
    Waiting {
        until: Instant,
    },
    Dialing {
        give_up: Instant,
    },
    /// CONNECT is sent.
    Greeting {
        give_up: Instant,
    },
    Joined(Joined),
    Ended,
}

/// Both ends are connected.
#[derive(Debug)]
struct Joined {
    since: Instant,
    session_present: bool,
    keep_alive: KeepAlive,
    taken: Taken,
    /// Filters that are still to be subscribed to at the other broker; the first ones are asked for.
    wanted: VecDeque<(Arc<str>, SubscribeOptions)>,
    asked: usize,
    /// The other broker has refused one.
    is_refused: bool,
}

/// A bridge.
#[derive(Debug)]
pub(super) struct Machine {
    settings: Arc<Settings>,
    out: Paths,
    inward: Paths,
    state: State,
    backoff: Backoff,
    /// Whether the next CONNECT tells that a bridge connects.
    as_bridge: bool,
    /// The other broker does not know bridges, it has said.
    unknown_here: bool,
    /// It has let one in that said so.
    known_here: bool,
    /// It has forgotten the session, and the core does not know that yet.
    forgotten: bool,
    /// Subscriptions of the session in the core that are to go; `None`: it has those of the configuration.
    stale: Option<Vec<Arc<str>>>,
    /// The other broker has all subscriptions, unless it has forgotten the session.
    subscribed: bool,
    /// The session here was dropped: that at the other broker knows packet ids which mean something else now.
    dropped: bool,
    counts: Counts,
    effects: VecDeque<Effect>,
}

impl Machine {
    /// A bridge whose session in the core has the subscriptions `found`, perhaps of another configuration.
    pub(super) fn new(settings: Arc<Settings>, found: &[Arc<str>], seed: u64) -> Self {
        let mut machine = Self {
            out: Paths::out(&settings.topics),
            inward: Paths::inward(&settings.topics),
            state: State::Preparing,
            backoff: Backoff::new(settings.reconnect_max, seed),
            as_bridge: settings.announce,
            unknown_here: false,
            known_here: false,
            forgotten: false,
            stale: None,
            subscribed: false,
            dropped: false,
            counts: Counts::default(),
            effects: VecDeque::new(),
            settings,
        };
        let stale = found.iter().filter(|filter| machine.out.iter().all(|path| path.filter != **filter));
        machine.stale = Some(stale.cloned().collect());
        machine.prepare();
        machine
    }

    /// Takes in what happened at `now`.
    pub(super) fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Dialed => self.greet(now),
            Input::FromBroker(packet) => self.hear_broker(now, packet),
            Input::BrokerGone(why) => self.broker_gone(now, why),
            Input::FromCore(packet) => self.hear_core(now, packet),
            Input::CoreGone { stopping } => self.core_gone(now, stopping),
            Input::Listens(listens) => {
                if let State::Joined(joined) = &mut self.state {
                    joined.keep_alive.listen(now, listens);
                }
            }
        }
    }

    /// Does what is due at `now`.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match &mut self.state {
            State::Waiting { until } if *until <= now && self.stale.is_some() => self.prepare(),
            State::Waiting { until } if *until <= now => {
                self.effects.push_back(Effect::Dial { as_bridge: self.as_bridge });
                self.state = State::Dialing { give_up: now + GREETING };
            }
            State::Dialing { give_up } | State::Greeting { give_up } if *give_up <= now => {
                self.lose(now, format!("no answer within {} s", GREETING.as_secs()));
            }
            State::Joined(joined) => match joined.keep_alive.due(now) {
                Due::Nothing => {}
                Due::Ping => self.effects.push_back(Effect::ToBroker(Packet::PingReq)),
                Due::Dead => self.lose(now, "no answer to PINGREQ".into()),
            },
            State::Preparing
            | State::Waiting { .. }
            | State::Dialing { .. }
            | State::Greeting { .. }
            | State::Ended => {}
        }
    }

    /// When to call [`Machine::handle_timeout`] next.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Waiting { until } => Some(*until),
            State::Dialing { give_up } | State::Greeting { give_up } => Some(*give_up),
            State::Joined(joined) => joined.keep_alive.next(),
            State::Preparing | State::Ended => None,
        }
    }

    /// The next thing to do.
    pub(super) fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// What it has done so far.
    pub(super) fn counts(&self) -> Counts {
        Counts { joined: matches!(self.state, State::Joined(_)), ..self.counts }
    }

    /// The session in the core gets the subscriptions of the configuration, and loses others.
    fn prepare(&mut self) {
        self.state = State::Preparing;
        self.enter(false, &ConnAck::default());
        let stale = self.stale.clone().unwrap_or_default();
        if !stale.is_empty() {
            self.effects.push_back(Effect::ToCore(Packet::Unsubscribe(REQUEST, stale)));
        }
        self.subscribe_in_core(|_| RetainHandling::DoNotSend);
        // Its answer is the end of the preparations.
        self.effects.push_back(Effect::ToCore(Packet::PingReq));
    }

    /// Connects to the core as the client whose messages the other broker gets.
    fn enter(&mut self, new_peer: bool, broker: &ConnAck) {
        let window = self.settings.max_inflight;
        let properties = ConnectProperties {
            session_expiry_s: u32::MAX,
            receive_maximum: Some(broker.properties.receive_maximum.map_or(window, |taken| taken.min(window))),
            ..ConnectProperties::default()
        };
        let connect = Connect {
            version: Version::V5,
            clean_start: false,
            login: Login::Bridge { new_peer },
            properties,
            ..Connect::new([BRIDGE_PREFIX, &self.settings.name].concat())
        };
        self.effects.extend([Effect::Enter, Effect::ToCore(Packet::Connect(Box::new(connect)))]);
    }

    fn subscribe_in_core(&mut self, retain_handling: impl Fn(&Path) -> RetainHandling) {
        let paths = self.out.iter();
        let filters: Vec<_> =
            paths.map(|path| (path.filter.clone(), options(path.qos, retain_handling(path)))).collect();
        if !filters.is_empty() {
            let subscribe = Subscribe { id: REQUEST, subscription_id: None, filters };
            self.effects.push_back(Effect::ToCore(Packet::Subscribe(Box::new(subscribe))));
        }
    }

    fn greet(&mut self, now: Instant) {
        let State::Dialing { give_up } = self.state else { return };
        let settings = &self.settings;
        // MQTT counts the fixed header to a packet's size.
        let longest = 1 + variable_len(settings.max_packet) + settings.max_packet;
        let properties = ConnectProperties {
            session_expiry_s: settings.session_expiry_s,
            receive_maximum: settings.receive_maximum,
            maximum_packet_size: u32::try_from(longest).ok().and_then(NonZeroU32::new),
            ..ConnectProperties::default()
        };
        let connect = Connect {
            version: settings.version,
            clean_start: self.dropped,
            keep_alive_s: settings.keep_alive.as_secs().try_into().unwrap_or(u16::MAX),
            username: settings.user.clone(),
            password: settings.password.as_ref().map(|password| password.reveal().to_owned().into()),
            properties,
            ..Connect::new(settings.client_id.clone())
        };
        self.effects.push_back(Effect::ToBroker(Packet::Connect(Box::new(connect))));
        self.state = State::Greeting { give_up: give_up.max(now) };
    }

    fn hear_broker(&mut self, now: Instant, packet: Packet) {
        match &mut self.state {
            State::Greeting { .. } => match packet {
                Packet::ConnAck(answer) if answer.code.is_error() => self.refused(now, answer.code),
                Packet::ConnAck(_) if self.dropped && self.settings.version == Version::V3 => self.dial_to_stay(now),
                Packet::ConnAck(answer) => self.join(now, &answer),
                other => self.lose(now, format!("{} instead of CONNACK", name(&other))),
            },
            State::Joined(joined) => {
                joined.keep_alive.heard(now);
                self.pass_in(now, packet);
            }
            State::Preparing | State::Waiting { .. } | State::Dialing { .. } | State::Ended => {}
        }
    }

    fn refused(&mut self, now: Instant, code: ReasonCode) {
        let why = format!("refused: {code:?}");
        self.unknown_here |= self.as_bridge && code == ReasonCode::UnsupportedProtocolVersion;
        self.as_bridge &= !self.unknown_here;
        self.lose(now, why);
    }

    /// The other broker has forgotten the session. In MQTT 3.1.1 it would forget the new one, too, at this connection's end
    /// (CleanSession, §3.1.2.4): so the session begins with another connection.
    fn dial_to_stay(&mut self, now: Instant) {
        self.dropped = false;
        let dial = Effect::Dial { as_bridge: self.as_bridge };
        self.effects.extend([Effect::ToBroker(Packet::Disconnect(Disconnect::default())), Effect::HangUp, dial]);
        self.state = State::Dialing { give_up: now + GREETING };
    }

    fn join(&mut self, now: Instant, answer: &ConnAck) {
        let asked = self.settings.keep_alive;
        let period = answer.properties.server_keep_alive_s.map_or(asked, |period| Duration::from_secs(period.into()));
        self.known_here |= self.as_bridge;
        self.forgotten |= !answer.session_present;
        let new_peer = self.forgotten;
        self.subscribed &= answer.session_present;
        self.counts.joins += 1;
        let keep_alive = KeepAlive::new(now, period);
        self.state = State::Joined(Joined {
            since: now,
            session_present: answer.session_present,
            keep_alive,
            taken: Taken::new(answer),
            wanted: VecDeque::new(),
            asked: 0,
            is_refused: false,
        });
        self.enter(new_peer, answer);
        // What was published while the other broker was away waits in the queue, except at QoS 0.
        self.subscribe_in_core(|path| {
            // What comes in, too, may be newer at the other broker.
            let is_unqueued = path.qos == Qos::AtMostOnce && !path.is_both;
            if new_peer || is_unqueued { RetainHandling::Send } else { RetainHandling::SendIfNew }
        });
    }

    /// The core has accepted, and has on its disk what it must remember: now the other broker may send. Since the preparations
    /// there was a session: if there is none, it was dropped, and ids begin anew.
    fn entered(&mut self, now: Instant, had_session: bool) {
        let State::Joined(Joined { session_present, .. }) = self.state else { return };
        self.forgotten = false;
        self.dropped = !had_session && session_present;
        if self.dropped {
            return self
                .lose(now, "the bridge's session was dropped here: the other broker is to forget it, too".into());
        }
        self.subscribe_at_broker();
    }

    fn subscribe_at_broker(&mut self) {
        if self.subscribed {
            return self.complete();
        }
        let wanted = self.inward.iter().map(|path| (path.filter.clone(), options(path.qos, RetainHandling::SendIfNew)));
        let wanted = wanted.collect();
        if let State::Joined(joined) = &mut self.state {
            joined.wanted = wanted;
        }
        self.ask_next();
    }

    fn ask_next(&mut self) {
        let State::Joined(joined) = &mut self.state else { return };
        joined.asked = joined.wanted.len().min(FILTERS);
        let filters: Vec<_> = joined.wanted.iter().take(joined.asked).cloned().collect();
        if filters.is_empty() {
            // What was refused is asked for again at the next connection.
            self.subscribed = !joined.is_refused;
            self.complete();
        } else {
            let subscribe = Subscribe { id: REQUEST, subscription_id: None, filters };
            self.effects.push_back(Effect::ToBroker(Packet::Subscribe(Box::new(subscribe))));
        }
    }

    /// From now on no message is missed, either way.
    fn complete(&mut self) {
        if let State::Joined(Joined { session_present, .. }) = self.state {
            self.effects.push_back(Effect::Tell(News::Joined { session_present }));
        }
    }

    fn answered(&mut self, now: Instant, id: PacketId, codes: &[ReasonCode]) {
        let State::Joined(joined) = &mut self.state else { return };
        if (id, codes.len()) != (REQUEST, joined.asked) || codes.is_empty() {
            return self.lose(now, "SUBACK to something that it was not asked".into());
        }
        joined.asked = 0;
        joined.is_refused |= codes.iter().any(|code| code.is_error());
        let asked = joined.wanted.drain(..codes.len());
        let refused = asked.zip(codes).filter(|(_, code)| code.is_error());
        let news = refused.map(|((filter, _), code)| News::SubscriptionRefused { filter, code: *code });
        self.effects.extend(news.map(Effect::Tell));
        self.ask_next();
    }

    /// A packet of the core goes to the other broker.
    fn hear_core(&mut self, now: Instant, packet: Packet) {
        match &self.state {
            State::Preparing => self.prepared(now, &packet),
            State::Joined(_) => self.pass_out(now, packet),
            State::Waiting { .. } | State::Dialing { .. } | State::Greeting { .. } | State::Ended => {}
        }
    }

    /// What is in flight comes again when the other broker is there.
    fn prepared(&mut self, now: Instant, packet: &Packet) {
        match packet {
            Packet::PingResp => {
                self.effects.extend([Effect::ToCore(Packet::Disconnect(Disconnect::default())), Effect::Leave]);
                self.stale = None;
                self.state = State::Waiting { until: now };
            }
            Packet::Connect(_)
            | Packet::ConnAck(_)
            | Packet::SubAck(..)
            | Packet::Publish(_)
            | Packet::PubAck(_)
            | Packet::PubRec(_)
            | Packet::PubRel(_)
            | Packet::PubComp(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(..)
            | Packet::UnsubAck(..)
            | Packet::PingReq
            | Packet::Disconnect(_)
            | Packet::Auth(_) => {}
        }
    }

    fn broker_gone(&mut self, now: Instant, why: String) {
        match &self.state {
            State::Greeting { .. } if self.settings.announce && !self.unknown_here && !self.known_here => {
                // Some brokers hang up on a protocol level that they do not know.
                self.lose(now, why);
                self.as_bridge = !self.as_bridge;
            }
            State::Dialing { .. } | State::Greeting { .. } | State::Joined(_) => self.lose(now, why),
            State::Preparing | State::Waiting { .. } | State::Ended => {}
        }
    }

    /// Ends both connections and tries again after a pause.
    fn lose(&mut self, now: Instant, why: String) {
        let joined = match &self.state {
            State::Joined(joined) => Some(joined.since),
            State::Preparing
            | State::Waiting { .. }
            | State::Dialing { .. }
            | State::Greeting { .. }
            | State::Ended => None,
        };
        self.effects.push_back(Effect::HangUp);
        if joined.is_some() {
            self.effects.push_back(Effect::Leave);
            self.as_bridge = self.settings.announce && !self.unknown_here;
        }
        let pause = self.backoff.pause(now, joined);
        self.effects.push_back(Effect::Tell(News::Lost { why, pause }));
        self.state = State::Waiting { until: now + pause };
    }

    fn core_gone(&mut self, now: Instant, stopping: bool) {
        match (&self.state, stopping) {
            (State::Joined(_), true) => {
                self.effects.push_back(Effect::ToBroker(Packet::Disconnect(Disconnect::default())));
                self.end();
            }
            (_, true) => self.end(),
            (State::Joined(_), false) => self.lose(now, "the gateway has closed the bridge's session".into()),
            // The disk is full, say.
            (State::Preparing, false) => {
                self.effects.push_back(Effect::Leave);
                self.state = State::Waiting { until: now + self.backoff.pause(now, None) };
            }
            (State::Waiting { .. } | State::Dialing { .. } | State::Greeting { .. } | State::Ended, false) => {}
        }
    }

    fn end(&mut self) {
        self.effects.extend([Effect::HangUp, Effect::Leave, Effect::End]);
        self.state = State::Ended;
    }
}

/// What either end is asked for: nothing that came over the bridge goes back, and what is retained stays so.
fn options(qos: Qos, retain_handling: RetainHandling) -> SubscribeOptions {
    SubscribeOptions { qos, no_local: true, retain_as_published: true, retain_handling }
}

mod pass;
#[cfg(test)]
mod tests;
