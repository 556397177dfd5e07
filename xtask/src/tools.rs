//! What the steps need from the machine, and how it gets there.

use crate::exec::{command, run, succeeds};
use crate::steps::CHIP;
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// Something a step needs that a machine with only Rust, git and a C compiler may lack.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tool {
    Git,
    Rustfmt,
    Clippy,
    ChipTarget,
    Qemu,
    /// This and the next one build Unicorn, the emulated chip's processor.
    Cmake,
    Libclang,
    /// This and the next three are for a machine with Debian's own kernel, which the tests fetch themselves.
    QemuPc,
    Busybox,
    Cpio,
    WpanTools,
    Mosquitto,
    MosquittoClients,
    NodeMqtt,
    Tshark,
    Chromium,
    Python,
    /// The pinned packages of `interop/requirements*.txt` in `target/venv`. After [`Tool::Python`], which makes it.
    PythonClients,
    Npm,
    /// The pinned packages of `interop/package.json` in `target/node`. After [`Tool::Npm`], which fetches them.
    PageClients,
    /// Those of `interop/node-red/package.json` in `target/node-red`, 94 MB.
    NodeRed,
}

/// Where a tool comes from.
enum Source {
    Apt(&'static str),
    /// The arguments of `rustup`.
    Rustup(&'static [&'static str]),
    Venv,
    /// A list of packages, and the directory for them below `target`.
    Npm(Packages),
}

/// Packages for Node.
#[derive(Clone, Copy)]
struct Packages {
    list: &'static str,
    dir: &'static str,
}

const PAGE_CLIENTS: Packages = Packages { list: "interop/package.json", dir: "node" };
const NODE_RED: Packages = Packages { list: "interop/node-red/package.json", dir: "node-red" };

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Rustfmt => "rustfmt",
            Self::Clippy => "clippy",
            Self::ChipTarget => CHIP,
            Self::Qemu => "qemu-system-arm",
            Self::Cmake => "cmake",
            Self::Libclang => "libclang",
            Self::QemuPc => "qemu-system-x86_64",
            Self::Busybox => "busybox, static",
            Self::Cpio => "cpio",
            Self::WpanTools => "iwpan",
            Self::Mosquitto => "mosquitto",
            Self::MosquittoClients => "mosquitto_pub, mosquitto_sub",
            Self::NodeMqtt => "node with mqtt",
            Self::Tshark => "tshark",
            Self::Chromium => "chromium",
            Self::Python => "python3 with venv",
            Self::PythonClients => "paho-mqtt, mqtt-sn-12",
            Self::Npm => "node, npm",
            Self::PageClients => "MQTT.js for a page",
            Self::NodeRed => "Node-RED",
        }
    }

    fn source(self) -> Source {
        match self {
            Self::Git => Source::Apt("git"),
            Self::Rustfmt => Source::Rustup(&["component", "add", "rustfmt"]),
            Self::Clippy => Source::Rustup(&["component", "add", "clippy"]),
            Self::ChipTarget => Source::Rustup(&["target", "add", CHIP]),
            Self::Qemu => Source::Apt("qemu-system-arm"),
            Self::Cmake => Source::Apt("cmake"),
            Self::Libclang => Source::Apt("libclang-dev"),
            Self::QemuPc => Source::Apt("qemu-system-x86"),
            Self::Busybox => Source::Apt("busybox-static"),
            Self::Cpio => Source::Apt("cpio"),
            Self::WpanTools => Source::Apt("wpan-tools"),
            Self::Mosquitto => Source::Apt("mosquitto"),
            Self::MosquittoClients => Source::Apt("mosquitto-clients"),
            Self::NodeMqtt => Source::Apt("node-mqtt"),
            Self::Tshark => Source::Apt("tshark"),
            Self::Chromium => Source::Apt("chromium"),
            Self::Python => Source::Apt("python3-venv"),
            Self::PythonClients => Source::Venv,
            Self::Npm => Source::Apt("npm"),
            Self::PageClients => Source::Npm(PAGE_CLIENTS),
            Self::NodeRed => Source::Npm(NODE_RED),
        }
    }

    fn is_present(self) -> Result<bool> {
        Ok(match self {
            Self::Git => succeeds("git", &["--version"]),
            Self::Rustfmt => succeeds("cargo", &["fmt", "--version"]),
            Self::Clippy => succeeds("cargo", &["clippy", "--version"]),
            Self::ChipTarget => chip_target_is_present()?,
            Self::Qemu => is_on_path("qemu-system-arm"),
            Self::Cmake => is_on_path("cmake"),
            Self::Libclang => succeeds("dpkg", &["--status", "libclang-dev"]),
            Self::QemuPc => is_on_path("qemu-system-x86_64"),
            // Only the static one runs where there is no other file.
            Self::Busybox => succeeds("dpkg", &["--status", "busybox-static"]),
            Self::Cpio => is_on_path("cpio"),
            Self::WpanTools => is_on_path("iwpan"),
            // It is no program for users, and their path may lack its directory.
            Self::Mosquitto => is_on_path("mosquitto") || Path::new("/usr/sbin/mosquitto").is_file(),
            Self::MosquittoClients => is_on_path("mosquitto_pub") && is_on_path("mosquitto_sub"),
            // Its modules have a directory of their own, which a Node that is not Debian's does not know.
            Self::NodeMqtt => is_on_path("node") && Path::new("/usr/share/nodejs/mqtt").is_dir(),
            Self::Tshark => is_on_path("tshark"),
            Self::Chromium => is_on_path("chromium"),
            Self::Python => succeeds("python3", &["-c", "import venv, ensurepip"]),
            Self::PythonClients => venv_is_current()?,
            Self::Npm => is_on_path("node") && is_on_path("npm"),
            Self::PageClients => PAGE_CLIENTS.are_current()?,
            Self::NodeRed => NODE_RED.are_current()?,
        })
    }
}

/// Makes the tools present: installs what is missing, or names it all in one error.
pub(crate) fn provide<'a>(wanted: impl Iterator<Item = &'a Tool>) -> Result<()> {
    let mut wanted: Vec<Tool> = wanted.copied().collect();
    wanted.sort();
    wanted.dedup();
    install_packages(&wanted)?;
    for tool in wanted {
        if !tool.is_present()? {
            install(tool)?;
        }
        println!("{:<30} ok", tool.name());
    }
    Ok(())
}

fn install(tool: Tool) -> Result<()> {
    match tool.source() {
        Source::Rustup(args) if is_on_path("rustup") => run(command("rustup", args)?),
        Source::Rustup(args) => bail!("{} is missing: rustup {}", tool.name(), args.join(" ")),
        Source::Venv => make_venv(),
        Source::Npm(packages) => packages.fetch(),
        Source::Apt(package) => bail!("{} is missing although {package} is installed", tool.name()),
    }
}

/// Installs the missing Debian packages in one go, as root; otherwise says what to type.
fn install_packages(wanted: &[Tool]) -> Result<()> {
    let mut missing = Vec::new();
    for tool in wanted {
        if let Source::Apt(package) = tool.source()
            && !tool.is_present()?
        {
            missing.push(package);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    if !is_root() || !is_on_path("apt-get") {
        bail!("missing: {packages}\n       install with: sudo apt-get install {packages}");
    }
    apt_get(&["update"])?;
    apt_get(&[&["install", "--yes", "--no-install-recommends"], &missing[..]].concat())
}

fn apt_get(args: &[&str]) -> Result<()> {
    let mut apt_get = command("apt-get", args)?;
    apt_get.env("DEBIAN_FRONTEND", "noninteractive");
    run(apt_get)
}

fn is_root() -> bool {
    // The owner of a process's own /proc entry is its effective user.
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

fn chip_target_is_present() -> Result<bool> {
    let rustc = command("rustc", &["--print", "sysroot"])?;
    let sysroot = crate::exec::output_of(rustc).context("asking rustc for its directory")?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib").join(CHIP).join("lib").is_dir())
}

const REQUIREMENTS: &str = "interop/requirements.txt";
/// Packages whose own requirements are not followed.
const REQUIREMENTS_ALONE: &str = "interop/requirements-alone.txt";

fn requirements() -> Result<String> {
    let mut text = String::new();
    for list in [REQUIREMENTS, REQUIREMENTS_ALONE] {
        let file = workspace::root()?.join(list);
        text += &fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    }
    Ok(text)
}

/// A finished virtual environment holds a copy of the requirements it was made from. Its Python is a link, which an
/// upgrade of the system's may have broken.
fn venv_is_current() -> Result<bool> {
    let venv = workspace::venv()?;
    let made_from = fs::read_to_string(venv.join("requirements.txt")).unwrap_or_default();
    let python = venv.join("bin/python").to_string_lossy().into_owned();
    Ok(made_from == requirements()? && succeeds(&python, &["-c", "import paho.mqtt, mqttsn12, scramp, nordicsemi"]))
}

fn make_venv() -> Result<()> {
    let venv = workspace::venv()?;
    let python = venv.join("bin/python").to_string_lossy().into_owned();
    run(command("python3", &["-m", "venv", "--clear", &venv.to_string_lossy()])?)?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(command(&python, &[&pip[..], &["--requirement", REQUIREMENTS]].concat())?)?;
    let alone = ["--no-deps", "--ignore-requires-python", "--requirement", REQUIREMENTS_ALONE];
    run(command(&python, &[&pip[..], &alone].concat())?)?;
    Ok(fs::write(venv.join("requirements.txt"), requirements()?)?)
}

/// Made by `npm install --package-lock-only --omit-lockfile-registry-resolved` beside the list.
const LOCK: &str = "package-lock.json";

impl Packages {
    /// The list, or the lock beside it, which has what the packages need in turn.
    fn text(self, name: &str) -> Result<String> {
        let file = workspace::root()?.join(self.list).with_file_name(name);
        fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))
    }

    /// A finished directory holds the lock it was made from.
    fn are_current(self) -> Result<bool> {
        let made_from = fs::read_to_string(workspace::node(self.dir)?.join("made-from.json")).unwrap_or_default();
        Ok(made_from == self.text(LOCK)?)
    }

    fn fetch(self) -> Result<()> {
        let dir = workspace::node(self.dir)?;
        fs::create_dir_all(&dir)?;
        for name in ["package.json", LOCK] {
            fs::write(dir.join(name), self.text(name)?)?;
        }
        let mut npm = command("npm", &["ci", "--no-audit", "--no-fund", "--loglevel=error"])?;
        npm.current_dir(&dir);
        run(npm)?;
        Ok(fs::write(dir.join("made-from.json"), self.text(LOCK)?)?)
    }
}
