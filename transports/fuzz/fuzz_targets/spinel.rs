//! Any octets as a Spinel frame, and as the values in one. `cargo +nightly fuzz run spinel` in `transports/`.

#![no_main]

#[path = "../../tests/support/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| invariants::spinel(octets));
