//! Small memories about addresses without a session.

use crate::map::{Map, MapSeed};
use sn_types::{Instant, PeerAddr};
use std::collections::VecDeque;
use std::time::Duration;

/// Addresses whose clean session has just ended: a repeated DISCONNECT from there still gets its answer, because the
/// first answer may have been lost.
#[derive(Debug)]
pub(super) struct Departed {
    until: Map<PeerAddr, Instant>,
    order: VecDeque<(Instant, PeerAddr)>,
}

impl Departed {
    /// Longer than T_retry x N_retry of any client that follows the spec: 15 s x 5.
    const LINGER: Duration = Duration::from_secs(90);
    /// A flood of short sessions forgets the oldest addresses sooner.
    const MAX: usize = 10_000;

    pub(super) fn new(seed: MapSeed) -> Self {
        Self { until: seed.map(), order: VecDeque::new() }
    }

    pub(super) fn insert(&mut self, now: Instant, addr: PeerAddr) {
        while self.order.front().is_some_and(|(until, _)| *until <= now || self.order.len() >= Self::MAX) {
            self.forget_oldest();
        }
        let until = now + Self::LINGER;
        self.until.insert(addr, until);
        self.order.push_back((until, addr));
    }

    fn forget_oldest(&mut self) {
        let Some((until, addr)) = self.order.pop_front() else { return };
        // The address may have departed again since.
        if self.until.get(&addr) == Some(&until) {
            self.until.remove(&addr);
        }
    }

    pub(super) fn contains(&self, now: Instant, addr: &PeerAddr) -> bool {
        self.until.get(addr).is_some_and(|until| *until > now)
    }
}

/// How often a sender without session is answered: each address falls into one of a fixed number of buckets.
#[derive(Debug)]
pub(super) struct AnswerLimit {
    /// The current second and the answers in it.
    buckets: Vec<(u64, u32)>,
    seed: Map<PeerAddr, ()>,
}

impl AnswerLimit {
    const BUCKETS: usize = 4_096;

    pub(super) fn new(seed: MapSeed) -> Self {
        Self { buckets: vec![(0, 0); Self::BUCKETS], seed: seed.map() }
    }

    /// Whether the sender may be answered once more in this second.
    pub(super) fn allow(&mut self, now: Instant, sender: &PeerAddr, per_s: u32) -> bool {
        use std::hash::BuildHasher as _;
        let second = now.as_micros() / 1_000_000;
        let hash = self.seed.hasher().hash_one(sender) as usize;
        let (at, answers) = &mut self.buckets[hash % Self::BUCKETS];
        if *at != second {
            (*at, *answers) = (second, 0);
        }
        *answers += 1;
        *answers <= per_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sn_types::{LinkAddr, TransportId};

    const SEED: MapSeed = MapSeed::new(3);

    fn addr(n: u16) -> PeerAddr {
        PeerAddr::direct(TransportId(0), LinkAddr::Udp(([127, 0, 0, 1], n).into()))
    }

    #[test]
    fn an_address_is_remembered_for_a_while() {
        let mut departed = Departed::new(SEED);
        departed.insert(Instant::from_secs(10), addr(1));
        assert!(departed.contains(Instant::from_secs(99), &addr(1)));
        assert!(!departed.contains(Instant::from_secs(100), &addr(1)));
        departed.insert(Instant::from_secs(200), addr(2));
        assert_eq!(departed.until.len(), 1);
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut departed = Departed::new(SEED);
        for n in 0..20_000 {
            departed.insert(Instant::ZERO, addr(n));
        }
        assert_eq!(departed.until.len(), Departed::MAX);
    }

    #[test]
    fn a_sender_is_answered_so_often_a_second() {
        let mut limit = AnswerLimit::new(SEED);
        let answers = |limit: &mut AnswerLimit, at| (0..9).filter(|_| limit.allow(at, &addr(1), 2)).count();
        assert_eq!(answers(&mut limit, Instant::from_secs(1)), 2);
        assert_eq!(answers(&mut limit, Instant::from_secs(2)), 2);
    }
}
