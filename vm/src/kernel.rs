//! Debian's kernel, unpacked next to the build and never installed.

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The kernel's modules for radios and 6LoWPAN, in the order in which they are loaded.
pub(crate) const MODULES: [&str; 13] = [
    "6lowpan",
    "nhc_udp",
    "nhc_ipv6",
    "nhc_dest",
    "nhc_hop",
    "nhc_fragment",
    "nhc_mobility",
    "nhc_routing",
    "ieee802154",
    "ieee802154_6lowpan",
    "mac802154",
    "mac802154_hwsim",
    "ieee802154_socket",
];

/// A kernel that was fetched.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Where its package is unpacked.
    root: PathBuf,
}

impl Kernel {
    /// The kernel of Debian's current `linux-image-amd64`, from the package's file below `dir`; apt fetches it, 70 MB, if
    /// it is not there.
    ///
    /// # Errors
    /// If apt does not know or cannot fetch it, or the disk is full.
    pub fn fetch(dir: &Path) -> Result<Self> {
        let unpacked = dir.join("kernel");
        let kernel = Self { root: unpacked.clone() };
        if kernel.image().is_ok() {
            return Ok(kernel);
        }
        fs::create_dir_all(dir)?;
        // Tests run side by side: one fetches it, the others wait.
        let lock = fs::File::create(dir.join("lock"))?;
        lock.lock()?;
        if kernel.image().is_ok() {
            return Ok(kernel);
        }
        let package = package_name()?;
        run(Command::new("apt-get").args(["download", "--quiet", &package]).current_dir(dir))?;
        let is_ours = |path: &PathBuf| file_name(path).starts_with(&package) && file_name(path).ends_with(".deb");
        let file = entries(dir)?.into_iter().find(is_ours).context("apt-get has downloaded no package")?;
        // Unpacked beside and then renamed, so that half a kernel is never taken for one.
        let partial = dir.join("kernel.part");
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        run(Command::new("dpkg").arg("--extract").arg(&file).arg(&partial))?;
        fs::remove_file(file)?;
        fs::rename(&partial, &unpacked)?;
        Ok(kernel)
    }

    /// The file that QEMU boots.
    pub(crate) fn image(&self) -> Result<PathBuf> {
        let is_image = |path: &PathBuf| file_name(path).starts_with("vmlinuz");
        entries(&self.root.join("boot"))?.into_iter().find(is_image).context("the package has no kernel")
    }

    /// The files of [`MODULES`].
    pub(crate) fn modules(&self) -> Result<Vec<PathBuf>> {
        let mut all = Vec::new();
        walk(&self.root.join("lib/modules"), &mut all)?;
        let find = |name: &&str| {
            let file = format!("{name}.ko");
            all.iter().find(|path| file_name(path) == file).cloned().with_context(|| format!("no module {file}"))
        };
        MODULES.iter().map(find).collect()
    }
}

/// What `linux-image-amd64` stands for today.
fn package_name() -> Result<String> {
    let output =
        Command::new("apt-cache").args(["depends", "linux-image-amd64"]).output().context("asking apt-cache")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let depends = text.lines().find_map(|line| line.trim().strip_prefix("Depends: "));
    Ok(depends.context("apt knows no linux-image-amd64: `apt-get update`?")?.to_owned())
}

pub(crate) fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for path in entries(dir)? {
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
