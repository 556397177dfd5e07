//! Where an image lies in a board's memory: what its bootloader leaves to it.
//!
//! Owns: the boards with an nRF52840 that images are built for. Used on the host only: an image's build script calls
//! [`link`], and who packs images compares them with [`Board::application`].
//!
//! The chip has 1 MiB of flash from 0 and 256 KiB of RAM. Addresses are those of Nordic's nRF5 SDK 17.1 (MBR and open
//! bootloader of the PCA10059) and of Adafruit's nRF52 bootloader, which keeps 10 pages before itself for the application's
//! data and writes no image there.
//!
//! A bootloader runs at each reset, and so RAM that a reset leaves alone is not always left alone. An image's variables lie at
//! the beginning of its RAM, and those that are to outlive a reset behind them: where no bootloader has anything.

use std::ops::Range;
use std::path::Path;
use std::{env, fs};

const RAM_END: u32 = 0x2004_0000;
/// Nordic's master boot record (MBR), in the flash's first page, keeps two words: where interrupts go.
const RAM_AFTER_MBR: u32 = 0x2000_0008;
const RAM_START: u32 = 0x2000_0000;
/// Nordic's bootloader has its variables from [`RAM_AFTER_MBR`] on, some pages of flash among them, and its stack behind these
/// or at the end: so its linker files say, whatever compiler made it. So far no variables reach.
const RAM_AFTER_NORDICS: u32 = 0x2002_0000;

/// What brings an image onto a board over USB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bootloader {
    /// None: a debug probe does.
    None,
    /// Nordic's open bootloader: a ZIP package with an init packet, over a serial line.
    Nordic,
    /// Adafruit's: a drive that UF2 files are copied to.
    Uf2,
}

impl Bootloader {
    const ALL: [Self; 3] = [Self::None, Self::Nordic, Self::Uf2];

    /// As the compiler's `cfg(bootloader = "..")` has it.
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Nordic => "nordic",
            Self::Uf2 => "uf2",
        }
    }
}

/// A kind of board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// What it is called in commands, and in the environment variable `BOARD`.
    pub name: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    /// What brings images onto it.
    pub bootloader: Bootloader,
    /// The flash that belongs to the application.
    pub application: Range<u32>,
    /// The RAM that belongs to the application. At its beginning it has some KiB that outlive a reset.
    pub ram: Range<u32>,
}

/// All boards, the default one first.
pub const BOARDS: [Board; 4] = [
    Board {
        name: "dk",
        what: "nRF52840 DK (PCA10056), or any board with a debug probe and no bootloader",
        bootloader: Bootloader::None,
        application: 0..0x10_0000,
        ram: RAM_START..RAM_END,
    },
    Board {
        name: "dongle",
        what: "nRF52840 Dongle (PCA10059) with the bootloader it is sold with",
        bootloader: Bootloader::Nordic,
        application: 0x1000..0xE_0000,
        ram: RAM_AFTER_NORDICS..RAM_END,
    },
    Board {
        name: "uf2-s140v6",
        what: "Adafruit's UF2 bootloader with SoftDevice S140 6.x (Feather, ItsyBitsy, nice!nano)",
        bootloader: Bootloader::Uf2,
        application: 0x2_6000..0xE_A000,
        // The bootloader's own begins at 0x2000_7F7C.
        ram: RAM_AFTER_MBR..RAM_END,
    },
    Board {
        name: "uf2-s140v7",
        what: "Adafruit's UF2 bootloader with SoftDevice S140 7.x (XIAO nRF52840)",
        bootloader: Bootloader::Uf2,
        application: 0x2_7000..0xE_A000,
        ram: RAM_AFTER_MBR..RAM_END,
    },
];

impl Board {
    /// The board of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        const { &BOARDS }.iter().find(|board| board.name == name)
    }

    /// What the linker is told: `memory.x` for cortex-m-rt, with flash up to an address, or to the area's end before that.
    #[must_use]
    pub fn memory_x(&self, end: u32) -> String {
        let region = |name, range: &Range<u32>| {
            format!("  {name} : ORIGIN = {:#010X}, LENGTH = {:#X}\n", range.start, range.end - range.start)
        };
        let Range { start, end: area_end } = self.application;
        let (flash, ram) = (region("FLASH", &(start..end.min(area_end))), region("RAM", &self.ram));
        format!("/* {} */\nMEMORY\n{{\n{flash}{ram}}}\n", self.what)
    }
}

/// For an image's build script: links it for the board that the environment variable `BOARD` names, or for the first,
/// and tells the compiler `cfg(bootloader = "none")`, `"nordic"` or `"uf2"`.
///
/// # Panics
/// If there is no such board, or the memory file cannot be written: then there is nothing to build.
pub fn link() {
    link_below(u32::MAX);
}

/// The same for an image that keeps something in flash from this address on: its code ends before.
///
/// # Panics
/// As [`link`].
pub fn link_below(end: u32) {
    println!("cargo::rerun-if-env-changed=BOARD");
    let name = env::var("BOARD").unwrap_or_else(|_| BOARDS[0].name.to_owned());
    let names = BOARDS.map(|board| board.name).join(", ");
    let board = Board::named(&name).unwrap_or_else(|| panic!("there is no board {name:?}, but {names}"));
    let out = env::var("OUT_DIR").expect("cargo sets it for build scripts");
    fs::write(Path::new(&out).join("memory.x"), board.memory_x(end)).expect("it is the script's own directory");
    println!("cargo::rustc-link-search={out}");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    // No room for page alignment.
    println!("cargo::rustc-link-arg-bins=--nmagic");
    let kinds = Bootloader::ALL.map(|kind| format!("{:?}", kind.name())).join(", ");
    println!("cargo::rustc-check-cfg=cfg(bootloader, values({kinds}))");
    println!("cargo::rustc-cfg=bootloader={:?}", board.bootloader.name());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linker_is_told_where_the_bootloader_ends() {
        let dongle = Board::named("dongle").expect("it is one of them");
        let text = dongle.memory_x(u32::MAX);
        assert!(text.contains("FLASH : ORIGIN = 0x00001000, LENGTH = 0xDF000\n"), "{text}");
        assert!(text.contains("RAM : ORIGIN = 0x20020000, LENGTH = 0x20000\n"), "{text}");
        let text = dongle.memory_x(0xD_8000);
        assert!(text.contains("FLASH : ORIGIN = 0x00001000, LENGTH = 0xD7000\n"), "{text}");
    }

    #[test]
    fn areas_are_whole_pages_within_the_chip() {
        for Board { name, application, ram, .. } in &BOARDS {
            let pages = [application.start, application.end].map(|address| address % 4096);
            assert_eq!(pages, [0, 0], "{name}");
            assert!(application.end <= 0x10_0000 && ram.start >= RAM_START && ram.end == RAM_END, "{name}");
        }
    }

    #[test]
    fn a_board_that_is_none_is_not_found() {
        assert_eq!(Board::named("pca10059"), None);
    }
}
