//! The nodes of a radio as link security asks for them.

use crate::NodeTable;
use lowpan::{Eui64, Keys, LinkKey, Way};

impl Keys for NodeTable {
    fn key(&self, node: Eui64) -> Option<&LinkKey> {
        Self::key(self, node)
    }

    fn accept(&mut self, node: Eui64, counter: u32) -> bool {
        Self::accept(self, node, counter)
    }

    fn next_counter(&mut self) -> Option<u32> {
        Self::next_counter(self)
    }

    fn way(&self, node: Eui64) -> Way {
        Self::way(self, node)
    }
}
