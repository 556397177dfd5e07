//! Finds things by a key that is a part of them.
//!
//! A hash map would keep each key a second time. This one keeps the things' places where they are owned, and asks the owner
//! for the key at a place whenever it has to look at one: four octets instead of an address of 60, and there are millions.

use crate::map::MapSeed;
use hashbrown::HashTable;
use std::hash::Hash;

/// Places by the keys of what is there. Whoever owns the things says with `key_at` which key a place has, and takes a place
/// out before its key changes.
#[derive(Debug)]
pub(crate) struct Places {
    seed: MapSeed,
    table: HashTable<u32>,
}

impl Places {
    pub(crate) const fn new(seed: MapSeed) -> Self {
        Self { seed, table: HashTable::new() }
    }

    /// Where the thing with this key is.
    pub(crate) fn find<K: Hash + Eq>(&self, key: K, key_at: impl Fn(u32) -> K) -> Option<u32> {
        self.table.find(self.seed.digest(&key), |place| key_at(*place) == key).copied()
    }

    /// Adds a place. No other has its key.
    pub(crate) fn insert<K: Hash>(&mut self, place: u32, key_at: impl Fn(u32) -> K) {
        let digest = |place| self.seed.digest(&key_at(place));
        self.table.insert_unique(digest(place), place, |place| digest(*place));
    }

    /// Makes room for so many more.
    pub(crate) fn reserve<K: Hash>(&mut self, more: usize, key_at: impl Fn(u32) -> K) {
        self.table.reserve(more, |place| self.seed.digest(&key_at(*place)));
    }

    /// Takes the place out at which this key is.
    pub(crate) fn remove(&mut self, place: u32, key: impl Hash) {
        if let Ok(entry) = self.table.find_entry(self.seed.digest(&key), |found| *found == place) {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_by_its_key_until_it_is_taken_out() {
        let names: Vec<String> = (0..1_000).map(|n| format!("name {n}")).collect();
        let name_at = |place: u32| names[place as usize].as_str();
        let mut places = Places::new(MapSeed::new(7));
        (0..1_000).for_each(|place| places.insert(place, name_at));
        (0..1_000).step_by(2).for_each(|place| places.remove(place, name_at(place)));
        for place in 0..1_000 {
            assert_eq!(places.find(name_at(place), name_at), Some(place).filter(|place| place % 2 == 1));
        }
        assert_eq!(places.find("no name", name_at), None);
    }

    #[test]
    fn only_the_place_itself_is_taken_out() {
        let mut places = Places::new(MapSeed::new(7));
        places.insert(3, |_| "a");
        places.remove(4, "a");
        assert_eq!(places.find("a", |_| "a"), Some(3));
    }
}
