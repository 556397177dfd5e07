//! Every datagram that the fuzzer starts from, or once failed on, stays harmless.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use support::{invariants, vectors};

/// The datagrams in `fuzz/corpus/decode`.
fn corpus() -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/decode");
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let paths: BTreeSet<PathBuf> = paths.collect();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
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
