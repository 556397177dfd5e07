//! What a client costs in memory.

use sn_client::Client;

#[test]
fn a_client_takes_less_than_a_kibibyte_beside_its_buffers() {
    assert!(size_of::<Client<'_, 0, 0>>() < 1_024);
    assert_eq!(size_of::<Client<'_, 64, 128>>() - size_of::<Client<'_, 0, 0>>(), 64 + 128);
}
