//! What the fuzzers start from, and what they found, stays harmless; and so does each of it with any one octet changed.

#[path = "support/invariants.rs"]
mod invariants;

use fuzz_corpus::check_around;

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn lines_are_harmless() {
    check_around(PACKAGE, "framing", invariants::framing);
}

#[test]
fn spinel_is_harmless() {
    check_around(PACKAGE, "spinel", invariants::spinel);
}

#[test]
fn a_radio_may_do_anything() {
    check_around(PACKAGE, "rcp", invariants::story);
}
