//! Energy scans: one channel after the other, since a raw radio takes no more at a time.

use super::requests::{Ask, Purpose, Verb};
use super::startup::Step;
use super::types::{Energy, Event};
use super::{Phase, Rcp};
use sn_types::Instant;
use spinel::Property;
use std::collections::VecDeque;
use std::time::Duration;

/// How long the radio may take beyond the time that it listens.
const PATIENCE: Duration = Duration::from_secs(1);
/// [`Property::MAC_SCAN_STATE`]: look for energy.
const ENERGY: u8 = 2;

/// A scan under way.
#[derive(Debug)]
pub(super) struct Scan {
    left: VecDeque<u8>,
    /// The channel, and since it has been told to listen there, until when it may take.
    now: Option<(u8, Option<Instant>)>,
    period_ms: u16,
    found: Vec<Energy>,
}

impl Scan {
    pub(super) fn new(channels: impl Iterator<Item = u8>, period_ms: u16) -> Self {
        Self { left: channels.collect(), now: None, period_ms, found: Vec::new() }
    }

    /// Turns to the next channel: what to ask for it. `None`: there is no more.
    pub(super) fn next(&mut self) -> Option<[Ask; 3]> {
        let channel = self.left.pop_front()?;
        self.now = Some((channel, None));
        let set =
            |property, value: &[u8]| Ask { verb: Verb::Set, property, value: value.to_vec(), purpose: Purpose::Scan };
        Some([
            set(Property::MAC_SCAN_MASK, &[channel]),
            set(Property::MAC_SCAN_PERIOD, &self.period_ms.to_le_bytes()),
            set(Property::MAC_SCAN_STATE, &[ENERGY]),
        ])
    }

    /// The radio listens from now on.
    pub(super) fn listens(&mut self, now: Instant) {
        if let Some((_, until)) = &mut self.now {
            *until = Some(now + Duration::from_millis(self.period_ms.into()) + PATIENCE);
        }
    }

    /// A result has come. Whether it is the one that is waited for.
    pub(super) fn found(&mut self, energy: Energy) -> bool {
        let is_it = self.now.is_some_and(|(channel, _)| channel == energy.channel);
        if is_it {
            self.found.push(energy);
            self.now = None;
        }
        is_it
    }

    pub(super) fn timeout(&self) -> Option<Instant> {
        self.now.and_then(|(_, until)| until)
    }

    pub(super) fn into_found(self) -> Vec<Energy> {
        self.found
    }
}

impl Rcp {
    pub(super) fn begin_scan(&mut self, now: Instant, scan: Scan) {
        self.scan = Some(scan);
        self.scan_on(now);
    }

    pub(super) fn scan_on(&mut self, now: Instant) {
        let Some(scan) = &mut self.scan else { return };
        if let Some(asks) = scan.next() {
            return asks.into_iter().for_each(|ask| self.ask(now, ask));
        }
        let found = self.scan.take().map(Scan::into_found).unwrap_or_default();
        if self.phase == Phase::Starting {
            self.info.energy = found;
            return self.step(now, Some(Step::Channel));
        }
        let (property, value) = (Property::PHY_CHAN, vec![self.info.channel]);
        self.ask(now, Ask { verb: Verb::Set, property, value, purpose: Purpose::Retune });
        self.events.push_back(Event::Scanned(found));
    }
}

/// The quietest channel; of several, the lowest.
pub(super) fn quietest(energy: &[Energy]) -> Option<u8> {
    energy.iter().min_by_key(|energy| (energy.dbm, energy.channel)).map(|energy| energy.channel)
}
