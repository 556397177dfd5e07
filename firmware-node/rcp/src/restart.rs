//! Why the chip has started, and how it starts again: by itself, or in its bootloader.

use embassy_nrf::pac;
use embassy_nrf::pac::power::regs::{Gpregret2, Resetreas};
use rcp_app::Status;

/// Kept over a restart in a register of their own. Adafruit's bootloader has the other, and Nordic's looks at this one only
/// for values whose upper five bits are 10101 (nRF5 SDK 17.1, `BOOTLOADER_DFU_GPREGRET2`).
const CRASHED: u8 = 0xC5;
const FAULTED: u8 = 0xFA;

/// Whether [`into_bootloader`] leads into one.
pub(crate) const HAS_BOOTLOADER: bool = cfg!(not(bootloader = "none"));

/// Why the chip has started, in Spinel's words. To be asked once.
pub(crate) fn why() -> Status {
    let (reasons, note) = (pac::POWER.resetreas().read(), pac::POWER.gpregret2().read().gpregret());
    // Reasons stay, and others come beside them, until they are taken back.
    pac::POWER.resetreas().write_value(Resetreas(u32::MAX));
    pac::POWER.gpregret2().write_value(Gpregret2(0));
    match note {
        CRASHED => Status::RESET_CRASH,
        FAULTED => Status::RESET_FAULT,
        _ if reasons.dog() => Status::RESET_WATCHDOG,
        _ if reasons.lockup() => Status::RESET_FAULT,
        _ if reasons.sreq() => Status::RESET_SOFTWARE,
        _ if reasons.resetpin() => Status::RESET_EXTERNAL,
        _ => Status::RESET_POWER_ON,
    }
}

/// Restarts the chip.
pub(crate) fn now() -> ! {
    cortex_m::peripheral::SCB::sys_reset()
}

/// Restarts the chip after a panic.
pub(crate) fn crashed() -> ! {
    pac::POWER.gpregret2().write_value(Gpregret2(CRASHED.into()));
    now()
}

/// Restarts the chip after a hard fault.
pub(crate) fn faulted() -> ! {
    pac::POWER.gpregret2().write_value(Gpregret2(FAULTED.into()));
    now()
}

/// Starts the bootloader.
pub(crate) fn into_bootloader() -> ! {
    #[cfg(bootloader = "nordic")]
    pull_reset_pin();
    #[cfg(bootloader = "uf2")]
    ask_for_drive();
    now()
}

/// Nordic's stays after a reset by the pin, and after no other. On the PCA10059 P0.19 is wired to that pin.
#[cfg(bootloader = "nordic")]
fn pull_reset_pin() {
    const PIN: usize = 19;
    pac::P0.outclr().write(|w| w.set_pin(PIN, true));
    pac::P0.dirset().write(|w| w.set_pin(PIN, true));
    // 10 ms: the reset comes before, if the wire is there.
    cortex_m::asm::delay(640_000);
}

/// Adafruit's stays, as a drive, when it finds this in its register.
#[cfg(bootloader = "uf2")]
fn ask_for_drive() {
    const DFU_MAGIC_UF2_RESET: u32 = 0x57;
    pac::POWER.gpregret().write_value(pac::power::regs::Gpregret(DFU_MAGIC_UF2_RESET));
}
