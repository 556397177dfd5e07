//! Any octets as a frame: MAC header and link security. `cargo +nightly fuzz run frame` in `lowpan/`.

#![no_main]

#[path = "../../tests/support/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| invariants::frame(octets));
