//! What `cargo xtask firmware` writes, read by the libraries of those whose tools bring it onto boards.

use interop::{python_program, root, target_dir};
use serde_json::Value;
use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of the node's image, without extension.
fn build(board: &str, out: &Path) -> PathBuf {
    xtask_firmware(board, out, &[]);
    out.join(format!("node-{board}"))
}

/// What `cargo xtask firmware` says when it builds the node's image.
fn xtask_firmware(board: &str, out: &Path, more: &[&str]) -> String {
    let mut xtask = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    xtask.args(["run", "--quiet", "--package", "xtask", "--target-dir"]).arg(target_dir()).current_dir(root());
    xtask.args(["--", "firmware", "--image", "node", "--board", board, "--out"]).arg(out).args(more);
    String::from_utf8(output(xtask)).expect("it prints text")
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

#[test]
fn what_the_crates_have_in_an_image_is_all_of_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let said = xtask_firmware("dk", dir.path(), &["--parts"]);
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let part =
        |line: &str| line.trim_start().split_once(" B  ").map(|(octets, name)| (name.to_owned(), number(octets)));
    let parts: BTreeMap<String, u64> = said.lines().filter_map(part).collect();
    let size = said.lines().find_map(|line| line.strip_prefix("node-dk: flash ")?.split(' ').next().map(number));
    assert_eq!(Some(parts.values().sum()), size, "{said}");
    // Those that it cannot be without, and what nothing is known of.
    let crates = ["lowpan", "sn-client", "sn-codec", "nrf-radio", "embassy-nrf"];
    assert!(crates.iter().all(|name| parts[*name] > 1_000) && parts["(no line)"] < 1_000, "{said}");
}
