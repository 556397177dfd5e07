//! Where an image lies in a board's memory: what its bootloader leaves to it; and what is wired to the chip.
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
//!
//! Coils and pins are those of Zephyr's board files, and of ZMK's for the nice!nano. Of a board of which nothing is known none
//! is assumed: a coil or a button that is not there keeps a node from starting, one that is not used does not.

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
    /// The coil between DCC and DEC4 is there. Without it the chip's DC/DC converter must not be switched on: the supply
    /// would collapse.
    pub has_coil: bool,
    /// A button between this pin and ground; the name is the product specification's.
    pub button: Option<&'static str>,
    /// RX and TX of the console.
    pub console: [&'static str; 2],
}

/// What belongs to the application beside Adafruit's bootloader and the SoftDevice S140 6.x, 7.x.
const AFTER_S140_6: Range<u32> = 0x2_6000..0xE_A000;
const AFTER_S140_7: Range<u32> = 0x2_7000..0xE_A000;
/// Adafruit's bootloader has its own from 0x2000_7F7C on: farther than variables reach that outlive a reset.
const RAM_WITH_ADAFRUITS: Range<u32> = RAM_AFTER_MBR..RAM_END;

/// All boards, the default one first.
pub const BOARDS: [Board; 8] = [
    Board {
        name: "dk",
        what: "nRF52840 DK (PCA10056)",
        bootloader: Bootloader::None,
        application: 0..0x10_0000,
        ram: RAM_START..RAM_END,
        has_coil: true,
        button: Some("P0.11"),
        console: ["P0.08", "P0.06"],
    },
    Board {
        name: "module",
        what: "any other board or module with a debug probe and no bootloader",
        bootloader: Bootloader::None,
        application: 0..0x10_0000,
        ram: RAM_START..RAM_END,
        has_coil: false,
        button: None,
        console: ["P0.08", "P0.06"],
    },
    Board {
        name: "dongle",
        what: "nRF52840 Dongle (PCA10059) with the bootloader it is sold with",
        bootloader: Bootloader::Nordic,
        application: 0x1000..0xE_0000,
        ram: RAM_AFTER_NORDICS..RAM_END,
        has_coil: true,
        button: Some("P1.06"),
        console: ["P0.24", "P0.20"],
    },
    Board {
        name: "feather",
        what: "Adafruit's Feather nRF52840, with its UF2 bootloader and SoftDevice S140 6.x",
        bootloader: Bootloader::Uf2,
        application: AFTER_S140_6,
        ram: RAM_WITH_ADAFRUITS,
        has_coil: true,
        button: Some("P1.02"),
        console: ["P0.24", "P0.25"],
    },
    Board {
        name: "nice-nano",
        what: "nice!nano, with Adafruit's UF2 bootloader and SoftDevice S140 6.x",
        bootloader: Bootloader::Uf2,
        application: AFTER_S140_6,
        ram: RAM_WITH_ADAFRUITS,
        has_coil: true,
        button: None,
        console: ["P0.08", "P0.06"],
    },
    Board {
        name: "xiao",
        what: "Seeed's XIAO nRF52840, with Adafruit's UF2 bootloader and SoftDevice S140 7.x",
        bootloader: Bootloader::Uf2,
        application: AFTER_S140_7,
        ram: RAM_WITH_ADAFRUITS,
        has_coil: true,
        button: None,
        console: ["P1.12", "P1.11"],
    },
    Board {
        name: "uf2-s140v6",
        what: "any other board with Adafruit's UF2 bootloader and SoftDevice S140 6.x",
        bootloader: Bootloader::Uf2,
        application: AFTER_S140_6,
        ram: RAM_WITH_ADAFRUITS,
        has_coil: false,
        button: None,
        console: ["P0.08", "P0.06"],
    },
    Board {
        name: "uf2-s140v7",
        what: "any other board with Adafruit's UF2 bootloader and SoftDevice S140 7.x",
        bootloader: Bootloader::Uf2,
        application: AFTER_S140_7,
        ram: RAM_WITH_ADAFRUITS,
        has_coil: false,
        button: None,
        console: ["P0.08", "P0.06"],
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

/// For an image's build script: links it for the board that the environment variable `BOARD` names, or for the first, and tells
/// the compiler what the board has: `cfg(bootloader = "none")`, `"nordic"` or `"uf2"`; `cfg(coil)`; `cfg(button = "P0.11")`,
/// another pin, or `"none"`; `cfg(console = "P0.08 P0.06")`.
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
    tell(board);
}

fn tell(board: &Board) {
    let button = |board: &Board| board.button.unwrap_or("none").to_owned();
    let console = |board: &Board| board.console.join(" ");
    println!("cargo::rustc-check-cfg=cfg(coil)");
    if board.has_coil {
        println!("cargo::rustc-cfg=coil");
    }
    tell_one("bootloader", &Bootloader::ALL.map(|kind| kind.name().to_owned()), board.bootloader.name());
    tell_one("button", &BOARDS.map(|board| button(&board)), &button(board));
    tell_one("console", &BOARDS.map(|board| console(&board)), &console(board));
}

/// Tells the compiler one of these values.
fn tell_one(name: &str, values: &[String], value: &str) {
    let values: Vec<_> = values.iter().map(|value| format!("{value:?}")).collect();
    println!("cargo::rustc-check-cfg=cfg({name}, values({}))", values.join(", "));
    println!("cargo::rustc-cfg={name}={value:?}");
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
