//! The nodes of a radio as link security asks for them.

use crate::NodeTable;
use lowpan::{Eui64, Keys, LinkKey};

/// The table, behind the trait of `lowpan`.
#[derive(Debug, Default)]
pub(super) struct Known(pub(super) NodeTable);

impl Keys for Known {
    fn key(&self, node: Eui64) -> Option<&LinkKey> {
        self.0.key(node)
    }

    fn accept(&mut self, node: Eui64, counter: u32) -> bool {
        self.0.accept(node, counter)
    }

    fn next_counter(&mut self) -> Option<u32> {
        self.0.next_counter()
    }
}
