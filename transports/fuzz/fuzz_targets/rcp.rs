//! Any octets as what happens to the host of a radio: answers, noise, silence, a device that goes. `cargo +nightly fuzz run rcp` in `transports/`.

#![no_main]

#[path = "../../tests/support/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| invariants::story(octets));
