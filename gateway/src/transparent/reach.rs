//! Whether the broker of the sessions is there, for the log: a line for all connections, not one for each node.

use crate::upstream::BrokerAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tracing::{info, warn};

/// How often failed attempts are told of. Some may succeed in between: not all nodes need find a free port, say.
const PAUSE: Duration = Duration::from_secs(60);

/// What all connections together know of the broker.
#[derive(Debug)]
pub(super) struct Reach {
    to: BrokerAddr,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether it is there, as far as it was told. `None`: nothing was.
    is_there: Option<bool>,
    /// When failed attempts were told of last.
    told: Option<Instant>,
    /// Since then.
    attempts: u64,
}

impl Reach {
    pub(super) fn new(to: BrokerAddr) -> Self {
        Self { to, state: Mutex::default() }
    }

    /// An attempt has not led to the broker.
    pub(super) fn missed(&self, why: &str) {
        let attempts = self.state().missed(Instant::now());
        if let Some(attempts) = attempts {
            let to = &self.to;
            warn!(%to, why, attempts, "the broker of the sessions is not reached: nodes are told \"congestion\"");
        }
    }

    /// The broker has answered a CONNECT, whatever it said.
    pub(super) fn answered(&self) {
        let is_news = self.state().answered();
        if is_news {
            info!(to = %self.to, "the broker of the sessions is reached");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is never half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How many attempts have failed since the last time, if that is to be told now.
    fn missed(&mut self, now: Instant) -> Option<u64> {
        self.attempts += 1;
        if self.told.is_some_and(|told| now - told < PAUSE) {
            return None;
        }
        (self.is_there, self.told) = (Some(false), Some(now));
        Some(std::mem::take(&mut self.attempts))
    }

    /// Whether it is news.
    fn answered(&mut self) -> bool {
        self.is_there.replace(true) != Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_of_when_it_begins_and_once_a_minute() {
        let (start, mut state) = (Instant::now(), State::default());
        let told = (0..150).filter_map(|second| Some((second, state.missed(start + Duration::from_secs(second))?)));
        assert_eq!(told.collect::<Vec<_>>(), [(0, 1), (60, 60), (120, 60)]);
        assert!(state.answered());
        assert!(!state.answered());
    }

    #[test]
    fn when_every_other_attempt_fails_two_lines_a_minute_are_enough() {
        let (start, mut state) = (Instant::now(), State::default());
        let lines = (0..119).map(|second| {
            let missed = state.missed(start + Duration::from_secs(second)).is_some();
            usize::from(missed) + usize::from(state.answered())
        });
        assert_eq!(lines.sum::<usize>(), 4);
    }
}
