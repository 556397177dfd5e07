//! What the gateway keeps of one MQTT-SN client beside its session.

use super::late::RecentQos2;
use super::table::State;
use super::topics::Registry;
use crate::{LostReason, Timing};
use sn_types::{Instant, MsgId, PeerAddr, TopicId};
use std::time::Duration;

/// The one request to the client that is open: the next one waits for its end, as clients must do (1.2 §6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    None,
    /// REGISTER was sent, REGACK is missing.
    Register {
        msg_id: MsgId,
        topic_id: TopicId,
    },
    /// The session's oldest message in flight was sent: PUBACK or PUBREC is missing.
    Publish,
    /// Its PUBREL was sent: PUBCOMP is missing.
    Release,
}

/// An MQTT-SN client that has a session.
#[derive(Debug)]
pub(super) struct SnClient {
    /// Changed by [`Clients`](super::clients::Clients). `None` when somebody else uses its address now.
    pub(super) addr: Option<PeerAddr>,
    /// One of joining, active, asleep, awake, disconnected, lost.
    pub(super) state: State,
    pub(super) keep_alive_s: u16,
    pub(super) sleep_s: u16,
    /// When anything came from it last; when it fell asleep, if that was later.
    pub(super) heard: Instant,
    /// When it woke last.
    pub(super) woke: Instant,
    pub(super) exchange: Exchange,
    pub(super) retry_at: Instant,
    pub(super) retries: u8,
    /// How often in a row it refused the topic id of the message in flight.
    pub(super) id_refusals: u8,
    /// Awake, it waits for its turn to be sent messages, and is sent to sleep without them then.
    pub(super) turn_by: Instant,
    /// It said "congestion", and is left alone until then.
    pub(super) paused_until: Instant,
    /// It repeats CONNECT with a will: nothing else is sent to it until that is done.
    pub(super) in_dialogue: bool,
    /// Its CONNECT ended with a will dialogue, and it has sent nothing else since: a repeated last step means that the
    /// CONNACK was lost.
    pub(super) fresh_from_dialogue: bool,
    /// It is told of an unknown topic id in a QoS 0 PUBLISH again from then on.
    pub(super) nack_from: Instant,
    /// QoS 2 messages from it whose copies would be late, if its link makes any.
    pub(super) recent_qos2: RecentQos2,
    /// Its earliest timer entry.
    pub(super) scheduled: Instant,
    pub(super) topics: Registry,
}

/// What a client's timer is due for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Retry,
    PauseOver,
    /// Its turn has not come for too long.
    NoTurn,
    Lost(LostReason),
}

impl SnClient {
    pub(super) fn new() -> Self {
        Self {
            addr: None,
            state: State::Disconnected,
            keep_alive_s: 0,
            sleep_s: 0,
            heard: Instant::ZERO,
            woke: Instant::ZERO,
            exchange: Exchange::None,
            retry_at: Instant::FAR_FUTURE,
            retries: 0,
            id_refusals: 0,
            turn_by: Instant::FAR_FUTURE,
            paused_until: Instant::FAR_FUTURE,
            in_dialogue: false,
            fresh_from_dialogue: false,
            nack_from: Instant::ZERO,
            recent_qos2: RecentQos2::default(),
            scheduled: Instant::FAR_FUTURE,
            topics: Registry::default(),
        }
    }

    /// Active, asleep or awake.
    pub(super) const fn is_connected(&self) -> bool {
        matches!(self.state, State::Active | State::Asleep | State::Awake)
    }

    /// Where to send the next message, if one may be sent now.
    pub(super) fn ready(&self) -> Option<PeerAddr> {
        let listens = matches!(self.state, State::Active | State::Awake);
        self.addr.filter(|_| listens && !self.in_dialogue && self.exchange == Exchange::None)
    }

    /// A request was sent for the first time.
    pub(super) fn open(&mut self, exchange: Exchange, now: Instant, timing: &Timing) {
        self.exchange = exchange;
        self.retries = 0;
        self.retry_at = now + timing.t_retry;
    }

    /// The request is done, or is to be started again.
    pub(super) fn close_exchange(&mut self) {
        self.exchange = Exchange::None;
        self.retry_at = Instant::FAR_FUTURE;
    }

    /// When to look at the client next.
    pub(super) fn deadline(&self) -> Instant {
        let retry = if self.retries_run() { self.retry_at } else { Instant::FAR_FUTURE };
        let pause = if self.state == State::Active { self.paused_until } else { Instant::FAR_FUTURE };
        let silence_ends = self.silence().map_or(Instant::FAR_FUTURE, |(ends, _)| ends);
        retry.min(pause).min(silence_ends).min(self.turn_deadline())
    }

    /// It said "congestion", and its pause is not over.
    pub(super) fn is_paused(&self, now: Instant) -> bool {
        now < self.paused_until && self.paused_until < Instant::FAR_FUTURE
    }

    fn turn_deadline(&self) -> Instant {
        if self.state == State::Awake { self.turn_by } else { Instant::FAR_FUTURE }
    }

    /// Awake, and answering: others wait until it has what it came for.
    pub(super) fn holds_turn(&self) -> bool {
        self.state == State::Awake && self.retries == 0
    }

    /// What is due at `now`.
    pub(super) fn due(&self, now: Instant) -> Due {
        if let Some((ends, why)) = self.silence()
            && ends <= now
        {
            return Due::Lost(why);
        }
        if self.retries_run() && self.retry_at <= now {
            return Due::Retry;
        }
        if self.turn_deadline() <= now {
            return Due::NoTurn;
        }
        if self.paused_until <= now { Due::PauseOver } else { Due::Nothing }
    }

    fn retries_run(&self) -> bool {
        self.exchange != Exchange::None && matches!(self.state, State::Active | State::Awake) && !self.in_dialogue
    }

    /// When silence means that the client is lost, and how. An awake client is supervised by the retries.
    fn silence(&self) -> Option<(Instant, LostReason)> {
        match self.state {
            State::Active if self.keep_alive_s > 0 => {
                Some((self.heard + with_tolerance(self.keep_alive_s), LostReason::KeepAlive))
            }
            State::Asleep => Some((self.heard + with_tolerance(self.sleep_s), LostReason::Sleep)),
            State::Active
            | State::Awake
            | State::Disconnected
            | State::Lost
            | State::Unknown
            | State::AwaitWillTopic
            | State::AwaitWillMsg
            | State::Joining => None,
        }
    }
}

/// A duration with the spec's tolerance (1.2 §7.2): 10 % above a minute, 50 % up to a minute.
pub(super) fn with_tolerance(duration_s: u16) -> Duration {
    let percent = if duration_s > 60 { 110 } else { 150 };
    Duration::from_millis(u64::from(duration_s) * percent * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerance_changes_above_a_minute() {
        assert_eq!(with_tolerance(60), Duration::from_secs(90));
        assert_eq!(with_tolerance(61), Duration::from_millis(67_100));
        assert_eq!(with_tolerance(0xFFFF), Duration::from_millis(72_088_500));
    }

    #[test]
    fn keep_alive_zero_is_not_supervised() {
        let client = SnClient { state: State::Active, ..SnClient::new() };
        assert_eq!(client.deadline(), Instant::FAR_FUTURE);
    }
}
