//! The octets of a file, in sectors: what a disk writes whole or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What a disk writes whole or not at all, in octets.
pub(super) const SECTOR: u64 = 512;

type Sector = [u8; SECTOR as usize];

/// A file's length and the sectors that were ever written; between them are zeros. Copies share their sectors.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    len: u64,
    sectors: BTreeMap<u64, Arc<Sector>>,
}

impl Contents {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Octets that take up space.
    pub(super) fn stored(&self) -> u64 {
        self.sectors.len() as u64 * SECTOR
    }

    /// Up to `len` octets from `at`; fewer at the end of the file.
    pub(super) fn read(&self, at: u64, len: u64) -> Vec<u8> {
        let end = (at + len).min(self.len);
        let mut out = vec![0; end.saturating_sub(at) as usize];
        if !out.is_empty() {
            for (index, sector) in self.sectors.range(at / SECTOR..end.div_ceil(SECTOR)) {
                let start = index * SECTOR;
                let (from, to) = (start.max(at), (start + SECTOR).min(end));
                let inside = (from - start) as usize..(to - start) as usize;
                out[(from - at) as usize..(to - at) as usize].copy_from_slice(&sector[inside]);
            }
        }
        out
    }

    /// Answers with the sectors touched.
    pub(super) fn write(&mut self, at: u64, data: &[u8]) -> Vec<u64> {
        self.len = self.len.max(at + data.len() as u64);
        let mut touched = Vec::new();
        for piece in pieces(at, data.len()) {
            let sector = self.sectors.entry(piece.sector).or_insert_with(|| Arc::new([0; SECTOR as usize]));
            Arc::make_mut(sector)[piece.inside].copy_from_slice(&data[piece.outside]);
            touched.push(piece.sector);
        }
        touched
    }

    /// Answers with the sectors touched.
    pub(super) fn set_len(&mut self, len: u64) -> Vec<u64> {
        self.len = len;
        let dropped = self.sectors.split_off(&len.div_ceil(SECTOR));
        let mut touched: Vec<u64> = dropped.into_keys().collect();
        let last = len / SECTOR;
        if let Some(sector) = self.sectors.get_mut(&last) {
            Arc::make_mut(sector)[(len % SECTOR) as usize..].fill(0);
            touched.push(last);
        }
        touched
    }

    /// Sectors from `at` to `at + len` that do not take up space yet.
    pub(super) fn holes(&self, at: u64, len: usize) -> u64 {
        pieces(at, len).filter(|piece| !self.sectors.contains_key(&piece.sector)).count() as u64
    }

    /// Takes a sector over from `newer`.
    pub(super) fn take_sector(&mut self, index: u64, newer: &Self) {
        match newer.sectors.get(&index) {
            Some(sector) => drop(self.sectors.insert(index, sector.clone())),
            None => drop(self.sectors.remove(&index)),
        }
    }

    /// Takes the length over from `newer`.
    pub(super) fn take_len(&mut self, newer: &Self) {
        self.len = newer.len;
    }

    /// What is beyond the end was never there.
    pub(super) fn trim(&mut self) {
        self.set_len(self.len);
    }
}

/// The part of a range that is in one sector.
struct Piece {
    sector: u64,
    inside: std::ops::Range<usize>,
    outside: std::ops::Range<usize>,
}

fn pieces(at: u64, len: usize) -> impl Iterator<Item = Piece> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let here = at + done as u64;
        let start = (here % SECTOR) as usize;
        let take = (SECTOR as usize - start).min(len - done);
        let piece = Piece { sector: here / SECTOR, inside: start..start + take, outside: done..done + take };
        done += take;
        (take > 0).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_gaps_are_zeros() {
        let mut contents = Contents::default();
        contents.write(500, &[7; 600]);
        assert_eq!(contents.len(), 1_100);
        assert_eq!(contents.read(0, 500), [0; 500]);
        assert_eq!(contents.read(500, 9_999), [7; 600]);
        assert_eq!(contents.read(2_000, 10), [0; 0]);
    }

    #[test]
    fn a_file_cut_short_and_made_longer_again_has_zeros_there() {
        let mut contents = Contents::default();
        contents.write(0, &[7; 2_000]);
        contents.set_len(700);
        contents.set_len(2_000);
        assert_eq!(contents.read(0, 700), [7; 700]);
        assert_eq!(contents.read(700, 1_300), [0; 1_300]);
    }

    #[test]
    fn only_what_was_written_takes_up_space() {
        let mut contents = Contents::default();
        contents.set_len(64 << 20);
        assert_eq!(contents.stored(), 0);
        assert_eq!(contents.holes(1_000, 100), 2);
        contents.write(1_000, &[1; 100]);
        assert_eq!((contents.stored(), contents.holes(1_000, 100)), (1_024, 0));
    }
}
