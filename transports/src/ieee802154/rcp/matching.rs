//! The radio's table of the nodes for which something waits.
//!
//! It is short: ten nodes or so. While more are wanted than it holds it is not used. Then every node that asks is told that
//! something waits, and stays awake for a moment.

use super::requests::{Ask, Purpose, Verb};
use spinel::{Eui64, Property};
use std::collections::BTreeSet;

/// So many are tried in a table that was given up, whatever its room: one that is full says so.
const FEW: usize = 8;

/// The nodes for which something waits, and what the radio knows of them.
#[derive(Debug, Default)]
pub(super) struct Matching {
    wanted: BTreeSet<Eui64>,
    /// In the radio's table.
    held: BTreeSet<Eui64>,
    /// The table is not used, since it took no more than this.
    room: Option<usize>,
}

impl Matching {
    /// Whether this is new.
    pub(super) fn want(&mut self, node: Eui64, waits: bool) -> bool {
        if waits { self.wanted.insert(node) } else { self.wanted.remove(&node) }
    }

    /// The radio is set up: its table is empty, and in use.
    pub(super) fn begin(&mut self) -> Vec<Ask> {
        self.held.clear();
        self.room = None;
        self.wanted.iter().map(|node| of_node(*node, true)).collect()
    }

    /// What to ask after [`Matching::want`].
    pub(super) fn changed(&mut self, node: Eui64, waits: bool) -> Vec<Ask> {
        if self.room.is_some() { self.try_again() } else { vec![of_node(node, waits)] }
    }

    /// The radio has answered. `true`: the table is full, and what was asked of it is to be forgotten.
    pub(super) fn answered(&mut self, ask: &Ask, is_done: bool) -> bool {
        let node = Eui64::try_from(&ask.value[..]);
        match (ask.verb, node) {
            (Verb::Insert, Ok(node)) if is_done => {
                self.held.insert(node);
            }
            (Verb::Insert, _) => {
                self.room = Some(self.held.len());
                return true;
            }
            // Who refuses does not have it.
            (Verb::Remove, Ok(node)) => {
                self.held.remove(&node);
            }
            (Verb::Set, _) if is_done && ask.property == Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES => {
                self.held.clear()
            }
            (Verb::Get | Verb::Set | Verb::Remove, _) => {}
        }
        false
    }

    /// The radio does not keep up: what to ask in the place of all that was not asked yet.
    pub(super) fn give_up(&mut self) -> Vec<Ask> {
        self.room = Some(self.held.len().max(FEW));
        self.overflow()
    }

    /// What to ask when the table is full: that it is not used, or if less is wanted by now, once more.
    pub(super) fn overflow(&mut self) -> Vec<Ask> {
        [vec![enable(false)], self.try_again()].concat()
    }

    /// The table from its beginning, if what is wanted fits by now.
    fn try_again(&mut self) -> Vec<Ask> {
        if self.room.is_none_or(|room| self.wanted.len() > room) {
            return Vec::new();
        }
        self.room = None;
        let clear = set(Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES, Vec::new());
        let nodes = self.wanted.iter().map(|node| of_node(*node, true));
        std::iter::once(clear).chain(nodes).chain([enable(true)]).collect()
    }
}

fn of_node(node: Eui64, waits: bool) -> Ask {
    let verb = if waits { Verb::Insert } else { Verb::Remove };
    let property = Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES;
    Ask { verb, property, value: node.to_vec(), purpose: Purpose::Match }
}

fn enable(is_used: bool) -> Ask {
    set(Property::MAC_SRC_MATCH_ENABLED, vec![u8::from(is_used)])
}

fn set(property: Property, value: Vec<u8>) -> Ask {
    Ask { verb: Verb::Set, property, value, purpose: Purpose::Match }
}
