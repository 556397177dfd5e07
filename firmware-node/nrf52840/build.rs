//! Tells the linker about the board's memory.

use std::env;
use std::fs;
use std::path::PathBuf;

/// Where the pages begin that the node keeps its configuration and its counters in; the same on all boards.
const PAGES: u32 = 0xD_8000;

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let has_bootloader = env::var_os("CARGO_FEATURE_DONGLE").is_some();
    // The bootloader's first part uses the first octets of RAM.
    let (flash, ram) = if has_bootloader { (0x1000, 0x2000_0008_u32) } else { (0, 0x2000_0000) };
    let memory = format!(
        "MEMORY\n{{\n  FLASH : ORIGIN = {flash:#x}, LENGTH = {:#x}\n  RAM : ORIGIN = {ram:#x}, LENGTH = {:#x}\n}}\n",
        PAGES - flash,
        0x2004_0000 - ram,
    );
    fs::write(out.join("memory.x"), memory).expect("cargo's directory can be written");
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    // No room for page alignment.
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rerun-if-changed=build.rs");
}
