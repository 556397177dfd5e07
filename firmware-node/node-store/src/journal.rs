//! A journal in two pages: records one after the other, of which the last of each kind counts.
//!
//! A page: its head of 12 octets (magic, sequence number, checksum), then records: a word with kind and length, the octets
//! filled up to whole words, a checksum. A record is written from its first word to its last, so that a torn one has a
//! wrong checksum; nothing is written behind such a one. Flash that loses a bit later makes a wrong checksum, too: so
//! records are looked for behind it. When a page is full, or ends torn, what counts is copied into the
//! other one, whose head is written last: until then it is none. The page before keeps its counters until then, and longer.
//!
//! What cannot be read may have been torn, and then it does not count, or it has lost a bit since, and then it did. How many
//! records it may have been is known; who must not use anything twice goes by that: [`Journal::in_doubt`].

use crate::{COUNTERS_LEN, MAX_RECORD_LEN};
use config_page::{JOURNAL_ADDRESS, PAGE_LEN};
use crc::{CRC_32_ISO_HDLC, Crc, Digest, NoTable};
use embedded_storage::nor_flash::NorFlash;

const PAGES: [u32; 2] = [JOURNAL_ADDRESS, JOURNAL_ADDRESS + PAGE_LEN as u32];
const MAGIC: u32 = u32::from_le_bytes(*b"SNj1");
const HEAD_LEN: u32 = 12;
const WORD: u32 = 4;
const ERASED: u32 = u32::MAX;
/// In a record's first word: kind in the lowest octet, this, length in the upper two.
const MARK: u32 = 0x5A << 8;

const CHECK: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counters = 0,
    Session = 1,
    Fault = 2,
}

const KINDS: [Kind; 3] = [Kind::Counters, Kind::Session, Kind::Fault];

/// Where a record's octets are.
#[derive(Clone, Copy, Default)]
struct Found {
    address: u32,
    len: u32,
}

pub(crate) struct Journal {
    /// The page that counts; `None`: there is none yet.
    page: Option<usize>,
    sequence: u32,
    latest: [Found; KINDS.len()],
    /// Where the next record goes; the page's end if nothing may follow.
    end: u32,
    /// Words that are no records, and not erased.
    unread: u32,
    /// Pages have been turned over, and neither has counters that can be read.
    counters_are_lost: bool,
}

impl Journal {
    const EMPTY: Self = Self {
        page: None,
        sequence: 0,
        latest: [Found { address: 0, len: 0 }; KINDS.len()],
        end: 0,
        unread: 0,
        counters_are_lost: false,
    };

    pub(crate) fn open<F: NorFlash>(flash: &mut F) -> Result<Self, F::Error> {
        let heads = [read_head(flash, PAGES[0])?, read_head(flash, PAGES[1])?];
        let mut journal = Self::EMPTY;
        for (head, address) in heads.into_iter().zip(PAGES) {
            journal.unread += if head.is_some() { 0 } else { written(flash, address)? };
        }
        // None is less than any.
        let newer = usize::from(heads[1] > heads[0]);
        let Some(sequence) = heads[newer] else { return Ok(journal) };
        (journal.page, journal.sequence) = (Some(newer), sequence);
        journal.scan(flash, newer)?;
        if journal.latest[Kind::Counters as usize].len == 0 {
            journal.look_back(flash, 1 - newer, heads[1 - newer].is_some())?;
        }
        Ok(journal)
    }

    /// Each page begins with counters. If they cannot be read, those of the older page are what is known.
    fn look_back<F: NorFlash>(&mut self, flash: &mut F, page: usize, is_good: bool) -> Result<(), F::Error> {
        let mut older = Self::EMPTY;
        if is_good {
            older.scan(flash, page)?;
        }
        let found = older.latest[Kind::Counters as usize];
        self.latest[Kind::Counters as usize] = found;
        self.unread += older.unread;
        self.counters_are_lost = found.len == 0 && written(flash, PAGES[page])? > 0;
        Ok(())
    }

    fn scan<F: NorFlash>(&mut self, flash: &mut F, page: usize) -> Result<(), F::Error> {
        let end = PAGES[page] + PAGE_LEN as u32;
        let mut at = PAGES[page] + HEAD_LEN;
        let mut is_damaged = false;
        self.end = end;
        while at < end {
            let first = read_word(flash, at)?;
            if first == ERASED && !is_damaged {
                self.end = at;
                return Ok(());
            }
            match read_record(flash, first, at, end)? {
                Some((kind, len)) => {
                    self.latest[kind as usize] = Found { address: at + WORD, len };
                    at += record_len(len);
                }
                // Its length may be what is wrong.
                None => {
                    self.unread += u32::from(first != ERASED);
                    (is_damaged, at) = (true, at + WORD);
                }
            }
        }
        Ok(())
    }

    /// How many records with so many octets may have been in what cannot be read, at most.
    pub(crate) const fn in_doubt(&self, len: u32) -> u32 {
        (self.unread * WORD).div_ceil(record_len(len))
    }

    /// Whether how far counters were used cannot be told at all: records are in doubt, and there may have been more before.
    pub(crate) const fn counters_are_lost(&self) -> bool {
        self.counters_are_lost
    }

    /// Copies the last record of a kind as far as there is room, and returns its length; 0 if there is none.
    pub(crate) fn read<F: NorFlash>(&self, flash: &mut F, kind: Kind, room: &mut [u8]) -> Result<usize, F::Error> {
        let Found { address, len } = self.latest[kind as usize];
        let Some(room) = room.get_mut(..len as usize).filter(|room| !room.is_empty()) else { return Ok(0) };
        flash.read(address, room)?;
        Ok(len as usize)
    }

    /// Adds a record. One that is longer than [`MAX_RECORD_LEN`] is not kept.
    pub(crate) fn append<F: NorFlash>(&mut self, flash: &mut F, kind: Kind, octets: &[u8]) -> Result<(), F::Error> {
        if octets.len() > MAX_RECORD_LEN {
            return Ok(());
        }
        let len = octets.len() as u32;
        let is_room = self.page.is_some_and(|page| self.end + record_len(len) <= PAGES[page] + PAGE_LEN as u32);
        if !is_room {
            return self.turn_over(flash, kind, octets);
        }
        let at = self.end;
        // If power fails now, nothing may follow: the next start finds that out.
        write_record(flash, at, kind, octets)?;
        self.end = at + record_len(len);
        self.latest[kind as usize] = Found { address: at + WORD, len };
        Ok(())
    }

    /// Copies what counts into the other page, with the new record in the place of the old one of its kind. Nothing is
    /// in doubt any more.
    pub(crate) fn turn_over<F: NorFlash>(&mut self, flash: &mut F, kind: Kind, octets: &[u8]) -> Result<(), F::Error> {
        let page = self.page.map_or(0, |page| 1 - page);
        let start = PAGES[page];
        flash.erase(start, start + PAGE_LEN as u32)?;
        let mut at = start + HEAD_LEN;
        let mut latest = self.latest;
        for other in KINDS {
            let Found { address, len } = self.latest[other as usize];
            let mut room = [0; MAX_RECORD_LEN];
            let octets = match len {
                _ if other == kind => octets,
                // Each page has some, so that there were some if they cannot be read.
                0 if other == Kind::Counters => &[0; COUNTERS_LEN],
                0 => &[],
                _ => {
                    let room = &mut room[..len as usize];
                    flash.read(address, room)?;
                    room
                }
            };
            latest[other as usize] = Found { address: at + WORD, len: octets.len() as u32 };
            if !octets.is_empty() {
                write_record(flash, at, other, octets)?;
                at += record_len(octets.len() as u32);
            }
        }
        let sequence = self.sequence + 1;
        write_head(flash, start, sequence)?;
        *self = Self { page: Some(page), sequence, latest, end: at, ..Self::EMPTY };
        Ok(())
    }
}

fn parse(first: u32) -> Option<(Kind, u32)> {
    let kind = KINDS.into_iter().find(|kind| *kind as u32 == first & 0xFF)?;
    let len = first >> 16;
    (first & 0xFF00 == MARK && len as usize <= MAX_RECORD_LEN).then_some((kind, len))
}

fn first_word(kind: Kind, len: u32) -> u32 {
    kind as u32 | MARK | len << 16
}

const fn padded(len: u32) -> u32 {
    len.next_multiple_of(WORD)
}

const fn record_len(len: u32) -> u32 {
    WORD + padded(len) + WORD
}

fn read_word<F: NorFlash>(flash: &mut F, at: u32) -> Result<u32, F::Error> {
    let mut word = [0; 4];
    flash.read(at, &mut word)?;
    Ok(u32::from_le_bytes(word))
}

/// Kind and length of the record that begins here; `None`: none does.
fn read_record<F: NorFlash>(flash: &mut F, first: u32, at: u32, end: u32) -> Result<Option<(Kind, u32)>, F::Error> {
    let Some((kind, len)) = parse(first).filter(|(_, len)| at + record_len(*len) <= end) else { return Ok(None) };
    let is_good = read_check(flash, at, len)? == read_word(flash, at + WORD + padded(len))?;
    Ok(is_good.then_some((kind, len)))
}

/// The checksum that a record should have.
fn read_check<F: NorFlash>(flash: &mut F, at: u32, len: u32) -> Result<u32, F::Error> {
    let mut digest = CHECK.digest();
    for word in (at..at + WORD + padded(len)).step_by(WORD as usize) {
        digest.update(&read_word(flash, word)?.to_le_bytes());
    }
    Ok(digest.finalize())
}

fn write_record<F: NorFlash>(flash: &mut F, at: u32, kind: Kind, octets: &[u8]) -> Result<(), F::Error> {
    let mut digest = CHECK.digest();
    write_word(flash, at, first_word(kind, octets.len() as u32).to_le_bytes(), &mut digest)?;
    let mut at = at + WORD;
    for chunk in octets.chunks(WORD as usize) {
        let mut word = [0xFF; WORD as usize];
        word[..chunk.len()].copy_from_slice(chunk);
        write_word(flash, at, word, &mut digest)?;
        at += WORD;
    }
    flash.write(at, &digest.finalize().to_le_bytes())
}

fn write_word<F: NorFlash>(
    flash: &mut F,
    at: u32,
    word: [u8; WORD as usize],
    digest: &mut Digest<'_, u32, NoTable>,
) -> Result<(), F::Error> {
    digest.update(&word);
    flash.write(at, &word)
}

/// How many words of a page are not erased.
fn written<F: NorFlash>(flash: &mut F, page: u32) -> Result<u32, F::Error> {
    let mut written = 0;
    for at in (page..page + PAGE_LEN as u32).step_by(WORD as usize) {
        written += u32::from(read_word(flash, at)? != ERASED);
    }
    Ok(written)
}

/// The sequence number of a page that counts.
fn read_head<F: NorFlash>(flash: &mut F, page: u32) -> Result<Option<u32>, F::Error> {
    let (magic, sequence) = (read_word(flash, page)?, read_word(flash, page + WORD)?);
    let is_good = magic == MAGIC && read_word(flash, page + 2 * WORD)? == head_check(sequence);
    Ok(is_good.then_some(sequence))
}

fn write_head<F: NorFlash>(flash: &mut F, page: u32, sequence: u32) -> Result<(), F::Error> {
    flash.write(page, [MAGIC, sequence, head_check(sequence)].map(u32::to_le_bytes).as_flattened())
}

fn head_check(sequence: u32) -> u32 {
    CHECK.checksum([MAGIC, sequence].map(u32::to_le_bytes).as_flattened())
}
