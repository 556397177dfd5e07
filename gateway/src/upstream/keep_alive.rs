//! Whether the other broker is still there (MQTT 3.1.1 §3.1.2.10).

use sn_types::Instant;
use std::time::Duration;

/// What supervises one connection. A PINGREQ goes out when nothing was sent, or nothing was heard, for the keep-alive: a
/// network that has died swallows what is sent for a long time before the operating system tells.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    /// Zero: not supervised.
    period: Duration,
    sent: Instant,
    heard: Instant,
    /// A PINGREQ is out since then.
    asked: Option<Instant>,
    /// Nobody reads from the connection now.
    deaf: bool,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Ping,
    /// The other broker is silent.
    Dead,
}

impl KeepAlive {
    pub(crate) fn new(now: Instant, period: Duration) -> Self {
        Self { period, sent: now, heard: now, asked: None, deaf: false }
    }

    pub(crate) fn sent(&mut self, now: Instant) {
        self.sent = now;
    }

    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.asked = None;
    }

    /// The connection is read from, or not.
    pub(crate) fn listen(&mut self, now: Instant, listens: bool) {
        self.deaf = !listens;
        if listens {
            self.heard(now);
        }
    }

    /// When to look again.
    pub(crate) fn next(&self) -> Option<Instant> {
        let next = match self.asked {
            None => self.sent.min(if self.deaf { self.sent } else { self.heard }) + self.period,
            Some(asked) if self.deaf => self.sent.max(asked) + self.period,
            Some(asked) => asked + self.period,
        };
        (!self.period.is_zero()).then_some(next)
    }

    /// What to do at `now`; [`Due::Ping`] counts as done.
    pub(crate) fn due(&mut self, now: Instant) -> Due {
        if self.next().is_none_or(|next| next > now) {
            return Due::Nothing;
        }
        if self.asked.is_some() && !self.deaf {
            return Due::Dead;
        }
        (self.asked, self.sent) = (Some(now), now);
        Due::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Instant {
        Instant::from_secs(seconds)
    }

    fn keep_alive() -> KeepAlive {
        KeepAlive::new(s(0), Duration::from_secs(60))
    }

    #[test]
    fn a_silent_connection_is_asked_and_then_given_up() {
        let mut keep_alive = keep_alive();
        assert_eq!((keep_alive.next(), keep_alive.due(s(59))), (Some(s(60)), Due::Nothing));
        assert_eq!(keep_alive.due(s(60)), Due::Ping);
        assert_eq!(keep_alive.due(s(119)), Due::Nothing);
        assert_eq!(keep_alive.due(s(120)), Due::Dead);
    }

    #[test]
    fn whatever_is_heard_is_a_sign_of_life() {
        let mut keep_alive = keep_alive();
        keep_alive.due(s(60));
        keep_alive.heard(s(61));
        assert_eq!((keep_alive.next(), keep_alive.due(s(119))), (Some(s(120)), Due::Nothing));
        assert_eq!(keep_alive.due(s(120)), Due::Ping);
    }

    #[test]
    fn sending_does_not_show_that_somebody_listens() {
        let mut keep_alive = keep_alive();
        (1..60).for_each(|second| keep_alive.sent(s(second)));
        assert_eq!(keep_alive.due(s(60)), Due::Ping);
    }

    #[test]
    fn who_does_not_listen_cannot_say_that_the_other_is_silent() {
        let mut keep_alive = keep_alive();
        keep_alive.listen(s(10), false);
        assert_eq!([60, 120, 180].map(|second| keep_alive.due(s(second))), [Due::Ping; 3]);
        keep_alive.listen(s(200), true);
        assert_eq!(keep_alive.due(s(239)), Due::Nothing);
    }

    #[test]
    fn without_a_period_nothing_is_due() {
        assert_eq!(KeepAlive::new(s(0), Duration::ZERO).next(), None);
    }
}
