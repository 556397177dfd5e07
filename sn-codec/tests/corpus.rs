//! Every datagram that the fuzzer starts from, or once failed on, stays harmless.

mod support;

use std::collections::BTreeSet;
use support::{invariants, vectors};

fn corpus() -> Vec<Vec<u8>> {
    fuzz_corpus::read(env!("CARGO_MANIFEST_DIR"), "decode")
}

#[test]
fn every_file_keeps_the_invariants() {
    corpus().iter().for_each(|datagram| invariants::check(datagram));
}

#[test]
fn every_vector_is_a_seed() {
    let corpus: BTreeSet<Vec<u8>> = corpus().into_iter().collect();
    for vector in vectors() {
        assert!(corpus.contains(&vector.octets), "{} is not in the corpus", vector.id);
    }
}
