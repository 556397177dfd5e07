//! One request and one answer per client, for many clients at once: retransmitted, bounded, timed.

use std::ops::Range;
use std::time::Duration;

use anyhow::{Result, bail};
use hdrhistogram::Histogram;
use sn_codec::{Message, ReturnCode};

use crate::clock::{Deadline, as_ns, now_ns};
use crate::fleet::{Fleet, TICK};
use crate::node::{DATAGRAM_MAX, Node};
use crate::payload::latencies;
use crate::settings::Bounds;

/// What a message means for a request.
pub(crate) enum Answer {
    /// It answers the request.
    Done,
    /// It refuses it.
    Refused(ReturnCode),
    /// It is about something else.
    Unrelated,
}

/// How an exchange went.
pub(crate) struct Exchange {
    /// From the first request to its answer, in nanoseconds.
    pub(crate) latency: Histogram<u64>,
    /// Requests that were sent again after T_retry.
    pub(crate) retries: u64,
    /// Clients that were turned down.
    pub(crate) refused: u64,
    /// The reason that the last of them was given.
    pub(crate) refusal: Option<ReturnCode>,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
}

/// An exchange under way.
struct Round<'f> {
    nodes: &'f mut [Node],
    bounds: Bounds,
    asks: Vec<Ask>,
    /// Who has not been asked yet.
    waiting_room: Range<usize>,
    under_way: usize,
    outcome: Exchange,
}

/// One client's part of it.
#[derive(Clone, Copy)]
enum Ask {
    NotYet,
    Waiting { since_ns: u64, sent_ns: u64, tries: u32 },
    Over,
}

impl Fleet {
    /// Sends one request per client, at most `window` unanswered at a time, and again after T_retry, N_retry times.
    /// `judge` says what a message means for the request of its client.
    ///
    /// # Errors
    /// When a client is never answered (`awaited` says what it waited for), or the exchange takes too long.
    pub(crate) fn exchange(
        &mut self,
        who: Range<usize>,
        window: usize,
        awaited: &str,
        request: impl for<'n> Fn(&'n Node) -> Message<'n>,
        mut judge: impl FnMut(&mut Node, &Message<'_>) -> Answer,
    ) -> Result<Exchange> {
        let (deadline, start_ns, count) = (Deadline::after(self.bounds.limit), now_ns(), who.len());
        let mut round = Round::begin(&mut self.nodes, who, self.bounds)?;
        let mut ticked_ns = start_ns;
        while round.open() > 0 {
            round.ask(window, &request)?;
            self.poll.poll(&mut self.events, Some(TICK))?;
            for event in &self.events {
                round.take(event.token().0, &mut judge)?;
            }
            if now_ns() - ticked_ns > as_ns(TICK) {
                ticked_ns = now_ns();
                round.ask_again(awaited, &request)?;
                deadline.check(|| format!("{} of {count} clients still wait for their {awaited}", round.open()))?;
            }
        }
        round.outcome.elapsed = Duration::from_nanos(now_ns() - start_ns);
        Ok(round.outcome)
    }
}

impl<'f> Round<'f> {
    fn begin(nodes: &'f mut [Node], who: Range<usize>, bounds: Bounds) -> Result<Self> {
        let asks = vec![Ask::NotYet; nodes.len()];
        let outcome =
            Exchange { latency: latencies()?, retries: 0, refused: 0, refusal: None, elapsed: Duration::ZERO };
        Ok(Self { nodes, bounds, asks, waiting_room: who, under_way: 0, outcome })
    }

    /// Clients that have not been answered.
    fn open(&self) -> usize {
        self.waiting_room.len() + self.under_way
    }

    /// Sends first requests, as many as the window has room for.
    fn ask(&mut self, window: usize, request: impl for<'n> Fn(&'n Node) -> Message<'n>) -> Result<()> {
        while self.under_way < window {
            let Some(i) = self.waiting_room.next() else { break };
            let (node, now_ns) = (&self.nodes[i], now_ns());
            node.send(&request(node))?;
            self.asks[i] = Ask::Waiting { since_ns: now_ns, sent_ns: now_ns, tries: 0 };
            self.under_way += 1;
        }
        Ok(())
    }

    /// Takes what has come for one client.
    fn take(&mut self, i: usize, judge: &mut impl FnMut(&mut Node, &Message<'_>) -> Answer) -> Result<()> {
        let Some(node) = self.nodes.get_mut(i) else { return Ok(()) };
        let mut buffer = [0; DATAGRAM_MAX];
        while let Some(message) = node.receive(&mut buffer)? {
            let Ask::Waiting { since_ns, .. } = self.asks[i] else { continue };
            match judge(node, &message) {
                Answer::Unrelated => continue,
                Answer::Done => self.outcome.latency.saturating_record(now_ns() - since_ns),
                Answer::Refused(code) => {
                    self.outcome.refused += 1;
                    self.outcome.refusal = Some(code);
                }
            }
            self.asks[i] = Ask::Over;
            self.under_way -= 1;
        }
        Ok(())
    }

    /// Repeats the requests whose T_retry has passed.
    fn ask_again(&mut self, awaited: &str, request: impl for<'n> Fn(&'n Node) -> Message<'n>) -> Result<()> {
        for (node, ask) in self.nodes.iter().zip(&mut self.asks) {
            let Ask::Waiting { sent_ns, tries, .. } = ask else { continue };
            if now_ns() - *sent_ns < as_ns(self.bounds.t_retry) {
                continue;
            }
            if *tries == self.bounds.n_retry {
                bail!("{} had no {awaited} after {tries} retransmissions", node.client_id);
            }
            node.send(&request(node))?;
            (*sent_ns, *tries) = (now_ns(), *tries + 1);
            self.outcome.retries += 1;
        }
        Ok(())
    }
}

impl Exchange {
    /// # Errors
    /// When a client was refused.
    pub(crate) fn all_accepted(&self, request: &str) -> Result<()> {
        match self.refusal {
            Some(code) => bail!("the gateway refused {} of the clients' {request}: {code:?}", self.refused),
            None => Ok(()),
        }
    }
}
