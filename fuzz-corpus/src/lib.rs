//! What fuzz targets and the tests that replay their corpus have in common.
//!
//! Owns: where a corpus is ([`read`]), what is tried around each of its files ([`check_around`]), and how octets become
//! instructions ([`Script`]). Must not know: what the octets mean.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The files of a fuzz target in the order of their names. `package` is the `CARGO_MANIFEST_DIR` of who asks.
///
/// # Panics
/// There are none, or one cannot be read.
#[must_use]
pub fn read(package: &str, target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(package).join("fuzz/corpus").join(target);
    let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let paths: BTreeSet<PathBuf> = entries.map(|entry| entry.expect("a directory that can be read").path()).collect();
    assert!(!paths.is_empty(), "{} is empty", directory.display());
    paths.into_iter().map(|path| fs::read(path).expect("a file of the corpus")).collect()
}

/// Checks each file of a fuzz target as it is, cut short anywhere, and with each octet in turn as two others.
///
/// # Panics
/// As [`read`], and when the check does.
pub fn check_around(package: &str, target: &str, check: fn(&[u8])) {
    for octets in read(package, target) {
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

/// Octets as instructions: what happens, in which order. Behind its end everything is zero.
#[derive(Debug)]
pub struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    /// A script from its beginning.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next octet.
    pub fn octet(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
        self.0 = rest;
        first
    }

    /// As many octets as the next one says, or what there is.
    pub fn octets(&mut self) -> &'a [u8] {
        let len = usize::from(self.octet()).min(self.0.len());
        let (octets, rest) = self.0.split_at(len);
        self.0 = rest;
        octets
    }
}
