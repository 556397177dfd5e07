//! The firmware: its own checks, and how much of a chip its image takes.

use crate::exec::{cargo, run};
use crate::steps::CHIP;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use object::elf::{SHF_ALLOC, SHF_WRITE, SHT_NOBITS};
use object::{File, Object, ObjectSection, SectionFlags};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const IMAGE: &str = "node-mps2";

/// What an image may take: a sixteenth of an nRF52840's flash and a twentieth of its RAM, which leaves room for a board's
/// radio, a second image and the stack.
const BUDGET: Size = Size { flash: 64 * 1024, ram: 12 * 1024 };

/// Images that differ in one thing: what the client takes is how much larger they are than the first.
const PROBES: &str = "client-size";
const WITHOUT_CLIENT: &str = "size-nothing";

/// What `sn-client` may take, with the codec. Of the RAM, 320 octets are the buffers that the image asks for.
const CLIENT_BUDGET: Size = Size { flash: 12 * 1024, ram: 1024 + 320 };

/// What it may take with discovery, choice of gateways and roaming.
const ROAMING_BUDGET: Size = Size { flash: 15 * 1024, ram: CLIENT_BUDGET.ram + 256 };

/// Octets that an image takes of each memory. The stack comes on top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Size {
    flash: u64,
    ram: u64,
}

/// Checks the firmware's crates, builds the image and prints its size; an error if it exceeds the budget.
pub(crate) fn check() -> Result<()> {
    run(firmware_cargo(&["fmt", "--all", "--check"])?)?;
    let warnings_are_errors = ["--", "-D", "warnings"];
    run(firmware_cargo(&[&["clippy", "--all-targets"], &warnings_are_errors[..]].concat())?)?;
    let images = ["clippy", "--package", IMAGE, "--package", PROBES, "--target", CHIP];
    run(firmware_cargo(&[&images[..], &warnings_are_errors[..]].concat())?)?;
    run(firmware_cargo(&["test"])?)?;
    run(firmware_cargo(&["build", "--release", "--package", IMAGE, "--package", PROBES, "--target", CHIP])?)?;
    show_image()?;
    show_client("size-client", "sn-client alone", CLIENT_BUDGET)?;
    show_client("size-roaming", "sn-client with four gateways", ROAMING_BUDGET)
}

/// Cargo in the firmware's workspace. Its target directory is inside this one's.
fn firmware_cargo(args: &[&str]) -> Result<Command> {
    let mut cargo = cargo(args)?;
    cargo.current_dir(workspace::root()?.join("firmware-node")).env("CARGO_TARGET_DIR", target_dir()?);
    Ok(cargo)
}

fn target_dir() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join("firmware"))
}

fn show_image() -> Result<()> {
    show(IMAGE, size_of_image(IMAGE)?, BUDGET)
}

fn show_client(probe: &str, name: &str, budget: Size) -> Result<()> {
    let (with, without) = (size_of_image(probe)?, size_of_image(WITHOUT_CLIENT)?);
    show(name, Size { flash: with.flash - without.flash, ram: with.ram - without.ram }, budget)
}

fn show(name: &str, size: Size, budget: Size) -> Result<()> {
    let Size { flash, ram } = size;
    println!("{name}: flash {flash} B of {}, static RAM {ram} B of {}", budget.flash, budget.ram);
    ensure!(flash <= budget.flash && ram <= budget.ram, "{name} is too large");
    Ok(())
}

fn size_of_image(name: &str) -> Result<Size> {
    let path = target_dir()?.join(CHIP).join("release").join(name);
    let elf = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    size_of(&elf)
}

/// Sections that are in memory at run time: what has contents is kept in flash, what is writable is in RAM, and
/// initialised variables are in both.
fn size_of(elf: &[u8]) -> Result<Size> {
    let mut size = Size::default();
    for section in File::parse(elf)?.sections() {
        let SectionFlags::Elf { sh_type, sh_flags, .. } = section.flags() else { continue };
        let is_loaded = sh_flags.contains(SHF_ALLOC);
        let has_contents = sh_type != SHT_NOBITS;
        let is_writable = sh_flags.contains(SHF_WRITE);
        size.flash += section.size() * u64::from(is_loaded && has_contents);
        size.ram += section.size() * u64::from(is_loaded && is_writable);
    }
    Ok(size)
}
