//! Where the programs are that the tests start.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the source tree.
#[must_use]
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("this package is below the root").to_owned()
}

/// The directory with the release binaries, built by the first call.
///
/// # Panics
/// If they do not build.
#[must_use]
pub fn release_dir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        build_release();
        target_dir().join("release")
    })
}

/// The same command as in the README, so that it finds everything built if that has been run.
fn build_release() {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--quiet", "--target-dir"]).arg(target_dir()).current_dir(root());
    let status = build.status().expect("cargo starts");
    assert!(status.success(), "cargo build --release: {status}");
}

/// Cargo's target directory: a test is `<target>/<profile>/deps/<name>`.
///
/// # Panics
/// If this is no test.
#[must_use]
pub fn target_dir() -> PathBuf {
    let test = env::current_exe().expect("this program has a path");
    test.ancestors().nth(3).expect("tests run in a target directory").to_owned()
}

/// A program of the Python virtual environment that `cargo xtask test` makes.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn venv_bin(name: &str) -> PathBuf {
    let path = target_dir().join("venv/bin").join(name);
    assert!(path.exists(), "{name} is missing: `cargo xtask test --only interop` installs it");
    path
}

/// Python with the script `name` of `clients/`.
#[must_use]
pub fn python_program(name: &str) -> Command {
    let mut python = Command::new(venv_bin("python"));
    python.arg(root().join("interop/clients").join(name)).env("PYTHONUNBUFFERED", "1");
    python
}

/// Node with the script `name` of `clients/`, and Debian's package of MQTT.js.
#[must_use]
pub fn node_program(name: &str) -> Command {
    let mut node = Command::new("node");
    // Where Debian puts it, which a Node from elsewhere does not know.
    node.env("NODE_PATH", "/usr/share/nodejs:/usr/lib/nodejs");
    node.arg(root().join("interop/clients").join(name));
    node
}

/// Where `cargo xtask test` has put the packages of `interop/package.json`.
///
/// # Panics
/// If they are not there.
#[must_use]
pub fn node_modules() -> PathBuf {
    let path = target_dir().join("node/node_modules");
    assert!(path.exists(), "its MQTT.js is missing: `cargo xtask test --only interop` installs it");
    path
}

/// Node-RED, which only `cargo xtask test --nightly-size` fetches.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn node_red() -> Command {
    let script = target_dir().join("node-red/node_modules/node-red/red.js");
    assert!(script.exists(), "Node-RED is missing: `cargo xtask test --only interop --nightly-size` fetches it");
    let mut node = Command::new("node");
    node.arg(script);
    node
}
