//! Hash maps whose order depends on a seed that the driver gives, never on the process.

use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;
use std::hash::{BuildHasher as _, Hash};

/// A hash map with the core's seed.
pub(crate) type Map<K, V> = hashbrown::HashMap<K, V, SeedableRandomState>;

/// Makes maps that share one seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MapSeed(u64);

impl MapSeed {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn map<K, V>(self) -> Map<K, V> {
        Map::with_hasher(self.state())
    }

    /// A number that tells values apart, the same in every run.
    pub(crate) fn digest(self, value: &impl Hash) -> u64 {
        self.state().hash_one(value)
    }

    fn state(self) -> SeedableRandomState {
        SeedableRandomState::with_seed(self.0, SharedSeed::global_fixed())
    }
}
