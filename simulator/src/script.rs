//! What a client's application wants, one thing after the other.

use crate::plan::{Do, Feed, Step};
use sn_client::Qos;
use sn_types::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Something to ask the client for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish<'p> {
    Publish { topic: &'p str, qos: Qos, retain: bool },
    Subscribe { filter: &'p str, qos: Qos },
    Unsubscribe { filter: &'p str },
    Disconnect,
    Connect,
}

/// A plan's feeds and steps as one list, of which some is done.
#[derive(Clone, Debug)]
pub(crate) struct Script<'p> {
    feeds: &'p [Feed],
    salt: u64,
    /// The next message of each feed that is not at its end.
    next_fed: BinaryHeap<Reverse<NextFed>>,
    steps: &'p [Step],
}

/// Of one feed. In the order of time, and at the same time in that of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct NextFed {
    due: Instant,
    feed: usize,
    number: u32,
}

impl<'p> Script<'p> {
    /// Clients with different salts have different jitters.
    pub(crate) fn new(feeds: &'p [Feed], steps: &'p [Step], salt: u64) -> Self {
        let mut script = Self { feeds, salt, next_fed: BinaryHeap::with_capacity(feeds.len()), steps };
        (0..feeds.len()).for_each(|feed| script.plan_next(feed, 0));
        script
    }

    fn plan_next(&mut self, feed: usize, number: u32) {
        if number < self.feeds[feed].count {
            let due = self.feeds[feed].due(number, self.salt ^ ((feed as u64) << 32));
            self.next_fed.push(Reverse(NextFed { due, feed, number }));
        }
    }

    /// When the next wish is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.fed_at().into_iter().chain(self.step_at()).min()
    }

    fn fed_at(&self) -> Option<Instant> {
        self.next_fed.peek().map(|Reverse(next)| next.due)
    }

    fn step_at(&self) -> Option<Instant> {
        self.steps.first().map(|step| step.at)
    }

    fn step_is_next(&self) -> bool {
        self.step_at().is_some_and(|at| self.fed_at().is_none_or(|fed| at <= fed))
    }

    /// The next wish.
    pub(crate) fn peek(&self) -> Option<Wish<'p>> {
        if self.step_is_next() {
            return self.steps.first().map(|step| wish(&step.what));
        }
        self.next_fed.peek().map(|Reverse(next)| fed(&self.feeds[next.feed]))
    }

    /// The next wish is on its way.
    pub(crate) fn advance(&mut self) {
        if self.step_is_next() {
            self.steps = &self.steps[1..];
        } else if let Some(Reverse(next)) = self.next_fed.pop() {
            self.plan_next(next.feed, next.number + 1);
        }
    }
}

fn fed(feed: &Feed) -> Wish<'_> {
    Wish::Publish { topic: &feed.topic, qos: feed.qos, retain: false }
}

fn wish(what: &Do) -> Wish<'_> {
    match what {
        Do::Publish { topic, qos, retain } => Wish::Publish { topic, qos: *qos, retain: *retain },
        Do::Subscribe { filter, qos } => Wish::Subscribe { filter, qos: *qos },
        Do::Unsubscribe { filter } => Wish::Unsubscribe { filter },
        Do::Disconnect => Wish::Disconnect,
        Do::Connect => Wish::Connect,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn feed(topic: &str, count: u32, start_s: u64, period_s: u64) -> Feed {
        let (start, period) = (Instant::from_secs(start_s), Duration::from_secs(period_s));
        Feed { topic: topic.into(), qos: Qos::One, count, start, period, jitter: Duration::ZERO }
    }

    #[test]
    fn feeds_and_steps_come_by_time_and_steps_first() {
        let feeds = [feed("a", 2, 1, 2), feed("b", 2, 3, 3)];
        let steps = [1, 2, 4].map(|second| Step { at: Instant::from_secs(second), what: Do::Connect });
        let mut script = Script::new(&feeds, &steps, 0);
        let mut seen = Vec::new();
        while let (Some(due), Some(wish)) = (script.due(), script.peek()) {
            let topic = if let Wish::Publish { topic, .. } = wish { topic } else { "-" };
            seen.push((due.as_micros() / 1_000_000, topic));
            script.advance();
        }
        assert_eq!(seen, [(1, "-"), (1, "a"), (2, "-"), (3, "a"), (3, "b"), (4, "-"), (6, "b")]);
        assert_eq!(script.peek(), None);
    }

    #[test]
    fn jitter_delays_within_its_bounds_and_not_all_alike() {
        let feed = Feed { jitter: Duration::from_secs(5), ..feed("t", 100, 10, 60) };
        let late = |salt| {
            let feed = &feed;
            (0..100).map(move |number| feed.due(number, salt) - (feed.start + feed.period * number))
        };
        assert!(late(1).all(|late| late <= Duration::from_secs(5)));
        assert!(late(1).max() > Some(Duration::from_secs(4)) && late(1).min() < Some(Duration::from_secs(1)));
        assert_ne!(late(1).collect::<Vec<_>>(), late(2).collect::<Vec<_>>());
    }
}
