//! Frames that wait to be passed on, and how many of each kind may.
//!
//! What sleeping nodes do not fetch leaves room for what goes to the gateway, and both leave room for what the router itself
//! has to say: a router that cannot say that its way is gone keeps those below.

use crate::Psdu;
use crate::turn::Turn;
use core::time::Duration;
use sn_types::{Eui64, Instant};

/// How long a frame waits for a poll, for a parent or for its turn: the standard's macTransactionPersistenceTime.
const WAITS_FOR: Duration = Duration::from_millis(7_680);

/// Answers that wait for their turn at most. Who gets none asks again.
const ANSWERS: usize = 4;

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// To whoever is the parent when its turn comes.
    Up,
    /// Towards this node.
    Down(Eui64),
    /// To all, from whomever.
    All,
    /// To all in reach, from this router itself.
    Own,
    /// To this station in reach, which has asked who takes frames.
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
    pub(super) turn: Turn,
    /// It was sent, and not acknowledged: the number and "frame pending" with which it is the same frame again.
    pub(super) sent_as: Option<(u8, bool)>,
}

/// At most `N` frames.
#[derive(Clone, Debug)]
pub(super) struct Queue<const N: usize> {
    places: [Option<Waiting>; N],
    serial: u64,
}

/// No place is free for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

impl<const N: usize> Queue<N> {
    pub(super) fn new() -> Self {
        Self { places: [const { None }; N], serial: 0 }
    }

    pub(super) fn push(&mut self, now: Instant, bound: Bound, payload: Psdu, delay: Duration) -> Result<(), Full> {
        if !self.may_wait(bound) {
            return Err(Full);
        }
        let place = self.places.iter_mut().find(|place| place.is_none()).ok_or(Full)?;
        self.serial += 1;
        let (serial, until, turn) = (self.serial, now + WAITS_FOR, Turn::after(now, delay));
        *place = Some(Waiting { serial, bound, payload, since: now, until, turn, sent_as: None });
        Ok(())
    }

    /// The last place is the router's own talk's. The last eighth is not for frames of others, and the last quarter not
    /// for those that go down, of which one node has no more than five eighths of all places.
    fn may_wait(&self, bound: Bound) -> bool {
        let free = N - self.iter().count();
        match bound {
            Bound::Own => true,
            Bound::Neighbour(_) => free > 1 && self.answers() < ANSWERS,
            Bound::Up | Bound::All => free > N / 8,
            Bound::Down(node) => free > N / 4 && self.len_for(node) < N * 5 / 8,
        }
    }

    fn answers(&self) -> usize {
        self.iter().filter(|waiting| matches!(waiting.bound, Bound::Neighbour(_))).count()
    }

    /// Takes back what the router itself was about to say to all: there is something newer.
    pub(super) fn take_back(&mut self) {
        self.places.iter_mut().for_each(|place| {
            place.take_if(|waiting| waiting.bound == Bound::Own);
        });
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

    /// Whether a frame is not to be sent yet, or one before it that goes the same way: a frame of a node's that is overtaken is a
    /// replay at the other end.
    pub(super) fn is_held(&self, waiting: &Waiting) -> bool {
        let is_before = |other: &Waiting| other.serial <= waiting.serial && other.bound == waiting.bound;
        self.iter().any(|other| is_before(other) && other.turn.not_before().is_some())
    }

    /// Lets go what was delayed until now.
    pub(super) fn wake(&mut self, now: Instant) {
        self.places.iter_mut().flatten().for_each(|waiting| waiting.turn.wake(now));
    }

    /// When something will have waited long enough, or too long.
    pub(super) fn next_at(&self, in_flight: Option<u64>) -> Option<Instant> {
        let at = |waiting: &Waiting| match waiting.turn.not_before() {
            Some(at) => Some(at),
            None => (Some(waiting.serial) != in_flight).then_some(waiting.until),
        };
        self.iter().filter_map(at).min()
    }
}
