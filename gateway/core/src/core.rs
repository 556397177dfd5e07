//! The core's door.

use crate::{ClientInfo, Config, Input, Output, Stats};
use sn_types::{Instant, LinkProfile, TransportId};
use std::collections::VecDeque;

/// The gateway's state and its rules.
///
/// Call [`handle_input`](Core::handle_input) for everything that happens and
/// [`handle_timeout`](Core::handle_timeout) when [`poll_timeout`](Core::poll_timeout)'s time has come; after each (or
/// after a batch of inputs) call [`poll_output`](Core::poll_output) until it returns `None` and carry the outputs out
/// in order. `now` never goes back.
#[derive(Debug)]
pub struct Core {
    pub(crate) config: Config,
    pub(crate) out: VecDeque<Output>,
    pub(crate) stats: Stats,
}

impl Core {
    /// A gateway without clients.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, out: VecDeque::new(), stats: Stats::default() }
    }

    /// Makes a transport known. Datagrams from an unknown one are taken as [`LinkProfile::UDP`] without broadcast.
    pub fn add_transport(&mut self, _id: TransportId, _profile: LinkProfile) {}

    /// Takes in what happened at `now`.
    pub fn handle_input(&mut self, _now: Instant, _input: Input<'_>) {}

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// The next thing to carry out.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to call [`Core::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Counters since the start.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Every session, in no particular order.
    pub fn clients(&self) -> impl Iterator<Item = ClientInfo> + '_ {
        std::iter::empty()
    }

    /// Takes over the parts of `config` that may change while running: limits, timing, predefined topic ids,
    /// policies. Answers with the names of those that need a restart.
    pub fn reconfigure(&mut self, _config: Config) -> Vec<&'static str> {
        Vec::new()
    }
}
