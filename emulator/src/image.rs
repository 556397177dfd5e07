//! Images: what a linker has made, as flash contents.

use crate::fault::Fault;
use crate::peripherals::FLASH_SIZE;
use object::read::elf::{ElfFile32, ProgramHeader};
use object::{Endianness, elf};

/// A page of the vector table.
const PAGE: u32 = 0x1000;

/// Flash contents, and where the program begins in them.
#[derive(Clone, Debug)]
pub struct Image {
    flash: Vec<u8>,
    base: u32,
}

impl Image {
    /// Reads an ELF file.
    ///
    /// # Errors
    /// [`Fault::Image`].
    pub fn from_elf(octets: &[u8]) -> Result<Self, Fault> {
        let wrong = |error: object::Error| Fault::Image(error.to_string());
        let file = ElfFile32::<Endianness>::parse(octets).map_err(wrong)?;
        let endian = file.endian();
        let mut flash = vec![0xFF; FLASH_SIZE];
        let mut base = u32::MAX;
        for header in file.elf_program_headers() {
            let data = header.data(endian, octets).map_err(|()| Fault::Image("a segment is cut off".into()))?;
            if header.p_type(endian) != elf::PT_LOAD || data.is_empty() {
                continue;
            }
            let at = header.p_paddr(endian);
            let place = flash.get_mut(at as usize..at as usize + data.len());
            place.ok_or_else(|| Fault::Image(format!("{at:#x} is not in flash")))?.copy_from_slice(data);
            base = base.min(at / PAGE * PAGE);
        }
        if base == u32::MAX {
            return Err(Fault::Image("nothing to load".into()));
        }
        Ok(Self { flash, base })
    }

    pub(crate) fn flash(&self) -> &[u8] {
        &self.flash
    }

    pub(crate) fn base(&self) -> u32 {
        self.base
    }
}
