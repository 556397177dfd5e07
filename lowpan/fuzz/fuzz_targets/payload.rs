//! Any octets as a frame's payload: 6LoWPAN headers and fragments. `cargo +nightly fuzz run payload` in `lowpan/`.

#![no_main]

#[path = "../../tests/support/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| invariants::payload(octets));
