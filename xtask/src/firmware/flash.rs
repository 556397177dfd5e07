//! What an image puts into flash, and what it takes of a chip's memory.

use anyhow::{Context, Result, bail, ensure};
use boards::Board;
use object::elf::{PT_LOAD, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS};
use object::read::elf::{ElfFile32, FileHeader, ProgramHeader};
use object::{Endianness, Object, ObjectSection, SectionFlags};
use std::fmt;
use std::ops::Range;

/// What erased flash reads as, and stands in gaps.
const ERASED: u8 = 0xFF;

/// Octets that an image takes of each memory. The stack comes on top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) flash: u64,
    pub(crate) ram: u64,
}

impl Size {
    pub(crate) fn of(elf: &[u8]) -> Result<Self> {
        let mut size = Self::default();
        for section in sections(elf)? {
            size.flash += section.len * u64::from(section.is_in_flash);
            size.ram += section.len * u64::from(section.is_in_ram);
        }
        Ok(size)
    }
}

/// A section that is in memory at run time: what has contents is kept in flash, what is writable is in RAM, and initialised
/// variables are in both.
pub(crate) struct Section {
    pub(crate) name: String,
    /// Where it is at run time.
    pub(crate) address: u64,
    pub(crate) len: u64,
    pub(crate) is_code: bool,
    pub(crate) is_in_flash: bool,
    pub(crate) is_in_ram: bool,
}

pub(crate) fn sections(elf: &[u8]) -> Result<Vec<Section>> {
    let mut sections = Vec::new();
    for section in object::File::parse(elf)?.sections() {
        let SectionFlags::Elf { sh_type, sh_flags, .. } = section.flags() else { continue };
        if sh_flags.contains(SHF_ALLOC) {
            sections.push(Section {
                name: section.name()?.to_owned(),
                address: section.address(),
                len: section.size(),
                is_code: sh_flags.contains(SHF_EXECINSTR),
                is_in_flash: sh_type != SHT_NOBITS,
                is_in_ram: sh_flags.contains(SHF_WRITE),
            });
        }
    }
    Ok(sections)
}

/// One stretch of flash, whole words long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flash {
    /// The first octet's address.
    pub(crate) start: u32,
    pub(crate) octets: Vec<u8>,
}

impl Flash {
    /// What the loadable segments of an ELF file have in flash, at their physical addresses: initialised variables lie
    /// behind the code until the image copies them. What is between segments counts as erased.
    pub(crate) fn of(elf: &[u8]) -> Result<Self> {
        let elf = ElfFile32::<Endianness>::parse(elf).context("it is no ELF file of a chip")?;
        let endian = elf.elf_header().endian()?;
        let mut flash = Self { start: u32::MAX, octets: Vec::new() };
        let is_loaded = |header: &&_| ProgramHeader::p_type(*header, endian) == PT_LOAD;
        let mut segments: Vec<_> = elf.elf_program_headers().iter().filter(is_loaded).collect();
        segments.sort_by_key(|header| header.p_paddr(endian));
        for header in segments {
            let Ok(octets) = header.data(endian, elf.data()) else { bail!("a segment is cut off") };
            flash.append(header.p_paddr(endian), octets)?;
        }
        ensure!(!flash.octets.is_empty(), "nothing in it goes into flash");
        flash.octets.resize(flash.octets.len().next_multiple_of(4), ERASED);
        Ok(flash)
    }

    fn append(&mut self, address: u32, octets: &[u8]) -> Result<()> {
        if octets.is_empty() {
            return Ok(());
        }
        self.start = self.start.min(address);
        let at = (address - self.start) as usize;
        ensure!(at >= self.octets.len(), "two segments overlap at {address:#x}");
        self.octets.resize(at, ERASED);
        self.octets.extend_from_slice(octets);
        Ok(())
    }

    /// Its addresses.
    fn range(&self) -> Range<u64> {
        let start = u64::from(self.start);
        start..start + self.octets.len() as u64
    }

    /// An error unless it begins where the board's bootloader looks for it, and ends within its area.
    pub(crate) fn check_belongs_to(&self, board: &Board) -> Result<()> {
        let (range, area) = (self.range(), &board.application);
        ensure!(
            range.start == u64::from(area.start) && range.end <= u64::from(area.end),
            "the image is linked for {}, but the application area of board {} is {}",
            Addresses(range),
            board.name,
            Addresses(area.start.into()..area.end.into()),
        );
        Ok(())
    }
}

struct Addresses(Range<u64>);

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}..{:#x}", self.0.start, self.0.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(name: &str) -> &'static Board {
        Board::named(name).expect("it is one of them")
    }

    #[test]
    fn segments_are_put_in_order_with_erased_flash_between() {
        let mut flash = Flash { start: u32::MAX, octets: Vec::new() };
        flash.append(0x1000, &[1, 2, 3]).expect("it is the first");
        flash.append(0x1008, &[4]).expect("it lies behind");
        assert_eq!(flash, Flash { start: 0x1000, octets: vec![1, 2, 3, 255, 255, 255, 255, 255, 4] });
        let error = flash.append(0x1008, &[5]).expect_err("there is something");
        assert_eq!(error.to_string(), "two segments overlap at 0x1008");
    }

    #[test]
    fn an_image_for_another_board_is_refused() {
        let flash = Flash { start: 0, octets: vec![0; 0x800] };
        assert!(flash.check_belongs_to(board("dk")).is_ok());
        let error = flash.check_belongs_to(board("dongle")).expect_err("the MBR is there");
        assert_eq!(
            error.to_string(),
            "the image is linked for 0x0..0x800, but the application area of board dongle is 0x1000..0xe0000"
        );
    }

    #[test]
    fn an_image_that_reaches_into_the_bootloader_is_refused() {
        let fits = Flash { start: 0x1000, octets: vec![0; 0xD_F000] };
        assert!(fits.check_belongs_to(board("dongle")).is_ok());
        let longer = Flash { octets: vec![0; 0xD_F004], ..fits };
        assert!(longer.check_belongs_to(board("dongle")).is_err());
    }
}
