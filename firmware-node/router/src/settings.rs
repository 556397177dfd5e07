//! The settings in flash.

use config_page::{ADDRESS, MAX_ENCODED_LEN, PAGE_LEN, Settings, decode};
use embassy_nrf::nvmc::Nvmc;
use embedded_storage::nor_flash::ReadNorFlash;

/// The newer of the two pages, if it says all that a router has to know.
pub(crate) fn read(flash: &mut Nvmc<'_>) -> Option<Settings> {
    let pages = [ADDRESS, ADDRESS + PAGE_LEN as u32].into_iter().filter_map(|address| read_page(flash, address));
    let (_, settings) = pages.max_by_key(|(sequence, _)| *sequence)?;
    let is_enough = settings.pan != 0xFFFF && settings.channel != 0 && settings.gateway.is_some();
    is_enough.then_some(settings)
}

fn read_page(flash: &mut Nvmc<'_>, address: u32) -> Option<(u32, Settings)> {
    let mut page = [0; MAX_ENCODED_LEN];
    flash.read(address, &mut page).ok()?;
    decode(&page)
}
