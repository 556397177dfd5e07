//! The images that were built, on an emulated chip, in the workspace `emulator`.

use super::target_dir;
use crate::exec::{cargo, run};
use crate::workspace;
use anyhow::Result;
use std::process::Command;

/// The images that run, and how the tests are told of them.
const IMAGES: [(&str, &str); 7] = [
    ("NODE_IMAGE", "node-dk.elf"),
    ("NODE_DONGLE_IMAGE", "node-dongle.elf"),
    ("NODE_MODULE_IMAGE", "node-module.elf"),
    ("NODE_UF2_IMAGE", "node-uf2-s140v6.elf"),
    ("ROUTER_IMAGE", "router-dk.elf"),
    ("RCP_IMAGE", "rcp-dk.elf"),
    ("RCP_UF2_IMAGE", "rcp-uf2-s140v6.elf"),
];

/// Checks the emulator, and the images with it: in virtual time, days take seconds.
pub(super) fn check() -> Result<()> {
    run(emulator_cargo(&["fmt", "--check"])?)?;
    run(emulator_cargo(&["clippy", "--all-targets", "--", "-D", "warnings"])?)?;
    let mut tests = emulator_cargo(&["test", "--no-fail-fast", "--", "--show-output"])?;
    for (variable, image) in IMAGES {
        tests.env(variable, target_dir()?.join("images").join(image));
    }
    run(tests)
}

/// Cargo in the emulator's workspace. Its target directory is inside this one's.
fn emulator_cargo(args: &[&str]) -> Result<Command> {
    let mut cargo = cargo(args)?;
    cargo.current_dir(workspace::root()?.join("emulator"));
    cargo.env("CARGO_TARGET_DIR", workspace::target_dir()?.join("emulator"));
    Ok(cargo)
}
