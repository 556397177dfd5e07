//! Any octets as what happens to a router: frames up, down and to all, polls, talk, timeouts. `cargo +nightly fuzz run router`
//! in `lowpan/`.

#![no_main]

#[path = "../../tests/support/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| invariants::router_story(octets));
