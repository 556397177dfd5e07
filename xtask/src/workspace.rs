//! Where things are.

use anyhow::{Context, Result};
use std::env;
use std::path::{Path, PathBuf};

/// The root of the source tree. Cargo says where this package is, so a copied or moved tree works.
pub(crate) fn root() -> Result<PathBuf> {
    let package = env::var_os("CARGO_MANIFEST_DIR").context("not started by cargo: run `cargo xtask`")?;
    Ok(Path::new(&package).parent().context("xtask is at the root of a disk")?.to_owned())
}

/// Cargo's target directory: this program is `<target>/<profile>/xtask`.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let program = env::current_exe()?;
    Ok(program.ancestors().nth(2).context("this program is not in a target directory")?.to_owned())
}

/// The Python virtual environment with the MQTT clients.
pub(crate) fn venv() -> Result<PathBuf> {
    Ok(target_dir()?.join("venv"))
}

/// The directory of packages for Node, `node` or `node-red`.
pub(crate) fn node(name: &str) -> Result<PathBuf> {
    Ok(target_dir()?.join(name))
}
