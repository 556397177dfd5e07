//! What the connections of one listener may take, and who is turned away for want of it.

use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// What connections may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MqttLimits {
    /// Connections at the same time.
    pub max_connections: usize,
    /// Connections let in per second; more of them wait their turn.
    pub connects_per_s: u32,
    /// The longest packet's remaining length, in octets.
    pub max_packet: usize,
    /// Topic aliases that a client of MQTT 5 may use.
    pub topic_aliases: u16,
    /// How long a client may take until it has said CONNECT.
    pub connect_timeout: Duration,
    /// How long a client may leave unread what has been written for it, before it is disconnected. With `None` it may
    /// for ever: what comes for it waits in its session's queue.
    pub slow_consumer: Option<Duration>,
}

impl Default for MqttLimits {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            connects_per_s: 1_000,
            max_packet: 1 << 20,
            topic_aliases: 32,
            connect_timeout: Duration::from_secs(10),
            slow_consumer: None,
        }
    }
}

/// A limit that a connection has met, or why it did not get as far as MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TurnedAway {
    /// There are `max_connections` already.
    ConnectionLimit,
    /// It had to wait: more than `connects_per_s` came. It is let in all the same.
    ConnectRate,
    /// It took longer than the time for its CONNECT.
    ConnectTimeout,
    /// The client does not speak TLS, or has not the certificate that it should.
    TlsHandshake,
    /// The client does not ask for MQTT over WebSocket.
    WebSocketHandshake,
    /// It does not read what was written for it.
    SlowConsumer,
}

impl TurnedAway {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ConnectionLimit,
        Self::ConnectRate,
        Self::ConnectTimeout,
        Self::TlsHandshake,
        Self::WebSocketHandshake,
        Self::SlowConsumer,
    ];

    /// A short stable label for metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConnectionLimit => "connection-limit",
            Self::ConnectRate => "connect-rate",
            Self::ConnectTimeout => "connect-timeout",
            Self::TlsHandshake => "tls-handshake",
            Self::WebSocketHandshake => "web-socket-handshake",
            Self::SlowConsumer => "slow-consumer",
        }
    }
}

/// What has become of the connections of one listener, since the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    connected: u64,
    turned_away: BTreeMap<TurnedAway, u64>,
}

impl Tally {
    pub(crate) fn count_connected(&mut self) {
        self.connected += 1;
    }

    pub(crate) fn count(&mut self, why: TurnedAway) {
        *self.turned_away.entry(why).or_default() += 1;
    }

    /// How many have said CONNECT, and how many have met which limit.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let turned_away = |why: TurnedAway| (why.name(), self.turned_away.get(&why).copied().unwrap_or_default());
        [("connected", self.connected)].into_iter().chain(TurnedAway::ALL.map(turned_away))
    }
}

/// Spreads connects: a second's worth of them may come at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    interval: Duration,
    /// When all that have come would have come, had they kept the interval.
    paid_until: Instant,
}

impl Rate {
    const BURST: Duration = Duration::from_secs(1);

    /// `per_s` is at least 1.
    pub(super) fn new(per_s: u32, now: Instant) -> Self {
        Self { interval: Self::BURST / per_s, paid_until: now }
    }

    /// How long the one who comes now has to wait.
    pub(super) fn next(&mut self, now: Instant) -> Duration {
        self.paid_until = self.paid_until.max(now) + self.interval;
        self.paid_until.saturating_duration_since(now).saturating_sub(Self::BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seconds_worth_comes_at_once_and_the_others_keep_the_interval() {
        let start = Instant::now();
        let mut rate = Rate::new(4, start);
        let waits: Vec<_> = (0..7).map(|_| rate.next(start).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 250, 500, 750]);
        let later = start + Duration::from_millis(750);
        assert_eq!(rate.next(later).as_millis(), 250);
        let rested = start + Duration::from_secs(60);
        let waits: Vec<_> = (0..5).map(|_| rate.next(rested).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 250]);
    }
}
