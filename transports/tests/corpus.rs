//! What the fuzzers start from, and what they found, stays harmless; and so does each of it with any one octet changed.

#[path = "support/invariants.rs"]
mod invariants;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let paths: BTreeSet<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!paths.is_empty());
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Each as it is, cut short anywhere, and with each octet in turn as two others.
fn check_around(target: &str, check: fn(&[u8])) {
    for octets in corpus(target) {
        check(&octets);
        for at in 0..octets.len() {
            check(&octets[..at]);
            let mut changed = octets.clone();
            for value in [0xFF, octets[at] ^ 0x01] {
                changed[at] = value;
                check(&changed);
            }
        }
    }
}

#[test]
fn lines_are_harmless() {
    check_around("framing", invariants::framing);
}

#[test]
fn spinel_is_harmless() {
    check_around("spinel", invariants::spinel);
}

#[test]
fn a_radio_may_do_anything() {
    check_around("rcp", invariants::story);
}
