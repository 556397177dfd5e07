//! The firmware: its own checks, how much of a chip it takes (`flash`), and its images (`images`) in the forms in which
//! they get onto boards (`hex`, `uf2`, `dfu`); and some of them at work on emulated chips (`emulated`).

mod dfu;
mod emulated;
mod flash;
mod hex;
mod images;
mod parts;
mod provision;
mod uf2;

pub(crate) use images::{Options, build};
pub(crate) use provision::{Provision, provision};

use crate::exec::{cargo, run};
use crate::steps::CHIP;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use flash::Size;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The node on the emulated board.
const EMULATED: &str = "node-mps2";

/// What there is on the chip only.
const DRIVERS: [&str; 2] = ["nrf-board", "nrf-radio"];

/// What a node's image may take: a sixteenth of an nRF52840's flash and a twentieth of its RAM, which leaves room for a
/// second image and the stack.
const NODE_BUDGET: Size = Size { flash: 64 * 1024, ram: 12 * 1024 };

/// Images that differ in one thing: what the client takes is how much larger they are than the first.
const PROBES: &str = "client-size";
const WITHOUT_CLIENT: &str = "size-nothing";

/// What `sn-client` may take, with the codec. Of the RAM, 320 octets are the buffers that the image asks for.
const CLIENT_BUDGET: Size = Size { flash: 12 * 1024, ram: 1024 + 320 };

/// What it may take with discovery, choice of gateways and roaming.
const ROAMING_BUDGET: Size = Size { flash: 15 * 1024, ram: CLIENT_BUDGET.ram + 256 };

/// Checks the firmware's crates, builds every image for every board and prints their sizes; an error if one exceeds its
/// budget or is not where its board's bootloader looks for it. Then images work on emulated chips.
pub(crate) fn check() -> Result<()> {
    run(firmware_cargo(&["fmt", "--all", "--check"])?)?;
    let warnings_are_errors = ["--", "-D", "warnings"];
    run(firmware_cargo(&[&["clippy", "--all-targets"], &warnings_are_errors[..]].concat())?)?;
    let packages = [EMULATED, PROBES].iter().chain(&DRIVERS).flat_map(|package| ["--package", package]);
    let packages: Vec<&str> = packages.chain(images::packages()).collect();
    let on_chip = [&["clippy", "--target", CHIP][..], &packages];
    run(firmware_cargo(&[&on_chip.concat()[..], &warnings_are_errors[..]].concat())?)?;
    run(firmware_cargo(&["test"])?)?;
    run(firmware_cargo(&["build", "--release", "--package", EMULATED, "--package", PROBES, "--target", CHIP])?)?;
    show(EMULATED, size_of_image(EMULATED)?, NODE_BUDGET)?;
    show_client("size-client", "sn-client alone", CLIENT_BUDGET)?;
    show_client("size-roaming", "sn-client with four gateways", ROAMING_BUDGET)?;
    build(&Options::everything())?;
    emulated::check()
}

/// Cargo in the firmware's workspace. Its target directory is inside this one's. Images are never built piece by piece,
/// which makes them larger.
fn firmware_cargo(args: &[&str]) -> Result<Command> {
    let mut cargo = cargo(args)?;
    cargo.current_dir(workspace::root()?.join("firmware-node"));
    cargo.env("CARGO_TARGET_DIR", target_dir()?).env("CARGO_INCREMENTAL", "0");
    Ok(cargo)
}

fn target_dir() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join("firmware"))
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
    Size::of(&elf_of(name)?)
}

/// The file that the last release build has made.
fn elf_of(name: &str) -> Result<Vec<u8>> {
    let path = target_dir()?.join(CHIP).join("release").join(name);
    fs::read(&path).with_context(|| format!("reading {}", path.display()))
}
