//! NVMC: flash, of which a write clears bits and an erase sets those of a page; and power that fails in the middle.
//!
//! The processor stands still meanwhile, since it runs from the same flash.

use super::{Context, Kept, Peripheral};
use crate::events::Events;
use crate::time::cycles;
use oorandom::Rand64;

/// tWRITE and tERASEPAGE (nRF52840 PS v1.7, "NVMC: Electrical specification").
const WRITE: u64 = cycles(41);
const ERASE_PAGE: u64 = cycles(85_000);
const PAGE: usize = 4_096;
/// The flash begins at address 0.
pub(crate) const FLASH_SIZE: usize = 1 << 20;
/// What the bootloader and the chip are told at the start.
pub(crate) const UICR: u32 = 0x1000_1000;
pub(crate) const UICR_SIZE: usize = PAGE;

const CONFIG: u32 = 0x504;
const WRITE_ENABLED: u32 = 1;
const ERASE_ENABLED: u32 = 2;
const ERASEPAGE: u32 = 0x508;

/// The flash and its controller.
#[derive(Debug)]
pub(crate) struct Nvmc {
    events: Events,
    kept: Kept,
    flash: Vec<u8>,
    uicr: Vec<u8>,
    /// When the power fails.
    pub(crate) power_fails_at: Option<u64>,
    /// Words written and pages erased.
    pub(crate) operations: (u64, u64),
}

impl Nvmc {
    /// With this in the flash.
    pub(crate) fn new(mut image: Vec<u8>) -> Self {
        image.resize(FLASH_SIZE, 0xFF);
        Self {
            events: Events::new(0),
            kept: Self::after_reset(),
            flash: image,
            uicr: vec![0xFF; UICR_SIZE],
            power_fails_at: None,
            operations: (0, 0),
        }
    }

    fn after_reset() -> Kept {
        // CONFIG, ICACHECNF, IHIT, IMISS.
        Kept::new([CONFIG, 0x540, 0x548, 0x54C].map(|offset| (offset, 0)))
    }

    /// The registers are as after a reset; what is stored stays.
    pub(crate) fn reset(&mut self) {
        self.kept = Self::after_reset();
    }

    pub(crate) fn flash(&self) -> &[u8] {
        &self.flash
    }

    pub(crate) fn uicr(&self) -> &[u8] {
        &self.uicr
    }

    /// From outside, with a debugger.
    pub(crate) fn program(&mut self, address: u32, octets: &[u8]) {
        let at = address as usize;
        self.flash[at..at + octets.len()].copy_from_slice(octets);
    }

    /// The processor stores a word in flash or UICR.
    pub(crate) fn store(&mut self, address: u32, len: usize, value: u32, context: &mut Context<'_>) {
        if self.kept.get(CONFIG) != WRITE_ENABLED || len != 4 || !address.is_multiple_of(4) {
            context.misuse =
                Some(format!("{len} octets stored at {address:#x} in flash, CONFIG {}", self.kept.get(CONFIG)));
            return;
        }
        self.operations.0 += 1;
        let fraction = self.power_fails_within(context.now, WRITE);
        let word: [u8; 4] = match self.area(address).first_chunk() {
            Some(old) => blend(*old, (u32::from_le_bytes(*old) & value).to_le_bytes(), fraction, context.dice),
            None => return,
        };
        self.area(address)[..4].copy_from_slice(&word);
        context.memory.write(address, &word);
        context.stall = WRITE;
    }

    fn area(&mut self, address: u32) -> &mut [u8] {
        match address.checked_sub(UICR) {
            Some(offset) => &mut self.uicr[offset as usize..],
            None => &mut self.flash[address as usize..],
        }
    }

    fn erase(&mut self, address: u32, context: &mut Context<'_>) {
        if self.kept.get(CONFIG) != ERASE_ENABLED
            || !(address as usize).is_multiple_of(PAGE)
            || address as usize >= FLASH_SIZE
        {
            context.misuse = Some(format!("erase of the page at {address:#x}, CONFIG {}", self.kept.get(CONFIG)));
            return;
        }
        self.operations.1 += 1;
        let fraction = self.power_fails_within(context.now, ERASE_PAGE);
        for offset in (0..PAGE as u32).step_by(4) {
            let Some(old) = self.area(address + offset).first_chunk().copied() else { return };
            let word = blend(old, [0xFF; 4], fraction, context.dice);
            self.area(address + offset)[..4].copy_from_slice(&word);
            context.memory.write(address + offset, &word);
        }
        context.stall = ERASE_PAGE;
    }

    /// How much of an operation that begins now is done when the power fails, in thousandths; `None`: it does not.
    fn power_fails_within(&self, now: u64, takes: u64) -> Option<u64> {
        let after = self.power_fails_at?.checked_sub(now)?;
        (after < takes).then(|| after * 1_000 / takes)
    }
}

/// Each bit that was to change has done so, or not, the more likely the later.
fn blend(old: [u8; 4], new: [u8; 4], fraction: Option<u64>, dice: &mut Rand64) -> [u8; 4] {
    let Some(permille) = fraction else { return new };
    let (old, new) = (u32::from_le_bytes(old), u32::from_le_bytes(new));
    let mask = (0..32).fold(0, |mask, bit| mask | u32::from(dice.rand_range(0..1_000) < permille) << bit);
    (old & !mask | new & mask).to_le_bytes()
}

impl Peripheral for Nvmc {
    fn events(&mut self) -> &mut Events {
        &mut self.events
    }

    fn task(&mut self, _task: u32, _context: &mut Context<'_>) -> Option<()> {
        None
    }

    fn read(&mut self, offset: u32, _now: u64) -> Option<u32> {
        match offset {
            // READY and READYNEXT: by the time it is read, it is.
            0x400 | 0x408 => Some(1),
            _ => self.kept.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> Option<()> {
        if offset == ERASEPAGE {
            self.erase(value, context);
            return Some(());
        }
        self.kept.write(offset, value)
    }
}
