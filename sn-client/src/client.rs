//! The client's state and its timers.

use crate::body::Body;
use crate::jitter::Jitter;
use crate::output::{Flight, Search, Step};
use crate::received::ReceivedIds;
use crate::request::{Publish, Request};
use crate::topics::Topics;
use crate::{Cause, Config, Event};
use core::time::Duration;
use sn_codec::{Message, MsgId};
use sn_types::Instant;

/// A node's connection to a gateway.
///
/// `BODY`: octets for a request's topic name and payload together. `TOPICS`: octets for topic ids and names, each
/// taking 5 octets beside its name. `RECEIVED`: how many of the last QoS 2 messages are remembered, 1 to 255, each
/// in 12 octets; more than one is for links that deliver copies late. The buffer given to [`Client::poll_output`] has to hold the longest message:
/// `BODY` + 9 octets, and the client id, will topic and will message with 6 octets more each.
///
/// # Order of calls
/// Something happens: the application makes a request, a datagram arrives ([`Client::handle_input`]), or the time of
/// [`Client::poll_timeout`] has come ([`Client::handle_timeout`]). After each of these:
///
/// 1. act on the event that the call returned, if any;
/// 2. [`Client::poll_output`] until it returns `None`, sending what it returns;
/// 3. [`Client::poll_timeout`], and wait until then or until the next datagram.
///
/// Datagrams from anybody but the gateway are only for gateway searches: the driver, who alone knows addresses,
/// hands in others than ADVERTISE, SEARCHGW and GWINFO only if they come from the gateway.
///
/// A datagram's answer waits for step 2; if it is skipped, the next datagram's answer replaces it, as if lost.
pub struct Client<'a, const BODY: usize, const TOPICS: usize, const RECEIVED: usize = 8> {
    pub(crate) config: Config<'a>,
    pub(crate) state: State,
    /// For the CONNECT that is on its way.
    pub(crate) clean_session: bool,
    /// The session began with CleanSession, and so ends with its connection.
    pub(crate) session_is_clean: bool,
    pub(crate) request: Option<Request>,
    pub(crate) body: Body<BODY>,
    /// The last PUBLISH at QoS 0, while its topic and payload are still in the body.
    pub(crate) unconfirmed: Option<Publish>,
    /// The message that awaits its answer.
    pub(crate) flight: Option<Flight>,
    /// The answer to the datagram that came last.
    pub(crate) reply: Option<Message<'static>>,
    pub(crate) search: Option<Search>,
    /// Asleep: the gateway has answered the last wake.
    pub(crate) is_vouched_for: bool,
    pub(crate) topics: Topics<TOPICS>,
    pub(crate) received: ReceivedIds<RECEIVED>,
    /// When a DISCONNECT last travelled, in whichever direction: until [`LATE_COPY`] after, another may be a copy.
    pub(crate) disconnect_at: Option<Instant>,
    pub(crate) jitter: Jitter,
    pub(crate) last_msg_id: MsgId,
    /// Congestion, or a pause between attempts to reconnect: nothing new is sent earlier.
    pub(crate) not_before: Instant,
    /// When the last message was sent that the gateway has answered: it heard from the client then, at the latest.
    proven_at: Instant,
    /// Losses in a row without a request answered in between.
    pub(crate) setbacks: u8,
}

/// Where a connection stands (1.2 §6.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No connection; only QoS -1 and searching work.
    Disconnected,
    /// CONNECT and the will are being sent, or wait for the next attempt.
    Connecting,
    /// Connected.
    Active,
    /// The gateway keeps messages until the client wakes.
    Asleep,
    /// Collecting messages in the middle of a sleep.
    Awake,
}

impl<'a, const BODY: usize, const TOPICS: usize, const RECEIVED: usize> Client<'a, BODY, TOPICS, RECEIVED> {
    /// A client that is disconnected.
    #[must_use]
    pub const fn new(config: Config<'a>) -> Self {
        let mut jitter = Jitter::new(config.seed);
        // A restarted node must not repeat the ids of QoS 2 messages that the gateway still remembers.
        let last_msg_id = MsgId(jitter.next() as u16);
        Self {
            config,
            state: State::Disconnected,
            clean_session: true,
            session_is_clean: false,
            request: None,
            body: Body::EMPTY,
            unconfirmed: None,
            flight: None,
            reply: None,
            search: None,
            is_vouched_for: false,
            topics: Topics::EMPTY,
            received: ReceivedIds::EMPTY,
            disconnect_at: None,
            jitter,
            last_msg_id,
            not_before: Instant::ZERO,
            proven_at: Instant::ZERO,
            setbacks: 0,
        }
    }

    /// Where the connection stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether a request is in progress or, after a loss, interrupted; until it is over no other is taken on.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.request.is_some()
    }

    /// Whether an arrived QoS 2 message awaits its PUBREL. Who disconnects before it may get the message again in a
    /// later session, if nothing is remembered until then.
    #[must_use]
    pub fn awaits_release(&self) -> bool {
        self.received.has_unreleased()
    }

    /// When to call [`Client::handle_timeout`]; `None`: only requests and datagrams can bring anything new.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let next = match &self.flight {
            Some(flight) => Some(flight.due),
            None => self.next_start(),
        };
        let search = self.search.as_ref().map(|search| search.due);
        next.into_iter().chain(search).min()
    }

    /// Gives up a message that was repeated often enough. Repetitions and keep-alive come out of
    /// [`Client::poll_output`].
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Event<'static>> {
        let flight = self.flight?;
        if now < flight.due || flight.sends <= self.config.n_retry {
            return None;
        }
        if flight.step == Step::Wake {
            return Some(self.fall_asleep(false));
        }
        Some(self.lose(now, Cause::NoAnswer))
    }

    /// When the next message would be sent, none being in flight.
    fn next_start(&self) -> Option<Instant> {
        let connecting = self.state == State::Connecting;
        let waiting = (connecting || self.may_send_request()).then_some(self.not_before);
        waiting.into_iter().chain(self.ping_due()).min()
    }

    /// The step to begin with none in flight, if its time has come.
    pub(crate) fn next_step(&mut self, now: Instant) -> Option<Step> {
        if self.state == State::Awake && self.request.is_none() {
            return Some(Step::Wake);
        }
        if now >= self.not_before {
            if self.state == State::Connecting {
                return Some(Step::Connect);
            }
            if let Some(step) = self.request_step() {
                return Some(step);
            }
        }
        self.ping_due().filter(|due| now >= *due).map(|_| Step::Ping)
    }

    fn request_step(&mut self) -> Option<Step> {
        if !self.may_send_request() {
            return None;
        }
        Some(match self.request? {
            Request::Publish(publish) if publish.needs_register() => Step::Register(self.new_msg_id()),
            Request::Publish(Publish { released: true, msg_id, .. }) => Step::PubRel(msg_id),
            Request::Publish(_)
            | Request::Subscribe { .. }
            | Request::Unsubscribe { .. }
            | Request::WillTopic { .. }
            | Request::WillMsg
            | Request::Sleep(_)
            | Request::Disconnect => Step::Request,
        })
    }

    fn may_send_request(&self) -> bool {
        let connectionless =
            matches!(self.request, Some(Request::Publish(publish)) if publish.qos == sn_codec::Qos::MinusOne);
        match self.state {
            State::Disconnected | State::Connecting => connectionless,
            State::Active | State::Asleep | State::Awake => self.request.is_some(),
        }
    }

    /// A quarter of the keep-alive early, or three retransmissions if that is less: losses have to fit in.
    fn ping_due(&self) -> Option<Instant> {
        if self.state != State::Active || self.config.keep_alive_s == 0 {
            return None;
        }
        let keep_alive_ms = u64::from(self.config.keep_alive_s) * 1_000;
        let margin_ms = (keep_alive_ms / 4).min(u64::from(self.config.t_retry_ms) * 3);
        Some(later(self.proven_at, keep_alive_ms - margin_ms))
    }

    #[inline(never)]
    pub(crate) fn new_msg_id(&mut self) -> MsgId {
        self.last_msg_id = self.last_msg_id.next();
        self.last_msg_id
    }

    /// When to repeat what is sent now.
    #[inline(never)]
    pub(crate) fn retry_at(&mut self, now: Instant) -> Instant {
        let t_retry_ms = self.config.t_retry_ms;
        later(now, u64::from(t_retry_ms) + u64::from(self.jitter.up_to(t_retry_ms / 4)))
    }

    /// The answer to the message in flight has come.
    #[inline(never)]
    pub(crate) fn land(&mut self) {
        let Some(flight) = self.flight.take() else { return };
        self.proven_at = flight.sent_at;
        if !flight.step.is_of_connect() {
            self.setbacks = 0;
        }
    }

    /// The answer to the request has come.
    #[inline(never)]
    pub(crate) fn finish(&mut self) {
        self.land();
        self.request = None;
    }

    /// Holds the request, or the CONNECT, back for T_WAIT. Up to a quarter is added at random: who was refused together
    /// shall not come back together.
    pub(crate) fn back_off(&mut self, now: Instant) {
        self.land();
        let t_wait_ms = self.config.t_wait_ms;
        self.not_before = later(now, u64::from(t_wait_ms) + u64::from(self.jitter.up_to(t_wait_ms / 4)));
    }

    pub(crate) fn fall_asleep(&mut self, drained: bool) -> Event<'static> {
        self.flight = None;
        self.state = State::Asleep;
        self.is_vouched_for = false;
        Event::Asleep { drained }
    }

    pub(crate) fn lose(&mut self, now: Instant, cause: Cause) -> Event<'static> {
        let disconnecting = matches!(self.request, Some(Request::Disconnect));
        self.flight = None;
        self.is_vouched_for = false;
        if disconnecting {
            self.request = None;
        }
        if self.config.auto_reconnect && !disconnecting {
            // The first connection has not stood yet: it is still to be clean if that was asked for.
            self.clean_session &= self.state == State::Connecting;
            self.state = State::Connecting;
            self.not_before = later(now, self.reconnect_pause_ms());
            self.setbacks = self.setbacks.saturating_add(1);
        } else {
            self.state = State::Disconnected;
        }
        if cause == Cause::ByGateway && !self.may_be_copied_disconnect(now) {
            self.received.forget_released();
        }
        Event::Lost(cause)
    }

    /// A gateway that ends a connection may have started afresh and use the ids of released QoS 2 messages anew. A copy
    /// of an earlier DISCONNECT does not say so, and copies of messages may be under way as well.
    fn may_be_copied_disconnect(&self, now: Instant) -> bool {
        self.disconnect_at.is_some_and(|at| now.since(at) < LATE_COPY)
    }

    /// None after the first loss, then doubling from T_retry to the longest, a gateway that fails every time being
    /// likely to go on so.
    fn reconnect_pause_ms(&mut self) -> u64 {
        if self.setbacks == 0 {
            return 0;
        }
        self.pause_ms(self.setbacks)
    }

    /// The pause after so many failures, at least one.
    pub(crate) fn pause_ms(&mut self, failures: u8) -> u64 {
        let doubled = self.config.t_retry_ms.saturating_mul(1 << failures.saturating_sub(1).min(16));
        let pause_ms = doubled.min(self.config.longest_pause_ms);
        u64::from(pause_ms) + u64::from(self.jitter.up_to(pause_ms / 4))
    }
}

/// How late a link may deliver a copy: as long as gateways assume it of UDP.
const LATE_COPY: Duration = Duration::from_secs(30);

/// `after_ms` later; saturates.
#[inline(never)]
pub(crate) const fn later(instant: Instant, after_ms: u64) -> Instant {
    Instant::from_micros(instant.as_micros().saturating_add(after_ms.saturating_mul(1_000)))
}
