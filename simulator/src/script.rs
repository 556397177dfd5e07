//! What a client's application wants, one thing after the other.

use crate::plan::{Do, Feed, Step};
use sn_client::Qos;
use sn_types::Instant;

/// Something to ask the client for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish<'p> {
    Publish { topic: &'p str, qos: Qos, retain: bool },
    Subscribe { filter: &'p str, qos: Qos },
    Unsubscribe { filter: &'p str },
    Disconnect,
    Connect,
}

/// A plan's feed and steps as one list, of which some is done.
#[derive(Clone, Debug)]
pub(crate) struct Script<'p> {
    feed: Option<&'p Feed>,
    /// Messages of the feed that were asked for.
    fed: u32,
    steps: &'p [Step],
}

impl<'p> Script<'p> {
    pub(crate) fn new(feed: Option<&'p Feed>, steps: &'p [Step]) -> Self {
        Self { feed, fed: 0, steps }
    }

    /// When the next wish is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.next_fed().into_iter().chain(self.next_step()).min()
    }

    fn next_fed(&self) -> Option<Instant> {
        self.feed.filter(|feed| self.fed < feed.count).map(|feed| feed.due(self.fed))
    }

    fn next_step(&self) -> Option<Instant> {
        self.steps.first().map(|step| step.at)
    }

    /// The next wish.
    pub(crate) fn peek(&self) -> Option<Wish<'p>> {
        let step_is_next = self.next_step().is_some_and(|at| self.next_fed().is_none_or(|fed| at <= fed));
        if step_is_next { self.steps.first().map(|step| wish(&step.what)) } else { self.feed.map(fed) }
            .filter(|_| self.due().is_some())
    }

    /// The next wish is on its way.
    pub(crate) fn advance(&mut self) {
        match self.next_step() {
            Some(at) if self.next_fed().is_none_or(|fed| at <= fed) => self.steps = &self.steps[1..],
            Some(_) | None => self.fed += 1,
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

    #[test]
    fn feed_and_steps_come_by_time_and_steps_first() {
        let feed = Feed {
            topic: "t".into(),
            qos: Qos::One,
            count: 2,
            start: Instant::from_secs(1),
            period: Duration::from_secs(2),
        };
        let steps = [1, 2, 4].map(|second| Step { at: Instant::from_secs(second), what: Do::Connect });
        let mut script = Script::new(Some(&feed), &steps);
        let mut seen = Vec::new();
        while let (Some(due), Some(wish)) = (script.due(), script.peek()) {
            seen.push((due.as_micros() / 1_000_000, wish == Wish::Connect));
            script.advance();
        }
        assert_eq!(seen, [(1, true), (1, false), (2, true), (3, false), (4, true)]);
        assert_eq!(script.peek(), None);
    }
}
