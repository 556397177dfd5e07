//! What a node's side and a router take of a chip's memory.

use lowpan::{Leaf, NoKeys, Router};

#[test]
fn a_leaf_for_packets_of_256_octets_takes_less_than_1300_octets() {
    let size = size_of::<Leaf<NoKeys, 256>>();
    assert!(size < 1300, "{size}");
}

#[test]
fn a_router_for_32_nodes_and_16_frames_takes_less_than_6_kilobytes() {
    let size = size_of::<Router<32, 16>>();
    assert!(size < 6 * 1024, "{size}");
}
