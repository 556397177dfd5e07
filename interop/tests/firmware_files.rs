//! What `cargo xtask firmware` writes, read by the libraries of those whose tools bring it onto boards.

use interop::{python_program, root, target_dir};
use serde_json::Value;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of the node's image, without extension.
fn build(board: &str, out: &Path) -> PathBuf {
    let mut xtask = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    xtask.args(["run", "--quiet", "--package", "xtask", "--target-dir"]).arg(target_dir()).current_dir(root());
    xtask.args(["--", "firmware", "--image", "node", "--board", board, "--out"]).arg(out);
    output(xtask);
    out.join(format!("node-{board}"))
}

/// What they find in them.
fn found(image: &Path) -> Value {
    let mut python = python_program("firmware_files.py");
    python.arg(image);
    serde_json::from_slice(&output(python)).expect("it prints JSON")
}

fn output(mut command: Command) -> Vec<u8> {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn nordics_package_is_the_one_that_nrfutil_makes() {
    let dir = tempfile::tempdir().expect("a directory");
    let image = build("dongle", dir.path());
    let files = found(&image);
    assert_eq!(files["elf"]["start"], 0x1000, "{files}");
    assert_eq!(files["hex"], files["elf"]);
    let package = &files["zip"];
    assert_eq!(package["sha256"], files["elf"]["sha256"]);
    assert_eq!((&package["app_size"], &package["hash"]), (&package["bin_size"], &package["bin_sha256"]));
    assert_eq!(package["is_as_nrfutil_makes_it"], true, "{}", package["shown"]);
    assert!(!image.with_extension("uf2").exists(), "its bootloader takes none");
}

#[test]
fn the_uf2_file_is_the_one_that_uf2conv_makes() {
    let dir = tempfile::tempdir().expect("a directory");
    let image = build("uf2-s140v6", dir.path());
    let files = found(&image);
    assert_eq!(files["elf"]["start"], 0x2_6000, "{files}");
    assert_eq!(files["hex"], files["elf"]);
    let uf2 = &files["uf2"];
    assert_eq!((&uf2["start"], &uf2["sha256"]), (&files["elf"]["start"], &files["elf"]["sha256"]));
    assert_eq!(uf2["is_as_uf2conv_makes_it"], true);
    assert!(!image.with_extension("zip").exists(), "its bootloader takes none");
}
