//! The octets of a page.
//!
//! Numbers least significant octet first: magic, sequence number, length of the text, the text, filled up with FF to a
//! whole word, and a checksum of all that. A page whose checksum is wrong is none: it was torn, or never written.

use crate::Settings;
use crate::settings::MAX_TEXT_LEN;
use crc::{CRC_32_ISO_HDLC, Crc, NoTable};
use heapless::Vec;

/// The length of a flash page of the nRF52840, in octets.
pub const PAGE_LEN: usize = 4096;

/// Where the two pages with settings begin, on every board: the highest addresses that no bootloader wants.
pub const ADDRESS: u32 = 0xD_8000;

/// Where the two pages begin in which the node keeps what changes by itself.
pub const JOURNAL_ADDRESS: u32 = ADDRESS + 2 * PAGE_LEN as u32;

/// The longest page as far as it is written, in octets.
pub const MAX_ENCODED_LEN: usize = HEADER_LEN + MAX_TEXT_LEN + CHECK_LEN;

/// It also says which version the text has.
const MAGIC: u32 = u32::from_le_bytes(*b"SNc1");
const HEADER_LEN: usize = 12;
const CHECK_LEN: usize = 4;

pub(crate) const CHECK: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// The start of a page with these settings; the rest of it is left erased. Of two good pages that with the greater
/// sequence number counts.
#[must_use]
pub fn encode(settings: &Settings, sequence: u32) -> Vec<u8, MAX_ENCODED_LEN> {
    let text = settings.to_text();
    let mut page = Vec::new();
    let header = [MAGIC, sequence, text.len() as u32].map(u32::to_le_bytes);
    let is_whole = !text.is_empty()
        && page.extend_from_slice(header.as_flattened()).is_ok()
        && page.extend_from_slice(text.as_bytes()).is_ok()
        && page.resize(HEADER_LEN + padded(text.len()), 0xFF).is_ok();
    let check = CHECK.checksum(&page).to_le_bytes();
    let is_whole = is_whole && page.extend_from_slice(&check).is_ok();
    if is_whole { page } else { Vec::new() }
}

/// The sequence number and the settings of a page; `None`: there are none.
#[must_use]
pub fn decode(page: &[u8]) -> Option<(u32, Settings)> {
    let (header, rest) = page.split_first_chunk::<HEADER_LEN>()?;
    let word = |at| Some(u32::from_le_bytes(*header.get(at..)?.first_chunk()?));
    let len = word(8)? as usize;
    if word(0)? != MAGIC || len > MAX_TEXT_LEN {
        return None;
    }
    let (covered, check) = page.get(..HEADER_LEN + padded(len) + CHECK_LEN)?.split_last_chunk::<CHECK_LEN>()?;
    if CHECK.checksum(covered).to_le_bytes() != *check {
        return None;
    }
    Some((word(4)?, Settings::kept(core::str::from_utf8(rest.get(..len)?).ok()?)?))
}

const fn padded(len: usize) -> usize {
    len.next_multiple_of(4)
}
