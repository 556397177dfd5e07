//! The two pages with settings. The one that is older, or torn, is erased and written; its checksum comes last.

use config_page::{ADDRESS, MAX_ENCODED_LEN, PAGE_LEN, Settings, decode, encode};
use embedded_storage::nor_flash::NorFlash;

const PAGES: [u32; 2] = [ADDRESS, ADDRESS + PAGE_LEN as u32];

pub(crate) struct Newest {
    sequence: u32,
    page: usize,
    pub(crate) settings: Settings,
}

pub(crate) fn newest<F: NorFlash>(flash: &mut F) -> Result<Option<Newest>, F::Error> {
    let mut newest: Option<Newest> = None;
    for (page, address) in PAGES.into_iter().enumerate() {
        let mut octets = [0; MAX_ENCODED_LEN];
        flash.read(address, &mut octets)?;
        if let Some((sequence, settings)) = decode(&octets)
            && newest.as_ref().is_none_or(|known| sequence > known.sequence)
        {
            newest = Some(Newest { sequence, page, settings });
        }
    }
    Ok(newest)
}

pub(crate) fn write<F: NorFlash>(flash: &mut F, settings: &Settings) -> Result<(), F::Error> {
    let (sequence, page) = match newest(flash)? {
        Some(newest) => (newest.sequence.saturating_add(1), 1 - newest.page),
        None => (1, 0),
    };
    let address = PAGES[page];
    flash.erase(address, address + PAGE_LEN as u32)?;
    flash.write(address, &encode(settings, sequence))
}
