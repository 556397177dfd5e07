//! Frames that wait to be passed on.

use crate::Psdu;
use core::time::Duration;
use sn_types::{Eui64, Instant};

/// How long a frame waits for a poll, for a parent or for its turn: the standard's macTransactionPersistenceTime.
const WAITS_FOR: Duration = Duration::from_millis(7_680);

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// To whoever is the parent when its turn comes.
    Up,
    /// Towards this node.
    Down(Eui64),
    /// To all in reach.
    All,
    /// To this station in reach.
    Neighbour(Eui64),
}

/// A frame that waits.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    /// The order of coming.
    pub(super) serial: u64,
    pub(super) bound: Bound,
    /// What follows the MAC header.
    pub(super) payload: Psdu,
    pub(super) since: Instant,
    until: Instant,
    /// Not before then.
    pub(super) delayed_until: Option<Instant>,
    /// It was sent, and not acknowledged: the number and "frame pending" with which it is the same frame again.
    pub(super) sent_as: Option<(u8, bool)>,
}

/// At most `N` frames.
#[derive(Clone, Debug)]
pub(super) struct Queue<const N: usize> {
    places: [Option<Waiting>; N],
    serial: u64,
}

/// No place is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

impl<const N: usize> Queue<N> {
    pub(super) fn new() -> Self {
        Self { places: [const { None }; N], serial: 0 }
    }

    pub(super) fn push(&mut self, now: Instant, bound: Bound, payload: Psdu, delay: Duration) -> Result<(), Full> {
        let place = self.places.iter_mut().find(|place| place.is_none()).ok_or(Full)?;
        self.serial += 1;
        let delayed_until = (!delay.is_zero()).then(|| now + delay);
        let (serial, until) = (self.serial, now + WAITS_FOR);
        *place = Some(Waiting { serial, bound, payload, since: now, until, delayed_until, sent_as: None });
        Ok(())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.places.iter().flatten()
    }

    pub(super) fn get_mut(&mut self, serial: u64) -> Option<&mut Waiting> {
        self.places.iter_mut().flatten().find(|waiting| waiting.serial == serial)
    }

    pub(super) fn remove(&mut self, serial: u64) {
        self.places.iter_mut().for_each(|place| {
            place.take_if(|waiting| waiting.serial == serial);
        });
    }

    /// How many wait for this node.
    pub(super) fn len_for(&self, node: Eui64) -> usize {
        self.iter().filter(|waiting| waiting.bound == Bound::Down(node)).count()
    }

    /// A frame that has waited too long, except that which the radio has.
    pub(super) fn expired(&self, now: Instant, in_flight: Option<u64>) -> Option<(u64, Bound, Instant)> {
        let is_expired = |waiting: &&Waiting| waiting.until <= now && Some(waiting.serial) != in_flight;
        self.iter().find(is_expired).map(|waiting| (waiting.serial, waiting.bound, waiting.since))
    }

    /// Lets go what was delayed until now.
    pub(super) fn wake(&mut self, now: Instant) {
        for waiting in self.places.iter_mut().flatten() {
            waiting.delayed_until = waiting.delayed_until.filter(|until| *until > now);
        }
    }

    /// When something will have waited long enough, or too long.
    pub(super) fn next_at(&self, in_flight: Option<u64>) -> Option<Instant> {
        let at = |waiting: &Waiting| match waiting.delayed_until {
            Some(at) => Some(at),
            None => (Some(waiting.serial) != in_flight).then_some(waiting.until),
        };
        self.iter().filter_map(at).min()
    }
}
