//! Any datagram: no panic, and whatever decodes survives encoding. `cargo +nightly fuzz run decode` in `sn-codec/`.

#![no_main]

#[path = "../../tests/support/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|datagram: &[u8]| invariants::check(datagram));
