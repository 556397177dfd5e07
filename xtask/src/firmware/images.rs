//! `cargo xtask firmware`: images for boards, each in the forms in which it gets there.

use super::flash::{Flash, Size};
use super::parts::parts;
use super::{NODE_BUDGET, dfu, elf_of, firmware_cargo, hex, show, target_dir, uf2};
use crate::exec::run;
use crate::steps::CHIP;
use crate::tools::{self, Tool};
use anyhow::{Context, Result};
use boards::{BOARDS, Board, Bootloader};
use clap::{Args, ValueEnum};
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Options {
    /// For these boards; without it for all.
    #[arg(long = "board", value_name = "BOARD", value_parser = board_named, value_delimiter = ',')]
    boards: Vec<&'static Board>,
    /// These images; without it all.
    #[arg(long = "image", value_enum, value_name = "IMAGE", value_delimiter = ',')]
    images: Vec<Image>,
    /// Where the files go; without it `firmware/images` in cargo's target directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints what each crate has in them.
    #[arg(long)]
    parts: bool,
}

impl Options {
    pub(crate) const fn everything() -> Self {
        Self { boards: Vec::new(), images: Vec::new(), out: None, parts: false }
    }
}

fn board_named(name: &str) -> Result<&'static Board, String> {
    let names = || BOARDS.map(|board| format!("  {:<11} {}", board.name, board.what)).join("\n");
    Board::named(name).ok_or_else(|| format!("there is no such board, but\n{}", names()))
}

/// What a board can become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Image {
    /// A sensor node
    Node,
    /// A dongle: the gateway's radio, on USB
    Rcp,
    /// A router: it carries frames between the gateway and nodes out of its reach
    Router,
}

impl Image {
    fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Rcp => "rcp",
            Self::Router => "router",
        }
    }

    /// Its package in the firmware's workspace, and the file that cargo makes of it.
    fn package(self) -> &'static str {
        match self {
            Self::Node => "node-nrf52840",
            Self::Rcp => "rcp",
            Self::Router => "router",
        }
    }

    /// What it may take.
    fn budget(self) -> Size {
        match self {
            Self::Node => NODE_BUDGET,
            // Frames of others wait in it.
            Self::Router => Size { ram: 16 * 1024, ..NODE_BUDGET },
            // It has no client, but USB.
            Self::Rcp => Size { flash: 48 * 1024, ..NODE_BUDGET },
        }
    }
}

/// The arguments that name every image's package to cargo.
pub(super) fn packages() -> Vec<&'static str> {
    Image::value_variants().iter().flat_map(|image| ["--package", image.package()]).collect()
}

/// Builds images, prints what they take of the chip, and writes their files; an error if one exceeds its budget or is not
/// where its board's bootloader looks for it.
pub(crate) fn build(options: &Options) -> Result<()> {
    tools::provide([Tool::ChipTarget].iter())?;
    let out = match &options.out {
        Some(out) => out.clone(),
        None => target_dir()?.join("images"),
    };
    fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
    let all_boards = const { &BOARDS }.iter();
    for board in all_boards.filter(|board| options.boards.is_empty() || options.boards.contains(board)) {
        for image in Image::value_variants() {
            if options.images.is_empty() || options.images.contains(image) {
                build_one(*image, board, &out).with_context(|| format!("{} for {}", image.name(), board.name))?;
                if options.parts {
                    show_parts(&out.join(file_name(*image, board)).with_extension("elf"))?;
                }
            }
        }
    }
    println!("in {}", out.display());
    Ok(())
}

fn build_one(image: Image, board: &Board, out: &Path) -> Result<()> {
    let mut cargo = firmware_cargo(&["build", "--release", "--package", image.package(), "--target", CHIP])?;
    cargo.env("BOARD", board.name);
    run(cargo)?;
    let name = file_name(image, board);
    let elf = elf_of(image.package())?;
    let files = files(&name, &elf, board)?;
    for (extension, octets) in &files {
        fs::write(out.join(&name).with_extension(extension), octets)?;
    }
    show(&name, Size::of(&elf)?, image.budget())?;
    let made: Vec<&str> = files.iter().map(|(extension, _)| *extension).collect();
    println!("{name}: {}", made.join(", "));
    Ok(())
}

fn file_name(image: Image, board: &Board) -> String {
    format!("{}-{}", image.name(), board.name)
}

fn show_parts(elf: &Path) -> Result<()> {
    for (part, octets) in parts(elf)? {
        println!("{octets:>8} B  {part}");
    }
    Ok(())
}

/// A file by its extension.
type File = (&'static str, Vec<u8>);

/// What brings the image onto the board: always what a debug probe takes, and what the bootloader does. Another bootloader's
/// form is not made: none of them could see that the image is linked for other addresses than its own.
fn files(name: &str, elf: &[u8], board: &Board) -> Result<Vec<File>> {
    let flash = Flash::of(elf)?;
    flash.check_belongs_to(board)?;
    let mut files = vec![("elf", elf.to_vec()), ("hex", hex::encode(&flash)?.into_bytes())];
    match board.bootloader {
        Bootloader::None => {}
        Bootloader::Nordic => files.push(("zip", dfu::package(name, &flash)?)),
        Bootloader::Uf2 => files.push(("uf2", uf2::encode(&flash))),
    }
    Ok(files)
}
