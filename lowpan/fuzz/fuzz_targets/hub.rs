//! Any octets as what happens to a gateway: fragments, polls, timeouts, limits. `cargo +nightly fuzz run hub` in `lowpan/`.

#![no_main]

#[path = "../../tests/support/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| invariants::story(octets));
