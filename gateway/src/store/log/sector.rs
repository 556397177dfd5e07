//! The log's unit: a sector of 512 octets, which a disk writes as a whole or not at all.
//!
//! | octets | what |
//! |---|---|
//! | 8 | checksum of all that follows |
//! | 8 | the commit's number |
//! | 4 | how many sectors the commit has |
//! | 492 | a part of the commit, filled up with zeros |
//!
//! Numbers are big-endian. A sector of zeros was never written. So each sector tells by itself whether it is as it was
//! written, and one that a crash has kept from being written is the older one that was there before: neither is taken for
//! the other, whatever was cut off or has flipped.

use xxhash_rust::xxh3::xxh3_64;

/// A sector's octets.
pub(super) const SECTOR: usize = 512;
/// Octets before its part of the commit.
const HEADER: usize = 20;
/// Octets of a commit in each sector.
const PART: usize = SECTOR - HEADER;

/// A sector that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sector<'a> {
    /// The number of the commit that it belongs to.
    pub(super) commit: u64,
    /// How many that one has.
    pub(super) count: u32,
    /// Its part of the commit.
    pub(super) part: &'a [u8],
}

/// What a sector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// Never written.
    Blank,
    Written(Sector<'a>),
    /// Not as it was written.
    Damaged,
}

/// Appends a commit's octets to `out`, as sectors.
pub(super) fn split(commit: u64, octets: &[u8], out: &mut Vec<u8>) {
    let count = octets.len().div_ceil(PART) as u32;
    for part in octets.chunks(PART) {
        let start = out.len();
        out.extend([0; 8]);
        out.extend(commit.to_be_bytes());
        out.extend(count.to_be_bytes());
        out.extend_from_slice(part);
        out.resize(start + SECTOR, 0);
        let checksum = xxh3_64(&out[start + 8..]);
        out[start..start + 8].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// What the sector `octets` is.
pub(super) fn look(octets: &[u8; SECTOR]) -> Found<'_> {
    if octets == &[0; SECTOR] {
        return Found::Blank;
    }
    read(octets).map_or(Found::Damaged, Found::Written)
}

fn read(octets: &[u8]) -> Option<Sector<'_>> {
    let (checksum, rest) = octets.split_first_chunk()?;
    if u64::from_be_bytes(*checksum) != xxh3_64(rest) {
        return None;
    }
    let (commit, rest) = rest.split_first_chunk()?;
    let (count, part) = rest.split_first_chunk()?;
    Some(Sector { commit: u64::from_be_bytes(*commit), count: u32::from_be_bytes(*count), part })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sectors(octets: &[u8]) -> Vec<&[u8; SECTOR]> {
        let (sectors, rest) = octets.as_chunks();
        assert!(rest.is_empty());
        sectors.iter().collect()
    }

    #[test]
    fn a_commit_is_read_back_from_its_sectors() {
        for (len, count) in [(1, 1), (PART, 1), (PART + 1, 2), (5 * PART, 5)] {
            let octets: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let mut written = Vec::new();
            split(7, &octets, &mut written);
            let mut again = Vec::new();
            for sector in sectors(&written) {
                let Found::Written(found) = look(sector) else { panic!("a sector of {len} octets") };
                assert_eq!((found.commit, found.count), (7, count));
                again.extend_from_slice(found.part);
            }
            assert_eq!(again[..len], octets);
            assert!(again[len..].iter().all(|octet| *octet == 0));
        }
    }

    #[test]
    fn one_flipped_bit_makes_a_sector_neither_blank_nor_written() {
        let mut written = vec![0; SECTOR];
        split(1, b"a commit", &mut written);
        for sector in sectors(&written) {
            for bit in 0..8 * SECTOR {
                let mut flipped = *sector;
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(look(&flipped), Found::Damaged, "bit {bit}");
            }
        }
    }
}
