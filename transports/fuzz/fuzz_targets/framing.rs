//! Any octets from a serial line, in each framing. `cargo +nightly fuzz run framing` in `transports/`.

#![no_main]

#[path = "../../tests/support/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| invariants::framing(octets));
