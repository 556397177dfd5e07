//! What the node's side takes of a chip's memory.

use lowpan::{Leaf, NoKeys};

#[test]
fn a_leaf_for_packets_of_256_octets_takes_less_than_1100_octets() {
    let size = size_of::<Leaf<NoKeys, 256>>();
    assert!(size < 1100, "{size}");
}
