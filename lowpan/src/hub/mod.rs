//! The gateway's side of a PAN, without I/O or clock.
//!
//! Owns: how each node was last heard, datagrams that are being put together, datagrams that wait to be sent, and which
//! of them wait for a node's poll. Needs `alloc`.

mod config;
mod nodes;
mod queues;
mod receive;
mod stats;
mod transmit;

pub use config::{Carriages, Config, Limits};
pub use nodes::Node;
pub use stats::Stats;

use crate::Eui64;
use crate::assembly::Assembly;
use crate::parent::Unheard;
use crate::security::Keys;
use crate::station::ConfigError;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use nodes::Nodes;
use queues::{Queues, Source};
use sn_types::Instant;
use transmit::InFlight;

/// The gateway's side of a PAN.
///
/// Order of calls: [`Hub::handle_frame`] for each frame that the radio hears, then [`Hub::sleeps_on`] if it has answered a data
/// request that nothing waits; [`Hub::send`] and [`Hub::broadcast`] for datagrams. After each of them, and after [`Hub::handle_timeout`]:
///
/// 1. [`Hub::poll_source_match`] until it gives nothing: the radio's table of nodes for which something waits.
/// 2. [`Hub::poll_transmit`]; what it gives goes to the radio, and when that is done with it, its fate to
///    [`Hub::handle_transmitted`]. Only then there is another. The radio repeats frames that are not acknowledged.
/// 3. [`Hub::poll_timeout`], which says when to call [`Hub::handle_timeout`].
#[derive(Clone, Debug)]
pub struct Hub<K> {
    config: Config,
    keys: K,
    nodes: Nodes,
    /// At most one packet of each node.
    assemblies: BTreeMap<Eui64, Assembly<Vec<u8>>>,
    queues: Queues,
    /// Who has asked who takes frames, and how strongly that was heard.
    asked: VecDeque<(Eui64, Option<i8>)>,
    unheard: Unheard,
    /// The last frame was such an answer: now it is a datagram's turn.
    answered: bool,
    /// All are to be told that this station takes frames.
    announces: bool,
    in_flight: Option<InFlight>,
    /// The packet that was heard last, headers and all.
    packet: Vec<u8>,
    sequence: u8,
    /// The number of the next frame that routers pass on to all.
    broadcasts: u8,
    tag: u16,
    serial: u64,
    stats: Stats,
}

impl<K: Keys> Hub<K> {
    /// A hub that has heard nothing yet. Without link security `keys` is [`crate::NoKeys`].
    ///
    /// `seed` is any number, another one at each start: sequence numbers and fragment tags begin there, so that what was
    /// sent before the start is not taken for the same.
    ///
    /// # Errors
    /// [`ConfigError`] says what cannot be.
    pub fn new(config: Config, keys: K, seed: u64) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
            keys,
            nodes: Nodes::default(),
            assemblies: BTreeMap::new(),
            queues: Queues::default(),
            asked: VecDeque::new(),
            unheard: Unheard::NONE,
            answered: false,
            announces: false,
            in_flight: None,
            packet: Vec::new(),
            sequence: seed as u8,
            broadcasts: seed as u8,
            tag: (seed >> 8) as u16,
            serial: 0,
            stats: Stats::default(),
        })
    }

    /// What it was told.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// What it has done.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The keys and counters.
    #[must_use]
    pub const fn keys(&self) -> &K {
        &self.keys
    }

    /// The keys, to let nodes in and out, or to give it more counters.
    pub const fn keys_mut(&mut self) -> &mut K {
        &mut self.keys
    }

    /// How a node was last heard; `None` if it was not, or long ago.
    #[must_use]
    pub fn node(&self, node: Eui64) -> Option<&Node> {
        self.nodes.get(node)
    }

    /// All nodes that were heard lately.
    pub fn nodes(&self) -> impl Iterator<Item = (Eui64, &Node)> {
        self.nodes.iter()
    }

    /// How many datagrams wait to be sent.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queues.len()
    }

    /// How many packets are being put together.
    #[must_use]
    pub fn assembling(&self) -> usize {
        self.assemblies.len()
    }

    /// The radio can send, now or again: routers that have looked for a way to the gateway in vain are told that there is one,
    /// before they would ask again, which they do ever more seldom.
    pub const fn announce(&mut self) {
        self.announces = true;
    }

    /// The radio is gone, with what it had. What would go at once is given up, since it would come too late; how many datagrams
    /// that is. What waits for polls goes on waiting.
    pub fn lose_radio(&mut self) -> usize {
        self.in_flight = None;
        self.asked.clear();
        self.queues.clear_direct()
    }

    /// When to call [`Hub::handle_timeout`]; `None` is not before another call.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let assembly_for = self.config.limits.assembly_for;
        let assembly = self.assemblies.values().map(|assembly| assembly.since + assembly_for).min();
        [assembly, self.queues.next_at(self.serial_in_flight())].into_iter().flatten().min()
    }

    /// Gives up what has waited too long, waits for the next poll of who has listened too long, and lets the radio try again
    /// what did not arrive.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.queues.wake(now);
        self.queues.stop_listening(now);
        let (before, assembly_for) = (self.assemblies.len(), self.config.limits.assembly_for);
        self.assemblies.retain(|_, assembly| assembly.since + assembly_for > now);
        self.stats.incomplete += (before - self.assemblies.len()) as u64;
        let (expired, late) = self.queues.expire(now, self.serial_in_flight());
        self.stats.expired += expired as u64;
        for (node, since) in late {
            let is_served = self.in_flight.is_some_and(|in_flight| in_flight.source == Source::Polled(node));
            if !is_served && !self.nodes.still_polls(node, since) {
                self.queues.release(node);
            }
        }
    }

    /// The datagram that the radio has a frame of: what has become of it will be known.
    fn serial_in_flight(&self) -> Option<u64> {
        self.in_flight.map(|in_flight| in_flight.serial)
    }
}
