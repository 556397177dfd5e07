//! What the fuzzers start from, and what they found, stays harmless; and so does each of it with any one octet changed.

#[path = "support/invariants.rs"]
mod invariants;

use fuzz_corpus::check_around;

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn frames_are_harmless() {
    check_around(PACKAGE, "frame", invariants::frame);
}

#[test]
fn payloads_are_harmless() {
    check_around(PACKAGE, "payload", invariants::payload);
}

#[test]
fn stories_end_within_the_limits() {
    check_around(PACKAGE, "hub", invariants::story);
}

#[test]
fn stories_of_routers_end_within_the_limits() {
    check_around(PACKAGE, "router", invariants::router_story);
}
